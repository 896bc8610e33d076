"""Names that are not ASCII, in a console that has ASCII alone: files are UTF-8 everywhere, and output never fails."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fairtoll

SOURCE = Path(fairtoll.__file__).parent
#: A locale in which Python would take names for ASCII, and a console that takes no other characters.
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0"}
ASCII_CONSOLE = {"PYTHONIOENCODING": "ascii"}
GROUP = ["--group", "geschlecht ♂♀"]


def run(folder, environment, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "fairtoll", *arguments], cwd=folder, env={**os.environ, **environment},
        capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


@pytest.fixture
def folder(tmp_path):
    generator, rows = np.random.default_rng(0), 120
    columns = {
        "größe": generator.normal(size=rows),
        "geschlecht ♂♀": np.array(["männlich", "weiblich"])[np.arange(rows) % 2],
        "klasse": np.array(["größer", "kleiner"])[np.arange(rows) // 2 % 2],
        "p": generator.random(rows),
    }
    pd.DataFrame(columns).to_csv(tmp_path / "daten_ü.csv", index=False, encoding="utf-8")
    pd.DataFrame(columns).drop(columns="größe").to_csv(tmp_path / "antworten_ü.csv", index=False, encoding="utf-8")
    return tmp_path


def test_settings_are_written_in_utf_8(folder):
    status, _, error = run(folder, C_LOCALE, "audit", "init", "daten_ü.csv", *GROUP, "--out", "ä.toml")
    assert (status, error) == (0, "")
    assert 'rows = "daten_ü.csv"' in (folder / "ä.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("environment", [C_LOCALE, ASCII_CONSOLE], ids=["C locale", "ASCII console"])
def test_names_that_are_not_ascii(folder, environment):
    given = ["--predictions", "antworten_ü.csv", "--label", "klasse", *GROUP, "--probability", "größer=p"]
    rules = ["--threshold", "cau/geschlecht ♂♀=0.9", "--junit", "prüfung/ü.xml"]
    status, out, error = run(folder, environment, "audit", *given, *rules, "--out", "läufe/ü")
    assert status == 0, error
    shown = out if environment is C_LOCALE else out.encode().decode("unicode_escape")
    assert "cau/geschlecht ♂♀ at most 0.9" in shown
    assert "cau/geschlecht ♂♀" in (folder / "prüfung/ü.xml").read_text(encoding="utf-8")
    found = json.loads((folder / "läufe/ü/results.json").read_text(encoding="utf-8"))
    assert found["dataset"]["attributes"] == {"geschlecht ♂♀": ["männlich", "weiblich"]}
    assert "männlich" in (folder / "läufe/ü/report.html").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="names are no bytes there")
def test_an_argument_that_is_no_text(tmp_path):
    status, _, error = run(tmp_path, C_LOCALE, "audit", "init", b"daten_\xfc.csv")
    assert (status, error.count("\n")) == (2, 1)
    assert "daten_\\udcfc.csv' holds bytes that are no UTF-8; expected" in error


def texts_without_encoding(tree):
    """Calls that read or write text in whatever encoding the locale has."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if "encoding" in given:
            continue
        if name == "read_text" or (name == "write_text" and isinstance(call.func, ast.Attribute)):
            yield call.lineno
        elif name == "open" and isinstance(call.func, ast.Name):
            mode = given.get("mode") or (call.args[1] if len(call.args) > 1 else ast.Constant("r"))
            modes = [one.value for one in ast.walk(mode) if isinstance(one, ast.Constant)]
            if not all("b" in one for one in modes):
                yield call.lineno
        elif name in ("run", "Popen", "check_output") and {"text", "universal_newlines"} & set(given):
            yield call.lineno


def test_every_text_file_has_its_encoding():
    tried = ast.parse('open("a"); p.read_text()\nopen("b", "rb"); open("c", "w"); p.write_text("d", encoding="utf-8")')
    assert list(texts_without_encoding(tried)) == [1, 1, 2]
    found = {
        f"{path.relative_to(SOURCE)}:{line}"
        for path in SOURCE.rglob("*.py")
        for line in texts_without_encoding(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set()
