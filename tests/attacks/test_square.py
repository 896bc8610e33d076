"""The Square attack: scores alone, the authors' schedule, and what a search of all corners finds."""

from itertools import product

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, FairtollWarning, LinfThreat
from fairtoll.attacks import pgd, square, zero_gradient
from fairtoll.attacks.engine.layout import Layout
from fairtoll.attacks.square import share_at
from fairtoll.models import prepare


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Recorder(nn.Module):
    """Remembers every input that it is shown, and whether gradients were on."""

    def __init__(self, model=None):
        super().__init__()
        self.model, self.shown, self.gradients = model, [], False

    def forward(self, x):
        self.shown.append(x.detach().clone())
        self.gradients |= torch.is_grad_enabled()
        if self.model is not None:
            return self.model(x)
        flat = x.flatten(1).sum(dim=1) * 0
        return torch.stack([flat + 2, flat], dim=1)


class Stairs(nn.Module):
    """A linear model in whole steps: the gradient is zero everywhere, the scores still lead uphill."""

    def __init__(self, weight, offset):
        super().__init__()
        self.register_buffer("weight", weight)
        self.offset = offset

    def forward(self, x):
        height = (x.flatten(1) @ self.weight * 20).round() / 20 - self.offset
        return torch.stack([torch.zeros_like(height), height], dim=1)


def small_network(seed, features=6):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, 3))
    x = torch.randn(100, features)
    with torch.no_grad():
        return model, x, model(x).argmax(dim=1)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("epsilon", [0.1, 0.3])
def test_it_finds_what_a_search_of_all_corners_finds(seed, epsilon):
    model, x, y = small_network(seed)
    threat = LinfThreat(scale=[1.0, 0.5, 0.0, 2.0, 1.0, 1.0])
    corners = torch.tensor(list(product([-1.0, 1.0], repeat=6))) * threat.scale.float() * epsilon * 0.9999
    with torch.no_grad():
        wrong = torch.stack([model(x + corner).argmax(dim=1) != y for corner in corners]).any(dim=0)
    found = square(model, x, y, threat=threat, epsilon=epsilon, queries=500, generator=generator())
    assert 0 < wrong.double().mean() < 1
    # Hill climbing may end beside a corner that is wrong: rarely.
    assert (found.success & ~wrong).sum() <= 1
    assert (wrong & ~found.success).sum() <= 2
    with torch.no_grad():
        assert torch.equal(model(found.perturbed).argmax(dim=1) != y, found.success)


@pytest.mark.parametrize("shape", [(30,), (3, 6, 6), (2, 9), (1, 2, 3, 4)])
def test_it_climbs_stairs_that_no_gradient_climbs(shape):
    """The worst case of a linear model is ``epsilon * sum |w|``: reached, and never passed, without any slope."""
    x = torch.zeros(20, *shape)
    weight = torch.randn(x[0].numel(), generator=generator(5))
    y = torch.zeros(20, dtype=torch.int64)
    worst = 0.5 * weight.abs().sum().item()
    for share, breaks in ((0.6, True), (1.01, False)):
        model = Stairs(weight, share * worst)
        assert zero_gradient(model, x, y, threat=LinfThreat()).all()
        assert not pgd(model, x, y, threat=LinfThreat(), epsilon=0.5).success.any()
        found = square(model, x, y, threat=LinfThreat(), epsilon=0.5, queries=300, generator=generator())
        assert (found.success == breaks).all()


@pytest.mark.parametrize("shape", [(5,), (3, 8, 8)])
def test_no_gradient_is_ever_asked_for(shape):
    model = Recorder()
    x, y = torch.randn(4, *shape), torch.zeros(4, dtype=torch.int64)
    with torch.enable_grad():
        square(model, x, y, threat=LinfThreat(), epsilon=0.1, queries=5, generator=generator())
    assert not model.gradients


