"""What the tests of claims are made of: joint p-values, what pairs of models show, and how it is said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fairtoll.experiments.claims import LEVEL, Found
from fairtoll.findings.results import ArmValue, Finding
from fairtoll.findings.units import spoken
from fairtoll.statistics import Estimate, paired_estimate
from fairtoll.statistics.verdict import MINIMUM_RUNS


def ruled_out(findings: Sequence[Finding], places: Sequence[str]) -> str:
    """What an inconclusive verdict excludes nevertheless: a rise by more than the margin."""
    excluded = [
        where.strip() or "it"
        for finding, where in zip(findings, places, strict=True)
        if finding.runs >= MINIMUM_RUNS
        and finding.verdict == "inconclusive"
        and finding.difference is not None
        and finding.difference.interval[1] < finding.margin
    ]
    if not excluded:
        return ""
    unit = spoken(findings[0].metric)
    where = "" if excluded == ["it"] else f" {' and '.join(excluded)}"
    return f"; a rise{where} by more than the margin of {unit.number(findings[0].margin)}{unit.name} is ruled out"


def joint(p_values: Sequence[float | None]) -> float | None:
    """All parts must hold: an intersection-union test; None where a part could not be tested."""
    known = [p_value for p_value in p_values if p_value is not None]
    return max(known) if len(known) == len(p_values) and known else None


def p_of(finding: Finding) -> float | None:
    """Of one or two training runs a p-value says nothing about the recipes."""
    if finding.difference is None or finding.runs < MINIMUM_RUNS:
        return None
    return finding.difference.p_value


def _share(findings: Sequence[Finding]) -> float:
    """Of the error that belongs to the look at which the figures were taken."""
    return min((one.difference.share for one in findings if one.difference is not None), default=1.0)


def p_values(parts: Sequence[Estimate | None], findings: Sequence[Finding]) -> list[float | None]:
    if min(finding.runs for finding in findings) < MINIMUM_RUNS:
        return [None] * len(parts)
    return [None if part is None else min(1.0, part.p_value / _share(findings)) for part in parts]


def any_below(parts: Sequence[Estimate | None], findings: Sequence[Finding]) -> bool:
    """Whether one part has the opposite sign beyond doubt: its own interval lies below 0."""
    enough = min(finding.runs for finding in findings) >= MINIMUM_RUNS
    return enough and any(part is not None and part.interval.high < 0 for part in parts)


def measure(
    found: Found, key: str, weights: Mapping[str, float], finding: Finding, *, arm: str, minus: str | None = None
) -> Estimate | None:
    if found.measured is None:
        return None
    confidence = 1 - LEVEL * _share([finding])
    return found.measured.contrast(
        found.questions[key], weights, arm=arm, minus=minus, runs=finding.runs, confidence=confidence
    )


def shows(
    found: Found, key: str, weights: Mapping[str, float], *, only: int, arm: str, minus: str | None = None
) -> bool:
    """Whether one pair of models shows it beyond the noise of the rows."""
    if found.measured is None:
        return False
    part = found.measured.contrast(found.questions[key], weights, arm=arm, minus=minus, only=only)
    return part is not None and part.p_value <= LEVEL


def pairs_show(findings: Sequence[Finding]) -> list[bool]:
    """For each pair of models, whether all of the gaps are wider beyond the noise of the rows."""
    if any(finding.models is None for finding in findings):
        return []
    pairs = zip(*(one.models.pairs for one in findings if one.models is not None), strict=False)
    return [all(pair.p_value <= LEVEL for pair in run) for run in pairs]


def _allowance(arm: ArmValue) -> float:
    """As much as the noise of the rows adds to the plain gap; near 0 where the extreme groups are far apart."""
    return max((arm.plain or 0.0) - (arm.value or 0.0), 0.0)


def between(one: ArmValue, other: ArmValue) -> Estimate | None:
    """How much larger the gap of `other` is than that of `one`: the same models on other rows."""
    if one.row_error is None or other.row_error is None:
        return None
    steps = _steps(one.per_run, other.per_run)
    error = math.hypot(one.row_error, other.row_error)
    return paired_estimate(steps, error, below=_allowance(one), above=_allowance(other)) if steps else None


def change_between(less: Finding, more: Finding) -> Estimate | None:
    """How much larger the change of `more` is than that of `less`: the same models and rows."""
    if less.difference is None or more.difference is None:
        return None
    changes = [_steps(finding.standard.per_run, finding.robust.per_run) for finding in (less, more)]
    steps = _steps(*changes)
    # The same rows: without their covariance the errors are added, which is on the safe side.
    error = less.difference.row_error + more.difference.row_error
    return paired_estimate(steps, error) if steps else None


def changes_shown(less: Finding, more: Finding) -> list[bool]:
    """For each pair of models, whether the change of `more` is larger beyond the noise of the rows."""
    if less.models is None or more.models is None:
        return []
    shown = []
    for one, other in zip(less.models.pairs, more.models.pairs, strict=False):
        # A one-sided 95% limit of each from its 95% interval; added, as above.
        reach = sum((pair.value - pair.interval[0]) * 1.645 / 1.96 for pair in (one, other))
        shown.append(other.value - one.value > reach)
    return shown


def far(one: float | None, other: float | None, arms: tuple[ArmValue, ArmValue]) -> bool:
    """Whether one model's gap is larger on the second rows than on the first, beyond their noise."""
    errors = [arm.row_error for arm in arms]
    if one is None or other is None or None in errors:
        return False
    return other - one > 1.645 * math.hypot(*(error or 0.0 for error in errors))


def _steps(first: Sequence[float | None], second: Sequence[float | None]) -> list[float]:
    """Of each training run that both have."""
    return [other - one for one, other in zip(first, second, strict=False) if one is not None and other is not None]


def say(part: Estimate) -> str:
    low, high = part.interval.low, part.interval.high
    return f"{100 * part.value:+.1f}, interval {100 * low:+.1f} to {100 * high:+.1f}"


def spread(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return max(known) - min(known) if known else 0.0


def count(findings: Sequence[Finding]) -> str:
    runs = sorted({finding.runs for finding in findings})
    if runs == [1]:
        return "one training run"
    return f"{runs[0]} training runs" if len(runs) == 1 else f"{runs[0]} to {runs[-1]} training runs"


def listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
