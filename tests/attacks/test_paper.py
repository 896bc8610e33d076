"""The attacks of the paper: as near as closed forms say, inside every threat, and listed with where they come from."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError
from fairtoll.attacks import LBFGS, PGD, ZOO, AttackSpec, Substitute, Union, Universal, paper_attacks, pgd
from fairtoll.threats import L0Threat, L1Threat, L2Threat, LinfThreat

SCALE = [0.5, 1.0, 20.0, 0.1, 3.0]
MUTABLE = [True, False, True, True, True]
INTEGER = [False, False, True, False, False]
BOX = ([-9.0, -9.0, -99.0, -9.0, -9.0], [9.0, 9.0, 99.0, 1.0, 9.0])
#: Of the paper's list of references.
CITED = {5, 6, 9, 14, 15, 16, 17, 18, 21}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def linear(rows=30, seed=0):
    torch.manual_seed(seed)
    model, x = nn.Linear(5, 2), 2 * torch.randn(rows, 5)
    x[:, 2] = (30 * x[:, 2]).round()
    with torch.no_grad():
        model.weight[:, 2] /= 20
        y = model(x).argmax(dim=1)
    y[:3] = 1 - y[:3]
    return model, x, y


def slopes(model):
    return (model.weight[1] - model.weight[0]).detach().double() * torch.tensor(SCALE) * torch.tensor(MUTABLE)


def margins(model, x, y):
    logits = model(x).detach().double()
    return ((logits[:, 1] - logits[:, 0]) * (1 - 2 * y)).neg().clamp(min=0)


@pytest.mark.parametrize("spec", [LBFGS(searches=12), ZOO(), ZOO(coordinates=2, steps=200)], ids=lambda spec: spec.name)
def test_the_nearest_input_of_a_linear_model_is_the_closed_form(spec):
    model, x, y = linear()
    threat = L2Threat(scale=SCALE, mutable=MUTABLE, box=(-1000.0, 1000.0))
    found = spec(model, x, y, threat=threat, epsilon=10.0, generator=generator())
    exact, distance = margins(model, x, y) / slopes(model).norm(), threat.distance(x, found.perturbed)
    assert (distance[:3] == 0).all()
    near = (exact > 0.2) & (exact < 8)
    assert near.sum() > 20
    assert found.success[near].all()
    assert (distance[near] >= exact[near] * (1 - 1e-5)).all()
    assert (distance[near] <= exact[near] * 1.02).all()


@pytest.mark.parametrize("spec", [LBFGS(searches=12), ZOO(steps=300)], ids=lambda spec: spec.name)
def test_the_nearest_input_within_a_box(spec):
    """With a box that stops one feature the nearest input is that of the others: the closed form within a face."""
    model = nn.Linear(2, 2)
    model.load_state_dict({"weight": torch.tensor([[0.0, 0.0], [3.0, 4.0]]), "bias": torch.tensor([0.0, -10.0])})
    x, threat = torch.zeros(1, 2), L2Threat(box=(-9.0, [9.0, 1.0]))
    found = spec(model, x, torch.tensor([0]), threat=threat, epsilon=9.0, generator=generator())
    assert found.success.all()
    # The second feature ends at 1; the first must add (10 - 4) / 3.
    np.testing.assert_allclose(found.perturbed, [[2.0, 1.0]], atol=0.05)


def test_l_bfgs_tries_as_many_classes_as_it_is_told():
    """The likeliest wrong class is far away, the other near."""
    model = nn.Linear(1, 3)
    weight, bias = torch.tensor([[0.0], [0.1], [-2.0]]), torch.tensor([0.0, -0.5, -1.0])
    model.load_state_dict({"weight": weight, "bias": bias})
    x, y, threat = torch.zeros(1, 1), torch.tensor([0]), L2Threat()
    far, near = (LBFGS(targets=n)(model, x, y, threat=threat, epsilon=20.0).perturbed.item() for n in (1, 2))
    assert far == pytest.approx(5.0, rel=0.05)
    assert near == pytest.approx(-0.5, rel=0.05)


def test_zoo_asks_for_scores_alone():
    model, x, y = linear()

    class Blind(nn.Module):
        def forward(self, x):
            return model(x.detach().clone()).detach()

    threat = L2Threat(scale=SCALE, mutable=MUTABLE)
    blind, open_ = (
        ZOO(steps=30)(one, x, y, threat=threat, epsilon=4.0, generator=generator()).success for one in (Blind(), model)
    )
    assert torch.equal(blind, open_)
    assert blind.sum() > 10


@pytest.mark.parametrize("kind", [LinfThreat, L2Threat])
def test_a_universal_move_of_a_linear_model(kind):
    """The best single move for rows of one class goes straight to the boundary: rows within the radius break."""
    model, x, y = linear(60)
    x, y = x[3:][y[3:] == 0], y[3:][y[3:] == 0]
    threat = kind(scale=SCALE, mutable=MUTABLE)
    length = slopes(model).abs().sum() if kind is LinfThreat else slopes(model).norm()
    exact = margins(model, x, y) / length
    epsilon = float(exact.quantile(0.6))
    found = Universal(passes=20)(model, x, y, threat=threat, epsilon=epsilon, generator=generator())
    assert not found.success[exact > epsilon * (1 + 1e-5)].any()
    # Projections of sums of shortest steps are not quite the best direction in the cube.
    assert found.success.double().mean() >= 0.9 * (exact <= epsilon).double().mean()
    moves = (found.perturbed - x).double()
    torch.testing.assert_close(moves, moves[:1].expand_as(moves), atol=1e-4, rtol=1e-4)
    assert threat.admits(x, found.perturbed, epsilon).all()


def test_a_substitute_of_a_linear_model_is_nearly_as_strong_as_the_attack_itself():
    model, x, y = linear(200)
    threat, epsilon = LinfThreat(scale=SCALE, mutable=MUTABLE), 1.0
    own = pgd(model, x, y, threat=threat, epsilon=epsilon).success.double().mean()
    asked = []

    class Spied(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, x):
            asked.append(x.requires_grad)
            return self.inner(x)

    found = Substitute(rounds=3)(Spied(), x, y, threat=threat, epsilon=epsilon, generator=generator())
    assert not any(asked), "the attacker sees answers, never gradients"
    clean = (model(x).argmax(dim=1) != y).double().mean()
    assert clean + 0.8 * (own - clean) <= found.success.double().mean() <= own
    assert threat.admits(x, found.perturbed, epsilon).all()


def test_a_substitute_of_images():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    x = torch.rand(64, 3, 4, 4)
    y = model(x).argmax(dim=1)
    threat = LinfThreat(box=(0.0, 1.0))
    found = Substitute(rounds=2, epochs=60)(model, x, y, threat=threat, epsilon=0.2, generator=generator())
    assert found.success.any()
    assert threat.admits(x, found.perturbed, 0.2).all()


@pytest.mark.parametrize("spec", [Universal(), Substitute(rounds=2, epochs=5), ZOO(2, 2)], ids=lambda spec: spec.name)
def test_the_same_seed_gives_the_same_and_no_generator_is_an_error(spec):
    model, x, y = linear()
    options = {"threat": LinfThreat(scale=SCALE, mutable=MUTABLE), "epsilon": 0.5}
    one, other = (spec(model, x, y, generator=generator(3), **options).perturbed for _ in range(2))
    assert torch.equal(one, other)
    with pytest.raises(FairtollError, match=r"got no generator; pass torch.Generator"):
        spec(model, x, y, **options)


THREATS = {"linf": LinfThreat, "l2": L2Threat, "l1": L1Threat, "l0": L0Threat}


@pytest.mark.parametrize("name", paper_attacks())
@pytest.mark.parametrize("whole", [False, True])
def test_every_cited_attack_stays_inside_its_threat_and_counts_what_is_broken(name, whole):
    cited = paper_attacks()[name]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 2))
    _, x, _ = linear(12)
    with torch.no_grad():
        model[0].weight /= torch.tensor(SCALE)
        model[2].bias -= model(x).mean(dim=0)
    y = model(x).argmax(dim=1)
    y[0] = 1 - y[0]
    threat = THREATS[cited.norm](scale=SCALE, mutable=MUTABLE, box=BOX, integer=INTEGER if whole else None)
    epsilon = 3.0
    found = cited.attack(model, x, y, threat=threat, epsilon=epsilon, generator=generator())
    assert threat.admits(x, found.perturbed, epsilon).all()
    assert torch.equal(found.success, model(found.perturbed).argmax(dim=1) != y)
    assert found.success[0]
    assert torch.equal(found.perturbed[0], x[0])
    assert found.success.sum() > 1
    assert torch.equal(found.perturbed[:, 1], x[:, 1])
    if whole:
        assert torch.equal(found.perturbed[:, 2], found.perturbed[:, 2].round())


def test_the_list_names_every_reference_once_with_its_own_attack():
    cited = paper_attacks()
    assert {one.reference for one in cited.values()} == CITED
    assert all(isinstance(one.attack, AttackSpec) for one in cited.values())
    names = [one.attack.name for one in cited.values()]
    assert len(set(names)) == len(names)
    # As a union of those that can run in a box.
    assert Union([one.attack for one in cited.values()]).name.count("+") == len(cited) - 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LBFGS(searches=0), "searches is 0, steps is 100 and targets is 1; expected 1 or more"),
        (lambda: LBFGS(targets=0), "targets is 0"),
        (lambda: Universal(passes=0), "passes is 0 and steps is 10; expected 1 or more of each"),
        (lambda: Substitute(rounds=0), "rounds is 0 and epochs is 30; expected 1 or more of each"),
        (lambda: Substitute("pgd"), "attack is 'pgd'; expected an attack with settings"),
        (lambda: ZOO(steps=0), "steps is 0, searches is 6, coordinates is 128 and rate is 0.01; expected 1 or more"),
        (lambda: ZOO(rate=float("nan")), "rate is nan"),
    ],
)
def test_settings_that_cannot_be(make, message):
    with pytest.raises(FairtollError, match=message):
        make()


@pytest.mark.parametrize(
    ("spec", "threat"),
    [
        (LBFGS(), L1Threat()),
        (ZOO(), L1Threat()),
        (Universal(), L0Threat(box=(-9.0, 9.0))),
        (Substitute(rounds=1, epochs=1), L2Threat()),
        (Substitute(PGD(), rounds=1, epochs=1), L1Threat()),
    ],
)
def test_a_threat_whose_norm_the_attack_cannot_keep(spec, threat):
    model, x, y = linear()
    with pytest.raises(FairtollError, match=f"the threat is an {type(threat).__name__}"):
        spec(model, x, y, threat=threat, epsilon=1.0, generator=generator())
