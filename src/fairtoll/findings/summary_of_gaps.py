"""The answer in at most three sentences, for one model alone: which group is worst off, and how many gaps matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fairtoll.findings.results import Arm, Gap
from fairtoll.findings.units import spoken
from fairtoll.metrics import METRICS


def answer_of_gaps(gaps: Sequence[Gap], arms: Sequence[Arm]) -> list[str]:
    """Say in at most three sentences what the gaps of one arm show, with groups and numbers.

    Examples
    --------
    >>> answer_of_gaps([], [])
    []
    """
    measured = [gap for gap in gaps if gap.value.interval is not None]
    if not gaps:
        return []
    if not measured:
        return ["No gap has enough rows."]
    titles = {arm.name: arm.title or arm.name for arm in arms}
    name = titles.get(gaps[0].value.arm, gaps[0].value.arm)
    counts = Counter(gap.verdict for gap in gaps)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    runs = max(gap.runs for gap in gaps)
    whose = "this model" if runs == 1 else f"this recipe, over {runs} training runs"
    return [
        _worst(measured, name),
        f"Of {len(gaps)} gaps of {whose}: {said}.",
        "Nothing is said of what hardening costs: that takes a second model to compare with.",
    ]


def _worst(gaps: Sequence[Gap], name: str) -> str:
    """The clearest gap above its margin, with the groups at both ends; else that there is none."""
    single = [gap for gap in gaps if " & " not in gap.parameters.partition] or gaps
    above = [gap for gap in single if gap.verdict == "above margin"]
    if not above:
        return f"No gap of {name} is shown to be above its margin, on new rows."
    gap = max(above, key=_clearness)
    unit, metric, value = spoken(gap.metric), METRICS[gap.metric], gap.value
    assert value.interval is not None
    assert value.value is not None
    low, high = (unit.number(end) for end in value.interval)
    of_classes = gap.parameters.partition == "class"
    best = f"class {value.best_group}" if of_classes else f"{value.best_group} rows"
    who = f"Class {value.worst_group} is" if of_classes else f"{value.worst_group} rows are"
    return (
        f"{who} worst off with {name}: "
        f"{metric.group_title.lower()}{_where(gap)} is {_level(value.worst_value, gap)} there and "
        f"{_level(value.best_value, gap)} for {best}, a gap of {unit.number(value.value)}{unit.name} "
        f"(interval {low} to {high})."
    )


def _clearness(gap: Gap) -> tuple[bool, float]:
    """Gaps in points lead, those furthest above their margin first."""
    low = gap.value.interval[0] if gap.value.interval else 0.0
    return METRICS[gap.metric].unit == "points", low / gap.margin if gap.margin else low


def _where(gap: Gap) -> str:
    parameters = gap.parameters
    words = f" of true class {parameters.label}" if parameters.label is not None else ""
    if parameters.evaluation != "clean" and parameters.epsilon is not None:
        how = "by scores only, " if parameters.evaluation == "scores-only" else ""
        words += f" ({how}epsilon {parameters.epsilon:g})"
    return words


def _level(value: float | None, gap: Gap) -> str:
    if value is None:
        return "unknown"
    return f"{100 * value:.1f}%" if METRICS[gap.metric].unit == "points" else f"{value:.3g}"
