"""CAPGD and the default union inside a threat to a table: closed forms, relations kept, which attacks are run."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, FairtollWarning, LinfThreat
from fairtoll.attacks import CAPGD, PGD, RandomNoise, TableSearch, Union, attack_named, union
from fairtoll.data import Dataset, Feature
from fairtoll.threats import table_threat

HOMES = ("home_a", "home_b", "home_c")


def table(count=200, seed=0):
    """Four numbers that a relation ties, a category and a one-hot group."""
    draw = np.random.default_rng(seed)
    income, term = draw.uniform(10, 100, count), draw.integers(6, 60, count)
    loan = draw.uniform(0, 1, count) * 4 * income
    x = np.column_stack(
        [income, loan, term, loan / term, draw.integers(0, 3, count), np.eye(3)[draw.integers(0, 3, count)]]
    ).astype(np.float32)
    x[:, 3] = (x[:, 1].astype(np.float64) / x[:, 2]).astype(np.float32)
    features = (
        Feature("income", "continuous", False, 0, 120, "euro"),
        Feature("loan", "continuous", False, 0, 500, "euro"),
        Feature("term", "continuous", True, 6, 60, "months"),
        Feature("rate", "continuous", False, 0, 100, "euro a month"),
        Feature("job", "categorical", True, 0, 2, "code", ("a", "b", "c")),
        *(Feature(name, "continuous", True, 0, 1, "flag") for name in HOMES),
    )
    return Dataset(x, np.zeros(count, dtype=int), ("no", "yes"), features=features)


ROWS = table()
X = torch.from_numpy(ROWS.x)
RELATIONS = ["loan <= income * 4", "rate == loan / term", "if job == 'c' then home_a == 0"]


class Scores(nn.Module):
    """Linear in the numbers and the one-hot columns, with an amount for each job."""

    def __init__(self, weights, jobs=(0.0, 0.0, 0.0), bias=0.0):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float32))
        self.jobs, self.bias = torch.tensor(jobs), bias

    def forward(self, x):
        numbers = torch.cat([x[:, :4], x[:, 5:]], dim=1)
        score = numbers @ self.weights + self.jobs[x[:, 4].detach().long()] + self.bias
        return torch.stack([-score, score], dim=1)


def attack(spec, model, threat, epsilon, x=X, seed=0):
    labels = torch.zeros(len(x), dtype=torch.int64)
    return spec(model, x, labels, threat=threat, epsilon=epsilon, generator=torch.Generator().manual_seed(seed))


def test_closed_form_where_nothing_ties_the_features():
    """Numbers to their ends, the best member of the group, the best job: what one linear score can reach."""
    weights = [0.02, -0.01, 0.0, 0.0, 0.3, -0.2, 0.7]
    jobs, epsilon = (0.1, 0.9, -0.5), 0.3
    threat = table_threat(ROWS, mutable=["income", "loan", "job", "home"])
    x, spread = ROWS.x.astype(np.float64), ROWS.x.std(axis=0, dtype=np.float64)
    reach = 0.02 * np.minimum(x[:, 0] + epsilon * spread[0], 120) - 0.01 * np.maximum(x[:, 1] - epsilon * spread[1], 0)
    reach += 0.9 + 0.7
    bias = -float(np.median(reach))
    model = Scores(weights, jobs, bias)
    found = attack(CAPGD(), model, threat, epsilon)
    clear = np.abs(reach + bias) > 1e-4
    assert (found.success.numpy() == (reach + bias > 0))[clear].all()
    assert 60 < found.success.sum() < 140
    only_gradients = attack(CAPGD(queries=0), Scores(weights, (0.9, 0.9, 0.9), bias), threat, epsilon)
    assert (only_gradients.success.numpy() == (reach + bias > 0))[clear].all()


@pytest.mark.parametrize("cost_norm", ["max", "sum"])
@pytest.mark.parametrize(
    "spec",
    [CAPGD(), CAPGD(steps=5, queries=0), TableSearch(200), RandomNoise(), Union(steps=10, restarts=1, queries=60)],
)
def test_relations_are_kept_and_what_is_found_is_misclassified(spec, cost_norm):
    costs = {"job": 0.1, "home": 0.2, "rate": 0.0}
    threat = table_threat(ROWS, mutable="all", relations=RELATIONS, costs=costs, cost_norm=cost_norm)
    model = Scores([0.02, 0.01, -0.02, 0.3, 0.3, -0.2, 0.7], (0.1, 0.9, -0.5), -6.0)
    found = attack(spec, model, threat, 0.5)
    assert threat.admits(X, found.perturbed, 0.5).all()
    assert threat.violated(found.perturbed)["loan <= income * 4"] == 0
    x = found.perturbed.double()
    assert ((x[:, 3] - x[:, 1] / x[:, 2]).abs() <= 1e-6 * x[:, 3].abs()).all()
    assert not ((x[:, 4] == 2) & (x[:, 5] == 1) & ~((X[:, 4] == 2) & (X[:, 5] == 1))).any()
    with torch.no_grad():
        assert torch.equal(model(found.perturbed).argmax(dim=1) != 0, found.success)
    clean = (model(X).argmax(dim=1) != 0).sum()
    assert clean < found.success.sum() < len(X)


def test_the_gradient_finds_what_few_scores_do_not():
    """Forty numbers that all must move, each a little."""
    torch.manual_seed(0)
    features = tuple(Feature(f"f{k}", "continuous", False, -9, 9, "") for k in range(40))
    x = torch.randn(100, 40)
    rows = Dataset(x.numpy(), np.zeros(100, dtype=int), ("no", "yes"), features=features)
    threat = table_threat(rows, relations=["f0 + f1 <= f2 + f3 + 9"])
    model = nn.Sequential(nn.Linear(40, 32), nn.Tanh(), nn.Linear(32, 2))
    with torch.no_grad():
        labels = model(x).argmax(dim=1)
    shared = {"threat": threat, "epsilon": 0.3}
    by_gradient, by_scores = (
        spec(model, x, labels, **shared, generator=torch.Generator().manual_seed(0)).success.sum()
        for spec in (CAPGD(restarts=1, queries=0), TableSearch(60))
    )
    assert by_gradient > by_scores


def test_which_attacks_the_default_union_runs():
    threat = table_threat(ROWS, mutable=["income", "job"])
    numbers = table_threat(ROWS, mutable=["income", "loan"])
    with_gradient = Scores([0.0] * 7)

    class Without(nn.Module):
        def forward(self, x):
            return with_gradient(x).detach()

    y = torch.zeros(len(X), dtype=torch.int64)
    generator = torch.Generator()
    shared = {"epsilon": 0.1, "generator": generator, "queries": 20, "steps": 5, "restarts": 1}
    assert union(with_gradient, X, y, threat=threat, **shared).attacks == ["capgd", "table_search"]
    assert union(with_gradient, X, y, threat=threat, **shared, scores_only=True).attacks == ["table_search"]
    by_scores = ["grid", "table_search", "square"]
    assert union(with_gradient, X, y, threat=numbers, **shared, scores_only=True).attacks == by_scores
    with pytest.warns(FairtollWarning, match="no gradient in its input: the attacks use scores only"):
        assert union(Without(), X, y, threat=numbers, **shared).attacks == by_scores
    images = torch.zeros(2, 3, 4, 4)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    found = union(model, images, y[:2], threat=LinfThreat(), **shared, scores_only=True)
    assert found.attacks == ["square", "square_of_pixels", "square_again"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CAPGD(queries=-1), "queries is -1; expected 0 or more"),
        (lambda: CAPGD(steps=0), "steps is 0"),
        (lambda: Union(scores_only=True, queries=0), "queries is 0 and scores are all that is used"),
        (lambda: Union([PGD()], scores_only=True), "scores_only is True, and pgd-50 needs gradients"),
    ],
)
def test_settings_that_cannot_be(make, message):
    with pytest.raises(FairtollError, match=message):
        make()


def test_what_cannot_be_attacked():
    threat = table_threat(ROWS, mutable=["income", "job"])
    with pytest.raises(FairtollError, match=r"the threat is a TableThreat, and this attack .*Union.. or TableSearch"):
        attack(PGD(), Scores([0.0] * 7), threat, 0.1)
    with pytest.raises(FairtollError, match="CAPGD needs a table"):
        attack(CAPGD(), nn.Flatten(), LinfThreat(), 0.1, x=torch.zeros(2, 1, 2))
    with pytest.raises(FairtollError, match=r"expected .rows, 8., a column for each feature"):
        attack(CAPGD(), Scores([0.0] * 7), threat, 0.1, x=X[:, :7])


def test_names():
    for spec in (CAPGD(), CAPGD(steps=10, restarts=1), TableSearch(50), Union(scores_only=True)):
        assert attack_named(spec.name) == spec
    assert Union([TableSearch()]).scores_only
    assert not Union([TableSearch(), PGD()]).scores_only
