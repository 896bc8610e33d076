"""Formats of numbers and names: fractions become percent or points here and nowhere else."""

import math
from typing import Any

Json = dict[str, Any]

INSUFFICIENT = "insufficient data"
MINUS = "\N{MINUS SIGN}"


def finite(value: Any) -> float | None:
    """Return a float, or None where there is no finite number."""
    if value is None or isinstance(value, str):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def printable(value: Any) -> Any:
    r"""Return nested JSON without control characters in any text or key: XML, and so SVG, has no place for them.

    Examples
    --------
    >>> printable({"a": [1.0, "bell" + chr(7)]})
    {'a': [1.0, 'bell']}
    """
    if isinstance(value, dict):
        return {printable(key): printable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [printable(entry) for entry in value]
    if isinstance(value, str):
        return "".join(character for character in value if character.isprintable() or character in "\n\t")
    return value


def number(value: Any, digits: int = 3) -> str:
    """Return `digits` significant digits, or a dash."""
    found = finite(value)
    if found is None:
        return "–"
    text = f"{found:,.0f}" if abs(found) >= 10 ** (digits - 1) else f"{found:#.{digits}g}".rstrip(".")
    if found == 0:
        return "0"
    return text.replace("-", MINUS)


def percent(value: Any, digits: int = 1, *, sign: bool = False) -> str:
    """Return a fraction in percent without the sign for percent, which the heading has.

    Examples
    --------
    >>> percent(0.1234), percent(None)
    ('12.3', '–')
    """
    found = finite(value)
    if found is None:
        return "–"
    text = f"{100 * found:{'+' if sign else ''}.{digits}f}"
    # A rounded zero with a sign looks like an effect.
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def sure(value: Any) -> str:
    """Return a confidence in percent with as many decimals as tell it from 100: two digits of what is missing.

    Examples
    --------
    >>> sure(0.95), sure(0.99375), sure(0.99993687), sure(None)
    ('95.0', '99.38', '99.9937', '–')
    """
    found = finite(value)
    missing = 0.0 if found is None else 100 * (1 - found)
    return percent(value, max(1, 1 - math.floor(math.log10(missing))) if 0 < missing < 1 else 1)


def radius(value: Any) -> str:
    """Return an epsilon: five decimals where it is a part of the pixel range, else three digits.

    Examples
    --------
    >>> radius(0.00234), radius(-0.00001), radius(0.0312), radius(41.27)
    ('0.00234', '−0.00001', '0.0312', '41.3')
    """
    found = finite(value)
    if found is None or abs(found) >= 0.01:
        return number(value)
    text = f"{found:.5f}"
    return text.replace("-", MINUS) if float(text) else "0"


def in_unit(value: Any, unit: str, *, sign: bool = False) -> str:
    """Return a gap in its metric's unit: percentage points, epsilon, multiples of a mean or a plain number."""
    if unit == "points":
        return percent(value, 2, sign=sign)
    text = radius(value) if unit == "epsilon" else number(value)
    found = finite(value)
    return f"+{text}" if sign and found is not None and found > 0 and text != "0" else text


def interval(bounds: Any, unit: str, *, sign: bool = False) -> str:
    """Return `low to high`, or a dash; points past 100 as beyond 100, which no gap can be.

    Examples
    --------
    >>> interval([-6.7, 0.125], "points", sign=True)
    'below −100 to +12.50'
    """
    if not bounds or finite(bounds[0]) is None or finite(bounds[1]) is None:
        return "–"
    low, high = in_unit(bounds[0], unit, sign=sign), in_unit(bounds[1], unit, sign=sign)
    if unit == "points":
        low = f"below {MINUS}100" if bounds[0] < -1 else low
        high = f"above {'+' if sign else ''}100" if bounds[1] > 1 else high
    return f"{low} to {high}"


def unit_name(unit: str) -> str:
    """Return a unit for headings and axes."""
    names = {"points": "percentage points", "epsilon": "epsilon", "ratio": "multiples of the mean", "number": "count"}
    return names.get(unit, unit)


def own_value(value: Any, unit: str) -> str:
    """Return a group's own value: a percentage where the gap is in points."""
    return percent(value) if unit == "points" else in_unit(value, unit)


def p_value(value: Any) -> str:
    """Return a p-value with two digits, never 0."""
    found = finite(value)
    if found is None:
        return "–"
    return "< 0.001" if found < 0.001 else f"{found:.2g}"


def count(value: Any) -> str:
    """Return an integer with separated thousands."""
    found = finite(value)
    return "–" if found is None else f"{found:,.0f}"
