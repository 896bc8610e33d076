"""Attacks of other libraries: inside every threat, as near as closed forms say, and refused where they cannot count."""

import dataclasses
import importlib
import json
import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, FairtollWarning, audit
from fairtoll.attacks import PGD, AttackSpec, External, Union
from fairtoll.attacks.libraries.library import Library
from fairtoll.attacks.libraries.registry import LIBRARIES
from fairtoll.attacks.spec import describe
from fairtoll.data import Dataset
from fairtoll.evidence.collect import collect
from fairtoll.evidence.measures import Attacked
from fairtoll.evidence.target import Arm, Target
from fairtoll.threats import L0Threat, L1Threat, L2Threat, LinfThreat

FEATURES = 5
SCALE = [0.5, 1.0, 20.0, 0.1, 3.0]
MUTABLE = [True, False, True, True, True]
INTEGER = [False, False, True, False, False]
WIDE = (-1000.0, 1000.0)
NORM_OF = {L2Threat: 2, L1Threat: 1, LinfThreat: np.inf}
#: What bounds a linear function over a ball of a norm is its dual norm.
DUAL = {2: 2, 1: np.inf, np.inf: 1}


def linear(classes=2, seed=0):
    torch.manual_seed(seed)
    model = nn.Linear(FEATURES, classes)
    x = 2 * torch.randn(40, FEATURES)
    x[:, 2] = (30 * x[:, 2]).round()
    with torch.no_grad():
        model.weight[:, 2] /= 20
        y = model(x).argmax(dim=1)
    y[:3] = (y[:3] + 1) % classes
    return model, x, y


def distances(model, x, y, kind):
    """The closed form: to each class |w.x + b| over the dual norm of w * scale; 0 where that class is ahead already."""
    weight, bias = (part.detach().double().numpy() for part in (model.weight, model.bias))
    logits = x.double().numpy() @ weight.T + bias
    rows, labels = np.arange(len(x)), y.numpy()
    own = logits[rows, labels][:, None] - logits
    slopes = ((weight[labels][:, None] - weight[None]) * np.asarray(SCALE))[..., MUTABLE]
    length = np.linalg.norm(slopes, ord=DUAL[NORM_OF[kind]], axis=2)
    far = np.maximum(own / np.where(length > 0, length, 1.0), 0.0)
    far[rows, labels] = np.inf
    return torch.from_numpy(far)


def least(model, x, y, kind):
    return distances(model, x, y, kind).min(dim=1).values


def likeliest_is_nearest(model, x, y, kind):
    wrong = model(x).detach().scatter(1, y[:, None], -torch.inf)
    return wrong.argmax(dim=1) == distances(model, x, y, kind).argmin(dim=1)


MINIMAL = [
    (External("foolbox", "L2DeepFoolAttack"), L2Threat, 1.03),
    (External("foolbox", "L2CarliniWagnerAttack", {"steps": 300, "initial_const": 1.0}), L2Threat, 1.02),
    (External("foolbox", "LinfDeepFoolAttack"), LinfThreat, 1.03),
    (External("foolbox", "EADAttack", {"steps": 300, "initial_const": 1.0}), L1Threat, 1.15),
]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("spec", "kind", "factor"), MINIMAL, ids=lambda value: getattr(value, "name", None))
def test_the_distance_on_a_linear_model_is_the_closed_form(spec, kind, factor, classes):
    model, x, y = linear(classes)
    threat = kind(scale=SCALE, mutable=MUTABLE, box=WIDE)
    found = spec(model, x, y, threat=threat, epsilon=10.0)
    exact, distance = least(model, x, y, kind), threat.distance(x, found.perturbed)
    assert torch.equal(distance[:3], torch.zeros(3, dtype=torch.float64))
    # foolbox adds a fixed 0.0001 to some distances, which tells where the boundary is very near.
    clear = (exact > 0.05) & (exact < 5)
    assert clear.sum() > 20
    if "DeepFool" not in spec.attack:
        # The others follow the likeliest wrong class, even where another is nearer.
        clear &= likeliest_is_nearest(model, x, y, kind)
    assert clear.sum() > 15
    assert found.success[clear].all()
    assert (distance[found.success] >= exact[found.success] * (1 - 1e-5)).all()
    assert distance[clear].div(exact[clear]).median() <= factor
    assert distance[clear].div(exact[clear]).max() <= factor + 0.1


