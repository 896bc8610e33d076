"""The estimate before an audit: it is said once there is something to wait for, and changes nothing."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import LinfThreat, audit
from fairtoll.attacks import PGD
from fairtoll.audits import estimate
from fairtoll.data import Dataset
from fairtoll.progress import saying_to


def network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))


@pytest.fixture
def said(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(120, 3)).astype(np.float32)
    rows = Dataset(x, (x[:, 0] > 0).astype(int), ("no", "yes"), groups={"site": ["n", "s"] * 60})
    models = {"one": [network(0), network(1)], "two": [network(2), network(3)]}

    def run(folder):
        lines = []
        with saying_to(lines.append):
            audit(models, rows, threat=LinfThreat(), epsilons=[0.2], attacks=[PGD(steps=5)], out=tmp_path / folder)
        return lines

    return run


def test_a_short_audit_is_not_estimated(said):
    assert said("short") == []


def test_a_long_one_is_and_it_changes_nothing(said, tmp_path, monkeypatch):
    said("short")
    monkeypatch.setattr(estimate, "WORTH_SECONDS", 0.0)
    (line,) = said("long")
    assert line.startswith("About ")
    assert "estimated from" in line
    for name in ("findings", "accuracy", "alarms"):
        one, other = (json.loads((tmp_path / run / "results.json").read_text())[name] for run in ("short", "long"))
        assert one == other
    # A finished one has nothing to wait for; one of which a part is missing has.
    assert said("long") == []
    next(iter((tmp_path / "long/stages").glob("attack-*.json"))).unlink()
    assert len(said("long")) == 1
