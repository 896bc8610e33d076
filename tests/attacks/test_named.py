"""Attacks by their names: each name gives the attack that has it."""

import pytest

from fairtoll.attacks import (
    APGD,
    CAPGD,
    LBFGS,
    PGD,
    ZOO,
    AutoAttack,
    Grid,
    NearestClass,
    Square,
    Substitute,
    TableSearch,
    TargetedAPGD,
    Union,
    Universal,
    attack_named,
)
from fairtoll.errors import FairtollError

ATTACKS = [
    Union(), Union(scores_only=True), Union([PGD(steps=20), Square(500)]), Union([Square()]), PGD(steps=20),
    PGD(steps=20, restarts=3, random_start=True), PGD(stop_at_success=False), PGD(relative_step=1.5),
    PGD(loss="margin"), APGD(), APGD(patience=10), TargetedAPGD(steps=50), Square(500), Grid(), TableSearch(),
    TableSearch(200), CAPGD(), CAPGD(steps=10, queries=0), AutoAttack(), NearestClass(), LBFGS(),
    Universal(passes=3), ZOO(rate=0.02), Substitute(), Substitute(attack=PGD(steps=5)),
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_name_of_an_attack_gives_the_attack(attack):
    assert attack_named(attack.name) == attack


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pdg-20", "unknown attack 'pdg-20'; did you mean 'pgd'?"),
        ("", "unknown attack ''"),
        ("pgd-20-restart-3", "no setting 'restart-3'; expected steps, restarts"),
        ("pgd-20-restarts", "ends without a value"),
        ("pgd-20-restarts-many", "has the value 'many'; expected a number"),
        ("pgd-0", "expected 1 or more"),
        ("foolbox:NoSuchAttack", "NoSuchAttack"),
    ],
)
def test_a_name_that_is_wrong(name, message):
    with pytest.raises(FairtollError) as raised:
        attack_named(name)
    assert message in str(raised.value)
