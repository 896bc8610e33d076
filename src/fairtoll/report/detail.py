"""What a finding says when it is opened: these models, the looks, what would decide, the systematic part, groups."""

from collections import Counter

from fairtoll.findings.results import Finding, Systematic
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import in_unit, interval, own_value, p_value, percent
from fairtoll.report.sides import Sides

#: Groups listed at most.
GROUPS = 6
#: A bracket that is narrower leaves nothing open.
EXACT = 1e-9


def details(finding: Finding, named: Sides) -> list[tuple[str, str]]:
    """Return what is known beside the verdict, each with its label."""
    parts = [
        ("What is proved", proved_words(finding)),
        ("These models", models_words(finding)),
        ("Looks", path_words(finding)),
        ("What would decide", needed_words(finding)),
        ("Systematic part", systematic_words(finding, named)),
        ("Groups, largest loss first", changes_words(finding)),
    ]
    return [(label, words) for label, words in parts if words]


def proved_words(finding: Finding) -> str:
    """Return between which values the plain gaps and their difference lie, whatever attack is run."""
    found = finding.difference
    if found is None or found.proved is None:
        return ""
    unit = metric_of(finding.metric).unit
    arms = [
        f"{one.arm} {interval(one.proved, unit)}"
        for one in (finding.standard, finding.robust)
        if one.proved is not None
    ]
    if found.proved[1] - found.proved[0] < EXACT:
        return (
            f"every row is broken or proved robust, so that no stronger attack changes these gaps (plain: "
            f"{'; '.join(arms)})."
        )
    return (
        f"whatever attack is run, the plain gaps of these models lie within {'; '.join(arms)}, and their difference "
        f"within {interval(found.proved, unit, sign=True)}. The interval is as much wider: the verdict holds for all "
        "of it."
    )


def models_words(finding: Finding) -> str:
    """Return how many pairs of trained models show a wider gap; of one pair its figures."""
    found = finding.models
    if found is None or not found.pairs:
        return ""
    unit = metric_of(finding.metric).unit
    if len(found.pairs) == 1:
        (pair,) = found.pairs
        swap = "" if found.swap_p is None else f"; swapping rows between the models: p = {p_value(found.swap_p)}"
        return (
            f"{pair.verdict}: from {in_unit(pair.standard, unit)} to {in_unit(pair.robust, unit)}, difference "
            f"{in_unit(pair.value, unit, sign=True)} ({interval(pair.interval, unit, sign=True)}) over new rows, p = "
            f"{p_value(pair.p_value)}{swap}. One training run says nothing about the recipes."
        )
    counts = Counter({verdict: count for verdict, count in found.shown.items() if count})
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    return f"of {len(found.pairs)} pairs, one a training run, over new rows alone: {said}."


def path_words(finding: Finding) -> str:
    """Return estimate, interval and verdict at every look at the runs, where there were several."""
    found, unit = finding.difference, metric_of(finding.metric).unit
    if found is None or len(found.path) < 2:
        return ""
    return "; ".join(
        f"{look.runs} runs: {in_unit(look.value, unit, sign=True)} ({interval(look.interval, unit, sign=True)}), "
        f"{look.verdict}"
        for look in found.path
    ) + "."  # fmt: skip


def needed_words(finding: Finding) -> str:
    """Return how many more runs or rows an inconclusive comparison would take."""
    found = finding.difference
    return "" if found is None or found.needed is None else f"{found.needed.sentence.rstrip('.')}."


def systematic_words(finding: Finding, named: Sides) -> str:
    """Return the gap of mean values in both arms, and what it means where it disagrees with the finding."""
    found = finding.difference
    if found is None or found.systematic is None or found.runs < 2:
        return ""
    part, unit = found.systematic, metric_of(finding.metric).unit
    words = (
        f"{in_unit(part.standard, unit)} to {in_unit(part.robust, unit)}, difference "
        f"{in_unit(part.value, unit, sign=True)} ({interval(part.interval, unit, sign=True)}), {part.verdict}."
    )
    if part.verdict != finding.verdict or (part.value > 0) != (found.value > 0):
        words += f" {disagreement(part, found.value, named)}"
    return words


def disagreement(part: Systematic, value: float, named: Sides) -> str:
    """Return what it means for a deployment that the systematic part differs from the mean of single models' gaps."""
    if value > part.value:
        return (
            "It is less than what single models show: each deployment has the gap that is judged here, but not always "
            "against the same group."
        )
    return (
        f"It is more than what single models show: deployments of {named.second_model} agree more on which group is "
        f"worse off than those of {named.first_model}."
    )


def changes_words(finding: Finding) -> str:
    """Return each group's own value in both arms with the interval of its change."""
    unit = metric_of(finding.metric).unit
    sign = "%" if unit == "points" else ""
    said = [
        f"{change.group} {own_value(change.standard, unit)}{sign} to {own_value(change.robust, unit)}{sign} "
        f"({difference(change.value, unit)}, {interval(change.interval, unit, sign=True)})"
        for change in finding.changes[:GROUPS]
    ]
    rest = len(finding.changes) - GROUPS
    return "" if not said else "; ".join(said) + (f"; {rest} more in the tables." if rest > 0 else ".")


def difference(value: float, unit: str) -> str:
    """Return how far a group moves."""
    return percent(value, sign=True) if unit == "points" else in_unit(value, unit, sign=True)
