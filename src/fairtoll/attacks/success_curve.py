"""Success at several radii, each row attacked only where needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import check_patience, check_starts
from fairtoll.attacks.engine.descent import Descent
from fairtoll.attacks.engine.inputs import check_inputs
from fairtoll.attacks.loss import get_loss
from fairtoll.attacks.spec import name_of
from fairtoll.errors import FairtollError
from fairtoll.models.batches import in_batches
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.threats.any import Threat

#: As in `pgd`: step size times `steps`, in radii.
RELATIVE_STEP = 2.5
#: Starts of rows of a table where none are asked for, and the share of the steps that those after the first take: the
#: fewest with which no small network of `benchmarks/attacks_on_small_networks.py` withstood more than to its peers.
TABLE_STARTS, LATER_STEPS = 7, 0.2
#: Of Sobol's sequence: its first points are a corner and the row itself; and it has no more dimensions.
SOBOL_FIRST, SOBOL_MOST = 2, torch.quasirandom.SobolEngine.MAXDIM


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
    restarts : int
        Starts at each radius.

    Examples
    --------
    >>> curve = SuccessCurveResult(torch.tensor([[False], [True]]), torch.zeros(2, 1, dtype=torch.bool))
    >>> curve.success.float().mean(dim=1)
    tensor([0., 1.])
    """

    success: Tensor
    inferred: Tensor
    restarts: int = 1


@dataclass(frozen=True)
class SuccessCurve:
    """Success at several radii as a value; see `success_curve` for what each setting means.

    Examples
    --------
    >>> SuccessCurve(steps=50, restarts=1).name, SuccessCurve().name
    ('pgd-50-curve', 'pgd-50-curve-restarts-auto')
    """

    steps: int = 50
    restarts: int | Literal["auto"] = "auto"
    loss: str = "cross_entropy"
    order: Literal["ascending", "descending"] = "ascending"
    patience: int | None = None

    def __post_init__(self) -> None:
        _check_starts(self.steps, self.restarts)
        _check_way(self.order, self.patience)
        get_loss(self.loss)

    @property
    def name(self) -> str:
        """Such as "pgd-50-curve" of one start, with the number of starts and what else is not the default."""
        starts = "" if self.restarts == 1 else f"-restarts-{self.restarts}"
        return name_of(self, f"pgd-{self.steps}-curve{starts}", named=("steps", "restarts"))

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        threat: Threat,
        epsilons: Sequence[float],
        generator: torch.Generator | None = None,
        batch_size: int = 4096,
    ) -> SuccessCurveResult:
        """Run `success_curve` with these settings; nothing is drawn."""
        return success_curve(model, x, y, threat=threat, epsilons=epsilons, batch_size=batch_size, **vars(self))


def success_curve(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilons: Sequence[float],
    steps: int = 50,
    restarts: int | Literal["auto"] = "auto",
    loss: str = "cross_entropy",
    order: Literal["ascending", "descending"] = "ascending",
    patience: int | None = 10,
    batch_size: int = 4096,
) -> SuccessCurveResult:
    """Which rows are broken at each radius, with no row attacked where another radius implies the outcome.

    Ascending: a row broken at one radius is broken at every larger one and is not attacked again; the others
    start from where the smaller radius left them. Descending: a row that one radius does not break is taken to be
    broken by no smaller one. The curve is therefore monotone by construction: the alarm "not monotone" must rest on
    independent attacks at each radius (`pgd`).

    One start is not enough on small dense networks: on 64 of them it broke 1.0 points fewer rows (7.0 on one) than the
    better of foolbox's PGD and torchattacks' Auto-PGD with three random starts each. The default of seven starts broke
    0.4 points more (0.1 fewer on one) in three times the time of one. On images one start breaks as many as peers do,
    and more would only take time (docs/benchmarks.md).

    Parameters
    ----------
    model, x, y, threat, loss, batch_size
        As in `pgd`.
    epsilons : sequence of float, length E
        Radii, ascending.
    steps : int
        Gradient steps of the first start at each radius; each other start takes a fifth of them.
    restarts : int or "auto"
        Starts at each radius. Those after the first begin at points that are spread evenly over what is admissible
        (Sobol's sequence, the same for every row, so that nothing is drawn). "auto": 7 for rows of a table `(N, D)`, 1
        for images.
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
        If the radii are empty or not ascending, the order is unknown, the patience or the number of starts is below 1,
        and as `pgd` does.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0]])
    >>> success_curve(model, x, torch.tensor([0, 0]), threat=LinfThreat(), epsilons=[0.1, 1.0, 3.0]).success.tolist()
    [[False, False], [True, False], [True, True]]
    """
    check_epsilons(epsilons)
    _check_starts(steps, restarts)
    _check_way(order, patience)
    device, climb = device_of(model), get_loss(loss)
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilons[0], batch_size=batch_size)
    starts = restarts if restarts != "auto" else TABLE_STARTS if x.ndim == 2 else 1
    points = _spread(starts - 1, x.shape[1:])

    def attack(batch: slice) -> tuple[Tensor, Tensor]:
        search = Descent(
            model, x[batch].detach().to(device), y[batch].to(device), threat=threat, loss=climb, offset=batch.start
        )
        climbing = _ascend if order == "ascending" else _come_down
        return climbing(search, epsilons, steps=steps, points=points, patience=patience)

    with borrowed(model) as model:
        parts = in_batches(len(x), batch_size, attack)
    none = torch.zeros(len(epsilons), 0, dtype=torch.bool)
    return SuccessCurveResult(
        torch.cat([none, *(success for success, _ in parts)], dim=1),
        torch.cat([none, *(inferred for _, inferred in parts)], dim=1),
        starts,
    )


def _check_starts(steps: int, restarts: int | str) -> None:
    if isinstance(restarts, str) and restarts != "auto":
        raise FairtollError(f"restarts is '{restarts}'; expected a whole number of 1 or more, or auto")
    check_starts(steps, 1 if restarts == "auto" else restarts)


def _spread(count: int, shape: torch.Size) -> Tensor:
    """Points of the unit cube in the shape of a row, `(count, 1, ...)`, in float64."""
    size = shape.numel()
    cube = torch.quasirandom.SobolEngine(min(size, SOBOL_MOST))
    points = cube.draw(SOBOL_FIRST + count, dtype=torch.float64)[SOBOL_FIRST:]
    # Beyond the sequence's dimensions features share a coordinate.
    return points.repeat(1, -(-size // SOBOL_MOST))[:, :size].reshape(count, 1, *shape)


def _check_way(order: str, patience: int | None) -> None:
    if order not in ("ascending", "descending"):
        raise FairtollError(f"order is '{order}'; expected ascending or descending")
    check_patience(patience)


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


def _attack(search: Descent, epsilon: float, *, steps: int, points: Tensor, patience: int | None) -> None:
    """All starts at one radius: the first from each row's last point, the others from `points`."""
    if not len(search.left):
        return
    bounds = search.bounds(epsilon, search.left)
    search.descend(search.best[search.left], bounds, steps=steps, relative_step=RELATIVE_STEP, patience=patience)
    reached = search.best.clone() if len(points) else search.best
    for point in points:
        if not len(search.left):
            break
        low, high, radius = search.bounds(epsilon, search.left)
        begin = low + (high - low) * search.layout.pack(point.to(low))
        search.descend(
            begin, (low, high, radius), steps=max(int(LATER_STEPS * steps), 1), relative_step=RELATIVE_STEP,
            patience=patience,
        )  # fmt: skip
    # The next radius goes on from where the first start of this one ended.
    search.best[search.left] = reached[search.left]
