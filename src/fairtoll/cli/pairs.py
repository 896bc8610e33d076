"""Options that are pairs, such as NAME=FILE."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from typing import Any

from fairtoll.errors import FairtollError


def read_pair(text: str, option: str, form: str) -> tuple[str, str]:
    """A name and what it is given.

    Examples
    --------
    >>> read_pair("plain=plain.onnx", "--model", "NAME=FILE")
    ('plain', 'plain.onnx')
    """
    name, _, value = text.partition("=")
    if not name or not value:
        raise FairtollError(f"{option} is '{text}'; expected {form}")
    return name, value


def read_arms(texts: Sequence[str] | None) -> list[tuple[str, str]]:
    """Pairs of arms to compare.

    Examples
    --------
    >>> read_arms(["trades,dafa"])
    [('trades', 'dafa')]
    """
    found = []
    for text in texts or ():
        names = [one.strip() for one in text.split(",")]
        if len(names) != 2 or not all(names):
            raise FairtollError(f"--pair is '{text}'; expected two arms, FIRST,SECOND; give one --pair for each two")
        found.append((names[0], names[1]))
    return found


def read_pairs(
    texts: Sequence[str] | None, option: str, form: str, read: Callable[[str], Any] = str
) -> dict[str, Any] | None:
    """Each name once, with its value; None where the option is not given.

    Examples
    --------
    >>> read_pairs(["cau/sex=0.05"], "--threshold", "NAME=NUMBER", float)
    {'cau/sex': 0.05}
    """
    if texts is None:
        return None
    found: dict[str, Any] = {}
    for text in texts:
        name, value = read_pair(text, option, form)
        if name in found:
            raise FairtollError(f"{option} names '{name}' twice; expected each once; leave one out")
        try:
            found[name] = read(value)
        except ValueError as error:
            raise FairtollError(f"{option} is '{text}'; expected {form}") from error
    return found


def split_values(text: str) -> list[str]:
    """Values between commas; one in quotes may hold a comma.

    Examples
    --------
    >>> split_values('a,"b,c"')
    ['a', 'b,c']
    """
    return next(csv.reader([text]))