@pytest.mark.parametrize(("spec", "kind", "factor"), MINIMAL, ids=lambda value: getattr(value, "name", None))
def test_a_row_is_broken_exactly_if_its_distance_is_within_the_radius(spec, kind, factor):
    model, x, y = linear()
    threat = kind(scale=SCALE, mutable=MUTABLE, box=WIDE)
    exact = least(model, x, y, kind)
    epsilon = float(exact.median())
    found = spec(model, x, y, threat=threat, epsilon=epsilon)
    assert not found.success[exact > epsilon * (1 + 1e-5)].any()
    assert found.success[exact < epsilon / factor - 0.01].double().mean() >= 0.9


EVERYWHERE = [
    (External("foolbox", "L2DeepFoolAttack"), L2Threat, 1.5),
    (External("foolbox", "L2PGD", {"steps": 10}), L2Threat, 1.5),
    (External("foolbox", "L2CarliniWagnerAttack", {"steps": 50}), LinfThreat, 1.5),
    (External("foolbox", "LinfPGD", {"steps": 10}), LinfThreat, 1.5),
    (External("foolbox", "SaltAndPepperNoiseAttack", {"steps": 20}), L2Threat, 1.5),
    (External("foolbox", "LinearSearchBlendedUniformNoiseAttack", {"steps": 20}, norm="l1"), L1Threat, 30.0),
    (External("art", "SaliencyMapMethod", {"theta": 0.3}), L0Threat, 2.0),
    (External("art", "SaliencyMapMethod", {"theta": -0.3}), LinfThreat, 1.0),
    (External("art", "ZooAttack", {"nb_parallel": 2, "max_iter": 20}), L2Threat, 1.5),
    (External("art", "FastGradientMethod"), LinfThreat, 1.0),
    (External("art", "FastGradientMethod", {"norm": 2}), L2Threat, 1.0),
    (External("art", "DeepFool", {"max_iter": 5}), L2Threat, 1.0),
    (External("art", "UniversalPerturbation", {"norm": 2, "max_iter": 1}), L2Threat, 1.0),
]


@pytest.mark.parametrize(("spec", "kind", "epsilon"), EVERYWHERE, ids=lambda value: getattr(value, "name", None))
@pytest.mark.parametrize("integer", [None, INTEGER], ids=["", "whole"])
def test_everything_returned_is_inside_and_what_counts_is_broken(spec, kind, epsilon, integer):
    model, x, y = linear()
    box = ([-9, -9, -99, -9, -9], [9, 9, 99, 1, 9])
    threat = kind(scale=SCALE, mutable=MUTABLE, integer=integer, box=box)
    before = x.clone()
    found = spec(model, x, y, threat=threat, epsilon=epsilon, generator=torch.Generator().manual_seed(0))
    assert torch.equal(x, before)
    assert threat.admits(x, found.perturbed, epsilon).all()
    assert (threat.distance(x, found.perturbed) <= epsilon * (1 + 1e-9)).all()
    wrong = model(found.perturbed).argmax(dim=1) != y
    assert torch.equal(found.success, wrong)
    assert found.success[:3].all()
    if integer is not None:
        assert torch.equal(found.perturbed[:, 2], found.perturbed[:, 2].round())
    assert torch.equal(found.perturbed[:, 1], x[:, 1])


def legacy():
    return np.random.get_state()[1].tolist()  # noqa: NPY002


