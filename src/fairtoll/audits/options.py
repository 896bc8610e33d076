"""The options of an audit, checked before any work."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from fairtoll.errors import FairtollError
from fairtoll.inputs.names import AND, as_names, parts_of
from fairtoll.metrics import METRICS

#: A group of one row has no variance, and no interval.
LEAST_ROWS = 2
#: The largest whole number that generators and tables of the results hold.
MOST = 2**62


@dataclass(frozen=True)
class Options:
    """What an audit evaluates.

    Attributes
    ----------
    partitions : tuple of str
        How rows are grouped.
    epsilons : tuple of float
        Radii above 0, ascending.
    minimum_rows : int
        Smaller groups take no part in a gap.
    least_epsilon_max : float, optional
        Where the search for least epsilon ends.
    seed : int
        Of random starts.
    paired : bool
        Whether run k of every arm belong together.
    exact : bool
        Whether what is proved of every row replaces what attacks found.
    metrics : tuple of str, optional
        Names of the metrics; all that are in audits where it is None.
    margins : mapping of str to float
        By metric, in place of its own.
    """

    partitions: tuple[str, ...]
    epsilons: tuple[float, ...]
    minimum_rows: int
    least_epsilon_max: float | None
    seed: int
    paired: bool = False
    exact: bool = False
    metrics: tuple[str, ...] | None = None
    margins: Mapping[str, float] = field(default_factory=dict)


def check_options(
    *,
    attributes: Iterable[str],
    partitions: Any,
    epsilons: Any,
    minimum_rows: Any,
    least_epsilon_max: Any,
    seed: Any = 0,
    paired: Any = False,
    exact: Any = False,
    metrics: Any = None,
    margins: Any = None,
    without_radii: bool = False,
) -> Options:
    """The options in their types, or an error that names the one that is wrong.

    Parameters
    ----------
    attributes : iterable of str
        Protected attributes of the data.
    partitions, epsilons, minimum_rows, least_epsilon_max, seed, paired, exact, metrics, margins
        As given to `audit`.
    without_radii : bool
        Whether epsilons may be empty.

    Raises
    ------
    FairtollError
        For radii that are not ascending finite numbers above 0; a partition that is unknown or given twice; a
        `minimum_rows` under 2; a negative seed; an unknown metric; a negative margin; or a value of another type.

    Examples
    --------
    >>> options = check_options(attributes=["sex"], partitions=None, epsilons=[0.1], minimum_rows=10,
    ...                         least_epsilon_max=None)
    >>> options.partitions, options.epsilons
    (('class', 'sex'), (0.1,))
    """
    largest = None if least_epsilon_max is None else _number(least_epsilon_max)
    if largest is not None and not 0 < largest < math.inf:
        raise FairtollError(
            f"least_epsilon_max is {least_epsilon_max!r}; expected a finite radius above 0; give the largest to try"
        )
    if not isinstance(paired, bool):
        raise FairtollError(f"paired is {paired!r}; expected True where run k of all arms belong together, or False")
    if not isinstance(exact, bool):
        raise FairtollError(f"exact is {exact!r}; expected True, to prove or refute every row, or False")
    return Options(
        _partitions(partitions, ["class", *attributes]),
        _radii(epsilons, without_radii=without_radii),
        _whole(minimum_rows, name="minimum_rows", least=LEAST_ROWS),
        largest,
        _whole(seed, name="seed", least=0),
        paired,
        exact,
        _metrics(metrics),
        _margins(margins),
    )


def _metrics(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, str) or not _is_sequence(given):
        raise FairtollError(f"metrics is {given!r}; expected a sequence of names, such as [{str(given)!r}]")
    names = as_names(given, what="a metric")
    if not names:
        raise FairtollError("metrics is empty; expected one or more, or leave it out for all")
    for name in names:
        _require_metric(name, "metrics")
    return names


def _margins(given: Any) -> dict[str, float]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise FairtollError(f"margins is {given!r}; expected margins by metric, such as {{'cau': 0.02}}")
    margins = {}
    for name, value in given.items():
        _require_metric(name, "margins")
        margins[str(name)] = _number(value)
        if not 0 <= margins[str(name)] < math.inf:
            raise FairtollError(f"the margin of {name} is {value!r}; expected 0 or more, in the metric's unit")
    return margins


def _require_metric(name: Any, where: str) -> None:
    known = [metric.name for metric in METRICS.values() if metric.in_audits]
    if name not in known:
        close = get_close_matches(str(name), known, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise FairtollError(f"{where} names '{name}'; {hint}expected one of {', '.join(known)}")


def _radii(given: Any, *, without_radii: bool) -> tuple[float, ...]:
    expected = "expected a sequence of finite radii above 0, each once, in ascending order, such as [0.1, 0.2]"
    if isinstance(given, str | bytes) or not _is_sequence(given):
        raise FairtollError(f"epsilons is {given!r}; {expected}")
    values = list(given)
    radii = tuple(_number(value) for value in values)
    ascending = all(one < other for one, other in zip((0.0, *radii), radii, strict=False))
    # A check goes to 100 times the largest.
    if not ascending or not all(math.isfinite(100 * radius) for radius in radii) or not (radii or without_radii):
        raise FairtollError(f"epsilons is {values}; {expected}")
    return radii


def _partitions(given: Any, known: Sequence[str]) -> tuple[str, ...]:
    if given is None:
        return tuple(known)
    if isinstance(given, str) or not _is_sequence(given):
        raise FairtollError(f"partitions is {given!r}; expected a sequence of names, such as [{str(given)!r}]")
    partitions = as_names(given, what="a partition")
    if not partitions:
        raise FairtollError("partitions is empty; expected one or more, or leave it out for the classes and attributes")
    alike = Counter(frozenset(parts_of(name, known=known)) for name in partitions)
    twice = next((names for names, count in alike.items() if count > 1), None)
    if twice is not None:
        raise FairtollError(
            f"partitions is {[*partitions]}; expected each once, but '{AND.join(sorted(twice))}' appears "
            f"{alike[twice]} times; leave the others out"
        )
    return partitions


def _is_sequence(given: Any) -> bool:
    # An array or tensor of one number alone is iterable by its type, not by its shape.
    return isinstance(given, Iterable) and getattr(given, "ndim", 1) > 0


def _number(given: Any) -> float:
    """As a float; NaN if it is not a number, which fails every check."""
    if isinstance(given, str | bytes | bool):
        return math.nan
    try:
        return float(given)
    except (TypeError, ValueError, RuntimeError):
        return math.nan


def _whole(given: Any, *, name: str, least: int) -> int:
    try:
        value = math.nan if isinstance(given, bool) else operator.index(given)
    except TypeError:
        value = math.nan
    if not least <= value <= MOST:
        raise FairtollError(f"{name} is {given!r}; expected a whole number of {least} or more, up to 2^62")
    return int(value)
