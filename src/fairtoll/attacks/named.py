"""Attacks by their names, such as "pgd-20", for settings and command lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from difflib import get_close_matches
from typing import Any

from fairtoll.attacks.apgd import APGD
from fairtoll.attacks.autoattack import AutoAttack
from fairtoll.attacks.capgd import CAPGD
from fairtoll.attacks.external import External
from fairtoll.attacks.grid import Grid
from fairtoll.attacks.lbfgs import LBFGS
from fairtoll.attacks.nearest_class import NearestClass
from fairtoll.attacks.pgd import PGD
from fairtoll.attacks.spec import AttackSpec
from fairtoll.attacks.square import Square
from fairtoll.attacks.substitute import Substitute
from fairtoll.attacks.table_search import TableSearch
from fairtoll.attacks.targeted import TargetedAPGD
from fairtoll.attacks.union import Union
from fairtoll.attacks.universal import Universal
from fairtoll.attacks.zoo import ZOO
from fairtoll.errors import FairtollError

#: The start of each name, and the setting that a number after it is; the longest that fits is meant.
BASES: dict[str, tuple[Callable[..., AttackSpec], str | None]] = {
    "union": (Union, None),
    "pgd": (PGD, "steps"),
    "apgd": (APGD, "steps"),
    "apgd-targeted": (TargetedAPGD, "steps"),
    "square": (Square, "queries"),
    "grid": (Grid, None),
    "capgd": (CAPGD, "steps"),
    "table-search": (TableSearch, "queries"),
    "autoattack": (AutoAttack, None),
    "nearest-class": (NearestClass, "steps"),
    "lbfgs": (LBFGS, None),
    "universal": (Universal, None),
    "substitute": (Substitute, None),
    "zoo": (ZOO, None),
}
LIBRARIES = ("foolbox", "art")


def attack_named(name: str) -> AttackSpec:
    """The attack with this name, the inverse of an attack's `name`.

    Parameters
    ----------
    name : str
        A start from `BASES`, the number that follows it where there is one, and settings that are not the default:
        "pgd-20", "pgd-20-restarts-3-random-start", "union-pgd-20+square-500". Of another library
        "foolbox:L2DeepFoolAttack" or "art:SaliencyMapMethod", with its own settings.

    Raises
    ------
    FairtollError
        For a name that there is not, or a setting that the attack has not.

    Examples
    --------
    >>> attack_named("pgd-20"), attack_named("pgd-20-restarts-3-random-start").restarts
    (PGD(steps=20, ...), 3)
    """
    library, colon, inside = name.partition(":")
    if colon and library in LIBRARIES:
        return External(library, inside)
    words = name.split("-")
    start = next((size for size in range(len(words), 0, -1) if "-".join(words[:size]) in BASES), 0)
    if not start:
        close = get_close_matches(name, BASES, n=1) or get_close_matches(words[0], BASES, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise FairtollError(
            f"unknown attack '{name}'; {hint}expected one of {', '.join(BASES)}, such as 'pgd-20', or "
            "'foolbox:CLASS' or 'art:CLASS'"
        )
    kind, numbered = BASES["-".join(words[:start])]
    if kind is Substitute and words[start:]:
        return Substitute(attack=attack_named("-".join(words[start:])))
    listed = "-".join(words[start:]).split("+")
    if kind is Union and (len(listed) > 1 or _is_known(listed[0])):
        return Union([attack_named(one) for one in listed])
    rest: list[str] = words[start:]
    given: dict[str, Any] = {}
    if numbered and rest and rest[0].isdecimal():
        given[numbered] = int(rest.pop(0))
    return kind(**given | _settings(kind, rest, name))


def _is_known(name: str) -> bool:
    words = name.split("-")
    return any("-".join(words[:size]) in BASES for size in range(1, len(words) + 1))


def _settings(kind: Any, words: list[str], name: str) -> dict[str, Any]:
    """Settings from the rest of a name: each its words, then its value, or alone for a switch."""
    known = {field.name: field for field in fields(kind)}
    found: dict[str, Any] = {}
    while words:
        negative = words[0] == "no" and len(words) > 1
        rest = words[1:] if negative else words
        size = next((n for n in range(len(rest), 0, -1) if "_".join(rest[:n]) in known), 0)
        if not size:
            raise FairtollError(
                f"the attack '{name}' has no setting '{'-'.join(words)}'; expected "
                f"{', '.join(one.replace('_', '-') for one in known)}, each with its value"
            )
        field, rest = known["_".join(rest[:size])], rest[size:]
        if isinstance(field.default, bool):
            found[field.name] = not negative
        else:
            found[field.name], rest = _value(rest, field.default, name)
        words = rest
    return found


def _value(words: list[str], default: Any, name: str) -> tuple[Any, list[str]]:
    if not words:
        raise FairtollError(f"the attack '{name}' ends without a value; expected one, as in 'pgd-20-restarts-3'")
    if isinstance(default, str) and default is not MISSING:
        return "_".join(words), []  # texts such as cross-entropy hold hyphens and come last
    try:
        return (float if isinstance(default, float) else int)(words[0]), words[1:]
    except ValueError as error:
        raise FairtollError(f"the attack '{name}' has the value '{words[0]}'; expected a number") from error
