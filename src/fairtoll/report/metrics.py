"""How a metric is named in the report, and in which unit its gap is shown: from the metric's own record."""

from dataclasses import dataclass

from fairtoll.metrics import METRICS


@dataclass(frozen=True)
class MetricWords:
    """A metric's titles, symbol and unit (points, epsilon, ratio or number), and what its section begins with."""

    title: str
    symbol: str
    group_title: str
    unit: str
    lead: str = ""


def metric_of(name: str) -> MetricWords:
    """Return a metric's names and unit; one without a record keeps its own name and plain numbers.

    Examples
    --------
    >>> metric_of("cau").symbol, metric_of("another").title
    ('CAU', 'another')
    """
    metric = METRICS.get(name)
    if metric is None:
        return MetricWords(name, name, name, "number")
    return MetricWords(metric.title, metric.symbol, metric.group_title, metric.unit, metric.lead)
