"""Members that leave a row out, against a plain PyTorch loop that drops the row from its batches."""

from functools import partial

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.data import load_adult
from fairtoll.models.networks import Standardize, adult_network, image_network, initialise_as_keras
from fairtoll.progress import reporting_to
from fairtoll.randomness import torch_generator
from fairtoll.training import FitSettings, TrainingSetup, oversample, train_on_pairs, train_online, train_standard
from fairtoll.training.batch import BatchNoise
from fairtoll.training.chunks import members_at_once
from fairtoll.training.leave_one_out import (
    DESIGNS,
    FLOORS,
    Member,
    choose_left_out,
    plan_members,
    train_members,
)

ROWS, CLASSES = 60, 2
draw = torch.Generator().manual_seed(0)
X = torch.randn(ROWS, 5, generator=draw)
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).long()
EXAMPLES = X + 0.3 * torch.randn(ROWS, 5, generator=draw)
SETTINGS = FitSettings(epochs=2, batch_size=16, learning_rate=1e-2)
SEED, LEFT_OUT = 3, [7, 22, 41]
EXACT = {"atol": 1e-11, "rtol": 1e-9}


class Wrapped(nn.Module):
    def __init__(self, chain):
        super().__init__()
        self.chain = chain

    def forward(self, x):
        return self.chain(x)


def dense():
    return adult_network(Standardize(X.mean(0), X.std(0)), classes=CLASSES, width=8, depth=2)


def convolutions():
    return nn.Sequential(nn.Unflatten(1, (1, 1, 5)), nn.Conv2d(1, 3, (1, 2)), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2))


NETWORKS = {"dense": dense, "vmap": lambda: Wrapped(dense()), "loop": convolutions}


def setup_of(strategy="dense", **given):
    options = {"items": oversample(Y, copies=[1, 3]), "seeds": [SEED], "settings": SETTINGS} | given
    return TrainingSetup(X, Y, options["items"], options["seeds"], NETWORKS[strategy], options["settings"])


def initial(setup, seed=SEED):
    model = setup.network()
    initialise_as_keras(model, torch_generator(seed, "initial weights"))
    return model.double()


def plain(setup, model, *, x=X, y=Y, items, seed=SEED, drop=(), perturb=None):
    """One member in float64: the whole batch is drawn, what is left out goes from it, Adam steps on the mean."""
    x = x.double()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2, eps=1e-7)
    for epoch in range(SETTINGS.epochs):
        order = items[torch.randperm(len(items), generator=torch_generator(seed, "batches", epoch))]
        noise = BatchNoise([seed], epoch=epoch)
        for batch in order.split(SETTINGS.batch_size):
            rows = x[batch] if perturb is None else perturb(model, x[batch], y[batch], noise)
            kept = torch.tensor([row not in drop for row in batch.tolist()])
            if not kept.any():
                continue
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(rows[kept]), y[batch][kept]).backward()
            optimiser.step()
    return model


def assert_weights(stack, member, model, **tolerance):
    for name, tensor in stack.member(member).state_dict().items():
        torch.testing.assert_close(tensor, model.state_dict()[name], **(tolerance or EXACT))


def assert_equal(one, other, pairs):
    for mine, theirs in pairs:
        for name, tensor in one.parameters.items():
            assert torch.equal(tensor[mine], other.parameters[name][theirs])


train = partial(train_members, dtype=torch.float64)


@pytest.mark.parametrize("strategy", NETWORKS)
def test_a_masked_row_is_dropped_from_its_batches_with_all_its_copies(strategy):
    setup = setup_of(strategy)
    assert setup.initial_stack().strategy == strategy
    stack = train(plan_members("masked", LEFT_OUT, seed=SEED), setup)
    for member, row in enumerate(LEFT_OUT):
        assert_weights(stack, member, plain(setup, initial(setup), items=setup.items, drop={row}))


@pytest.mark.parametrize("own", [True, False])
def test_so_is_its_example(own):
    setup = setup_of()
    examples = torch.stack([EXAMPLES + 0.1 * member for member in range(3)]) if own else EXAMPLES
    stack = train(plan_members("masked", LEFT_OUT, seed=SEED), setup, examples=examples)
    items = torch.cat([setup.items, setup.items + ROWS])
    for member, row in enumerate(LEFT_OUT):
        x = torch.cat([X, examples[member] if own else examples])
        loop = plain(setup, initial(setup), x=x, y=torch.cat([Y, Y]), items=items, drop={row, row + ROWS})
        assert_weights(stack, member, loop)


