"""Running the program in this process, and models and rows to audit."""

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fairtoll.cli import main

FACTORY = """
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn
def estimator():
    return LogisticRegression()
class Scores(nn.Module):
    def __init__(self):
        super().__init__()
        self.estimator = LogisticRegression().fit([[0.0] * 3, [1.0] * 3, [2.0] * 3], [0, 1, 2])
    def forward(self, x):
        return torch.as_tensor(self.estimator.decision_function(x.detach().numpy()), dtype=x.dtype)
def network():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3))
def needs(width):
    return nn.Linear(width, 3)
def text():
    return "a model"
"""


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs `fairtoll ARGUMENTS` here; returns (status, standard output, standard error)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fairtoll", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3))


@pytest.fixture(scope="module")
def audit_inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "factory_of_cli_test.py").write_text(FACTORY)
    (folder / "broken_of_cli_test.py").write_text("def network(:\n")
    for name, seed in (("plain", 0), ("plain-2", 1), ("hardened", 2), ("hardened-2", 3)):
        save_file(network(seed).state_dict(), folder / f"{name}.safetensors")
    save_file(nn.Linear(3, 3).state_dict(), folder / "other.safetensors")
    save_file({}, folder / "none.safetensors")
    unknown = {name: torch.full_like(tensor, float("nan")) for name, tensor in network(0).state_dict().items()}
    save_file(unknown, folder / "nan.safetensors")
    (folder / "cut.safetensors").write_bytes((folder / "plain.safetensors").read_bytes()[:-9])
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(90, 3)).round(3), columns=["a", "b", "c"])
    frame["site"] = np.array(["north", "south"])[np.arange(90) % 2]
    frame["kind"] = np.array(["x", "y", "z"])[np.arange(90) // 30]
    frame.to_csv(folder / "rows.csv", index=False)
    frame[frame["kind"] != "z"].to_csv(folder / "two.csv", index=False)
    flags = {"at_n": (frame["site"] == "north").astype(int), "at_s": (frame["site"] == "south").astype(int), "one": 1}
    frame.assign(**flags).to_csv(folder / "flags.csv", index=False)
    frame.assign(a=10 * frame["a"]).to_csv(folder / "train.csv", index=False)
    first, *rest = frame.to_csv(index=False).splitlines()
    (folder / "long.csv").write_text("\n".join([first, rest[0], rest[1] + ",1", *rest[2:]]))
    frame.to_parquet(folder / "rows.parquet")
    (folder / "cut.parquet").write_bytes((folder / "rows.parquet").read_bytes()[:500])
    return folder


@pytest.fixture
def inputs(audit_inputs, monkeypatch):
    monkeypatch.chdir(audit_inputs)
    return audit_inputs
