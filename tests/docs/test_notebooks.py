"""The notebooks run in an empty folder and say what they said when they were kept."""

import re
import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

from run_notebooks import NOTEBOOKS, run

NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*")
#: Longer than a minute.
SLOW = {"paper"}


def outputs(notebook):
    """The text of every cell's outputs."""
    return [
        "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def words(text):
    """A text without its numbers, which rounding of another processor moves, and without verdicts that follow them."""
    return re.sub(r"\s+", " ", NUMBER.sub("#", text)).split(" ")[:40]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.stem in SLOW else [], id=path.stem)
        for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    ],
)
def test_a_notebook_runs_and_says_the_same(path):
    kept, new = outputs(nbformat.read(path, as_version=4)), outputs(run(path))
    assert len(kept) == len(new)
    for before, after in zip(kept, new, strict=True):
        assert words(before)[:6] == words(after)[:6]
        for one, other in zip(NUMBER.findall(before)[:10], NUMBER.findall(after)[:10], strict=False):
            assert float(one.replace(",", "")) == pytest.approx(float(other.replace(",", "")), abs=0.05, rel=0.05)


def test_notebooks_hold_no_path_of_the_machine_and_no_picture():
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                assert output.output_type != "error"
                assert not set(output.get("data", {})) - {"text/plain", "text/html"}
