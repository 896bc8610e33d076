"""One small run of each experiment that many tests read."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parent))  # the small experiments
sys.path.insert(0, str(Path(__file__).parent / "data"))  # the synthetic copies of CIFAR-10


@pytest.fixture(scope="session")
def mini_run(tmp_path_factory):
    """Folder of a finished run: both protocols, two training runs, 800 rows, one epoch. Read it only."""
    from fairtoll.experiments import reproduce
    from small_experiments import small_adult

    base, side_by_side = tmp_path_factory.getbasetemp(), "PYTEST_XDIST_WORKER" in os.environ
    # Test processes side by side share one run.
    folder = (base.parent if side_by_side else base) / "mini-run"
    with FileLock(folder.with_suffix(".lock")):
        reproduce(small_adult(), folder, runs=2, leave_one_out=0, workers=2)
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
    from fairtoll.experiments import reproduce
    from small_experiments import small_cifar10

    def run(folder, *, workers=2, runs=2, **options):
        return reproduce(small_cifar10(), folder, source=cifar10_copy, runs=runs, workers=workers, **options)

    return run


@pytest.fixture(scope="session")
def mini_cifar10(run_mini_cifar10, tmp_path_factory):
    """Folder of such a run. Read it only."""
    base, side_by_side = tmp_path_factory.getbasetemp(), "PYTEST_XDIST_WORKER" in os.environ
    folder = (base.parent if side_by_side else base) / "mini-cifar10"
    with FileLock(folder.with_suffix(".lock")):
        run_mini_cifar10(folder)
    return folder
