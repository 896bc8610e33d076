"""Recipes that mask rows: a row whose weight is zero has no influence, and might as well have been deleted."""

import dataclasses
from functools import partial

import pytest
import torch

from fairtoll import FairtollError, LinfThreat
from fairtoll.models.networks import Standardize, adult_network
from fairtoll.randomness import torch_generator
from fairtoll.training import RECIPES, Adversary, FitSettings, TrainingSetup, craft_adversarial_examples
from fairtoll.training.leave_one_out import Member, plan_members, train_members
from fairtoll.training.networks import ConvolutionalNetwork

# Constraints are not met in so few steps.
pytestmark = pytest.mark.filterwarnings("ignore::fairtoll.errors.FairtollWarning")
ROWS, EPSILON = 40, 0.3
THREAT = LinfThreat(scale=[1.0, 0.5, 2.0])
X = torch.randn(ROWS, 3, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).long()
#: The third is among the rows that repairs hold out.
LEFT_OUT = [3, 17, 19]
MASKING = [recipe for recipe in RECIPES.values() if recipe.masks]
#: Of the others copies are items as well, so that their schedules differ, or more rows are needed.
ALIKE = [
    recipe
    for recipe in MASKING
    if recipe.name not in ("static", "repeated", "noise") and not recipe.name.startswith("lagrangian")
]
LINEAR = [recipe for recipe in MASKING if recipe.name.startswith(("lagrangian", "dro")) or recipe.name == "online"]


def setup_of(x=X, y=Y, **changes):
    def network():
        return adult_network(Standardize(X.mean(0), X.std(0)), classes=2, width=4, depth=1)

    setup = TrainingSetup(x, y, torch.arange(len(y)), [0], network, FitSettings(epochs=2, batch_size=16))
    return dataclasses.replace(setup, **changes)


def members_of(recipe, members, setup, *, threat=THREAT, epsilon=EPSILON):
    """Trained by a recipe, crafted examples against each member's own source."""

    def train(given):
        def crafted():
            sources = train_members(members, setup, dtype=torch.float64)
            return craft_adversarial_examples(sources, setup.x.double(), setup.y, threat=threat, epsilon=epsilon)

        return recipe(given, Adversary(threat, epsilon, crafted))

    return train_members(members, setup, train=train, apart="partition" in recipe.parameters, dtype=torch.float64)


def assert_equal(one, other):
    for name, weights in one.parameters.items():
        assert torch.equal(weights, other.parameters[name])


@pytest.mark.parametrize("recipe", MASKING, ids=lambda recipe: recipe.name)
def test_a_masked_row_has_no_influence(recipe):
    """Whatever it holds, bit for bit, in training and in what is deployed."""
    masked = plan_members("masked", LEFT_OUT, seed=5)
    alone, garbage = members_of(recipe, masked, setup_of()), X.clone()
    garbage[LEFT_OUT] = torch.tensor([[9.0, -7.0, 30.0], [-40.0, 0.5, 2.0], [0.0, 0.0, -8.0]])
    learned = []
    for number, member in enumerate(masked):
        other = X.clone()
        other[member.left_out] = garbage[member.left_out]
        changed = members_of(recipe, masked, setup_of(other))
        assert_equal(alone.part([number]), changed.part([number]))
        # The others learn from it, unless it is held out.
        rest = [place for place in range(3) if place != number]
        learned.append(
            any(not torch.equal(one[rest], changed.parameters[name][rest]) for name, one in alone.parameters.items())
        )
        answers = [
            recipe.deployed(stack.members(), setup_of(x), Adversary(THREAT, EPSILON))[number](X.double())
            for stack, x in ((alone, X), (changed, other))
        ]
        assert torch.equal(*answers)
    assert learned[:2] == [True, True]


def test_one_of_them_is_held_out():
    assert set(setup_of().hold_out()[1].tolist()) & set(LEFT_OUT) == {LEFT_OUT[2]}


@pytest.mark.parametrize("recipe", MASKING, ids=lambda recipe: recipe.name)
def test_without_a_masked_row_it_is_the_recipe_itself(recipe):
    """Bit for bit, among members that leave rows out, and in the precision of the recipe."""
    setup = setup_of(seeds=[5])

    def train(given):
        return recipe(given, Adversary(THREAT, EPSILON, lambda: X + 0.1))

    members = [Member(0, 5, LEFT_OUT[0]), Member(1, 5), Member(2, 5, LEFT_OUT[1])]
    among = train_members(members, setup, train=train, apart="partition" in recipe.parameters)
    assert_equal(among.part([1]), train(setup))


