"""`fairtoll audit`: models and rows from files, and everything that can be wrong with them before an attack runs."""

import json
import re

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from fairtoll.cli.audit_rows import load_rows
from fairtoll.cli.settings import DataSettings, Settings


def audit_arguments(output, **changes):
    options = {
        "model": ["plain=factory_of_cli_test:network", "hardened=factory_of_cli_test:network"],
        "weights": ["plain=plain.safetensors", "hardened=hardened.safetensors"],
        "data": "rows.csv",
        "label": "kind",
        "epsilon": ["0.1"],
        "group": ["site"],
        "feature": ["a", "b", "c"],
        "out": output,
    } | changes
    pairs = [(key, one) for key, value in options.items() for one in (value if isinstance(value, list) else [value])]
    return ["audit", *[part for key, one in pairs for part in (f"--{key}", str(one))]]


def last_line(text):
    """The error alone: of an audit that is refused, nothing that was assumed is said."""
    (last,) = text.splitlines()
    assert last.startswith("fairtoll: ")
    return last


def test_an_audit_from_files(command, inputs, tmp_path):
    out = tmp_path / "audit"
    arguments = audit_arguments(
        out,
        weights=[f"{name}={name}{run}.safetensors" for name in ("plain", "hardened") for run in ("", "-2")],
        epsilon=["0.2", "0.1"],
    )
    status, output, error = command(*arguments)
    assert status == 0
    # How far it is, in plain lines where there is no terminal.
    lines = [line for line in error.splitlines() if not line.startswith("Note: ")]
    assert lines[-1] == "Attacking the models, writing the report: 100%"
    assert all(re.fullmatch(r"Attacking the models, writing the report: \d+%", line) for line in lines)
    assert output.splitlines()[-1] == f"Report: {out / 'report.html'}"
    found = json.loads((out / "results.json").read_text())
    assert found["configuration"]["epsilons"] == [0.1, 0.2]
    assert found["dataset"]["classes"] == ["x", "y", "z"]
    assert found["dataset"]["attributes"] == {"site": ["north", "south"]}
    # The same accuracy as the two networks give here.
    frame = pd.read_csv(inputs / "rows.csv")
    x, y = torch.tensor(frame[["a", "b", "c"]].to_numpy(), dtype=torch.float32), torch.arange(90) // 30
    weights = [load_file(inputs / f"{name}.safetensors") for name in ("hardened", "hardened-2")]
    logits = [(x @ w["0.weight"].T + w["0.bias"]).relu() @ w["2.weight"].T + w["2.bias"] for w in weights]
    expected = [float((one.argmax(dim=1) == y).float().mean()) for one in logits]
    clean = next(one for one in found["accuracy"] if (one["arm"], one["evaluation"]) == ("hardened", "clean"))
    assert clean["per_run"] == pytest.approx(expected)
    # From its evidence alone, with the models gone from memory, the report comes out the same.
    page, results = (out / "report.html").read_bytes(), (out / "results.json").read_bytes()
    (out / "report.html").unlink()
    assert command("report", out)[:2] == (0, f"Report: {out / 'report.html'}\n")
    assert (out / "results.json").read_bytes() == results
    assert (out / "report.html").read_bytes() == page


