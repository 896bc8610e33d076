"""The answer in at most three sentences: who pays and how much, what is decided, what is open and what it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from fairtoll.findings.levels import level_title
from fairtoll.findings.results import Arm, ArmValue, Finding, MeasuredChange
from fairtoll.metrics import METRICS
from fairtoll.statistics.verdict import MINIMUM_RUNS

MINUS = "\N{MINUS SIGN}"
#: Of arms, by name.
Titles = Mapping[str, str]


def answer(findings: Sequence[Finding], arms: Sequence[Arm]) -> list[str]:
    """Say in at most three sentences what the findings show, with groups and numbers.

    Of training recipes where there are several training runs; of the trained models at hand where there is one.

    Parameters
    ----------
    findings : sequence of Finding
        All of a report.
    arms : sequence of Arm
        For their titles.

    Returns
    -------
    list of str
        Empty where there is no finding.

    Examples
    --------
    >>> answer([], [])
    []
    """
    if not findings:
        return []
    titles = {arm.name: arm.title or arm.name for arm in arms}
    if all(finding.runs < 2 for finding in findings):
        return _of_models(findings, titles)
    said = (_who_pays(findings, titles), _decided(findings, titles), _open(findings, titles))
    return [sentence for sentence in said if sentence]


def _who_pays(findings: Sequence[Finding], titles: Titles) -> str:
    """The clearest finding of a wider gap, with the group that is worst off; else that there is none."""
    wider = [finding for finding in _leading(findings) if finding.verdict == "less fair" and finding.difference]
    if not wider:
        return f"No gap is shown to be wider {_than(findings, titles)}, over training runs and test rows."
    finding = max(wider, key=lambda one: _weight(one, one.difference.interval[0] if one.difference else 0.0))
    found = finding.difference
    assert found is not None
    low, high = (_number(end, finding, unit=False) for end in found.interval)
    pairs = finding.models.pairs if finding.models else []
    seen = finding.models.shown.get("wider gap", 0) if finding.models else 0
    of_models = f"; {seen} of {len(pairs)} single pairs of models show it too" if len(pairs) > 1 else ""
    gaps = f"goes from {_number(found.standard, finding, unit=False)} to {_number(found.robust, finding)}"
    change = f"less fair, interval of the change {low} to {high}, {found.runs} training runs{of_models}"
    who = _who(finding, titles)
    who = who[0].upper() + who[1:] if who.startswith(("class ", "the gap ")) else who  # a group's name stays as it is
    return f"{who} {gaps} ({change})."


def _than(findings: Sequence[Finding], titles: Titles) -> str:
    """Of which models no gap is wider: in an experiment of those that were hardened, in an audit by their names."""
    if any(finding.protocol != "audit" for finding in findings):
        return "after hardening"
    several = len({finding.robust.arm for finding in findings}) > 1
    second = "any other model" if several else _name(findings[0].robust, titles)
    return f"with {second} than with {_first(findings, titles)}"


def _first(findings: Sequence[Finding], titles: Titles) -> str:
    """What the model is called that others are compared with."""
    first = findings[0]
    return _name(first.standard, titles) if first.protocol == "audit" else "the standard model"


def _decided(findings: Sequence[Finding], titles: Titles) -> str:
    """How many comparisons have each verdict: as the table of verdicts counts them."""
    counts: Counter[str] = Counter(finding.verdict for finding in findings)
    decided = [verdict for verdict in ("less fair", "fairer", "equivalent") if counts[verdict]]
    levelled = sum(finding.verdict == "fairer" and finding.levelling_down is not None for finding in findings)
    if len(findings) == 1:
        how = " by levelling down" if levelled else ""
        # What is open is said by the next sentence.
        return f"The one comparison with {_first(findings, titles)}: {decided[0]}{how}." if decided else ""
    said = [f"{counts[verdict]} {verdict}" for verdict in decided] or ["none"]
    more = f" ({levelled} of the fairer by levelling down)" if levelled else ""
    return (
        f"Of {len(findings)} comparisons with {_first(findings, titles)}, these are decided: {', '.join(said)}{more}."
    )


def _open(findings: Sequence[Finding], titles: Titles) -> str:
    """How many comparisons are inconclusive, and what would decide them."""
    undecided = [finding for finding in findings if finding.verdict == "inconclusive"]
    if not undecided:
        return ""
    said = what_it_takes(undecided)
    which = f"{len(undecided)} {'is' if len(undecided) == 1 else 'are'}"
    if len(findings) == 1:
        which = f"The one comparison with {_first(findings, titles)} is"
    return f"{which} inconclusive{': ' if said else ''}{said}."


def what_it_takes(undecided: Sequence[Finding]) -> str:
    """What would decide inconclusive comparisons, were their estimates exact; empty where that is not known.

    How far training runs differ is known from three runs on: of fewer it is said that they are too few to estimate it.

    Examples
    --------
    >>> what_it_takes([])
    ''
    """
    needed = [
        (finding.difference.runs, finding.difference.needed)
        for finding in undecided
        if finding.difference and finding.difference.needed
    ]
    few = [(had, one.runs) for had, one in needed if one.runs is not None and had < MINIMUM_RUNS]
    runs = sorted(one.runs for had, one in needed if one.runs is not None and had >= MINIMUM_RUNS)
    rows = sorted(one.rows for _, one in needed if one.runs is None and one.rows is not None)
    said = []
    if few:
        had, least = max(had for had, _ in few), min(least for _, least in few)
        word = {1: "one run does", 2: "two runs do"}[had]
        said.append(f"{_take(len(few), undecided)} at least {least} training runs, and {word} not say how many more")
    if runs:
        said.append(f"{_would(len(runs), undecided)} {_span(runs)} training runs")
    if rows:
        said.append(f"{_would(len(rows), undecided)} {_span(rows)} test rows, however many runs")
    rest = len(undecided) - len(few) - len(runs) - len(rows)
    if rest and said:
        said.append(f"{rest} {'lies' if rest == 1 else 'lie'} too near the margin to tell")
    return "; ".join(said)


def _span(numbers: Sequence[int]) -> str:
    low, high = numbers[0], numbers[-1]
    return f"about {low:,}" if low == high else f"about {low:,} to {high:,}"


def _would(count: int, undecided: Sequence[Finding]) -> str:
    return f"{'it' if len(undecided) == 1 else count} would take"


def _take(count: int, undecided: Sequence[Finding]) -> str:
    if len(undecided) == 1:
        return "it takes"
    return f"{count} {'takes' if count == 1 else 'take'}"


def _of_models(findings: Sequence[Finding], titles: Titles) -> list[str]:
    """What one pair of trained models shows, with one training run of each."""
    judged = [(finding, finding.models.pairs[0]) for finding in findings if finding.models and finding.models.pairs]
    if not judged:
        return ["No comparison has enough rows."]
    counts: Counter[str] = Counter(pair.verdict for _, pair in judged)
    names = ("wider gap", "narrower gap", "same gap", "unclear")
    said = ", ".join(f"{counts[name]} {name}" for name in names if counts[name])
    sentences = []
    leading = _leading([finding for finding, _ in judged])
    wider = [(f, pair) for f, pair in judged if pair.verdict == "wider gap" and f in leading]
    if wider:
        finding, pair = max(wider, key=lambda one: _weight(one[0], one[1].interval[0]))
        low, high = (_number(end, finding, unit=False) for end in pair.interval)
        both = _both(finding, titles, _number(pair.standard, finding, unit=False), _number(pair.robust, finding))
        sentences.append(
            f"Of these two models: {_who(finding, titles)} is {both}, wider by {low} to {high}{_unit(finding)} "
            "(interval over new rows)."
        )
    else:
        several = len({finding.robust.arm for finding in findings}) > 1
        which = "These models" if several else "These two models"
        sentences.append(f"{which}: no gap is shown to be wider {_than(findings, titles)}, on new rows.")
    which = "The one comparison" if len(judged) == 1 else f"Of {len(judged)} comparisons"
    sentences.append(f"{which} of these models: {said if len(judged) > 1 else judged[0][1].verdict}.")
    sentences.append("One training run says nothing about the recipes: train more runs of each to compare them.")
    return sentences


def _leading(findings: Sequence[Finding]) -> list[Finding]:
    """Findings fit to lead: of all rows, not by static transfer, of single attributes where there are any."""
    fit = [
        finding
        for finding in findings
        if finding.parameters.denominator != "correct" and finding.parameters.evaluation != "static-transfer"
    ] or list(findings)
    return [finding for finding in fit if " & " not in finding.parameters.partition] or fit


def _weight(finding: Finding, at_least: float) -> tuple[bool, float]:
    """How well a finding leads: in points before other units, then by how far it is beyond its margin."""
    return _in_points(finding), at_least / finding.margin if finding.margin else at_least


def _both(finding: Finding, titles: Titles, first: str, second: str) -> str:
    """Two values, of the model that others are compared with and of the other."""
    if finding.protocol != "audit":
        return f"{first} before and {second} after"
    return f"{first} with {_name(finding.standard, titles)} and {second} with {_name(finding.robust, titles)}"


def _name(value: ArmValue, titles: Titles) -> str:
    return titles.get(value.arm, value.arm)


def _who(finding: Finding, titles: Titles) -> str:
    """Who pays, where that group's own loss is decided, or that the gap is wider; up to the verb said of the gap."""
    moved, group = _moved(finding), finding.robust.worst_group
    if moved is None or group is None:
        return _wider(finding, titles)
    change, sign = moved
    gain = [sign * end for end in change.interval]
    if min(gain) <= 0 <= max(gain):  # its own change is within noise: another group's may have widened the gap
        return _wider(finding, titles)
    before, after = _level(change.standard, finding), _level(change.robust, finding)
    if finding.parameters.partition == "class":
        who = f"class {group} {'pays' if max(gain) < 0 else 'gains less than others'}"
        whose = "its"
    else:
        who = f"{group} rows {'pay' if max(gain) < 0 else 'gain less than others'}"
        whose = "their"
    own = f"{whose} {_title(finding)} goes from {before} to {after}"
    return f"{who} with {_name(finding.robust, titles)}: {own}, and the gap in it {_where(finding)}"


