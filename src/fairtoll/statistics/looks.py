"""Judging a difference while training runs are added: looks at fixed numbers of runs, each with its share of the error.

Every look's verdict is read at its own share, so that looking again does not raise the rate of false verdicts, whatever
the largest number of runs turns out to be (Bonferroni over looks: the shares sum to 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from fairtoll.statistics._groups import check_confidence, check_count
from fairtoll.statistics.difference import Difference
from fairtoll.statistics.verdict import MINIMUM_RUNS, Verdict, VerdictKind, state_verdict

#: Numbers of training runs at which a sequential comparison is judged.
LOOKS = (5, 10, 20, 40, 80)
#: Of the error, for each look.
LOOK_SHARE = 1 / len(LOOKS)
#: More runs than anyone trains, and more rows than anyone finds.
MOST_RUNS, MOST_ROWS = 1000, 1000.0


@dataclass(frozen=True)
class Look:
    """What was found with the first `runs` training runs, at its `share` of the error."""

    runs: int
    share: float
    difference: Difference
    verdict: Verdict


@dataclass(frozen=True)
class Needed:
    """About what an open comparison would take, were its estimate exact.

    `runs` training runs of each arm, None where no number of them decides; `rows` so many times the rows, None where
    they are not what is lacking.
    """

    runs: int | None
    rows: float | None
    sentence: str


@dataclass(frozen=True)
class Judgement:
    """Every look at a comparison, the last one is judged.

    `p_value` one-sided, of a difference of at most 0, the smallest over looks of each divided by its share. `final`
    whether more runs would change nothing: decided, at the last look, or out of reach of more runs. `needed` where it
    is not decided.
    """

    looks: tuple[Look, ...]
    p_value: float
    final: bool
    needed: Needed | None

    @property
    def last(self) -> Look:
        """The look that is judged."""
        return self.looks[-1]


def judge(
    compute: Callable[[int, float], Difference | None],
    *,
    runs: int,
    margin: float,
    family: int = 1,
    sequential: bool = False,
    confidence: float = 0.95,
) -> Judgement | None:
    """Judge a difference at each look until it is decided.

    Parameters
    ----------
    compute
        Called with a number of runs and a confidence; gives the difference of the first so many runs, or None where
        too few groups have enough rows.
    runs
        Training runs that there are.
    margin
        The largest difference that does not matter.
    family
        Judgements that share the error.
    sequential
        Whether runs are added until a comparison is decided: looks at 5, 10, 20, 40 and 80 runs, a fifth of the error
        each. Otherwise all runs are one look with the whole error.
    confidence
        Of all judgements of the family together.

    Returns
    -------
    Judgement or None
        None where `compute` gives none.

    Raises
    ------
    FairtollError
        For no runs, or a family of none.

    Examples
    --------
    >>> from fairtoll.statistics import difference
    >>> level = np.repeat([[0.0], [0.1], [0.2], [0.1], [0.0]], 40, axis=1)
    >>> groups = np.repeat(["a", "b"], 20)
    >>> higher = level + 5 * (groups == "a")
    >>> found = judge(lambda runs, confidence: difference(level[:runs], higher[:runs], groups, confidence=confidence,
    ...               rates=False), runs=5, margin=0.01, sequential=True)
    >>> found.last.verdict.kind.value, found.last.runs, found.final
    ('less fair', 5, True)
    """
    check_confidence(confidence)
    runs, family = check_count(runs, name="runs", least=1), check_count(family, name="family", least=1)
    planned = [number for number in LOOKS if number <= runs] if sequential else []
    share = LOOK_SHARE if planned else 1.0
    looks: list[Look] = []
    final, needed, p_value = True, None, 1.0
    for number in planned or [runs]:
        error = (1 - confidence) * share / family
        found = compute(number, 1 - error)
        if found is None:
            return None
        verdict = state_verdict(found, margin=margin)
        looks.append(Look(number, share, found, verdict))
        p_value = min(p_value, found.p_value / share)
        if verdict.kind != VerdictKind.INCONCLUSIVE:
            needed = None
            break
        beyond = _out_of_reach(found, margin)
        needed = _needed(found, margin, sequential=bool(planned), beyond=beyond)
        final = beyond or not planned or number == LOOKS[-1]
        if beyond:
            break
    return Judgement(tuple(looks), p_value, final if needed is not None else True, needed)


def _out_of_reach(found: Difference, margin: float) -> bool:
    """Whether the rows alone keep every verdict away, wherever more runs may move the estimate."""
    runs = min(found.standard_runs, found.robust_runs)
    if runs < MINIMUM_RUNS:
        return False
    moved = float(stdtrit(runs - 1, 0.95)) * _run_error(found)
    wide, narrow = (float(stdtrit(1e9, 1 - error)) * found.row_error for error in _errors(found))
    less_fair = found.value + moved - wide - found.below > margin
    fairer = found.value - moved + wide + found.above < -margin
    # Somewhere in reach of the estimate the narrower interval must fit between the margins.
    low, high = -margin + narrow + found.below, margin - narrow - found.above
    equivalent = low < high and found.value - moved < high and found.value + moved > low
    return not (less_fair or fairer or equivalent)


def _needed(found: Difference, margin: float, *, sequential: bool, beyond: bool) -> Needed:
    runs = min(found.standard_runs, found.robust_runs)
    if runs < MINIMUM_RUNS:
        least = LOOKS[0] if sequential else MINIMUM_RUNS
        return Needed(least, None, f"a verdict on the recipes takes {least} training runs of each arm, or more")
    number = None if beyond else next((n for n in _candidates(runs, sequential) if _decided(found, margin, n)), None)
    if number is not None:
        return Needed(number, None, f"about {number} runs of each arm would decide, were the estimate exact")
    distance = abs(abs(found.value) - margin)
    error = _errors(found)[0 if abs(found.value) > margin else 1]
    reach = float(stdtrit(1e9, 1 - error)) * found.row_error + max(found.below, found.above)
    times = (reach / distance) ** 2 if distance > 0 else np.inf
    if 1 < times <= MOST_ROWS:
        begin = "more runs cannot decide" if beyond else "more runs alone decide only if the estimate moves"
        return Needed(None, times, f"{begin}; about {_times(times)} as many rows would, were it exact")
    return Needed(None, None, "the estimate lies too near the margin for any number of runs or rows to decide")


def _times(times: float) -> str:
    return f"{times:.1f} times" if times < 3 else f"{times:.0f} times"


def _candidates(runs: int, sequential: bool) -> list[int]:
    later = [number for number in LOOKS if number > runs] if sequential else []
    first = max([runs, *later])
    return [*later, *(int(number) for number in np.unique(np.geomspace(first + 1, MOST_RUNS, 40).round()))]


def _decided(found: Difference, margin: float, runs: int) -> bool:
    """Whether the same estimate with so many runs would be decided."""
    before = min(found.standard_runs, found.robust_runs)
    part = _run_error(found) ** 2 * before / runs
    error = float(np.sqrt(found.row_error**2 + part))
    wide, narrow = (float(stdtrit(runs - 1, 1 - share)) * error for share in _errors(found))
    if found.value - wide - found.below > margin or found.value + wide + found.above < -margin:
        return True
    return found.value - narrow - found.below > -margin and found.value + narrow + found.above < margin


def _errors(found: Difference) -> tuple[float, float]:
    """One side's error of an interval that decides, and of one that shows equivalence."""
    error = 1 - found.confidence
    return error / 2, error


def _run_error(found: Difference) -> float:
    return float(np.sqrt(max(found.standard_error**2 - found.row_error**2, 0.0)))
