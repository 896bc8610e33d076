"""The two small runs of the golden results, made by the fairtoll that is on the path.

    python benchmarks/_golden_make.py OUT SOURCE [adult] [cifar10]

Only `reproduce_adult` and `reproduce_cifar10` are called; the classes of their options come from their own type hints.
"""

from __future__ import annotations

import inspect
import sys
import tempfile
import typing
from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from _golden_words import as_named

DATA = Path(__file__).resolve().parents[1] / "tests/data"
WORKERS = 2
#: Two never decide: with three runs there are verdicts.
TRAINING_RUNS = 3
DESIGNS = ("masked", "one-ulp", "new-seed")


def make_adult(folder: Path) -> None:
    """Both protocols on 800 training and 800 test rows; three left-out rows, each with two reference models."""
    from fairtoll.experiments import reproduce_adult

    call(
        reproduce_adult,
        folder,
        seeds=TRAINING_RUNS,
        rows=800,
        settings={"epochs": 10},
        leave_one_out={"count": 3, "designs": DESIGNS, "references": 2},
        device="cpu",
        workers=WORKERS,
    )


def make_cifar10(folder: Path) -> None:
    """Both protocols on 200 training and 200 test images that are made up; two left-out images."""
    from fairtoll.experiments import reproduce_cifar10

    sys.path.insert(0, str(DATA))
    from synthetic_cifar10 import make_splits, write_parquet_copy

    with tempfile.TemporaryDirectory() as images:
        call(
            reproduce_cifar10,
            folder,
            source=write_parquet_copy(Path(images), make_splits(200, 200)),
            seeds=TRAINING_RUNS,
            scale={"attacked_rows": 100, "check_rows": 50, "restarts": 1, "queries": 10, "widths": (4, 8, 16, 16)},
            settings={"epochs": 8, "batch_size": 20},
            rows_expected=None,
            leave_one_out={"count": 2, "designs": DESIGNS},
            device="cpu",
            workers=WORKERS,
        )


#: Each run by the name of its folder.
MAKERS: dict[str, Callable[[Path], None]] = {"adult": make_adult, "cifar10": make_cifar10}


def call(experiment: Callable[..., Any], folder: Path, **options: Any) -> None:
    """Call an experiment of any revision, which may have renamed its options."""
    hints, known = typing.get_type_hints(experiment), list(inspect.signature(experiment).parameters)
    given = {as_named(name, known): value for name, value in options.items()}
    experiment(
        folder, **{name: build(hints[name], one) if isinstance(one, dict) else one for name, one in given.items()}
    )


def build(hint: Any, values: dict[str, Any]) -> Any:
    """An instance of the dataclass in a type hint such as `Scale | None`."""
    kind = next(one for one in (hint, *typing.get_args(hint)) if isinstance(one, type) and is_dataclass(one))
    known = list(inspect.signature(kind).parameters)
    return kind(**{as_named(name, known): value for name, value in values.items()})


def main() -> None:
    import fairtoll

    out, source, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    if source.resolve() / "src" not in Path(fairtoll.__file__).resolve().parents:
        raise SystemExit(f"golden: fairtoll comes from {fairtoll.__file__}; expected one in {source}/src")
    for name in names:
        MAKERS[name](out / name)


# Worker processes import this file again.
if __name__ == "__main__":
    main()
