"""A hundred leave-one-out members of Adult: stacked, against the plain PyTorch loop over one model after another.

    make bench BENCH=leave_one_out

Each contender trains members for a few steps of the same schedule, alternating in one run. The tables give the median
time of one step of one member, and the time that the whole training of all members would take at that rate.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context

import torch
from torch.nn import functional

from fairtoll.data import load_adult
from fairtoll.experiments.adult import ADULT
from fairtoll.experiments.leave_one_out.stages import predict
from fairtoll.models.networks import initialise_as_keras
from fairtoll.randomness import torch_generator
from fairtoll.threads import use_one_thread
from fairtoll.training import FitSettings, TrainingSetup
from fairtoll.training.chunks import members_at_once
from fairtoll.training.fit import steps_of
from fairtoll.training.leave_one_out import choose_left_out, plan_members, train_members

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60, help="optimiser steps of each member")
    parser.add_argument("--members", type=int, default=100, help="number of members of the last column")
    parser.add_argument("--chunks", type=int, nargs="+", default=[10], help="members in one stack")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of the plain loop")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--growth", type=int, nargs="*", default=[10, 20, 50, 100], help="numbers of members, compared")
    options = parser.parse_args()
    whole = steps_of(len(setup_of(None).items), FitSettings())
    context = get_context("spawn")
    with ProcessPoolExecutor(options.workers, context, use_one_thread) as pool:
        for dtype in DTYPES:
            contenders: dict[str, Callable[[], float]] = {}
            for threads in options.threads:
                name = f"plain loop, {threads} thread{'s' * (threads > 1)}"
                contenders[name] = partial(plain_loop, dtype, options.steps, threads)
            for chunk in options.chunks:
                contenders[f"stack of {chunk}, one process"] = partial(stacked, dtype, options.steps, chunk)
                contenders[f"stacks of {chunk}, {options.workers} processes"] = partial(
                    in_processes, pool, options.workers, dtype, options.steps, chunk
                )
            seconds = {name: [] for name in contenders}
            for run in range(options.repeats + 1):
                for name, measure in contenders.items():
                    taken = measure()
                    if run:  # the first is for warming up
                        seconds[name].append(taken)
            show(dtype, {name: statistics.median(taken) for name, taken in seconds.items()}, whole, options)
    if options.growth:
        show_growth(options)


def show(dtype: str, medians: dict[str, float], whole: int, options: argparse.Namespace) -> None:
    """One table."""
    best = min(seconds for name, seconds in medians.items() if name.startswith("plain"))
    print(f"\n**Adult, {dtype}, {options.steps} steps, medians of {options.repeats}; torch {torch.__version__}**\n")
    last = f"{options.members} members, {whole:,} steps, minutes"
    print(f"| | ms per member and step | against the plain loop | {last} |")
    print("|---|---:|---:|---:|")
    for name, seconds in medians.items():
        minutes = seconds * whole * options.members / 60
        print(f"| {name} | {1000 * seconds:.3f} | {best / seconds:.1f} times as fast | {minutes:.1f} |")


def show_growth(options: argparse.Namespace) -> None:
    """Time and memory against the number of members, each in a process of its own, in float64."""
    print(f"\n**Adult, float64, {options.steps} steps, one process, by the number of members**\n")
    print("| members | ms per member and step | peak memory, MiB |")
    print("|---:|---:|---:|")
    for members in options.growth:
        with ProcessPoolExecutor(1, get_context("spawn"), use_one_thread) as pool:
            seconds, memory = pool.submit(study, options.steps, members).result()
        print(f"| {members} | {1000 * seconds / (members * options.steps):.3f} | {memory:,.0f} |")


def study(steps: int, count: int) -> tuple[float, float]:
    """Seconds and peak MiB of training `count` members as a study does: one chunk after another."""
    setup = setup_of(steps)
    at_once = members_at_once(setup, dtype=torch.float64)
    members = plan_members("masked", left_out_of(setup, count), seed=0)
    test = torch.from_numpy(load_adult().test.x)
    taken, kept = 0.0, []
    for first in range(0, count, at_once):
        started = time.perf_counter()
        stack = train_members(members[first : first + at_once], setup, dtype=torch.float64)
        taken += time.perf_counter() - started
        # Of a member only its predictions for the test rows are kept.
        kept.append(predict(stack, test))
    assert sum(len(one) for one in kept) == count
    return taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@cache
def setup_of(steps: int | None) -> TrainingSetup:
    """Adult as its experiment trains on it, cut to `steps` steps of one epoch."""
    settings = FitSettings() if steps is None else FitSettings(epochs=1)
    setup = TrainingSetup.for_rows(load_adult().train, seeds=[0], copies=ADULT.data.copies, settings=settings)
    if steps is None:
        return setup
    chosen = torch.randperm(len(setup.items), generator=torch_generator(0, "benchmark"))[: steps * settings.batch_size]
    return TrainingSetup(setup.x, setup.y, setup.items[chosen], [0], setup.network, settings)


def left_out_of(setup: TrainingSetup, count: int) -> list[int]:
    return [int(setup.items[place]) for place in choose_left_out(len(setup.items), count, seed=0)]


def stacked(dtype: str, steps: int, chunk: int) -> float:
    """Seconds of one member's step."""
    setup = setup_of(steps)
    members = plan_members("masked", left_out_of(setup, chunk), seed=0)
    started = time.perf_counter()
    train_members(members, setup, dtype=DTYPES[dtype])
    return (time.perf_counter() - started) / (chunk * steps)


def in_processes(pool: ProcessPoolExecutor, workers: int, dtype: str, steps: int, chunk: int) -> float:
    started = time.perf_counter()
    for future in [pool.submit(stacked, dtype, steps, chunk) for _ in range(workers)]:
        future.result()
    return (time.perf_counter() - started) / (workers * chunk * steps)


def plain_loop(dtype: str, steps: int, threads: int) -> float:
    """What one would write: a model, its optimiser, batches without the row."""
    setup, before = setup_of(steps), torch.get_num_threads()
    (left_out,) = left_out_of(setup, 1)
    x, settings = setup.x.to(DTYPES[dtype]), setup.settings
    model = setup.network()
    initialise_as_keras(model, torch_generator(0, "initial weights"))
    model.to(DTYPES[dtype])
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, eps=settings.adam_epsilon)
    torch.set_num_threads(threads)
    started = time.perf_counter()
    order = setup.items[torch.randperm(len(setup.items), generator=torch_generator(0, "batches", 0))]
    for batch in order.split(settings.batch_size):
        kept = batch[batch != left_out]
        optimiser.zero_grad()
        functional.cross_entropy(model(x[kept]), setup.y[kept]).backward()
        optimiser.step()
    taken = time.perf_counter() - started
    torch.set_num_threads(before)
    return taken / steps


if __name__ == "__main__":
    main()
