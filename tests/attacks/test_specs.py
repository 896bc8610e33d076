"""Attacks as values: equal settings are equal, different ones have different names, and calling one runs it."""

import dataclasses
import itertools
import json

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import (
    APGD,
    LBFGS,
    PGD,
    ZOO,
    AutoAttack,
    Grid,
    LeastEpsilon,
    NearestClass,
    RandomNoise,
    Square,
    Substitute,
    SuccessCurve,
    TargetedAPGD,
    Union,
    Universal,
    apgd,
    grid,
    least_epsilon,
    pgd,
    random_noise,
    square,
    success_curve,
    union,
)
from fairtoll.attacks.spec import describe

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(60, 3, generator=GENERATOR)
Y = (X.sum(dim=1) > 0).long()
THREAT = LinfThreat(scale=[1.0, 0.5, 2.0])
torch.manual_seed(0)
MODEL = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
SPECS = {
    "pgd": (PGD(steps=7, restarts=2, loss="margin"), pgd, {"steps": 7, "restarts": 2, "loss": "margin"}),
    "apgd": (APGD(steps=9, random_start=True), apgd, {"steps": 9, "random_start": True}),
    "square": (Square(queries=12), square, {"queries": 12}),
    "grid": (Grid(patience=4), grid, {"patience": 4}),
    "noise": (RandomNoise(draws=3), random_noise, {"draws": 3}),
    "union": (Union(steps=5, restarts=2, queries=3), union, {"steps": 5, "restarts": 2, "queries": 3}),
}


def generator():
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("name", SPECS)
def test_calling_a_spec_is_calling_the_function(name):
    spec, function, options = SPECS[name]
    draws = {} if name == "grid" else {"generator": generator()}
    theirs = function(MODEL, X, Y, threat=THREAT, epsilon=0.3, **options, **draws)
    ours = spec(MODEL, X, Y, threat=THREAT, epsilon=0.3, generator=generator())
    assert torch.equal(ours.success, theirs.success)
    assert torch.equal(ours.perturbed, theirs.perturbed)
    assert ours.success.any()


def test_a_curve_and_a_search_are_called_likewise():
    curve = SuccessCurve(steps=6)(MODEL, X, Y, threat=THREAT, epsilons=[0.1, 0.3])
    theirs = success_curve(MODEL, X, Y, threat=THREAT, epsilons=[0.1, 0.3], steps=6, patience=None)
    assert torch.equal(curve.success, theirs.success)
    found = LeastEpsilon(0.01)(MODEL, X, Y, threat=THREAT, epsilon=1.0)
    theirs = least_epsilon(MODEL, X, Y, threat=THREAT, epsilon_max=1.0, tolerance=0.01, steps=60, proof=False)
    assert torch.equal(found.least_epsilon, theirs.least_epsilon)
    assert (found.loss, found.steps) == ("margin", 60)


MANY = [
    PGD(), PGD(steps=20), PGD(restarts=2), PGD(random_start=True), PGD(loss="margin"), PGD(relative_step=1.0),
    PGD(stop_at_success=False), PGD(steps=20, restarts=2), APGD(), APGD(steps=50), APGD(loss="margin"), Square(),
    Square(500), Grid(), Grid(128), RandomNoise(), RandomNoise(5), Union(), Union([PGD()]), Union([PGD(), Square()]),
    Union([Square(), PGD()]), SuccessCurve(), SuccessCurve(steps=20), SuccessCurve(restarts=3),
    LBFGS(), LBFGS(targets=3), Universal(), Universal(passes=3), Substitute(), Substitute(PGD()), Substitute(rounds=2),
    ZOO(), ZOO(coordinates=4),
    SuccessCurve(restarts=1), LeastEpsilon(0.01), APGD(patience=10), Square(patience=100), AutoAttack(),
    AutoAttack(queries=100), AutoAttack(every_step=True), TargetedAPGD(), TargetedAPGD(50, 3), NearestClass(),
    NearestClass(50), Union([AutoAttack(), PGD()]),
]  # fmt: skip


