"""What every public item of attacks, training, data and threat keeps to, whatever it computes."""

import copy
import inspect
import sys
import tempfile
import typing
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from fairtoll import LinfThreat, ModelStack, attacks, data, threats, training

sys.path.insert(0, str(Path(__file__).parent / "data"))

from synthetic_cifar10 import write_parquet_copy

#: What may be given by position: the data, and what is asked or trained.
DATA = {"name", "model", "x", "y", "rows", "setup", "examples", "sources", "stack", "source", "folder"}
#: Where data that are looked for by default may be.
MAY_BE_LEFT_OUT = {"folder"}

PUBLIC = {
    f"{room.__name__.removeprefix('fairtoll.')}.{name}": item
    for room in (attacks, training, data, threats)
    for name, item in vars(room).items()
    if not name.startswith("_")
    and getattr(item, "__module__", "").startswith("fairtoll.")
    and not issubclass(item if inspect.isclass(item) else object, Exception)
}
FUNCTIONS = sorted(name for name, item in PUBLIC.items() if inspect.isfunction(item))
METHODS = sorted(
    f"{name}.{key}"
    for name, item in PUBLIC.items()
    if inspect.isclass(item)
    for key, method in vars(item).items()
    if inspect.isfunction(method) and not key.startswith("_")
)

X = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
Y = torch.arange(12) % 2
ATTACK = {"model": nn.Linear(3, 2), "x": X, "y": Y, "threat": LinfThreat()}
STEPS = {"epsilon": 0.1, "steps": 2}
SETUP = training.TrainingSetup(
    X, Y, torch.arange(12), [0], lambda: nn.Linear(3, 2), training.FitSettings(epochs=1, batch_size=4)
)
FRAME = pd.DataFrame({"age": [1, 2, 3], "sex": ["f", "m", "f"], "paid": [0, 1, 0]})
COPY = tempfile.TemporaryDirectory()
CALLS = {
    "attacks.pgd": ATTACK | STEPS,
    "attacks.union": ATTACK | STEPS | {"generator": torch.Generator()},
    "attacks.apgd": ATTACK | STEPS,
    "attacks.square": ATTACK | {"epsilon": 0.1, "queries": 2, "generator": torch.Generator()},
    "attacks.grid": ATTACK | {"epsilon": 0.1},
    "attacks.success_curve": ATTACK | {"epsilons": [0.1, 0.2], "steps": 2},
    "attacks.least_epsilon": ATTACK | {"epsilon_max": 0.5, "tolerance": 0.01},
    "attacks.table_search": ATTACK | {"epsilon": 0.1, "queries": 2, "generator": torch.Generator()},
    "attacks.random_noise": ATTACK | {"epsilon": 0.1, "generator": torch.Generator()},
    "attacks.hop_skip_jump": ATTACK
    | {"attack": attacks.find_hop_skip_jump(), "epsilons": [0.1], "generator": torch.Generator()},
    "attacks.find_hop_skip_jump": {},
    "attacks.zero_gradient": ATTACK,
    "attacks.paper_attacks": {},
    "attacks.attack_named": {"name": "pgd-20"},
    "training.fit": {
        "stack": ModelStack([nn.Linear(3, 2)]), "x": X, "y": Y, "items": torch.arange(12), "seeds": [0],
        "settings": training.FitSettings(epochs=1), "row_weights": torch.ones(1, 12),
    },
    "training.oversample": {"y": Y, "copies": [1, 3]},
    "training.train_standard": {"setup": SETUP},
    "training.train_online": {"setup": SETUP, "threat": LinfThreat()} | STEPS,
    "training.train_on_pairs": {"setup": SETUP, "examples": X + 1},
    "training.add_sign_noise": {"setup": SETUP, "threat": LinfThreat(), "epsilon": 0.1},
    "training.craft_adversarial_examples": {
        "sources": ModelStack([nn.Linear(3, 2)]),
        "x": X,
        "y": Y,
        "threat": LinfThreat(),
    }
    | STEPS,
    "data.load_adult": {},
    "data.load_cifar10": {"folder": write_parquet_copy(Path(COPY.name)), "rows_expected": None},
    "data.load_frame": {"source": FRAME, "label": "paid", "groups": ["sex"]},
    "threats.movable": {"rows": data.load_frame(FRAME, label="paid", groups=["sex"])},
    "threats.table_threat": {"rows": data.load_frame(FRAME, label="paid", groups=["sex"])},
}  # fmt: skip
#: What a call is there to change.
CHANGED = {"generator", "stack"}


