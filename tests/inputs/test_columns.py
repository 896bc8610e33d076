"""Columns from a caller: rows that belong together, and columns that are there once."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtoll import FairtollError
from fairtoll.inputs.columns import as_array, check_columns, check_same_rows

SERIES = pd.Series([3, 1, 2], index=[5, 6, 7])


@pytest.mark.parametrize(
    "others",
    [
        {"groups": SERIES.to_numpy()},
        {"groups": [1, 2, 3]},
        {"groups": SERIES.copy(), "weights": None},
        {"groups": SERIES.to_frame()},
        {"groups": pd.Series(list("abc"), index=[5.0, 6.0, 7.0])},
        {"left_out": [SERIES.to_frame(), SERIES.to_frame()]},
        {"groups": SERIES.head(2)},  # another length has an error of its own
        {"groups": ("index", "of", "text")},
    ],
)
def test_equal_indexes_and_plain_arrays_pass(others):
    check_same_rows(y_true=SERIES, **others)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (
            {"groups": SERIES.sort_values()},
            r"groups has another pandas index than y_true, first in row 0 \(6 instead of 5",
        ),
        ({"groups": SERIES.reset_index(drop=True)}, r"first in row 0 \(0 instead of 5\)"),
        ({"groups": SERIES.set_axis([5, 6, 8])}, r"first in row 2 \(8 instead of 7\)"),
        ({"groups": SERIES.set_axis(["5", "6", "7"])}, "first in row 0 .'5' instead of 5"),
        ({"groups": [1, 2, 3], "weights": SERIES[::-1]}, "weights has another pandas index than y_true"),
        ({"full": SERIES[::-1].to_frame()}, "full has another pandas index"),
        ({"left_out": [SERIES.to_frame(), SERIES[::-1].to_frame()]}, r"left_out\[1\] has another pandas index"),
        ({"groups": SERIES.set_axis(pd.MultiIndex.from_tuples([(1, 1), (1, 2), (2, 1)]))}, "another pandas index"),
    ],
)
def test_indexes_that_differ(others, message):
    with pytest.raises(FairtollError, match=message):
        check_same_rows(y_true=SERIES, **others)


@settings(deadline=None)
@given(st.permutations(range(5)))
def test_any_other_order_is_refused(order):
    shuffled = pd.Series(range(5)).iloc[list(order)]
    if list(order) == list(range(5)):
        check_same_rows(one=pd.Series(range(5)), other=shuffled)
        return
    with pytest.raises(FairtollError, match="other has another pandas index than one"):
        check_same_rows(one=pd.Series(range(5)), other=shuffled)


@pytest.mark.parametrize(
    ("columns", "used", "message"),
    [
        (["y", "p"], ["y", "q"], "no column q; expected columns of the table, which has: y, p"),
        (
            ["income", "p"],
            ["incmoe"],
            r"no column incmoe \(did you mean 'income'\?\); expected columns of the table",
        ),
        ([0, 1], ["0"], "no column 0"),
        (["y", "p", "p"], ["y", "p"], "column 'p' appears more than once"),
        (pd.MultiIndex.from_tuples([("y", "a"), ("y", "b")]), ["y"], "the table's columns have 2 levels"),
    ],
)
def test_columns_that_are_not_there_once(columns, used, message):
    with pytest.raises(FairtollError, match=message):
        check_columns(columns if isinstance(columns, pd.Index) else pd.Index(columns), used)


def test_a_doubled_column_that_nobody_uses_does_not_matter():
    check_columns(pd.Index(["y", "p", "p"]), ["y"])


def test_a_mask_is_never_dropped():
    with pytest.raises(FairtollError, match="x has 2 masked entries"):
        as_array(np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [1, 0]]), name="x")
