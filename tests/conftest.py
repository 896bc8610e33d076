"""One small run of the Adult experiment that many tests read."""

import os
import shutil

import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def mini_run(tmp_path_factory):
    """Folder of a finished run: both protocols, two training runs, 800 rows, one epoch. Read it only."""
    from fairtoll.experiments import reproduce_adult
    from fairtoll.training import FitSettings

    base, side_by_side = tmp_path_factory.getbasetemp(), "PYTEST_XDIST_WORKER" in os.environ
    # Test processes side by side share one run.
    folder = (base.parent if side_by_side else base) / "mini-run"
    with FileLock(folder.with_suffix(".lock")):
        reproduce_adult(folder, seeds=2, rows=800, settings=FitSettings(epochs=1), workers=2)
    return folder


@pytest.fixture
def mini_copy(mini_run, tmp_path):
    """The same run, to be changed."""
    return shutil.copytree(mini_run, tmp_path / "copy")
