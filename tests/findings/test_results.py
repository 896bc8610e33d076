"""`results.json` keeps to the schema that ships with the package."""

import json
import re
from importlib.resources import files

import jsonschema
import pytest

from fairtoll import FairtollError
from fairtoll.findings.results import SCHEMA_VERSION, Results

SCHEMA = json.loads((files("fairtoll.findings") / "results.schema.json").read_text(encoding="utf-8"))
MISSING = object()


@pytest.fixture(scope="module")
def mini(mini_run):
    return json.loads((mini_run / "results.json").read_text(encoding="utf-8"))


def edited(document, path, value):
    """A copy with one place changed, or left out."""
    copy = json.loads(json.dumps(document))
    *above, last = path
    place = copy
    for key in above:
        place = place[key]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return copy


def test_the_schema_is_current():
    assert Results.model_json_schema() == SCHEMA, "run `make schema`"


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_run_keeps_to_the_schema(mini):
    jsonschema.validate(mini, SCHEMA, jsonschema.Draft202012Validator)


def test_a_run_is_read_as_it_was_written(mini_run, mini):
    read = Results.read(mini_run / "results.json")
    assert json.loads(read.model_dump_json()) == mini
    assert read.schema_version == SCHEMA_VERSION


def test_every_number_is_finite_and_every_share_between_nought_and_one(mini):
    text = json.dumps(mini)
    assert not re.search(r"\b(NaN|Infinity)\b", text)
    shares = [one["mean"] for one in mini["accuracy"]]
    for finding in mini["findings"]:
        for role in ("standard", "robust", "control", "noise_control"):
            arm = finding[role]
            if arm is not None:
                known = [
                    arm["plain"],
                    arm["null_mean"],
                    arm["null_95"],
                    *arm["plain_per_run"],
                ]
                if arm["interval"]:
                    # A measured gap may fall below 0, as no gap does, and lies in its own interval.
                    low, high = arm["interval"]
                    assert low >= 0 or low == arm["value"]
                    known += [max(low, 0), high]
                shares += [value for value in known if value is not None]
                shares += [group["value"] for group in arm["groups"] if group["value"] is not None]
    assert len(shares) > 500
    assert min(shares) >= 0
    assert max(shares) <= 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["findings", 0, "verdict"], "unfair"),
        (["findings", 0, "standard", "value"], "0.1"),
        (["findings", 0, "difference", "interval"], [0.1]),
        (["findings", 0, "reason"], MISSING),
        (["findings", 0, "parameters", "evaluation"], "black-box"),
        (["accuracy", 0, "mean"], None),
        (["claims", 0, "judgement"], "true"),
        (["schema_version"], "2"),
        (["dataset"], MISSING),
        (["extra"], 1),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else None,
)
def test_what_does_not_keep_to_it_is_refused(mini, tmp_path, path, value):
    wrong = edited(mini, path, value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA, jsonschema.Draft202012Validator)
    (tmp_path / "results.json").write_text(json.dumps(wrong))
    with pytest.raises(FairtollError, match=r"results.json is not a complete results.json: "):
        Results.read(tmp_path / "results.json")


def test_a_file_that_is_missing_or_cut_short(mini_run, tmp_path):
    with pytest.raises(FairtollError, match=r"no file .*results.json; run the experiment first"):
        Results.read(tmp_path / "results.json")
    (tmp_path / "results.json").write_bytes((mini_run / "results.json").read_bytes()[:-50])
    with pytest.raises(FairtollError, match=r"is not a complete results.json: the file: Invalid JSON"):
        Results.read(tmp_path / "results.json")


def test_a_number_that_is_not_finite_is_refused(mini):
    with pytest.raises(ValueError, match="finite"):
        Results.model_validate(edited(mini, ["accuracy", 0, "mean"], float("nan")))


@pytest.mark.parametrize("version", [0, 1, SCHEMA_VERSION + 1])
def test_another_version_of_the_schema_is_named(mini, tmp_path, version):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(edited(mini, ["schema_version"], version) | {"fairtoll_version": "0.0.7"}))
    with pytest.raises(FairtollError, match=rf"written by fairtoll 0.0.7 \(results schema {version}; .* run .* again"):
        Results.read(path)


@pytest.mark.parametrize("content", [b"\xff\xfe{}", b"[" * 100_000, b"[1, 2]", b'{"schema_version": "\xff"}'])
def test_what_is_no_results_file_is_an_error_of_one_line(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_bytes(content)
    with pytest.raises(FairtollError, match=r"results.json is not a complete results.json: ") as caught:
        Results.read(path)
    assert "\n" not in str(caught.value)
