"""How a table's columns show their numbers: a gap, a difference, a group's own value."""

from collections.abc import Callable
from typing import Any

from fairtoll.report.numbers import (
    finite,
    in_unit,
    own_value,
    percent,
)


def shower(unit: str, *, sign: bool = False) -> Callable[[Any], str]:
    """Return how a gap of this unit is shown."""
    return lambda value: in_unit(value, unit, sign=sign)


def shower_of_groups(unit: str) -> Callable[[Any], str]:
    """Return how a group's own value is shown where the gap has this unit."""
    return lambda value: own_value(value, unit)


def plain(value: Any) -> str:
    """Return a number as short as it can be written."""
    found = finite(value)
    return "–" if found is None else f"{found:g}"


def two_decimals(value: Any) -> str:
    """Return percent with the two decimals the paper prints."""
    return percent(value, 2)


def signed(unit: str) -> Callable[[Any], str]:
    """Return how a difference in this unit is shown."""
    return lambda value: in_unit(value, unit, sign=True)


def plainly(unit: str) -> Callable[[Any], str]:
    """Return how a gap in this unit is shown."""
    return lambda value: in_unit(value, unit)


def end(unit: str) -> Callable[[Any], str]:
    """Return how an interval's end is shown: no difference of shares is past 100 points."""

    def show(value: Any) -> str:
        found = finite(value)
        if unit == "points" and found is not None and abs(found) > 1:
            return "> +100" if found > 0 else "< −100"
        return in_unit(value, unit, sign=True)

    return show


def ends(interval: tuple[float, float] | None) -> tuple[float | None, float | None]:
    """Return both ends of an interval, for two cells: none where there is no interval."""
    return interval or (None, None)
