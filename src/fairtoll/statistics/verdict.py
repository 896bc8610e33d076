"""Verdicts from intervals: less fair, fairer, equivalent, inconclusive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fairtoll.errors import FairtollError
from fairtoll.statistics.difference import Difference
from fairtoll.statistics.interval import Interval

#: Fewer training runs never decide: two differ by one number, which says little about how far a third would be.
MINIMUM_RUNS = 3


class VerdictKind(StrEnum):
    """The verdict on one arm against another."""

    LESS_FAIR = "less fair"
    FAIRER = "fairer"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"
    INSUFFICIENT_DATA = "insufficient data"


class ModelsVerdictKind(StrEnum):
    """The verdict on two trained models, over new rows."""

    WIDER = "wider gap"
    NARROWER = "narrower gap"
    SAME = "same gap"
    UNCLEAR = "unclear"
    INSUFFICIENT_DATA = "insufficient data"


@dataclass(frozen=True)
class Verdict:
    """A verdict with its reason in one sentence, and the margin."""

    kind: VerdictKind
    reason: str
    margin: float


@dataclass(frozen=True)
class LevellingDown:
    """The changes of the groups behind a change of the gap.

    `changes` robust minus standard of every group, `levelled_down` whether the gap shrank because the best
    group lost more than the worst gained, `standard_gap` and `robust_gap` the gaps, `best` the group best off in the
    standard arm, `worst_standard` and `worst_robust` the group worst off in each arm.
    """

    levelled_down: bool
    standard_gap: float
    robust_gap: float
    changes: dict[Any, float]
    best: Any
    worst_standard: Any
    worst_robust: Any


def state_verdict(difference: Difference | None, *, margin: float) -> Verdict:
    """The verdict on two recipes that an interval of a difference of gaps supports.

    Less fair: all of it above the margin. Fairer: all below minus the margin. Equivalent: the interval at twice the
    error lies within both margins (two one-sided tests). Otherwise, and always with fewer than three training runs in
    either arm, inconclusive.

    Parameters
    ----------
    difference
        From `difference`, at a confidence widened for the family by `bonferroni`; None when there were too
        few groups with enough rows.
    margin
        The largest difference that does not matter, in the unit of the difference.

    Returns
    -------
    Verdict

    Raises
    ------
    FairtollError
        When the margin is not a number of 0 or more.

    Examples
    --------
    >>> state_verdict(None, margin=0.01).kind.value
    'insufficient data'
    """
    check_margin(margin)
    if difference is None:
        reason = "fewer than two groups have enough rows to compare"
        return Verdict(VerdictKind.INSUFFICIENT_DATA, reason, margin)
    spoken = _spoken(difference)
    runs = min(difference.standard_runs, difference.robust_runs)
    if runs < MINIMUM_RUNS:
        reason = f"one training run: {spoken} over rows alone, and another run may differ"
        if runs > 1:
            reason = (
                f"two training runs: {spoken}, but two say too little about how far another may differ; "
                f"a verdict takes {MINIMUM_RUNS}"
            )
        return Verdict(VerdictKind.INCONCLUSIVE, reason, margin)
    kind = {
        1: VerdictKind.LESS_FAIR,
        -1: VerdictKind.FAIRER,
        0: VerdictKind.EQUIVALENT,
        None: VerdictKind.INCONCLUSIVE,
    }[_side(difference, margin)]
    return Verdict(kind, _reason(difference, margin, spoken), margin)


def state_models_verdict(difference: Difference | None, *, margin: float) -> ModelsVerdictKind:
    """The verdict on two trained models, from the difference of one run each, over rows alone.

    Wider gap: the whole interval above the margin. Narrower gap: all below minus the margin. Same gap: the interval at
    twice the error within both. Otherwise unclear. It says nothing about training again.

    Raises
    ------
    FairtollError
        When the margin is not a number of 0 or more, or the difference is of more than one run.

    Examples
    --------
    >>> state_models_verdict(None, margin=0.01).value
    'insufficient data'
    """
    check_margin(margin)
    if difference is None:
        return ModelsVerdictKind.INSUFFICIENT_DATA
    if max(difference.standard_runs, difference.robust_runs) > 1:
        raise FairtollError(
            f"the difference is of {difference.standard_runs} and {difference.robust_runs} runs; expected one model "
            "each; call state_verdict on several"
        )
    return {
        1: ModelsVerdictKind.WIDER,
        -1: ModelsVerdictKind.NARROWER,
        0: ModelsVerdictKind.SAME,
        None: ModelsVerdictKind.UNCLEAR,
    }[_side(difference, margin)]


def check_margin(margin: float) -> None:
    """Raise unless a margin is a number of 0 or more."""
    if not 0 <= margin < float("inf"):
        raise FairtollError(f"margin is {margin}; expected 0 or more; give it in the metric's unit")


def _side(difference: Difference, margin: float) -> int | None:
    """1 above the margin, -1 below minus the margin, 0 within both, None undecided."""
    interval = difference.interval
    if interval.low > margin:
        return 1
    if interval.high < -margin:
        return -1
    narrower = _narrower(difference)
    return 0 if -margin < narrower.low and narrower.high < margin else None


def _narrower(difference: Difference) -> Interval:
    """At twice the error: each of the two one-sided tests of equivalence has the whole of it."""
    return difference.interval_at(max(1 - 2 * (1 - difference.confidence), 1e-9))


def _reason(difference: Difference, margin: float, spoken: str) -> str:
    side = _side(difference, margin)
    if side == 1:
        return f"{spoken}, above the margin of {margin:.4g}"
    if side == -1:
        return f"{spoken}, below minus the margin of {margin:.4g}"
    if side == 0:
        narrower = _narrower(difference)
        return (
            f"{spoken}, and from {narrower.low:+.4g} to {narrower.high:+.4g} by two one-sided tests, within the margin "
            f"of {margin:.4g}"
        )
    return f"{spoken}; a difference under {difference.least_detectable(margin):.4g} would often not have been shown"


def _spoken(difference: Difference) -> str:
    low, high = difference.interval.low, difference.interval.high
    return f"the difference of gaps is {difference.value:+.4g}, from {low:+.4g} to {high:+.4g}"


def levelling_down(
    standard_groups: Mapping[Any, float], robust_groups: Mapping[Any, float], *, higher_is_better: bool
) -> LevellingDown:
    """Say whether a smaller gap comes from the best group falling rather than the worst one rising.

    Parameters
    ----------
    standard_groups, robust_groups
        Group name to mean, the same groups in both arms.
    higher_is_better
        True for accuracy, False for attack success.

    Returns
    -------
    LevellingDown

    Raises
    ------
    FairtollError
        When the arms have different groups, or fewer than two.

    Examples
    --------
    >>> found = levelling_down({"a": 0.9, "b": 0.7}, {"a": 0.75, "b": 0.68}, higher_is_better=True)
    >>> found.levelled_down, found.best, round(found.standard_gap, 2), round(found.robust_gap, 2)
    (True, 'a', 0.2, 0.07)
    """
    if set(standard_groups) != set(robust_groups) or len(standard_groups) < 2:
        raise FairtollError(
            f"the arms have groups {sorted(map(str, standard_groups))} and "
            f"{sorted(map(str, robust_groups))}; "
            "expected the same two or more; give every group's value in both arms"
        )
    sign = 1.0 if higher_is_better else -1.0
    best = max(standard_groups, key=lambda name: sign * standard_groups[name])
    worst_standard = min(standard_groups, key=lambda name: sign * standard_groups[name])
    worst_robust = min(robust_groups, key=lambda name: sign * robust_groups[name])
    best_robust = max(robust_groups, key=lambda name: sign * robust_groups[name])
    gap_standard = sign * (standard_groups[best] - standard_groups[worst_standard])
    gap_robust = sign * (robust_groups[best_robust] - robust_groups[worst_robust])
    fall = sign * (standard_groups[best] - robust_groups[best_robust])
    rise = sign * (robust_groups[worst_robust] - standard_groups[worst_standard])
    return LevellingDown(
        levelled_down=gap_robust < gap_standard and fall > 0 and fall > rise,
        standard_gap=gap_standard,
        robust_gap=gap_robust,
        changes={name: robust_groups[name] - standard_groups[name] for name in standard_groups},
        best=best,
        worst_standard=worst_standard,
        worst_robust=worst_robust,
    )
