"""The threat of a table: what may move by default, by how much, and what may not be moved apart."""

import numpy as np
import pandas as pd
import pytest
import torch

from fairtoll import FairtollError
from fairtoll.attacks import pgd
from fairtoll.data import Dataset, load_adult, load_frame
from fairtoll.threats import movable, table_threat

GENERATOR = np.random.default_rng(0)
ROWS = 300
JOB = GENERATOR.integers(3, size=ROWS)
FRAME = pd.DataFrame(
    {
        "age": GENERATOR.integers(18, 90, size=ROWS),
        "wage": GENERATOR.gamma(2.0, 800.0, size=ROWS),
        "sex": GENERATOR.integers(2, size=ROWS),
        "region": np.array(["n", "s", "w"])[GENERATOR.integers(3, size=ROWS)],
        "owner": GENERATOR.integers(2, size=ROWS),
        "member": GENERATOR.random(ROWS) < 0.5,
        **{f"job_{name}": (place == JOB).astype(int) for place, name in enumerate("abc")},
        "batch": 7,
        "paid": np.array(["no", "yes"])[GENERATOR.integers(2, size=ROWS)],
    }
)
FEATURES = list(FRAME.columns[:-1])


def rows(groups=("sex",), features=FEATURES, frame=FRAME):
    return load_frame(frame, label="paid", groups=groups, features=features)


def test_numbers_alone_may_move():
    assert movable(rows()) == ["age", "wage"]
    assert movable(rows(groups=["sex", "age"])) == ["wage"]
    threat = table_threat(rows())
    assert [name for name, moves in zip(FEATURES, threat.mutable.tolist(), strict=True) if moves] == ["age", "wage"]


def test_scale_and_box_are_those_of_the_rows_given():
    threat = table_threat(rows())
    expected = FRAME[["age", "wage"]].std(ddof=0).to_numpy()
    np.testing.assert_allclose(threat.scale[:2].numpy(), expected, rtol=1e-6)
    low, high = threat.box
    np.testing.assert_allclose(low[:2].numpy(), FRAME[["age", "wage"]].min(), rtol=1e-6)
    np.testing.assert_allclose(high[:2].numpy(), FRAME[["age", "wage"]].max(), rtol=1e-6)
    assert threat.integer[:2].tolist() == [True, False]


def test_of_the_training_rows_where_both_are_at_hand():
    """Fifty rows within a narrow band are attacked as far as the three hundred spread."""
    narrow = FRAME[(FRAME["age"] > 40) & (FRAME["age"] < 60)].head(50)
    train = rows()
    test = load_frame(narrow, label="paid", groups=["sex"], like=train)
    assert test.features == train.features
    assert table_threat(train).scale[0] > 3 * narrow["age"].std()


