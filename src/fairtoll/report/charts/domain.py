"""Ends of an axis: everything measured is in view; an interval far longer than the others is clipped."""

from collections.abc import Sequence
from dataclasses import replace

from fairtoll.report.charts.row import Row

# An interval may make the axis three times as long as what it must hold; a longer one is clipped.
STRETCH = 3.0
MARGIN = 1.04


def reach(points: Sequence[float], ends: Sequence[float], *, limit: float | None = None) -> float:
    """Return how far an axis goes from zero: all points, and the ends of three intervals in four.

    Parameters
    ----------
    points
        What must be in view, distances from zero.
    ends
        The outer ends of the intervals.
    limit
        What no value can exceed (100 for percentage points).

    Examples
    --------
    >>> round(reach([10.0], [12.0, 14.0, 18.0]), 2)
    18.72
    >>> round(reach([10.0], [12.0, 14.0, 16.0, 690.0]), 2)
    16.64
    """
    nearest = max((abs(point) for point in points), default=0.0)
    outer = sorted(abs(end) for end in ends)
    farthest = max(outer[-1] if outer else 0.0, nearest)
    typical = max(outer[int(0.75 * (len(outer) - 1))] if outer else 0.0, nearest)
    kept = (farthest if farthest <= STRETCH * typical else typical) or 1.0
    return min(kept * MARGIN, limit) if limit is not None else kept * MARGIN


def within(row: Row, domain: tuple[float, float]) -> Row:
    """Return the row with its interval clipped to the axis."""
    if row.interval is None:
        return row
    low, high = (min(max(end, domain[0]), domain[1]) for end in row.interval)
    return replace(row, interval=(low, high))


def cut_ends(row: Row, domain: tuple[float, float]) -> list[tuple[float, str]]:
    """Return where the row's interval runs past the axis, and the arrowhead that says so."""
    if row.interval is None:
        return []
    slack = 1e-9 * (domain[1] - domain[0])
    heads = [(domain[0], "triangle-left")] if row.interval[0] < domain[0] - slack else []
    return [*heads, *([(domain[1], "triangle-right")] if row.interval[1] > domain[1] + slack else [])]
