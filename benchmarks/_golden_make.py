"""The two small runs of the golden results, made by the fairtoll that is on the path.

python benchmarks/_golden_make.py OUT SOURCE [adult] [cifar10]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "tests/data"
WORKERS = 2
#: Verdicts other than inconclusive need three training runs.
TRAINING_RUNS = 3
DESIGNS = ("masked", "one-ulp", "new-seed")


def make_adult(folder: Path) -> None:
    """Both protocols on 800 training and 800 test rows; three left-out rows, each with two reference models."""
    from fairtoll.experiments import find_experiment, reproduce
    from fairtoll.training import FitSettings

    adult = find_experiment("adult")
    small = replace(adult, data=replace(adult.data, train=800, test=800), settings=FitSettings(epochs=10))
    reproduce(
        small,
        folder,
        runs=TRAINING_RUNS,
        leave_one_out=3,
        designs=DESIGNS,
        references=2,
        device="cpu",
        workers=WORKERS,
    )


def make_cifar10(folder: Path) -> None:
    """Both protocols on 200 training and 200 test images, all synthetic; two left-out images."""
    from fairtoll.data import load_cifar10
    from fairtoll.experiments import find_experiment, reproduce
    from fairtoll.experiments.cifar10 import collections
    from fairtoll.training import FitSettings
    from fairtoll.training.networks import ConvolutionalNetwork

    sys.path.insert(0, str(DATA))
    from synthetic_cifar10 import make_splits, write_parquet_copy

    cifar10 = find_experiment("cifar10")
    small = replace(
        cifar10,
        data=replace(cifar10.data, load=partial(load_cifar10, rows_expected=None), attacked=100),
        network=ConvolutionalNetwork((4, 8, 16, 16)),
        collections=collections(restarts=1, queries=10, check_rows=50),
        settings=FitSettings(epochs=8, batch_size=20),
    )
    with tempfile.TemporaryDirectory() as images:
        reproduce(
            small,
            folder,
            source=write_parquet_copy(Path(images), make_splits(200, 200)),
            runs=TRAINING_RUNS,
            leave_one_out=2,
            designs=DESIGNS,
            device="cpu",
            workers=WORKERS,
        )


#: Each run by the name of its folder.
MAKERS: dict[str, Callable[[Path], None]] = {"adult": make_adult, "cifar10": make_cifar10}


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