def test_on_line_the_attack_noise_stays_that_of_the_whole_batch():
    setup, threat = setup_of(), LinfThreat()
    online = partial(train_online, threat=threat, epsilon=0.2, steps=2)

    def alone(model, rows, labels, noise):
        """PGD written out for one model."""
        low, high = rows - 0.2, rows + 0.2
        point = low + (high - low) * noise.uniform((1, *rows.shape))[0].double()
        for _ in range(2):
            point = point.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(nn.functional.cross_entropy(model(point), labels, reduction="sum"), point)
            point = torch.minimum(torch.maximum(point + 0.25 * slope.sign(), low), high)
        return point.detach()

    stack = train(plan_members("masked", LEFT_OUT, seed=SEED), setup, train=online)
    for member, row in enumerate(LEFT_OUT):
        assert_weights(
            stack,
            member,
            plain(setup, initial(setup), items=setup.items, drop={row}, perturb=alone),
            atol=1e-8,
            rtol=1e-6,
        )


def test_independent_seeds_mask_too_and_share_nothing():
    setup, members = setup_of(), plan_members("independent-seeds", LEFT_OUT, seed=SEED)
    assert len({member.seed for member in members} | {SEED}) == 4
    stack = train(members, setup)
    for position, member in enumerate(members):
        model = initial(setup, member.seed)
        assert_weights(
            stack, position, plain(setup, model, items=setup.items, seed=member.seed, drop={member.left_out})
        )


def test_re_permuted_draws_the_schedule_over_the_items_that_remain():
    """Rows of the two classes have one copy and three, so that schedules differ in length."""
    left_out = [int((Y == 0).nonzero()[4]), int((Y == 1).nonzero()[2]), int((Y == 0).nonzero()[9])]
    for examples in (None, EXAMPLES):
        setup = setup_of()
        stack = train(plan_members("re-permuted", left_out, seed=SEED), setup, examples=examples)
        x, y = (X, Y) if examples is None else (torch.cat([X, EXAMPLES]), torch.cat([Y, Y]))
        for member, row in enumerate(left_out):
            rest = torch.tensor([item for item in setup.items.tolist() if item != row])
            items = rest if examples is None else torch.cat([rest, rest + ROWS])
            assert_weights(stack, member, plain(setup, initial(setup), x=x, y=y, items=items))


def test_floors_leave_nothing_out():
    setup = setup_of()
    for design in FLOORS:
        members = plan_members(design, LEFT_OUT, seed=SEED)
        assert [member.left_out for member in members] == [None] * 3
    full = plain(setup, initial(setup), items=setup.items)
    rerun = train(plan_members("rerun", LEFT_OUT, seed=SEED), setup)
    assert_equal(rerun, rerun, [(0, 1), (0, 2)])
    assert_weights(rerun, 0, full)
    fresh = plan_members("new-seed", LEFT_OUT, seed=SEED)
    assert [member.seed for member in fresh] == [
        member.seed for member in plan_members("independent-seeds", LEFT_OUT, seed=SEED)
    ]
    stack = train(fresh, setup)
    for position, member in enumerate(fresh):
        model = initial(setup, member.seed)
        assert_weights(stack, position, plain(setup, model, items=setup.items, seed=member.seed))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_ulp_moves_one_weight_by_one_float(dtype):
    """Of the initial weights, as training is given them."""
    setup = setup_of()
    untrained = train_members(
        plan_members("one-ulp", LEFT_OUT, seed=SEED), setup, train=TrainingSetup.initial_stack, dtype=dtype
    )
    start = setup.initial_stack().to(dtype=dtype)
    places = []
    for member in range(3):
        moved = [
            (name, index, float(value), float(start.parameters[name][0].flatten()[index]))
            for name, tensor in untrained.parameters.items()
            for index, value in enumerate(tensor[member].flatten())
            if value != start.parameters[name][0].flatten()[index]
        ]
        assert len(moved) == 1
        (name, index, after, before) = moved[0]
        assert torch.tensor(after, dtype=dtype) == torch.nextafter(
            torch.tensor(before, dtype=dtype), torch.tensor(torch.inf, dtype=dtype)
        )
        places.append((name, index))
    assert len(set(places)) == 3


