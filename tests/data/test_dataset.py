"""`Dataset` keeps what it is given, and refuses what is not a data set."""

import numpy as np
import pandas as pd
import pytest
import torch

from fairtoll import FairtollError
from fairtoll.data import Dataset, Feature

X, Y, NAMES = np.arange(6.0).reshape(3, 2), np.array([0, 1, 1]), ("no", "yes")
AGE = Feature("age", "continuous", integer=True, low=0, high=9, unit="years")


@pytest.mark.parametrize("convert", [np.asarray, list, torch.tensor, lambda array: pd.DataFrame(array).squeeze()])
def test_any_kind_of_array(convert):
    rows = Dataset(convert(X), convert(Y), NAMES, {"sex": pd.Series(["f", "m", "f"])})
    np.testing.assert_array_equal(rows.x, X)
    np.testing.assert_array_equal(rows.y, Y)
    assert (rows.x.dtype, rows.y.dtype, len(rows)) == (np.float32, np.int64, 3)
    assert rows.groups["sex"].tolist() == ["f", "m", "f"]


def test_taking_rows_keeps_their_order_and_all_that_belongs_to_them():
    rows = Dataset(X, Y, NAMES, {"sex": ["f", "m", "x"]}, (AGE, AGE), "mine")
    some = rows.take(np.array([2, 0, 2]))
    assert some.x.tolist() == X[[2, 0, 2]].tolist()
    assert some.y.tolist() == [1, 0, 1]
    assert some.groups["sex"].tolist() == ["x", "f", "x"]
    assert (some.features, some.name, some.class_names) == ((AGE, AGE), "mine", NAMES)


def test_images_are_rows_too():
    assert Dataset(np.zeros((3, 1, 4, 4)), Y, NAMES).x.shape == (3, 1, 4, 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y": Y[:2]}, r"x has shape \(3, 2\) and y \(2,\)"),
        ({"y": Y[:, None]}, "expected \\(rows, ...\\) and \\(rows,\\)"),
        ({"x": X[:0], "y": Y[:0]}, "at least one row"),
        ({"x": X[:, 0]}, r"x has shape \(3,\)"),
        ({"x": np.float64(3)}, r"x has shape \(\)"),
        ({"x": np.where(X == 3, np.nan, X)}, "row 1 of x holds NaN or infinity"),
        ({"x": np.where(X == 4, np.inf, X)}, "row 2 of x"),
        ({"x": np.where(X == 4, 1e300, X)}, "row 2 of x holds NaN or infinity"),
        ({"x": [["a", "b"]] * 3}, "x cannot be read as numbers"),
        ({"x": [[1, 2], [3, 4], [5, 16777217]]}, "x holds 16777217, which float32 turns into 16777216"),
        ({"x": np.int64(X) - 2**30 - 1}, "x holds -1073741825"),
        ({"x": np.uint32(X) + np.uint32(2**24)}, "x holds 16777217"),
        ({"y": Y + 1}, "labels run from 1 to 2; expected integers 0 to 1"),
        ({"y": Y - 1}, "labels run from -1 to 0"),
        ({"y": Y / 1.0}, "labels are of type float64; expected integers"),
        ({"y": Y == 1}, "labels are of type bool"),
        ({"y": np.array(["no", "yes", "yes"])}, "labels are of type <U3; expected integers"),
        ({"class_names": ("no",)}, "expected integers 0 to 0"),
        ({"groups": {"sex": ["f", "m"]}}, "attribute 'sex' has 2 values for 3 rows"),
        ({"groups": {"sex": "f"}}, r"attribute 'sex' has shape \(\)"),
        ({"features": (AGE,)}, r"1 features for rows of shape \(2,\)"),
    ],
)
def test_what_is_no_data_set(given, message):
    with pytest.raises(FairtollError, match=message):
        Dataset(**({"x": X, "y": Y, "class_names": NAMES} | given))


