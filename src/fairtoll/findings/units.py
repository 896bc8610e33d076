"""In which unit sentences say a gap: points for shares, the metric's own unit for the rest."""

from __future__ import annotations

from dataclasses import dataclass

from fairtoll.metrics import METRICS


@dataclass(frozen=True)
class Spoken:
    """How a number of a metric is written in a sentence.

    Examples
    --------
    >>> points = spoken("cau")
    >>> points.number(0.0854), points.change(-0.02), points.change_of((0.01, 0.25))
    ('8.5', '-2.0', '+1.0 to +25.0')
    """

    factor: float
    digits: int
    name: str

    def number(self, value: float) -> str:
        """A value."""
        return f"{self.factor * value:.{self.digits}f}"

    def change(self, value: float) -> str:
        """A difference, with its sign."""
        return f"{self.factor * value:+.{self.digits}f}"

    def change_of(self, interval: tuple[float, float]) -> str:
        """The ends of an interval of a difference."""
        return f"{self.change(interval[0])} to {self.change(interval[1])}"


def spoken(metric: str) -> Spoken:
    """The unit of a metric's gap."""
    unit = METRICS[metric].unit
    if unit == "points":
        return Spoken(100.0, 1, " points")
    return Spoken(1.0, 5 if unit == "epsilon" else 3, "")
