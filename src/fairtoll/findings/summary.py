"""The answer in at most three sentences: who pays and how much, what is decided, what is open and what it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fairtoll.findings.results import Arm, Finding, MeasuredChange
from fairtoll.metrics import METRICS

MINUS = "\N{MINUS SIGN}"


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
    return [sentence for sentence in (_who_pays(findings, titles), _decided(findings), _open(findings)) if sentence]


def _who_pays(findings: Sequence[Finding], titles: dict[str, str]) -> str:
    """The clearest finding of a wider gap, with the group that is worst off; else that there is none."""
    wider = [finding for finding in _leading(findings) if finding.verdict == "less fair" and finding.difference]
    if not wider:
        return "No gap is shown to be wider after hardening, over training runs and test rows."
    finding = max(wider, key=lambda one: _weight(one, one.difference.interval[0] if one.difference else 0.0))
    found = finding.difference
    assert found is not None
    low, high = (_number(end, finding, unit=False) for end in found.interval)
    pairs = finding.models.pairs if finding.models else []
    seen = finding.models.shown.get("wider gap", 0) if finding.models else 0
    of_models = f"; {seen} of {len(pairs)} single pairs of models show it too" if len(pairs) > 1 else ""
    arm = titles.get(finding.robust.arm, finding.robust.arm)
    gaps = f"{_number(found.standard, finding, unit=False)} to {_number(found.robust, finding)}"
    change = f"less fair, interval of the change {low} to {high}, {found.runs} training runs{of_models}"
    return f"{_payer(finding)} with {arm}: {_own(finding)}{_gap(finding)} goes from {gaps} ({change})."


def _decided(findings: Sequence[Finding]) -> str:
    """How many comparisons have each verdict: as the table of verdicts counts them."""
    counts = Counter(finding.verdict for finding in findings)
    said = [f"{counts[verdict]} {verdict}" for verdict in ("less fair", "fairer", "equivalent") if counts[verdict]] or [
        "none"
    ]
    levelled = sum(finding.verdict == "fairer" and finding.levelling_down is not None for finding in findings)
    more = f" ({levelled} of the fairer by levelling down)" if levelled else ""
    return f"Of {len(findings)} comparisons with the standard model, these are decided: {', '.join(said)}{more}."


def _open(findings: Sequence[Finding]) -> str:
    """How many comparisons are inconclusive, and what would decide them."""
    undecided = [finding for finding in findings if finding.verdict == "inconclusive"]
    if not undecided:
        return ""
    needed = [finding.difference.needed for finding in undecided if finding.difference and finding.difference.needed]
    runs = sorted(one.runs for one in needed if one.runs is not None)
    rows = sorted(one.rows for one in needed if one.runs is None and one.rows is not None)
    said = []
    if runs:
        span = f"about {runs[0]}" if runs[0] == runs[-1] else f"{runs[0]} to {runs[-1]}"
        said.append(f"{len(runs)} would take {span} training runs")
    if rows:
        span = f"about {rows[0]:,}" if rows[0] == rows[-1] else f"{rows[0]:,} to {rows[-1]:,}"
        said.append(f"{len(rows)} would take {span} test rows, however many runs")
    rest = len(undecided) - len(runs) - len(rows)
    if rest and said:
        said.append(f"{rest} lie too near the margin to tell")
    verb = "is" if len(undecided) == 1 else "are"
    return f"{len(undecided)} {verb} inconclusive{': ' if said else ''}{'; '.join(said)}."


def _of_models(findings: Sequence[Finding], titles: dict[str, str]) -> list[str]:
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
        sentences.append(
            f"Of these two models: {_payer(finding, small=True)} with "
            f"{titles.get(finding.robust.arm, finding.robust.arm)}; {_own(finding)}{_gap(finding)} is "
            f"{_number(pair.standard, finding, unit=False)} before and {_number(pair.robust, finding)} after, wider by "
            f"{low} to {high}{_unit(finding)} (interval over new rows)."
        )
    else:
        sentences.append("These two models: no gap is shown to be wider after hardening, on new rows.")
    sentences.append(f"Of {len(judged)} comparisons of these models: {said}.")
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


def _payer(finding: Finding, *, small: bool = False) -> str:
    """The group worst off in the robust arm, as who pays: with its own value, or with gaining less than the others."""
    group, moved = finding.robust.worst_group, _moved(finding)
    if group is None:
        return "some rows pay" if small else "Some rows pay"
    of_classes = finding.parameters.partition == "class"
    verb = "pay" if moved is None or moved[1] <= 0 else "gain less than others"
    if of_classes:
        return f"{'class' if small else 'Class'} {group} {verb.replace('pay', 'pays').replace('gain ', 'gains ')}"
    return f"{group} rows {verb}"


def _moved(finding: Finding) -> tuple[MeasuredChange, float] | None:
    """The change of the group worst off in the robust arm, and by how much it gains."""
    metric = METRICS.get(finding.metric)
    if metric is None or not metric.levels_down:
        return None  # neither more nor less of it is better
    sign = 1.0 if metric.higher_is_better else -1.0
    return next(((one, sign * one.value) for one in finding.changes if one.group == finding.robust.worst_group), None)


def _own(finding: Finding) -> str:
    """The same group's own value before and after."""
    moved, metric = _moved(finding), METRICS.get(finding.metric)
    if moved is None or metric is None:
        return ""
    change = moved[0]
    before, after = (_level(value, finding) for value in (change.standard, change.robust))
    whose = "its" if finding.parameters.partition == "class" else "their"
    return f"{whose} {metric.group_title.lower()} goes from {before} to {after}, and "


def _gap(finding: Finding) -> str:
    """What was compared, in words."""
    parameters, metric = finding.parameters, METRICS.get(finding.metric)
    level = metric.group_title.lower() if metric else finding.metric
    between = "between the classes" if parameters.partition == "class" else f"by {parameters.partition}"
    words = f"the gap in {level} {between}"
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
