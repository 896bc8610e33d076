"""Two CNNs on CIFAR-10: how many rows are proved robust and how many attacks break, and what that leaves of CRU_eps.

    make bench BENCH=certified_cnn ARGS="--data-dir DIR"

or, in the environment that this creates,

    .venv/bin/python benchmarks/certified_cnn.py --data-dir DIR --minutes 20 --docs docs/proofs.md

Rows are taken in the data's order, a block at a time, until the minutes are spent; both models get the same rows. Upper
ends: `least_epsilon`, and the union of attacks at every radius of the table. Lower ends: `certified_epsilon`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from _images import MODELS, THREAT, Images, load_images, load_model, weights_of
from _tables import replace_between, table_of
from fairtoll import FairtollError
from fairtoll.attacks import least_epsilon, union
from fairtoll.bounds import certified_epsilon

CACHE = Path("runs/benchmarks")
RADII = (0.002, 0.004, 0.006, 0.008, 0.010, 0.012, 0.014)
#: Nobody looks further: a row that nothing breaks within it counts with it.
LARGEST = 0.016
#: A lower end is within this share of the upper one of what the bounds prove.
HALVINGS = 5


@dataclass
class Bracket:
    """What is known of each row of one model: within `low` proved, at `high` broken (infinite where nothing breaks)."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    attacking: float = 0.0
    proving: float = 0.0


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    try:
        images = load_images(options.data_dir)
        given = {name: Path(path) for name, _, path in (one.partition("=") for one in options.weights)}
        models = {name: load_model(weights_of(name, given, images, CACHE)) for name in MODELS}
        x, y = images.test_rows(options.rows)
        found = collect(models, x, y, options)
    except FairtollError as error:
        raise SystemExit(f"{Path(__file__).name}: {error}") from error
    text = describe(found, y.numpy(), images)
    print(text)
    if options.docs is not None:
        replace_between(options.docs, "certified_cnn", text)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000, help="at most")
    parser.add_argument("--minutes", type=float, default=20.0, help="after which no further block is begun")
    parser.add_argument("--block", type=int, default=50, help="rows of a block")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data-dir", help="CIFAR-10; default: the folder that FAIRTOLL_CIFAR10_DIR names")
    parser.add_argument("--weights", action="append", default=[], metavar="MODEL=FILE", help="instead of training one")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the tables into FILE")
    return parser.parse_args()


def collect(models: dict[str, nn.Module], x: Tensor, y: Tensor, options: argparse.Namespace) -> dict[str, Bracket]:
    start, blocks = time.monotonic(), {name: list[Bracket]() for name in models}
    for first in range(0, len(x), options.block):
        if time.monotonic() - start > 60 * options.minutes:
            break
        rows, labels = x[first : first + options.block], y[first : first + options.block]
        for name, model in models.items():
            blocks[name].append(bracket(model, rows, labels, seed=first))
        print(f"{first + len(rows):,} rows after {time.monotonic() - start:,.0f} s", flush=True)
    return {name: joined(parts) for name, parts in blocks.items()}


def bracket(model: nn.Module, x: Tensor, y: Tensor, *, seed: int) -> Bracket:
    """Of the rows of one block: attacks first, so that nothing is tried beyond what is broken."""
    start = time.process_time()
    found = least_epsilon(model, x, y, threat=THREAT, epsilon_max=LARGEST, tolerance=LARGEST / 256)
    high = found.high.clone()
    for radius in (*RADII, LARGEST):
        rows = (high > radius).nonzero().flatten()
        if len(rows):
            draws = torch.Generator().manual_seed(seed)
            broken = union(model, x[rows], y[rows], threat=THREAT, epsilon=radius, generator=draws).success
            high[rows[broken]] = radius
    middle = time.process_time()
    proved = certified_epsilon(
        model, x, y, threat=THREAT, epsilon_max=high.clamp(max=LARGEST), halvings=HALVINGS
    )  # fmt: skip
    end = time.process_time()
    return Bracket(proved.epsilon.numpy(), high.numpy(), middle - start, end - middle)


def joined(parts: list[Bracket]) -> Bracket:
    return Bracket(
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
        sum(part.attacking for part in parts),
        sum(part.proving for part in parts),
    )


def describe(found: dict[str, Bracket], labels: NDArray[np.int64], images: Images) -> str:
    rows = len(next(iter(found.values())).low)
    labels = labels[:rows]
    parts = [
        f"{images.title}, the first {rows:,} test rows. Percent of all rows that are proved robust – percent that no "
        "attack broke: robust accuracy lies between. Radii in units of the pixels' range, L-infinity."
    ]
    for name, one in found.items():
        parts += [
            f"**{MODELS[name]}**",
            table_of(*accuracies(one, labels, images.test.class_names)),
            f"Mean least epsilon by class, up to {LARGEST}: proved at least – broken at most. {gaps(one, labels)} "
            f"Processor time of a row: {one.attacking / rows:.2f} s of attacks, {one.proving / rows:.2f} s of proofs.",
            table_of(*means(one, labels, images.test.class_names)),
        ]
    return "\n\n".join(parts) + "\n"


def accuracies(one: Bracket, labels: NDArray[np.int64], names: tuple[str, ...]) -> tuple[list[str], list[list[str]]]:
    head = ["class", "rows", "clean", *(f"{radius:.3f}" for radius in RADII)]

    def line(name: str, rows: NDArray[np.bool_]) -> list[str]:
        low, high = one.low[rows], one.high[rows]
        between = [f"{100 * (low >= radius).mean():.0f} – {100 * (high > radius).mean():.0f}" for radius in RADII]
        return [name, f"{rows.sum():,}", f"{100 * (high > 0).mean():.0f}", *between]

    lines = [line(name, labels == label) for label, name in enumerate(names) if (labels == label).any()]
    return head, [*lines, line("all", np.ones(len(labels), dtype=bool))]


def class_ends(one: Bracket, labels: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and the highest that each class's mean least epsilon may be."""
    each = [labels == label for label in np.unique(labels)]
    high = np.minimum(one.high, LARGEST)
    return np.array([one.low[rows].mean() for rows in each]), np.array([high[rows].mean() for rows in each])


def gaps(one: Bracket, labels: NDArray[np.int64]) -> str:
    low, high = class_ends(one, labels)
    most = max(high[a] - low[b] for a in range(len(low)) for b in range(len(low)) if a != b)
    least = max(0.0, low.max() - high.min())
    return (
        f"CRU_eps lies between {least:.4f} and {most:.4f}; from the broken ends alone it would be "
        f"{high.max() - high.min():.4f}."
    )


def means(one: Bracket, labels: NDArray[np.int64], names: tuple[str, ...]) -> tuple[list[str], list[list[str]]]:
    there = [name for label, name in enumerate(names) if (labels == label).any()]
    return ["", *there], [
        ["proved", *(f"{value:.4f}" for value in class_ends(one, labels)[0])],
        ["broken", *(f"{value:.4f}" for value in class_ends(one, labels)[1])],
    ]


if __name__ == "__main__":
    main()
