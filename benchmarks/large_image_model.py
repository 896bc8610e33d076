"""An image model of 25.6 million parameters, shaped as a ResNet-50, on 200 rows: the estimate, the time, a resume.

Its weights are random, so that its figures mean nothing. One audit runs whole; another of fewer rows is killed once its
first attacks are finished, and started again.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

FACTORY = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, inside, planes, stride):
        super().__init__()
        out = 4 * planes
        self.body = nn.Sequential(
            nn.Conv2d(inside, planes, 1, bias=False), nn.BatchNorm2d(planes), nn.ReLU(),
            nn.Conv2d(planes, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes), nn.ReLU(),
            nn.Conv2d(planes, out, 1, bias=False), nn.BatchNorm2d(out),
        )
        same = inside == out and stride == 1
        short = (nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        self.short = nn.Identity() if same else nn.Sequential(*short)

    def forward(self, x):
        return (self.body(x) + self.short(x)).relu()


def resnet():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inside = 64
    for planes, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for place in range(blocks):
            layers.append(Block(inside, planes, stride if place == 0 else 1))
            inside = 4 * planes
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, 1000), nn.ReLU(), nn.Linear(1000, 10))
    model = nn.Sequential(*layers, *head).eval()
    # Outputs of random weights hardly depend on the input; spread, they give every class.
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        images = torch.rand(32, 3, 64, 64, generator=generator) * torch.rand(32, 3, 1, 1, generator=generator)
        out, last = model(images), model[-1]
        last.bias.copy_((last.bias - out.mean(dim=0)) / out.std(dim=0))
        last.weight.div_(out.std(dim=0)[:, None])
    return model
"""
SAID = re.compile(r"About (.+) to go, estimated from (\d+) rows?")


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200, help="rows of the audit that runs whole")
    parser.add_argument("--killed", type=int, default=40, help="rows of the audit that is killed")
    given = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write(folder)
        lines = [("whole", given.rows, *_timed(folder, given.rows, "whole"))]
        if given.killed:
            _kill(folder, given.killed)
            lines.append(("resumed after kill -9", given.killed, *_timed(folder, given.killed, "killed")))
    print("| audit | rows | estimate | from rows | seconds in all | status |")
    print("|---|---:|---|---:|---:|---:|")
    for line in lines:
        print(f"| {' | '.join(map(str, line))} |")


def _write(folder: Path) -> None:
    """The factory, and rows of which the model classifies half correctly."""
    (folder / "large_model_of_benchmark.py").write_text(FACTORY, encoding="utf-8")
    sys.path.insert(0, str(folder))
    import large_model_of_benchmark as made
    import torch

    generator = np.random.default_rng(0)
    x = generator.random((200, 3, 64, 64)).astype(np.float32) * generator.random((200, 3, 1, 1)).astype(np.float32)
    model = made.resnet()
    print(f"{sum(one.numel() for one in model.parameters()) / 1e6:.1f} million parameters", file=sys.stderr)
    with torch.no_grad():
        predicted = model(torch.from_numpy(x)).argmax(dim=1).numpy()
    y = np.where(generator.random(200) < 0.5, predicted, generator.integers(0, 10, 200))
    red = x[:, 0].mean(axis=(1, 2)) > x[:, 1].mean(axis=(1, 2))
    np.savez(folder / "rows.npz", x=x, y=y, tint=np.where(red, "red", "green"))


def _start(folder: Path, rows: int, out: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fairtoll", "audit", "--model", "large=large_model_of_benchmark:resnet"]
    command += ["--data", "rows.npz", "--group", "tint", "--epsilon", "0.001", "--attack", "pgd-20"]
    return subprocess.Popen(
        [*command, "--rows", str(rows), "--out", out], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip


def _timed(folder: Path, rows: int, out: str) -> tuple[str, str, str, int]:
    begun = time.perf_counter()
    running = _start(folder, rows, out)
    _, error = running.communicate()
    found = SAID.search(error)
    estimate = found.groups() if found else ("none: under two minutes", "")
    return (*estimate, f"{time.perf_counter() - begun:.0f}", running.returncode)


def _kill(folder: Path, rows: int) -> None:
    """Start an audit and kill it once its checks are finished."""
    running = _start(folder, rows, "killed")
    while running.poll() is None and not (folder / "killed/stages/checks-0-0.json").exists():
        time.sleep(0.5)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()


if __name__ == "__main__":
    main()
