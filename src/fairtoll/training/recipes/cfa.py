"""Class-wise calibrated training (CFA): radius and agreement by how robust each class or group is, fair averaging."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.batch import Batch
from fairtoll.training.part_errors import part_errors
from fairtoll.training.part_policy import (
    PartPolicy,
    placed,
    repaired_parts,
    require_within,
    sums_of_parts,
    train_with_policy,
)
from fairtoll.training.recipes.recipe import RADIUS, Adversary, Recipe
from fairtoll.training.recipes.trades import BETA, STEPS
from fairtoll.training.setup import VALIDATION, TrainingSetup

#: What is added to a group's robust accuracy, for its radius and for its weight of agreement: the paper's for TRADES.
RADIUS_BASE, AGREEMENT_BASE = 0.3, 0.5
#: Of the average of the weights over epochs.
DECAY = 0.85
#: The worst robust validation accuracy from which on an epoch is averaged: the paper's for ten classes.
THRESHOLD = 0.2
#: The share of the epochs, at least one, that are trained with all groups alike.
WARM_UP = 0.05


def calibrate(policy: PartPolicy, robust: Tensor, *, beta: float, radius_base: float, agreement_base: float) -> None:
    """Set a policy by the robust training accuracies t of the groups, `(K, P)` (Wei et al. 2023).

    The radius is ``radius_base + t`` times the adversary's, the weight of agreement ``b = (agreement_base + t) beta``;
    the loss is ``(CE + b KL) / (1 + b)``.

    Examples
    --------
    >>> from fairtoll.training.setup import Parts
    >>> policy = PartPolicy.alike(Parts("class", ("no",), torch.zeros(1, dtype=torch.int64)), models=1, beta=6.0)
    >>> calibrate(policy, torch.tensor([[0.5]]), beta=6.0, radius_base=0.3, agreement_base=0.5)
    >>> [round(float(one), 4) for one in (policy.radius, policy.accuracy, policy.agreement)]
    [0.8, 0.1429, 0.8571]
    """
    weight = beta * (agreement_base + robust)
    policy.radius = radius_base + robust
    policy.accuracy, policy.agreement = 1 / (1 + weight), weight / (1 + weight)


class FairAverage:
    """The average of the weights of K models over the epochs at which the worst group is robust enough.

    The fairness-aware weight average of Wei et al. (2023): the first epoch that is admitted begins it, and
    each that is admitted moves it by ``1 - decay``. Until one is, it holds the epoch with the best worst group, where
    the published code would hold an untrained model.

    Parameters
    ----------
    decay : float
        With 0 the last epoch that was admitted is kept.
    threshold : float
        The robust accuracy of the worst group that admits an epoch.

    Examples
    --------
    >>> stack, average = ModelStack([torch.nn.Linear(1, 1)]), FairAverage(decay=0.5, threshold=0.2)
    >>> for value, worst in ((1.0, 0.3), (9.0, 0.1), (3.0, 0.2)):
    ...     stack.parameters["bias"] = torch.full((1, 1), value)
    ...     average.add(stack, torch.tensor([worst]))
    >>> average.replace(stack).parameters["bias"].item()
    2.0
    """

    def __init__(self, *, decay: float, threshold: float) -> None:
        self._decay, self._threshold = decay, threshold
        self._means: dict[str, Tensor] = {}
        self._begun = self._best = torch.zeros(0)

    @torch.no_grad()
    def add(self, stack: ModelStack, worst: Tensor) -> None:
        """Take the weights of this moment into the average of those models whose worst group admits it, `(K,)`."""
        if not self._means:
            self._means = {name: tensor.detach().clone() for name, tensor in stack.parameters.items()}
            self._begun, self._best = torch.zeros(len(worst), dtype=torch.bool), torch.full_like(worst, -torch.inf)
        admitted = worst >= self._threshold
        replaced = ~self._begun & (admitted | (worst > self._best))
        share = torch.where(replaced, 1.0, torch.where(admitted, 1 - self._decay, 0.0))
        for name, mean in self._means.items():
            of_models = share.to(mean).view(-1, *[1] * (mean.ndim - 1))
            now = stack.parameters[name]
            # Exactly the weights of the moment where the share is 1.
            mean.copy_(torch.where(of_models == 1, now, mean.lerp(now, of_models)))
        self._begun, self._best = self._begun | admitted, torch.maximum(self._best, worst)

    def replace(self, stack: ModelStack) -> ModelStack:
        """Give the stack the averaged weights, and return it."""
        for name, mean in self._means.items():
            stack.parameters[name] = mean.clone()
        return stack


def train_cfa(
    setup: TrainingSetup,
    *,
    threat: LinfThreat,
    epsilon: float,
    partition: str = "class",
    beta: float = BETA,
    radius_base: float = RADIUS_BASE,
    agreement_base: float = AGREEMENT_BASE,
    decay: float = DECAY,
    threshold: float = THRESHOLD,
    warm_up: float = WARM_UP,
    steps: int = STEPS,
) -> ModelStack:
    """Class-wise calibrated fair adversarial training (Wei et al. 2023) on TRADES.

    After each epoch a group's robust accuracy on the adversarial examples of that epoch sets its radius and its weight
    of agreement for the next, see `calibrate`: robust groups are trained against more, fragile ones against less. The
    models are averages over the epochs at which the worst group's robust accuracy on held-out rows is at least the
    threshold, see `FairAverage`: models are selected by validation, never by test rows.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    threat, epsilon, steps
        The training attack's, as `fairtoll.training.train_trades` takes them; PGD with as many steps attacks the rows
        held out.
    partition : str
        What is calibrated: "class", or an attribute of the rows.
    beta : float
        Weight of agreement, as in TRADES.
    radius_base, agreement_base : float
        Added to the robust accuracies.
    decay, threshold : float
        Of the average, both between 0 and 1; with both at 0 the last epoch's models are returned.
    warm_up : float
        The share of the epochs before calibration begins, at least one epoch; with 1 it never does.

    Raises
    ------
    FairtollError
        For fewer than two groups, a class of a group with fewer than two rows, or a parameter that cannot be.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(8, 3), torch.arange(8) % 2, torch.arange(8), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_cfa(setup, threat=LinfThreat(), epsilon=0.1, steps=2))
    1
    """
    require_within("beta", beta, published=BETA)
    require_within("radius_base", radius_base, published=RADIUS_BASE)
    require_within("agreement_base", agreement_base, published=AGREEMENT_BASE)
    require_within("decay", decay, published=DECAY, most=1.0)
    require_within("threshold", threshold, published=THRESHOLD, most=1.0)
    require_within("warm_up", warm_up, published=WARM_UP, most=1.0)
    smaller, held_out = setup.hold_out(partition=partition)
    parts, _ = repaired_parts(smaller, partition)
    policy = PartPolicy.alike(parts, models=len(setup.seeds), beta=beta)
    policy.accuracy, policy.agreement = policy.accuracy / (1 + beta), policy.agreement / (1 + beta)
    on_device = placed(parts, setup.device)
    average = FairAverage(decay=decay, threshold=threshold)
    begins = max(1, round(warm_up * setup.settings.epochs))
    seen: list[tuple[Tensor, Tensor]] = []

    def watch(stack: ModelStack, batch: Batch, moved: Tensor) -> None:
        with torch.no_grad():
            right = stack.frozen().each(moved).argmax(dim=-1) == batch.labels
        seen.append(sums_of_parts(right, on_device, batch))

    def after_epoch(stack: ModelStack, epoch: int) -> None:
        right, rows = (torch.stack([one[side] for one in seen]).sum(dim=0) for side in (0, 1))
        seen.clear()
        if epoch + 1 >= begins:
            robust = (right / rows.clamp(min=1)).cpu()
            calibrate(policy, robust, beta=beta, radius_base=radius_base, agreement_base=agreement_base)
        errors = part_errors(
            stack, setup, held_out, parts, threat=threat, epsilon=epsilon, steps=steps, epoch=epoch, seeds=setup.seeds
        )
        average.add(stack, 1 - errors.robust.nan_to_num(nan=0.0).amax(dim=1))

    return average.replace(
        train_with_policy(
            smaller, policy, threat=threat, epsilon=epsilon, steps=steps, watch=watch, after_epoch=after_epoch
        )
    )


def _train(setup: TrainingSetup, adversary: Adversary, *, partition: str, beta: float) -> ModelStack:
    return train_cfa(setup, threat=adversary.threat, epsilon=adversary.epsilon, partition=partition, beta=beta)


CFA = Recipe(
    "cfa",
    "CFA",
    "TRADES with the radius and the weight of agreement of each by its robust training accuracy, averaged over the "
    f"epochs with a worst robust validation accuracy of {THRESHOLD:.0%} or more",
    _train,
    role="repair",
    control="held-out-noise",
    updates=2.0 * (1 - VALIDATION),
    # Of the rows that are trained on, and of those held out.
    gradients=float(STEPS),
    needs_adversary=True,
    parameters={"partition": "class", "beta": BETA},
    strength=RADIUS,
    masks=True,
)
