"""What intervals are made of, in results and out of them: each is known at other confidences too."""

from __future__ import annotations

import math

from fairtoll.findings import results
from fairtoll.statistics import Spread

Ends = tuple[float, float]


def stored_spread(spread: Spread | None) -> results.Spread | None:
    """A spread as results hold it.

    Examples
    --------
    >>> stored_spread(Spread(((0.01, 9.0),)))
    Spread(parts=[(0.01, 9.0)], wilson_rows=None)
    """
    return None if spread is None else results.Spread(parts=list(spread.parts), wilson_rows=spread.wilson_rows)


def interval_at(
    interval: Ends, value: float, spread: results.Spread | None, *, given: float = 0.95, confidence: float
) -> Ends:
    """An interval that results hold at a confidence of `given`, at another one.

    Where results hold no spread nothing is known of it, and the interval has no ends.

    Examples
    --------
    >>> found = results.Spread(parts=[(0.01, 1e9)], wilson_rows=None)
    >>> [round(end, 2) for end in interval_at((0.0, 0.4), 0.2, found, confidence=0.99)]  # 0.62 standard errors more
    [-0.06, 0.46]
    >>> interval_at((0.0, 0.4), 0.2, None, confidence=0.99)
    (-inf, inf)
    """
    if confidence == given:
        return interval
    if spread is None:
        return -math.inf, math.inf
    whole = Spread(tuple(spread.parts), spread.wilson_rows)
    return whole.at(interval, value, given=given, confidence=confidence)
