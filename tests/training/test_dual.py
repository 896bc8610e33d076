"""Multipliers: convex problems with known solutions, solved through the training loop; infeasible ones; symmetry."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

from fairtoll import FairtollError, ModelStack
from fairtoll.training import FitSettings, fit
from fairtoll.training.dual import (
    NO_RATE,
    NO_SLACK,
    ClosestWeights,
    Constraints,
    Multipliers,
    ceiling_constraints,
    gap_constraints,
)
from fairtoll.training.fit import cross_entropy

ROWS = 60
draw = np.random.default_rng(0)
GROUP = np.arange(ROWS) % 3 == 0
X = np.stack([draw.normal(size=ROWS), np.where(GROUP, 1.0, 0.0)], axis=1)
#: The minority's classes follow the feature the other way round: one slope cannot serve both.
Y = (X[:, 0] * np.where(GROUP, -1, 1) + 0.7 * draw.normal(size=ROWS) > 0).astype(int)
OF_GROUP = np.stack([~GROUP, GROUP])
MASKS = torch.from_numpy(OF_GROUP)
#: Only the minority's loss is bounded.
MINORITY = torch.tensor([[0.0, 1.0]], dtype=torch.float64)


def losses_of(theta):
    """Logistic loss of every row in closed form."""
    return np.logaddexp(0, -(X @ theta[:2] + theta[2]) * (2 * Y - 1))


def group_losses(theta):
    return np.array([losses_of(theta)[mask].mean() for mask in OF_GROUP])


def solved(bounds):
    """The least mean loss whose group losses are at most the bounds, by sequential quadratic programming."""
    found = minimize(
        lambda theta: losses_of(theta).mean(),
        np.zeros(3),
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda theta: np.asarray(bounds) - group_losses(theta)},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert found.success
    return found


def group_means(stack):
    x, y = torch.from_numpy(X), torch.from_numpy(Y).expand(len(stack), -1)
    with torch.no_grad():
        rows = nn.functional.cross_entropy(stack(x).flatten(0, 1), y.flatten(), reduction="none").view(y.shape)
    return torch.stack([rows[:, mask].mean(dim=1) for mask in MASKS], dim=1)


def train(constraints, *, models=1, epochs=1500, rate=0.5, settings=None):
    """Full-batch training of logistic regressions from zero, the multipliers moved after each step."""
    first = nn.Linear(2, 2)
    for parameter in first.parameters():
        nn.init.zeros_(parameter)
    stack = ModelStack([first] * models).to(dtype=torch.float64)
    multipliers, kept = Multipliers(models, constraints, rate=rate), ClosestWeights(constraints)
    share = MASKS.double() * (ROWS / MASKS.sum(dim=1, keepdim=True))

    def loss(stack, batch):
        return cross_entropy(stack, batch) * (1 + multipliers.pull @ share)[:, batch.positions[0]]

    def after_epoch(stack, epoch):
        means = group_means(stack)
        multipliers.ascend(means)
        if epoch >= epochs // 2:
            kept.offer(stack, means)

    fit(
        stack,
        torch.from_numpy(X),
        torch.from_numpy(Y),
        items=torch.arange(ROWS),
        seeds=[0] * models,
        settings=settings or FitSettings(epochs=epochs, batch_size=ROWS, learning_rate=0.02),
        loss=loss,
        after_epoch=after_epoch,
    )
    return stack, multipliers, kept


def mean_loss(stack):
    return float((group_means(stack)[0] * torch.from_numpy(OF_GROUP.mean(axis=1))).sum())


FREE = minimize(lambda theta: losses_of(theta).mean(), np.zeros(3), tol=1e-12)


def test_a_bound_on_a_group_is_met_at_the_least_mean_loss_and_the_multiplier_is_its_price():
    bound = group_losses(FREE.x)[1] - 0.15
    stack, multipliers, _ = train(Constraints(("the minority",), MINORITY, MINORITY, bound))
    reference = solved([10, bound])
    np.testing.assert_allclose(group_means(stack)[0], group_losses(reference.x), atol=2e-4)
    assert mean_loss(stack) == pytest.approx(reference.fun, abs=2e-4)
    assert mean_loss(stack) > FREE.fun + 1e-3
    # The envelope theorem: the multiplier is what a unit of the bound is worth.
    price = (solved([10, bound - 1e-3]).fun - solved([10, bound + 1e-3]).fun) / 2e-3
    assert float(multipliers.values[0, 0]) == pytest.approx(price, rel=0.02)


def test_a_ceiling_that_moves_ends_where_the_problem_with_its_last_place_is_solved():
    slack, free = 0.02, group_losses(FREE.x)
    assert free[0] - free.mean() > 2 * slack
    stack, multipliers, kept = train(ceiling_constraints(("majority", "minority"), slack=slack), epochs=1000)
    found = group_means(stack)[0].numpy()
    assert found[0] - found.mean() == pytest.approx(slack, abs=1e-3)
    reference = solved([found.mean() + slack] * 2)
    assert mean_loss(stack) == pytest.approx(reference.fun, abs=1e-3)
    assert multipliers.values[0, 1] == 0
    assert multipliers.values[0, 0] > 0
    assert kept.violations[0] < 1e-3


def test_with_room_to_spare_nothing_changes_bit_for_bit():
    free = ceiling_constraints(("majority", "minority"), slack=10.0)
    stack, multipliers, kept = train(free, epochs=50)
    assert not multipliers.values.any()
    assert not multipliers.pull.any()
    other = ModelStack([nn.Linear(2, 2)]).to(dtype=torch.float64)
    for parameter in other.parameters.values():
        parameter.zero_()
    fit(
        other,
        torch.from_numpy(X),
        torch.from_numpy(Y),
        items=torch.arange(ROWS),
        seeds=[0],
        settings=FitSettings(epochs=50, batch_size=ROWS, learning_rate=0.02),
        loss=lambda stack, batch: cross_entropy(stack, batch),
    )
    for name, tensor in other.parameters.items():
        assert torch.equal(tensor, stack.parameters[name])
    assert kept.violations[0] < 0


def test_what_cannot_be_met_has_a_multiplier_that_grows_and_the_closest_point():
    """No model of these features brings the minority's loss below its own optimum."""
    best = minimize(lambda theta: group_losses(theta)[1], np.zeros(3), tol=1e-10).fun
    bound = best - 0.1
    constraints = Constraints(("the minority",), MINORITY, MINORITY, bound)
    _, early, _ = train(constraints, epochs=500)
    _, late, kept = train(constraints, epochs=1000)
    assert late.values[0, 0] > 1.5 * early.values[0, 0]
    assert float(kept.violations[0]) == pytest.approx(0.1, abs=5e-3)
    assert kept.names == ["the minority"]


