import numpy as np
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
