"""What an interval is made of: the same interval at another confidence, as where several are judged together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtoll.statistics._freedom import quantile
from fairtoll.statistics._groups import Floats, check_confidence


@dataclass(frozen=True)
class Spread:
    """The variances behind an interval.

    Attributes
    ----------
    parts : tuple of (float, float)
        The variances that add up to the square of the standard error, each with its degrees of freedom.
    wilson_rows : float, optional
        Of the interval of a rate: the rows of a simple sample with this variance. None for a t interval.

    Examples
    --------
    >>> low, high = Spread(((0.01, 1e9),)).at((0.3 - 0.196, 0.3 + 0.196), 0.3, given=0.95, confidence=0.99)
    >>> round(low, 3), round(high, 3)  # 2.576 standard errors
    (0.042, 0.558)
    """

    parts: tuple[tuple[float, float], ...]
    wilson_rows: float | None = None

    def at(
        self, interval: tuple[float, float], value: float, *, given: float, confidence: float
    ) -> tuple[float, float]:
        """An interval of `value` that is known at a confidence of `given`, at another one.

        A t interval keeps the allowances that it has on either side. Limits of the unit are the caller's.
        """
        now, then = (self._quantile(check_confidence(one)) for one in (given, confidence))
        if self.wilson_rows is not None:
            low, high = wilson(value, then, self.wilson_rows)
            return float(low), float(high)
        further = (then - now) * float(np.sqrt(sum(part for part, _ in self.parts)))
        return interval[0] - further, interval[1] + further

    def _quantile(self, confidence: float) -> float:
        if not self.parts:
            return 0.0
        variances, freedom = np.array(self.parts).T
        return quantile(variances, freedom, (1 - confidence) / 2)


def wilson(means: Any, quantile: Any, rows: Any) -> tuple[Floats, Floats]:
    """Wilson's interval of a rate in so many rows, at this quantile; of numbers or arrays.

    Examples
    --------
    >>> [round(end.item(), 4) for end in wilson(0.5, 1.959964, 100)]
    [0.4038, 0.5962]
    """
    binomial = means * (1 - means)
    square = quantile**2 / rows
    centre = (means + square / 2) / (1 + square)
    reach = np.sqrt(square * binomial + square**2 / 4) / (1 + square)
    return np.clip(centre - reach, 0.0, 1.0), np.clip(centre + reach, 0.0, 1.0)


def parts_of(*given: tuple[Floats, Floats]) -> tuple[tuple[float, float], ...]:
    """The variances above 0 with their degrees of freedom, from arrays of both."""
    pairs = [pair for variances, freedom in given for pair in zip(variances.tolist(), freedom.tolist(), strict=True)]
    return tuple((variance, freedom) for variance, freedom in pairs if variance > 0)
