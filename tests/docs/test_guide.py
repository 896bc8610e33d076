"""Every command and every block of Python in the guide runs, in order, in an empty folder."""

import importlib
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from guide import GUIDE, read_page

from fairtoll.cli import main

PAGES = sorted(GUIDE.glob("*.md"))
#: Others take a minute, or more on a busy machine.
QUICK = {"experiment", "faces", "numbers"}
#: Libraries that only `make test-all` has: without them their blocks are left out.
HEAVY = ("tensorflow", "jax", "xgboost")
#: What an empty folder has a program for.
PROGRAMS = ("fairtoll", "python")
#: Commands that take long, or need a network: tried in tests of their own.
ELSEWHERE = ("fairtoll reproduce", "fairtoll data")


def call(line: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run one command line of a page: of fairtoll in this process, which is faster."""
    program, *arguments = shlex.split(line, comments=True)
    if program == "python":
        return subprocess.run([sys.executable, *arguments], check=False).returncode
    assert program == "fairtoll", line
    # Modules of the folder are found as the program finds them.
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def lines_of(code: str) -> list[str]:
    """The command lines of a block: continued lines joined, expected output and comments left out."""
    joined = code.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.split(" ")[0] in PROGRAMS and not line.startswith(ELSEWHERE)]


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[] if path.stem in QUICK else [pytest.mark.slow], id=path.stem) for path in PAGES],
)
def test_a_page_runs_in_an_empty_folder(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page, names = read_page(path), {"__name__": "__main__"}
    for block in page.blocks:
        if any(find_spec(need) is None for need in block.needs):
            assert set(block.needs) & set(HEAVY), f"{path.name}: {block.needs} is not installed"
            continue
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.code + "\n", encoding="utf-8")
            importlib.invalidate_caches()
        elif block.language == "python" and block.run:
            # Line numbers of an error are those of the page.
            exec(compile("\n" * (block.line - 1) + block.code, str(path), "exec"), names)
        elif block.language == "console" and block.run:
            for line in lines_of(block.code):
                expected = int(line.rpartition("# exit status ")[2]) if "# exit status " in line else 0
                assert call(line, monkeypatch) == expected, f"{path.name}, line {block.line}: {line}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_blocks_say_their_language(path):
    fences = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("```")]
    assert all(fence != "```" for fence in fences[::2])
