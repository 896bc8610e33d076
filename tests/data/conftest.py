"""Makes the synthetic copies importable."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from synthetic_cifar10 import make_splits


@pytest.fixture(scope="session")
def splits():
    return make_splits(60, 20)
