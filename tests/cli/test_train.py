"""`fairtoll train`: a run from a table with two flags, an audit of its models, and one line for what cannot work."""

import json
import shlex

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

FACTORY = """
from torch import nn


def wide():
    return nn.Linear(99, 2)
"""
HEAD = ["--label", "hired", "--group", "sex"]


def people(rows=400):
    rng = np.random.default_rng(0)
    score = rng.normal(size=rows).round(3)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "age": rng.integers(20, 65, rows),
            "score": score,
            "job": rng.choice(["clerk", "nurse"], rows),
            "sex": rng.choice(["f", "m"], rows),
            "one": ["same"] * rows,
            "hired": np.where(score + rng.normal(size=rows) > 0, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    frame = people()
    frame.to_csv(folder / "people.csv", index=False)
    frame.rename(columns={"score": "points"}).to_csv(folder / "other.csv", index=False)
    frame.assign(score=["a", "b"] * 200, age=["young", "old"] * 200).to_csv(folder / "words.csv", index=False)
    frame[["id", "sex", "hired"]].to_csv(folder / "ids.csv", index=False)
    frame.assign(hired=["yes"] * 398 + ["no"] * 2).to_csv(folder / "few.csv", index=False)
    frame.assign(hired="yes").to_csv(folder / "one.csv", index=False)
    frame.assign(age=frame["age"].where(frame.index != 3)).to_csv(folder / "gaps.csv", index=False)
    rng = np.random.default_rng(0)
    small, large = (rng.random((80, 1, side, side), dtype=np.float32) for side in (8, 12))
    arrays = {"y": np.arange(80) % 2, "site": np.arange(80) // 2 % 2}
    np.savez(folder / "images.npz", x=small, **arrays)
    np.savez(folder / "large.npz", x=large, **arrays)
    np.savez(folder / "odd.npz", x=large[:, :, :9, :], **arrays)
    save_file({"x": small, **arrays}, folder / "images.safetensors")
    (folder / "factory_of_train_test.py").write_text(
        "from torch import nn\n\n\ndef wide():\n    return nn.Linear(99, 2)\n\n\ndef tiny():\n    return "
        "nn.Sequential(nn.Flatten(), nn.Linear(64, 2))\n"
    )
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["people.csv", *HEAD, "--recipes", "onlin"], "no recipe 'onlin' (did you mean 'online'?); "),
        (
            ["people.csv", *HEAD, "--recipes", "online, ONLINE"],
            "the recipe 'online' is named 2 times in 'online, ONLINE'; expected each once; leave the others out",
        ),
        (["people.csv", *HEAD, "--recipes", "frl-class"], "expected 'frl', which treats classes; write frl"),
        (
            ["people.csv", "--label", "hired", "--group", "class", "--recipes", "frl-class"],
            "an attribute is called 'class', which has another meaning",
        ),
        (["people.csv", *HEAD, "--recipes", "dro-race"], "treats groups of 'race', which is not among the protected"),
        (
            ["people.csv", "--label", "hired", "--recipes", "dro-sex"],
            "; name it with --group sex, or leave",
        ),
        (
            ["people.csv", *HEAD, "--epsilon", "0"],
            "epsilon is 0.0; expected a finite number above 0; correct",
        ),
        (["people.csv", *HEAD, "--epsilon", "-1"], "epsilon is -1.0; expected a finite number above 0"),
        (["people.csv", *HEAD, "--epsilon", "nan"], "epsilon is nan; expected a finite number above 0"),
        (["people.csv", "--label", "hird"], "no column 'hird'; did you mean 'hired'?"),
        (["people.csv"], "no label; expected the column of the true class; give --label COLUMN"),
        (
            ["people.csv", "--label", "hired", "--group", "one"],
            "attribute 'one' has one value, 'same', in ",
        ),
        (["people.csv", *HEAD, "--mutable", "job"], "'job' is a category; expected numbers in --mutable"),
        (["people.csv", *HEAD, "--mutable", "scores"], "no feature 'scores' to move; did you mean 'score'? "),
        (
            ["people.csv", *HEAD, "--immutable", "age", "--immutable", "score"],
            "no feature may move: of age, score, ",
        ),
        (
            ["people.csv", *HEAD, "--mutable", "age", "--epsilon", "0.01"],
            "no feature moves by it: the largest radius is 0.124, of whole numbers alone (age); ",
        ),
        (["people.csv", *HEAD, "--scale", "age=0"], "the scale of 'age' is 0; expected a finite number above 0"),
        (
            ["people.csv", *HEAD, "--range", "age=9,1"],
            "the range of 'age' is 9, 1; expected its lowest and its highest",
        ),
        (
            ["people.csv", *HEAD, "--range", "age=9"],
            "the range of 'age' is 9; expected its lowest and its highest value",
        ),
        (
            ["people.csv", *HEAD, "--range", "age=1000,2000"],
            "the range of 'age' is 1000, 2000, and no training row is in it: they hold 20 to 64; expected one",
        ),
        (
            ["people.csv", *HEAD, "--mutable", "age", "--immutable", "age"],
            "'age' is given with --mutable and with --immutable; expected one of them; leave the other out",
        ),
        (
            ["people.csv", *HEAD, "--recipes", "all,online"],
            "'all,online' names all recipes and others too; expected all",
        ),
        (["people.csv", *HEAD, "--recipes", "standard"], "'standard' names no recipe beside standard training, which "),
        (
            ["people.csv", *HEAD, "--recipes", "online,,trades"],
            "'online,,trades' has no name before a comma; expected names with",
        ),
        (
            ["people.csv", *HEAD, "--rows", "5"],
            "--rows is 5, of which 3 are of class 'no'; expected 10 or more attacked",
        ),
        (
            ["people.csv", *HEAD, "--test", "people.csv"],
            "the test rows in people.csv are the training rows in people.csv",
        ),
        (["people.csv", *HEAD, "--group", "hired"], "'hired' is given as the label and with --group; expected another"),
        (["people.csv", *HEAD, "--range", "agee=1,9"], "no feature 'agee' to move; did you mean 'age'?"),
        (["images.npz", "--range", "age=1,9"], "--range is given for images; expected it for a table alone"),
        (["people.csv", *HEAD, "--scale", "age"], "--scale is 'age'; expected COLUMN=NUMBER, or raw"),
        (
            ["people.csv", *HEAD, "--also-feature", "idd"],
            "--also-feature idd is given and the table has no such column, but id, age, score, job, sex, one, hired; ",
        ),
        (
            ["people.csv", *HEAD, "--also-feature", "hired"],
            "--also-feature hired is given for the label; expected one more column of the table beside those found; ",
        ),
        (
            ["people.csv", *HEAD, "--feature", "age", "--also-feature", "id"],
            "--also-feature id is given with --feature; expected one more column of the table beside those found; give",
        ),
        (
            ["ids.csv", *HEAD],
            "ids.csv has no input beside the label and the groups (id, since it numbers the rows); ",
        ),
        (["images.npz", "--also-feature", "x"], "--also-feature is given for images; expected it for a table alone"),
        (["people.csv", *HEAD, "--test-share", "1.5"], "the share of test rows is 1.5; expected a number above 0"),
        (["people.csv", *HEAD, "--test", "other.csv"], "no column 'score'; "),
        (
            ["people.csv", *HEAD, "--test", "words.csv", "--test-share", "0.25"],
            "--test-share is 0.25 with test rows from words.csv; expected one of them: ",
        ),
        (
            ["people.csv", *HEAD, "--test", "words.csv", "--seed", "0"],
            "--seed is 0 with test rows from words.csv; expected one of them: ",
        ),
        # 80 rows of which 60 train, and a tenth of each class of those is left out.
        (
            ["images.npz", "--recipes", "online,squeezing", "--network", "factory_of_train_test:tiny"],
            "a detector has 6 held-out rows; expected 19 or more for a false-positive rate of 0.05; give more training",
        ),
        (["people.csv", *HEAD, "--test", "none.csv"], "none.csv is not a file; expected a table in CSV or Parquet"),
        (
            ["people.csv", *HEAD, "--recipes", "online", "--pair", "online,trades"],
            "the pair online,trades names 'trades', which is not trained; expected two of standard, ",
        ),
        (
            ["people.csv", *HEAD, "--recipes", "online", "--pair", "standard,online"],
            "the pair standard,online is compared already; expected two arms not yet compared; leave it out",
        ),
        (
            ["people.csv", *HEAD, "--recipes", "online", "--pair", "online,online"],
            "the pair online,online is compared with itself",
        ),
        (["people.csv", *HEAD, "--pair", "online"], "--pair is 'online'; expected two arms, FIRST,SECOND; give one"),
        (["people.csv", *HEAD, "--strengths", "2"], "strengths is 2; expected 1 or 3"),
        (["people.csv", *HEAD, "--network", "nowhere:network"], "cannot find the factory 'nowhere:network'"),
        (
            ["people.csv", *HEAD, "--network", "factory_of_train_test:wide"],
            "the network does not take these rows of shape (5,) (",
        ),
        (["words.csv", *HEAD], "no feature may move: of age, score, job, one none is a number that varies"),
        (["few.csv", *HEAD], "class 'no' has 2 training rows and 0 test rows; expected 10 or more of each"),
        (["one.csv", *HEAD], "the label 'hired' has one class, 'yes'; expected two or more"),
        (["gaps.csv", *HEAD], "1 of 400 rows have a missing value, in 'age'; expected none; drop or fill them first"),
        (["images.npz", "--group", "age"], "images.npz has no 'age'; it holds x, y, site; name the images"),
        (["images.npz", "--test", "large.npz"], "large.npz holds rows of shape (1, 12, 12); expected (1, 8, 8)"),
        (["images.npz", "--mutable", "age"], "--mutable is given for images; expected it for a table alone"),
        (["images.npz", "--depth", "0"], "--depth is given for images; expected it for a table alone"),
        (
            ["people.csv", *HEAD, "--network", "a:b", "--width", "8"],
            "--width is given with the network a:b; expected one",
        ),
        (["odd.npz"], "; resize them, or give a network that takes them with --network"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_work_is_one_line_and_leaves_nothing(command, tables, monkeypatch, arguments, message):
    monkeypatch.chdir(tables)
    monkeypatch.syspath_prepend(str(tables))
    status, out, err = command("train", *arguments)
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    assert message in err
    assert "; " in err
    assert not (tables / "runs").exists()


def test_two_flags_are_enough_and_the_next_step_that_is_printed_works(command, tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # A page takes longer than everything before it.
    monkeypatch.setattr("fairtoll.report.write_report", lambda results, folder: (folder / "report.html").touch())
    arguments = ["--recipes", "online", "--strengths", "1", "--epochs", "2", "--runs", "2", "--workers", "1"]
    status, out, err = command("train", tables / "people.csv", *HEAD, *arguments)
    assert status == 0, err
    assert "Report: runs/people/report.html" in out
    assert "a share of 0.25 are test rows, drawn in proportion from each class and group (seed 0)" in err
    assert "No input: id, since it numbers the rows; --also-feature COLUMN keeps one." in err
    assert "Inputs: age, score, job, one." in err
    assert (
        "Under attack, in training and after it, these move: age by up to 3 (whole numbers), score by up to 0.2" in err
    )
    assert "Never moved: job, one (a category)." in err
    assert "3 arms, each trained 2 times: standard training, 1 recipe, 1 control." in err
    step = err.rpartition("Audit them: ")[2].splitlines()[0]
    program, *rest = shlex.split(step)
    assert program == "fairtoll"
    status, out, err = command(*rest)
    assert status == 0, err
    ran, audited = (
        json.loads((tmp_path / "runs" / "people" / place / "results.json").read_text("utf-8"))
        for place in (".", "trained/audit")
    )

    def clean(results):
        return {one["arm"]: one["per_run"] for one in results["accuracy"] if one["evaluation"] == "clean"}

    assert clean(audited) == {arm: pytest.approx(clean(ran)[arm]) for arm in ("standard", "online")}
    status, out, _ = command("report", "runs/people")
    assert (status, out) == (0, "Report: runs/people/report.html\n")
