"""The difference of two recipes' gaps at an equal level of something else, read between the strengths of each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.statistics._groups import Arm, Floats, check_confidence, check_included, check_outcomes, read_arms
from fairtoll.statistics._thinning import ALLOWANCE, Thinned, draw_noise, thin
from fairtoll.statistics.difference import Difference, limit_of
from fairtoll.statistics.spread import parts_of

#: The shape of a level's mask and of what it is the mean of, in errors.
RUNS_DIFFER = "{what} has {given} training runs; expected {expected}, as the first; give the same runs of every arm"
ONE_STRENGTH = "the recipe has {given} strengths; expected 2 or more to read between; give its arms from weak to strong"
UNEQUAL = "there are {given} strengths with levels; expected {expected}, as with gaps; give both of every strength"


@dataclass(frozen=True, eq=False)
class Strengths:
    """One recipe at its strengths, from weak to strong, all of the same training runs.

    `outcomes` are the numbers, each `(S, N)`, whose gap between groups is compared; `reached`, each `(S, N)`, those
    whose mean over rows is the level; `included`, each `(S, N)` or None, which outcomes count; `counted (N,)`
    which rows the level is the mean of, all when not given.
    """

    outcomes: Sequence[ArrayLike]
    reached: Sequence[ArrayLike]
    included: Sequence[ArrayLike | None] | None = None
    counted: ArrayLike | None = None

    def __post_init__(self) -> None:
        if len(self.outcomes) < 2:
            raise FairtollError(ONE_STRENGTH.format(given=len(self.outcomes)))
        if len(self.reached) != len(self.outcomes):
            raise FairtollError(UNEQUAL.format(given=len(self.reached), expected=len(self.outcomes)))


def level_range(reached: Sequence[ArrayLike], *, counted: ArrayLike | None = None) -> tuple[float, float] | None:
    """The levels that every training run of a recipe reaches between its strengths; None where runs share none.

    Parameters
    ----------
    reached
        Of each strength `(S, N)`, one number for each training run and row, whose mean over rows is the level.
    counted
        `(N,)` booleans: which rows it is the mean of. All, when not given.

    Returns
    -------
    (float, float) or None

    Raises
    ------
    FairtollError
        For malformed input.

    Examples
    --------
    >>> weak, strong = [[1, 0, 0, 0], [1, 1, 0, 0]], [[1, 1, 1, 0], [1, 1, 1, 1]]
    >>> level_range([weak, strong])
    (0.5, 0.75)
    """
    levels, _ = _levels(reached, counted)
    low, high = float(levels.min(axis=0).max()), float(levels.max(axis=0).min())
    return (low, high) if low <= high else None


def matched_differences(
    standard: ArrayLike | Strengths,
    recipe: Strengths,
    groups: ArrayLike,
    *,
    levels: Sequence[float],
    standard_included: ArrayLike | None = None,
    confidence: float = 0.95,
    minimum_rows: int = 10,
    rates: bool | None = None,
    generator: np.random.Generator | None = None,
) -> list[Difference | None]:
    """Difference of a recipe's gap at each level from a standard arm's gap, or from another recipe's at that level.

    In every training run the recipe's strengths are points of a curve: the level that the run reaches at a strength,
    and its gap there, corrected for the choice of groups as in `difference`. The gap at a level is read on the line
    between two neighbouring strengths; where several pairs of neighbours hold the level, between the weakest. It is
    never read beyond the strengths. The standard gap of the same run is subtracted, and the value is the mean over
    runs. Its variance is that between runs plus that of the rows, which move gaps and levels of all runs together (by
    the derivative of the value with respect to both); the intervals say nothing of how a gap bends between strengths.

    Parameters
    ----------
    standard
        `(S, N)` one number for each training run and row of the standard arm; or another recipe.
    recipe
        Run k of every strength, and of the standard arm, belong together.
    groups
        `(N,)` the group of each row.
    levels
        At which the gaps are compared.
    standard_included
        `(S, N)` booleans: which rows count in the standard arm. All, when not given.
    confidence
        Of the intervals; widen it for several comparisons by `bonferroni`.
    minimum_rows
        Groups with fewer rows in any run of any arm are left out.
    rates
        Whether outcomes are rates; see `difference`.
    generator
        Source of the random halves; `numpy.random.default_rng(0)` when not given.

    Returns
    -------
    list of Difference or None
        One a level; None where a training run does not reach it between the strengths.

    Raises
    ------
    FairtollError
        For malformed input, arms with different numbers of runs, or fewer than two strengths; its subclass
        InsufficientDataError when fewer than two groups have enough rows.

    Examples
    --------
    >>> right = [[1] * 100 + [1, 0] * 50]  # of the standard arm: all of the first group, half of the second
    >>> weak, strong = [[1] * 90 + [0] * 10 + [1, 0] * 50], [[1] * 70 + [0] * 30 + [1, 0] * 50]
    >>> recipe = Strengths([weak, strong], reached=[[[1, 0, 0, 0] * 50], [[1, 1, 1, 0] * 50]])
    >>> half, beyond = matched_differences(right, recipe, ["a"] * 100 + ["b"] * 100, levels=[0.5, 0.9])
    >>> round(half.value, 2), beyond is None  # from a gap of 0.5 to one between 0.4 and 0.2
    (-0.2, True)
    """
    check_confidence(confidence)
    generator = np.random.default_rng(0) if generator is None else generator
    sides = [_given(standard, standard_included), _given(recipe, None)]
    arms = read_arms(
        groups,
        tuple((f"{what}outcomes", values, mask) for what, side in zip(("standard ", ""), sides, strict=True)
              for values, mask in side),
        minimum_rows=minimum_rows,
        rates=rates,
    )  # fmt: skip
    first = len(sides[0])
    noise = draw_noise(len(arms[0].partition.rows), generator)
    thinned = [thin(arm, noise) for arm in arms]
    read = [
        _Side(arms[:first], thinned[:first], standard if isinstance(standard, Strengths) else None),
        _Side(arms[first:], thinned[first:], recipe),
    ]
    for side, what in zip(read, ("the standard arm", "the recipe"), strict=True):
        for runs in side.runs:
            if runs != read[0].runs[0]:
                raise FairtollError(RUNS_DIFFER.format(what=what, given=runs, expected=read[0].runs[0]))
    return [_difference(read[0], read[1], level, confidence) for level in levels]


def _given(side: ArrayLike | Strengths, included: ArrayLike | None) -> list[tuple[ArrayLike, ArrayLike | None]]:
    if not isinstance(side, Strengths):
        return [(side, included)]
    masks = side.included or [None] * len(side.outcomes)
    return list(zip(side.outcomes, masks, strict=True))


def _levels(reached: Sequence[ArrayLike], counted: ArrayLike | None) -> tuple[Floats, list[Floats]]:
    """The level of each strength and run `(J, S)`, and how much each row moves it, each `(S, N)`."""
    values = [check_outcomes(one, name="reached") for one in reached]
    for one in values[1:]:
        if one.shape != values[0].shape:
            raise FairtollError(
                f"reached has shapes {values[0].shape} and {one.shape}; expected the same (runs, rows) of every "
                "strength; give the same runs and rows of each"
            )
    mask = check_included(
        None if counted is None else np.broadcast_to(np.asarray(counted), values[0].shape),
        like=values[0],
        name="counted",
    )
    kept = np.ones(values[0].shape[1], dtype=np.bool_) if mask is None else mask[0]
    if not kept.any():
        raise FairtollError("counted has no row; expected one or more; count the rows that the level is the mean of")
    levels = np.stack([one[:, kept].mean(axis=1) for one in values])
    moves = [np.where(kept, one - level[:, None], 0.0) / kept.sum() for one, level in zip(values, levels, strict=True)]
    return levels, moves


class _Side:
    """One side of a difference: the arms of a recipe's strengths, or one arm whose gap is the same at every level."""

    def __init__(self, arms: Sequence[Arm], thinned: Sequence[Thinned], recipe: Strengths | None) -> None:
        self.arms, self.thinned = arms, thinned
        self.gaps = [one.per_run for one in thinned]
        self.runs = [len(one.per_run) for one in thinned]
        self.levels: Floats | None = None
        self.moves: list[Floats] = []
        if recipe is not None:
            self.levels, self.moves = _levels(recipe.reached, recipe.counted)
            self.runs.append(self.levels.shape[1])

    def at(self, level: float) -> tuple[Floats, Floats] | None:
        """How much each arm's gap `(J, S)` and level `(J, S)` count in each run; None if a run does not reach it."""
        if self.levels is None:
            return np.ones((1, self.runs[0])), np.zeros((1, self.runs[0]))
        weights = np.zeros_like(self.levels)
        slopes = np.zeros(self.levels.shape[1])
        for run, of_run in enumerate(self.levels.T):
            found = _segment(of_run, level)
            if found is None:
                return None
            place, share = found
            weights[place, run], weights[place + 1, run] = 1 - share, share
            rise = of_run[place + 1] - of_run[place]
            if rise:
                slopes[run] = (self.gaps[place + 1][run] - self.gaps[place][run]) / rise
        return weights, -slopes * weights


