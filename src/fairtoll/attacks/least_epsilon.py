"""The least epsilon at which each row is misclassified."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fairtoll.attacks.bracket import LeastEpsilonResult, bracket, can_split, nothing_found
from fairtoll.attacks.engine.descent import BatchedModel, Descent
from fairtoll.attacks.engine.inputs import FiniteWatch, numbered
from fairtoll.attacks.engine.least_search import LeastSearch
from fairtoll.attacks.loss import get_loss
from fairtoll.attacks.pgd import PGD
from fairtoll.attacks.spec import AttackSpec, name_of
from fairtoll.bounds import read_chain
from fairtoll.errors import FairtollError
from fairtoll.models.batches import in_batches
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.threats.any import Threat
from fairtoll.threats.inputs import check_inputs

#: Step size times `steps`, in radii. Among whole numbers a larger radius often admits no more values: each set of
#: values is attacked once for each of these. On four small networks that gave 1% of the rows a larger result than the
#: radii one by one, and 4% a smaller one; the largest steps go from corner to corner.
RELATIVE_STEPS = (2.5, 1.0, 5.0, 20.0, 50.0)
#: Steps of `LeastEpsilon` where none are given.
SPEC_STEPS = {"search": 60, "grid": 50}


@dataclass(frozen=True)
class LeastEpsilon:
    """Each row's least epsilon as a value: searched to `tolerance`; whole-number features radius by radius.

    Calling it takes the largest radius as `epsilon`.

    Attributes
    ----------
    tolerance : float
        Width of the bracket, or where features must stay whole numbers the distance of the radii.
    steps : int, optional
        As in `least_epsilon`. Default: 60 of a search, 50 at each radius.
    start : AttackSpec, optional
        Run at the largest radius on the rows that the search leaves censored; what it breaks, the search begins with.
    proof : bool
        Whether the lower end of each row's bracket is proved; see `least_epsilon`.

    Examples
    --------
    >>> LeastEpsilon(tolerance=0.001).name, LeastEpsilon(tolerance=0.001, proof=True).name
    ('least-epsilon', 'least-epsilon-proof')
    """

    tolerance: float
    steps: int | None = None
    start: AttackSpec | None = None
    proof: bool = False

    def __post_init__(self) -> None:
        _check_positive(tolerance=self.tolerance)
        if self.steps is not None and self.steps < 1:
            raise FairtollError(f"steps is {self.steps}; expected 1 or more")

    @property
    def name(self) -> str:
        """The name "least-epsilon", with steps that are not the default."""
        return name_of(self, "least-epsilon", named=("tolerance", "start"))

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
    ) -> LeastEpsilonResult:
        """Run `least_epsilon` up to `epsilon`; only `start` draws."""
        if self.proof and _has_whole_numbers(threat) and can_split(model, x, threat):
            # Splitting boxes finds the nearest input from any that is known: a radius at a time takes longer than that.
            attack: AttackSpec = PGD(steps=SPEC_STEPS["grid"]) if self.start is None else self.start
            shared: dict[str, Any] = {
                "threat": threat, "epsilon": epsilon, "generator": generator, "batch_size": batch_size,
            }  # fmt: skip
            known = attack(model, x, y, **shared).perturbed
            return bracket(
                model, x, y, nothing_found(x, epsilon), threat=threat, epsilon_max=epsilon, known=known,
                tolerance=self.tolerance, proof=True,
            )  # fmt: skip
        method: Literal["search", "grid"] = "grid" if _has_whole_numbers(threat) else "search"
        how: dict[str, Any] = {
            "threat": threat, "epsilon_max": epsilon, "tolerance": self.tolerance, "method": method,
            "steps": self.steps or SPEC_STEPS[method], "grid_step": self.tolerance, "batch_size": batch_size,
        }  # fmt: skip
        found = least_epsilon(model, x, y, **how, proof=self.proof if self.start is None else False)
        if self.start is None:
            return found
        left = found.censored.nonzero().flatten()
        known = found.perturbed.clone()
        if len(left):
            with numbered(left):
                shared = {"threat": threat, "epsilon": epsilon, "generator": generator, "batch_size": batch_size}
                known[left] = self.start(model, x[left], y[left], **shared).perturbed.to(known)
        return bracket(model, x, y, found, threat=threat, epsilon_max=epsilon, known=known, tolerance=self.tolerance,
                       proof=self.proof)  # fmt: skip


def least_epsilon(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilon_max: float,
    tolerance: float,
    method: Literal["search", "grid"] = "search",
    steps: int | None = None,
    targets: int = 9,
    grid_step: float = 0.0005,
    known: Tensor | None = None,
    proof: bool | None = None,
    batch_size: int = 4096,
) -> LeastEpsilonResult:
    """Smallest epsilon at which some admissible input of each row is misclassified: found, and bracketed by proof.

    ``method="search"`` starts where the row's tangent first meets another class, then approaches the boundary
    with one gradient a step: inside a ball of the row's own radius it follows the sign of the gradient of that
    class's margin, shrinks the ball after each misclassified point, and expands it where steps fail. On the
    way, two more classes are tried if their tangents are about as near, and small steps where the model is curved. A
    row leaves once a ball one tolerance inside the best radius has failed. On models that are linear within reach (and
    have no more than ``targets + 1`` classes) this is the closed form; elsewhere it is an upper bound, as every
    attack's is.

    ``method="grid"`` is the paper's search, kept as the reference: an independent PGD with cross-entropy at each
    multiple of `grid_step` until it succeeds. A radius that admits the same values of a row as the one before, as
    between two whole numbers, is not tried again; where features must stay whole numbers each set of values is attacked
    with five sizes of step instead.

    Parameters
    ----------
    model, x, y, threat, batch_size
        As in `pgd`.
    epsilon_max : float
        Where to stop, above 0.
    tolerance : float
        Width of the bracket to close, above 0; for the search.
    method : {"search", "grid"}
        See above.
    steps : int, optional
        Gradient steps of a row at most (search, default 100) or at each radius (grid, default 50).
    targets : int
        Wrong classes whose tangents the first guess compares, likeliest first; for the search.
    grid_step : float
        Distance of the grid's radii.
    known : Tensor, the shape of `x`, optional
        Inputs that other attacks found. Where one is admissible, misclassified and nearer than what the search finds,
        it counts.
    proof : bool, optional
        Whether the lower end is proved. Default: of a search, where boxes of inputs can be split.

    Returns
    -------
    LeastEpsilonResult

    Raises
    ------
    FairtollError
        For an `epsilon_max`, tolerance or grid step that is not a positive number, no steps or targets, an unknown
        method, a search over whole-number features, `known` of another shape, and as `pgd` does; its subclass
        `fairtoll.bounds.NoBoundError` for a proof of a model with layers that no bound is known for.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0], [1.0]])  # class 0 where x < 0
    >>> found = least_epsilon(model, x, torch.tensor([0, 0, 0]), threat=LinfThreat(), epsilon_max=1.0, tolerance=0.001)
    >>> found.least_epsilon.round(decimals=2), found.censored
    (tensor([0.5000, 1.0000, 0.0000], dtype=torch.float64), tensor([False,  True, False]))
    """
    _check_positive(epsilon_max=epsilon_max, tolerance=tolerance, grid_step=grid_step)
    if method not in ("search", "grid"):
        raise FairtollError(f"method is '{method}'; expected search or grid")
    steps = steps if steps is not None else 100 if method == "search" else 50
    if steps < 1 or targets < 1:
        raise FairtollError(f"steps is {steps} and targets is {targets}; expected 1 or more of each")
    if method == "search" and _has_whole_numbers(threat):
        raise FairtollError(
            "the threat has features that must stay whole numbers, which the search cannot follow; "
            "pass method='grid', or a threat without them"
        )
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon_max, batch_size=batch_size)
    device = device_of(model)

    def attack(model: nn.Module, batch: slice) -> LeastEpsilonResult:
        rows, labels = x[batch].detach().to(device), y[batch].to(device)
        if method == "grid":
            search = Descent(model, rows, labels, threat=threat, loss=get_loss("cross_entropy"), offset=batch.start)
            return _grid(search, _radii(epsilon_max, grid_step), steps=steps)
        return _search(
            model, rows, labels, threat=threat, epsilon_max=epsilon_max, tolerance=tolerance, steps=steps,
            targets=targets, offset=batch.start,
        )  # fmt: skip

    if known is not None and known.shape != x.shape:
        raise FairtollError(f"known has shape {tuple(known.shape)}; expected that of x, {tuple(x.shape)}")
    proved = method == "search" and can_split(model, x, threat) if proof is None else proof
    if proved:
        # What no bound is known for is said before the search.
        read_chain(model, x)
    with borrowed(model) as used:
        parts = in_batches(len(x), batch_size, lambda batch: attack(used, batch))
    loss = "margin" if method == "search" else "cross_entropy"
    if not parts:
        none = torch.zeros(0, dtype=torch.float64)
        return LeastEpsilonResult(none, none.bool(), none, none, none, none.bool(), x.cpu().clone(), "", loss, steps)
    names = "least_epsilon", "censored", "low", "high", "failed", "within_rounding", "perturbed"
    joined: dict[str, Any] = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
    found = LeastEpsilonResult(**joined, loss=loss, steps=steps)
    if known is None and not proved:
        return found
    return bracket(
        model, x, y, found, threat=threat, epsilon_max=epsilon_max, known=known, tolerance=tolerance, proof=proved
    )


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise FairtollError(f"{name} is {value}; expected a finite number above 0")


def _has_whole_numbers(threat: Threat) -> bool:
    return threat.integer is not None and bool(threat.integer.any())


def _search(
    model: nn.Module, x: Tensor, y: Tensor, *, threat: Threat, epsilon_max: float, tolerance: float, steps: int,
    targets: int, offset: int,
) -> LeastEpsilonResult:  # fmt: skip
    """One batch of the search."""
    batched, numbers = BatchedModel(model, x), torch.arange(offset, offset + len(x), device=x.device)
    watch, perturbed = FiniteWatch(numbers), x.clone()
    logits = batched.logits(batched.layout.pack(x))
    watch.note(logits, torch.arange(len(x), device=x.device), 0)
    watch.raise_if_bad()
    right = torch.nonzero(logits.argmax(dim=1) == y).flatten()
    low, high = (torch.zeros(len(x), dtype=torch.float64, device=x.device) for _ in range(2))
    if len(right):
        rows = x[right]
        search = LeastSearch(batched, rows, threat=threat, epsilon_max=epsilon_max, tolerance=tolerance)
        found = search.run(y[right], numbers[right], steps=steps, targets=targets)
        points = batched.layout.show(found.point.reshape(search.shape)).contiguous()
        perturbed[right] = points
        exact = _distance(points, rows, threat).clamp(max=epsilon_max)
        high[right] = torch.where(found.radius.isfinite(), exact, torch.inf)
        low[right] = torch.minimum(found.failed.double(), high[right])
    return _result(low, high, perturbed, epsilon_max)


def _distance(points: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """The epsilon of each point: slightly more, so that the threat's own bounds admit it."""
    move, scale = (points.double() - x.double()).abs(), threat.radius(x.double(), 1.0)
    return torch.where(scale > 0, move / scale, 0).flatten(1).amax(dim=1) * (1 + 1e-15)


