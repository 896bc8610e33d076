"""Training on images: the recipes that the tables have, on convolutions, in either precision."""

import dataclasses

import numpy as np
import pytest
import torch

from fairtoll import FairtollError, LinfThreat
from fairtoll.data import Dataset
from fairtoll.training import (
    FitSettings,
    TrainingSetup,
    craft_adversarial_examples,
    train_on_pairs,
    train_online,
    train_standard,
)
from fairtoll.training.networks import ConvolutionalNetwork

THREAT = LinfThreat(box=(0.0, 1.0))


def images(rows=240, side=8):
    """Two classes that differ in their mean brightness, on noise."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, rows)
    x = generator.uniform(0, 0.6, (rows, 3, side, side)) + 0.4 * y[:, None, None, None]
    return Dataset(x, y, ("dark", "light"))


def setup(seeds=(0, 1), **settings):
    options = {"epochs": 4, "batch_size": 40, "learning_rate": 3e-3, **settings}
    return TrainingSetup.for_rows(
        images(), seeds=list(seeds), network=ConvolutionalNetwork((4, 4, 8, 8)), settings=FitSettings(**options)
    )


def accuracy(stack, x, y):
    return (stack(x).argmax(-1) == y).float().mean(dim=1)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_learns_what_can_be_learned(precision):
    given = setup(precision=precision, epochs=15)
    stack = train_standard(given)
    assert (accuracy(stack, given.x, given.y) > 0.95).all()
    assert all(tensor.dtype == torch.float32 for tensor in stack.parameters.values())


def test_three_at_once_are_three_one_by_one():
    together = train_standard(setup((0, 1, 2)))
    for index in range(3):
        alone = train_standard(setup((index,)))
        for name, tensor in alone.parameters.items():
            torch.testing.assert_close(together.parameters[name][index], tensor[0], atol=1e-5, rtol=1e-4)


def test_equal_members_stay_equal_bit_for_bit():
    for name, tensor in train_standard(setup((3, 3))).parameters.items():
        assert torch.equal(tensor[0], tensor[1]), name


def test_bfloat16_is_near_float32_and_not_the_same():
    one, other = (train_standard(setup(precision=precision, epochs=1)) for precision in ("float32", "bfloat16"))
    apart = [(one.parameters[name] - other.parameters[name]).abs().max() for name in one.parameters]
    assert 0 < max(apart) < 0.05


def test_online_training_is_less_moved_by_its_attack():
    given = setup(epochs=6)
    standard, online = train_standard(given), train_online(given, threat=THREAT, epsilon=0.15)
    standing = []
    for stack in (standard, online):
        examples = craft_adversarial_examples(stack, given.x, given.y, threat=THREAT, epsilon=0.15)
        standing.append(
            torch.stack(
                [
                    (member(rows).argmax(dim=1) == given.y).float().mean()
                    for member, rows in zip(stack.members(), examples, strict=True)
                ]
            )
        )
    assert (standing[1] >= standing[0]).all()


def test_examples_in_bfloat16_stay_inside_the_threat():
    given = setup()
    examples = craft_adversarial_examples(
        train_standard(given), given.x, given.y, threat=THREAT, epsilon=0.1, precision="bfloat16"
    )
    assert examples.dtype == torch.float32
    assert ((examples - given.x).abs() <= 0.1 + 1e-6).all()
    assert (examples >= 0).all()
    assert (examples <= 1).all()


def test_a_random_start_is_each_models_own():
    given = setup()
    stack = train_standard(given)
    start = [torch.Generator().manual_seed(seed) for seed in (5, 5)]
    one = craft_adversarial_examples(
        stack, given.x, given.y, threat=THREAT, epsilon=0.1, steps=1, relative_step=0.1, random_start=start
    )
    again = [torch.Generator().manual_seed(seed) for seed in (5, 6)]
    two = craft_adversarial_examples(
        stack, given.x, given.y, threat=THREAT, epsilon=0.1, steps=1, relative_step=0.1, random_start=again
    )
    assert torch.equal(one[0], two[0])
    assert not torch.equal(one[1], two[1])


def test_going_on_from_trained_models_leaves_them_as_they_are():
    given = setup(epochs=1)
    source = train_standard(given)
    before = {name: tensor.clone() for name, tensor in source.parameters.items()}
    after = train_on_pairs(dataclasses.replace(given, start=source), given.x)
    cold = train_on_pairs(given, given.x)
    for name, tensor in before.items():
        assert torch.equal(source.parameters[name], tensor)
        assert not torch.equal(after.parameters[name], tensor)
        assert not torch.equal(after.parameters[name], cold.parameters[name])


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 8, 6), (4, 3, 6, 6)])
def test_rows_that_are_no_such_images_are_refused(shape):
    rows = Dataset(np.zeros(shape), np.zeros(4, dtype=int), ("a", "b"))
    with pytest.raises(FairtollError, match=r"expected square images .* a multiple of 4"):
        TrainingSetup.for_rows(rows, seeds=[0], network=ConvolutionalNetwork())


def test_an_unknown_precision_is_refused():
    with pytest.raises(FairtollError, match="precision is 'float16'; expected float32 or bfloat16"):
        FitSettings(precision="float16")
