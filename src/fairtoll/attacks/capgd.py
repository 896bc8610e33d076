"""Constrained adaptive gradient descent: numbers follow the gradient, categories a search, every step is repaired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, check_starts, needed
from fairtoll.attacks.engine.choices import Choices
from fairtoll.attacks.engine.descent import BatchedModel
from fairtoll.attacks.engine.inputs import check_inputs, require_finite_rows
from fairtoll.attacks.engine.start import begin
from fairtoll.attacks.engine.table_walk import Walk
from fairtoll.attacks.loss import margin
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.errors import FairtollError
from fairtoll.models.predict import checked_logits
from fairtoll.threats.any import AuditedThreat, Norm, Threat
from fairtoll.threats.linf import LinfThreat
from fairtoll.threats.table_threat import TableThreat

#: Weight of the new direction against the last one, and the share of steps that must raise the margin between two looks
#: at the step size (Croce and Hein 2020); looks at the step size.
MOMENTUM, RISING, LOOKS = 0.75, 0.75, 5


@dataclass(frozen=True)
class CAPGD:
    """CAPGD with a search for categories, as a value.

    The numbers of a row climb the margin by its gradient's sign, with momentum and a step that is halved where it no
    longer helps; one-hot columns go to the member with the steepest gradient; every iterate is repaired so that it
    stays inside the threat, relations included. This is CAPGD of Simonetto et al. (2024), whose starts are the clean
    row and random ones. Codes of categories have no gradient: from the best inputs they and the rest are searched as
    `TableSearch` does, with `queries` evaluations.

    Parameters
    ----------
    steps, restarts : int
        Gradient steps of each start, and starts; all after the first are random.
    queries : int
        Evaluations of each row by the search; 0 leaves it out.

    Raises
    ------
    FairtollError
        For no steps or starts, or fewer than 0 queries; when called, for no generator, a threat of another norm, rows
        that are no table, and as `pgd` does.

    Examples
    --------
    >>> CAPGD().name, CAPGD(steps=20, queries=0).name
    ('capgd-30', 'capgd-20-queries-0')
    """

    #: Of the threats that it keeps.
    norms: ClassVar[tuple[Norm, ...]] = ("linf", "table")

    steps: int = 30
    restarts: int = 2
    queries: int = 200

    def __post_init__(self) -> None:
        check_starts(self.steps, self.restarts)
        if isinstance(self.queries, bool) or not isinstance(self.queries, int) or self.queries < 0:
            raise FairtollError(f"queries is {self.queries!r}; expected 0 or more, 0 to follow gradients alone")

    @property
    def name(self) -> str:
        """Such as "capgd-30"."""
        return name_of(self, f"capgd-{self.steps}", named=("steps",))

    @property
    def loss(self) -> str:
        """The quantity that it maximises."""
        return "margin"

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
        """Run it with these settings."""
        draws = needed(generator, self.name)
        if isinstance(x, Tensor) and x.ndim != 2:
            raise FairtollError(f"rows have shape {tuple(x.shape[1:])}; CAPGD needs a table of shape (rows, features)")
        shared: dict[str, Any] = {"threat": threat, "epsilon": epsilon, "batch_size": batch_size}
        model, x, y = check_inputs(model, x, y, **shared, norms=self.norms)
        assert isinstance(threat, LinfThreat | TableThreat)

        def work(model: nn.Module, clean: Tensor, labels: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
            at = begin(lambda rows: checked_logits(model, rows), clean, labels, batch)
            if len(at.left):
                rows = (at.clean, at.labels, at.numbers)
                climbed = _Climb(model, *rows, threat, epsilon)
                for restart in range(self.restarts):
                    climbed.run(self.steps, None if not restart else draws)
                broken, points = climbed.broken, climbed.best
                if self.queries:
                    _search(model, *rows, threat, epsilon, at.logits, climbed, self.queries, draws)
                at.success[at.left], at.perturbed[at.left] = broken, points
            return at.success, at.perturbed

        return attack_in_batches(model, x, y, work, batch_size=batch_size, generator=draws)


class _Climb:
    """The rows of a batch that are classified correctly, and the best input found for each."""

    def __init__(
        self, model: nn.Module, clean: Tensor, labels: Tensor, numbers: Tensor, threat: AuditedThreat, epsilon: float
    ) -> None:
        self.batched = BatchedModel(model, clean, packed=False)
        self.clean, self.labels, self.numbers, self.threat, self.epsilon = clean, labels, numbers, threat, epsilon
        self.low, self.high = threat.bounds(clean, epsilon)
        self.best = clean.clone()
        self.value = torch.full((len(clean),), -torch.inf, dtype=torch.float64, device=clean.device)
        self.broken = torch.zeros_like(labels, dtype=torch.bool)

    def run(self, steps: int, draws: torch.Generator | None) -> None:
        """One start, from the clean rows or at random, of the rows that are not broken."""
        rows = (~self.broken).nonzero().flatten()
        noise = None if draws is None else torch.rand(self.clean.shape, generator=draws).to(self.clean)[rows]
        point = self.clean[rows].clone()
        if noise is not None:
            point = self._confined(self.low[rows] + noise * (self.high - self.low)[rows], rows)
        before, own, best = point, self._start(rows), point.clone()
        size, rose = torch.full_like(own, 1.0), torch.zeros_like(own)
        looks = {round(share * steps / LOOKS) for share in range(1, LOOKS)}
        last = 0
        for step in range(1, steps + 1):
            direction, value = self._ask(point, rows, step)
            going = ~self.broken[rows]
            rose, better = rose + (value > own), value > own
            best, own = torch.where(better.unsqueeze(1), point, best), torch.maximum(own, value)
            if step in looks:
                slow = rose < RISING * (step - last)
                size = torch.where(slow, size / 2, size)
                point = torch.where(slow.unsqueeze(1), best, point)
                rose, last = torch.zeros_like(rose), step
            if not bool(going.any()):
                return
            kept = going.nonzero().flatten()
            rows, point, before, direction, best = (one[kept] for one in (rows, point, before, direction, best))
            own, size, rose = (one[kept] for one in (own, size, rose))
            reached = point + size.unsqueeze(1).to(point) * direction
            moved = point + MOMENTUM * (reached - point) + (1 - MOMENTUM) * (point - before)
            before, point = point, self._confined(moved if step > 1 else reached, rows)
        if len(rows):
            self._note(point, rows, self.batched.logits(point), steps + 1)

    def _start(self, rows: Tensor) -> Tensor:
        return torch.full((len(rows),), -torch.inf, dtype=torch.float64, device=rows.device)

    def _confined(self, points: Tensor, rows: Tensor) -> Tensor:
        return self.threat.confine(self.clean[rows], points, self.epsilon)

    def _ask(self, points: Tensor, rows: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """The direction of one step, two radii long, and the margin; what is misclassified is noted."""
        logits, gradient = self.batched.gradient(points, self.labels[rows], margin)
        value = self._note(points, rows, logits, step)
        reach = (self.high - self.low)[rows]
        if isinstance(self.threat, TableThreat):
            gradient = torch.where(self._codes(points.device), 0.0, gradient)
            for group in self.threat.one_hot:
                slope = gradient[:, list(group)]
                gradient[:, list(group)] = slope / slope.abs().amax(dim=1, keepdim=True).clamp(min=1e-12)
            members = [place for group in self.threat.one_hot for place in group]
            sign = gradient.sign()
            if self.threat.cost_norm == "sum":
                # The steepest way where moves add up: each as far as it gains for its cost.
                gain = gradient.abs() * reach
                sign = sign * gain / gain.amax(dim=1, keepdim=True).clamp(min=1e-30)
            sign[:, members] = 2 * gradient[:, members]
            return sign * reach, value
        return gradient.sign() * reach, value

    def _codes(self, device: torch.device) -> Tensor:
        assert isinstance(self.threat, TableThreat)
        return torch.tensor([bool(one.categories) for one in self.threat.features], device=device)

    def _note(self, points: Tensor, rows: Tensor, logits: Tensor, step: int) -> Tensor:
        require_finite_rows(logits, where=f"at step {step} of the attack", rows=self.numbers[rows])
        value, wrong = margin(logits, self.labels[rows]).double(), logits.argmax(dim=1) != self.labels[rows]
        better = (value > self.value[rows]) | wrong
        kept = rows[better & ~self.broken[rows]]
        self.best[kept] = points[better & ~self.broken[rows]]
        self.value[kept] = value[better & ~self.broken[rows]]
        self.broken[rows] |= wrong
        return value


def _search(
    model: nn.Module, clean: Tensor, labels: Tensor, numbers: Tensor, threat: AuditedThreat, epsilon: float,
    logits: Tensor, climbed: _Climb, queries: int, draws: torch.Generator,
) -> None:  # fmt: skip
    """From the best inputs of the rows that are not broken, all that moves without a gradient too."""
    rows = (~climbed.broken).nonzero().flatten()
    if not len(rows):
        return
    radii = torch.full((len(rows),), epsilon, dtype=torch.float64, device=clean.device)
    choices = Choices(threat, clean[rows], radii, {})
    if not choices.coordinates:
        return
    with torch.no_grad():
        walk = Walk(model, choices, labels[rows], numbers[rows], logits[rows], queries, draws)
        walk.run(start=climbed.best[rows])
    climbed.broken[rows], climbed.best[rows] = walk.broken, walk.best
