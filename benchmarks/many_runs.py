"""What many training runs of Adult take: evidence on disk, and memory and time to answer every question from it.

    python benchmarks/many_runs.py --runs 80

The evidence is made up: every arm and attack of the experiment, on all 15,060 test rows, with outcomes drawn anew for
each run, which compress worse than those of models that agree. Each step is timed in a process of its own, whose peak
memory is its own.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from fairtoll.evidence import Checks, Clean, Evidence
from fairtoll.evidence.store import describe_attack, describe_predictions, describe_rows, write_about
from fairtoll.experiments import find_experiment
from fairtoll.experiments.workspace import BLOCK, Workspace
from fairtoll.findings.assemble import assemble
from fairtoll.storage.files import write_parquet

ADULT = find_experiment("adult")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=80)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, runs)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{runs} runs of {len(ADULT.arms())} arms: {size / 1e6:.0f} MB of evidence\n")
        print("| step | seconds | peak memory, MB |\n|---|---|---|")
        for name, step in (("read", Evidence.load), ("read, and answer every question", answer)):
            seconds, memory = alone(step, folder)
            print(f"| {name} | {seconds:.1f} | {memory:.0f} |")


def write(folder: Path, runs: int) -> None:
    """The files of a finished run, as its stages write them."""
    test = Workspace(ADULT, folder).data.test
    write_parquet(describe_rows(test), folder / "rows.parquet")
    arms = [{"name": arm, "title": arm, "note": ""} for arm in ADULT.arms()]
    write_about(folder, test.class_names, {"name": "adult", "arms": arms})
    generator = np.random.default_rng(0)
    difficulty = generator.random(len(test))
    for first in range(0, runs, BLOCK):
        for arm in ADULT.arms():
            for collection in ADULT.collections:
                if arm in ADULT.measured(collection) and collection.measures_run(first):
                    place = f"{collection.name}-{arm}-{first}.parquet"
                    seeds = [seed for seed in range(first, min(first + BLOCK, runs)) if collection.measures_run(seed)]
                    tables = {"predictions": [], "attacks": []}
                    for table, part in parts(collection, arm, seeds, difficulty, generator):
                        tables[table].append(part)
                    for table, made in tables.items():
                        if made:
                            write_parquet(pd.concat(made, ignore_index=True), folder / f"{table}-{place}")


def parts(
    collection: object, arm: str, seeds: list[int], difficulty: np.ndarray, generator: np.random.Generator
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Made-up outcomes of one stage."""
    noise = lambda: difficulty + 0.1 * generator.normal(size=len(difficulty))  # noqa: E731
    for measure in collection.measures:
        if isinstance(measure, Checks):
            continue  # of 500 rows in five runs
        for seed in seeds:
            where = {"arm": arm, "seed": seed}
            if isinstance(measure, Clean):
                chance = np.clip(noise(), 1e-6, 1 - 1e-6).astype(np.float32)
                yield "predictions", describe_predictions(np.stack([1 - chance, chance], axis=1), **where)
                continue
            evaluation = "static-transfer" if hasattr(measure, "source") else "white-box"
            where |= {"evaluation": evaluation, "threat": collection.threat or ADULT.threat}
            for place, epsilon in enumerate(measure.epsilons):
                success = noise() < 0.3 + 0.2 * place
                by = np.array(["", "apgd-ce", "square"])[success * generator.integers(1, 3, len(success))]
                yield (
                    "attacks",
                    describe_attack(success, **where, attack=measure.attack.name, epsilon=epsilon, broken_by=by),
                )
                if epsilon in measure.keep_probabilities_at:
                    chance = np.clip(noise(), 1e-6, 1 - 1e-6).astype(np.float32)
                    table = np.stack([1 - chance, chance], axis=1)
                    yield "predictions", describe_predictions(table, **where, epsilon=epsilon)


def answer(folder: Path) -> None:
    evidence = Evidence.load(folder)
    assemble(evidence, ADULT.plan(), title="", question="", threat=ADULT.threat, configuration={})


def alone(step: Callable[[Path], object], folder: Path) -> tuple[float, float]:
    """Seconds and peak memory of a step, in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(timed, (step, folder))


def timed(step: Callable[[Path], object], folder: Path) -> tuple[float, float]:
    began = time.monotonic()
    step(folder)
    return time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
