"""Which attacks an audit runs on which arms: all arms are compared under the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairtoll.attacks import CAPGD, PGD, AttackSpec, Substitute, Union
from fairtoll.attacks.spec import describe, needs_gradients
from fairtoll.attacks.union import check_attacks
from fairtoll.errors import FairtollError, warn
from fairtoll.evidence.measures import SCORES_ONLY, WHITE_BOX, OwnEvaluation
from fairtoll.evidence.target import Arm, Target
from fairtoll.threats import Threat

#: How examples for static transfer are crafted on the standard models.
CRAFT = PGD(steps=20)
CRAFT_IN_TABLES = CAPGD(steps=20, restarts=1)
#: Where an arm has no gradients.
BY_SCORES = Union(scores_only=True)


@dataclass(frozen=True)
class AuditAttacks:
    """The attacks of an audit.

    Attributes
    ----------
    compared : sequence of AttackSpec
        On every arm: the gaps under them are compared.
    beside : sequence of AttackSpec
        On the arms with gradients alone, where others have none: their accuracy is shown, and not compared.
    transfer : AttackSpec, optional
        How examples are crafted on the standard models; None where nothing can.
    """

    compared: tuple[AttackSpec, ...]
    beside: tuple[AttackSpec, ...] = ()
    transfer: AttackSpec | None = None


def choose_attacks(given: Sequence[AttackSpec] | None, arms: Sequence[Arm], target: Target) -> AuditAttacks:
    """The attacks of an audit of these prepared arms.

    If any arm has no gradients all are compared under attacks by scores alone, and those with gradients are attacked
    with them too.

    Parameters
    ----------
    given : sequence of AttackSpec, optional
        What the caller named. Default: a union.

    Raises
    ------
    FairtollError
        For an attack that follows gradients, where an arm has none.
    """
    without = [arm.name for arm in arms if not arm.has_gradients]
    if given is not None:
        compared = require_attacks(given, target.threat)
        _require_possible(compared, without)
        beside: tuple[AttackSpec, ...] = ()
    elif without:
        compared, beside = (BY_SCORES,), (Union(),)
    else:
        compared, beside = (Union(),), ()
    if without:
        compared_by = "all arms are compared" if len(arms) > 1 else "it is attacked"
        warn(
            f"the models of {', '.join(map(repr, without))} have no gradients: {compared_by} by attacks that use "
            "scores only; a stronger attack may exist"
        )
    some_have = len(without) < len(arms)
    return AuditAttacks(compared, beside if some_have else (), _transfer(arms[0], target.threat))


def require_attacks(given: Any, threat: Threat) -> tuple[AttackSpec, ...]:
    """The attacks that a caller named, or an error for none, one given twice, or one that cannot keep the threat.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> from fairtoll.attacks import Square
    >>> require_attacks([Square()], LinfThreat())[0].name
    'square-1000'
    """
    attacks = check_attacks(given, threat=threat)
    if not attacks:
        raise FairtollError("attacks is empty; expected one attack or more, or leave it out for a union of attacks")
    return attacks


def evaluation_of(attack: AttackSpec) -> OwnEvaluation:
    """How the figures of an attack on the model itself are labelled.

    Examples
    --------
    >>> evaluation_of(Union()), evaluation_of(Union(scores_only=True))
    ('white-box', 'scores-only')
    """
    return WHITE_BOX if needs_gradients(attack) else SCORES_ONLY


def described(attack: AttackSpec) -> dict[str, Any]:
    """An attack in the configuration of an audit.

    Examples
    --------
    >>> from fairtoll.attacks import Grid
    >>> described(Grid())
    {'name': 'grid', 'kind': 'Grid', 'patience': None, 'evaluation': 'scores-only'}
    """
    return {**describe(attack), "evaluation": evaluation_of(attack)}


def read_described(attack: Mapping[str, Any]) -> tuple[str, OwnEvaluation]:
    """Name and evaluation of an attack as `described` writes it.

    Raises
    ------
    FairtollError
        For an evaluation that is none of an attack on the model itself.

    Examples
    --------
    >>> read_described({"name": "union"})
    ('union', 'white-box')
    """
    evaluation = attack.get("evaluation", WHITE_BOX)
    for known in (WHITE_BOX, SCORES_ONLY):
        if evaluation == known:
            return str(attack["name"]), known
    raise FairtollError(
        f"attack {attack['name']!r} has the evaluation {evaluation!r}; expected '{WHITE_BOX}' or '{SCORES_ONLY}'"
    )


def _require_possible(attacks: Sequence[AttackSpec], without: Sequence[str]) -> None:
    following = [attack.name for attack in attacks if needs_gradients(attack)]
    if following and without:
        raise FairtollError(
            f"{', '.join(following)} needs gradients, and the models of {', '.join(map(repr, without))} have none; "
            "expected attacks by scores alone, such as Square(), Grid() or Union([Grid(), Square()]); or leave attacks "
            "out"
        )


def _transfer(standard: Arm, threat: Threat) -> AttackSpec:
    if threat.norm == "table":
        return CRAFT_IN_TABLES if standard.has_gradients else Substitute(CRAFT_IN_TABLES)
    return CRAFT if standard.has_gradients else Substitute(CRAFT_FULLY)


#: Every step is run: more of it transfers better.
CRAFT_FULLY = PGD(steps=CRAFT.steps, stop_at_success=False)
