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