def test_the_same_seed_gives_the_same_and_global_random_states_are_kept():
    spec = External("foolbox", "L2RepeatedAdditiveGaussianNoiseAttack", {"repeats": 3})
    model, x, y = linear()
    states = random.getstate(), legacy(), torch.get_rng_state()
    runs = [
        spec(model, x, y, threat=L2Threat(), epsilon=3.0, generator=torch.Generator().manual_seed(seed)).perturbed
        for seed in (1, 1, 2)
    ]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    assert states[0] == random.getstate()
    assert states[1] == legacy()
    assert torch.equal(states[2], torch.get_rng_state())


def test_the_model_is_left_as_it_was():
    model, x, y = linear()
    model.train()
    for spec in (External("art", "FastGradientMethod"), External("foolbox", "LinfPGD", {"steps": 2})):
        spec(model, x, y, threat=LinfThreat(), epsilon=0.1)
    assert model.training
    assert model.weight.requires_grad
    assert model.weight.grad is None


def test_images_keep_their_shape_and_their_box():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
    x = torch.rand(6, 3, 8, 8)
    y = model(x).argmax(dim=1)
    threat = L2Threat(box=(0.0, 1.0))
    for spec in (External("foolbox", "L2DeepFoolAttack"), External("art", "UniversalPerturbation", {"norm": 2})):
        found = spec(model, x, y, threat=threat, epsilon=4.0)
        assert found.perturbed.shape == x.shape
        assert threat.admits(x, found.perturbed, 4.0).all()
        assert found.success.any()


def test_a_spec_is_a_frozen_value_with_a_computed_name():
    spec = External("foolbox", "L2DeepFoolAttack", {"steps": 20, "overshoot": 0.01})
    assert isinstance(spec, AttackSpec)
    assert spec.name == "foolbox-L2DeepFoolAttack-overshoot-0.01-steps-20"
    assert spec == External("foolbox", "L2DeepFoolAttack", {"overshoot": 0.01, "steps": 20})
    assert eval(repr(spec)) == spec
    assert len({spec, dataclasses.replace(spec), dataclasses.replace(spec, settings={"steps": 3})}) == 2
    assert json.loads(json.dumps(describe(spec)))["kind"] == "External"
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.attack = "L2PGD"
    assert External("foolbox", "InversionAttack", norm="l1").name == "foolbox-InversionAttack-l1"
    known = {"FGSM": "linf", "L1PGD": "l1", "HopSkipJumpAttack": "l2", "L0FMNAttack": "l0"}
    assert {attack: External("foolbox", attack).norm for attack in known} == known
    known = {"SaliencyMapMethod": "l0", "ElasticNet": "l1", "ZooAttack": "l2", "FastGradientMethod": "linf"}
    assert {attack: External("art", attack).norm for attack in known} == known


def test_a_union_takes_it_beside_ours_and_says_who_broke_what():
    model, x, y = linear()
    threat = LinfThreat(scale=SCALE, mutable=MUTABLE)
    attack = External("foolbox", "L2DeepFoolAttack")
    found = Union([PGD(steps=1, relative_step=0.2), attack])(model, x, y, threat=threat, epsilon=0.8)
    assert set(found.broken_by) == {"clean", "pgd-1-relative-step-0.2", attack.name, ""}
    only = Union([attack])(model, x, y, threat=L2Threat(scale=SCALE, mutable=MUTABLE), epsilon=0.8)
    assert set(only.broken_by) == {"clean", attack.name, ""}


def test_evidence_takes_it_under_a_threat_of_its_norm():
    model, x, y = linear()
    data = Dataset(x.numpy(), y.numpy(), ("no", "yes"), {"sex": ["f", "m"] * 20})
    threat = L2Threat(scale=SCALE, mutable=MUTABLE)
    attack, epsilons = External("foolbox", "L2DeepFoolAttack"), [0.2, 0.8]
    tables = collect(Attacked(attack, epsilons), Arm("standard", [model], [0]), Target(data, threat, "euclidean"))
    exact = least(model, x, y, L2Threat)
    for epsilon, rows in tables.attacks.groupby("epsilon"):
        sure = ((exact < epsilon / 1.05 - 0.01) | (exact > epsilon)).numpy()
        assert (rows["attack"] == attack.name).all()
        np.testing.assert_array_equal(rows["success"].to_numpy()[sure], (exact < epsilon).numpy()[sure])


