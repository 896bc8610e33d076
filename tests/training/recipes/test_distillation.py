"""Defensive distillation: standard training at its limit, a plain loop else, and attacks that see through."""

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import PGD, zero_gradient
from fairtoll.models import predict_logits
from fairtoll.models.defended import attacked_form, naive_form
from fairtoll.models.tempered import Tempered
from fairtoll.training import RECIPES, Adversary, FitSettings, TrainingSetup, fit
from fairtoll.training.fit import cross_entropy
from fairtoll.training.recipes.distillation import train_distillation, train_student
from fairtoll.training.soft_loss import SoftLoss

X = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()
ITEMS = torch.tensor([*range(50), *range(0, 50, 3)])
SETTINGS = FitSettings(epochs=3, batch_size=16)
ADVERSARY = Adversary(LinfThreat(), 0.3)


def network():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))


def setup_of(seeds=(0, 1)):
    return TrainingSetup(X, Y, ITEMS, list(seeds), network, SETTINGS)


def test_a_perfect_teacher_without_a_temperature_is_standard_training():
    """Bit for bit: of tables, whose gradients have a closed form, and by autograd."""
    student = train_student(setup_of(), torch.eye(3)[Y], temperature=1.0)
    standard = RECIPES["standard"](setup_of(), ADVERSARY)
    for name, weights in student.parameters.items():
        assert torch.equal(weights, standard.parameters[name])
    soft = SoftLoss(torch.eye(3)[Y], 1.0)
    one, other = (
        fit(setup_of().initial_stack(), X, Y, items=ITEMS, seeds=[0, 1], settings=SETTINGS, loss=loss)
        for loss in (lambda *given: soft(*given), lambda *given: cross_entropy(*given))
    )
    for name, weights in one.parameters.items():
        assert torch.equal(weights, other.parameters[name])
        torch.testing.assert_close(weights, standard.parameters[name], rtol=1e-4, atol=1e-5)


def trained_by_hand(begin, targets, temperature, orders):
    """Papernot et al.'s loss in a plain loop of torch."""
    adam = torch.optim.Adam(begin.parameters(), lr=SETTINGS.learning_rate, eps=SETTINGS.adam_epsilon)
    for order in orders:
        for batch in order.split(SETTINGS.batch_size):
            log_probabilities = (begin(X[batch]) / temperature).log_softmax(dim=1)
            adam.zero_grad()
            (-(targets[batch] * log_probabilities).sum(dim=1)).mean().backward()
            adam.step()
    return begin


def test_at_a_temperature_it_is_a_plain_loop_of_teacher_and_student():
    orders = []
    recording = TrainingSetup(X, Y, ITEMS, [5], network, SETTINGS)
    fit(
        recording.initial_stack(), X, Y, items=ITEMS, seeds=[5], settings=SETTINGS,
        perturb=lambda stack, batch: orders.append((batch.epoch, batch.positions[0])) or batch.clean,
    )  # fmt: skip
    epochs = [torch.cat([rows for number, rows in orders if number == epoch]) for epoch in range(SETTINGS.epochs)]
    begin = recording.initial_stack()
    teacher = trained_by_hand(begin.member(0).requires_grad_(True), torch.eye(3)[Y], 7.0, epochs)
    soft = (teacher(X) / 7.0).softmax(dim=1).detach()
    student = trained_by_hand(begin.member(0).requires_grad_(True), soft, 7.0, epochs)
    found = train_distillation(recording, temperature=7.0).member(0)
    for one, other in zip(found.parameters(), student.parameters(), strict=True):
        torch.testing.assert_close(one, other.detach(), rtol=1e-4, atol=1e-5)


def test_the_deployed_student_predicts_without_temperature_and_is_attacked_with_it():
    torch.manual_seed(0)
    student = network()
    with torch.no_grad():
        student[2].weight.mul_(2000)  # as after training at a high temperature
    (deployed,) = RECIPES["distillation"].at(100.0).deployed([student], setup_of(), ADVERSARY)
    assert torch.equal(deployed(X), student(X))
    torch.testing.assert_close(100 * attacked_form(deployed)(X), student(X))
    torch.testing.assert_close(predict_logits(deployed, X), student(X).detach(), rtol=1e-4, atol=1e-3)
    y = student(X).argmax(dim=1)
    vanished = zero_gradient(naive_form(deployed), X, y, threat=LinfThreat())
    kept = zero_gradient(attacked_form(deployed), X, y, threat=LinfThreat())
    assert vanished.float().mean() > 0.5
    assert not kept.any()
    naive, adaptive = (
        PGD(steps=20)(form, X, y, threat=LinfThreat(), epsilon=0.5).success.float().mean()
        for form in (naive_form(deployed), attacked_form(deployed))
    )
    assert adaptive > naive + 0.2


@pytest.mark.parametrize("temperature", [0.0, -5.0, float("nan"), float("inf")])
def test_what_is_no_temperature(temperature):
    with pytest.raises(FairtollError, match=r"the temperature is .*; expected a finite number above 0; give 1"):
        train_distillation(setup_of(), temperature=temperature)
    with pytest.raises(FairtollError, match=r"soft labels of shape \(49, 3\) for 50 rows and 2 models; expected"):
        train_student(setup_of(), torch.eye(3)[Y][1:], temperature=1.0)
    with pytest.raises(FairtollError, match="the temperature is"):
        Tempered(network(), temperature)