def test_the_squares_shrink_by_the_authors_schedule():
    # Their table for 10,000 queries: up to this query, 0.8 divided by this much.
    table = {10: 1, 50: 2, 200: 4, 500: 8, 1000: 16, 2000: 32, 4000: 64, 6000: 128, 8000: 256, 10000: 512}
    for query in range(1, 10_001, 7):
        divisor = next(divisor for last, divisor in table.items() if query <= last)
        assert share_at(query, 10_000) == 0.8 / divisor
        assert share_at(query, 10_000) == share_at(query // 10, 1000) or query % 10


def test_images_are_searched_pixel_by_pixel_as_the_same_rows_flat():
    x = torch.rand(40, 1, 4, 4, generator=generator(1))
    torch.manual_seed(0)
    inner = nn.Linear(16, 3)
    y = inner(x.flatten(1)).argmax(dim=1)
    flat, images = (
        square(model, rows, y, threat=LinfThreat(), epsilon=0.1, queries=30, generator=generator(2), pixels=True)
        for model, rows in ((inner, x.flatten(1)), (nn.Sequential(nn.Flatten(), inner), x))
    )
    assert torch.equal(images.success, flat.success)
    assert torch.equal(images.perturbed.flatten(1), flat.perturbed)
    assert 0 < int(flat.success.sum()) < 40


def test_images_start_from_stripes_and_change_by_squares():
    """Every proposal differs from what was kept in one square, of one end a channel; the model keeps all of them."""

    class Rising(nn.Module):
        """Later questions score higher, so that each proposal is kept; class 0 stays ahead."""

        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            return torch.tensor([[10.0, self.calls / 1000]]).repeat(len(x), 1)

    rows, epsilon, queries = 6, 0.25, 60
    x = torch.rand(rows, 3, 12, 10, generator=generator(1)).clamp(0.3, 0.7)
    model = Recorder(Rising())
    square(model, x, torch.zeros(rows, dtype=torch.int64), threat=LinfThreat(), epsilon=epsilon, queries=queries,
           generator=generator())  # fmt: skip
    asked = torch.stack(model.shown[-queries:])
    moved = ((asked - x) / epsilon).round()
    assert torch.equal(moved.abs(), torch.ones_like(moved))
    stripes = moved[0]
    assert (stripes == stripes[:, :, :1]).all()
    assert not (stripes == stripes[..., :1]).all()
    for query in range(1, queries):
        side = min(max(round((share_at(query + 1, queries) * 120) ** 0.5), 1), 10)
        for row in range(rows):
            changed = (moved[query, row] != moved[query - 1, row]).nonzero()
            assert len(changed)
            first, last = changed.min(dim=0).values[1:], changed.max(dim=0).values[1:]
            assert (last - first < side).all()
            for channel in changed[:, 0].unique():
                inside = changed[changed[:, 0] == channel]
                assert moved[query, row][inside.unbind(1)].unique().numel() == 1


def test_a_table_changes_by_a_share_of_what_may_move():
    mutable = torch.arange(40) % 2 == 0
    model = Recorder()
    x = torch.zeros(8, 40)
    square(model, x, torch.zeros(8, dtype=torch.int64), threat=LinfThreat(mutable=mutable), epsilon=1.0, queries=50,
           generator=generator())  # fmt: skip
    asked = torch.stack(model.shown[-50:])
    assert (asked[:, :, ~mutable] == 0).all()
    assert (asked[:, :, mutable].abs() == 1).all()
    # No score rises, so that every proposal is a change of the first.
    changes = (asked[1:] != asked[:1]).sum(dim=2)
    for query, change in enumerate(changes, start=2):
        assert (change >= 1).all()
        assert (change <= max(round(share_at(query, 50) * 20), 1)).all()


def test_each_row_is_asked_no_more_than_it_must_be():
    model = Recorder()
    x, y = torch.zeros(3, 2), torch.tensor([0, 1, 0])
    prepared = prepare(model, x)
    model.shown.clear()
    square(prepared, x, y, threat=LinfThreat(), epsilon=1.0, queries=25, generator=generator())
    # The clean rows, then 25 queries for the two rows that are right.
    assert [len(shown) for shown in model.shown] == [3, *[2] * 25]


def test_a_row_that_stands_comes_back_with_its_best_input():
    model = nn.Linear(2, 2)
    model.load_state_dict({"weight": torch.tensor([[0.0, 0.0], [1.0, -2.0]]), "bias": torch.tensor([100.0, 0.0])})
    found = square(
        model, torch.zeros(5, 2), torch.zeros(5, dtype=torch.int64), threat=LinfThreat(box=(-1.0, 0.5)), epsilon=3.0,
        queries=60, generator=generator(),
    )  # fmt: skip
    assert not found.success.any()
    assert torch.equal(found.perturbed, torch.tensor([[0.5, -1.0]]).repeat(5, 1))


def test_a_convolution_is_asked_the_same_whatever_its_layout():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)).double()
    x = torch.rand(20, 3, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        y = model(x).argmax(dim=1)
    options = {"threat": LinfThreat(box=(0.0, 1.0)), "epsilon": 0.05, "queries": 40}
    found = square(model, x, y, generator=generator(), **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fairtoll.attacks.engine.descent.best_layout", lambda *_: Layout())
        again = square(model, x, y, generator=generator(), **options)
    assert torch.equal(found.success, again.success)
    assert torch.equal(found.perturbed, again.perturbed)
    assert found.perturbed.is_contiguous()


def test_a_batch_that_does_not_fit_is_halved():
    class Small(nn.Module):
        def forward(self, x):
            if len(x) > 5:
                raise torch.OutOfMemoryError("full")
            return torch.cat([-x, x], dim=1)

    x = torch.tensor([[-0.5], [-2.0], [1.0]]).repeat(6, 1)
    with pytest.warns(FairtollWarning, match="do not fit the device's memory"):
        found = square(Small(), x, torch.zeros(18, dtype=torch.int64), threat=LinfThreat(), epsilon=1.0, queries=9,
                       generator=generator())  # fmt: skip
    assert found.success.tolist() == [True, False, True] * 6


def test_a_model_that_turns_nan_names_row_and_query():
    class Late(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            bad = (x.abs() > 8) & (self.calls > 5)
            return torch.cat([torch.full_like(x, 50.0), torch.where(bad, torch.nan, x * 0)], dim=1)

    x, y = torch.tensor([[1.0], [2.0], [9.0]]), torch.tensor([1, 0, 0])
    model = Late()
    prepared, model.calls = prepare(model, x), 0
    with pytest.raises(FairtollError, match="for 1 rows at query 5 of the attack, the first is row 2"):
        square(prepared, x, y, threat=LinfThreat(), epsilon=0.5, queries=20, generator=generator())


def test_another_seed_is_another_search():
    x, y = torch.zeros(3, 30), torch.zeros(3, dtype=torch.int64)
    model = Stairs(torch.ones(30), 100.0)
    one, other = (
        square(model, x, y, threat=LinfThreat(), epsilon=1.0, queries=2, generator=generator(seed)).perturbed
        for seed in (0, 1)
    )
    assert not torch.equal(one, other)
