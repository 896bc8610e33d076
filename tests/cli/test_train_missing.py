"""Missing cells of a drawn split: an audit of the trained models reads the same rows as the run did."""

import json

import numpy as np
import pandas as pd
import pytest

from fairtoll.data import load_frame
from fairtoll.data.split import split_rows
from fairtoll.experiments import OwnSettings, own_experiment, train

SMALL = OwnSettings(epochs=3, runs=2, width=8, depth=1, batch_size=50)
DESCRIBED = {"label": "hired", "groups": ["sex"], "missing": "keep"}


def people(rows=400):
    """Hired by a score that is often missing."""
    rng = np.random.default_rng(0)
    sex = np.where(np.arange(rows) % 3 == 0, "female", "male")
    score = rng.normal(size=rows).round(3)
    hired = np.where(score + 0.5 * rng.normal(size=rows) > 0, "yes", "no")
    columns = {
        "score": np.where(rng.random(rows) < 0.3, np.nan, score),
        "age": rng.integers(20, 65, rows).astype(float),
    }
    return pd.DataFrame(columns | {"job": rng.choice(["clerk", "nurse"], rows), "sex": sex, "hired": hired})


def rows_drawn_to_test(frame):
    """Positions of the test rows of a draw by seed 0, from classes and groups alone."""
    return split_rows(load_frame(frame, label="hired", groups=["sex"], features=["sex"]), 0.25)[1]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The largest score is a test row's, and one test row alone has no age, another no job, a third half a year."""
    frame = people()
    there = [row for row in rows_drawn_to_test(frame) if not np.isnan(frame.loc[row, "score"])]
    frame.loc[there[0], "score"] = 90.0
    frame.loc[there[1], "age"] = np.nan
    frame.loc[there[2], "job"] = None
    frame.loc[there[3], "age"] = 30.5
    path = tmp_path_factory.mktemp("missing") / "people.csv"
    frame.to_csv(path, index=False)
    return path


def test_a_missing_cell_is_read_again_from_the_rows_that_are_written(command, table, tmp_path, monkeypatch):
    monkeypatch.setattr("fairtoll.report.write_report", lambda results, folder: (folder / "report.html").touch())
    train(table, tmp_path / "run", recipes="online", strengths=1, settings=SMALL, workers=1, **DESCRIBED)
    place = tmp_path / "run" / "trained"
    parts = [pd.read_parquet(place / f"{name}.parquet") for name in ("train", "test")]
    assert sum(map(len, parts)) == 400
    assert parts[0]["score"].max() < 90 == parts[1]["score"].max()
    status, _, err = command("audit", "--settings", place / "audit.toml")
    assert status == 0, err
    ran, audited = (json.loads((at / "results.json").read_text("utf-8")) for at in (place.parent, place / "audit"))
    for partition in ("class", "sex"):
        gaps = [
            {arm: one["standard" if arm == "standard" else "robust"]["value"] for arm in ("standard", "online")}
            for results in (ran, audited)
            for one in results["findings"]
            if one["metric"] == "cau" and one["parameters"]["partition"] == partition
        ]
        assert len(gaps) == 2
        assert gaps[0]["standard"] > 0
        assert gaps[1] == pytest.approx(gaps[0])


def test_a_row_that_alone_shows_what_a_column_holds_is_a_training_row(table):
    own = own_experiment(table, settings=SMALL, **DESCRIBED)
    train_rows, test_rows = own.experiment.data.load.coded()
    score, age, job = train_rows.features
    assert not age.integer
    assert (train_rows.x[:, 1] == age.missing).sum() == 1
    assert (train_rows.x[:, 2] == job.missing).sum() == 1
    assert 30.5 in train_rows.x[:, 1]
    assert score.high < 90 == test_rows.x[:, 0].max()
    assert np.isin(score.missing, test_rows.x[:, 0])
    assert test_rows.features == train_rows.features
