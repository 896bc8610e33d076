"""Check what will be released: each file of dist/ is installed into a new environment and used in an empty folder.

Usage: python .ci/check_dist.py [dist]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

#: What every wheel must hold besides its modules.
NEEDED = (
    "py.typed",
    "cli/audit.schema.json",
    "data/adult.parquet",
    "findings/results.schema.json",
    "report/templates/report.css",
)
#: Commands of a first try, with what they must print.
COMMANDS = (
    (("fairtoll", "--version"), "fairtoll "),
    (("python", "-m", "fairtoll", "--help"), "reproduce"),
    (("fairtoll", "reproduce", "gaussian", "--runs", "2", "--out", "run"), "report.html"),
    (("fairtoll", "card", "run", "--arm", "standard"), "## Fairness and robustness"),
    (("python", "-c", "import fairtoll.metrics as m; print(m.class_accuracy_unfairness([0, 1], [0, 1]))"), "nan"),
)


def check(file: Path) -> None:
    """Install one file and try it."""
    if file.suffix == ".whl":
        names = zipfile.ZipFile(file).namelist()
        missing = [name for name in NEEDED if f"fairtoll/{name}" not in names]
        if missing:
            raise SystemExit(f"{file.name} lacks {', '.join(missing)}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home, empty = Path(folder) / "venv", Path(folder) / "empty"
        venv.create(home, with_pip=True)
        programs = home / ("Scripts" if os.name == "nt" else "bin")
        suffix = ".exe" if os.name == "nt" else ""
        empty.mkdir()
        # Nothing of the checkout may be found by accident.
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        constraints = Path(__file__).parents[1] / "constraints.txt"
        install = [programs / f"python{suffix}", "-m", "pip", "install", "-q", "-c", constraints, file.resolve()]
        subprocess.run([str(part) for part in install], check=True, cwd=empty, env=surroundings)
        for (program, *arguments), expected in COMMANDS:
            said = subprocess.run(
                [str(programs / f"{program}{suffix}"), *arguments],
                cwd=empty, env=surroundings, capture_output=True, encoding="utf-8", errors="replace",
            )  # fmt: skip
            if said.returncode or expected not in said.stdout:
                raise SystemExit(f"{file.name}: {program} {' '.join(arguments)}\n{said.stdout}\n{said.stderr}")
        if "ε".encode() not in (empty / "run" / "report.html").read_bytes():
            raise SystemExit(f"{file.name}: the report is not in UTF-8")
    print(f"{file.name}: installed and tried")


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "dist")
    files = sorted([*folder.glob("*.whl"), *folder.glob("*.tar.gz")])
    if len(files) != 2:
        raise SystemExit(f"{folder} holds {len(files)} files to check; expected a wheel and a source distribution")
    for one in files:
        check(one)