def test_no_rows_and_no_radius():
    model, x, y = linear()
    spec = External("foolbox", "L2DeepFoolAttack")
    assert spec(model, x[:0], y[:0], threat=L2Threat(), epsilon=1.0).success.shape == (0,)
    found = spec(model, x, y, threat=L2Threat(), epsilon=0.0)
    assert torch.equal(found.perturbed, x)
    assert found.success.sum() == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: External("cleverhans", "FGM"), "library is 'cleverhans'; expected one of art, foolbox"),
        (lambda: External("foolbox", "L2DeepFool"), "foolbox has no attack 'L2DeepFool'; .* such as L2DeepFoolAttack"),
        (lambda: External("foolbox", "Attack"), "foolbox has no attack 'Attack'"),
        (lambda: External("art", "JSMA"), "art has no attack 'JSMA'"),
        (lambda: External("foolbox", "L2PGD", {"step": 3}), "cannot be given step, which does not exist; .*steps"),
        (lambda: External("art", "FastGradientMethod", {"eps": 3}), "cannot be given eps, which is set by fairtoll"),
        (lambda: External("foolbox", "L2PGD", 3), "settings is 3; expected a mapping"),
        (lambda: External("foolbox", "L2PGD", {"steps": [3]}), r"settings has 'steps': \[3\]; expected names"),
        (lambda: External("foolbox", "L2PGD", norm="linf"), "norm of foolbox's L2PGD is 'linf'; expected l2"),
        (lambda: External("foolbox", "InversionAttack", norm="l3"), "is 'l3'; expected one of l0, l1, l2, linf"),
        (lambda: External("foolbox", "InversionAttack"), "InversionAttack keeps small is not known; pass norm"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(make, message):
    with pytest.raises(FairtollError, match=message):
        make()


@pytest.mark.parametrize("library", ["foolbox", "art"])
def test_a_library_that_is_missing(library, monkeypatch):
    real = importlib.import_module

    def missing(name, *args, **kwargs):
        if name.split(".")[0] == library:
            raise ModuleNotFoundError(f"No module named '{library}'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(FairtollError, match=r"cannot be imported here .* pip install -e '\.\[attacks\]'") as caught:
        External(library, "L2PGD")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "threat", "message"),
    [
        (PGD(), L2Threat(), "the threat is an L2Threat and this attack cannot keep that norm; expected .* linf"),
        (Union(), L1Threat(), "the threat is an L1Threat"),
        (Union([PGD()]), L2Threat(), "the threat is an L2Threat"),
        (External("foolbox", "L2PGD"), LinfThreat(), "the threat is an LinfThreat .* expected a threat of l2, or"),
        (External("foolbox", "L2DeepFoolAttack"), L1Threat(), "the threat is an L1Threat .* a threat of l2 or linf"),
        (External("art", "SaliencyMapMethod"), L2Threat(), "expected a threat of l0 or linf"),
    ],
)
def test_a_threat_whose_norm_the_attack_cannot_keep(spec, threat, message):
    model, x, y = linear()
    with pytest.raises(FairtollError, match=message):
        spec(model, x, y, threat=threat, epsilon=1.0, generator=torch.Generator())


class Pretended:
    """An attack of a library that is not there."""

    def __init__(self, steps=1):
        self.steps = steps


def pretend(monkeypatch, run, takes_radius=False):
    """A library whose one attack returns what `run` makes of the start."""
    library = Library(
        module="pretended", package="pretended", attacks="pretended.attacks", base="builtins.object",
        norm_of=lambda attack, settings: "l2", takes_radius=lambda attack: takes_radius, filled=(),
        run=lambda attack, query: run(query.asked.coordinates.start()),
    )  # fmt: skip
    monkeypatch.setitem(LIBRARIES, "pretended", library)
    monkeypatch.setattr(Library, "find", lambda self, attack, settings: Pretended)
    return External("pretended", "Pretended")


