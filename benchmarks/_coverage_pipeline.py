"""The whole line, from training to verdicts, on rows whose exact toll is known at every trained rule.

What is fixed is the training procedure with its training rows; what is drawn anew in each repetition is what an
interval is over: training runs (initial weights and order of batches) and test rows. The exact toll is the mean of the
formula over 2,000 further training runs, each at its own linear rule.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import tempfile
import time
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch

import fairtoll
from fairtoll.data import TrainTest
from fairtoll.evidence import Attacked, Clean
from fairtoll.experiments import find_experiment
from fairtoll.experiments.closed_form.limit import best_rules
from fairtoll.experiments.closed_form.rules import rule_of
from fairtoll.experiments.closed_form.values import group_values
from fairtoll.experiments.engine import build_run
from fairtoll.experiments.experiment import compare
from fairtoll.experiments.gaussian import CLASSES, CRAFT, EPSILON, EPSILON_MAX, SEARCH, THREAT, TwoGaussians
from fairtoll.experiments.parts import Collection
from fairtoll.experiments.workspace import Workspace
from fairtoll.findings import Attack, Question
from fairtoll.findings.results import Results
from fairtoll.findings.spreads import interval_at
from fairtoll.theory import error
from fairtoll.training import RECIPES

RUNS, ATTACKED, REPETITIONS, FURTHER, TOGETHER = 5, 1000, 200, 2000, 500
#: The first seed of the further training runs, far from those of any repetition.
FURTHER_SEEDS = 10_000_000
UNDER_ATTACK = Attack("white-box", CRAFT.name, EPSILON, THREAT)
LEAST = Attack("white-box", SEARCH.name, EPSILON_MAX, THREAT)
QUESTIONS = [
    *[Question("cau", partition) for partition in ("class", "group")],
    *[Question("cru_s", partition, UNDER_ATTACK, denominator="all") for partition in ("class", "group")],
    *[Question("cru_epsilon", partition, LEAST, denominator="all") for partition in ("class", "group")],
    *[Question("eou", "group", label=label, target=CLASSES[1]) for label in CLASSES],
]


@dataclass(frozen=True)
class Setting:
    """Two arms on rows of one kind, fixed before any coverage was looked at."""

    name: str
    words: str
    rows: TwoGaussians
    robust: str


ROWS = TwoGaussians(train=1000, test=2000)
SETTINGS = {
    one.name: one
    for one in (
        Setting(
            "same recipe",
            "the arms are standard training and standard training again, so that every toll is 0",
            replace(ROWS, seed=1),
            "standard",
        ),
        Setting(
            "equal spreads",
            "standard and on-line training where neither classes nor groups differ in anything but their means: tolls "
            "are what one training set happens to give, nearly 0",
            replace(ROWS, spread=(1.5, 1.5), shift=0.0, seed=2),
            "online",
        ),
        Setting(
            "unequal spreads",
            "standard and on-line training on the rows of `fairtoll reproduce gaussian`: tolls of either sign",
            replace(ROWS, seed=3),
            "online",
        ),
    )
}


@dataclass(frozen=True)
class FreshTest:
    """The training rows of `rows`, and test rows drawn anew."""

    rows: TwoGaussians
    seed: int

    def __call__(self):
        fixed, fresh = self.rows(), replace(self.rows, seed=self.seed)()
        return TrainTest(fixed.train, fresh.test, title=fixed.title, note=fixed.note)


def _train_from(start, train, setup, adversary, **parameters):
    return train(replace(setup, seeds=[start + seed for seed in setup.seeds]), adversary, **parameters)


def experiment_of(setting, *, test_seed, starts):
    """The experiment with its linear model, two arms, and seeds of training runs that begin at `starts`."""
    gaussian = find_experiment("gaussian")
    arms = tuple(
        replace(RECIPES[kind], name=name, title=name, train=partial(_train_from, start, RECIPES[kind].train))
        for name, kind, start in zip(("standard", "robust"), ("standard", setting.robust), starts, strict=True)
    )
    return replace(
        gaussian,
        data=replace(gaussian.data, load=FreshTest(setting.rows, test_seed), attacked=ATTACKED),
        recipes=arms,
        networks={},
        questions=tuple((compare("sound", arms[1], controls=False), question) for question in QUESTIONS),
        collections=(
            Collection("predict", (Clean(),)),
            Collection("pgd", (Attacked(CRAFT, (EPSILON,)),)),
            Collection("least-epsilon", (Attacked(SEARCH, (EPSILON_MAX,)),)),
        ),
        runs=RUNS,
        theory=None,
    )


def of_repetition(setting, repetition):
    """The experiment of one repetition: its own test rows and training runs; two like recipes have their own each."""
    first = 10_000 * (repetition + 1)
    starts = (first, first + (5000 if setting.robust == "standard" else 0))
    return experiment_of(setting, test_seed=1000 + repetition, starts=starts)


def measure(setting, repetition):
    """Results of one repetition: every stage but the report, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        run, stages = build_run(of_repetition(setting, repetition), Path(folder), "cpu", None)
        with run.lock():
            for stage in stages:
                if stage.kind != "report":
                    stage.keep(run, stage.make)
        return Results.read(Path(folder) / "results.json")


