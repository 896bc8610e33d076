"""What a group's own value is called in the sentences of an answer."""

from __future__ import annotations

from fairtoll.findings.gap_types import Parameters
from fairtoll.metrics import METRICS


def level_title(metric: str, parameters: Parameters) -> str:
    """What is compared between groups: attack success over all rows counts those wrong before it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> level_title("cru_s", SimpleNamespace(denominator="correct"))
    'attack success rate'
    >>> level_title("cru_s", SimpleNamespace(denominator="all"))
    'share misclassified before or under attack'
    """
    if metric.startswith("cru_s") and parameters.denominator == "all":
        return "share misclassified before or under attack"
    known = METRICS.get(metric)
    return known.group_title.lower() if known else metric
