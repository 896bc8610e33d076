"""What an adversary may change, in words: written by hand from a threat of every kind of feature."""

import numpy as np

from fairtoll.data import Dataset, Feature
from fairtoll.report.tables.threat import threat_table
from fairtoll.threats import LinfThreat, table_threat


def number(name, low, high, *, integer=False, missing=None):
    return Feature(name, "continuous", integer=integer, low=low, high=high, unit="", missing=missing)


ROWS = Dataset(
    [[20, 1, 0, 0, 1, 3, 5], [40, 2, 1, 1, 0, -4, -3], [60, 3, 2, 1, 0, 1, 3], [30, 2, 0, 0, 1, 2, 4]],
    [0, 1, 0, 1],
    ("no", "yes"),
    features=(
        number("age", 20, 60, integer=True),
        number("rate", 1, 3, missing=9),
        Feature("job", "categorical", True, 0, 2, "code", ("cook", "driver", "nurse")),
        number("at_north", 0, 1, integer=True),
        number("at_south", 0, 1, integer=True),
        number("a", -4, 3),
        number("b", -3, 5),
    ),
)


def told(threat):
    names = [feature.name for feature in ROWS.features]
    return threat_table({"features": names, "threat": {**threat.to_dict(), "mutable": threat.mutable.tolist()}})


def test_every_kind_of_feature_in_words():
    threat = table_threat(
        ROWS,
        mutable=["age", "rate", "job", "at_north", "at_south", "a"],
        monotone={"age": "up"},
        one_hot=[["at_north", "at_south"]],
        costs={"job": 0.5, "age": 0.1},
        relations=["a <= b"],
        cost_norm="sum",
    )
    table = told(threat)
    age = np.std([20, 40, 60, 30]) / 0.1  # one standard deviation costs 0.1
    assert table.rows == [
        ["age", "only up, whole numbers", f"+ {age:.4g} × ε", "20 to 60"],
        ["rate", "up or down, missing stays missing", "± 0.7071 × ε", "1 to 3"],
        ["job", "to any category", "from ε = 0.5 on", "cook, driver, nurse"],
        ["at_north, at_south", "one of these, set together (one-hot)", "at any ε", None],
        ["a", "up or down", "± 2.693 × ε", "−4 to 3"],
        ["b", "never", None, "−3 to 5"],
    ]
    assert table.note == (
        "A row may become another at radius ε if the sum of its costs is at most ε. In every changed row: a <= b."
    )


def test_a_threat_to_numbers_in_words():
    mutable = [True] + [False] * 6
    table = told(LinfThreat(scale=[5.0] + [0.0] * 6, mutable=mutable, integer=mutable))
    assert table.rows[0] == ["age", "up or down, whole numbers", "± 5 × ε", None]
    assert [row[1] for row in table.rows[1:]] == ["never"] * 6


def test_images_have_no_such_table():
    assert threat_table({"features": [], "threat": LinfThreat().to_dict()}) is None
    assert threat_table({}) is None
