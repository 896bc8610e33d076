"""`audit.toml`: what it holds, flags over it, and one line for everything that is wrong in it."""

import json
import tomllib
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from fairtoll.cli.settings import settings_schema
from fairtoll.cli.settings_file import read_settings
from fairtoll.errors import FairtollError

WHOLE = """
out = "runs/one"

[data]
rows = "test.csv"
train = "train.csv"
label = "income"
groups = ["sex", "race"]
categories = { income = ["low", "high"] }
keep_na = ["job"]
missing = "keep"
limit = 200

[models.standard]
file = "standard.onnx"

[models.hardened]
factory = "nets:table"
weights = ["one.safetensors", "two.safetensors"]

[threat]
epsilons = [0.1, 1]
mutable = ["age"]
one_hot = [["job_a", "job_b"]]
relations = ["loan <= 5 * income"]
costs = { age = 0.5 }
monotone = { age = "up" }

[audit]
attacks = ["union", "pgd-20"]
metrics = ["cau"]
partitions = ["class", "sex & race"]
minimum_rows = 20
seed = 3
margins = { cau = 0.02 }

[gate]
fail_on = ["less-fair"]
thresholds = { "cau/sex" = 0.05 }
"""


def read(folder, text, **flags):
    (folder / "audit.toml").write_text(text)
    return read_settings(folder / "audit.toml", flags)[0]


def test_every_section_is_read(tmp_path):
    found = read(tmp_path, WHOLE)
    assert found.data.limit == 200
    assert found.models["hardened"].factory == "nets:table"
    assert list(found.models) == ["standard", "hardened"]
    assert found.threat.epsilons == [0.1, 1.0]
    assert found.audit.margins == {"cau": 0.02}
    assert found.gate.thresholds == {"cau/sex": 0.05}


def test_paths_are_relative_to_the_file_and_flags_to_where_one_is(tmp_path):
    found = read(tmp_path, WHOLE, data={"train": "here.csv"})
    assert found.data.rows == str(tmp_path / "test.csv")
    assert found.data.train == "here.csv"
    assert found.models["hardened"].weights == [str(tmp_path / f"{one}.safetensors") for one in ("one", "two")]
    assert found.out == str(tmp_path / "runs/one")
    # A column that is called as a file is would be is no path.
    assert found.data.label == "income"


def test_a_flag_takes_the_place_of_what_the_file_says(tmp_path):
    found = read(tmp_path, WHOLE, data={"groups": ["age"], "label": None}, audit={"margins": {"cru_s": 0.1}})
    assert found.data.groups == ["age"]
    assert found.data.label == "income"
    assert found.audit.margins == {"cau": 0.02, "cru_s": 0.1}
    # Models replace all of the file's; what belongs to a model, that model's.
    assert list(read(tmp_path, WHOLE, models={"mine": {"file": ["mine.onnx"]}}).models) == ["mine"]
    other = read(tmp_path, WHOLE, models={"hardened": {"weights": ["three.safetensors"]}}).models["hardened"]
    assert (other.factory, other.weights) == ("nets:table", ["three.safetensors"])


WRONG = [
    ("[data]\nlable = 'x'", "there is no setting 'lable' in [data]; did you mean 'label'?"),
    ("[dat]\n", "there is no setting 'dat' at the top; did you mean 'data'?"),
    ("[models.a]\nfil = 'x'", "there is no setting 'fil' in [models.a]; did you mean 'file'?"),
    ("[models.a]\nfile = 3", "models.a.file is 3; expected a valid string"),
    ("[gate]\nfail_on = ['less-fiar']", "gate.fail_on is 'less-fiar'; did you mean 'less-fair'? expected less-fair or"),
    ("[threat]\nmonotone = { age = 'upp' }", "threat.monotone.age is 'upp'; did you mean 'up'? expected up or down"),
    ("[data]\nlimit = 'many'", "data.limit is 'many'; expected a valid integer"),
    ("[data]\ngroups = 'sex'", "data.groups is 'sex'; expected a valid list"),
    ("[audit]\nminimum_rows = 1", "audit.minimum_rows is 1; expected at least 2"),
    ("[audit]\npaired = 'yes'", "audit.paired is 'yes'; expected a valid boolean"),
    ("a = [", "is not TOML"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_is_wrong_in_a_file(tmp_path, text, message):
    with pytest.raises(FairtollError) as raised:
        read(tmp_path, text)
    assert message in str(raised.value)
    assert "audit.toml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there():
    with pytest.raises(FairtollError, match=r"no file nowhere.toml; expected settings"):
        read_settings(Path("nowhere.toml"), {})


def test_the_schema_is_shipped_and_says_what_is_read():
    shipped = json.loads(resources.files("fairtoll.cli").joinpath("audit.schema.json").read_text(encoding="utf-8"))
    assert shipped == settings_schema(), "run `make schema`"
    jsonschema.Draft202012Validator.check_schema(shipped)
    jsonschema.validate(tomllib.loads(WHOLE), shipped)
    for text, _ in WRONG[:-1]:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(tomllib.loads(text), shipped)
