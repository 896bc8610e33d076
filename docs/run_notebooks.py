"""Run the notebooks and keep their outputs, without what differs from run to run: `python docs/run_notebooks.py`."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parent / "notebooks"


def run(path: Path) -> nbformat.NotebookNode:
    """The notebook with new outputs, run in an empty folder that holds nothing but what it writes.

    Parameters
    ----------
    path : Path
        Of a notebook; it is not changed.
    """
    notebook = nbformat.read(path, as_version=4)
    os.environ["FAIRTOLL_DOCS"] = str(NOTEBOOKS.parent)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.execution_count = None
            # Warnings of libraries name files of the machine.
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = None
                output.pop("metadata", None)
                if output.output_type in ("display_data", "execute_result"):
                    output.metadata = {}
    return notebook


if __name__ == "__main__":
    for one in sorted(NOTEBOOKS.glob("*.ipynb")):
        nbformat.write(run(one), one)
        print(one)