def _wider(finding: Finding, titles: Titles) -> str:
    """That the gap is wider, and the values before and after of the groups at its ends in the robust arm."""
    ends = (finding.robust.worst_group, finding.robust.best_group)
    said = [text for group in ends if group is not None and (text := _ends(finding, group, titles))]
    clean = ", without what the noise of the rows adds," if _corrected(finding) else ""
    head = f"the gap in the {_title(finding)} {_where(finding)} is wider with {_name(finding.robust, titles)}"
    return f"{head}: {'; '.join([*said, 'the gap'])}{clean}"


def _ends(finding: Finding, group: str, titles: Titles) -> str:
    """One group's own value in both models."""
    before, after = (_own(value, group) for value in (finding.standard, finding.robust))
    for change in finding.changes:  # of the training runs that were judged, where it is known
        if change.group == group:
            before, after = change.standard, change.robust
    if before is None or after is None:
        return ""
    name = f"class {group}" if finding.parameters.partition == "class" else f"{group} rows"
    return f"{name} {_both(finding, titles, _level(before, finding), _level(after, finding))}"


def _own(value: ArmValue, group: str) -> float | None:
    return next((one.value for one in value.groups if one.group == group), None)


def _corrected(finding: Finding) -> bool:
    """Whether a gap, as shown, is not the difference of the groups' measured values."""
    return any(
        one.plain is not None and one.value is not None and _number(one.plain, finding) != _number(one.value, finding)
        for one in (finding.standard, finding.robust)
    )


