"""What holds for the whole repository: pins, versions, nothing private, imports that stay light."""

from __future__ import annotations

import json
import lzma
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import fairtoll

ROOT = Path(__file__).parents[1]
TOP_FOLDERS = ("src", "tests", "benchmarks", "docs", ".ci")
NOT_TEXT = {".parquet", ".png", ".safetensors", ".pyc"}
# In two pieces each, so that this file does not hold what it looks for.
PRIVATE = [
    r"(?<![\w.])/roo" + "t/",
    r"(?<![\w.])/hom" + "e/",
    r"(?<![\w.])/User" + "s/",
    r"(?<![\w.])/tm" + r"p/\w",
    r"(?<![\w.])/wor" + "k/",
    r"pyp" + r"i\.org",
    r"pythonhoste" + r"d\.org",
    r"download\.pytorc" + r"h\.org",
    r"--index-ur" + r"l[ =]",
]
LIGHT = ["fairtoll", "fairtoll.metrics", "fairtoll.cli"]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode == 0 and listing.stdout:
        return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    # An unpacked source distribution has no git.
    inside = [path for folder in TOP_FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return inside + [path for path in ROOT.iterdir() if path.is_file()]


def requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    return [Requirement(line) for line in listed]


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: str(requirement.name))
def test_every_dependency_has_a_pin_that_fits(requirement: Requirement) -> None:
    pin = pins().get(canonicalize_name(requirement.name))
    assert pin is not None, f"constraints.txt has no pin of {requirement.name}"
    assert SpecifierSet(str(requirement.specifier)).contains(pin)


def test_pins_are_plain_versions_in_order() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    for block in text.split("# to ")[1:]:
        names = [line.split("==")[0] for line in block.splitlines()[1:] if line]
        assert names == sorted(names)
    assert all(re.fullmatch(r"[\w.]+", version) for version in pins().values())


def test_one_version_everywhere() -> None:
    citation = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    changelog = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert citation is not None
    assert changelog is not None
    assert citation[1] == changelog[1] == fairtoll.__version__


def test_no_machine_path_and_no_registry_host() -> None:
    pattern = re.compile("|".join(PRIVATE))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked_files()
        if path.suffix not in NOT_TEXT
        for number, line in enumerate(_text(path).splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def _text(path: Path) -> str:
    """The text of a file, of a compressed one what is inside."""
    content = path.read_bytes()
    return (lzma.decompress(content) if path.suffix == ".xz" else content).decode("utf-8")


@pytest.mark.parametrize("module", LIGHT)
def test_import_loads_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, json, {module}; "
        "print(json.dumps([name for name in ('torch', 'pandas', 'pyarrow', 'altair', 'scipy') if name in sys.modules]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == []


@pytest.mark.slow
def test_readme_examples_run(tmp_path: Path) -> None:
    examples = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    for example in examples:
        result = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        assert "verdict" in result.stdout
    assert "<html" in (tmp_path / "toll.html").read_text(encoding="utf-8")