def test_different_attacks_have_different_names_and_equal_ones_are_one_value():
    names = [spec.name for spec in MANY]
    assert len(set(names)) == len(names)
    assert len({*MANY, *(dataclasses.replace(spec) for spec in MANY)}) == len(MANY)
    for one, other in itertools.combinations(MANY, 2):
        assert one != other
    assert not any(set("/ ,:") & set(name) for name in names)


def test_the_names_of_the_papers_attacks():
    assert PGD(steps=20).name == "pgd-20"
    assert SuccessCurve(steps=50, restarts=1).name == "pgd-50-curve"
    assert Union().name == Union(restarts=1).name == "union"
    assert LeastEpsilon(1e-4).name == "least-epsilon"


@pytest.mark.parametrize("spec", MANY, ids=lambda spec: spec.name)
def test_a_spec_is_frozen_shows_its_settings_and_is_plain_data(spec):
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.steps = 3
    assert eval(repr(spec)) == spec
    plain = json.loads(json.dumps(describe(spec)))
    assert plain["name"] == spec.name
    assert plain["kind"] == type(spec).__name__


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PGD(steps=0), "steps is 0 and restarts is 1; expected 1 or more"),
        (lambda: PGD(loss="hinge"), "unknown loss 'hinge'"),
        (lambda: APGD(restarts=0), "restarts is 0"),
        (lambda: Square(queries=0), "queries is 0; expected 1 or more"),
        (lambda: RandomNoise(draws=0), "draws is 0"),
        (lambda: SuccessCurve(order="sideways"), "order is 'sideways'"),
        (lambda: SuccessCurve(patience=0), "patience is 0"),
        (lambda: APGD(patience=0), "patience is 0"),
        (lambda: Square(patience=-1), "patience is -1"),
        (lambda: AutoAttack(steps=0), "steps is 0"),
        (lambda: AutoAttack(targets=0), "targets is 0"),
        (lambda: AutoAttack(queries=0), "queries is 0"),
        (lambda: TargetedAPGD(targets=0), "targets is 0; expected 1 or more"),
        (lambda: TargetedAPGD(patience=0), "patience is 0"),
        (lambda: NearestClass(steps=0), "steps is 0"),
        (lambda: NearestClass(targets=0), "targets is 0"),
        (lambda: SuccessCurve(restarts=0), "restarts is 0"),
        (lambda: SuccessCurve(restarts=None), "restarts is None"),
        (lambda: SuccessCurve(restarts="many"), "restarts is 'many'; expected a whole number of 1 or more, or auto"),
        (lambda: LeastEpsilon(0.0), "tolerance is 0.0; expected a finite number above 0"),
        (lambda: LeastEpsilon(0.1, steps=0), "steps is 0"),
        (lambda: Union(queries=-1), "queries is -1"),
        (lambda: Union(["pgd-20"]), "attacks holds 'pgd-20'; expected attacks at one radius with their settings"),
        (lambda: Union([PGD]), "attacks holds <class"),
        (lambda: Union([SuccessCurve()]), "expected attacks at one radius"),
        (lambda: Union([LeastEpsilon(0.1)]), "expected attacks at one radius"),
        (lambda: Union([PGD(), PGD(steps=50)]), "attacks holds pgd-50 more than once"),
        (lambda: Union([PGD()], restarts=2), "steps, restarts and queries are of the default attacks"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_runs(make, message):
    with pytest.raises(FairtollError, match=message):
        make()


@pytest.mark.parametrize("spec", [PGD(restarts=2), APGD(random_start=True), Square(3), RandomNoise(3)])
def test_random_attacks_need_a_generator(spec):
    with pytest.raises(FairtollError, match=r"pass (generator=)?torch.Generator"):
        spec(MODEL, X, Y, threat=THREAT, epsilon=0.1)


def test_a_union_of_a_list_is_its_attacks_in_order():
    """Row by row what the first attack that succeeds finds alone."""
    parts = [RandomNoise(2), PGD(steps=3), Grid()]
    found = Union(parts)(MODEL, X, Y, threat=THREAT, epsilon=0.4, generator=generator())
    wrong = MODEL(X).argmax(dim=1) != Y
    draws = generator()
    left, expected = torch.nonzero(~wrong).flatten(), ["clean" if one else "" for one in wrong.tolist()]
    for attack in parts:
        success = attack(MODEL, X[left], Y[left], threat=THREAT, epsilon=0.4, generator=draws).success
        for row in left[success].tolist():
            expected[row] = attack.name
        left = left[~success]
    assert list(found.broken_by) == expected
    assert found.attacks == [attack.name for attack in parts]
    assert len(set(expected)) > 2
    assert torch.equal(found.success, torch.tensor([name != "" for name in expected]))


def test_a_grid_in_a_list_refuses_too_many_features_as_it_does_alone():
    with pytest.raises(FairtollError, match="9 features may move"):
        Union([Grid()])(nn.Linear(9, 2), torch.zeros(6, 9), torch.arange(6) % 2, threat=LinfThreat(), epsilon=0.1)


@pytest.mark.parametrize("stop_at_success", [True, False])
@pytest.mark.parametrize("shape", [(3,), (2, 4, 4)])
def test_a_radius_for_each_row_is_a_call_for_each_row(shape, stop_at_success):
    flat = 1
    for length in shape:
        flat *= length
    torch.manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(flat, 8), nn.Tanh(), nn.Linear(8, 3))
    x = torch.randn(12, *shape)
    y = model(x).argmax(dim=1)
    radii = torch.linspace(0.0, 0.8, 12)
    options = {"threat": LinfThreat(), "steps": 8, "stop_at_success": stop_at_success}
    together = pgd(model, x, y, epsilon=radii, batch_size=5, **options)
    apart = [pgd(model, x[i : i + 1], y[i : i + 1], epsilon=float(radii[i]), **options) for i in range(12)]
    assert torch.equal(together.success, torch.cat([one.success for one in apart]))
    torch.testing.assert_close(together.perturbed, torch.cat([one.perturbed for one in apart]), atol=1e-6, rtol=1e-5)
    assert 0 < together.success.sum() < 12
    moved = (together.perturbed - x).abs().flatten(1).amax(dim=1)
    assert (moved <= radii + 1e-6).all()