def _moved(finding: Finding) -> tuple[MeasuredChange, float] | None:
    """The change of the group worst off in the robust arm, and the sign of what is a gain."""
    metric = METRICS.get(finding.metric)
    if metric is None or not metric.levels_down:
        return None  # neither more nor less of it is better
    sign = 1.0 if metric.higher_is_better else -1.0
    return next(((one, sign) for one in finding.changes if one.group == finding.robust.worst_group), None)


def _title(finding: Finding) -> str:
    """What a group's own value is."""
    return level_title(finding.metric, finding.parameters)


def _where(finding: Finding) -> str:
    """Between which groups, and at which radius."""
    parameters = finding.parameters
    words = "between the classes" if parameters.partition == "class" else f"by {parameters.partition}"
    words += f", true class {parameters.label}," if parameters.label is not None else ""
    if parameters.epsilon is not None and parameters.evaluation != "clean":
        words += f" at epsilon {parameters.epsilon:g}"
    return words


def _level(value: float, finding: Finding) -> str:
    return f"{100 * value:.1f}%" if _in_points(finding) else f"{value:.3g}"


def _number(value: float, finding: Finding, *, unit: bool = True) -> str:
    text = f"{100 * value:.1f}" if _in_points(finding) else f"{value:.3g}"
    return text.replace("-", MINUS) + (_unit(finding) if unit else "")


def _unit(finding: Finding) -> str:
    return " points" if _in_points(finding) else ""


def _in_points(finding: Finding) -> bool:
    metric = METRICS.get(finding.metric)
    return metric is not None and metric.unit == "points"
