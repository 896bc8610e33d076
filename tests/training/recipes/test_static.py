"""Twins and what is trained on them."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat, ModelStack
from fairtoll.progress import reporting_to
from fairtoll.training import (
    FitSettings,
    TrainingSetup,
    add_sign_noise,
    craft_adversarial_examples,
    fit,
    oversample,
    train_on_pairs,
    train_standard,
)

ROWS = 60
draw = torch.Generator().manual_seed(0)
X = torch.randn(ROWS, 3, generator=draw)
Y = (X[:, 0] > 0).long()
SETTINGS = FitSettings(epochs=2, batch_size=16)
THREAT = LinfThreat(scale=[1.0, 0.5, 0.0])


def linear(*weights):
    model = nn.Linear(3, 2)
    model.load_state_dict({"weight": torch.tensor([[0.0, 0.0, 0.0], list(weights)]), "bias": torch.zeros(2)})
    return model


def setup(seeds=(0, 1), *, items=None, network=lambda: nn.Linear(3, 2)):
    return TrainingSetup(X, Y, torch.arange(ROWS) if items is None else items, list(seeds), network, SETTINGS)


def test_examples_of_a_linear_model_are_its_worst_corners():
    """Also of rows that are misclassified already: every step is taken."""
    sources = [linear(1.0, -2.0, 3.0), linear(-1.0, 0.5, 0.0)]
    examples = craft_adversarial_examples(ModelStack(sources), X, Y, threat=THREAT, epsilon=0.4)
    assert examples.shape == (2, ROWS, 3)
    away = torch.where(Y == 0, 1.0, -1.0).unsqueeze(1)
    for model, example in zip(sources, examples, strict=True):
        corner = X + 0.4 * torch.tensor([1.0, 0.5, 0.0]) * away * model.weight[1].detach().sign()
        torch.testing.assert_close(example, corner)


def test_noise_are_at_plus_or_minus_the_radius():
    examples = add_sign_noise(setup((0, 1, 0)), threat=THREAT, epsilon=0.4)
    moved = (examples - X).numpy()
    np.testing.assert_allclose(np.abs(moved), np.broadcast_to([0.4, 0.2, 0.0], moved.shape), atol=1e-6)
    assert 0.35 < (moved[:2, :, :2] > 0).mean() < 0.65
    assert torch.equal(examples[0], examples[2])
    assert not torch.equal(examples[0], examples[1])


def test_noise_do_not_depend_on_how_many_rows_are_made_at_a_time(monkeypatch):
    whole = add_sign_noise(setup((0, 1)), threat=THREAT, epsilon=0.4)
    monkeypatch.setattr("fairtoll.training.recipes.noise.NOISE_ROWS", 7)
    assert torch.equal(add_sign_noise(setup((0, 1)), threat=THREAT, epsilon=0.4), whole)


def test_both_halves_are_trained_on_merged_and_shuffled():
    """The same as the plain loop on the rows and examples laid end to end."""
    given = setup((3, 4), items=torch.cat([torch.arange(ROWS), torch.arange(10)]))
    examples = torch.stack([X + 1, X - 1])
    stack = train_on_pairs(given, examples)
    rows = torch.stack([torch.cat([X, X + 1]), torch.cat([X, X - 1])])
    items = torch.cat([given.items, given.items + ROWS])
    expected = fit(given.initial_stack(), rows, torch.cat([Y, Y]), items=items, seeds=[3, 4], settings=SETTINGS)
    for name, tensor in expected.parameters.items():
        assert torch.equal(tensor, stack.parameters[name])


def test_examples_shared_by_all_models_are_those_of_each():
    given, shared = setup((3, 4)), X + 1
    one, other = train_on_pairs(given, shared), train_on_pairs(given, torch.stack([shared, shared]))
    for name, tensor in one.parameters.items():
        torch.testing.assert_close(tensor, other.parameters[name])


def test_twice_the_updates_of_standard_training():
    steps = {"standard": [], "pairs": []}
    with reporting_to(steps["standard"].append):
        train_standard(setup())
    with reporting_to(steps["pairs"].append):
        train_on_pairs(setup(), X)
    assert (len(steps["standard"]), len(steps["pairs"])) == (2 * 4, 2 * 8)


def test_crafting_counts_models_and_leaves_the_sources():
    stack, done = ModelStack([linear(1.0, 1.0, 1.0)] * 3), []
    before = {name: tensor.clone() for name, tensor in stack.parameters.items()}
    with reporting_to(done.append):
        craft_adversarial_examples(stack, X, Y, threat=THREAT, epsilon=0.1, steps=2)
    assert done == pytest.approx([1 / 3] * 3)
    assert all(torch.equal(before[name], tensor) for name, tensor in stack.parameters.items())


def test_each_seed_starts_from_weights_of_its_own_whoever_is_beside():
    together, alone = setup((5, 6, 5)).initial_stack(), setup((6,)).initial_stack()
    weight = together.parameters["weight"]
    assert torch.equal(weight[0], weight[2])
    assert not torch.equal(weight[0], weight[1])
    assert torch.equal(weight[1], alone.parameters["weight"][0])
    assert (together.parameters["bias"] == 0).all()


@pytest.mark.parametrize("copies", [[1, 3], [2, 0], [1, 1, 5]])
def test_oversampling_counts(copies):
    y = torch.tensor([0, 1, 1, 0, 1])
    items = oversample(y, copies=copies)
    np.testing.assert_array_equal(np.bincount(items, minlength=5), np.asarray(copies)[y])


@pytest.mark.parametrize("copies", [[1], [], [1, -1]])
def test_copies_that_cannot_be(copies):
    with pytest.raises(FairtollError, match="expected 0 or more for each"):
        oversample(torch.tensor([0, 1]), copies=copies)
