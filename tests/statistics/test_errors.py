import numpy as np
import pandas as pd
import pytest

from fairtoll import statistics
from fairtoll.errors import FairtollError

OUTCOMES = np.tile([0.0, 1.0], (2, 20))
GROUPS = np.repeat([0, 1], 20)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"outcomes": [["a"] * 40]}, "other than numbers"),
        ({"outcomes": np.zeros((2, 2, 40))}, "shape"),
        ({"outcomes": np.zeros((0, 40))}, "at least one"),
        ({"outcomes": np.full((2, 40), np.nan)}, "NaN"),
        ({"groups": GROUPS[:-1]}, "one group a row"),
        ({"groups": np.where(GROUPS == 0, np.nan, 1.0)}, "groups has missing or infinite entries, the first in row 0"),
        (
            {"groups": np.array([None, "a"] * 20, dtype=object)},
            "groups has missing or infinite entries, the first in row 0",
        ),
        ({"included": np.ones((2, 40))}, "booleans"),
        ({"included": np.ones((2, 39), dtype=bool)}, "as the outcomes"),
        ({"minimum_rows": 0}, "minimum_rows"),
        ({"minimum_rows": 21}, "insufficient data"),
        ({"groups": np.zeros(40)}, "at least 2"),
    ],
)
@pytest.mark.parametrize("call", [statistics.null_gap, statistics.gap_interval])
def test_bad_input_is_an_error_of_use(call, change, match):
    given = {"outcomes": OUTCOMES, "groups": GROUPS, **change}
    with pytest.raises(FairtollError, match=match):
        call(given.pop("outcomes"), given.pop("groups"), **given)


@pytest.mark.parametrize("confidence", [0, 1, 95, float("nan")])
def test_confidence(confidence):
    with pytest.raises(FairtollError, match="confidence"):
        statistics.difference(OUTCOMES, OUTCOMES, GROUPS, confidence=confidence)
    with pytest.raises(FairtollError, match="confidence"):
        statistics.bonferroni(confidence, 3)


def test_too_few_groups_have_their_own_error():
    with pytest.raises(statistics.InsufficientDataError):
        statistics.difference(OUTCOMES, OUTCOMES, np.zeros(40))


def test_swap_test_wants_one_model_an_arm():
    with pytest.raises(FairtollError, match="one model an arm"):
        statistics.swap_test(OUTCOMES, OUTCOMES, GROUPS)


@pytest.mark.parametrize("margin", [-0.1, float("nan"), float("inf")])
def test_margin(margin):
    with pytest.raises(FairtollError, match="margin"):
        statistics.state_verdict(None, margin=margin)


def test_levelling_down_wants_the_same_groups():
    with pytest.raises(FairtollError, match="same two or more"):
        statistics.levelling_down({"a": 1.0, "b": 0.5}, {"a": 1.0, "c": 0.5}, higher_is_better=True)


def test_family_size():
    with pytest.raises(FairtollError, match="family_size"):
        statistics.bonferroni(0.95, 0)


ROWS = pd.Series(OUTCOMES[0])
SEX = pd.Series(np.repeat(["f", "m"], 20))
CALLS = {
    "null_gap": lambda outcomes, groups: statistics.null_gap(outcomes, groups),
    "gap_interval": lambda outcomes, groups: statistics.gap_interval(outcomes, groups),
    "group_intervals": lambda outcomes, groups: statistics.group_intervals(outcomes, groups),
    "difference": lambda outcomes, groups: statistics.difference(ROWS.to_numpy(), outcomes, groups),
    "swap_test": lambda outcomes, groups: statistics.swap_test(ROWS.to_numpy(), outcomes, groups),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_pandas_indexes_that_differ(call):
    shuffled = SEX.sample(frac=1, random_state=0)
    for groups in (shuffled, SEX.set_axis(range(1, 41))):
        with pytest.raises(FairtollError, match=r"has another pandas index than groups, first in row \d+"):
            call(ROWS, groups)
    expected = call(ROWS.to_numpy(), SEX.to_numpy())
    assert call(ROWS, SEX) == call(ROWS[shuffled.index].sort_index(), SEX) == call(ROWS, SEX.to_numpy()) == expected


def test_the_columns_of_several_runs_are_rows():
    runs = pd.DataFrame(OUTCOMES)
    assert statistics.gap_interval(runs, SEX) == statistics.gap_interval(OUTCOMES, SEX.to_numpy())
    for wrong in (runs[runs.columns[::-1]], runs.add_prefix("row ")):
        with pytest.raises(FairtollError, match="outcomes has another pandas index than groups"):
            statistics.gap_interval(wrong, SEX)
    with pytest.raises(FairtollError, match="included of outcomes has another pandas index than groups"):
        statistics.gap_interval(OUTCOMES, SEX, included=pd.DataFrame(OUTCOMES < 2)[runs.columns[::-1]])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, "1"] * 20, "groups holds both 1 and '1', which cannot be distinguished"),
        ([True, 1] * 20, "groups holds both True and 1"),
        (["a", pd.NA] * 20, "groups has missing or infinite entries, the first in row 1"),
        (np.ma.array([0, 1] * 20, mask=[0, 1] * 20), "groups has 20 masked entries"),
        (pd.DataFrame({"a": SEX, "b": SEX}), r"groups has shape \(40, 2\); expected \(N,\)"),
    ],
)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_groups_that_are_not_what_they_seem(call, groups, message):
    with pytest.raises(FairtollError, match=message):
        call(OUTCOMES[0], groups)


def test_names_of_groups_are_read_by_the_one_rule():
    found = statistics.group_intervals(OUTCOMES, [1.0, 2] * 20)
    assert list(found) == [1, 2]
    assert all(type(name) is int for name in found)
    assert list(statistics.group_intervals(OUTCOMES, ["b", 1] * 20)) == [1, "b"]
