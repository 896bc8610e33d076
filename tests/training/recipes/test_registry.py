"""Every recipe of the registry: what its record says is what its training does."""

import dataclasses

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.training import RECIPES, Adversary, FitSettings, TrainingSetup, craft_adversarial_examples, train_standard

#: Enough for the detector of squeezing, which holds a tenth of them out.
ROWS = 200
THREAT = LinfThreat(scale=[1.0, 0.5, 2.0])
X = torch.randn(ROWS, 3, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()


def setup_of(seeds):
    settings = FitSettings(epochs=2, batch_size=70)
    return TrainingSetup(X, Y, torch.arange(ROWS), seeds, lambda: nn.Linear(3, 2), settings)


def adversary_of(seeds):
    def crafted():
        return craft_adversarial_examples(train_standard(setup_of(seeds)), X, Y, threat=THREAT, epsilon=0.3)

    return Adversary(THREAT, 0.3, crafted)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_three_runs_at_once_are_three_runs_apart(recipe):
    together = recipe(setup_of([4, 5, 6]), adversary_of([4, 5, 6]))
    for place, seed in enumerate([4, 5, 6]):
        alone = recipe(setup_of([seed]), adversary_of([seed]))
        for name, weights in alone.parameters.items():
            torch.testing.assert_close(together.parameters[name][place], weights[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_controls_are_controls_that_take_as_many_updates(recipe):
    for name in (recipe.control, recipe.noise_control):
        if name is not None:
            assert RECIPES[name].is_control
            assert RECIPES[name].updates == recipe.updates
    assert recipe.control is None or not recipe.is_control


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_only_a_recipe_that_says_so_reads_the_adversary(recipe):
    other = Adversary(LinfThreat(scale=[5.0, 5.0, 5.0]), 2.0, lambda: X + 3)
    same = all(
        torch.equal(one, recipe(setup_of([0]), other).parameters[name])
        for name, one in recipe(setup_of([0]), adversary_of([0])).parameters.items()
    )
    assert same != recipe.needs_adversary


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_crafted_examples_are_made_for_those_that_need_them(recipe):
    made = []
    adversary = dataclasses.replace(adversary_of([0]), crafted=lambda: made.append("made") or X)
    recipe(setup_of([0]), adversary)
    assert bool(made) == recipe.needs_crafted


def test_an_adversary_without_the_examples_that_a_recipe_needs():
    with pytest.raises(FairtollError, match="has no crafted examples; give Adversary"):
        RECIPES["static"](setup_of([0]), Adversary(THREAT, 0.3))
