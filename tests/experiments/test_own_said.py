"""What is said of rows of one's own when a run starts, and what is refused before it."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from fairtoll import FairtollError
from fairtoll.experiments import OwnSettings, own_experiment, train
from fairtoll.experiments.own.train import usual_recipes, with_cells
from fairtoll.experiments.workspace import Workspace

SMALL = OwnSettings(epochs=1, runs=2, width=4, depth=1)


def people(rows=400, rare=0.5):
    """Every column is drawn; `rare` is the share of the class yes."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "score": rng.normal(size=rows).round(3),
            "age": rng.integers(20, 65, rows),
            "sex": rng.choice(["f", "m"], rows),
            "site": rng.choice(["north", "south", "west"], rows, p=[0.45, 0.45, 0.1]),
            "hired": np.where(np.arange(rows) < rare * rows, "yes", "no"),
        }
    )


@pytest.fixture
def described(tmp_path):
    """Describes a run of a table with some options."""

    def describe(frame, *, test=None, groups=("sex",), settings=SMALL, **options):
        frame.to_csv(tmp_path / "people.csv", index=False)
        if test is not None:
            test.to_csv(tmp_path / "test.csv", index=False)
            options["test"] = tmp_path / "test.csv"
        return own_experiment(tmp_path / "people.csv", label="hired", groups=groups, settings=settings, **options)

    return describe


def test_how_many_rows_are_attacked_is_said_by_class_with_the_groups_that_are_too_small_among_them(described):
    """Of 60 rows of a class of 300 and one of 24 test rows, 30 are asked of each."""
    frame, test = people(), people(324, rare=24 / 324)
    own = described(frame, test=test, groups=("sex", "site"), settings=OwnSettings(attacked=60))
    [said] = [note for note in own.notes if note.startswith("Attacked are")]
    assert said == (
        "Attacked are 54 of the 324 test rows, by class: no (30), yes (24); accuracy under attack is of these rows."
    )
    assert own.experiment.data.load().note.count(said) == 1  # the report has it
    chosen = test.iloc[Workspace(own.experiment, None, "cpu").attacked]
    assert chosen["hired"].value_counts().to_dict() == {"no": 30, "yes": 24}
    counted = {}
    for columns in (["sex"], ["site"], ["sex", "site"]):
        large, attacked = (table.groupby(columns).size() for table in (test, chosen))
        few = {key: int(attacked.get(key, 0)) for key, rows in large.items() if rows >= 10}
        counted[" & ".join(columns)] = {
            key if isinstance(key, str) else " & ".join(key): rows for key, rows in few.items() if rows < 10
        }
    [left] = [note for note in own.notes if note.startswith("Left out of gaps under attack, with fewer than 10")]
    named = {
        by: {group.strip(): int(rows) for group, rows in re.findall(r"([^,()]+?) \((\d+)\)", groups)}
        for by, groups in re.findall(r"by ([^,]+), ([^;]+?)(?:;|\.$)", left)
    }
    assert named == {by: groups for by, groups in counted.items() if groups}
    assert "sex & site" in named


def test_every_row_is_attacked_and_nothing_is_said(described):
    assert not [note for note in described(people()).notes if note.startswith("Attacked are")]


def test_too_few_attacked_rows_for_any_gap_are_refused(described):
    with pytest.raises(
        FairtollError, match=r"^--rows is 5, of which 3 are of class 'no'; expected 10 or more attacked"
    ):
        described(people(), settings=OwnSettings(attacked=5))
    described(people(), settings=OwnSettings(attacked=20))


def test_images_of_many_classes_are_attacked_as_often_as_gaps_need(tmp_path):
    """A thousand images of 120 classes would be 9 of each."""
    y = np.arange(120 * 15) % 120
    np.savez(tmp_path / "train.npz", x=np.zeros((len(y), 1, 8, 8), dtype=np.float32), y=y)
    np.savez(tmp_path / "test.npz", x=np.ones((len(y), 1, 8, 8), dtype=np.float32), y=y)
    own = own_experiment(tmp_path / "train.npz", test=tmp_path / "test.npz")
    [said] = [note for note in own.notes if note.startswith("Attacked are")]
    assert said.startswith("Attacked are 1200 of the 1800 test rows, by class: 0 (10), 1 (10), ")


def test_the_training_rows_as_test_rows_are_refused_and_rows_in_both_are_counted(described, tmp_path):
    frame = people()
    with pytest.raises(
        FairtollError, match=r"test\.csv are the training rows in .*people\.csv, byte by byte; expected"
    ):
        described(frame, test=frame)
    other = people(120).assign(score=lambda table: table["score"] + 9)
    own = described(frame, test=pd.concat([frame.iloc[100:130], other]))
    assert "test rows from test.csv. 30 of 150 test rows are training rows, too: alike in" in own.notes[0]
    assert "training rows, too" not in described(frame, test=other).notes[0]