SEX = pd.Series(["f", "m", "f"], index=[5, 6, 7])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"groups": {"sex": ["f", None, "m"]}}, "attribute 'sex' has missing or infinite entries, the first in row 1"),
        (
            {"groups": {"sex": [1.0, 2.0, np.nan]}},
            "attribute 'sex' has missing or infinite entries, the first in row 2",
        ),
        ({"groups": {"sex": pd.array([True, None, False], dtype="boolean")}}, "attribute 'sex' has missing"),
        ({"groups": {"sex": [1, "1", 2]}}, "attribute 'sex' holds both 1 and '1', which cannot be distinguished"),
        ({"groups": {"sex": [True, 1, 2]}}, "attribute 'sex' holds both True and 1"),
        ({"groups": {"class": ["f", "m", "f"]}}, "an attribute is called 'class', which has another meaning"),
        ({"groups": {"row": ["f", "m", "f"]}}, "an attribute is called 'row'"),
        ({"groups": {"label": ["f", "m", "f"]}}, "an attribute is called 'label'"),
        ({"groups": {0: ["f", "m", "f"], "0": ["f", "m", "f"]}}, "an attribute's name holds both 0 and '0'"),
        ({"class_names": ("no", "no")}, "a class is named 'no' more than once"),
        ({"class_names": (1, "1")}, "a class's name holds both 1 and '1'"),
        ({"class_names": ("no", None)}, "a class is called None"),
        ({"class_names": "ab"}, "the names of a class are given as 'ab'; expected a list of names"),
        (
            {"class_names": {0: "no", 1: "yes"}},
            "the names of a class are given as {0: 'no', 1: 'yes'}; expected a list",
        ),
        ({"class_names": {"no", "yes"}}, "the names of a class are given as {.*}; expected a list of names, in order"),
        ({"class_names": 2}, "the names of a class are given as 2; expected a list"),
        ({"groups": ["f", "m", "f"]}, "groups is of type list; expected attributes by name"),
        ({"y": np.ma.array([0, 1, 1], mask=[0, 0, 1])}, "y has 1 masked entries"),
        ({"y": pd.Series(Y), "groups": {"sex": SEX}}, "attribute 'sex' has another pandas index than y"),
        (
            {"x": pd.DataFrame(X, index=[5, 6, 7]), "groups": {"sex": SEX[::-1]}},
            "attribute 'sex' has another .* than x",
        ),
        ({"groups": {"sex": SEX, "age": SEX[::-1]}}, "attribute 'age' has another pandas index than attribute 'sex'"),
    ],
)
def test_rows_groups_and_names_that_are_not_what_they_seem(given, message):
    with pytest.raises(FairtollError, match=message):
        Dataset(**({"x": X, "y": Y, "class_names": NAMES} | given))


def test_numbers_are_names_as_they_are_written():
    rows = Dataset(X, Y, (0, 1.0), {7: [1.0, 2.0, 1.0], "site": pd.Categorical(["b", "a", "b"])})
    assert rows.class_names == ("0", "1")
    assert {name: values.tolist() for name, values in rows.groups.items()} == {
        "7": ["1", "2", "1"], "site": ["b", "a", "b"],
    }  # fmt: skip


def test_partitions():
    rows = Dataset(X, Y, NAMES, {"sex": ["f", "m", "f"], "age": [1, 1, 2], "sex & age": ["x", "y", "z"]})
    found = {name: rows.partition(name) for name in ("class", "sex", "sex & age", "class & age")}
    assert {name: (groups, codes.tolist()) for name, (groups, codes) in found.items()} == {
        "class": (("no", "yes"), [0, 1, 1]),
        "sex": (("f", "m"), [0, 1, 0]),
        "sex & age": (("x", "y", "z"), [0, 1, 2]),
        "class & age": (("no & 1", "yes & 1", "yes & 2"), [0, 1, 2]),
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([True, False, True], "rows is of type bool .* turn a mask into them with numpy.flatnonzero"),
        ([0.5, 1.5], "rows is of type float64"),
        ([[0], [1]], r"rows is of type int64 and shape \(2, 1\)"),
        ([0, 3], "rows run from 0 to 3; expected positions in 3 rows"),
    ],
)
def test_positions_that_are_none(rows, message):
    with pytest.raises(FairtollError, match=message):
        Dataset(X, Y, NAMES).take(rows)
