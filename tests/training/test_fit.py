"""The stacked loop against a plain PyTorch loop over one model, written here."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat, ModelStack
from fairtoll.models.networks import Standardize, adult_network
from fairtoll.progress import reporting_to
from fairtoll.training import FitSettings, fit
from fairtoll.training.attack_batch import attack_batch
from fairtoll.training.batch import BatchNoise
from fairtoll.training.fit import steps_of

ROWS, FEATURES, CLASSES = 90, 4, 3
draw = torch.Generator().manual_seed(0)
X = torch.randn(ROWS, FEATURES, generator=draw)
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).long() + (X[:, 2] > 1).long()
ITEMS = torch.cat([torch.arange(ROWS), torch.arange(30)])
SETTINGS = FitSettings(epochs=3, batch_size=32, learning_rate=1e-2)


class Wrapped(nn.Module):
    def __init__(self, chain):
        super().__init__()
        self.chain = chain

    def forward(self, x):
        return self.chain(x)


def dense(seed):
    torch.manual_seed(seed)
    return adult_network(Standardize(X.mean(0), X.std(0)), classes=CLASSES, width=8, depth=2)


NETWORKS = {"dense": dense, "vmap": lambda seed: Wrapped(dense(seed))}


class Schedule:
    """Reads the batches of one model off `fit` itself, as the rows that its `perturb` hook is shown."""

    def __init__(self):
        self.batches = []

    def __call__(self, stack, batch):
        self.batches.append(batch.clean.detach().clone())
        return batch.clean


def schedule_of(seed, *, rows=ROWS, items=ITEMS):
    """The batches, as row numbers, that a model of this seed is trained on."""
    numbered = torch.arange(rows, dtype=torch.float32).reshape(-1, 1)
    recorder = Schedule()
    fit(
        ModelStack([nn.Linear(1, CLASSES)]),
        numbered,
        torch.zeros(rows, dtype=torch.int64),
        items=items,
        seeds=[seed],
        settings=SETTINGS,
        perturb=recorder,
    )
    return [batch[0, :, 0].long() for batch in recorder.batches]


def plain_loop(model, batches, *, x=X, weights=None, drop=()):
    """One model, one batch after the other: weighted cross-entropy and Adam."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2, eps=1e-7)
    for batch in batches:
        rows = torch.tensor([row for row in batch.tolist() if row not in drop])
        losses = nn.functional.cross_entropy(model(x[rows]), Y[rows], reduction="none")
        weight = torch.ones(len(rows)) if weights is None else weights[rows]
        loss = (losses * weight).sum() / weight.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


def train(stack, *, seeds, **options):
    return fit(stack, options.pop("x", X), Y, items=ITEMS, seeds=seeds, settings=SETTINGS, **options)


def assert_same_weights(stack, index, model, **tolerance):
    for name, tensor in stack.member(index).state_dict().items():
        torch.testing.assert_close(tensor, model.state_dict()[name], **tolerance)


def test_the_schedule_shows_every_item_once_an_epoch():
    batches = schedule_of(5)
    assert [len(batch) for batch in batches] == [32, 32, 32, 24] * 3
    orders = [torch.cat(batches[start : start + 4]) for start in (0, 4, 8)]
    for order in orders:
        assert torch.equal(order.sort().values, ITEMS.sort().values)
    assert not torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], torch.cat(schedule_of(6)[:4]))


def test_the_schedule_depends_on_the_seed_and_the_number_of_items_alone():
    """Rows of another value, members beside it and the global state leave it as it is."""
    torch.manual_seed(77)
    again = schedule_of(5)
    assert all(torch.equal(one, other) for one, other in zip(again, schedule_of(5), strict=True))