def test_the_label_as_an_attribute_is_refused(described):
    with pytest.raises(
        FairtollError, match=r"^'hired' is given as the label and with --group; expected another column"
    ):
        described(people(), groups=("sex", "hired"))


def test_text_among_numbers_is_said_and_infinity_is_refused_as_a_missing_value_is(described):
    frame = people().assign(age=lambda table: table["age"].astype(str), when=pd.Timestamp("2024-01-01"))
    frame.loc[7, "age"] = "n/a?"
    own = described(frame)
    [said] = [note for note in own.notes if note.startswith("Read as text:")]
    assert (
        said == "Read as text: age, since 1 of its 400 values is no number ('n/a?'); for numbers, correct these cells."
    )
    assert said in own.experiment.data.load().note
    named = described(frame, features=["age", "score"])
    assert said in named.notes
    frame = people()
    frame.loc[7, "score"] = np.inf
    with pytest.raises(FairtollError, match=r"^column 'score' holds infinity.* in 1 rows; expected finite numbers"):
        described(frame)
    assert described(frame, features=["age"]).experiment.data.load.features == ("age",)


def test_a_column_that_can_be_no_input_is_not_said_to_be_kept_by_an_option(described):
    frame = people().assign(empty=np.nan, code=2.0**24 * np.arange(400) // 2 + 1, id=np.arange(400))
    frame["code"] = (2**24 + 1 + np.arange(400) // 2).astype(int)
    own = described(frame)
    [kept] = [note for note in own.notes if note.startswith("No input:")]
    [never] = [note for note in own.notes if note.startswith("These can be no input:")]
    assert kept == "No input: id, since it numbers the rows; --also-feature COLUMN keeps one."
    assert "empty, since it has no value" in never
    assert "code, since column 'code' holds 16777217, which float32 turns into 16777216" in never


def test_a_table_without_rows_or_with_one_class_is_refused_for_that(described):
    with pytest.raises(FairtollError, match=r"^the table has no rows, only the columns score, age, sex, site, hired; "):
        described(people().iloc[:0])
    with pytest.raises(FairtollError, match=r"^the label 'hired' has one class, 'yes'; expected two or more"):
        described(people(rare=1.0))


def test_a_group_that_is_in_one_part_alone_is_not_said_to_be_the_only_one_of_the_table(described):
    frame = people().assign(sex="f")
    frame.loc[[3, 300], "sex"] = "m"
    with pytest.raises(
        FairtollError,
        match=r"^attribute 'sex' has one value, 'f', in the (training|test) rows of people\.csv, and the others hold m",
    ):
        described(frame)


def lone(frame):
    """One training row of the class yes in the west."""
    west = (frame["site"] == "west") & (frame["hired"] == "yes")
    return pd.concat([frame[~west], frame[west].iloc[:1]])


def test_a_repair_that_cannot_hold_rows_out_is_left_out_of_the_usual_ones_and_that_is_said(described):
    own = described(lone(people()), groups=("sex", "site"), test=people().iloc[::-1])
    for wanted in (usual_recipes(own.train), "all"):
        names, said = with_cells(own.train, wanted, skip=True)
        assert {"frl", "frl-sex"} <= {*names.split(",")}
        assert "frl-site" not in names.split(",")
        assert any(
            line.startswith("Not trained: frl-site, which needs 2 training rows of each class of every group of site; ")
            for line in said
        )
    assert {"dro-site", "dafa-site", "faal-site"} <= {*names.split(",")}  # they hold nothing out
    assert not {"cfa-site", "lagrangian-cau-site"} & {*names.split(",")}
    assert with_cells(own.train, "dro-site", skip=False) == ("dro-site", [])
    with pytest.raises(
        FairtollError, match=r"'frl-site' treats each group of site by itself, and 'west' has 1 training"
    ):
        with_cells(own.train, "frl-site", skip=False)


def test_the_repair_that_holds_nothing_out_is_trained_where_a_group_has_one_row_of_a_class(tmp_path, monkeypatch):
    monkeypatch.setattr("fairtoll.report.write_report", lambda results, folder: (folder / "report.html").touch())
    lone(people()).to_csv(tmp_path / "people.csv", index=False)
    people().iloc[::-1].to_csv(tmp_path / "test.csv", index=False)
    train(
        tmp_path / "people.csv",
        tmp_path / "run",
        recipes="dro-site",
        strengths=1,
        label="hired",
        groups=["site"],
        test=tmp_path / "test.csv",
        settings=SMALL,
        workers=1,
    )
    results = json.loads((tmp_path / "run" / "results.json").read_text("utf-8"))
    assert {one["arm"] for one in results["accuracy"]} == {"standard", "dro-site", "online-noise"}
