"""Making evidence of a part of the rows: the same outcomes as for all, under the rows' own numbers."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import PGD, Grid, LeastEpsilon, SuccessCurve, Union
from fairtoll.data import Dataset
from fairtoll.evidence import Arm, Attacked, Checks, Proofs, Target, Transfer, collect, craft

DATA = Dataset(np.random.default_rng(1).normal(size=(80, 3)), np.arange(80) % 2, ("low", "high"))
ROWS = np.random.default_rng(2).permutation(80)[:30]
WHOLE = Target(DATA, LinfThreat(), "audit")
SOME = Target(DATA, LinfThreat(), "audit", rows=ROWS)


def linear(seed):
    model = nn.Linear(3, 2)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


ARM = Arm("plain", [linear(0), linear(1)], [0, 1])


def least_radius(model):
    """The exact least epsilon of every row of a linear model of two classes: margin over the L1 norm, `(N,)`."""
    with torch.no_grad():
        logits, normal = model(WHOLE.x), model.weight[1] - model.weight[0]
        margin = (logits[:, 1] - logits[:, 0]) * (2 * WHOLE.y - 1)
        return (margin / normal.abs().sum()).clamp(min=0).numpy()


def test_a_target_of_some_rows():
    np.testing.assert_array_equal(SOME.numbers, ROWS)
    np.testing.assert_array_equal(SOME.x, DATA.x[ROWS])
    np.testing.assert_array_equal(SOME.y, DATA.y[ROWS])
    np.testing.assert_array_equal(WHOLE.numbers, np.arange(80))


@pytest.mark.parametrize(
    "measure",
    [
        Attacked(PGD(steps=10), [0.1, 0.3]),
        Attacked(SuccessCurve(steps=10), [0.1, 0.3]),
        Attacked(Union(restarts=1), [0.2]),
        Transfer(PGD(steps=1), [0.1], source="other"),
    ],
    ids=["pgd", "curve", "union", "transfer"],
)
def test_outcomes_keep_their_row_numbers(measure):
    def outcomes(target):
        examples = {0.1: [target.x + 0.1, target.x - 0.1]}
        found = collect(measure, ARM, target, examples=examples).attacks
        return found.set_index(["seed", "epsilon", "row"]).sort_index()["success"]

    some, whole = outcomes(SOME), outcomes(WHOLE)
    assert set(some.index.get_level_values("row")) == set(ROWS)
    # On linear models every one of these attacks is exact, so the other rows of a batch make no difference.
    assert some.equals(whole[whole.index.get_level_values("row").isin(ROWS)])


def test_attacked_predictions_keep_their_row_numbers():
    found = collect(Attacked(PGD(steps=5), [0.1], keep_probabilities_at=[0.1]), ARM, SOME)
    np.testing.assert_array_equal(found.predictions["row"], np.tile(ROWS, 2))


def test_checks_are_of_attacked_rows():
    found = collect(Checks([0.1], large_epsilon=10.0), ARM, SOME).attacks
    assert set(found["row"]) == set(ROWS)
    noise = found[(found["attack"] == "check-pgd-20") & (found["seed"] == 0)].set_index("row")["success"]
    broken = least_radius(ARM.models[0]) < 0.1
    assert noise.to_dict() == {row: broken[row] for row in ROWS}


def test_examples_are_crafted_at_every_radius_on_each_source_model():
    measure = Transfer(PGD(steps=20), [0.1, 0.3], source="plain")
    crafted = craft(measure, ARM, SOME)
    assert list(crafted) == [0.1, 0.3]
    for epsilon, sets in crafted.items():
        for model, rows in zip(ARM.models, sets, strict=True):
            # Of a linear model the worst input lies in the corner that the gradient's sign names, for every row.
            normal = (model.weight[1] - model.weight[0]).detach()
            corner = SOME.x - epsilon * (2 * SOME.y - 1).unsqueeze(1) * normal.sign()
            torch.testing.assert_close(rows, corner)
    found = collect(measure, ARM, SOME, examples=crafted).attacks
    assert set(found["attack"]) == {"pgd-20"}
    assert set(found["source_arm"]) == {"plain"}
    # On the models they were crafted on they are the strongest attack there is.
    for model, seed in ARM.pairs:
        broken = found[(found["seed"] == seed) & (found["epsilon"] == 0.3)]["success"].to_numpy()
        np.testing.assert_array_equal(broken, (least_radius(model) < 0.3)[ROWS])


def test_a_transfer_without_its_examples():
    with pytest.raises(FairtollError, match=r"no examples at radius 0.3; expected them at \(0.1, 0.3\)"):
        collect(Transfer(PGD(), [0.1, 0.3]), ARM, SOME, examples={0.1: [SOME.x, SOME.x]})


@pytest.mark.parametrize("target", [WHOLE, SOME], ids=["all", "some"])
def test_least_epsilon_of_linear_models_is_the_closed_form(target):
    largest = 0.6
    found = collect(Attacked(LeastEpsilon(0.001), [largest]), ARM, target).attacks
    for model, seed in zip(ARM.models, ARM.seeds, strict=True):
        one = found[found["seed"] == seed]
        np.testing.assert_array_equal(one["row"], target.numbers)
        exact = least_radius(model)[target.numbers]
        # Rows within the tolerance of the largest radius may be found or not.
        sure = np.abs(exact - largest) > 0.002
        np.testing.assert_array_equal(one["censored"][sure], exact[sure] > largest)
        np.testing.assert_allclose(one["least_epsilon"], np.minimum(exact, largest), atol=0.002)
        assert (one["least_epsilon"][exact == 0] == 0).all()
        assert 0 < one["censored"].sum() < len(one)
    assert set(found["loss"]) == {"margin"}


def test_least_epsilon_of_whole_numbers_goes_up_step_by_step():
    data = Dataset(np.round(DATA.x * 4), DATA.y, DATA.class_names)
    target = Target(data, LinfThreat(integer=[True] * 3), "audit")
    found = collect(Attacked(LeastEpsilon(0.5), [4.0]), Arm("plain", [linear(0)], [0]), target).attacks
    assert set(found["loss"]) == {"cross_entropy"}
    with torch.no_grad():
        logits, normal = linear(0)(target.x), linear(0).weight[1] - linear(0).weight[0]
        margin = (logits[:, 1] - logits[:, 0]) * (2 * target.y - 1)
    # A whole-number feature moves by whole numbers: the least radius is the margin over the L1 norm, rounded up.
    exact = np.ceil((margin / normal.abs().sum()).clamp(min=0).numpy())
    np.testing.assert_array_equal(found["least_epsilon"], np.minimum(exact, 4.0))
    np.testing.assert_array_equal(found["censored"], exact > 4)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"rows is of type float64 and shape \(0,\); expected row numbers"),
        ([[0, 1]], r"rows is of type int64 and shape \(1, 2\); expected row numbers"),
        ([0.0, 1.0], "rows is of type float64"),
        (np.arange(80) < 40, "rows is of type bool"),
        ([0, 80], "2 rows from 0 to 80, 2 of them different; expected different row numbers from 0 to 79"),
        ([-1, 3], "2 rows from -1 to 3"),
        ([3, 3], "2 rows from 3 to 3, 1 of them different"),
    ],
)
def test_rows_that_are_wrong(rows, message):
    with pytest.raises(FairtollError, match=message):
        Target(DATA, LinfThreat(), "audit", rows=rows)


def test_proofs_of_a_linear_model_are_its_closed_form():
    """Every row of a linear model is decided by its margin over the L1 norm, but for the rounding of the model."""
    for target, kept in ((WHOLE, np.arange(80)), (SOME, np.sort(ROWS))):
        found = collect(Proofs([0.3]), ARM, target).attacks
        assert set(found["evaluation"]) == {"proved"}
        assert set(found["attack"]) == {"proof"}
        for seed in (0, 1):
            part = found[found["seed"] == seed].set_index("row").loc[kept]
            radius = least_radius(ARM.models[seed])[kept]
            clear = np.abs(radius - 0.3) > 1e-5
            np.testing.assert_array_equal(part["success"][clear], radius[clear] <= 0.3)
            np.testing.assert_array_equal(part["proved"][clear] >= 0.3, radius[clear] > 0.3)


def test_proofs_of_a_sample_take_as_large_a_share_of_each_class():
    data = Dataset(np.random.default_rng(1).normal(size=(90, 3)), np.arange(90) % 3 // 2, ("low", "high"))
    found = collect(Proofs([0.3], rows=30), Arm("plain", [linear(0)], [0]), Target(data, LinfThreat(), "audit")).attacks
    assert np.bincount(data.y[found["row"]]).tolist() == [20, 10]
    again = collect(Proofs([0.3], rows=30), Arm("other", [linear(1)], [3]), Target(data, LinfThreat(), "audit")).attacks
    assert again["row"].tolist() == found["row"].tolist()
    with pytest.raises(FairtollError, match="rows is 0; expected 1 or more, or None for all"):
        Proofs([0.3], rows=0)


def test_least_epsilon_with_proof_brackets_the_closed_form():
    found = collect(Attacked(LeastEpsilon(0.01, proof=True), [2.0]), ARM, WHOLE).attacks
    for seed in (0, 1):
        part = found[found["seed"] == seed]
        radius = np.minimum(least_radius(ARM.models[seed]), 2.0)
        assert (part["proved"].to_numpy() <= radius + 1e-6).all()
        assert (part["least_epsilon"].to_numpy() >= radius - 1e-6).all()
        assert (part["least_epsilon"] - part["proved"] <= 0.011).all()


def test_what_the_search_leaves_censored_another_attack_starts():
    """The bump has no slope where the rows are: only an attack without gradients gets there."""

    class Bump(nn.Module):
        def forward(self, x):
            far = (x[:, 0].abs() > 0.5).float()
            return torch.stack([2 - 3 * far, torch.zeros_like(far)], dim=1) + 0 * x[:, :1]

    x, y = torch.zeros(6, 2), torch.zeros(6, dtype=torch.int64)
    how = {"threat": LinfThreat(), "epsilon": 1.0}
    alone = LeastEpsilon(0.01)(Bump(), x, y, **how)
    assert alone.censored.all()
    started = LeastEpsilon(0.01, start=Grid())(Bump(), x, y, **how)
    assert not started.censored.any()
    # Pulled back along the way to the corner that broke the row.
    assert started.least_epsilon.tolist() == pytest.approx([0.5] * 6, abs=1e-3)
    assert (started.low == 0).all()