def _segment(levels: Floats, level: float) -> tuple[int, float] | None:
    """The weakest strength after which the level is passed, and how far towards the next it lies."""
    for place, (start, end) in enumerate(itertools.pairwise(levels)):
        if min(start, end) <= level <= max(start, end):
            return place, 0.0 if start == end else float((level - start) / (end - start))
    return None


def _difference(standard: _Side, recipe: _Side, level: float, confidence: float) -> Difference | None:
    counts = [side.at(level) for side in (standard, recipe)]
    if counts[0] is None or counts[1] is None:
        return None
    before, after = (
        np.sum([gap * weight for gap, weight in zip(side.gaps, count[0], strict=True)], axis=0)
        for side, count in zip((standard, recipe), counts, strict=True)
        if count is not None
    )
    by_group, freedom = _row_variances([(-1.0, standard, counts[0]), (1.0, recipe, counts[1])])
    runs = len(before)
    between = np.array([float((after - before).var(ddof=1)) / runs if runs > 1 else 0.0])
    (standard_highest, standard_lowest), (robust_highest, robust_lowest) = (
        _most_chosen(side, count[0]) for side, count in ((standard, counts[0]), (recipe, counts[1]))
    )
    return Difference(
        standard=float(before.mean()),
        robust=float(after.mean()),
        confidence=confidence,
        plain=_plain(recipe, counts[1][0]) - _plain(standard, counts[0][0]),
        row_error=float(np.sqrt(by_group.sum())),
        parts=parts_of((by_group, freedom), (between, np.array([max(runs - 1.0, 1.0)]))),
        below=_allowance(standard, counts[0][0]),
        above=_allowance(recipe, counts[1][0]),
        standard_per_run=tuple(before.tolist()),
        robust_per_run=tuple(after.tolist()),
        standard_highest=standard_highest,
        standard_lowest=standard_lowest,
        robust_highest=robust_highest,
        robust_lowest=robust_lowest,
        standard_runs=runs,
        robust_runs=runs,
        paired=True,
        limit=limit_of([*standard.arms, *recipe.arms]),
    )


