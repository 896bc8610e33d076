"""A row's least epsilon by scores alone: radii are halved, and each is searched from the nearest input known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import needed
from fairtoll.attacks.bracket import LeastEpsilonResult
from fairtoll.attacks.engine.inputs import numbered
from fairtoll.attacks.spec import name_of
from fairtoll.attacks.table_search import TableSearch, table_search
from fairtoll.errors import FairtollError
from fairtoll.threats.any import Norm, Threat


@dataclass(frozen=True)
class LeastEpsilonByScores:
    """Each row's least epsilon as a value, for models without gradients and for threats to a table.

    Calling it takes the largest radius as `epsilon`. The table search is run there, then half-way between the largest
    radius at which it failed and the smallest at which an input is known, until these are `tolerance` apart. What it
    finds is an upper bound: a stronger attack may find a smaller radius, and nothing is proved below.

    Attributes
    ----------
    tolerance : float
        Width of the bracket, above 0.
    queries : int
        Evaluations of each row at each radius.

    Raises
    ------
    FairtollError
        For a tolerance that is not above 0 or no queries; when called, for no generator, and as `table_search` does.

    Examples
    --------
    >>> LeastEpsilonByScores(tolerance=0.01).name
    'least-epsilon-scores-only'
    """

    #: Of the threats that it keeps.
    norms: ClassVar[tuple[Norm, ...]] = TableSearch.norms
    #: It takes no gradient.
    scores_only: ClassVar[bool] = True

    tolerance: float
    queries: int = 200

    def __post_init__(self) -> None:
        TableSearch(self.queries)
        if not (isinstance(self.tolerance, (int, float)) and math.isfinite(self.tolerance) and self.tolerance > 0):
            raise FairtollError(f"tolerance is {self.tolerance!r}; expected a finite number above 0")

    @property
    def name(self) -> str:
        """The name "least-epsilon-scores-only", with queries that are not the default."""
        return name_of(self, "least-epsilon-scores-only", named=("tolerance",))

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
        """Search up to the radius `epsilon`."""
        draws = needed(generator, self.name)
        if not epsilon > 0:
            raise FairtollError(f"epsilon is {epsilon}; expected a largest radius above 0")

        def search(rows: Tensor, radius: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
            with numbered(rows):
                found = table_search(
                    model, x[rows], y[rows], threat=threat, epsilon=radius, generator=draws, queries=self.queries,
                    start=start, batch_size=batch_size,
                )  # fmt: skip
            return found.success, found.perturbed

        every = torch.arange(len(x))
        success, perturbed = search(every, torch.full((len(x),), epsilon, dtype=torch.float64), None)
        high = torch.where(success, epsilon, torch.inf).double()
        failed = torch.zeros_like(high)
        clean = x.detach().cpu()
        high[success] = _nearest(threat, clean[success], perturbed[success], high[success])
        while len(rows := (high.isfinite() & (high - failed > self.tolerance)).nonzero().flatten()):
            middle = (high[rows] + failed[rows]) / 2
            broke, found = search(rows, middle, perturbed[rows])
            better, left = rows[broke], rows[~broke]
            perturbed[better] = found[broke]
            high[better] = _nearest(threat, clean[better], found[broke], middle[broke])
            failed[left] = middle[~broke]
        censored = high.isinf()
        return LeastEpsilonResult(
            least_epsilon=torch.where(censored, epsilon, high),
            censored=censored,
            low=torch.zeros_like(high),
            high=high,
            failed=torch.where(censored, epsilon, failed),
            within_rounding=torch.zeros_like(censored),
            perturbed=perturbed,
            loss="margin",
        )


def _nearest(threat: Threat, clean: Tensor, found: Tensor, radius: Tensor) -> Tensor:
    """The radius that each input needs: its distance where the threat admits it there, else the one searched."""
    if not len(clean):
        return radius
    own = threat.distance(clean, found) * (1 + 1e-12)
    inside = (own < radius) & threat.admits(clean, found, own.clamp(max=radius))
    return torch.where(inside, own, radius)
