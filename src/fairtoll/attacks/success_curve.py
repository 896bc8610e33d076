"""Success at several radii, each row attacked only where needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import check_randomness, check_starts
from fairtoll.attacks.engine.descent import Descent
from fairtoll.attacks.engine.inputs import check_inputs
from fairtoll.attacks.loss import get_loss
from fairtoll.attacks.spec import name_of
from fairtoll.errors import FairtollError
from fairtoll.models.batches import in_batches
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.threats.linf import LinfThreat

#: As in `pgd`: step size times `steps`, in radii.
RELATIVE_STEP = 2.5


@dataclass(frozen=True)
class SuccessCurveResult:
    """Which rows are broken at each radius, on the CPU.

    Attributes
    ----------
    success : Tensor of bool, (E, N)
        In the order in which the radii were given.
    inferred : Tensor of bool, (E, N)
        Where no attack was run because another radius implies the outcome. Ascending: success carried up from a smaller
        radius. Descending: rows that stayed correctly classified at a larger one.

    Examples
    --------
    >>> curve = SuccessCurveResult(torch.tensor([[False], [True]]), torch.zeros(2, 1, dtype=torch.bool))
    >>> curve.success.float().mean(dim=1)
    tensor([0., 1.])
    """

    success: Tensor
    inferred: Tensor


@dataclass(frozen=True)
class SuccessCurve:
    """Success at several radii as a value; see `success_curve` for what each setting means.

    Examples
    --------
    >>> SuccessCurve(steps=50, patience=None).name
    'pgd-50-curve'
    """

    steps: int = 50
    restarts: int = 1
    loss: str = "cross_entropy"
    order: Literal["ascending", "descending"] = "ascending"
    patience: int | None = None

    def __post_init__(self) -> None:
        check_starts(self.steps, self.restarts)
        _check_way(self.order, self.patience)
        get_loss(self.loss)

    @property
    def name(self) -> str:
        """Such as "pgd-50-curve", with what else is not the default."""
        return name_of(self, f"pgd-{self.steps}-curve", named=("steps",))

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        threat: LinfThreat,
        epsilons: Sequence[float],
        generator: torch.Generator | None = None,
        batch_size: int = 4096,
    ) -> SuccessCurveResult:
        """Run `success_curve` with these settings."""
        shared: dict[str, Any] = {"generator": generator, "batch_size": batch_size}
        return success_curve(model, x, y, threat=threat, epsilons=epsilons, **shared, **vars(self))


def success_curve(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: LinfThreat,
    epsilons: Sequence[float],
    steps: int = 50,
    restarts: int = 1,
    loss: str = "cross_entropy",
    order: Literal["ascending", "descending"] = "ascending",
    patience: int | None = 10,
    generator: torch.Generator | None = None,
    batch_size: int = 4096,
) -> SuccessCurveResult:
    """Which rows are broken at each radius, with no row attacked where another radius implies the outcome.

    Ascending: a row broken at one radius is broken at every larger one and is not attacked again; the others
    start from where the smaller radius left them. Descending: a row that one radius does not break is taken to be
    broken by no smaller one. The curve is therefore monotone by construction: the alarm "not monotone" must rest on
    independent attacks at each radius (`pgd`).

    This is fast, not the strongest: with one start it broke 1.3 to 2.0 points fewer rows of small dense
    networks than attacks with three starts did. Where that matters give `restarts` and a generator, or use `union`, as
    `audit` does.

    Parameters
    ----------
    model, x, y, threat, steps, restarts, loss, generator, batch_size
        As in `pgd`.
    epsilons : sequence of float, length E
        Radii, ascending.
    order : {"ascending", "descending"}
        Which radius is attacked first. Descending is faster where most rows withstand the largest radius; what it
        infers is marked.
    patience : int or None
        Give a row up once it would not be broken even if every remaining step gained three times as much margin as the
        last `patience` steps did on average. None: never.

    Returns
    -------
    SuccessCurveResult

    Raises
    ------
    FairtollError
        If the radii are empty or not ascending, the order is unknown, the patience is below 1, and as `pgd` does.

    Examples
    --------
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0]])
    >>> success_curve(model, x, torch.tensor([0, 0]), threat=LinfThreat(), epsilons=[0.1, 1.0, 3.0]).success.tolist()
    [[False, False], [True, False], [True, True]]
    """
    check_epsilons(epsilons)
    check_starts(steps, restarts)
    _check_way(order, patience)
    check_randomness(restarts, generator)
    device, climb = device_of(model), get_loss(loss)
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilons[0], batch_size=batch_size)

    def attack(batch: slice) -> tuple[Tensor, Tensor]:
        search = Descent(
            model, x[batch].detach().to(device), y[batch].to(device), threat=threat, loss=climb, offset=batch.start
        )
        climbing = _ascend if order == "ascending" else _come_down
        return climbing(search, epsilons, steps=steps, restarts=restarts, patience=patience, generator=generator)

    with borrowed(model) as model:
        parts = in_batches(len(x), batch_size, attack, generator=generator)
    none = torch.zeros(len(epsilons), 0, dtype=torch.bool)
    return SuccessCurveResult(
        torch.cat([none, *(success for success, _ in parts)], dim=1),
        torch.cat([none, *(inferred for _, inferred in parts)], dim=1),
    )


def _check_way(order: str, patience: int | None) -> None:
    if order not in ("ascending", "descending"):
        raise FairtollError(f"order is '{order}'; expected ascending or descending")
    if patience is not None and patience < 1:
        raise FairtollError(f"patience is {patience}; expected 1 or more, or None")


def check_epsilons(epsilons: Sequence[float]) -> None:
    """Raise unless the radii are at least one, 0 or more, and ascending."""
    given = list(epsilons)
    if not given or not given[0] >= 0 or not all(one < other for one, other in pairwise(given)):
        raise FairtollError(f"epsilons is {given}; expected radii of 0 or more, each once, in ascending order")


def _ascend(search: Descent, epsilons: Sequence[float], **options: Any) -> tuple[Tensor, Tensor]:
    """Success and whether it was inferred, `(E, N)` each: attack the rows not yet broken, from their last points."""
    success: list[Tensor] = []
    inferred: list[Tensor] = []
    for epsilon in epsilons:
        inferred.append(search.success.clone())
        _attack(search, epsilon, **options)
        success.append(search.success.clone())
    return torch.stack(success).cpu(), torch.stack(inferred).cpu()


def _come_down(search: Descent, epsilons: Sequence[float], **options: Any) -> tuple[Tensor, Tensor]:
    """The same from the largest radius: attack the broken rows again, from the input that broke them."""
    success: list[Tensor] = []
    inferred: list[Tensor] = []
    for epsilon in reversed(epsilons):
        inferred.append(torch.zeros_like(search.success) if not success else ~search.success)
        if success:
            search.withdraw(epsilon)
        _attack(search, epsilon, **options)
        success.append(search.success.clone())
    return torch.stack(success[::-1]).cpu(), torch.stack(inferred[::-1]).cpu()


def _attack(
    search: Descent, epsilon: float, *, steps: int, restarts: int, patience: int | None, generator: Any
) -> None:
    """All starts at one radius: the first from each row's last point, the others random."""
    for restart in range(restarts):
        if not len(search.left):
            return
        bounds = search.bounds(epsilon, search.left)
        begin = search.random_points(bounds, generator) if restart else search.best[search.left]
        search.descend(begin, bounds, steps=steps, relative_step=RELATIVE_STEP, patience=patience)
