"""Attacks of others on tables, written after their papers: MOEVA, the universal greedy search, random search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtoll.threats import TableThreat

#: How much each row of a table `(n, D)` violates the relations, 0 if it does not, `(n,)`.
Violation = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Case:
    """One row that is classified correctly, and what may be done to it."""

    model: nn.Module
    clean: Tensor
    label: int
    threat: TableThreat
    epsilon: float
    violation: Violation
    #: Sets what an equality decides.
    fix: Violation

    def margins(self, points: Tensor) -> NDArray[np.float64]:
        """Best wrong score minus the true one; above 0 is misclassified."""
        with torch.no_grad():
            scores = self.model(points).double()
        true = scores[:, self.label].clone()
        scores[:, self.label] = -torch.inf
        found: NDArray[np.float64] = (scores.amax(dim=1) - true).numpy()
        return found

    def admitted(self, points: Tensor) -> NDArray[np.bool_]:
        """Which rows are inside the threat."""
        found: NDArray[np.bool_] = self.threat.admits(self.clean.expand(len(points), -1), points, self.epsilon).numpy()
        return found


def moeva(case: Case, *, queries: int, seed: int) -> Tensor | None:
    """MOEVA (Simonetto et al. 2022): R-NSGA-III over the margin, the cost and the violation of relations.

    Starts from copies of the clean row; two-point crossover and polynomial mutation, whole numbers and categories
    rounded, equalities set as the authors' `fix_equality_constraints` does; fewer parents than theirs, since the budget
    is less. Every row that is evaluated counts if it is misclassified and inside the threat.
    """
    from pymoo.algorithms.moo.rnsga3 import RNSGA3
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.pntx import TwoPointCrossover
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.selection.rnd import RandomSelection
    from pymoo.optimize import minimize
    from pymoo.util.ref_dirs import get_reference_directions

    low, high = (end[0].double().numpy() for end in case.threat.bounds(case.clean, case.epsilon))
    free = np.flatnonzero(high > low)
    whole = case.threat.integer.numpy()
    found: list[Tensor] = []
    parents, children = 40, 20

    class Moves(Problem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_var=len(free), n_obj=3, xl=low[free], xu=high[free])

        def _evaluate(self, values: NDArray[np.float64], out: dict[str, object]) -> None:
            rows = case.clean.double().numpy().repeat(len(values), axis=0)
            rows[:, free] = values
            rows = case.fix(np.where(whole, np.round(rows), rows))
            points = torch.from_numpy(rows.astype(np.float32))
            margins = case.margins(points)
            good = (margins > 0) & case.admitted(points)
            found.extend(points[[at]] for at in np.flatnonzero(good)[:1])
            cost = case.threat.distance(case.clean.expand(len(points), -1), points).numpy()
            out["F"] = np.column_stack([-margins, cost / case.epsilon, case.violation(rows)])

    algorithm = RNSGA3(
        ref_points=get_reference_directions("energy", 3, parents, seed=1),
        pop_per_ref_point=1,
        mu=0.1,
        n_offsprings=children,
        sampling=case.clean.double().numpy()[:, free].repeat(parents, axis=0),
        selection=RandomSelection(),
        crossover=TwoPointCrossover(),
        mutation=PM(prob=1.0, prob_var=1 / len(free), eta=20),
        eliminate_duplicates=False,
    )
    minimize(
        Moves(), algorithm, ("n_eval", queries), seed=seed, verbose=False, callback=lambda one: _stop(one, found)
    )  # fmt: skip
    return found[0] if found else None


def _stop(algorithm: object, found: list[Tensor]) -> None:
    if found:
        algorithm.termination.force_termination = True  # type: ignore[attr-defined]


def universal_greedy(case: Case, *, queries: int, seed: int) -> Tensor | None:
    """The universal greedy attack of Kireev et al. (2023): best-first over rows that differ in one feature more.

    Each step opens the row with the largest gain for its cost, and tries every category and ten values of each number.
    Rows outside the threat are not opened; what relations ask is set as the threat's repair sets it.
    """
    low, high = case.threat.bounds(case.clean, case.epsilon)
    start = float(case.margins(case.clean)[0])
    waiting, seen, left = [(0.0, case.clean)], set[bytes](), queries
    while waiting and left > 0:
        waiting.sort(key=lambda one: -one[0])
        _, row = waiting.pop(0)
        tried = []
        for place in torch.nonzero((high > low)[0]).flatten().tolist():
            ends = low[0, place].item(), high[0, place].item()
            values = np.arange(ends[0], ends[1] + 1) if case.threat.integer[place] else np.linspace(*ends, 10)
            for value in values if len(values) <= 10 else values[np.linspace(0, len(values) - 1, 10).astype(int)]:
                moved = row.clone()
                moved[0, place] = float(value)
                tried.append(moved)
        points = case.threat.confine(case.clean.expand(len(tried), -1), torch.cat(tried), case.epsilon)
        fresh = [
            at for at, one in enumerate(points) if (key := one.numpy().tobytes()) not in seen and not seen.add(key)
        ]
        points = points[fresh[:left]]
        if not len(points):
            continue
        left -= len(points)
        margins = case.margins(points)
        if (margins > 0).any():
            return points[[int(margins.argmax())]]
        cost = case.threat.distance(case.clean.expand(len(points), -1), points).clamp(min=1e-3).numpy()
        waiting += [
            ((gain - start) / paid, points[[at]]) for at, (gain, paid) in enumerate(zip(margins, cost, strict=True))
        ]
        waiting = sorted(waiting, key=lambda one: -one[0])[:500]
    return None
