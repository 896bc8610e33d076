"""Closed-form worst mixtures: against a general solver, and as training."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.data import Dataset
from fairtoll.training import FitSettings, TrainingSetup, train_online
from fairtoll.training.recipes.faal import train_faal, worst_mixture


def setup(seeds=(0, 1), *, network=lambda: nn.Linear(2, 2)):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 2)), np.arange(60) % 3 % 2
    groups = {"sex": np.where(np.arange(60) % 6 == 0, "b", "a"), "one": ["same"] * 60}
    data = Dataset(x + y[:, None], y, ("no", "yes"), groups=groups)
    settings = FitSettings(epochs=2, batch_size=16, learning_rate=0.05)
    return TrainingSetup.for_rows(data, seeds=list(seeds), network=lambda _: network, settings=settings)


def solved(margins, shares, divergence):
    """Of a general solver, from several starts."""

    def kept(p):
        return divergence - (shares * np.log(shares / np.maximum(p, 1e-12))).sum()

    best = shares
    for start in (shares, np.full(len(shares), 1 / len(shares))):
        found = minimize(
            lambda p: -(p @ margins), start, jac=lambda p: -margins, method="SLSQP", bounds=[(1e-9, 1)] * len(shares),
            constraints=[{"type": "eq", "fun": lambda p: p.sum() - 1}, {"type": "ineq", "fun": kept}],
            options={"ftol": 1e-14, "maxiter": 1000},
        )  # fmt: skip
        if found.success and found.x @ margins > best @ margins:
            best = found.x
    return best


@pytest.mark.parametrize("divergence", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_the_mixture_is_a_general_solvers(seed, divergence):
    random = np.random.default_rng(seed)
    margins, sizes = random.uniform(-1, 1, 4), random.integers(5, 60, 4)
    shares = sizes / sizes.sum()
    weights = worst_mixture(torch.from_numpy(margins[None]), torch.from_numpy(sizes[None]), divergence=divergence)[
        0
    ].numpy()
    mixture = weights * shares
    expected = solved(margins, shares, divergence)
    assert mixture.sum() == pytest.approx(1)
    assert (shares * np.log(shares / mixture)).sum() == pytest.approx(divergence, rel=1e-8)
    assert mixture @ margins == pytest.approx(expected @ margins, abs=1e-6)
    np.testing.assert_allclose(mixture, expected, atol=2e-3)


def test_no_mixture_of_a_fine_grid_is_worse():
    margins, sizes = np.array([0.3, -0.2, 0.1]), np.array([2.0, 5.0, 3.0])
    shares, steps = sizes / sizes.sum(), np.linspace(0.002, 0.998, 499)
    one, two = (part.ravel() for part in np.meshgrid(steps, steps))
    grid = np.stack([one, two, 1 - one - two], axis=1)[one + two < 0.999]
    near = (shares * np.log(shares / grid)).sum(axis=1) <= 0.2
    found = (
        worst_mixture(torch.from_numpy(margins[None]), torch.from_numpy(sizes[None]), divergence=0.2)[0].numpy()
        * shares
    )
    best = (grid[near] @ margins).max()
    assert best <= found @ margins + 1e-9
    assert found @ margins - best < 2e-3


def test_two_classes_by_hand():
    """u = 1/2 each, margins 0 and 1, mu = 3/2: p = (2/3, 2) / (8/3) = (1/4, 3/4); the divergence is log(4/3) / 2."""
    found = worst_mixture(torch.tensor([[0.0, 1.0]]), torch.tensor([[10, 10]]), divergence=0.5 * math.log(4 / 3))
    np.testing.assert_allclose(found, [[0.5, 1.5]], rtol=1e-8)


@pytest.mark.parametrize(
    ("margins", "divergence"), [([0.2, 0.7, -0.1], 0.0), ([0.2, 0.2, 0.2], 0.5)], ids=["no radius", "equal margins"]
)
def test_weights_of_one_exactly(margins, divergence):
    found = worst_mixture(torch.tensor([margins]), torch.tensor([[7, 9, 11]]), divergence=divergence)
    assert found.tolist() == [[1.0, 1.0, 1.0]]


def test_a_group_that_a_batch_lacks_changes_nothing_and_one_group_alone_has_weight_one():
    given = {"divergence": 0.3}
    with_it = worst_mixture(torch.tensor([[0.1, 9.0, 0.6]]), torch.tensor([[4, 0, 6]]), **given)
    without = worst_mixture(torch.tensor([[0.1, 0.6]]), torch.tensor([[4, 6]]), **given)
    np.testing.assert_allclose(with_it[0, [0, 2]], without[0], rtol=1e-9)
    assert torch.isfinite(with_it).all()
    alone = worst_mixture(torch.tensor([[0.1, 9.0, 0.6]]), torch.tensor([[0, 5, 0]]), **given)
    assert alone[0, 1] == 1


def test_models_side_by_side_have_mixtures_of_their_own():
    margins, sizes = torch.rand(3, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([[3, 4, 5, 6]] * 3)
    together = worst_mixture(margins, sizes, divergence=0.5)
    for index in range(3):
        one = slice(index, index + 1)
        np.testing.assert_allclose(together[one], worst_mixture(margins[one], sizes[one], divergence=0.5), rtol=1e-9)


@pytest.mark.parametrize("partition", ["class", "sex"])
def test_no_divergence_is_on_line_training_bit_for_bit(partition):
    def by_autograd():
        return nn.Sequential(nn.Linear(2, 4), nn.GELU(), nn.Linear(4, 2))

    given, options = setup(network=by_autograd), {"threat": LinfThreat(), "epsilon": 0.1, "steps": 2}
    fair, plain = train_faal(given, partition=partition, divergence=0.0, **options), train_online(given, **options)
    for name, tensor in plain.parameters.items():
        assert torch.equal(tensor, fair.parameters[name])
    moved = train_faal(given, partition=partition, **options)
    assert not torch.equal(moved.parameters["0.weight"], plain.parameters["0.weight"])


@pytest.mark.parametrize("partition", ["class", "sex"])
def test_runs_at_once_are_runs_apart(partition):
    options = {"threat": LinfThreat(), "epsilon": 0.1, "partition": partition, "steps": 2}
    together = train_faal(setup((3, 4)), **options)
    for place, seed in enumerate((3, 4)):
        for name, alone in train_faal(setup((seed,)), **options).parameters.items():
            torch.testing.assert_close(together.parameters[name][place], alone[0], rtol=1e-5, atol=1e-6)


def test_training_is_the_plain_loop():
    """Five steps over all rows at once, without an adversary: the solver's mixture of the margins at each."""
    x, y = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([0, 0, 1])
    given = TrainingSetup(x, y, torch.arange(3), [0], lambda: nn.Linear(1, 2), FitSettings(epochs=5, batch_size=3))
    model, shares = given.initial_stack().member(0).double().requires_grad_(True), np.array([2 / 3, 1 / 3])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
    for _ in range(5):
        logits = model(x.double())
        margins = (1 - 2 * logits.softmax(1)[torch.arange(3), y]).detach().numpy()
        p = solved(np.array([margins[:2].mean(), margins[2]]), shares, 0.3)
        losses = nn.functional.cross_entropy(logits, y, reduction="none")
        optimiser.zero_grad()
        (p[0] * losses[:2].mean() + p[1] * losses[2]).backward()
        optimiser.step()
    trained = train_faal(given, threat=LinfThreat(), epsilon=0.0, divergence=0.3, steps=0)
    torch.testing.assert_close(trained.parameters["weight"][0].double(), model.weight.detach(), rtol=0, atol=1e-6)
    plain = train_online(given, threat=LinfThreat(), epsilon=0.0, steps=0)
    assert (plain.parameters["weight"] - trained.parameters["weight"]).abs().max() > 1e-5


@pytest.mark.parametrize("divergence", [-0.1, math.nan])
def test_a_divergence_that_cannot_be(divergence):
    with pytest.raises(FairtollError, match=r"divergence is .*; expected 0 or more; give the published value"):
        train_faal(setup(), threat=LinfThreat(), epsilon=0.1, divergence=divergence)


def test_one_group_is_refused():
    with pytest.raises(FairtollError, match=r"the partition one has one group, same, .*expected two or more groups"):
        train_faal(setup(), threat=LinfThreat(), epsilon=0.1, partition="one")