def ask(spec, **options):
    model, x, y = linear()
    return spec(model, x, y, threat=L2Threat(scale=SCALE, mutable=MUTABLE), epsilon=2.0, **options)


def test_nan_everywhere_is_an_error(monkeypatch):
    spec = pretend(monkeypatch, lambda start: start * torch.nan)
    with pytest.raises(FairtollError, match="pretended's Pretended returned NaN or infinity for each of the 37 rows"):
        ask(spec)


def test_nan_of_some_rows_does_not_count_and_is_reported(monkeypatch):
    def some(start):
        start[:5, 0] = torch.nan
        start[5:7, 1] = torch.inf
        start[7:9, 2] = 1.2
        start[9:, 0] = 1.0
        return start

    spec = pretend(monkeypatch, some)
    with pytest.warns(FairtollWarning, match="NaN or infinity for 7 and inputs outside its bounds for 2 of 40 rows"):
        found = ask(spec)
    model, x, y = linear()
    assert not found.success[3:12].any()
    assert torch.equal(found.perturbed[3:12], x[3:12])
    assert torch.equal(found.success, model(found.perturbed).argmax(dim=1) != y)
    assert L2Threat(scale=SCALE, mutable=MUTABLE).admits(x, found.perturbed, 2.0).all()


def test_leaving_the_radius_does_not_count(monkeypatch):
    # All four features that may move at the ends of their range: twice the radius in L2.
    spec = pretend(monkeypatch, lambda start: start + 0.5, takes_radius=True)
    with pytest.warns(FairtollWarning, match="inputs outside its bounds for 37 of 40 rows; these do not count"):
        found = ask(spec)
    assert found.success.sum() == 3
    rounded = pretend(monkeypatch, lambda start: start + 0.25 * (1 + 1e-6), takes_radius=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ask(rounded)


def test_another_shape_and_an_error_inside_are_named(monkeypatch):
    with pytest.raises(FairtollError, match=r"returned shape \(37, 3\) for rows of shape \(37, 4\)"):
        ask(pretend(monkeypatch, lambda start: start[:, :3]))

    def fails(start):
        raise AssertionError("no\nway")

    with pytest.raises(FairtollError, match=r"pretended's Pretended failed with AssertionError \(no way\)"):
        ask(pretend(monkeypatch, fails))


def test_a_model_that_is_wrong_only_for_the_library_does_not_count(monkeypatch):
    """Whatever the library claims, success is the model's own answer to the admissible input."""
    found = ask(pretend(monkeypatch, lambda start: start))
    assert found.success.sum() == 3


def test_an_audit_takes_it_beside_ours_and_refuses_before_the_work_what_cannot_be():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(120, 3)).astype(np.float32)
    data = Dataset(x, (x[:, 0] > 0).astype(int), ("low", "high"), {"sex": np.where(x[:, 1] > 0, "f", "m")})
    models = {}
    for seed, arm in enumerate(("plain", "hardened")):
        torch.manual_seed(seed)
        models[arm] = nn.Linear(3, 2)
    attack = External("foolbox", "L2DeepFoolAttack")
    found = audit(models, data, threat=LinfThreat(), epsilons=[0.3], attacks=[Union(), attack])
    rates = {
        name: found.evidence.success("plain", evaluation="white-box", threat="audit", attack=name, epsilon=0.3).mean()
        for name in ("union", attack.name)
    }
    assert 0 < rates[attack.name] <= rates["union"]
    asked = {(one.metric, one.parameters.partition, one.parameters.attack) for one in found.results.findings}
    assert {("cru_s", "class", attack.name), ("cru_s", "sex", attack.name)} <= asked
    with pytest.raises(FairtollError, match=r"the threat is an LinfThreat .* expected a threat of l2"):
        audit(models, data, threat=LinfThreat(), epsilons=[0.3], attacks=[External("foolbox", "L2PGD")])
    with pytest.raises(FairtollError, match="threat a L2Threat; expected a Dataset and a LinfThreat"):
        audit(models, data, threat=L2Threat(), epsilons=[0.3], attacks=[attack])