def record_of(results):
    """What is judged of one repetition: intervals at 95% by what they are of, and verdicts by question."""
    intervals, verdicts = {}, {}
    for question, finding in zip(QUESTIONS, results.findings, strict=True):
        found, key = finding.difference, question.key
        # A verdict shares its error with the others of its metric, so its interval is wider than 95%.
        intervals["toll", key] = interval_at(
            found.interval, found.value, found.spread, given=found.confidence, confidence=0.95
        )
        for arm in (finding.standard, finding.robust):
            intervals[arm.arm, key] = arm.interval
            intervals.update({(arm.arm, key, one.group): one.interval for one in arm.groups})
        verdicts[key] = (finding.verdict, finding.margin)
    for one in results.accuracy:
        # The search for least epsilon is no attack at one radius.
        intervals[one.arm, "accuracy", 0.0 if one.epsilon is None else one.epsilon] = one.interval
    return intervals, verdicts


@lru_cache
def exact(setting, further=FURTHER):
    """By what they are of: the mean of the formula over further training runs, and its standard error."""
    experiment = experiment_of(setting, test_seed=0, starts=(FURTHER_SEEDS, FURTHER_SEEDS))
    workspace, model = Workspace(experiment, Path("nowhere")), setting.rows.model
    by_run = {}
    for arm in ("standard", "robust"):
        for rule in _rules(workspace, arm, further):
            for key, value in of_rule(model, rule).items():
                by_run.setdefault((arm, *key), []).append(value)
    values = {key: np.asarray(value) for key, value in by_run.items()}
    for question in QUESTIONS:
        values["toll", question.key] = values["robust", question.key] - values["standard", question.key]
    return {key: (float(one.mean()), float(one.std(ddof=1) / np.sqrt(len(one)))) for key, one in values.items()}


def _rules(workspace, arm, further):
    recipe, found = workspace.recipe(arm), []
    for first in range(0, further, TOGETHER):
        stack = recipe(workspace.setup(range(first, min(first + TOGETHER, further)), arm), workspace.adversary)
        found += [rule_of(model) for model in stack.members()]
    return found


def of_rule(model, rule):
    """Gaps, the groups' own values and accuracies of one model by formula."""
    values = {}
    for question in QUESTIONS:
        groups = group_values(model, [rule], question, CLASSES)
        values[question.key,] = max(groups.values()) - min(groups.values())
        values.update({(question.key, name): value for name, value in groups.items()})
    values.update({("accuracy", epsilon): 1.0 - error(model, rule, epsilon) for epsilon in (0.0, EPSILON)})
    return values


def best_tolls(setting):
    """The tolls of the best rules, of least loss and of least error; the latter have no confidences."""
    model = setting.rows.model
    arms = [best_rules(model, 0.0 if kind == "standard" else EPSILON) for kind in ("standard", setting.robust)]
    values = [[of_rule(model, rule) for rule in arm] for arm in arms]
    found = {}
    for question in QUESTIONS:
        least_loss, least_error = (
            robust[question.key,] - standard[question.key,] for standard, robust in zip(*values, strict=True)
        )
        found[question.key] = (least_loss, None if question.metric == "eou" else least_error)
    return found


def is_false(verdict, margin, toll):
    """Whether a verdict says what the exact toll contradicts."""
    return {
        "less fair": toll <= margin,
        "fairer": toll >= -margin,
        "equivalent": abs(toll) >= margin,
    }.get(verdict, False)


def records(settings, *, repetitions, kept, workers):
    """By setting, exact values and the record of every repetition; what a file holds of the same code is not redone."""
    jobs = [(name, place) for place in ("exact", *range(repetitions)) for name in settings]
    code, known = _code(), _read(kept)
    todo = [job for job in jobs if (code, *job) not in known]
    kept.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for done, (job, made) in enumerate(pool.imap_unordered(_made, todo), start=1):
            known[code, *job] = made
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps([code, *job, [[list(pair) for pair in one.items()] for one in made]]) + "\n")
            print(f"{done} of {len(todo)}: {', '.join(map(str, job))}; {time.perf_counter() - began:.0f} s", flush=True)
    return {
        name: (known[code, name, "exact"][0], [known[code, name, place] for place in range(repetitions)])
        for name in settings
    }


def _made(job):
    name, place = job
    setting = SETTINGS[name]
    return job, (exact(setting),) if place == "exact" else record_of(measure(setting, place))


def _read(kept):
    if not kept.exists():
        return {}
    lines = map(json.loads, kept.read_text(encoding="utf-8").splitlines())
    return {
        (code, name, place): tuple({_key(key): value for key, value in one} for one in made)
        for code, name, place, made in lines
    }


def _key(key):
    return tuple(key) if isinstance(key, list) else key


def _code():
    """What a measurement depends on: the package, and the settings of this file."""
    digest = hashlib.sha256()
    for path in sorted(Path(fairtoll.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    settings = [(one.name, one.rows, one.robust) for one in SETTINGS.values()]
    digest.update(repr((settings, QUESTIONS, RUNS, ATTACKED, FURTHER, CRAFT, SEARCH)).encode())
    return digest.hexdigest()[:16]
