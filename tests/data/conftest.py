"""Makes the synthetic copies importable."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from synthetic_cifar10 import make_splits


@pytest.fixture(scope="session")
def splits():
    return make_splits(60, 20)


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch, tmp_path):
    """No copy of the data that this machine has, and no proxy on the way to a server here."""
    monkeypatch.delenv("FAIRTOLL_CIFAR10_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
