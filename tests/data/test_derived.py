"""Which features decide a protected attribute: found where groups are made from them, and not by accident."""

import numpy as np
import pandas as pd
import pytest

from fairtoll.data import load_frame
from fairtoll.data.derived import deciding_features
from fairtoll.errors import FairtollNote
from fairtoll.threats import table_threat

GENERATOR = np.random.default_rng(0)
N = 400
AGE = GENERATOR.integers(18, 80, N)
TOWN = GENERATOR.integers(0, 30, N)
WAGE = GENERATOR.normal(size=N)
REGION = GENERATOR.integers(0, 4, 30)  # of each town


def table(**columns):
    frame = pd.DataFrame({"age": AGE, "town": TOWN, "wage": WAGE, **columns})
    groups = list(columns)
    return load_frame(
        frame.assign(y=np.arange(N) % 2), label="y", groups=groups, features=["age", "town", "wage"], missing="keep"
    )


DECIDED = {
    "ranges": (pd.cut(AGE, [0, 30, 50, 99], labels=["young", "middle", "old"]).astype(str), {"age": ["attribute"]}),
    "a table of values": (REGION[TOWN].astype(str), {"town": ["attribute"]}),
    "ranges of all different values": (np.where(WAGE < 0.3, "low", "high"), {"wage": ["attribute"]}),
    "chance": (GENERATOR.choice(["a", "b"], N), {}),
    "one row aside": (np.where((AGE < 40) ^ (np.arange(N) == np.argmin(AGE)), "young", "old"), {}),
    "one group": (np.full(N, "all"), {}),
}


@pytest.mark.parametrize(("attribute", "expected"), DECIDED.values(), ids=DECIDED)
def test_what_decides_an_attribute(attribute, expected):
    assert deciding_features(table(attribute=attribute)) == expected


def test_missing_values_have_no_group_of_their_own():
    age = np.where(np.arange(N) % 9 == 0, np.nan, AGE)
    frame = pd.DataFrame({"age": age, "group": np.where(AGE < 40, "young", "old"), "y": np.arange(N) % 2})
    rows = load_frame(frame, label="y", groups=["group"], features=["age"], missing="keep")
    assert deciding_features(rows) == {"age": ["group"]}


def test_few_rows_decide_nothing():
    rows = load_frame(pd.DataFrame({"a": [1, 2, 3, 4], "g": list("nnss"), "y": [0, 1, 0, 1]}), label="y", groups=["g"])
    assert deciding_features(rows) == {}


def test_a_threat_says_so_unless_the_feature_is_named(recwarn):
    rows = table(age_group=np.where(AGE < 40, "young", "old"))
    with pytest.warns(FairtollNote, match=r"'age' may move .* of 'age_group'.*immutable=\['age'\] \(--immutable age\)"):
        assert table_threat(rows).mutable.tolist() == [True, True, True]
    recwarn.clear()
    assert table_threat(rows, immutable=["age"]).mutable.tolist() == [False, True, True]
    assert table_threat(rows, mutable=["age", "wage"]).mutable.tolist() == [True, False, True]
    assert [one for one in recwarn if one.category is FairtollNote] == []
