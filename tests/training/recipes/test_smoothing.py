"""Randomized smoothing: noise where the threat lets a feature move, and a mean over draws that attacks go through."""

import math

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import PGD
from fairtoll.models import predict_logits, prepare
from fairtoll.models.defended import attacked_form, naive_form
from fairtoll.models.smoothed import Smoothed
from fairtoll.training import RECIPES, Adversary, FitSettings, TrainingSetup, fit

X = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] + X[:, 1] > 0).long()
THREAT = LinfThreat(scale=[1.0, 0.0, 2.0])
ADVERSARY = Adversary(THREAT, 0.5)
SMOOTHING = RECIPES["smoothing"]


def setup_of(network=lambda: nn.Linear(3, 2)):
    return TrainingSetup(X, Y, torch.arange(60), [3], network, FitSettings(epochs=2, batch_size=20))


def test_training_adds_noise_of_the_threats_scale_to_what_may_move():
    seen = []

    def by_hand(stack, batch):
        noise = batch.noise.normal(batch.clean.shape)
        seen.append(noise)
        return batch.clean + torch.tensor([0.5, 0.0, 1.0]) * noise  # sigma 1, in radii of 0.5

    setup = setup_of()
    plain = fit(
        setup.initial_stack(), X, Y, items=setup.items, seeds=[3], settings=setup.settings, perturb=by_hand
    )  # fmt: skip
    for name, weights in SMOOTHING(setup, ADVERSARY).parameters.items():
        assert torch.equal(weights, plain.parameters[name])
    draws = torch.cat([one.flatten() for one in seen])
    assert abs(draws.mean()) < 4 / math.sqrt(len(draws))
    assert abs(draws.var() - 1) < 4 * math.sqrt(2 / len(draws))


def test_without_noise_the_trained_weights_would_be_standard_ones():
    """A noise too small to change a float leaves standard training, bit for bit on the same path."""
    tiny = SMOOTHING.at(1e-30)
    standard = fit(
        setup_of().initial_stack(), X, Y, items=torch.arange(60), seeds=[3], settings=setup_of().settings,
        perturb=lambda stack, batch: batch.clean,
    )  # fmt: skip
    for name, weights in tiny(setup_of(), ADVERSARY).parameters.items():
        assert torch.equal(weights, standard.parameters[name])


def test_the_deployed_model_is_the_mean_over_its_draws():
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    (smoothed,) = SMOOTHING.deployed([network], setup_of(), ADVERSARY)
    mean = torch.stack([network(X + draw).softmax(dim=1) for draw in smoothed.noise]).mean(dim=0)
    torch.testing.assert_close(smoothed(X).softmax(dim=1), mean)
    assert torch.equal(smoothed(X), smoothed(X))
    torch.testing.assert_close(predict_logits(smoothed, X), smoothed(X).detach(), rtol=1e-5, atol=1e-6)
    again = SMOOTHING.deployed([network], setup_of(), ADVERSARY)[0]
    assert torch.equal(again.noise, smoothed.noise)
    assert smoothed.noise.mean(dim=0).abs().max() < 1e-6
    assert torch.equal(smoothed.noise[:, 1], torch.zeros(len(smoothed.noise)))
    assert prepare(smoothed, X).probed.gradients == "present"


def test_the_gradient_is_that_of_the_mean_whether_draws_go_together_or_apart(monkeypatch):
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    noise = torch.randn(5, 3, generator=torch.Generator().manual_seed(1)).double()
    smoothed = Smoothed(network, noise, torch.ones(3), sigma=1.0)

    def gradient(function):
        leaf = X.double().requires_grad_(True)
        return torch.autograd.grad(function(leaf)[:, 0].sum(), leaf)[0]

    expected = gradient(lambda x: torch.stack([network(x + one).softmax(dim=1) for one in noise]).mean(dim=0).log())
    torch.testing.assert_close(gradient(smoothed), expected)
    monkeypatch.setattr("fairtoll.models.smoothed.TOGETHER", X.numel())
    torch.testing.assert_close(gradient(smoothed), expected)
    # An attacker who knows nothing of the noise sees the same answers and the gradient at the row itself.
    naive = naive_form(smoothed)
    torch.testing.assert_close(naive(X.double()), smoothed(X.double()))
    torch.testing.assert_close(gradient(naive), gradient(lambda x: network(x).log_softmax(dim=1)))
    assert attacked_form(smoothed) is smoothed


def test_an_attack_reaches_the_vertex_that_a_smoothed_linear_model_gives_way_at():
    """The smoothed two-class linear model errs exactly where the linear one does; the worst point is a corner."""
    weight = torch.tensor([[0.0, 0.0, 0.0], [1.0, 5.0, -0.5]])
    linear = nn.Linear(3, 2)
    linear.load_state_dict({"weight": weight, "bias": torch.zeros(2)})
    noise = torch.randn(4000, 3, generator=torch.Generator().manual_seed(2))
    smoothed = Smoothed(linear, torch.cat([noise, -noise]) * torch.tensor([1.0, 0.0, 2.0]), torch.ones(3), sigma=1.0)
    margin = (2 * Y - 1) * (X @ weight[1])
    found = PGD(steps=20)(smoothed, X, Y, threat=THREAT, epsilon=0.5)
    # The adversary takes 0.5 * (1 * 1 + 2 * 0.5) from the margin.
    assert torch.equal(found.success, margin < 1.0)


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.inf, math.nan])
def test_a_noise_that_is_none(sigma):
    with pytest.raises(
        FairtollError, match=r"sigma is .*; expected a finite number above 0; raise sigma or the radius"
    ):
        SMOOTHING.at(sigma)(setup_of(), ADVERSARY)
    with pytest.raises(FairtollError, match="at a radius of 0"):
        SMOOTHING(setup_of(), Adversary(THREAT, 0.0))
    with pytest.raises(FairtollError, match=r"0 draws .*; expected 1 or more draws"):
        Smoothed(nn.Linear(3, 2), torch.zeros(0, 3), torch.ones(3), sigma=1.0)
