"""Trained models as linear rules, and the rule that training tends to, against hand-computed ones and a simulation."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError
from fairtoll.experiments.closed_form.limit import best_rules
from fairtoll.experiments.closed_form.line import on_a_line
from fairtoll.experiments.closed_form.rules import rule_of
from fairtoll.experiments.closed_form.values import group_values
from fairtoll.findings import Attack, Question
from fairtoll.models.networks import Standardize, adult_network
from fairtoll.models.smoothed import Smoothed
from fairtoll.theory import Gaussians, Group, LinearRule


def linear(weights, bias, mean, spread):
    model = adult_network(Standardize(torch.tensor(mean), torch.tensor(spread)), depth=0)
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor(weights))
        model[1].bias.copy_(torch.tensor(bias))
    return model


def test_a_rule_gives_the_difference_of_the_logits():
    model = linear([[1.0, -2.0], [3.0, 0.5]], [0.25, -1.0], [1.0, -1.0], [2.0, 0.5])
    rule = rule_of(model)
    # By hand: (3 - 1) / 2 = 1, (0.5 + 2) / 0.5 = 5; -1.25 - 1 * 1 - 5 * -1 = 2.75.
    assert rule.weights.tolist() == [1.0, 5.0]
    assert rule.bias == 2.75
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    logits = model(x).detach()
    np.testing.assert_allclose(rule.score(x.numpy()), (logits[:, 1] - logits[:, 0]).numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        nn.Linear(2, 2),
        nn.Sequential(),
        adult_network(Standardize(torch.zeros(2), torch.ones(2)), depth=1, width=3),
        adult_network(Standardize(torch.zeros(2), torch.ones(2)), depth=0, classes=3),
    ],
)
def test_other_models_are_no_rule(model):
    with pytest.raises(FairtollError, match=r"a model of .*; expected a layer that standardises and one linear layer"):
        rule_of(model)


def test_a_smoothed_model_decides_as_the_model_itself():
    """Draws of opposite sign, and a logistic that is symmetric."""
    model = linear([[0.0, 0.0], [0.8, -0.5]], [0.0, 0.1], [0.0, 0.0], [1.0, 1.0])
    draws = torch.randn(8, 2, generator=torch.Generator().manual_seed(1))
    smoothed = Smoothed(model, torch.cat([draws, -draws]), torch.ones(2), sigma=1.0)
    x = torch.randn(2000, 2, generator=torch.Generator().manual_seed(2))
    np.testing.assert_array_equal(2 * smoothed(x).argmax(dim=1).numpy() - 1, rule_of(model).predict(x.numpy()))


def test_every_measure_of_a_rule_computed_by_hand():
    """One feature, means -1 and +1, standard deviations 2 and 1, threshold 0, epsilon 1/2: tables of the normal."""
    model, rule = Gaussians([1.0], (4.0, 1.0)), [LinearRule([2.0], 0.0)]

    def found(metric, epsilon=None):
        attack = None if epsilon is None else Attack("white-box", "any", epsilon)
        return group_values(model, rule, Question(metric, "class", attack), ("wide", "narrow"))

    assert found("cau") == pytest.approx({"wide": 0.691462, "narrow": 0.841345}, abs=1e-6)  # Phi(1/2), Phi(1)
    # 1 - Phi(1/4), 1 - Phi(1/2)
    assert found("cru_s", 0.5) == pytest.approx({"wide": 0.401294, "narrow": 0.308538}, abs=1e-6)
    # m Phi(m / s) + s phi(m / s): 0.691462 + 2 * 0.352065, 0.841345 + 0.241971; censored far away
    assert found("cru_epsilon", 50.0) == pytest.approx({"wide": 1.395593, "narrow": 1.083315}, abs=1e-5)


def test_the_average_of_a_smoothed_model_is_of_its_draws():
    model = Gaussians([1.0], (1.0, 1.0), groups=(Group("a", 0.5, [0.0]), Group("b", 0.5, [0.7])))
    rules = [LinearRule([1.0], bias) for bias in (0.3, 0.3 + 0.4, 0.3 - 0.4)]
    question = Question("eou", "group", label="narrow", target="narrow")
    got = group_values(model, rules, question, ("wide", "narrow"))
    generator = np.random.default_rng(0)
    for name, shift in (("a", 0.0), ("b", 0.7)):
        x = 1.0 + shift + generator.standard_normal(400_000)
        mean = np.mean([1 / (1 + np.exp(-(x + bias))) for bias in (0.7, -0.1)])
        assert got[name] == pytest.approx(mean, abs=0.0015)


def test_equal_spreads_have_one_best_rule_and_it_divides_in_the_middle():
    model = Gaussians([0.5, 0.2], (1.0, 1.0))
    least_loss, least_error = best_rules(model, 0.3)
    # Soft thresholding: only the first feature is left.
    assert least_loss.weights[1] == least_error.weights[1] == 0
    line = on_a_line(model, {"online": (0.3, [LinearRule([4.0, 0.0], 0.2)])}, ("one", "two"), 0.3)
    assert (line.features, line.of, line.means, line.spreads) == (1, 2, (-0.5, 0.5), (1.0, 1.0))
    one = line.thresholds[0]
    assert one.least_loss == pytest.approx(0.0, abs=1e-6)
    assert one.least_error == pytest.approx(0.0, abs=1e-6)
    assert one.per_run == [pytest.approx(-0.05)]
