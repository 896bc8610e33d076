"""Training runs that no column names are noticed, and ordinary tables are not taken for such."""

import warnings

import numpy as np
import pandas as pd
import pytest

from fairtoll import Evidence, FairtollError, FairtollWarning

GENERATOR = np.random.default_rng(0)
ROWS = pd.DataFrame({"y": GENERATOR.choice(["no", "yes"], 60), "g": GENERATOR.choice(["a", "b", "c"], 60)})


def read(frame, **how):
    frame = frame.assign(p=np.random.default_rng(1).random(len(frame)))
    return Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, groups=["g"], **how)


@pytest.mark.parametrize("runs", [2, 3, 5])
@pytest.mark.parametrize("order", ["one after the other", "row by row"])
def test_runs_without_a_column_are_noticed(runs, order):
    frame = pd.concat([ROWS] * runs, ignore_index=True)
    if order == "row by row":
        frame = ROWS.loc[np.repeat(np.arange(60), runs)].reset_index(drop=True)
    with pytest.warns(FairtollWarning, match=rf"same 60 labels and groups {runs} times, .*seed="):
        read(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named = frame.assign(run=np.repeat(np.arange(runs), 60) if order != "row by row" else list(range(runs)) * 60)
        assert read(named, seed="run").probabilities("model").shape == (runs, 60, 2)


@pytest.mark.parametrize(
    "frame",
    [
        ROWS,
        pd.DataFrame({"y": ["no", "yes"] * 60, "g": ["a", "b"] * 60}),
        pd.DataFrame({"y": ["no"] * 60 + ["yes"] * 60, "g": ["a"] * 30 + ["b"] * 30 + ["a"] * 30 + ["b"] * 30}),
        pd.DataFrame({"y": ["no"] * 240, "g": ["a", "b", "c"] * 80}),
        pd.concat([ROWS, ROWS.iloc[:59]], ignore_index=True),
    ],
)
def test_a_table_of_rows_is_read_in_silence(frame):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(frame)


def test_rows_named_twice_name_the_remedy():
    frame = pd.concat([ROWS.assign(id=np.arange(60))] * 2, ignore_index=True)
    with pytest.raises(FairtollError, match=r"predicts 60 of 60 rows in 120 entries; .* seed= \(seed\)"):
        read(frame, row="id")
