"""Auto-PGD: ascent with momentum and an adaptive step size for each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, check_patience, check_randomness, check_starts
from fairtoll.attacks.engine.ascent import Ascent
from fairtoll.attacks.engine.inputs import check_inputs
from fairtoll.attacks.engine.start import PackedStart
from fairtoll.attacks.loss import get_loss, margin
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.threats.any import Threat


@dataclass(frozen=True)
class APGD:
    """Auto-PGD as a value; see `apgd` for what each setting means.

    Examples
    --------
    >>> APGD().name, APGD(loss="margin", restarts=5).name
    ('apgd-100', 'apgd-100-restarts-5-loss-margin')
    """

    steps: int = 100
    restarts: int = 1
    random_start: bool = False
    loss: str = "cross_entropy"
    patience: int | None = None

    def __post_init__(self) -> None:
        check_starts(self.steps, self.restarts)
        check_patience(self.patience)
        get_loss(self.loss)

    @property
    def name(self) -> str:
        """Such as "apgd-100", with what else is not the default."""
        return name_of(self, f"apgd-{self.steps}", named=("steps",))

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        threat: Threat,
        epsilon: float,
        generator: torch.Generator | None = None,
        batch_size: int = 4096,
    ) -> AttackResult:
        """Run `apgd` with these settings."""
        shared: dict[str, Any] = {"generator": generator, "batch_size": batch_size}
        return apgd(model, x, y, threat=threat, epsilon=epsilon, **shared, **vars(self))


def apgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilon: float,
    steps: int = 100,
    restarts: int = 1,
    random_start: bool = False,
    loss: str = "cross_entropy",
    patience: int | None = None,
    generator: torch.Generator | None = None,
    batch_size: int = 4096,
) -> AttackResult:
    """Break rows by Auto-PGD (Croce and Hein 2020, algorithm 1), which needs no step size.

    Steps start at two radii and carry momentum. At checkpoints, at decreasing distances, a row whose loss
    rose in less than three quarters of the steps, or found no new maximum, halves its step and continues
    from its best point. A row leaves at its first success, or once no step moves it; a
    misclassified row never enters.

    Parameters
    ----------
    model, x, y, threat, epsilon, restarts, random_start, generator, batch_size
        As in `pgd`.
    steps : int
        Gradient steps of each start.
    loss : {"cross_entropy", "margin"}
        The loss to maximise. The margin replaces the authors' difference-of-logits ratio, which needs three classes.
    patience : int or None
        As in `success_curve`. None, as the authors have it: never.

    Returns
    -------
    AttackResult
        Of a row that is not broken, the input with the highest loss of the last start.

    Raises
    ------
    FairtollError
        As `pgd` does.

    Warns
    -----
    FairtollWarning
        If the model seems to return probabilities, or a batch does not fit the device's memory.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0]])  # class 0 where x < 0: distances 0.5 and 2
    >>> apgd(model, x, torch.tensor([0, 0]), threat=LinfThreat(), epsilon=1.0).success
    tensor([ True, False])
    """
    check_starts(steps, restarts)
    check_patience(patience)
    check_randomness(restarts, generator, random_start=random_start)
    climb = get_loss(loss)
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size)

    def attack(model: nn.Module, clean: Tensor, labels: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
        at = PackedStart(model, clean, labels, batch, threat=threat, epsilon=epsilon)
        success, found = at.success, at.origin.clone()
        for restart in range(restarts):
            left = torch.nonzero(~success).flatten()
            if not len(left):
                break
            begin = at.drawn(generator) if restart or random_start else at.origin
            ascent = Ascent(at.batched, threat, climb, margin, steps, patience)
            rows = (at.numbers, labels, at.low, at.high, at.radius, begin)
            success[left], found[left] = ascent.run(*(value[left] for value in rows))
        return success, at.batched.layout.show(found).contiguous()

    return attack_in_batches(model, x, y, attack, batch_size=batch_size, generator=generator)
