"""`fairtoll card` prints or writes what the library gives."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from fairtoll.cli.app import app
from fairtoll.errors import FairtollError
from fairtoll.findings.results import Results
from fairtoll.report import render_card, render_model_index

FOLDER = Path(__file__).parents[2] / "docs" / "adult-80-runs"


def run(*arguments):
    found = CliRunner().invoke(app, ["card", *map(str, arguments)])
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.output


def test_printed_and_written(tmp_path):
    results = Results.read(FOLDER / "results.json")
    text = render_card(results, arm="standard")
    assert run(FOLDER, "--arm", "standard") == text
    run(FOLDER, "--arm", "standard", "--hugging-face", "--model", "net", "--out", tmp_path / "new" / "README.md")
    head = render_model_index(results, arm="standard", model="net")
    assert (tmp_path / "new" / "README.md").read_text(encoding="utf-8") == f"{head}\n{text}"


def test_an_arm_that_is_not_there(tmp_path):
    with pytest.raises(FairtollError, match="arm is 'other'"):
        run(FOLDER, "--arm", "other")
    with pytest.raises(FairtollError, match="no file"):
        run(tmp_path)
