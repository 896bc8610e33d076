"""Imports follow the flow of data from room to room, and what is private to a room stays there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "fairtoll"
#: From left to right. A room may import from any further left, and from modules that lie in the root folder.
FLOW = (
    ("storage", "inputs"),
    ("data", "models", "runs"),
    ("threats",),
    ("bounds", "theory"),
    ("attacks",),
    ("training",),
    ("evidence",),
    ("metrics",),
    ("statistics",),
    ("findings",),
    ("report",),
    ("audits", "experiments"),
    ("interop",),
    ("cli",),
)
#: What the root folder may hold besides rooms: the table of contents, and single ideas that belong to no room.
SINGLE_IDEAS = {
    "__init__",
    "__main__",
    "_version",
    "errors",
    "progress",
    "randomness",
    "threads",
}
LEVELS = {room: level for level, rooms in enumerate(FLOW) for room in rooms}


def imports_of(path: Path) -> list[list[str]]:
    """Modules of fairtoll that a file imports, as parts without the package's name, wherever in the file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "fairtoll":
            inside = (node.module or "").split(".")[1:]
            # `from fairtoll.room import module` names a module too.
            found += [[*inside, alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [name.split(".")[1:] for alias in node.names if (name := alias.name).split(".")[0] == "fairtoll"]
    return found


def is_module(parts: list[str]) -> bool:
    target = PACKAGE.joinpath(*parts)
    return target.is_dir() or target.with_suffix(".py").is_file()


def modules_of(path: Path) -> list[list[str]]:
    """As `imports_of`, without the names that are no modules."""
    return [parts if is_module(parts) else parts[:-1] for parts in imports_of(path)]


SOURCES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").is_file())


def test_every_room_has_its_place_in_the_flow():
    assert set(ROOMS) == set(LEVELS)


def test_the_root_folder_holds_single_ideas_alone():
    assert {path.stem for path in PACKAGE.glob("*.py")} <= SINGLE_IDEAS


@pytest.mark.parametrize("room", ROOMS)
def test_no_import_against_the_flow(room):
    against = [
        f"{path.relative_to(PACKAGE)} imports fairtoll.{'.'.join(parts)}"
        for path in SOURCES
        if path.relative_to(PACKAGE).parts[0] == room
        for parts in modules_of(path)
        if parts and parts[0] in LEVELS and parts[0] != room and LEVELS[parts[0]] >= LEVELS[room]
    ]
    assert against == []


def test_single_ideas_import_no_room():
    against = [
        f"{path.name} imports fairtoll.{'.'.join(parts)}"
        for path in PACKAGE.glob("*.py")
        if path.stem not in ("__init__", "__main__")
        for parts in modules_of(path)
        if parts and parts[0] in LEVELS
    ]
    assert against == []


def test_no_private_module_of_another_room():
    private = [
        f"{path.relative_to(PACKAGE)} imports fairtoll.{'.'.join(parts)}"
        for path in SOURCES
        for parts in modules_of(path)
        if len(parts) > 1 and parts[0] != path.relative_to(PACKAGE).parts[0] and any(p.startswith("_") for p in parts)
    ]
    assert private == []


def test_tests_import_no_private_module():
    private = [
        f"{path.relative_to(ROOT)} imports fairtoll.{'.'.join(parts)}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for parts in modules_of(path)
        if len(parts) > 1 and any(part.startswith("_") for part in parts)
    ]
    assert private == []


def test_the_reader_of_imports_sees_every_form(tmp_path):
    source = tmp_path / "module.py"
    source.write_text(
        "import fairtoll.metrics.accuracy\nimport numpy\nfrom fairtoll.data import Dataset, dataset\n"
        "def later():\n    from fairtoll.runs.folder import Run\n",
        encoding="utf-8",
    )
    assert modules_of(source) == [["metrics", "accuracy"], ["data"], ["data", "dataset"], ["runs", "folder"]]
