"""What all repairs have in common: over classes and groups, runs at once, input that cannot be."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.data import Dataset
from fairtoll.training import RECIPES, Adversary, FitSettings, TrainingSetup
from repair_examples import setup_of

ADVERSARY = Adversary(LinfThreat(), 0.3)
REPAIRS = [RECIPES[name] for name in ("frl-reweight", "frl-remargin", "frl", "cfa", "dafa", "faal", "dro")]
MEASURING = [recipe for recipe in REPAIRS if recipe.control == "held-out-noise"]
NUMBERS = [
    (recipe, name) for recipe in REPAIRS for name, value in recipe.parameters.items() if isinstance(value, float)
]
each = pytest.mark.parametrize("recipe", REPAIRS, ids=lambda recipe: recipe.name)


@each
def test_runs_at_once_are_runs_apart_over_groups(recipe):
    recipe = recipe.over("sex")
    together = recipe(setup_of((3, 4)), ADVERSARY)
    for place, seed in enumerate((3, 4)):
        for name, alone in recipe(setup_of((seed,)), ADVERSARY).parameters.items():
            torch.testing.assert_close(together.parameters[name][place], alone[0], rtol=1e-5, atol=1e-6)


@each
def test_it_is_another_recipe_over_groups_and_at_another_radius(recipe):
    trained = recipe(setup_of(), ADVERSARY)
    for other in (recipe.over("sex"), recipe.at(0.5)):
        assert other.name != recipe.name
        weights = other(setup_of(), ADVERSARY).parameters
        assert any(not torch.equal(weights[name], tensor) for name, tensor in trained.parameters.items())


@each
def test_one_group_is_refused(recipe):
    with pytest.raises(FairtollError, match=r"the partition one has one group, same, .*expected two or more groups"):
        recipe.over("one")(setup_of(), ADVERSARY)


@each
def test_an_attribute_that_the_rows_lack_is_refused(recipe):
    with pytest.raises(FairtollError, match="race"):
        recipe.over("race")(setup_of(), ADVERSARY)


@pytest.mark.parametrize(("recipe", "name"), NUMBERS, ids=lambda one: getattr(one, "name", one))
@pytest.mark.parametrize("value", [-0.25, float("nan"), float("inf")])
def test_a_parameter_that_cannot_be(recipe, name, value):
    with pytest.raises(FairtollError, match=rf"^{name} is .*; expected .*; give the published value, .*, or another$"):
        recipe.train(setup_of(), ADVERSARY, **recipe.parameters | {name: value})


@pytest.mark.parametrize("recipe", MEASURING, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("partition", ["class", "sex"])
def test_a_class_that_cannot_be_split_for_validation(recipe, partition):
    """Class yes has a single row, of group b."""
    y = np.array([0] * 11 + [1])
    data = Dataset(np.zeros((12, 2)), y, ("no", "yes"), groups={"sex": ["a"] * 6 + ["b"] * 6})
    given = TrainingSetup.for_rows(data, seeds=[0], network=lambda _: lambda: nn.Linear(2, 2))
    with pytest.raises(FairtollError, match="has 1 training row of class yes, which cannot be split for validation"):
        recipe.over(partition)(given, ADVERSARY)


@each
def test_what_it_costs_is_what_is_computed(recipe):
    """Rows of optimiser steps, and gradients of rows, relative to the rows of the items: counted while training."""
    counts = {True: 0, False: 0}

    class Counting(nn.Conv1d):
        def forward(self, x):
            if torch.is_grad_enabled():
                counts[self.weight.requires_grad] += len(x)
            return super().forward(x)

    def network():
        return nn.Sequential(nn.Unflatten(1, (1, 2)), Counting(1, 2, 2), nn.Flatten())

    given = replace(setup_of((0,)), network=network, settings=FitSettings(epochs=4))
    recipe(given, ADVERSARY)
    rows = 4 * len(given.items)
    assert counts[True] / rows == pytest.approx(recipe.updates, rel=0.01)
    # What is measured after the last epoch is read by model selection alone.
    assert counts[False] / rows == pytest.approx(recipe.gradients, rel=0.03)