@pytest.mark.parametrize("strategy", NETWORKS)
def test_a_stack_learns_what_a_plain_loop_learns(strategy):
    network, seeds = NETWORKS[strategy], [3, 4, 3]
    stack = train(ModelStack([network(member) for member in range(3)]), seeds=seeds)
    for member, seed in enumerate(seeds):
        assert_same_weights(stack, member, plain_loop(network(member), schedule_of(seed)), atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("strategy", NETWORKS)
def test_weighted_rows_too(strategy):
    network, seeds = NETWORKS[strategy], [3, 4]
    weights = torch.rand(2, ROWS, generator=torch.Generator().manual_seed(1)) * 3
    stack = train(ModelStack([network(member) for member in range(2)]), seeds=seeds, row_weights=weights)
    for member, seed in enumerate(seeds):
        loop = plain_loop(network(member), schedule_of(seed), weights=weights[member])
        assert_same_weights(stack, member, loop, atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("strategy", NETWORKS)
def test_weight_zero_drops_the_row_from_its_batches(strategy):
    """Row 3 stands twice among the items: both copies go."""
    network, left_out = NETWORKS[strategy], [3, 50]
    weights = torch.ones(2, ROWS)
    weights[torch.arange(2), torch.tensor(left_out)] = 0
    stack = train(ModelStack([network(0), network(0)]), seeds=[3, 3], row_weights=weights)
    for member, row in enumerate(left_out):
        loop = plain_loop(network(0), schedule_of(3), drop=(row,))
        assert_same_weights(stack, member, loop, atol=2e-5, rtol=1e-3)


def test_rows_of_each_model_are_its_own():
    own = torch.stack([X, X + 0.3])
    stack = train(ModelStack([dense(0), dense(1)]), seeds=[3, 4], x=own)
    for member, seed in enumerate([3, 4]):
        loop = plain_loop(dense(member), schedule_of(seed), x=own[member])
        assert_same_weights(stack, member, loop, atol=2e-5, rtol=1e-3)


def assert_identical(stack, one, other):
    for tensor in (*stack.parameters.values(), *stack.buffers.values()):
        assert torch.equal(tensor[one], tensor[other])


@pytest.mark.parametrize("strategy", NETWORKS)
def test_equal_members_stay_equal_bit_for_bit(strategy):
    network = NETWORKS[strategy]
    stack = train(ModelStack([network(0), network(1), network(0)]), seeds=[7, 7, 7])
    assert_identical(stack, 0, 2)
    assert not torch.equal(stack(X)[0], stack(X)[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("strategy", NETWORKS)
def test_masking_nothing_is_the_full_model_bit_for_bit(strategy, dtype):
    """With no weights at all, with weights of one, and beside members that leave rows out."""
    model, x = NETWORKS[strategy](0).to(dtype), X.to(dtype)
    full = train(ModelStack([model] * 3), seeds=[7] * 3, x=x)
    weights = torch.ones(3, ROWS, dtype=dtype)
    weights[1, 5] = 0
    masked = train(ModelStack([model] * 3), seeds=[7] * 3, x=x, row_weights=weights)
    assert_identical(masked, 0, 2)
    for name, tensor in full.parameters.items():
        assert torch.equal(tensor[0], masked.parameters[name][0])
    assert not torch.equal(masked(x)[0], masked(x)[1])


def test_masking_a_row_that_is_no_item_changes_nothing():
    weights = torch.ones(2, ROWS)
    weights[1, ROWS - 1] = 0
    stack = fit(
        ModelStack([dense(0)] * 2),
        X,
        Y,
        items=torch.arange(ROWS - 1),
        seeds=[7, 7],
        settings=SETTINGS,
        row_weights=weights,
    )
    assert_identical(stack, 0, 1)


def test_a_second_run_is_the_first_bit_for_bit_and_leaves_the_global_state():
    torch.manual_seed(1)
    first = train(ModelStack([dense(0), dense(1)]), seeds=[7, 8])
    torch.manual_seed(2)
    stack = ModelStack([dense(0), dense(1)])
    before = torch.get_rng_state()
    second = train(stack, seeds=[7, 8])
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(X), second(X))


def test_data_and_items_stay_as_they_were_and_weights_come_back_detached():
    x, y, items, weights = X.clone(), Y.clone(), ITEMS.clone(), torch.ones(1, ROWS)
    stack = ModelStack([dense(0)])
    assert fit(stack, x, y, items=items, seeds=[0], settings=SETTINGS, row_weights=weights) is stack
    assert torch.equal(x, X)
    assert torch.equal(y, Y)
    assert torch.equal(items, ITEMS)
    assert (weights == 1).all()
    assert not any(parameter.requires_grad for parameter in stack.parameters.values())


def test_progress_counts_every_step():
    done = []
    with reporting_to(done.append):
        train(ModelStack([dense(0)]), seeds=[0])
    assert len(done) == steps_of(len(ITEMS), SETTINGS) == 12


def test_noise_is_shared_within_a_seed_and_moves_on_with_batch_and_epoch():
    noise = BatchNoise([3, 4, 3], epoch=0)
    first, second = noise.uniform((3, 500, 2)), noise.uniform((3, 500, 2))
    assert torch.equal(first[0], first[2])
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], second[0])
    assert not torch.equal(first[0], BatchNoise([3], epoch=1).uniform((1, 500, 2))[0])
    # What a member draws does not depend on who trains beside it.
    assert torch.equal(first[:1], BatchNoise([3], epoch=0).uniform((1, 500, 2)))
    assert first.min() >= 0
    assert first.max() < 1
    np.testing.assert_allclose(first.mean(), 0.5, atol=0.03)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": [0]}, "1 seeds for a stack of 2 models"),
        ({"x": X[:50]}, "expected \\(rows, ...\\) or \\(models, rows, ...\\)"),
        ({"x": torch.stack([X] * 3)}, "for 90 labels and 2 models"),
        ({"items": torch.tensor([], dtype=torch.int64)}, "items must be one or more positions among 90 rows"),
        ({"items": torch.tensor([90])}, "items must be"),
        ({"items": torch.tensor([-1])}, "items must be"),
        ({"row_weights": torch.ones(ROWS)}, r"row_weights has shape \(90,\); expected \(2, 90\)"),
        ({"row_weights": torch.ones(3, ROWS)}, "row_weights has shape"),
        ({"row_weights": -torch.ones(2, ROWS)}, "negative or non-finite"),
        ({"row_weights": torch.full((2, ROWS), float("nan"))}, "negative or non-finite"),
        ({"row_weights": torch.zeros(2, ROWS)}, "leaves model 0 no weight at all"),
        ({"row_weights": torch.tensor([[1.0] * ROWS, [0.0] * ROWS])}, "leaves model 1 no weight at all"),
        ({"items": torch.zeros(3, 8, dtype=torch.int64)}, r"items has shape \(3, 8\); expected \(items,\) or \(2"),
    ],
)
def test_what_cannot_be_trained_on(given, message):
    options = {"x": X, "items": ITEMS, "seeds": [0, 1], "settings": SETTINGS} | given
    with pytest.raises(FairtollError, match=message):
        fit(ModelStack([dense(0), dense(1)]), options.pop("x"), Y, **options)


