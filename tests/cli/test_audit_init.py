"""`fairtoll audit init`: what it writes is valid, says what was guessed, and runs once models are filled in."""

import json
import tomllib

import jsonschema
import numpy as np
import pandas as pd
import pytest

from fairtoll.cli.settings import settings_schema
from fairtoll.cli.settings_file import read_settings
from fairtoll.data.guess import guess_columns
from fairtoll.errors import FairtollError

FACTORY = """
import torch
from torch import nn
def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
def other():
    return network(1)
def digits():
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"id": np.arange(200), "age": generator.integers(18, 80, 200)})
    frame["hours.per week"] = generator.normal(40, 9, 200).round(1)
    frame["sex"] = np.array(["f", "m"])[generator.integers(0, 2, 200)]
    frame["job"] = np.array(["cook", 'nurse "x"', "driver"])[generator.integers(0, 3, 200)]
    frame["name"] = [f"person {row}" for row in range(200)]
    frame["paid"] = generator.integers(0, 2, 200)
    frame["Income"] = np.array(["low", "high"])[generator.integers(0, 2, 200)]
    frame.to_csv("people.csv", index=False)
    (tmp_path / "nets_of_init_test.py").write_text(FACTORY)
    np.savez(
        tmp_path / "tiny.npz", x=generator.random((80, 3, 2, 2)), y=np.arange(80) % 2, ink=["much", "little"] * 40,
        number=np.arange(80),
    )  # fmt: skip
    return tmp_path


def settings(folder):
    written = tomllib.loads((folder / "audit.toml").read_text())
    jsonschema.validate(written, settings_schema())
    return written


def test_a_table_is_looked_at(command, folder):
    status, out, error = command("audit", "init", "people.csv")
    assert (status, error) == (0, "")
    assert out.startswith("Settings: audit.toml. Fill in the models")
    found = settings(folder)
    assert found["data"]["label"] == "Income"
    assert found["data"]["groups"] == ["sex"]
    assert found["data"]["features"] == ["age", "hours.per week", "job", "paid"]
    # An age is protected although it has too many values for groups.
    assert found["threat"]["mutable"] == ["hours.per week"]
    text = (folder / "audit.toml").read_text()
    assert text.startswith("#:schema ./audit.schema.json\n")
    assert json.loads((folder / "audit.schema.json").read_text()) == settings_schema()
    for said in (
        'label = "Income"    # (guess)', "left out: id, it numbers the rows", "left out: name, nearly every row",
        "# whole numbers, 18 to", '3 categories: cook, driver, nurse "x"', "age has too many values for groups",
    ):  # fmt: skip
        assert said in text


def test_a_column_that_decides_the_groups_stays(command, folder):
    frame = pd.read_csv("people.csv")
    frame["born"] = 2026 - frame["age"]
    frame["cohort"] = np.where(frame["born"] < 1980, "before", "after")
    frame[["born", "hours.per week", "cohort", "Income"]].to_csv("cohorts.csv", index=False)
    status, _, error = command("audit", "init", "cohorts.csv", "--label", "Income", "--group", "cohort")
    assert (status, error) == (0, "")
    assert settings(folder)["threat"]["mutable"] == ["hours.per week"]
    said = "#   born decides cohort: each value belongs to one group; it stays"
    assert said in (folder / "audit.toml").read_text(encoding="utf-8").splitlines()
    # Where no other column could move, it says so.
    frame[["born", "cohort", "Income"]].to_csv("cohorts.csv", index=False)
    assert command("audit", "init", "cohorts.csv", "--label", "Income", "--group", "cohort", "--force")[0] == 0
    assert settings(folder)["threat"]["mutable"] == ["born"]
    assert "it moves, as no other column could" in (folder / "audit.toml").read_text(encoding="utf-8")


def test_a_column_that_decides_the_groups_is_said_to_move_before_the_work(command, folder):
    (folder / "line_of_init_test.py").write_text("from torch import nn\ndef line():\n    return nn.Linear(2, 2)\n")
    frame = pd.read_csv("people.csv")[["age", "hours.per week", "Income"]]
    frame.assign(age_group=np.where(frame["age"] < 40, "young", "old"))[:60].to_csv("ages.csv", index=False)
    given = ["--data", "ages.csv", "--label", "Income", "--group", "age_group", "--model", "a=line_of_init_test:line"]
    given += ["--epsilon", "0.1", "--attack", "square-5", "--metric", "cau"]
    said = "fairtoll: note: 'age' may move under attack, and each of its values belongs to one group of 'age_group'"
    _, _, error = command("audit", *given, "--out", "moves")
    lines = error.splitlines()
    (noted,) = (place for place, line in enumerate(lines) if line.startswith(said))
    assert "(--immutable age)" in lines[noted]
    assert noted < min(place for place, line in enumerate(lines) if line.startswith("Attacking the models"))
    _, _, error = command("audit", *given, "--immutable", "age", "--out", "stays")
    assert "fairtoll: note:" not in error


def test_what_is_written_runs_once_models_are_filled_in(command, folder):
    assert command("audit", "init", "people.csv")[0] == 0
    status, _, error = command("audit")
    assert (status, error) == (2, "fairtoll: no file standard.onnx; check the path of the model\n")
    text = (folder / "audit.toml").read_text()
    filled = text.replace('file = "standard.onnx"', 'factory = "nets_of_init_test:network"')
    (folder / "audit.toml").write_text(f'{filled}\n[models.other]\nfactory = "nets_of_init_test:other"\n')
    status, out, _ = command("audit")
    assert status == 0
    assert out.splitlines()[-1] == "Report: runs/audit/report.html"
    recorded = json.loads((folder / "runs/audit/results.json").read_text())["configuration"]["settings"]
    assert recorded["data"]["rows"] == "people.csv"
    assert recorded["models"]["other"] == {"factory": "nets_of_init_test:other"}


@pytest.mark.parametrize(
    ("values", "radii", "said"),
    [
        # Bytes become 0 to 1; of whole numbers to 255 the customary radius is 8.
        (lambda draws: draws.integers(0, 256, (80, 3, 8, 8)).astype(np.uint8), [0.01, 0.03], "of the values."),
        (lambda draws: draws.integers(0, 256, (80, 3, 8, 8)), [3, 8], "1% and 3% of their range, 0 to 255, as whole"),
        (lambda draws: draws.random((80, 3, 8, 8)), [0.01, 0.03], "of the values."),
        (lambda draws: np.linspace(-2, 2, 80 * 192).reshape(80, 3, 8, 8), [0.04, 0.12], "of their range, -2 to 2."),
        (lambda draws: np.linspace(0, 200, 80 * 192).reshape(80, 3, 8, 8), [2, 6], "of their range, 0 to 200."),
        (lambda draws: np.full((80, 3, 8, 8), 7), [0.01, 0.03], "of the values."),
    ],
)
def test_radii_of_images_are_in_the_units_of_their_values(values, radii, said, command, folder):
    np.savez(folder / "units.npz", x=values(np.random.default_rng(0)), y=np.arange(80) % 2)
    assert command("audit", "init", "units.npz", "--force")[0] == 0
    text = (folder / "audit.toml").read_text()
    assert tomllib.loads(text)["threat"]["epsilons"] == pytest.approx(radii)
    assert said in text
    assert f"robust-accuracy@{radii[0]:g}" in text  # one that is attacked


def test_images_are_looked_at(command, folder):
    assert command("audit", "init", "tiny.npz")[0] == 0
    found = settings(folder)
    assert found["data"] == {"rows": "tiny.npz", "label": "y", "groups": ["ink"]}
    models = ["--model", "a=nets_of_init_test:digits", "--model", "b=nets_of_init_test:digits"]
    status, _, error = command("audit", *models, "--rows", "40")
    assert status == 0, error
    results = json.loads((folder / "runs/audit/results.json").read_text())
    assert results["dataset"]["rows"]["test"] == 40
    assert results["cuts"] == ["40 of 80 evaluation rows, drawn in proportion from each class and group (seed 0)"]
    assert "each value may move by epsilon, within 0 to 1, the range of tiny.npz" in error


def test_what_is_there_is_kept(command, folder):
    (folder / "audit.toml").write_text("mine")
    status, _, error = command("audit", "init", "people.csv")
    assert status == 2
    assert "audit.toml is there already; expected a new file; give another with --out, or --force" in error
    assert (folder / "audit.toml").read_text() == "mine"
    assert command("audit", "init", "people.csv", "--force")[0] == 0
    assert command("audit", "init", "people.csv", "--out", "below/mine.toml")[0] == 0
    assert tomllib.loads((folder / "below/mine.toml").read_text())["data"]["rows"] == "../people.csv"
    assert read_settings(folder / "below/mine.toml", {})[0].data.rows == str(folder / "people.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.csv"], "nowhere.csv is not a file"),
        (["people.csv", "--label", "y"], "no column 'y'; the table has: id, age"),
        (["people.csv", "--group", "race"], "no column 'race'"),
        (["people.csv", "--label", "aeg"], "no column 'aeg'; did you mean 'age'? the table has: id, age"),
        (["nets_of_init_test.py"], "has the suffix '.py'; expected .csv"),
    ],
)
def test_what_is_wrong(command, folder, arguments, message):
    status, _, error = command("audit", "init", *arguments)
    assert status == 2
    assert message in error
    assert not (folder / "audit.toml").exists()


@pytest.mark.parametrize(
    ("columns", "label"),
    [
        (["a", "class", "b"], "class"),
        (["y", "Target"], "Target"),
        (["a", "b"], "b"),
        (["a", "sex"], "a"),
        (["two-year-recid", "z"], "two-year-recid"),
    ],
)
def test_the_label_is_guessed_by_usual_names(columns, label):
    assert guess_columns(pd.DataFrame({name: [0, 1] * 5 for name in columns})).label == label


def test_no_label():
    with pytest.raises(FairtollError, match="no column of the table has from 2 to 20 values"):
        guess_columns(pd.DataFrame({"a": range(50)}))


def test_settings_of_another_folder_name_what_lies_beside_them(command, folder, monkeypatch):
    text = (
        'out = "runs/audit"\n[data]\nrows = "tiny.npz"\n[models.only]\nfactory = "beside_of_init_test:digits"\n'
        '[threat]\nepsilons = [0.1]\n[audit]\nattacks = ["pgd-3"]\nmetrics = ["cau"]\n'
    )
    (folder / "audit.toml").write_text(text)
    seeded = FACTORY.replace("def digits():", "def digits():\n    torch.manual_seed(0)")
    (folder / "beside_of_init_test.py").write_text(seeded)
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    status, _, error = command("audit", "--settings", "../audit.toml")
    assert status == 0, error
    # One model alone, its folder beside the settings too; other rules of a gate continue the same folder.
    results = json.loads((folder / "runs/audit/results.json").read_text())
    assert [gap["metric"] for gap in results["gaps"]] == ["cau"]
    stages = sorted((path.name, path.stat().st_mtime_ns) for path in (folder / "runs/audit/stages").iterdir())
    assert command("audit", "--settings", "../audit.toml", "--threshold", "accuracy=1")[0] == 1
    assert stages == sorted((path.name, path.stat().st_mtime_ns) for path in (folder / "runs/audit/stages").iterdir())
