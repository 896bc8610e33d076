"""Golden results: two small experiments, made by any revision and compared with what another made of them.

    python benchmarks/golden.py make OUT [--source CHECKOUT]    the run folders OUT/adult and OUT/cifar10
    python benchmarks/golden.py compare NEW [OLD] [--numbers]   exit status 1 where something differs
    python benchmarks/golden.py store                           tests/golden/*.json, from this checkout

NEW and OLD are revisions of git, checkouts (folders with src/fairtoll) or folders that `make` has written; OLD is NEW's
parent by default. Without --numbers, every table, tensor and results.json must be identical. With --numbers, numbers
and verdicts are matched by what they measure, under old and new names alike (`_golden_words.ALIASES`).

Each revision's runs are made by its own benchmarks/golden.py, or by this one where it has none.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import _golden_exact
import _golden_numbers
from _golden_stored import store

HERE = Path(__file__).resolve()
ROOT = HERE.parents[1]
RUNS = ("adult", "cifar10")
#: With one thread sums are always in the same order.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
SHOWN = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="write the run folders")
    making.add_argument("out", type=Path)
    making.add_argument("--source", type=Path, default=ROOT, help="checkout whose src/fairtoll makes them")
    making.add_argument("--only", choices=RUNS, help="one of them")
    comparing = commands.add_parser("compare", help="make two revisions' and compare them")
    comparing.add_argument("new")
    comparing.add_argument("old", nargs="?")
    comparing.add_argument(
        "--numbers", action="store_true", help="compare numbers and verdicts under old and new names"
    )
    comparing.add_argument("--only", choices=RUNS, help="one of the runs")
    storing = commands.add_parser("store", help="write tests/golden/*.json anew")
    storing.add_argument("--made", type=Path, help="folder that `make` has written; default: make them now")
    options = parser.parse_args()
    if options.command == "make":
        make(options.out, source=options.source, names=chosen(options.only))
    elif options.command == "compare":
        sys.exit(compare(options.new, options.old or f"{options.new}^", options.numbers, chosen(options.only)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            if options.made is None:
                make(Path(folder))
            store(options.made or Path(folder), ROOT / "tests/golden", RUNS)


def chosen(only: str | None) -> Sequence[str]:
    return RUNS if only is None else (only,)


def make(out: Path, *, source: Path = ROOT, names: Sequence[str] = RUNS) -> None:
    """Write the run folders with the fairtoll in `source`, in a separate process."""
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(source.resolve() / "src")}
    maker = HERE.with_name("_golden_make.py")
    subprocess.run([sys.executable, str(maker), str(out), str(source), *names], env=environment, check=True)


def compare(new: str, old: str, numbers: bool, names: Sequence[str]) -> int:
    """Print the differences; returns 1 if there are any."""
    with ExitStack() as stack:
        older, newer = (made(one, stack, names) for one in (old, new))
        differ = False
        for name in names:
            found = differences_of(older / name, newer / name, numbers)
            differ = differ or bool(found)
            print(f"{name}: {f'{len(found)} differences' if found else 'the same'}")
            for line in found[:SHOWN]:
                print(f"  {line}")
            if len(found) > SHOWN:
                print(f"  and {len(found) - SHOWN} more")
    return int(differ)


def differences_of(old: Path, new: Path, numbers: bool) -> list[str]:
    """A line for each difference."""
    if not numbers:
        return _golden_exact.differences(old, new)
    before, after = _golden_numbers.numbers_of(old), _golden_numbers.numbers_of(new)
    print(
        f"{new.name}: {sum(map(len, before.values())):,} numbers in {len(before):,} records of results.json, "
        f"{_golden_numbers.added(before, after):,} added"
    )
    found = {
        **_golden_numbers.differences(before, after),
        **_golden_numbers.table_differences(old, new),
        **_golden_numbers.tensor_differences(old, new),
    }
    return [f"{where}: {what}" for where, what in found.items()]


def made(given: str, stack: ExitStack, names: Sequence[str]) -> Path:
    """The folder of the runs of a revision or a checkout, or a folder of existing runs."""
    folder = Path(given)
    if all((folder / name / "results.json").is_file() for name in names):
        return folder
    source = folder if (folder / "src/fairtoll").is_dir() else checked_out(given, stack)
    out = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="golden-")))
    # A revision's own script knows the names of its experiments.
    script = next(path for path in (source / "benchmarks/golden.py", HERE) if path.is_file())
    command = [sys.executable, str(script), "make", str(out), "--source", str(source)]
    subprocess.run([*command, *(["--only", *names] if len(names) == 1 else [])], check=True)
    return out


def checked_out(revision: str, stack: ExitStack) -> Path:
    """A temporary worktree of a revision."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="golden-"))) / "checkout"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
    stack.callback(subprocess.run, [*git, "remove", "--force", str(folder)], check=True)
    return folder


if __name__ == "__main__":
    main()
