"""An axis that is logarithmic and still has a place for zero."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import altair as alt

from fairtoll.report.numbers import Json

ROOM = 1.35  # how far past the largest value the axis goes, as a factor


@dataclass(frozen=True)
class LogAxis:
    """Logarithmic above `least`, straight from there down to zero."""

    least: float
    top: float

    @property
    def domain(self) -> tuple[float, float]:
        """Both ends of the axis."""
        return 0.0, self.top

    @property
    def ticks(self) -> list[float]:
        """Zero and the powers of ten, as exact as decimals are.

        Examples
        --------
        >>> LogAxis(0.01, 40.0).ticks
        [0.0, 0.01, 0.1, 1.0, 10.0]
        """
        first, last = round(math.log10(self.least)), math.floor(math.log10(self.top))
        return [0.0, *(float(f"1e{power}") for power in range(first, last + 1))]

    @property
    def scale(self) -> alt.Scale:
        """The scale that draws it."""
        return alt.Scale(type="symlog", constant=self.least, domain=list(self.domain), nice=False)

    @property
    def labels(self) -> Json:
        """The ticks of the axis, each in full: on its own, the scale would write some as 1e+1."""
        return {"values": self.ticks, "labelExpr": "format(datum.value, '~r')"}

    def place(self, value: float) -> float:
        """Return the place of a value, from 0 at zero to 1 at the top.

        Examples
        --------
        >>> LogAxis(1.0, 99.0).place(9.0)
        0.5
        """
        return math.log1p(value / self.least) / math.log1p(self.top / self.least)

    def value(self, place: float) -> float:
        """Return the value at a place; the inverse of `place`."""
        return self.least * math.expm1(place * math.log1p(self.top / self.least))


def log_axis(
    values: Iterable[float], means: Iterable[float], *, smallest: float, limit: float | None = None
) -> LogAxis:
    """Return the axis that holds all these values and distinguishes the means that are not zero from zero.

    Parameters
    ----------
    values
        What must be in view.
    means
        What must be distinguished.
    smallest
        Power of ten below which the axis is straight at any rate.
    limit
        What no value can exceed.

    Examples
    --------
    >>> log_axis([0.0, 0.05, 7.0], [0.0, 0.02, 5.0], smallest=0.001).ticks
    [0.0, 0.01, 0.1, 1.0]
    """
    distinguished = list(means)
    least_positive = min((mean for mean in distinguished if mean > 0), default=smallest)
    least = float(f"1e{math.floor(math.log10(max(least_positive, smallest)))}")
    # A decade, at least, above the straight part.
    top = max(ROOM * max((*values, *distinguished), default=0.0), 10 * least)
    return LogAxis(least, top if limit is None else min(top, limit))