@pytest.mark.parametrize("strategy", NETWORKS)
def test_a_batch_without_weight_is_skipped_by_that_member_alone(strategy):
    """Its weights, its averages and its count of steps wait; a loop that never sees the batch does the same."""
    network, batches = NETWORKS[strategy], schedule_of(3)
    weights = torch.ones(3, ROWS)
    weights[1, batches[2]] = 0
    stack = train(ModelStack([network(0)] * 3), seeds=[3] * 3, row_weights=weights)
    emptied = set(batches[2].tolist())
    kept = [batch for batch in batches if not emptied.issuperset(batch.tolist())]
    assert len(kept) < len(batches)
    loop = plain_loop(network(0), kept, drop=emptied)
    assert_same_weights(stack, 1, loop, atol=2e-5, rtol=1e-3)
    assert_identical(stack, 0, 2)
    full = train(ModelStack([network(0)] * 3), seeds=[3] * 3)
    for name, tensor in full.parameters.items():
        assert torch.equal(tensor[0], stack.parameters[name][0])


@pytest.mark.parametrize("strategy", NETWORKS)
def test_items_of_each_model_are_its_own(strategy):
    network, items = NETWORKS[strategy], torch.stack([ITEMS[1:], ITEMS[:-1]])
    stack = fit(ModelStack([network(0)] * 2), X, Y, items=items, seeds=[3, 4], settings=SETTINGS)
    for member, seed in enumerate([3, 4]):
        loop = plain_loop(network(0), schedule_of(seed, items=items[member]))
        assert_same_weights(stack, member, loop, atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("strategy", NETWORKS)
def test_a_stack_in_float64_trains_in_float64(strategy):
    """To a precision that float32 anywhere on the way would spoil."""
    network = NETWORKS[strategy]
    stack = train(ModelStack([network(0), network(1)]).to(dtype=torch.float64), seeds=[3, 4])
    assert stack.dtype == torch.float64
    for member, seed in enumerate([3, 4]):
        loop = plain_loop(network(member).double(), schedule_of(seed), x=X.double())
        assert_same_weights(stack, member, loop, atol=1e-12, rtol=1e-10)


def test_rows_of_their_own_are_told_from_shared_ones_where_models_are_as_many_as_rows():
    x, y = torch.randn(3, 3, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 0])
    options = {"items": torch.arange(3), "seeds": [1, 1, 1], "settings": SETTINGS}
    own = fit(ModelStack([nn.Linear(2, 2)] * 3), x, y, **options)
    assert not torch.equal(own.parameters["bias"][0], own.parameters["bias"][1])