def frozen(value):
    """Something that compares equal exactly if the value is what it was."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, nn.Module):
        return frozen(value.state_dict())
    if isinstance(value, ModelStack):
        return frozen(value.parameters | value.buffers)
    if isinstance(value, LinfThreat):
        return value.to_dict()
    if isinstance(value, data.Dataset):
        return frozen({"x": value.x.tolist(), "y": value.y.tolist(), "features": value.features})
    if isinstance(value, pd.DataFrame):
        return value.to_dict()
    if isinstance(value, training.TrainingSetup):
        return frozen([value.x, value.y, value.items, list(value.seeds)])
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    if isinstance(value, list):
        return [frozen(item) for item in value]
    return copy.copy(value)


def find(name):
    room, item, *method = name.split(".")
    return getattr(PUBLIC[f"{room}.{item}"], method[0]) if method else PUBLIC[f"{room}.{item}"]


def test_every_public_function_is_called_here():
    assert set(CALLS) == set(FUNCTIONS)
    # An attack as a value is tried in tests/attacks/test_specs.py.
    specs = {
        name for name, item in PUBLIC.items()
        if name.startswith("attacks.") and inspect.isclass(item) and "__call__" in vars(item)
    }  # fmt: skip
    assert {name for name in PUBLIC if name not in FUNCTIONS} - specs | {"attacks.AttackSpec"} == {
        "attacks.AttackResult", "attacks.AttackSpec", "attacks.CitedAttack", "attacks.SuccessCurveResult",
        "attacks.LeastEpsilonResult",
        "training.Adversary", "training.FitSettings", "training.Recipe", "training.TrainingSetup",
        "data.Dataset", "data.Feature", "data.TrainTest",
        "threats.L0Threat", "threats.L1Threat", "threats.L2Threat", "threats.LinfThreat",
        "threats.RangeOf", "threats.Relation", "threats.TableThreat",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_docstring_with_an_example(name):
    docstring = inspect.getdoc(PUBLIC[name])
    assert "\nExamples\n--------\n>>> " in docstring
    assert docstring.splitlines()[0].endswith(".") or ":" in docstring.splitlines()[0]


@pytest.mark.parametrize("name", METHODS)
def test_a_docstring_for_each_method(name):
    assert inspect.getdoc(find(name))


@pytest.mark.parametrize("name", FUNCTIONS + METHODS)
def test_everything_has_a_type(name):
    function = find(name)
    parameters = {*inspect.signature(function).parameters} - {"self"}
    assert set(typing.get_type_hints(function)) == {*parameters, "return"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_data_is_positional(name):
    for parameter in inspect.signature(PUBLIC[name]).parameters.values():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            assert parameter.name in DATA
            assert parameter.default is parameter.empty or parameter.name in MAY_BE_LEFT_OUT


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_given_stays_as_it_was(name):
    given = CALLS[name]
    before = {key: frozen(value) for key, value in given.items() if key not in CHANGED}
    torch_state = torch.get_rng_state()
    PUBLIC[name](**given)
    assert {key: frozen(value) for key, value in given.items() if key not in CHANGED} == before
    if name.startswith("attacks.") or name == "training.fit":
        assert torch.equal(torch.get_rng_state(), torch_state)
