"""The paper's findings: what holds in general, here by formula and measured, and where real classes lie."""

from fairtoll.findings.results import ExactChange, Theory, TheoryClaim
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import in_unit, interval, own_value
from fairtoll.report.tables.table import Cell, Column, Table


def claims_table(theory: Theory) -> Table:
    """Return a row for each finding of the paper."""
    places = list(dict.fromkeys(title for claim in theory.claims for title in claim.places))
    columns = (
        Column("Finding of the paper"),
        Column("In general"),
        Column("Here, by formula"),
        Column("Here, measured"),
        *(Column(f"Where classes lie as in {title.removesuffix('-like')}", key=title) for title in places),
    )
    rows = [_row(claim, places) for claim in theory.claims]
    return Table(
        "findings-by-formula",
        "What formulas say of the paper's findings",
        columns,
        rows,
        note="By formula: from the standard to the on-line adversarial linear model, at the rules that were trained, "
        "in percent or epsilon; empty where these rows cannot show it. Measured: the change with its interval. In "
        "general: of rules with the least (robust) error, unless the loss is named; training minimises a loss. The "
        "theorems are those of the documentation's page on theory.",
        compact=True,
    )


def _row(claim: TheoryClaim, places: list[str]) -> list[Cell]:
    return [
        claim.finding,
        " ".join(claim.general),
        "; ".join(_by_formula(change, claim) for change in claim.changes) or None,
        "; ".join(said for change in claim.changes if (said := _measured(change, claim))) or None,
        *(claim.places.get(title) for title in places),
    ]


def _by_formula(change: ExactChange, claim: TheoryClaim) -> str:
    unit = metric_of(change.metric).unit
    return f"{_named(change, claim)}{own_value(change.standard, unit)} to {own_value(change.robust, unit)}"


def _measured(change: ExactChange, claim: TheoryClaim) -> str:
    if change.measured is None:
        return ""
    unit = metric_of(change.metric).unit
    verdict = f", {change.verdict}" if change.verdict else ""
    value, ends = in_unit(change.measured, unit, sign=True), interval(change.interval, unit, sign=True)
    return f"{_named(change, claim)}{value} ({ends}){verdict}"


def _named(change: ExactChange, claim: TheoryClaim) -> str:
    """Return which of several changes it is."""
    return f"{change.of}: " if len(claim.changes) > 1 else ""
