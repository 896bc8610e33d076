"""The section that says of each recipe which measure of fairness it harms: harms, does not, or inconclusive."""

from collections.abc import Collection, Sequence

from fairtoll.findings.discoveries import LEVEL
from fairtoll.findings.requested import requested_pairs
from fairtoll.findings.results import Finding, LeaveOneOutContrast, Results
from fairtoll.metrics import METRICS
from fairtoll.report.families import compared, standard
from fairtoll.report.left_out import LUF_LEAD, extra_flips
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import in_unit, percent
from fairtoll.report.section import Section
from fairtoll.report.select import epsilon_text, evaluation_name, headline
from fairtoll.report.tables.table import Cell, Column, Table

LEAD = (
    "Against standard training, each recipe at its own strength, whatever robustness it reaches. Harms: the gap is "
    "wider by more than the margin. Does not: it is narrower, or the same within the margin. The number is by how much "
    "the gap is wider.{wider}{control}"
)
OF_WIDER = (
    " Wider: of the gaps that no verdict decides, which all hold together, those that are wider by an amount that is "
    "open; of all that are called so, {level:g}% at most are expected not to be (false discovery rate, Benjamini and "
    "Hochberg)."
)
OF_CONTROL = (
    " Folded below: the same against each recipe's own control, which trains as much without an adversary; where it "
    "harms only against standard training, the adversary was not the cause."
)
#: A flip rate this much higher matters: the margin of rates.
FLIPS = METRICS["cau"].margin


def harms(results: Results) -> Section:
    """Return two tables for each partition, recipes by measures: against standard training, and against controls."""
    section = Section("harms", "Which recipe harms what", "Harms")
    plain = standard(results)
    if plain is None:
        return section
    protocol = next((finding.protocol for finding in results.findings), "")
    found = [finding for finding in headline(results, protocol) if finding.standard.arm == plain.own.arm]
    for partition in dict.fromkeys(finding.parameters.partition for finding in found):
        of = [finding for finding in found if finding.parameters.partition == partition]
        section.tables.append(_table(results, partition, of))
        controlled = [finding for finding in of if finding.verdict_from_control is not None]
        if controlled:
            section.tables.append(_table(results, partition, controlled, control=True))
    pairs = _pairs(results, headline(results, protocol))
    section.tables += [pairs] if pairs else []
    control = any(finding.verdict_from_control is not None for finding in found)
    wider = OF_WIDER.format(level=100 * LEVEL) if any(one.wider for one in results.discoveries) else ""
    left_out = any(extra_flips(results, finding.robust.arm) for finding in found)
    section.lead = LEAD.format(wider=wider, control=OF_CONTROL if control else "") + (LUF_LEAD if left_out else "")
    return section


def _table(results: Results, partition: str, found: Sequence[Finding], *, control: bool = False) -> Table:
    questions = list(dict.fromkeys(_question(finding) for finding in found))
    of_arm = {(finding.robust.arm, _question(finding)): finding for finding in found}
    wider = set() if control else {one.finding for one in results.discoveries if one.wider}
    shown = [family for family in compared(results) if any((family.own.arm, one) in of_arm for one in questions)]
    flips = {family.own.arm: extra_flips(results, family.own.arm) for family in shown}
    # One training row has no partition.
    luf = partition == "class" and not control and any(flips.values())
    rows: list[list[Cell]] = [
        [
            family.title,
            *(_cell(of_arm.get((family.own.arm, one)), control=control, wider=wider) for one in questions),
            *([_luf_cell(flips[family.own.arm])] if luf else []),
        ]
        for family in shown
    ]
    columns = (Column("Recipe"), *(Column(one) for one in questions))
    columns = (*columns, *([Column("LUF, flip rate")] if luf else []))
    if control:
        return Table(f"harms-{partition}-control", f"By {partition}, against each recipe's control", columns, rows)
    return Table(f"harms-{partition}", f"By {partition}", columns, rows, compact=True)


def _pairs(results: Results, found: Sequence[Finding]) -> Table | None:
    """A line for each gap of each pair of arms that was compared on request."""
    titles = {arm.name: arm.title for arm in results.arms}
    rows: list[list[Cell]] = []
    for (first, second), findings in requested_pairs(results.recipes, found).items():
        for finding in findings:
            change, wider = finding.difference, None
            if change is not None:
                unit = metric_of(finding.metric).unit
                value, low, high = (change_in_unit(one, unit) for one in (change.value, *change.interval))
                wider = f"{value} ({low} to {high})"
            pair = f"{titles[second]} against {titles[first]}"
            rows.append([pair, _question(finding, partition=True), finding.verdict, wider])
    columns = tuple(Column(name) for name in ("Recipes", "Gap", "Verdict", "Wider by, with interval"))
    return Table("harms-pairs", "Other pairs of recipes", columns, rows, compact=True) if rows else None


def _question(finding: Finding, *, partition: bool = False) -> str:
    parameters = finding.parameters
    parts = [metric_of(finding.metric).symbol + (f" by {parameters.partition}" if partition else "")]
    parts.append("" if parameters.label is None else f"true {parameters.label}")
    if parameters.evaluation != "clean":
        parts += [evaluation_name(parameters.evaluation), epsilon_text(parameters.epsilon)]
    return ", ".join(part for part in parts if part)


def harm_words(verdict: str, *, levelled: bool = False) -> str:
    """Return what a verdict says of the recipe: harms, does not (and how), inconclusive or insufficient data.

    Examples
    --------
    >>> harm_words("less fair"), harm_words("fairer", levelled=True)
    ('harms', 'does not: fairer by levelling down')
    """
    if verdict == "fairer":
        return "does not: fairer by levelling down" if levelled else "does not: fairer"
    return {"less fair": "harms", "equivalent": "does not: the same"}.get(verdict, verdict)


def _cell(finding: Finding | None, *, control: bool = False, wider: Collection[str] = ()) -> Cell:
    if finding is None:
        return None
    words = harm_words(finding.verdict, levelled=finding.levelling_down is not None)
    if words == "inconclusive" and finding.id in wider:
        words = "wider"
    found = finding.difference
    if control:
        words, found = harm_words(str(finding.verdict_from_control)), finding.difference_from_control
    if found is None:
        return words
    return f"{words} ({change_in_unit(found.value, metric_of(finding.metric).unit)})"


def change_in_unit(value: float, unit: str) -> str:
    """Return a change of a gap with its sign; points without their name.

    Examples
    --------
    >>> change_in_unit(0.021, "points")
    '+2.1'
    """
    return percent(value, sign=True) if unit == "points" else in_unit(value, unit, sign=True)


def _luf_cell(found: LeaveOneOutContrast | None) -> Cell:
    if found is None:
        return None
    said = percent(found.flip_rate, 2, sign=True)
    if found.interval is None:
        return f"inconclusive ({said})"
    low, high = found.interval
    if low > FLIPS or high >= FLIPS:
        return f"{'harms' if low > FLIPS else 'inconclusive'} ({said})"
    return f"does not{': fairer' if high < -FLIPS else ': the same' if low > -FLIPS else ''} ({said})"