@pytest.mark.parametrize("strategy", NETWORKS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_masking_nothing_is_the_full_model_bit_for_bit(strategy, dtype):
    """Alone, among members that leave rows out, and whatever the chunk."""
    setup = setup_of(strategy)
    masked = plan_members("masked", LEFT_OUT, seed=SEED)
    full = train_members([Member(0, SEED)], setup, dtype=dtype)
    among = train_members([masked[0], Member(1, SEED), *masked[1:], Member(9, SEED)], setup, dtype=dtype)
    assert_equal(full, among, [(0, 1), (0, 4)])
    chunks = [train_members([member], setup, dtype=dtype) for member in masked]
    for alone, position in zip(chunks, (0, 2, 3), strict=True):
        assert_equal(alone, among, [(0, position)])


def test_the_full_model_is_the_one_that_every_recipe_trains():
    setup = setup_of()
    adversarial = partial(train_online, threat=LinfThreat(), epsilon=0.1, steps=2)
    full = [Member(0, SEED)]
    assert_equal(train_members(full, setup), train_standard(setup), [(0, 0)])
    assert_equal(train_members(full, setup, examples=EXAMPLES), train_on_pairs(setup, EXAMPLES), [(0, 0)])
    assert_equal(train_members(full, setup, train=adversarial), adversarial(setup), [(0, 0)])


def test_strategies_agree():
    members = plan_members("masked", LEFT_OUT, seed=SEED)
    one, other = (train(members, setup_of(strategy)) for strategy in ("dense", "vmap"))
    for name, tensor in one.parameters.items():
        torch.testing.assert_close(tensor, other.parameters[f"chain.{name}"], **EXACT)
    setup = setup_of("loop")
    loop = train(members, setup)
    wrapped = train(members, TrainingSetup(X, Y, setup.items, [SEED], lambda: Wrapped(convolutions()), SETTINGS))
    assert loop.strategy == wrapped.strategy == "loop"
    for name, tensor in loop.parameters.items():
        torch.testing.assert_close(tensor, wrapped.parameters[f"chain.{name}"], **EXACT)


def test_designs_mix_in_one_stack_and_come_back_in_order():
    plans = {design: plan_members(design, LEFT_OUT, seed=SEED) for design in DESIGNS}
    mixed = train([plans[design][position] for position in range(3) for design in DESIGNS], setup_of())
    for column, design in enumerate(DESIGNS):
        apart = train(plans[design], setup_of())
        assert_equal(apart, mixed, [(row, row * len(DESIGNS) + column) for row in range(3)])


def test_progress_counts_every_members_steps():
    done = []
    setup = setup_of()
    with reporting_to(done.append):
        train(plan_members("re-permuted", LEFT_OUT, seed=SEED), setup)
    lengths = {int((setup.items != row).sum()) for row in LEFT_OUT}
    assert len(done) == sum(SETTINGS.epochs * -(-length // SETTINGS.batch_size) for length in lengths)
    assert sum(done) == pytest.approx(1)


def test_left_out_rows_are_distinct_seeded_and_nested():
    rows = choose_left_out(1000, 100, seed=4)
    assert len(set(rows)) == 100
    assert min(rows) >= 0
    assert max(rows) < 1000
    assert choose_left_out(1000, 25, seed=4) == rows[:25]
    assert choose_left_out(1000, 100, seed=5) != rows
    assert sorted(choose_left_out(7, 7, seed=0)) == list(range(7))


def test_memory_decides_how_many_train_at_once():
    assert members_at_once(setup_of()) == 10
    images = torch.zeros(20_000, 3, 32, 32)
    labels = torch.zeros(len(images), dtype=torch.int64)
    setup = TrainingSetup(images, labels, torch.arange(len(images)), [0], image_network)
    few, fewer = (members_at_once(setup, own_rows=own) for own in (False, True))
    assert 1 <= fewer < few < 10


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: choose_left_out(10, 11, seed=0), "11 rows to leave out of 10 training rows; expected 1 to 10"),
        (lambda: choose_left_out(10, 0, seed=0), "0 rows to leave out"),
        (lambda: plan_members("deleted", [1], seed=0), "unknown design 'deleted'; expected one of masked, "),
        (lambda: train([], setup_of()), "no members to train"),
        (lambda: train(plan_members("masked", [60], seed=0), setup_of()), "row 60 is to be left out of 60 rows"),
        (lambda: train(plan_members("re-permuted", [-1], seed=0), setup_of()), "row -1 is to be left out"),
        (
            lambda: train(plan_members("masked", [5], seed=0), setup_of(items=torch.arange(5))),
            "row 5 is to be left out, and is not an item",
        ),
        (
            lambda: train([Member(0, 0)], setup_of(settings=FitSettings(precision="bfloat16"))),
            "precision is bfloat16; leave-one-out members are trained in full precision",
        ),
        (
            lambda: train(
                [Member(0, 0)],
                TrainingSetup(X, Y, torch.arange(ROWS), [0], lambda: nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 2))),
            ),
            "batch normalisation cannot be stacked: its running statistics",
        ),
    ],
)
def test_what_cannot_be_left_out(attempt, message):
    with pytest.raises(FairtollError, match=message):
        attempt()


def test_asking_how_many_fit_leaves_nothing_on_layers_that_networks_share():
    """All networks of a table have one Standardize: hooked, no stack of them would be a plain dense chain."""
    setup = TrainingSetup.for_rows(load_adult().train.take(range(300)), seeds=[0])
    members_at_once(setup)
    assert not any(module._forward_hooks for module in setup.network().modules())
    assert setup.initial_stack().strategy == "dense"
