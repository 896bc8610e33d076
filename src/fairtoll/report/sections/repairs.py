"""The section on repairs: what each gains, what it costs, and whom it levels down."""

from collections.abc import Sequence

from fairtoll.findings.losses import Loss, losses
from fairtoll.findings.results import LeaveOneOutContrast, Recipe, Results, Shift
from fairtoll.report.families import Family, baseline, families, partitions_of, shift, standard
from fairtoll.report.left_out import LUF_LEAD, extra_flips
from fairtoll.report.numbers import number, percent
from fairtoll.report.section import Section
from fairtoll.report.sections.leave_one_out.words import rate
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.statistics.verdict import MINIMUM_RUNS

LEAD = (
    "{base} Gains and costs are in points of accuracy, with the interval; “?” where the interval holds 0{few}. Who "
    "loses: classes and groups whose own accuracy, clean or robust, falls, by an interval (95% each) that lies below 0 "
    "as a whole{alike}; folded below by how much."
)
BASE = "A repair has to beat {base}, which treats all classes and groups alike and takes hardly more time."
NO_BASE = (
    "A repair has to beat what treats all classes and groups alike and takes hardly more time, such as weight "
    "averaging, which this run has not."
)
FEW = f", and with fewer than {MINIMUM_RUNS} training runs"


def repairs(results: Results) -> Section:
    """Return a table of repairs against the baseline, and one against standard training."""
    section = Section("repairs", "What repairs gain, what they cost, and who loses", "Repairs")
    found = [family for family in families(results) if family.role == "repair"]
    if not found:
        return section
    base, plain = baseline(results), standard(results)
    few = any(finding.runs < MINIMUM_RUNS for finding in results.findings)
    section.lead = LEAD.format(
        base=BASE.format(base=_lower(base.title)) if base else NO_BASE,
        few=FEW if few else "",
        alike=f" (nobody with fewer than {MINIMUM_RUNS} training runs)" if few else "",
    )
    if any(extra_flips(results, family.own.arm) for family in found):
        section.lead += LUF_LEAD
    lines: list[list[Cell]] = []
    for against in (base, plain):
        if against is not None:
            shown = found if against is base or base is None else [base, *found]
            section.tables.append(_table(results, against, shown))
            lines += [
                [family.title, against.title, loss.group, loss.partition, loss.how, loss.change, *loss.interval]
                for family in shown
                for loss in losses(results.findings, family.own.arm, against.own.arm)
            ]
    if lines:
        columns = [Column(name) for name in ("Repair", "Against", "Who loses", "By", "Accuracy")]
        columns += [Column(f"{name}, points", _signed) for name in ("Change", "Low", "High")]
        section.tables.append(Table("repairs-losers", "Who loses by repairs, and how much", tuple(columns), lines))
    return section


def _table(results: Results, against: Family, shown: list[Family]) -> Table:
    partitions = partitions_of(results)
    columns = [Column("Repair"), Column("Treats")]
    for what in ("robust", "clean"):
        columns += [Column(f"Worst {partition}, {what}") for partition in partitions]
        columns += [Column(f"Average, {what}")]
    flips = {
        family.own.arm: extra_flips(results, family.own.arm, "standard" if against.role == "standard" else "baseline")
        for family in shown
    }
    columns += [Column("LUF, flip rate")] if any(flips.values()) else []
    columns += [Column("Who loses"), Column("Time, ×", number, key="times")]
    rows: list[list[Cell]] = []
    for family in shown:
        own = family.own
        row: list[Cell] = [family.title, own.partition or "all"]
        for clean in (False, True):
            row += [_change(own, against, clean=clean, partition=partition) for partition in (*partitions, None)]
        base = against.own.seconds
        row += [_flips(flips[own.arm])] if any(flips.values()) else []
        row += [_who(losses(results.findings, own.arm, against.own.arm))]
        row += [own.seconds / base if own.seconds and base else None]
        rows.append(row)
    return Table(
        f"repairs-{against.role}", f"Against {_lower(against.title)}", tuple(columns), rows,
        compact=True,
    )  # fmt: skip


def _change(own: Recipe, against: Family, *, clean: bool, partition: str | None) -> Cell:
    found = shift(own, against.own.arm, clean=clean, partition=partition)
    return None if found is None else shift_words(found)


def shift_words(found: Shift) -> str:
    """Return a change of accuracy in points with its interval, and a question mark where it is unclear.

    Examples
    --------
    >>> shift_words(Shift(against="averaging", evaluation="clean", partition=None, value=0.021, interval=(0.01, 0.03),
    ...                   confidence=0.95, family=1, verdict="higher"))
    '+2.1 (+1.0 to +3.0)'
    """
    low, high = (percent(end, sign=True) for end in found.interval)
    doubt = "?" if found.verdict == "unclear" else ""
    return f"{percent(found.value, sign=True)}{doubt} ({low} to {high})"


def _flips(found: LeaveOneOutContrast | None) -> Cell:
    if found is None:
        return None
    said = rate(found.flip_rate, sign=True)
    if found.interval is None:
        return f"{said}?"
    low, high = found.interval
    return f"{said}{'?' if low <= 0 <= high else ''} ({rate(low, sign=True)} to {rate(high, sign=True)})"


def _who(found: Sequence[Loss]) -> str:
    """Return the losers by accuracy: clean, robust."""
    said = []
    for how in ("clean", "robust"):
        if groups := [loss.name for loss in found if loss.how == how]:
            said.append(f"{how}: {', '.join(groups)}")
    return "; ".join(said) or "nobody shown"


def _signed(value: float) -> str:
    return percent(value, sign=True)


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]