BAD_AUDITS = [
    ({"group": ["age"]}, "no column 'age'"),
    ({"label": "y"}, "no column 'y'"),
    ({"label": "knid"}, "no column 'knid'; did you mean 'kind'?"),
    ({"attack": ["pdg-20"]}, "unknown attack 'pdg-20'; did you mean 'pgd'?"),
    ({"metric": ["cua"]}, "metrics names 'cua'; did you mean 'cau'?"),
    ({"margin": ["cua=0.1"]}, "margins names 'cua'; did you mean 'cau'?"),
    ({"margin": ["cau"]}, "--margin is 'cau'; expected METRIC=NUMBER"),
    ({"margin": ["cau=much"]}, "--margin is 'cau=much'; expected METRIC=NUMBER"),
    ({"partition": ["sight"]}, "unknown attribute 'sight'"),
    ({"predictions": "rows.csv"}, "--data is given with --predictions, which are audited as they are"),
    ({"probability": ["x=a"]}, "--probability is of predictions; give their table with --predictions"),
    ({"monotone": ["a=upp"]}, "--monotone of 'a' is 'upp'; did you mean 'up'?"),
    ({"missing": "kep"}, "--missing is 'kep'; did you mean 'keep'?"),
    ({"rows": 1}, "--rows is 1; expected at least 2"),
    (
        {"image": "a", "data": "rows.parquet", "label": "kind", "mutable": ["a"]},
        "hold one number a row; expected images",
    ),
    ({"preprocess": ["plain=nowhere.skops"]}, "no file nowhere.skops; expected a fitted preprocessor"),
    ({"preprocess": ["robust=nowhere.skops"]}, "--preprocess names 'robust', and no --model does"),
    ({"settings": "nowhere.toml"}, "no file nowhere.toml; expected settings"),
    ({"feature": ["a", "b", "d"]}, "no column 'd'"),
    ({"feature": ["a", "b"]}, "its inputs were the 2 columns a, b; name others in order with --feature"),
    ({"group": [], "feature": []}, "its inputs were the 4 columns a, b, c, site; name others in order with --feature"),
    ({"feature": ["a", "b", "c", "site"]}, "its inputs were the 4 columns a, b, c, site"),
    ({"data": "two.csv"}, "'plain' returned 3 classes, and the label has 2: x, y; expected as many; give all values"),
    ({"data": "long.csv"}, "line 3 of long.csv has 6 fields and the header has 5"),
    ({"train": "nowhere.csv"}, "nowhere.csv is not a file"),
    ({"train": "two.csv"}, "the label 'kind' holds 'z'; class_names has only x, y"),
    ({"categories": ["kind"]}, "--categories is 'kind'; expected COLUMN=VALUE,VALUE,..."),
    ({"categories": ["kind=x,y"]}, "the label 'kind' holds 'z'; class_names has only x, y"),
    ({"categories": ["kin=x,y"]}, "no column 'kin'"),
    ({"keep-na": ["d"]}, "keep_na names 'd'"),
    ({"feature": ["a", "b", "one"], "data": "flags.csv", "mutable": ["one"]}, "one may move by no more than 0"),
    ({"feature": ["a", "at_n", "at_s"], "data": "flags.csv", "mutable": ["a", "at_n"]}, "(a one-hot column)"),
    ({"feature": ["at_n", "at_s", "one"], "data": "flags.csv"}, "no feature may move: at_n, at_s, one are protected"),
    ({"mutable": ["d"]}, "unknown feature d; the features are a, b, c"),
    ({"data": "nowhere.csv"}, "nowhere.csv is not a file"),
    ({"data": "cut.parquet"}, "cut.parquet cannot be read as .parquet"),
    ({"data": "cut.safetensors"}, "cut.safetensors is not arrays in safetensors"),
    ({"data": "factory_of_cli_test.py"}, "expected .csv"),
    ({"weights": ["plain=plain.safetensors", "hardened=nowhere.safetensors"]}, "no file nowhere.safetensors"),
    ({"weights": ["plain=plain.safetensors", "hardened=other.safetensors"]}, "other.safetensors does not fit"),
    ({"weights": ["plain=plain.safetensors", "hardened=cut.safetensors"]}, "cut.safetensors is not a complete"),
    ({"weights": ["plain=plain.safetensors", "hardened=nan.safetensors"]}, "returned NaN or infinity for 90 rows"),
    ({"weights": ["plain=plain.safetensors"]}, "no --weights for hardened"),
    ({"weights": ["plain=plain.safetensors", "robust=plain.safetensors"]}, "--weights names 'robust'"),
    ({"weights": ["plain.safetensors"]}, "--weights is 'plain.safetensors'; expected NAME=FILE"),
    ({"model": ["plain=factory_of_cli_test:network"] * 2}, "--weights names 'hardened', and no --model does"),
    (
        {"model": ["plain=factory_of_cli_test:network"] * 2, "weights": ["plain=plain.safetensors"] * 3},
        "2 factories and 3 files of weights",
    ),
    ({"model": ["plain=plain.safetensors", "hardened=a:b"]}, "has weights for the file plain.safetensors"),
    ({"model": ["plain=plain.safetensors"], "weights": []}, "the suffix '.safetensors'; expected a model file"),
    ({"model": ["plain=factory_of_cli_test:net", "hardened=a:b"]}, "cannot find the factory 'factory_of_cli_test:net'"),
    ({"model": ["plain=nowhere:net", "hardened=a:b"]}, "cannot find the factory 'nowhere:net'"),
    ({"model": ["plain=nowhere", "hardened=a:b"], "weights": []}, "no file nowhere"),
    ({"model": ["plain=:net", "hardened=a:b"], "weights": []}, "no file :net"),
    ({"model": ["plain"]}, "--model is 'plain'; expected NAME=FILE or NAME=PACKAGE.MODULE:FACTORY"),
    ({"model": ["plain=factory_of_cli_test:needs", "hardened=a:b"]}, "raised TypeError"),
    ({"model": ["plain=broken_of_cli_test:network", "hardened=a:b"]}, "raised SyntaxError"),
    ({"model": ["plain=factory_of_cli_test:text", "hardened=a:b"]}, "returned str; expected a model"),
    (
        {"model": ["plain=factory_of_cli_test:estimator", "hardened=a:b"]},
        "returned LogisticRegression; expected a torch.nn.Module; leave the weights out",
    ),
    ({"epsilon": ["-1"]}, "epsilons is [-1.0]; expected radii of 0 or more"),
    ({"epsilon": ["0.1", "0.1"]}, "each once"),
    ({"epsilon": ["big"]}, "'--epsilon'"),
    ({"out": "rows.csv/below"}, "cannot create the folder rows.csv/below"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_AUDITS, ids=[message for _, message in BAD_AUDITS])
def test_an_audit_that_is_wrong(command, inputs, tmp_path, changes, message):
    status, out, error = command(*audit_arguments(tmp_path / "audit", **changes))
    assert (status, out) == (2, "")
    assert message in last_line(error)
    # Nothing is left of an audit that was refused, not even its folder.
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays(command, inputs, tmp_path):
    (tmp_path / "audit").mkdir()
    assert command(*audit_arguments(tmp_path / "audit" / "first", label="nothing"))[0] == 2
    assert list(tmp_path.rglob("*")) == [tmp_path / "audit"]


def notes_of(command, out, **changes):
    """What an audit says that it assumed; a radius out of order ends it before the attacks."""
    status, _, error = command(*audit_arguments(out, **changes))
    assert status == 0
    return [line for line in error.splitlines() if line.startswith("Note: ")]


def test_what_was_assumed_is_said(command, inputs, tmp_path):
    codes, spread, fixed = notes_of(command, tmp_path, feature=["a", "site", "at_n"], data="flags.csv")
    assert codes == (
        "Note: codes are the sorted values of flags.csv: kind (0 x, 1 y, 2 z); site (0 north, 1 south). If the models "
        "were trained on others, give the training rows with --train, or the values in order with --categories."
    )
    assert "standard deviations and ranges are those of flags.csv, the rows that are attacked" in spread
    assert fixed == "Note: under attack a may move, and site, at_n may not; name those that may with --mutable."


def test_a_note_on_many_codes_is_short(tmp_path):
    columns = [f"column{place}" for place in range(9)]
    frame = pd.DataFrame({column: [f"{value:02}" for value in range(20)] for column in columns})
    frame.assign(y=[0, 1] * 10, **{column: "v" + frame[column] for column in columns}).to_csv(tmp_path / "rows.csv")
    note, _ = load_rows(Settings(data=DataSettings(rows=str(tmp_path / "rows.csv"), label="y"))).notes
    assert "column1 (0 v00, 1 v01, 2 v02, 3 v03 and 16 more); and 7 more columns. If" in note
    assert len(note) < 450 + len(str(tmp_path))


def test_what_was_given_is_not_assumed(command, inputs, tmp_path):
    """Codes, standard deviations and ranges of the training rows: ten times those of the rows that are evaluated."""
    assert notes_of(command, tmp_path, train="train.csv") == []
    assert len(notes_of(command, tmp_path / "again", categories=["kind=z,y,x"])) == 1
    results = json.loads((tmp_path / "again/results.json").read_text())
    assert results["dataset"]["classes"] == ["z", "y", "x"]


def test_an_audit_does_not_write_into_the_run_of_an_experiment(command, inputs, mini_run):
    before = sorted(mini_run.rglob("*"))
    status, _, error = command(*audit_arguments(mini_run))
    assert status == 2
    assert "belongs to the run of an experiment; give another folder with --out" in last_line(error)
    assert sorted(mini_run.rglob("*")) == before


def test_a_preprocessor_before_a_network(command, inputs, tmp_path):
    """A network behind a scaler sees scaled rows: its accuracy is what the two give together here."""
    import skops.io
    from sklearn.preprocessing import StandardScaler

    frame = pd.read_csv(inputs / "rows.csv")
    scaler = StandardScaler().fit(frame[["a", "b", "c"]])
    skops.io.dump(scaler, inputs / "scaler.skops")
    models = {
        "model": ["plain=factory_of_cli_test:network"],
        "weights": ["plain=plain.safetensors"],
        "preprocess": ["plain=scaler.skops"],
    }
    status, _, error = command(*audit_arguments(tmp_path / "audit", **models, attack=["pgd-5"]))
    assert status == 0, error
    weights = load_file(inputs / "plain.safetensors")
    x = torch.tensor(scaler.transform(frame[["a", "b", "c"]]), dtype=torch.float32)
    logits = (x @ weights["0.weight"].T + weights["0.bias"]).relu() @ weights["2.weight"].T + weights["2.bias"]
    results = json.loads((tmp_path / "audit/results.json").read_text())
    clean = next(one for one in results["accuracy"] if one["evaluation"] == "clean")
    assert clean["mean"] == pytest.approx(float((logits.argmax(dim=1) == torch.arange(90) // 30).float().mean()))
    # One model alone: its gaps, under an attack that follows gradients through the scaler.
    assert results["findings"] == []
    assert {one["parameters"]["evaluation"] for one in results["gaps"]} == {"clean", "white-box"}
