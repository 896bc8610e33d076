"""Groups of a table of one's own that are too small for a gap: they alone are left out, and that is said."""

import re

import numpy as np
import pandas as pd
import pytest

from fairtoll import FairtollError
from fairtoll.experiments import OwnSettings, own_experiment, results_of, train

LEAST = 10


def people(rows, seed):
    """Two attributes, each with a rare value."""
    rng = np.random.default_rng(seed)
    score = rng.normal(size=rows).round(3)
    return pd.DataFrame(
        {
            "score": score,
            "sex": rng.choice(["diverse", "female", "male"], rows, p=[0.03, 0.48, 0.49]),
            "site": rng.choice(["island", "north", "south"], rows, p=[0.04, 0.48, 0.48]),
            "hired": np.where(score + rng.normal(size=rows) > 0, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("groups")
    people(400, 0).to_csv(folder / "train.csv", index=False)
    people(160, 1).to_csv(folder / "test.csv", index=False)
    return folder


def described(folder, **more):
    return own_experiment(folder / "train.csv", label="hired", groups=["sex", "site"], test=folder / "test.csv", **more)


def test_the_small_groups_that_are_named_are_those_that_pandas_counts(tables):
    own = described(tables)
    trained, tested = (pd.read_csv(tables / name) for name in ("train.csv", "test.csv"))
    [said] = [note for note in own.notes if "fewer than 10 test rows" in note]
    by = dict(re.findall(r"by ([^,]+), ([^;]+?)(?:;|\.$)", said))
    for columns in (["sex"], ["site"], ["sex", "site"]):
        counts = tested.groupby(columns).size()
        there = trained.groupby(columns).size().index.union(counts.index)
        rare = {
            " & ".join(key) if isinstance(key, tuple) else key: int(counts.get(key, 0))
            for key in there
            if counts.get(key, 0) < LEAST
        }
        assert rare, "the tables must have some"
        named = dict(re.findall(r"([^,()]+?) \((\d+)\)", by[" & ".join(columns)]))
        assert {name.strip(): int(rows) for name, rows in named.items()} == rare
    assert own.experiment.data.load().note.endswith(said)  # the report has it as the note of the data


def test_a_group_that_is_too_small_in_one_class_alone_is_named_for_that_class(tmp_path):
    frame = people(240, 0).assign(sex=["female", "male", "male", "male"] * 60, site="north")
    women = np.flatnonzero(frame["sex"] == "female")
    frame.loc[women, "hired"] = ["yes"] * 4 + ["no"] * (len(women) - 4)
    frame.to_csv(tmp_path / "people.csv", index=False)
    frame.iloc[::-1].to_csv(tmp_path / "test.csv", index=False)
    own = own_experiment(tmp_path / "people.csv", label="hired", groups=["sex"], test=tmp_path / "test.csv")
    [said] = [note for note in own.notes if "fewer than 10 test rows" in note]
    assert said.endswith("by sex within class yes, female (4).")


def test_combinations_that_are_large_enough_are_compared_and_the_small_ones_shown_beside_them(tables, monkeypatch):
    # A page takes longer than everything before it.
    monkeypatch.setattr("fairtoll.report.write_report", lambda results, folder: (folder / "report.html").touch())
    settings = OwnSettings(epochs=1, runs=2, width=4, depth=1, batch_size=50)
    train(
        tables / "train.csv", tables / "run", recipes="online", strengths=1, label="hired", groups=["sex", "site"],
        test=tables / "test.csv", settings=settings, workers=1,
    )  # fmt: skip
    counts = pd.read_csv(tables / "test.csv").groupby(["sex", "site"]).size()
    results = results_of(tables / "run")
    gaps = [one for one in results.findings if one.metric == "cau" and one.parameters.partition == "sex & site"]
    assert gaps
    for finding in gaps:
        groups = {group.group: group for group in finding.standard.groups}
        assert {name: group.rows for name, group in groups.items()} == {" & ".join(key): n for key, n in counts.items()}
        assert {name for name, group in groups.items() if group.sufficient} == {
            " & ".join(key) for key, rows in counts.items() if rows >= LEAST
        }
    assert "fewer than 10 test rows: by sex, diverse (" in results.dataset.note


def test_an_attribute_of_which_no_gap_can_be_measured_is_refused(tables, tmp_path):
    frame = pd.read_csv(tables / "test.csv")
    frame.assign(sex=["female"] * 155 + ["male"] * 5).to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(
        FairtollError,
        match=r"'sex' has one group of 10 or more test rows \(female \(155\), male \(5\)\); expected two",
    ):
        own_experiment(tables / "train.csv", label="hired", groups=["sex"], test=tmp_path / "test.csv")
