"""One small run of each experiment that many tests read."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parent / "data"))  # the synthetic copies of CIFAR-10


@pytest.fixture(scope="session")
def mini_run(tmp_path_factory):
    """Folder of a finished run: both protocols, two training runs, 800 rows, one epoch. Read it only."""
    from fairtoll.experiments import reproduce_adult
    from fairtoll.training import FitSettings

    base, side_by_side = tmp_path_factory.getbasetemp(), "PYTEST_XDIST_WORKER" in os.environ
    # Test processes side by side share one run.
    folder = (base.parent if side_by_side else base) / "mini-run"
    with FileLock(folder.with_suffix(".lock")):
        reproduce_adult(folder, seeds=2, rows=800, leave_one_out=0, settings=FitSettings(epochs=1), workers=2)
    return folder


@pytest.fixture
def mini_copy(mini_run, tmp_path):
    """The same run, to be changed."""
    return shutil.copytree(mini_run, tmp_path / "copy")


@pytest.fixture(scope="session")
def cifar10_copy(tmp_path_factory):
    """Folder of a made-up copy of CIFAR-10: 200 training and 200 test images, PNG in Parquet."""
    from synthetic_cifar10 import make_splits, write_parquet_copy

    return write_parquet_copy(tmp_path_factory.mktemp("made-up"), make_splits(200, 200))


@pytest.fixture(scope="session")
def run_mini_cifar10(cifar10_copy):
    """Runs the CIFAR-10 experiment on the made-up copy: both protocols, two training runs, 100 attacked images."""
    from fairtoll.experiments import reproduce_cifar10
    from fairtoll.experiments.cifar10_workspace import Scale
    from fairtoll.training import FitSettings

    def run(folder, *, workers=2, seeds=2, **options):
        return reproduce_cifar10(
            folder,
            source=cifar10_copy,
            seeds=seeds,
            scale=Scale(attacked_rows=100, restarts=1, queries=10, widths=(4, 8, 16, 16)),
            settings=FitSettings(epochs=3, batch_size=50),
            rows_expected=None,
            workers=workers,
            **options,
        )

    return run


@pytest.fixture(scope="session")
def mini_cifar10(run_mini_cifar10, tmp_path_factory):
    """Folder of such a run. Read it only."""
    base, side_by_side = tmp_path_factory.getbasetemp(), "PYTEST_XDIST_WORKER" in os.environ
    folder = (base.parent if side_by_side else base) / "mini-cifar10"
    with FileLock(folder.with_suffix(".lock")):
        run_mini_cifar10(folder)
    return folder
