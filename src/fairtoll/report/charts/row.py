"""One line of a chart of rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fairtoll.report.numbers import Json


@dataclass(frozen=True)
class Mark:
    """One of several groups on a line."""

    value: float
    group: str
    tooltip: Json
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Row:
    """One line of a chart. Without a colour it is a heading over the lines that follow.

    Values are already in the axis's unit. `band` is (low, high), `tick` a mark on it (the null's mean),
    `points` are marks where a line shows several groups.
    """

    label: str
    colour: str | None = None
    value: float | None = None
    interval: tuple[float, float] | None = None
    band: tuple[float, float] | None = None
    tick: float | None = None
    published: float | None = None
    runs: Sequence[float] = ()
    points: Sequence[Mark] = ()
    text: str = ""
    hollow: bool = False
    tooltip: Json = field(default_factory=dict)


def tips(row: Row) -> Json:
    """Return a row's tooltip fields under names no other field has."""
    return {f"tip {key}": value for key, value in row.tooltip.items()}


def shorten(text: str, length: int) -> str:
    """Return text of at most `length` characters, shortened with an ellipsis."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
