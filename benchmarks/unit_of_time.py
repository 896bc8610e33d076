"""Time of the experiments in units that hold on any machine: one unit is 1,000 plain PyTorch steps of Adult's network.

    make bench BENCH=unit_of_time                                     where the time of one training run goes
    python benchmarks/unit_of_time.py --folder runs/adult             a finished run, with a unit timed now
    python benchmarks/unit_of_time.py --job cifar10 --out DIR -- --quick --data-dir DATA

A step is a batch as the experiment has it: forward, loss, backward, Adam, in one thread. The unit is timed in the same
run: before each stage of the profile, before and after a job. The profile makes the stages of one training run in this
process and times the products of matrices and tanh inside them: what is left if all else took no time.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from fairtoll.data import load_adult
from fairtoll.experiments.adult import ADULT
from fairtoll.experiments.engine import build_run
from fairtoll.models import passes
from fairtoll.runs.folder import finished_stages
from fairtoll.threads import use_one_thread

STEPS, REPEATS = 100, 5
HEAD = "| work | seconds | units | products | tanh | all else |\n|---|---:|---:|---:|---:|---:|"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="a finished run: its stages in units")
    parser.add_argument("--job", help="an experiment to run as a command, with the options after --")
    parser.add_argument("--out", type=Path, help="folder of the job or of the profile; default: a temporary one")
    parser.add_argument("--runs", type=int, default=1, help="training runs of each arm in the profile")
    parser.add_argument("options", nargs="*", help="of the job")
    given = parser.parse_args()
    use_one_thread()
    with tempfile.TemporaryDirectory() as temporary:
        out = given.out or Path(temporary) / "run"
        if given.folder is not None:
            print_stages(given.folder, unit())
        elif given.job is not None:
            run_job(given.job, out, given.options)
        else:
            print_profile(out, given.runs)


def unit(repeats: int = REPEATS) -> float:
    """Seconds of 1,000 plain steps: the median of some hundreds of them, on this thread."""
    rows = load_adult().train
    model, items = ADULT.network(rows)(), torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    x, y, batches = torch.from_numpy(rows.x), torch.from_numpy(rows.y), items.split(ADULT.settings.batch_size)
    optimiser = torch.optim.Adam(model.parameters(), lr=ADULT.settings.learning_rate)
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        for step in range(STEPS):
            batch = batches[step % (len(batches) - 1)]
            optimiser.zero_grad()
            functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimiser.step()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000 / STEPS


def run_job(name: str, out: Path, options: list[str]) -> None:
    before, begun = unit(), time.perf_counter()
    command = [sys.executable, "-m", "fairtoll", "reproduce", name, "--out", str(out), *options]
    subprocess.run(command, check=True)
    wall = time.perf_counter() - begun
    seconds = (before + unit()) / 2
    print_stages(out, seconds)
    command_line = " ".join([name, *options])
    print(f"\n`{command_line}`: {wall:.0f} s from start to end, {wall / seconds:.0f} units of {seconds:.3f} s.")


def print_stages(folder: Path, seconds: float) -> None:
    """Seconds of work of a finished run by kind and arm, as its stages recorded them."""
    total: dict[str, float] = {}
    for stage in finished_stages(folder):
        name = re.sub(rf"(-{stage.arm})?-\d+$", "", stage.stage)
        kind = f"{stage.kind}: {name}" if stage.kind == "attacks" else stage.kind
        if stage.kind == "training":
            kind = f"training: {stage.arm}"
        total[kind] = total.get(kind, 0.0) + stage.seconds
    print(f"One unit takes {seconds:.3f} s.\n\n| work | seconds | units |\n|---|---:|---:|")
    for kind, one in sorted(total.items(), key=lambda entry: -entry[1]):
        print(f"| {kind} | {one:.1f} | {one / seconds:.1f} |")
    whole = sum(total.values())
    print(f"| all, on one core | {whole:.1f} | {whole / seconds:.1f} |")


def print_profile(out: Path, runs: int) -> None:
    """Seconds and units of each stage of a few training runs of Adult, with the share of products and tanh."""
    run, stages = build_run(replace(ADULT, runs=runs), out, "cpu", None)
    print(f"Adult, {runs} training run{'s' * (runs > 1)} of each arm, one core:\n\n{HEAD}")
    whole = np.zeros(4)
    with run.lock(), timed() as spent:
        for stage in stages:
            spent.clear()
            one, begun = unit(1), time.perf_counter()
            stage.keep(run, stage.make)
            seconds = time.perf_counter() - begun
            parts = np.array([seconds, spent.get("products", 0.0), spent.get("tanh", 0.0), 0.0]) / one
            parts[3] = parts[0] - parts[1] - parts[2]
            whole += parts
            print(f"| {stage.title} | {seconds:.2f} | {' | '.join(f'{part:.2f}' for part in parts)} |", flush=True)
    print(f"| all | | {' | '.join(f'{part:.1f}' for part in whole)} |")


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Inside, the seconds that products of matrices and tanh of dense networks take."""
    spent: dict[str, float] = {}

    def timing(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            begun = time.perf_counter()
            answer = work(*given, **more)
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - begun
            return answer

        return call

    product, tanh = np.matmul, passes._tanh
    np.matmul, passes._tanh = timing("products", product), timing("tanh", tanh)
    try:
        yield spent
    finally:
        np.matmul, passes._tanh = product, tanh


if __name__ == "__main__":
    main()
