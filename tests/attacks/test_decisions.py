"""HopSkipJump of other libraries as a check: on linear models the least perturbation is known in closed form."""

import importlib.util

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import External, find_hop_skip_jump, hop_skip_jump
from fairtoll.attacks.decisions import CHOICES
from fairtoll.inputs.features import Feature
from fairtoll.threats import TableThreat

EPSILONS = [0.2, 0.6]
WEIGHT = np.array([1.0, -0.5, 2.0])


class Scores(nn.Module):
    """A linear model of two classes that gives its scores away and nothing else, and counts what it is asked."""

    def __init__(self):
        super().__init__()
        self.asked, self.seen = 0, []

    def forward(self, x):
        self.asked += len(x)
        self.seen.append(x.clone())
        margin = x.double() @ torch.from_numpy(WEIGHT) + 0.1
        return torch.stack([torch.zeros_like(margin), margin], dim=1)


def rows(count=16):
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32))
    return x, (x.double() @ torch.from_numpy(WEIGHT) + 0.1 > 0).long()


def run(threat, x, y, *, attack=None, seed=0):
    how = {"attack": attack or find_hop_skip_jump(), "threat": threat, "epsilons": EPSILONS}
    return hop_skip_jump(Scores(), x, y, **how, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("library", [0, 1], ids=["foolbox", "art"])
def test_no_row_is_broken_below_its_least_perturbation_and_nearly_all_above(library):
    x, y = rows(16 if library == 0 else 6)
    found = run(LinfThreat(scale=[1.0, 2.0, 0.5]), x, y, attack=External(*CHOICES[library])).numpy()
    reach = np.abs(WEIGHT * [1.0, 2.0, 0.5]).sum()
    least = np.abs(x.double().numpy() @ WEIGHT + 0.1) / reach
    for epsilon, broken in zip(EPSILONS, found, strict=True):
        assert not broken[least > epsilon].any()
        assert broken[least < 0.7 * epsilon].all()
    assert found[1].any()
    assert not found[0].all()


def test_what_may_not_move_and_whole_numbers_stay():
    x, y = rows()
    x[:, 2] = (3 * x[:, 2]).round()
    y = (x.double() @ torch.from_numpy(WEIGHT) + 0.1 > 0).long()
    threat = LinfThreat(scale=[1.0, 1.0, 2.0], mutable=[False, True, True], integer=[False, False, True])
    model = Scores()
    how = {"attack": find_hop_skip_jump(), "threat": threat, "epsilons": [0.2, 0.6]}
    found = hop_skip_jump(model, x, y, **how, generator=torch.Generator().manual_seed(0)).numpy()
    asked = torch.cat(model.seen)
    assert torch.equal(asked[:, 2], asked[:, 2].round())
    assert set(asked[:, 0].tolist()) <= set(x[:, 0].tolist())
    # At 0.2 the third may move by 0.4, which is no whole number; at 0.6 by 1.
    for epsilon, whole, broken in zip(EPSILONS, (0.0, 1.0), found, strict=True):
        possible = np.abs(x.double().numpy() @ WEIGHT + 0.1) < 0.5 * epsilon + 2 * whole
        assert not broken[~possible].any()
    assert found[1].any()


def test_of_a_table_threat_only_admissible_rows_count():
    features = tuple(Feature(name, "continuous", False, -9.0, 9.0, "") for name in "abc")
    ends = ([-9.0] * 3, [9.0] * 3)
    threat = TableThreat(features, [1.0] * 3, ends, [True] * 3, cost_norm="sum", monotone={"c": "up"})
    x, y = rows()
    found = run(threat, x, y).numpy()
    margin = x.double().numpy() @ WEIGHT + 0.1
    # The sum of moves is at most epsilon: the best is all of it on the third, which may only grow, or on the first.
    best = np.where(margin < 0, 2.0, 1.0)
    for epsilon, broken in zip(EPSILONS, found, strict=True):
        assert not broken[np.abs(margin) > best * epsilon].any()


def test_the_same_seed_gives_the_same_rows_and_leaves_the_random_state():
    x, y = rows()
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    one, again = (run(LinfThreat(), x, y, seed=3) for _ in range(2))
    assert torch.equal(one, again)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()  # noqa: NPY002


def test_a_row_takes_few_queries():
    x, y = rows()
    model = Scores()
    how = {"attack": find_hop_skip_jump(), "threat": LinfThreat(), "epsilons": [0.2]}
    hop_skip_jump(model, x, y, **how, generator=torch.Generator().manual_seed(0))
    assert model.asked / len(x) < 1500


def test_without_a_library_there_is_none(monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr("fairtoll.attacks.decisions.find_spec", lambda name: None)
    assert find_hop_skip_jump() is None
    # Another package of that name.
    monkeypatch.setattr("fairtoll.attacks.decisions.find_spec", lambda name: there("json") if name == "art" else None)
    monkeypatch.setitem(__import__("sys").modules, "art.attacks.evasion", None)
    assert find_hop_skip_jump() is None


@pytest.mark.parametrize("epsilons", [[], [0.3, 0.1]])
def test_radii_out_of_order(epsilons):
    x, y = rows()
    with pytest.raises(FairtollError, match="expected radii of 0 or more, each once, in ascending order"):
        hop_skip_jump(Scores(), x, y, attack=find_hop_skip_jump(), threat=LinfThreat(), epsilons=epsilons,
                      generator=torch.Generator())  # fmt: skip