def test_a_radius_for_each_row_of_a_linear_model_is_the_closed_form():
    """A row of a linear two-class model breaks exactly if its own radius exceeds margin over L1 norm."""
    model = nn.Linear(3, 2)
    normal, logits = (model.weight[1] - model.weight[0]).detach(), model(X).detach()
    least = ((logits[:, 1] - logits[:, 0]) * (2 * Y - 1) / normal.abs().sum()).clamp(min=0)
    for factor, broken in ((1.01, True), (0.99, False)):
        found = pgd(model, X, Y, threat=LinfThreat(), epsilon=least * factor)
        assert (found.success == (torch.full_like(Y, broken).bool() | (least == 0))).all()


@pytest.mark.parametrize(
    ("radii", "message"),
    [
        (torch.full((59,), 0.1), r"epsilon has shape \(59,\) for 60 rows; expected one for each"),
        (torch.full((60, 1), 0.1), r"epsilon has shape \(60, 1\)"),
        (torch.tensor([0.1] * 59 + [-0.1]), "epsilon is -0.1.*; expected a finite number of 0 or more"),
        (torch.tensor([float("nan")] + [0.1] * 59), "epsilon is nan"),
        (torch.tensor([float("inf")] + [0.1] * 59), "epsilon is inf"),
    ],
)
def test_radii_that_are_not_one_for_each_row(radii, message):
    with pytest.raises(FairtollError, match=message):
        pgd(MODEL, X, Y, threat=THREAT, epsilon=radii)
