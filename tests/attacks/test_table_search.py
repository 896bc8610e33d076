"""The search over a table's features: brute force on small spaces, closed forms on linear models, trees, bad inputs."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import TableSearch, table_search
from fairtoll.data import Dataset, Feature
from fairtoll.threats import TableThreat, table_threat

JOBS = ("a", "b", "c", "d")


class Lookup(nn.Module):
    """A random answer for every combination of whole numbers: nothing but trying finds an adversarial input."""

    def __init__(self, sizes, seed, share=0.02):
        super().__init__()
        self.sizes = sizes
        draw = torch.Generator().manual_seed(seed)
        self.wrong = torch.rand(int(np.prod(sizes)), generator=draw) < share

    def index(self, x):
        index = torch.zeros(len(x), dtype=torch.int64)
        for place, size in enumerate(self.sizes):
            index = index * size + x[:, place].long()
        return index

    def forward(self, x):
        answer = self.wrong[self.index(x)].float()
        return torch.stack([-answer, answer], dim=1)


def small_table(count=60, seed=0):
    draw = np.random.default_rng(seed)
    job, home = draw.integers(0, 4, count), draw.integers(0, 3, count)
    x = np.column_stack([job, draw.integers(0, 5, count), *(home == k for k in range(3)), draw.integers(0, 4, count)])
    features = (
        Feature("job", "categorical", True, 0, 3, "code", JOBS),
        Feature("kids", "continuous", True, 0, 4, "number"),
        *(Feature(f"home_{k}", "continuous", True, 0, 1, "flag") for k in "abc"),
        Feature("cars", "continuous", True, 0, 3, "number"),
    )
    return Dataset(x.astype(np.float32), np.zeros(count, dtype=int), ("no", "yes"), features=features)


SIZES = (4, 5, 2, 2, 2, 4)
EVERYTHING = torch.tensor(
    [
        [job, kids, *(float(home == k) for k in range(3)), cars]
        for job, kids, home, cars in itertools.product(range(4), range(5), range(3), range(4))
    ]
)


def run(model, x, y, threat, epsilon, queries=1000, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return table_search(model, x, y, threat=threat, epsilon=epsilon, generator=generator, queries=queries)


@pytest.mark.parametrize("cost_norm", ["max", "sum"])
@pytest.mark.parametrize("relations", [[], ["kids <= cars + 2"], ["if job == 'a' then cars == 0", "home_a + kids < 4"]])
@pytest.mark.parametrize("seed", range(3))
def test_brute_force_over_categories_and_whole_numbers_finds_nothing_more(cost_norm, relations, seed):
    rows = small_table(seed=seed)
    threat = table_threat(
        rows,
        mutable="all",
        relations=relations,
        costs={"job": 0.5, "home": 0.2},
        monotone={"kids": "up"},
        cost_norm=cost_norm,
    )
    model, x, y = Lookup(SIZES, seed), torch.from_numpy(rows.x), torch.from_numpy(rows.y)
    for epsilon in (0.3, 0.9, 2.0):
        found = run(model, x, y, threat, epsilon)
        wrong = model.wrong[model.index(EVERYTHING)]
        for row, clean in enumerate(x):
            admitted = threat.admits(clean.expand(len(EVERYTHING), -1), EVERYTHING, epsilon)
            expected = bool((admitted & wrong).any()) or bool(model.wrong[model.index(clean[None])])
            assert bool(found.success[row]) == expected
        assert threat.admits(x, found.perturbed, epsilon).all()
        assert (model(found.perturbed).argmax(dim=1) != y)[found.success].all()


class Forest(nn.Module):
    """A forest of scikit-learn that tells its thresholds."""

    def __init__(self, fitted):
        super().__init__()
        self.fitted = fitted
        self.asked = 0

    def forward(self, x):
        self.asked += len(x)
        # Tenths of votes: no probability, so that nothing is assumed of them.
        return 10 * torch.from_numpy(self.fitted.predict_proba(x.numpy()))

    def thresholds(self):
        found = {}
        for tree in self.fitted.estimators_:
            for place, value in zip(tree.tree_.feature, tree.tree_.threshold, strict=True):
                if place >= 0:
                    # Rows are float32: the last one that goes left.
                    last = np.float32(value)
                    below = np.nextafter(last, np.float32(-np.inf))
                    found.setdefault(int(place), []).append(float(below if last > value else last))
        return {place: np.array(values) for place, values in found.items()}


def forest_and_rows(seed, features=3, count=150, trees=3, depth=3):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(count, features)).astype(np.float32)
    x[:, -1] = np.round(3 * x[:, -1])
    y = (x[:, 0] * x[:, 1] + 0.3 * x[:, -1] > 0).astype(int)
    fitted = RandomForestClassifier(trees, max_depth=depth, random_state=seed).fit(x, y)
    return Forest(fitted), torch.from_numpy(x), torch.from_numpy(y)


@pytest.mark.parametrize("cost_norm", ["max", "sum"])
@pytest.mark.parametrize("seed", range(4))
def test_brute_force_over_the_cells_of_trees_finds_nothing_more(seed, cost_norm):
    """Ends and nearest points of every cell, and a fine grid that knows no thresholds."""
    model, x, y = forest_and_rows(seed)
    features = tuple(Feature(f"f{k}", "continuous", k == 2, -9, 9, "") for k in range(3))
    threat = TableThreat(features, [1.0, 0.5, 3.0], ([-9] * 3, [9] * 3), [True] * 3, cost_norm=cost_norm)
    epsilon = 0.6
    found = run(model, x, y, threat, epsilon, queries=5000)
    thresholds, checked = model.thresholds(), 0
    for row in (model(x).argmax(dim=1) == y).nonzero().flatten().tolist()[:40]:
        clean, values = x[row], []
        low, high = threat.bounds(clean[None], epsilon)
        for place in range(3):
            own = [clean[place].item(), *np.linspace(low[0, place].item(), high[0, place].item(), 9).tolist()]
            for value in thresholds.get(place, []):
                own += [float(value), float(np.nextafter(np.float32(value), np.float32(np.inf)))]
            if place == 2:
                own = [around(value) for value in own for around in (np.floor, np.ceil)]
            values.append(sorted({one for one in own if low[0, place] <= one <= high[0, place]}))
        points = torch.tensor(list(itertools.product(*values)), dtype=torch.float32)
        admitted = threat.admits(clean.expand(len(points), -1), points, epsilon)
        broken = bool((model(points).argmax(dim=1) != y[row])[admitted].any())
        assert bool(found.success[row]) >= broken
        checked += broken
    assert checked > 3
    assert threat.admits(x, found.perturbed, epsilon).all()
    assert (model(found.perturbed).argmax(dim=1) != y)[found.success].all()


def linear(weights, bias=0.0):
    model = nn.Linear(len(weights), 2)
    weight = torch.tensor([[0.0] * len(weights), list(weights)], dtype=torch.float32)
    model.load_state_dict({"weight": weight, "bias": torch.tensor([0.0, float(bias)])})
    return model


@pytest.mark.parametrize("cost_norm", ["max", "sum"])
def test_closed_form_of_linear_models(cost_norm):
    """Of numbers the best move is every one to its end, or the sum spent on the best rates first (a knapsack)."""
    draw = np.random.default_rng(1)
    for trial in range(2):
        width = 6
        weights, scale = draw.normal(size=width), draw.uniform(0.5, 2, size=width)
        x = torch.from_numpy(draw.uniform(-1, 1, size=(80, width)).astype(np.float32))
        features = tuple(Feature(f"f{k}", "continuous", False, -1.2, 1.2, "") for k in range(width))
        threat = TableThreat(features, scale, ([-1.2] * width, [1.2] * width), [True] * width, cost_norm=cost_norm)
        epsilon = 0.5 if cost_norm == "max" else 1.5
        ends = np.where(weights > 0, 1.2, -1.2)
        room = np.abs(ends - x.numpy())
        if cost_norm == "max":
            gain = (np.abs(weights) * np.minimum(room, epsilon * scale)).sum(axis=1)
        else:
            gain, left = np.zeros(80), np.full(80, epsilon)
            for place in np.argsort(-np.abs(weights) * scale):
                spent = np.minimum(room[:, place] / scale[place], left)
                gain, left = gain + spent * scale[place] * abs(weights[place]), left - spent
        reach = x.numpy() @ weights + gain
        bias = -float(np.median(reach))
        labels = torch.zeros(80, dtype=torch.int64)
        found = run(linear(weights, bias), x, labels, threat, epsilon, queries=400, seed=trial)
        clear = np.abs(reach + bias) > 1e-3
        assert (found.success.numpy() == (reach + bias > 0))[clear].all()
        assert 20 < found.success.sum() < 60


def test_a_knapsack_of_categories_by_brute_force():
    """Changes that cost whole amounts: no greedy order is right, trying all is."""
    draw = np.random.default_rng(2)
    width, count = 8, 30
    features = tuple(Feature(f"f{k}", "categorical", True, 0, 1, "code", ("n", "y")) for k in range(width))
    gains, costs = draw.uniform(1, 5, width), draw.integers(1, 5, width)
    price = {f"f{k}": float(cost) for k, cost in enumerate(costs)}
    threat = TableThreat(features, [1.0] * width, ([0] * width, [1] * width), [True] * width, price, "sum")
    x = torch.zeros(count, width)
    for epsilon in (4.0, 7.0, 9.0):
        best = max(
            sum(gains[list(chosen)])
            for size in range(width + 1)
            for chosen in itertools.combinations(range(width), size)
            if sum(costs[list(chosen)]) <= epsilon
        )
        for bias, broken in ((-best + 1e-3, True), (-best - 1e-3, False)):
            labels = torch.zeros(count, dtype=torch.int64)
            assert (run(linear(gains, bias), x, labels, threat, epsilon).success == broken).all()


def test_the_same_seed_gives_the_same_rows_and_no_more_than_the_queries_are_asked():
    model, x, y = forest_and_rows(5, features=6, trees=20, depth=6)
    right = (model(x).argmax(dim=1) == y).sum().item()
    threat = LinfThreat(scale=torch.ones(6), integer=[False] * 5 + [True])
    model.asked = 0
    first = run(model, x, y, threat, 0.2, queries=37)
    assert model.asked <= 37 * right + 3 * len(x)
    again = run(model, x, y, threat, 0.2, queries=37)
    assert torch.equal(first.success, again.success)
    assert torch.equal(first.perturbed, again.perturbed)
    assert not torch.equal(first.perturbed, run(model, x, y, threat, 0.2, queries=37, seed=1).perturbed)
    assert threat.admits(x, first.perturbed, 0.2).all()


def test_more_queries_break_more():
    model, x, y = forest_and_rows(6, features=8, trees=20, depth=6, count=200)
    threat = LinfThreat(scale=torch.ones(8))
    few, many = (run(model, x, y, threat, 0.25, queries=queries).success.sum() for queries in (10, 600))
    assert few < many


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"queries": 0}, "queries is 0; expected 1 or more"),
        ({"queries": 2.5}, "queries is 2.5; expected 1 or more"),
        ({"x": torch.zeros(2, 1, 3)}, "a table search needs a table of shape"),
        ({"epsilon": -1.0}, "epsilon is -1.0; expected a finite number"),
    ],
)
def test_bad_inputs(changes, message):
    given = {"x": torch.zeros(2, 3), "y": torch.zeros(2, dtype=torch.int64), "epsilon": 0.1, "queries": 10} | changes
    with pytest.raises(FairtollError, match=message):
        table_search(nn.Linear(3, 2), threat=LinfThreat(), generator=torch.Generator(), **given)


def test_a_generator_is_needed():
    with pytest.raises(FairtollError, match="table-search-1000 draws at random and got no generator"):
        TableSearch()(nn.Linear(3, 2), torch.zeros(2, 3), torch.zeros(2).long(), threat=LinfThreat(), epsilon=0.1)
