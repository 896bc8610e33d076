"""Both experiments, made anew at a small scale, give the numbers that are stored here.

They guard against changes that nobody meant: `python benchmarks/golden.py store` writes them again after one that was
meant. On the machine that stored them they must be the same; `_golden_stored` gives the tolerance for others, and why.
"""

from pathlib import Path

import pytest

from _golden_stored import read, stored_differences
from golden import RUNS, make

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", RUNS)
def test_the_numbers_are_those_stored(name, tmp_path):
    make(tmp_path, names=[name])
    assert stored_differences(HERE / f"{name}.json", tmp_path / name) == {}


@pytest.mark.parametrize("name", RUNS)
def test_the_stored_numbers_are_of_every_part(name):
    _, numbers = read(HERE / f"{name}.json")
    sections = {record.partition(" ")[0] for record in numbers}
    assert sections >= {"findings", "accuracy", "claims", "alarms", "leave_one_out", "attacks", "predictions"}