def _plain(side: _Side, weights: Floats) -> float:
    return float(np.sum([one.plain * weight for one, weight in zip(side.thinned, weights, strict=True)], axis=0).mean())


def _allowance(side: _Side, weights: Floats) -> float:
    """As of one arm, in each run as much of each strength as it counts."""
    short = [np.maximum(one.plain - one.per_run, 0.0) for one in side.thinned]
    return ALLOWANCE * float(np.sum([one * weight for one, weight in zip(short, weights, strict=True)], axis=0).mean())


def _most_chosen(side: _Side, weights: Floats) -> tuple[object, object]:
    """The extreme groups of the strength that counts most."""
    place = int(weights.sum(axis=1).argmax())
    names = side.arms[place].partition.names
    highest, lowest = side.thinned[place].most_chosen()
    return names[highest], names[lowest]


def _row_variances(sides: Sequence[tuple[float, _Side, tuple[Floats, Floats]]]) -> tuple[Floats, Floats]:
    """Variance that each group's rows give to the value, and that of the rows of no group; degrees of freedom.

    A row moves a run's value through the gaps that count there, with +1 / n where its group was chosen as highest and
    -1 / n as lowest, and through the levels. As in `row_variances` only what rows do to two different runs counts.
    """
    partition = sides[0][1].arms[0].partition
    rows = sides[0][1].arms[0].deviations.shape[1]
    others = np.setdiff1d(np.arange(_rows_of(sides, rows)), partition.order)
    variances, freedom = [], []
    for group, (start, count) in enumerate(zip(partition.starts, partition.rows, strict=True)):
        within = partition.order[start : start + count]
        moves, counts, least = [], [], 0.0
        for sign, side, (weights, slopes) in sides:
            for place, (arm, thinned) in enumerate(zip(side.arms, side.thinned, strict=True)):
                own = arm.deviations[:, start : start + count] / count
                signs = (thinned.highest == group).astype(float) - (thinned.lowest == group)
                moves.append(own)
                counts.append(sign * weights[place][:, None] * signs)
                # As if rows moved all runs alike by the least that they can be credited with.
                least += max(float(arm.floor[group] * (counts[-1].mean(axis=0) ** 2).mean())
                             - _shared([own], [counts[-1]], count), 0.0)  # fmt: skip
            for place, move in enumerate(side.moves):
                moves.append(move[:, within])
                counts.append(np.broadcast_to(sign * slopes[place][:, None], counts[0].shape))
        variances.append(max(_shared(moves, counts, count) + least, 0.0))
        freedom.append(min(arm.included_rows[group] for _, side, _ in sides for arm in side.arms) - 1.0)
    if len(others) > 1:
        moves = [move[:, others] for _, side, _ in sides for move in side.moves]
        counts = [sign * slope[:, None] for sign, side, (_, slopes) in sides for slope in slopes if side.moves]
        if moves:
            variances.append(max(_shared(moves, counts, len(others)), 0.0))
            freedom.append(len(others) - 1.0)
    return np.array(variances), np.array(freedom)


def _rows_of(sides: Sequence[tuple[float, _Side, tuple[Floats, Floats]]], rows: int) -> int:
    return next((move.shape[1] for _, side, _ in sides for move in side.moves), rows)


def _shared(moves: Sequence[Floats], counts: Sequence[NDArray[np.float64]], rows: int) -> float:
    """Mean over pairs of different runs, and over draws, of the covariance that rows give; of one run its variance."""
    runs, draws = counts[0].shape
    stacked, weights = np.concatenate(moves), np.concatenate(counts)
    products = (stacked @ stacked.T) * (weights @ weights.T) / draws * rows / (rows - 1)
    by_run = products.reshape(len(moves), runs, len(moves), runs).sum(axis=(0, 2))
    if runs == 1:
        return float(by_run[0, 0])
    return float((by_run.sum() - np.trace(by_run)) / (runs * (runs - 1)))
