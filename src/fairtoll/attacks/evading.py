"""An attack that knows the detector beside a model: rows that are misclassified and not flagged."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtoll.attacks._batches import attack_in_batches, check_starts
from fairtoll.attacks.loss import margin
from fairtoll.attacks.spec import AttackResult
from fairtoll.errors import FairtollError
from fairtoll.models.squeezed import Squeezed
from fairtoll.threats.any import Threat
from fairtoll.threats.inputs import check_inputs

#: Weights of what exceeds the detector's threshold against the margin of the logits, each a start of its own.
WEIGHTS = (1.0, 10.0, 100.0)
#: A margin beyond this is worth nothing more.
ENOUGH = 1.0


def evading(
    model: Squeezed, x: Tensor, y: Tensor, *, threat: Threat, epsilon: float, steps: int = 50, batch_size: int = 1024
) -> AttackResult:
    """Gradient sign steps towards a wrong class, and away from what the detector flags.

    After He et al., "Adversarial Example Defenses: Ensembles of Weak Defenses are not Strong" (WOOT 2017), who evade
    feature squeezing so: what is maximised is the margin of the best wrong class, no more than 1, minus a weight times
    what the change between squeezed forms exceeds the threshold by. Several weights are tried one after the other.

    Parameters
    ----------
    model : Squeezed
        With its detector; both are attacked through the squeezers.
    x, y, threat, epsilon, batch_size
        As in `pgd`.
    steps : int
        Of ``2.5 epsilon / steps``, for each weight.

    Returns
    -------
    AttackResult
        Success is a misclassified input that is not flagged.

    Raises
    ------
    FairtollError
        For no steps, what is no model with a detector, and as `pgd` does.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> from fairtoll.models.squeezers import Levels
    >>> levels = Levels(torch.zeros(2), torch.ones(2), bits=8)
    >>> linear = torch.nn.Linear(2, 2); _ = linear.load_state_dict(
    ...     {"weight": torch.tensor([[0.0, 0.0], [1.0, 0.0]]), "bias": torch.tensor([0.0, -0.5])})
    >>> model = Squeezed(linear, levels, [levels], clean=torch.rand(99, 2))
    >>> evading(model, torch.tensor([[0.6, 0.5]]), torch.tensor([1]), threat=LinfThreat(), epsilon=0.3).success
    tensor([True])
    """
    check_starts(steps, 1)
    if not isinstance(model, Squeezed):
        raise FairtollError(
            f"the model is of type {type(model).__name__}; expected one with a detector; give one that the recipe "
            "squeezing deploys"
        )
    _, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size)
    threshold = model.threshold

    def attack(running: torch.nn.Module, clean: Tensor, classes: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
        assert isinstance(running, Squeezed)
        low, high = threat.bounds(clean, epsilon)
        step = 2.5 / steps * threat.radius(clean, epsilon)
        done, found = torch.zeros(len(clean), dtype=torch.bool, device=clean.device), clean.clone()
        for weight in WEIGHTS:
            point = clean
            for number in range(steps + 1):
                leaf = threat.project(point, low, high).detach().requires_grad_(True)
                with torch.enable_grad():
                    ahead, change = margin(running(leaf), classes), running.changes(leaf)
                    goal = ahead.clamp(max=ENOUGH) - weight * (change - threshold).clamp(min=0)
                    (gradient,) = torch.autograd.grad(goal.sum(), leaf)
                new = (ahead > 0) & (change <= threshold) & ~done
                found[new] = leaf.detach()[new]
                done |= new
                if done.all() or number == steps:
                    break
                point = torch.minimum(torch.maximum(leaf.detach() + step * gradient.sign(), low), high)
        return done, found

    return attack_in_batches(model, x, y, attack, batch_size=batch_size)
