"""The answer in at most three sentences, for one model alone: which group is worst off, and how many gaps matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fairtoll.findings.levels import level_title
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
    of_classes = gap.parameters.partition == "class"
    best = f"class {gap.value.best_group}" if of_classes else f"{gap.value.best_group} rows"
    who = f"Class {gap.value.worst_group} is" if of_classes else f"{gap.value.worst_group} rows are"
    return (
        f"{who} worst off with {name}: "
        f"{level_title(gap.metric, gap.parameters)}{_where(gap)} is {_level(gap.value.worst_value, gap)} there and "
        f"{_level(gap.value.best_value, gap)} for {best}, {_size(gap)}."
    )


def _size(gap: Gap) -> str:
    """The gap, and beside it the difference of the two measured values where that is another one as shown."""
    unit, value = spoken(gap.metric), gap.value
    assert value.interval is not None
    assert value.value is not None
    low, high = (unit.number(end) for end in value.interval)
    judged, interval = f"{unit.number(value.value)}{unit.name}", f"(interval {low} to {high})"
    if value.worst_value is None or value.best_value is None:
        return f"a gap of {judged} {interval}"
    measured = f"{unit.number(abs(value.worst_value - value.best_value))}{unit.name}"
    if measured == judged:
        return f"a gap of {judged} {interval}"
    return f"a difference of {measured}; the gap without what the noise of the rows adds is {judged} {interval}"


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