def test_nothing_protected_and_no_code_changes_under_attack():
    data = rows()
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(len(FEATURES), 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    moved = pgd(model, x, y, threat=table_threat(data), epsilon=2.0, steps=20, stop_at_success=False).perturbed
    changed = (moved != x).any(dim=0)
    assert [name for name, one in zip(FEATURES, changed.tolist(), strict=True) if one] == ["age", "wage"]
    assert torch.equal(moved[:, 0], moved[:, 0].round())


def test_what_is_named_may_move():
    for name in ("sex", "owner", "region", "member"):
        assert table_threat(rows(), mutable=[name]).mutable.tolist() == [one == name for one in FEATURES]


@pytest.mark.parametrize("columns", [["job_a"], ["job_c", "job_b"], ["age", "job_b"]])
def test_one_hot_columns_do_not_move_apart(columns):
    with pytest.raises(FairtollError, match="of job_a, job_b, job_c each row has one"):
        table_threat(rows(), mutable=columns)


@pytest.mark.parametrize("mark", ["_", "=", ".", ":"])
def test_one_hot_columns_under_other_names(mark):
    names = {f"job_{one}": f"my_job{mark}{one}" for one in "abc"}
    data = rows(frame=FRAME.rename(columns=names), features=["age", *names.values()])
    with pytest.raises(FairtollError, match="each row has one"):
        table_threat(data, mutable=list(names.values())[:1])
    assert table_threat(data).mutable.tolist() == [True, False, False, False]


def test_indicators_that_are_no_one_hot_columns():
    """Two of a row, or none, is possible here."""
    frame = FRAME.assign(likes_a=FRAME["owner"], likes_b=FRAME["sex"])
    data = rows(frame=frame, features=["age", "likes_a", "likes_b"], groups=[])
    assert table_threat(data, mutable=["likes_a"]).mutable.tolist() == [False, True, False]


@pytest.mark.parametrize("codes", [(0, 1), (1, 2), (-1, 1), (8, 9)])
def test_indicators_in_other_codes(codes):
    """A sex that is 1 or 2 does not move either; a set of one-hot columns is one in every coding."""
    low, high = codes
    indicators = ("sex", "owner", "job_a", "job_b", "job_c")
    frame = FRAME.assign(**{name: FRAME[name] * (high - low) + low for name in indicators})
    assert movable(rows(frame=frame, groups=[])) == ["age", "wage"]
    with pytest.raises(FairtollError, match="of job_a, job_b, job_c each row has one"):
        table_threat(rows(frame=frame), mutable=["job_b"])


@pytest.mark.parametrize("codes", [(0, 1), (1, 2), (-1, 1)])
@pytest.mark.parametrize("kind", [int, float])
def test_an_indicator_that_is_named_moves_from_one_code_to_the_other(codes, kind):
    """As a CSV file may have it, 0.0 and 1.0, too; the mean of both is no value of it."""
    low, high = codes
    frame = FRAME.assign(owner=(FRAME["owner"] * (high - low) + low).astype(kind))
    data = rows(frame=frame, features=["age", "owner"], groups=[])
    threat = table_threat(data, mutable=["age", "owner"])
    x = torch.from_numpy(data.x)
    far = (high - low) / float(frame["owner"].std(ddof=0))
    wanted = x + torch.from_numpy(np.random.default_rng(0).normal(scale=3, size=x.shape).astype(np.float32))
    for epsilon, values in ((0.9 * far, {float(x[0, 1])}), (1.1 * far, {float(low), float(high)})):
        first = threat.confine(x[:1].expand(len(x), -1), wanted, epsilon)[:, 1]
        assert set(first.tolist()) == values
        assert threat.admits(x, threat.confine(x, wanted, epsilon), epsilon).all()
    between = x.clone()
    between[:, 1] = (low + high) / 2
    assert not threat.admits(x, between, 9.0).any()
    # A range that is given is the caller's word.
    wide = table_threat(data, mutable=["age", "owner"], ranges={"owner": (low, high)})
    assert wide.admits(x, between, 9.0).all() == (kind is float or codes == (-1, 1))


def test_two_values_that_are_no_codes():
    frame = FRAME.assign(owner=FRAME["owner"] * 40 + 20, sex=FRAME["sex"] * 0.5)
    assert movable(rows(frame=frame, groups=[])) == ["age", "wage", "sex", "owner"]


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (rows(), {"mutable": ["wages"]}, "unknown feature wages; did you mean wage. the features are age, wage, sex"),
        (rows(), {"mutable": ["batch"]}, "batch may move by no more than 0: every row has the same value"),
        (rows(), {"mutable": []}, "no feature may move: age, wage, .* name those that may with mutable"),
        (rows(features=["sex", "region"]), {}, "no feature may move: sex, region are protected, codes"),
        (Dataset(np.zeros((2, 3)), [0, 1], ("no", "yes")), {}, "these rows have no features with names"),
    ],
)
def test_a_threat_that_cannot_be_made(given, options, message):
    with pytest.raises(FairtollError, match=message):
        table_threat(given, **options)


def test_adult_has_the_six_continuous_attributes_of_the_paper():
    train = load_adult().train
    assert movable(train) == [one.name for one in train.features if one.kind == "continuous"]
