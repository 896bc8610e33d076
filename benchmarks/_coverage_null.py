"""A whole experiment whose arms are of one recipe: families with a false verdict."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

from _coverage_tables import failing, share, table
from fairtoll.attacks import PGD
from fairtoll.evidence import Attacked, Clean
from fairtoll.experiments import find_experiment
from fairtoll.experiments.engine import build_run
from fairtoll.experiments.experiment import AUTO, compare
from fairtoll.experiments.gaussian import CLASSES, EPSILON, THREAT, TwoGaussians
from fairtoll.experiments.parts import Collection
from fairtoll.findings import Attack, Question
from fairtoll.findings.results import Results
from fairtoll.training import FitSettings
from fairtoll.training.networks import DenseNetwork
from fairtoll.training.recipes.recipe import Recipe
from fairtoll.training.recipes.standard import train_standard

MAX_RUNS = 10
METRICS = ("cau", "cru_s", "eou")
ATTACK = PGD(steps=5)
PGD_AT = Attack("white-box", ATTACK.name, EPSILON, THREAT)
QUESTIONS = [
    *[Question("cau", partition) for partition in ("class", "group")],
    *[Question("cru_s", partition, PGD_AT, denominator="all") for partition in ("class", "group")],
    *[Question("eou", "group", label=label, target=CLASSES[1]) for label in CLASSES],
]


def _train(seed_from, setup, adversary):
    return train_standard(replace(setup, seeds=[seed_from + seed for seed in setup.seeds]))


def null_experiment(repetition):
    """Two Gaussian classes and a small network that runs vary, trained twice by the same recipe with other seeds."""
    gaussian = find_experiment("gaussian")
    first, again = (
        Recipe(name, title, "clean {rows}", partial(_train, 10_000 * repetition + start))
        for name, title, start in (("standard", "Standard", 1000), ("again", "Standard again", 5000))
    )
    return replace(
        gaussian,
        data=replace(gaussian.data, load=TwoGaussians(train=600, test=1200, seed=100 + repetition)),
        recipes=(first, again),
        questions=tuple((compare("sound", again), question) for question in QUESTIONS),
        collections=(Collection("predict", (Clean(),)), Collection("pgd", (Attacked(ATTACK, (EPSILON,)),))),
        network=DenseNetwork(depth=1, width=16),
        settings=FitSettings(epochs=2, learning_rate=0.02),
        runs=AUTO,
        theory=None,
        max_runs=MAX_RUNS,
    )


def measure(repetition):
    """Findings of one repetition: every stage but the report, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        run, stages = build_run(null_experiment(repetition), Path(folder), "cpu", None)
        with run.lock():
            for stage in stages:
                if stage.kind != "report" and (stage.condition is None or stage.condition.holds()):
                    stage.keep(run, stage.make)
        return Results.read(Path(folder) / "results.json").findings


def null_part(options):
    """Families with a verdict, of which every one is false."""
    began = time.perf_counter()
    words = ("less fair", "fairer", "either")
    metrics, counts, verdicts = [], Counter(), Counter()
    experiments = small = 0
    for repetition in range(options.repetitions):
        findings = measure(repetition)
        kinds = {metric: [one.verdict for one in findings if one.metric == metric] for metric in METRICS}
        for metric, found in kinds.items():
            metrics.append(metric)
            false = {word for word in words if word in found}
            counts.update((metric, word) for word in (false | {"either"} if false else false))
            verdicts.update((metric, verdict, finding.runs) for verdict, finding in zip(found, findings, strict=False))
        small += sum(one.difference is not None and one.difference.p_value <= 0.05 for one in findings)
        experiments += any(word in found for found in kinds.values() for word in words)
        print(repetition, kinds, f"{time.perf_counter() - began:.0f} s", flush=True)
    rows = []
    for metric in (*METRICS, "all"):
        chosen = METRICS if metric == "all" else (metric,)
        families = len(chosen) * options.repetitions
        false = [sum(counts[one, word] for one in chosen) for word in words]
        failed = " **fails**" if failing(false[2], families, 0, 0.05) else ""
        of_chosen = {key: number for key, number in verdicts.items() if key[0] in chosen}
        told = ", ".join(
            f"{sum(number for (_, verdict, _), number in of_chosen.items() if verdict == kind)} {kind}"
            for kind in sorted({verdict for _, verdict, _ in of_chosen})
        )
        rows.append([metric, str(families), *(share(count, families) for count in false), told])
        rows[-1][4] += failed
    differences = len(QUESTIONS) * options.repetitions
    return [
        f"Generated rows of two classes and two groups, 600 to train on and 1,200 to test, drawn anew in each of "
        f"{options.repetitions} repetitions; two arms of small networks trained by the same recipe with other seeds; "
        f"the whole experiment, from training and attack to verdicts, with runs until decided, at most {MAX_RUNS}. "
        "A family is the judgements of one metric. The goal: at most 5% of families with a false verdict.\n",
        *table(("metric", "families", "any less fair", "any fairer", "either", "verdicts"), rows),
        f"Experiments with any false verdict: {share(experiments, options.repetitions)}. P-values of at most 5%: "
        f"{share(small, differences)} of differences.",
    ]
