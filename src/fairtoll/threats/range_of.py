"""That the box of a threat is the range of rows, which others drawn alike leave now and then."""

from __future__ import annotations

from dataclasses import dataclass

from fairtoll.errors import FairtollError

NO_RANGE = (
    "a box is said to be the range of {rows} rows at {ends} ends; expected 1 of each or more; leave range_of out where "
    "the box was given"
)


@dataclass(frozen=True)
class RangeOf:
    """Of how many rows a box is the range, and how many of its ends are a lowest or highest value of these.

    Attributes
    ----------
    rows : int
        The training rows, as a rule.
    ends : int
        Two for each feature that may move and whose range was read from the rows; ends that were given do not count.

    Raises
    ------
    FairtollError
        For less than one of either.

    Examples
    --------
    >>> RangeOf(rows=300, ends=16).rows
    300
    """

    rows: int
    ends: int

    def __post_init__(self) -> None:
        if self.rows < 1 or self.ends < 1:
            raise FairtollError(NO_RANGE.format(rows=self.rows, ends=self.ends))
