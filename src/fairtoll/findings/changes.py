"""How each group's own value changes from one arm to the other."""

from __future__ import annotations

from collections.abc import Sequence

from fairtoll.findings import results
from fairtoll.findings.judged import CONFIDENCE, Compared
from fairtoll.statistics import InsufficientDataError, group_changes


def describe_changes(compared: Compared, names: Sequence[str], *, runs: int) -> list[results.MeasuredChange]:
    """The change of every group with enough rows, over the first so many training runs, largest loss first."""
    if compared.base.missing or compared.robust.missing:
        return []
    first, second = compared.taken(runs)
    base, robust = compared.base.take(first), compared.robust.take(second)
    try:
        found = group_changes(
            base.values,
            robust.values,
            compared.groups,
            standard_included=base.included,
            robust_included=robust.included,
            paired=compared.rules.paired,
            confidence=CONFIDENCE,
            minimum_rows=compared.rules.minimum_rows,
            rates=compared.metric.rates,
        )
    except InsufficientDataError:
        return []
    bound = compared.metric.upper_limit
    changes = [
        results.MeasuredChange(
            group=names[code],
            standard=change.standard,
            robust=change.robust,
            value=change.value,
            interval=(max(change.interval.low, -bound), min(change.interval.high, bound)),
        )
        for code, change in found.items()
    ]
    sign = 1.0 if compared.metric.higher_is_better else -1.0
    return sorted(changes, key=lambda change: sign * change.value)
