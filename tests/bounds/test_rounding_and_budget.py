"""What is left open: rows whose margin the model's rounding decides, and rows whose budget is spent."""

import math

import pytest
import torch
from small_networks import dense, predicted, rows_of
from torch import nn

from fairtoll import LinfThreat
from fairtoll.bounds import Proof, certified_epsilon, prove


def narrow(margin, *, dtype=torch.float32, width=0):
    """A network whose margin for class 0 is `margin` everywhere but for its rounding, between numbers of order 1."""
    hidden = nn.Linear(2, 4)
    hidden.weight.data = torch.tensor([[1.0, 0.3], [-0.7, 0.2], [0.1, -0.9], [0.4, 0.4]])
    hidden.bias.data = torch.full((4,), 2.5)
    last = nn.Linear(4, 2)
    weight = torch.tensor([0.31, 0.57, -0.43, 0.77], dtype=torch.float64)
    last.weight.data = torch.stack([weight, weight])
    last.bias.data = torch.tensor([margin, 0.0], dtype=torch.float64)
    model = nn.Sequential(hidden, nn.ReLU(), last)
    return model.to(dtype)


X = torch.tensor([[0.2, -0.1], [0.5, 0.4]])
Y = torch.zeros(2, dtype=torch.int64)


def test_a_margin_of_a_billionth_is_within_rounding_in_single_precision():
    proof = prove(narrow(1e-9), X, Y, threat=LinfThreat(), epsilon=0.5)
    assert proof.outcome(0.5) == ["within rounding"] * 2 or proof.outcome(0.5) == ["broken"] * 2
    certified = certified_epsilon(narrow(1e-9), X, Y, threat=LinfThreat(), epsilon_max=0.5)
    assert (certified.epsilon == 0).all()
    assert certified.within_rounding.all()


def test_the_same_margin_is_proved_in_double_precision():
    proof = prove(narrow(1e-9, dtype=torch.float64), X.double(), Y, threat=LinfThreat(), epsilon=0.5)
    assert proof.outcome(0.5) == ["proved"] * 2
    certified = certified_epsilon(
        narrow(1e-9, dtype=torch.float64), X.double(), Y, threat=LinfThreat(), epsilon_max=0.5
    )
    assert (certified.epsilon == 0.5).all()
    assert not certified.within_rounding.any()


def test_a_margin_of_a_thousandth_is_proved_in_single_precision():
    assert prove(narrow(1e-3), X, Y, threat=LinfThreat(), epsilon=0.5).outcome(0.5) == ["proved"] * 2
    assert (certified_epsilon(narrow(1e-3), X, Y, threat=LinfThreat(), epsilon_max=0.5).epsilon == 0.5).all()


def test_rows_the_rounding_does_not_decide_are_not_counted_as_such():
    model, x = dense((2, 8, 8, 2), 3, size=2.5), rows_of(40, (2,), seed=4)
    proof = prove(model, x, predicted(model, x), threat=LinfThreat(), epsilon=0.3)
    assert not proof.within_rounding.any()
    assert set(proof.outcome(0.3)) == {"broken", "proved"}


@pytest.mark.parametrize("tolerance", [None, 0.01])
def test_what_a_spent_budget_leaves_is_still_proved(tolerance):
    model, x = dense((3, 12, 12, 3), 6, size=2.5, kind="tanh"), rows_of(40, (3,), seed=7)
    y, threat = predicted(model, x), LinfThreat()
    whole = prove(model, x, y, threat=threat, epsilon=0.4, tolerance=tolerance)
    part = prove(model, x, y, threat=threat, epsilon=0.4, tolerance=tolerance, boxes=40)
    assert part.boxes.sum() < whole.boxes.sum()
    # Nothing that is proved with less is refuted with more.
    assert (part.low <= whole.high).all()
    assert (part.low <= part.high).all()
    if tolerance is None:
        assert "unknown" in part.outcome(0.4)
        assert "unknown" not in whole.outcome(0.4)
        both = [(one, other) for one, other in zip(part.outcome(0.4), whole.outcome(0.4), strict=True)]
        assert all(one in (other, "unknown") for one, other in both)
    open_rows = (part.low < part.high.clamp(max=0.4) - (tolerance or 0) - 1e-9) & part.high.isinf()
    assert open_rows.any()
    # Nearer boxes come first, so that of an open row something is proved.
    assert (part.low[open_rows] > 0).all()


def test_the_number_of_boxes_is_kept():
    model, x = dense((3, 12, 12, 3), 6, size=2.5, kind="tanh"), rows_of(10, (3,), seed=7)
    proof = prove(model, x, predicted(model, x), threat=LinfThreat(), epsilon=0.4, boxes=5)
    assert (proof.boxes >= 1).all()
    # The boxes that are open when the last one of the budget is bounded are bounded with it.
    assert (proof.boxes <= 200).all()


def test_a_misclassified_row_is_broken_at_zero():
    model, x = dense((2, 8, 2), 3), rows_of(6, (2,), seed=4)
    y = 1 - predicted(model, x)
    for tolerance in (None, 0.1):
        proof = prove(model, x, y, threat=LinfThreat(), epsilon=0.3, tolerance=tolerance)
        assert proof.high.tolist() == proof.low.tolist() == [0.0] * 6
        assert torch.equal(proof.perturbed, x)
    certified = certified_epsilon(model, x, y, threat=LinfThreat(), epsilon_max=0.3)
    assert certified.epsilon.tolist() == [0.0] * 6


def test_nothing_movable_means_the_row_itself():
    model, x = dense((2, 8, 2), 3), rows_of(6, (2,), seed=4)
    y = predicted(model, x)
    y[0] = 1 - y[0]
    proof = prove(model, x, y, threat=LinfThreat(mutable=[False, False]), epsilon=0.3)
    assert proof.outcome(0.3) == ["broken"] + ["proved"] * 5


def test_no_rows():
    model, none = dense((2, 8, 2), 3), torch.zeros(0, dtype=torch.int64)
    proof = prove(model, torch.zeros(0, 2), none, threat=LinfThreat(), epsilon=0.3)
    assert isinstance(proof, Proof)
    assert len(proof.low) == len(proof.outcome(0.3)) == 0
    assert len(certified_epsilon(model, torch.zeros(0, 2), none, threat=LinfThreat(), epsilon_max=0.3).epsilon) == 0


def test_an_outcome_at_a_smaller_radius():
    proof = Proof(
        torch.tensor([0.1, 0.3, 0.0, 0.1]).double(),
        torch.tensor([0.2, math.inf, 0.0, math.inf]).double(),
        torch.tensor([False, False, False, True]),
        torch.zeros(4, 1),
        torch.zeros(4, dtype=torch.int64),
        "exact",
    )
    assert proof.outcome(0.15) == ["unknown", "proved", "broken", "within rounding"]
    assert proof.outcome(0.05) == ["proved", "proved", "broken", "proved"]
