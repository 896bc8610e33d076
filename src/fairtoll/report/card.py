"""What a model card says of one arm: a Markdown section, from `Results` alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fairtoll.errors import FairtollError
from fairtoll.findings.judged import CONFIDENCE
from fairtoll.findings.results import Accuracy, ArmValue, Finding, Gap, Results
from fairtoll.report.alarms import kinds
from fairtoll.report.arms import arm_titles, arm_values
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import in_unit, interval, own_value
from fairtoll.report.select import describe, evaluation_name, of_two_models, verdict_words
from fairtoll.report.tables.accuracy import accuracy_table
from fairtoll.report.tables.table import Cell, Column, Table, escape_markdown
from fairtoll.report.words import sentence

#: What each kind of evaluation can and cannot say, for readers who have no report at hand.
MEANINGS = {
    "white-box": "*White-box*: the attack follows the model's own gradients. The figure is an upper bound of robust "
    "accuracy: a stronger attack may lower it.",
    "scores-only": "*Scores only*: the attack sees the model's scores, not its gradients. Such a figure is not "
    "compared with a white-box one.",
    "static-transfer": "*Static transfer*: examples that were made on another model. It says nothing about an attack "
    "on this model.",
    "proved": "*Proved*: no attack whatever breaks these rows within the radius.",
}
READING = (
    "A gap is the largest difference between two groups, without what the noise of the rows adds, so that it can be "
    "below 0; a *plain* gap (the largest minus the smallest mean) of equal groups would exceed *by chance* in one of "
    "20 draws of rows."
)
OF_TWO_MODELS = (
    "The verdict, with the difference of the gaps and its interval, compares these two trained models on new rows; "
    "with one training run it says nothing about how they were trained."
)
WIDENED = "Intervals of differences are wider than 95%, as the comparisons of one metric share the error."


@dataclass(frozen=True)
class Measured:
    """One gap of the arm, and the finding that compares it with another arm, or that is of it alone."""

    finding: Finding | Gap
    value: ArmValue

    @property
    def compared(self) -> bool:
        """Whether the verdict is on this arm beside another."""
        return isinstance(self.finding, Finding) and self.finding.robust.arm == self.value.arm

    @property
    def verdict(self) -> str:
        """The verdict on this arm, beside another or alone; with one training run each, on the two models."""
        if isinstance(self.finding, Gap):
            return self.finding.verdict
        if not self.compared:
            return "–"
        pair = of_two_models(self.finding)
        if pair is None:
            return verdict_words(self.finding)
        unit = metric_of(self.finding.metric).unit
        return f"{pair.verdict}: {in_unit(pair.value, unit, sign=True)} ({interval(pair.interval, unit, sign=True)})"


def render_card(results: Results, *, arm: str | None = None) -> str:
    """A section for the model card of one arm: accuracies by evaluation, gaps, verdicts, alarms, how to read them.

    Parameters
    ----------
    results : Results
        Of an audit or a reproduction.
    arm : str, optional
        Whose card it is. May be left out where there is one arm.

    Returns
    -------
    str
        Markdown, from a heading of level 2 on; names of the data are escaped.

    Raises
    ------
    FairtollError
        If the results have no such arm, or several and none is named.

    Examples
    --------
    >>> import pandas as pd
    >>> from fairtoll.evidence import Evidence
    >>> from fairtoll.audits import audit_evidence
    >>> frame = pd.DataFrame({"model": ["a"] * 40 + ["b"] * 40, "y": ["no", "yes"] * 40, "p": [0.2, 0.9] * 40})
    >>> found = audit_evidence(Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, arm="model"))
    >>> print(render_card(found.results, arm="b").splitlines()[0])
    ## Fairness and robustness
    """
    name = arm_of(results, arm)
    measured = gaps_of(results, name)
    accuracies = [entry for entry in results.accuracy if entry.arm == name]
    evaluations = dict.fromkeys([entry.evaluation for entry in accuracies])
    whole = accuracy_table(results, "accuracy", "Accuracy", accuracies, with_threat=len(_threats(results)) > 1)
    # Without the arm, of which there is one.
    tables = [
        replace(whole, columns=whole.columns[1:], rows=[row[1:] for row in whole.rows]),
        _gap_table(results, measured),
    ]
    parts = [
        "## Fairness and robustness",
        _introduction(results, name),
        *_alarms(results, name),
        *(table.to_markdown().strip() for table in tables if table.rows),
        " ".join([READING, *_of_two_models(measured), *(MEANINGS[one] for one in evaluations if one in MEANINGS)]),
        *(f"Note: {sentence(escape_markdown(note.text))}" for note in results.model_notes if note.arm == name),
        *(f"Note: {sentence(escape_markdown(cut))}" for cut in results.cuts),
    ]
    return "\n\n".join(parts) + "\n"


def arm_of(results: Results, arm: str | None) -> str:
    """The arm that a card is about.

    Raises
    ------
    FairtollError
        If there is no such arm, or several and none is named.
    """
    names = [one.name for one in results.arms]
    if arm is None and len(names) == 1:
        return names[0]
    if arm is None or arm not in names:
        given = "no arm is named" if arm is None else f"arm is {arm!r}"
        raise FairtollError(f"{given}; expected one of {', '.join(names) or 'none'}; a card is about one model")
    return arm


def gaps_of(results: Results, arm: str) -> list[Measured]:
    """Each gap of one arm once; where several findings have it, the one whose verdict is on this arm."""
    if results.gaps:
        return [Measured(gap, gap.value) for gap in results.gaps if gap.value.arm == arm]
    found: dict[tuple[str, str, str], Measured] = {}
    for finding in results.findings:
        for value in arm_values(finding):
            if value.arm == arm:
                one = Measured(finding, value)
                key = (finding.protocol, finding.metric, finding.parameters.model_dump_json())
                if key not in found or (one.compared and not found[key].compared):
                    found[key] = one
    return list(found.values())


def _introduction(results: Results, arm: str) -> str:
    data = results.dataset
    rows = data.rows.get("test") or next(iter(data.rows.values()), 0)
    runs = max((len(entry.per_run) for entry in results.accuracy if entry.arm == arm), default=1)
    title = escape_markdown(arm_titles(results)[arm])
    of_runs = f", the mean of {runs} training runs" if runs > 1 else ""
    unofficial = f" Not the official data: {sentence(escape_markdown(data.unofficial))}" if data.unofficial else ""
    return (
        f"Model: {title}{of_runs}. Data: {escape_markdown(data.title or data.name)}, {rows:,} rows, classes "
        f"{', '.join(map(escape_markdown, data.classes))}"
        f"{'; groups by ' + ', '.join(map(escape_markdown, data.attributes)) if data.attributes else ''}."
        f"{unofficial} Measured with fairtoll {results.fairtoll_version}."
    )


def _of_two_models(measured: Sequence[Measured]) -> list[str]:
    compared = [one.finding for one in measured if one.compared and isinstance(one.finding, Finding)]
    pairs = [pair for finding in compared if (pair := of_two_models(finding))]
    widened = [WIDENED] if any(pair.confidence > CONFIDENCE for pair in pairs) else []
    return [OF_TWO_MODELS, *widened] if pairs else []


def _alarms(results: Results, arm: str) -> list[str]:
    title = arm_titles(results)[arm]
    fired = [
        f"**Warning: {escape_markdown(kind.title)}.** {escape_markdown(one.message)} {escape_markdown(kind.meaning)}"
        for kind in kinds(results, fired=True)
        for one in (*kind.arms, *kind.controls)
        if one.arm == title
    ]
    return [text.strip() for text in fired]


def _gap_table(results: Results, measured: Sequence[Measured]) -> Table:
    standard = {one.finding.standard.arm for one in measured if isinstance(one.finding, Finding) and one.compared}
    alone = any(isinstance(one.finding, Gap) for one in measured)
    titles = arm_titles(results)
    against = f", against {', '.join(titles[name] for name in sorted(standard))}" if standard else ""
    columns = [Column("Gap"), Column("Unit"), Column("Value", str), Column("95% interval", str)]
    columns += [Column("Plain", str), Column("By chance", str), Column("Worst group"), Column("Its value", str)]
    of_pair = " on these two models" if _of_two_models(measured) else ""
    columns += [Column(f"Verdict{of_pair}{against}")] if standard or alone else []
    rows: list[list[Cell]] = []
    for one in measured:
        value, metric = one.value, metric_of(one.finding.metric)
        row: list[Cell] = [
            gap_name(results, one.finding),
            "points" if metric.unit == "points" else metric.unit,
            in_unit(value.value, metric.unit),
            interval(value.interval, metric.unit),
            in_unit(value.plain, metric.unit),
            in_unit(value.null_95, metric.unit),
            value.worst_group or "–",
            own_value(value.worst_value, metric.unit) + ("%" if metric.unit == "points" else ""),
        ]
        row += [one.verdict] if standard or alone else []
        rows.append(row)
    return Table("gaps", "Gaps between classes and between groups", tuple(columns), rows)


def _threats(results: Results) -> set[str]:
    return {entry.threat for entry in results.accuracy if entry.threat}


def gap_name(results: Results, finding: Finding | Gap) -> str:
    """What a gap is, in words, with the attack: there may be several."""
    return ", ".join(part for part in (describe(results, finding), finding.parameters.attack) if part)


def accuracy_name(results: Results, entry: Accuracy) -> str:
    """What an accuracy is, in words."""
    if entry.evaluation == "clean":
        return "Accuracy"
    radius = "" if entry.epsilon is None else f"epsilon {entry.epsilon:g}"
    threat = f"threat {entry.threat}" if entry.threat and len(_threats(results)) > 1 else ""
    parts = ("Robust accuracy", evaluation_name(entry.evaluation), entry.attack, radius, threat)
    return ", ".join(part for part in parts if part)