@pytest.mark.parametrize("given", [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": -1.0}, {"adam_epsilon": 0.0}])
def test_settings_that_cannot_be(given):
    with pytest.raises(FairtollError, match="expected all above 0"):
        FitSettings(**given)


def test_a_loss_of_ones_own_is_what_is_minimised():
    """Squared distance of the logits from fixed targets: the least squares solution, from numpy."""
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = (x[:, 0] > 0).long()
    targets = torch.nn.functional.one_hot(y, 2).double()

    def squared(stack, batch):
        wanted = torch.nn.functional.one_hot(batch.labels, 2).to(batch.rows)
        return (stack.each(batch.rows) - wanted).square().sum(dim=-1)

    stack = ModelStack([nn.Linear(3, 2)]).to(dtype=torch.float64)
    settings = FitSettings(epochs=2000, batch_size=40, learning_rate=0.01)
    fit(stack, x, y, items=torch.arange(40), seeds=[0], settings=settings, loss=squared)
    design = np.column_stack([x.numpy(), np.ones(40)])
    expected, *_ = np.linalg.lstsq(design, targets.numpy(), rcond=None)
    np.testing.assert_allclose(stack.parameters["weight"][0].numpy(), expected[:3].T, atol=1e-3)


def test_hooks_see_every_step_and_the_weights_after_each_epoch():
    stack, steps, epochs = ModelStack([nn.Linear(2, 2)]), [], []
    given = {"items": torch.arange(5), "seeds": [0], "settings": FitSettings(epochs=3, batch_size=2)}
    fit(
        stack, torch.randn(5, 2), torch.tensor([0, 1, 0, 1, 0]), **given,
        after_step=lambda stack: steps.append(stack.parameters["weight"].detach().clone()),
        after_epoch=lambda stack, epoch: epochs.append((epoch, stack.parameters["weight"].detach().clone())),
    )  # fmt: skip
    assert len(steps) == 9
    assert [epoch for epoch, _ in epochs] == [0, 1, 2]
    assert all(torch.equal(weight, steps[3 * epoch + 2]) for epoch, weight in epochs)
    assert torch.equal(epochs[-1][1], stack.parameters["weight"])


def test_a_batch_says_which_rows_it_has():
    x, seen = torch.randn(7, 2), []

    def look(stack, batch):
        assert torch.equal(batch.clean[0], x[batch.positions[0]])
        assert torch.equal(batch.labels[0], y[batch.positions[0]])
        seen.append((batch.epoch, *batch.positions[0].tolist()))
        return batch.clean

    y = torch.tensor([0, 1, 0, 1, 0, 1, 1])
    settings = FitSettings(epochs=2, batch_size=7)
    fit(ModelStack([nn.Linear(2, 2)]), x, y, items=torch.arange(7), seeds=[0], settings=settings, perturb=look)
    assert [one[0] for one in seen] == [0, 1]
    assert all(sorted(one[1:]) == list(range(7)) for one in seen)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (5, 1)])
def test_a_loss_of_another_shape_is_refused(shape):
    stack = ModelStack([nn.Linear(3, 2)])
    with pytest.raises(FairtollError, match=r"the loss has shape .*; expected one number for each row .*\(1, 5\)"):
        fit(
            stack, torch.ones(5, 3), torch.zeros(5, dtype=torch.int64), items=torch.arange(5), seeds=[0],
            loss=lambda stack, batch: stack.each(batch.rows).sum() * torch.ones(shape),
        )  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("attacked", [False, True])
def test_a_member_is_the_same_bit_for_bit_alone_and_beside_four_others(dtype, attacked):
    """Of the network and batches of Adult: runs may be trained in blocks of any size."""

    def network(seed):
        torch.manual_seed(seed)
        return adult_network(Standardize(x.mean(0), x.std(0))).to(dtype)

    x = torch.randn(600, 14, generator=torch.Generator().manual_seed(2))
    y = (x[:, 0] > 0).long()
    examples = x.expand(5, -1, -1) + torch.arange(5.0).view(5, 1, 1)

    def train(seeds):
        given = {"items": torch.arange(600), "seeds": seeds, "settings": FitSettings(epochs=2)}
        stack = ModelStack([network(seed) for seed in seeds])
        if not attacked:
            return fit(stack, examples[seeds], y, **given)
        perturb = partial(attack_batch, threat=LinfThreat(), epsilon=0.2, steps=3)
        return fit(stack, x, y, perturb=perturb, **given)

    together = train(list(range(5)))
    for seed in (0, 2, 4):
        for name, tensor in train([seed]).parameters.items():
            assert torch.equal(tensor[0], together.parameters[name][seed])
