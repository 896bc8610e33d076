"""How the cost of the attack engine grows: with rows, with classes, with radii.

    make bench BENCH=attack_scaling ARGS="--data-dir DIR"

Two calls, `success_curve` and `least_epsilon`, on the standard CNN. With more classes than the data have, the last
layer is widened by classes that are never predicted: the attack's path stays the same, and only their cost is measured.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from _contenders import Task, fairtoll_curve, fairtoll_least
from _images import THREAT, load_images, load_model, weights_of
from _tables import replace_between, table_of

CACHE = Path("runs/benchmarks")
FIRST_EPSILON, LAST_EPSILON = 0.004, 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 2000, 5000, 10_000])
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--radii", type=int, nargs="+", default=[1, 3, 10, 30])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data-dir", help="CIFAR-10; default: the folder that FAIRTOLL_CIFAR10_DIR names")
    parser.add_argument("--weights", type=Path, help="of the standard CNN, instead of training one")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the table into FILE")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images = load_images(options.data_dir)
    given = {"standard": options.weights} if options.weights else {}
    model = load_model(weights_of("standard", given, images, CACHE))
    fewest = options.rows[0]

    def task(rows: int, classes: int, radii: int) -> Task:
        x, y = images.test_rows(rows)
        step = (LAST_EPSILON - FIRST_EPSILON) / max(radii - 1, 1)
        epsilons = tuple(FIRST_EPSILON + step * position for position in range(radii))
        return Task(widened(model, classes), x, y, THREAT, epsilons, 50, 0.05, 0.0005, 0.002, 0.00001)

    curves = [("success_curve", fairtoll_curve()), ("least_epsilon", fairtoll_least)]
    cases = [(name, run, rows, 10, 3) for rows in options.rows for name, run in curves]
    cases += [(name, run, fewest, classes, 3) for classes in options.classes for name, run in curves]
    cases += [(*curves[0], fewest, 10, radii) for radii in options.radii]
    lines = []
    for name, run, rows, classes, radii in dict.fromkeys(cases):
        seconds = timed(partial(run, task(rows, classes, radii), 0, 0), options.repeats)
        shown = f"{radii}" if name == "success_curve" else ""
        lines.append([name, f"{rows:,}", f"{classes:,}", shown, f"{seconds:.2f}", f"{1000 * seconds / rows:.2f}"])
        print(f"{name}: {rows} rows, {classes} classes, {radii} radii, {seconds:.2f} s", file=sys.stderr, flush=True)
    text = (
        f"{images.title}, standard CNN, 50 steps, {options.threads} threads, medians of {options.repeats} runs; "
        f"torch {torch.__version__}.\n\n"
        + table_of(["", "rows", "classes", "radii", "seconds", "milliseconds per row"], lines)
        + "\n"
    )
    print(text)
    if options.docs is not None:
        replace_between(options.docs, "scaling", text)


def widened(model: nn.Sequential, classes: int) -> nn.Sequential:
    """The model with classes added that no input is ever put into."""
    last = model[-1]
    assert isinstance(last, nn.Linear)
    more = nn.Linear(last.in_features, classes)
    with torch.no_grad():
        more.weight.zero_()
        more.bias.fill_(-1e4)
        more.weight[: last.out_features] = last.weight
        more.bias[: last.out_features] = last.bias
    return nn.Sequential(*model[:-1], more).eval()


def timed(call: Callable[[], object], repeats: int) -> float:
    """Median seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