def seed_of_equal_schedules(epochs):
    """A seed by which four items are in the order of three with the fourth at the end, in every epoch."""

    def order(seed, length, epoch):
        return torch.randperm(length, generator=torch_generator(seed, "batches", epoch)).tolist()

    return next(
        seed
        for seed in range(100_000)
        if all(order(seed, 4, epoch) == [*order(seed, 3, epoch), 3] for epoch in range(epochs))
    )


@pytest.mark.parametrize("recipe", ALIKE, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("batch_size", [2, 4])
def test_masked_is_deleted_where_their_schedules_are_equal(recipe, batch_size):
    held_out = recipe.name.startswith(("frl", "cfa"))
    settings = FitSettings(epochs=2, batch_size=batch_size, learning_rate=0.1)
    seed = seed_of_equal_schedules(settings.epochs)
    # The last of four items: of two rows of each class, or of three of which one is held out.
    chosen = torch.cat([(label == Y).nonzero().flatten()[: 3 if held_out else 2] for label in (0, 1)])
    setup = setup_of(X[chosen], Y[chosen], settings=settings)
    last = int((setup.hold_out()[0] if held_out else setup).items[3])
    masked, deleted = (plan_members(design, [last], seed=seed) for design in ("masked", "re-permuted"))
    one, other = (members_of(recipe, members, setup) for members in (masked, deleted))
    for name, weights in one.parameters.items():
        torch.testing.assert_close(weights, other.parameters[name], rtol=1e-9, atol=1e-12)
    full = members_of(recipe, [Member(0, seed)], setup)
    assert any(not torch.allclose(weights, full.parameters[name]) for name, weights in one.parameters.items())


@pytest.mark.parametrize("recipe", LINEAR, ids=lambda recipe: recipe.name)
def test_masked_is_deleted_in_one_batch_where_noise_does_not_matter(recipe):
    """Attacks on a linear model end in the same corner wherever they begin."""
    setup = setup_of(network=lambda: torch.nn.Linear(3, 2), settings=FitSettings(6, batch_size=ROWS, learning_rate=0.1))
    # Never the first to be held out, so that the same rows are in both.
    masked, deleted = (plan_members(design, LEFT_OUT[:2], seed=5) for design in ("masked", "re-permuted"))
    one, other = (members_of(recipe, members, setup) for members in (masked, deleted))
    for name, weights in one.parameters.items():
        torch.testing.assert_close(weights, other.parameters[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("recipe", [RECIPES["trades"], RECIPES["smoothing"]], ids=lambda recipe: recipe.name)
def test_images_too(recipe):
    images = torch.rand(12, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    labels, threat = torch.arange(12) % 3, LinfThreat(box=(0.0, 1.0))
    rows = TrainingSetup(images, labels, torch.arange(12), [0], lambda: None)
    settings = FitSettings(epochs=1, batch_size=6)

    def network():
        return ConvolutionalNetwork((2, 2, 4, 4))(data)()

    from fairtoll.data import Dataset

    data = Dataset(images.numpy(), labels.numpy(), ("cat", "dog", "frog"))
    rows = dataclasses.replace(rows, network=network, settings=settings)
    masked, train = plan_members("masked", [4], seed=2), partial(recipe, adversary=Adversary(threat, 0.1))
    one = train_members(masked, rows, train=train)
    other = images.clone()
    other[4] = 1 - other[4]
    assert_equal(one, train_members(masked, dataclasses.replace(rows, x=other), train=train))


def test_squeezing_reads_the_range_of_all_rows_and_does_not_mask():
    recipe = RECIPES["squeezing"]
    assert not recipe.masks
    row = int(X[:, 0].argmax())
    model, other = setup_of().network(), X.clone()
    other[row] += 5.0
    answers = [recipe.deployed([model], setup_of(x), Adversary(THREAT, EPSILON))[0](X[:5]) for x in (X, other)]
    assert not torch.equal(*answers)


def test_weights_of_another_shape():
    with pytest.raises(FairtollError, match=r"row_weights has shape \(1, 39\); expected \(1, 40\)"):
        RECIPES["online"](setup_of(row_weights=torch.ones(1, ROWS - 1)), Adversary(THREAT, EPSILON))
