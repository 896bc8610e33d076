"""What evidence says in `about` of boxes that are the range of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fairtoll.threats import RangeOf
from fairtoll.threats.any import Threat

#: Its key in `about`, by the name of the threat.
RANGES = "ranges"


def describe_ranges(threats: Mapping[str, Threat]) -> dict[str, Any]:
    """The part of `about` that says of what rows the box of each threat is the range; empty where none is.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> describe_ranges({"pixels": LinfThreat(box=(0, 1)), "audit": LinfThreat(box=(0, 9), range_of=RangeOf(50, 2))})
    {'ranges': {'audit': {'rows': 50, 'ends': 2}}}
    """
    known = {
        name: asdict(found) for name, one in threats.items() if (found := getattr(one, "range_of", None)) is not None
    }
    return {RANGES: known} if known else {}


def read_range(about: Mapping[str, Any], threat: str) -> RangeOf | None:
    """Of what rows the box of a threat is the range, where it is one.

    Examples
    --------
    >>> read_range({"ranges": {"audit": {"rows": 50, "ends": 2}}}, "audit")
    RangeOf(rows=50, ends=2)
    """
    known = about.get(RANGES, {}).get(threat)
    return None if known is None else RangeOf(**known)