def test_equal_groups_have_equal_multipliers():
    multipliers = Multipliers(1, ceiling_constraints(("a", "b", "worse"), slack=0.0), rate=0.5)
    for worse in (0.9, 0.8, 0.5):
        multipliers.ascend(torch.tensor([[0.6, 0.6, worse]]))
        assert multipliers.values[0, 0] == multipliers.values[0, 1]
    gaps = Multipliers(1, gap_constraints(("a", "b", "better"), (0, 0, 0), slack=0.0), rate=0.5)
    gaps.ascend(torch.tensor([[0.6, 0.6, 0.9]]))
    assert gaps.pull[0, 0] == gaps.pull[0, 1] < 0 < gaps.pull[0, 2]


def test_models_have_their_own_multipliers():
    constraints = gap_constraints(("a", "b"), (0, 0), slack=0.1)
    means = torch.tensor([[0.9, 0.5], [0.5, 0.9], [0.7, 0.7]])
    together = Multipliers(3, constraints, rate=0.3)
    together.ascend(means)
    for member in range(3):
        alone = Multipliers(1, constraints, rate=0.3)
        alone.ascend(means[member : member + 1])
        assert torch.equal(alone.pull[0], together.pull[member])


def test_gaps_of_three_groups_by_hand():
    """0.9, 0.6 and 0.5 with slack 0.25: the first exceeds the second by 0.05 and the third by 0.15 too much."""
    constraints = gap_constraints(("a", "b", "c", "alone"), (0, 0, 0, 1), slack=0.25)
    means = torch.tensor([[0.9, 0.6, 0.5, 0.0]]).double()
    above = constraints.violations(means)[0].tolist()
    assert {name: round(one, 6) for name, one in zip(constraints.names, above, strict=True)} == {
        "a over b": 0.05,
        "a over c": 0.15,
        "b over a": -0.55,
        "b over c": -0.15,
        "c over a": -0.65,
        "c over b": -0.35,
    }
    worst, which = constraints.worst(means)
    assert round(float(worst), 6) == 0.15
    assert constraints.names[int(which)] == "a over c"


def test_the_last_weights_that_meet_the_constraints_are_kept_else_the_closest():
    stack = ModelStack([nn.Linear(1, 1, bias=False)] * 2)
    kept = ClosestWeights(gap_constraints(("a", "b"), (0, 0), slack=0.25))
    for weight, gaps in [(1.0, (0.5, 0.25)), (2.0, (0.375, 0.0)), (3.0, (1.0, 0.5))]:
        stack.parameters["weight"] = torch.full((2, 1, 1), weight)
        kept.offer(stack, torch.tensor([[gap, 0.0] for gap in gaps]).double())
    kept.restore(stack)
    assert stack.parameters["weight"].flatten().tolist() == [2.0, 2.0]
    assert kept.violations.tolist() == [0.125, -0.25]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gap_constraints(("a", "b"), (0, 0), slack=-0.1), NO_SLACK.format(slack=-0.1)),
        (lambda: ceiling_constraints(("a", "b"), slack=float("nan")), NO_SLACK.format(slack=float("nan"))),
        (
            lambda: Multipliers(1, gap_constraints(("a", "b"), (0, 0), slack=0.1), rate=0.0),
            NO_RATE.format(rate=0.0),
        ),
        (
            lambda: gap_constraints(("a", "b"), (0, 1), slack=0.1),
            "there are no two groups to compare among a, b; expected two or more; choose a partition with more groups",
        ),
        (
            lambda: ceiling_constraints(("a",), slack=0.1),
            "there are no two groups to compare among a; expected two or more; choose a partition with more groups",
        ),
    ],
)
def test_what_is_no_constraint(call, message):
    with pytest.raises(FairtollError) as raised:
        call()
    assert str(raised.value) == message