def _radii(epsilon_max: float, grid_step: float) -> list[float]:
    """Multiples of the step, the last one no larger than the end."""
    return [min(count * grid_step, epsilon_max) for count in range(1, math.ceil(epsilon_max / grid_step - 1e-9) + 1)]


def _grid(search: Descent, radii: list[float], *, steps: int) -> LeastEpsilonResult:
    """One batch of the paper's step-up search."""
    search.settle(search.clean, search.left, step=0)
    high = torch.full((len(search.x),), torch.inf, dtype=torch.float64, device=search.x.device)
    high[search.success] = 0.0
    low = torch.zeros_like(high)
    ends = (search.clean.clone(), search.clean.clone())
    for epsilon in radii:
        left = search.left
        if not len(left):
            break
        bounds = search.bounds(epsilon, left)
        wider = torch.zeros_like(left, dtype=torch.bool)
        for end, now in zip(ends, bounds[:2], strict=True):
            wider |= (end[left] != now).flatten(1).any(dim=1)
            end[left] = now
        search.left = left[wider]
        for relative_step in RELATIVE_STEPS if _has_whole_numbers(search.threat) else RELATIVE_STEPS[:1]:
            if len(search.left):
                inside = torch.isin(left, search.left)
                low_end, high_end, radius = (part[inside] for part in bounds)
                search.descend(
                    search.clean[search.left], (low_end, high_end, radius), steps=steps, relative_step=relative_step
                )
        high[left[search.success[left]]] = epsilon
        search.left = left[~search.success[left]]
        low[search.left] = epsilon
    return _result(low, high, search.layout.show(search.best).contiguous(), radii[-1])


def _result(low: Tensor, high: Tensor, perturbed: Tensor, epsilon_max: float) -> LeastEpsilonResult:
    censored = high.isinf()
    least = torch.where(censored, epsilon_max, high).cpu()
    return LeastEpsilonResult(
        least,
        censored.cpu(),
        torch.zeros_like(least),
        high.cpu(),
        torch.where(censored, epsilon_max, low).cpu(),
        torch.zeros_like(censored).cpu(),
        perturbed.cpu(),
    )
