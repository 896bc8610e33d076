"""What the tables of the paper's attacks say, on outcomes whose gaps are known."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from _paper_tables import gap_change, markdown


def record(arm, rates, *, contender="adult: PGD", rows=200):
    """One attack that breaks the first rows of each of two classes, at distance 1, and the next at 3."""
    broken = [np.arange(rows) < rate * rows for rate in rates]
    distance = [1.0 if one else 3.0 for of_class in broken for one in of_class]
    distance[-1] = None
    groups = {"class": ["a"] * rows + ["b"] * rows, "sex": ["f", "m"] * rows}
    return {
        "model": f"adult: {arm}", "contender": contender, "question": "adult", "norm": "l2", "radius": 2.0,
        "reach": 9.0, "seconds": 1.25, "distance": distance, "wrong": [False] * (2 * rows), "groups": groups,
    }  # fmt: skip


class Kept:
    def __init__(self, measured):
        self.measured = measured


def test_the_change_of_a_gap_and_its_interval():
    change, low, high = gap_change(record("standard", (0.1, 0.2)), record("static", (0.2, 0.6)))
    assert change == pytest.approx(0.3)
    assert 0 < low < change < high < 0.5


def test_the_tables_name_what_rises_and_what_falls():
    measured = [
        record("standard", (0.1, 0.2)), record("static", (0.2, 0.6)),
        record("standard", (0.1, 0.9), contender="adult: C&W"), record("static", (0.5, 0.6), contender="adult: C&W"),
        record("standard", (0.5, 0.5), contender="adult: ZOO"), record("static", (0.5, 0.5), contender="adult: ZOO"),
    ]  # fmt: skip
    text = markdown(Kept(measured))
    assert "| PGD | [14] | L2 | 2 | 400 | 15.0% | 10 to 20% | 3 | 1.2 | 40.0% | 20 to 60% | 3 | 1.2 |" in text
    assert "static minus standard: rises under PGD (+0.300" in text
    assert "falls under C&W (-0.700" in text
    assert "unclear under ZOO (+0.000" in text
