"""Names that the parts of the section share."""

from fairtoll.findings.results import ExactCurve, ExactValue
from fairtoll.report.metrics import metric_of
from fairtoll.report.select import epsilon_text

#: Why an estimate of a size may be negative.
BELOW_ZERO = (
    "A measured gap leaves out what the noise of the rows adds to it, so that its estimate can fall below 0 where the "
    "true gap is nearly 0."
)


def name_of(one: ExactCurve | ExactValue) -> str:
    """Return which gap it is, in words."""
    symbol = metric_of(one.metric).symbol
    parts = [f"{symbol} by {one.partition}"]
    parts += [f"{one.label} rows"] if one.label is not None else []
    epsilon = epsilon_text(one.epsilon)
    if one.metric.startswith("cru_epsilon"):
        epsilon = epsilon.replace("=", "to")
    return ", ".join([*parts, *([epsilon] if epsilon else [])])
