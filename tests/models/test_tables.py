"""Rows of numbers decoded to the table they came from, and models of that table as modules."""

import numpy as np
import pandas as pd
import pytest
import torch

from fairtoll import FairtollError
from fairtoll.data import Dataset, load_frame
from fairtoll.models import TableModel, as_models, decode, prepare

FRAME = pd.DataFrame(
    {
        "age": [30, 41, 52, 63, 30],
        "wage": [1.1, -2.52, 3.0, 0.001, 123.456],
        "job": ["nurse", "Clerk", "nurse", "driver", "clerk"],
        "owner": [True, False, False, True, True],
        "grade": [3, 1, 2, 3, 1],
        "paid": ["yes", "no", "no", "yes", "no"],
    }
)


def load(frame=FRAME, **options):
    return load_frame(frame, **({"label": "paid", "categories": {"grade": ["1", "2", "3"]}} | options))


def test_a_table_is_decoded_to_itself():
    rows = load()
    found = decode(rows.x, rows.features)
    expected = FRAME.drop(columns="paid")
    assert found.astype({"job": "str"}).equals(expected.astype({"job": "str"}))
    assert [found[name].dtype.kind for name in found] == ["i", "f", "O", "b", "i"]


def test_missing_values_come_back_as_nan_and_the_rows_stay_finite():
    frame = FRAME.astype({"owner": object})
    for place, column in enumerate(["age", "wage", "job", "owner"]):
        frame.loc[place, column] = None
    rows = load(frame, missing="keep")
    assert np.isfinite(rows.x).all()
    found = decode(rows.x, rows.features)
    assert found.isna().equals(frame.drop(columns="paid").isna())
    pd.testing.assert_frame_equal(
        found.fillna({"job": "", "owner": ""}), frame.drop(columns="paid").fillna({"job": "", "owner": ""}),
        check_dtype=False,
    )  # fmt: skip
    assert [one.integer for one in rows.features] == [True, False, True, True, True]
    for feature, column in zip(rows.features, rows.x.T, strict=True):
        there = column[~found[feature.name].isna()]
        assert there.min() >= feature.low
        assert there.max() <= feature.high
        assert feature.missing is None or not feature.low <= feature.missing <= feature.high
    again = load(frame.iloc[::-1], like=rows, missing="keep")
    np.testing.assert_array_equal(again.x, rows.x[::-1])


def test_what_missing_values_cannot_do():
    empty = FRAME.assign(age=[30, None, 52, 63, 30])
    rows = load(empty, missing="keep")
    with pytest.raises(FairtollError, match=r"keep them with missing='keep' \(--missing keep\) if the models"):
        load(empty)
    with pytest.raises(
        FairtollError, match="column 'age' has missing values in 1 rows and the training rows have none"
    ):
        load(empty, like=load(), missing="keep")
    with pytest.raises(FairtollError, match=r"'paid'; expected none; drop or fill them first$"):
        load(FRAME.assign(paid=["yes", None, "no", "no", "no"]), missing="keep")
    with pytest.raises(FairtollError, match="'job'; expected none; drop or fill"):
        load(FRAME.assign(job=[None, *FRAME["job"][1:]]), groups=["job"], features=["age"], missing="keep")
    with pytest.raises(FairtollError, match="column 'age' has no value in any row"):
        load(FRAME.assign(age=np.nan), missing="keep")
    with pytest.raises(FairtollError, match="missing is 'drop'; expected 'refuse' or 'keep'"):
        load(missing="drop")
    code = rows.features[0].missing
    with pytest.raises(FairtollError, match="column 'age' holds -300, which means a missing value"):
        load(FRAME.assign(age=[code, None, 52, 63, 30]), like=rows, missing="keep")


def test_a_network_of_numbers_is_refused_before_it_reads_a_missing_value():
    rows = load(FRAME.assign(age=[30, None, 52, 63, 30]), missing="keep")
    with pytest.raises(FairtollError, match=r"arm 'a' holds a model that is given numbers alone, .* missing .* 'age'"):
        as_models(torch.nn.Linear(5, 2), name="a", schema=rows.schema)


def test_numbers_are_the_decimals_that_were_loaded():
    values = np.round(np.random.default_rng(0).normal(scale=50, size=2000), 3)
    rows = load_frame(pd.DataFrame({"a": values, "y": np.arange(2000) % 2}), label="y")
    np.testing.assert_array_equal(decode(rows.x, rows.features)["a"], values)


def test_codes_that_no_category_has():
    rows = load()
    x = rows.x.copy()
    x[0, 2] = 9
    with pytest.raises(FairtollError, match="a row has the code 9 in 'job', which has 4 categories; expected 0 to 3"):
        decode(x, rows.features)
    with pytest.raises(FairtollError, match=r"expected \(5, 5\), one feature each"):
        decode(rows.x[:, :3], rows.features)


def test_a_whole_number_that_was_rounded_is_whole_and_a_fraction_stays_one():
    rows = load()
    x = rows.x.copy()
    x[:, 0] = np.nextafter(x[:, 0], np.float32(0))
    assert decode(x, rows.features)["age"].tolist() == FRAME["age"].tolist()
    x[0, 0] = 30.5
    assert decode(x, rows.features)["age"][0] == 30.5


# Functions


def scores_of_table(rows: pd.DataFrame):
    assert rows["job"].isin(FRAME["job"]).all()
    return np.stack([rows["age"] / 100, 1 - rows["age"] / 100], axis=1)


def test_a_function_is_given_the_array_or_the_table_it_asks_for():
    rows = load()
    expected = np.stack([FRAME["age"] / 100, 1 - FRAME["age"] / 100], axis=1)
    for given in (scores_of_table, lambda x: np.stack([x[:, 0] / 100, 1 - x[:, 0] / 100], axis=1)):
        [model] = as_models(given, name="a", schema=rows.schema)
        np.testing.assert_allclose(model(torch.from_numpy(rows.x)), expected)
        prepared = prepare(model, torch.from_numpy(rows.x), gradients=False)
        assert prepared.probed.output == "probabilities"


def test_a_function_of_images_is_given_images():
    def scores(x):
        assert x.shape[1:] == (1, 4, 4)
        return x.reshape(len(x), -1)[:, :3]

    images = Dataset(np.random.default_rng(0).normal(size=(6, 1, 4, 4)), [0, 1, 2, 0, 1, 2], ("a", "b", "c"))
    [model] = as_models(scores, name="a", schema=images.schema)
    assert model(torch.from_numpy(images.x)).shape == (6, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda x: np.zeros(len(x), dtype=int), "the function returned int64 for .* rows, such as labels"),
        (lambda x: np.array(["a"] * len(x)), "such as labels"),
        (lambda x: 1 / 0, r"the model fails on 4 rows \(division by zero\)"),
    ],
)
def test_a_function_that_scores_nothing(given, message):
    with pytest.raises(FairtollError, match=message) as raised:
        as_models(given, name="a", schema=load().schema)
    assert "\n" not in str(raised.value)


def test_no_gradient_is_found_before_the_work():
    model = TableModel(lambda rows: np.stack([rows[:, 0], -rows[:, 0]], axis=1))
    with pytest.raises(FairtollError, match="no gradient"):
        prepare(model, torch.randn(5, 2))
