"""The whole line judged: coverage of exact tolls, false verdicts, and what share is decided, as tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from _coverage_pipeline import (
    ATTACKED,
    EPSILON,
    EPSILON_MAX,
    FURTHER,
    QUESTIONS,
    RUNS,
    SETTINGS,
    best_tolls,
    is_false,
    records,
)
from _coverage_tables import failing, share, table

#: The goals: of intervals, and of verdicts.
COVERAGE, FALSE = (0.93, 1.0), (0.0, 0.05)
DECIDED = ("less fair", "fairer", "equivalent")
METRICS = tuple(dict.fromkeys(question.metric for question in QUESTIONS))
TITLES = {"cau": "CAU", "cru_s": "CRU_s", "cru_epsilon": "CRU_eps", "eou": "EOU"}

EXPLAINED = """
*Exact toll*: the mean over {further:,} further training runs of the formula at each run's own linear rule
(`fairtoll.theory`), robust minus standard, with its standard error. *Least loss*, *least error*: the toll of the best
rules: those that training on endless rows would find, and those that err least, which have no confidences. *Coverage*:
how often the 95% interval of the toll holds the exact one; goal 93 to 100%. *False verdicts*: less fair where the exact
toll is at most the margin, fairer where it is at least minus the margin, equivalent where it is at least the margin
either way; goal at most 5%, of each question and of the questions of one metric together. *Decided*: any verdict but
inconclusive.
"""


@dataclass(frozen=True)
class Judged:
    """One line of a table: how often something was so in the repetitions, and whether that is a miss."""

    what: str
    count: int
    trials: int
    goal: tuple[float, float]

    @property
    def fails(self):
        return failing(self.count, self.trials, *self.goal)

    def __str__(self):
        return share(self.count, self.trials) + (" **fails**" if self.fails else "")


def coverage(found, truth):
    """How often the 95% interval of each quantity holds its exact value, by what it is of."""
    judged = {}
    for key, (value, _) in truth.items():
        inside = sum(low <= value <= high for low, high in (intervals[key] for intervals, _ in found))
        judged[key] = Judged(f"coverage of {' '.join(map(str, key))}", inside, len(found), COVERAGE)
    return judged


def false_verdicts(found, truth):
    """How often a verdict says what the exact toll contradicts: of each question, and of any of each metric."""
    false = [
        {key for key, (verdict, margin) in verdicts.items() if is_false(verdict, margin, truth["toll", key][0])}
        for _, verdicts in found
    ]
    keys = {question.key: {question.key} for question in QUESTIONS}
    keys |= {metric: {one.key for one in QUESTIONS if one.metric == metric} for metric in METRICS}
    return {
        name: Judged(f"false verdicts of {name}", sum(bool(one & of) for one in false), len(found), FALSE)
        for name, of in keys.items()
    }


def pipeline_part(options):
    """Every setting: its tolls, then what else has an interval, and families of verdicts."""
    measured = records(SETTINGS, repetitions=options.pipeline_repetitions, kept=options.kept, workers=options.workers)
    lines, judged = [], []
    for name, (truth, found) in measured.items():
        setting = SETTINGS[name]
        held, false = coverage(found, truth), false_verdicts(found, truth)
        judged += [*held.values(), *false.values()]
        lines += [
            f"### {name.capitalize()}\n",
            f"{setting.words[0].upper()}{setting.words[1:]}.\n",
            *table(*_of_tolls(setting, found, truth, held, false)),
            *table(*_of_families(found, false)),
            *table(*_of_arms(found, truth, held)),
            _of_groups(held),
        ]
    return [_introduction(options), _summary(judged), *lines]


def _introduction(options):
    rows = next(iter(SETTINGS.values())).rows
    return (
        f"`fairtoll reproduce gaussian` reduced, from training to verdicts: two arms of linear models, {RUNS} training "
        f"runs each, on {rows.train:,} training rows of two Gaussian classes and two groups; {rows.test:,} test rows, "
        f"of which {ATTACKED:,} are attacked; radius {EPSILON:g}, least epsilon up to {EPSILON_MAX:g}. "
        f"{options.pipeline_repetitions} repetitions a setting. In each, initial weights, order of batches and test "
        f"rows are drawn anew; the training rows are fixed, since an interval is over training runs on these training "
        f"rows, and over rows like these.\n{EXPLAINED.format(further=FURTHER)}"
    )


def _summary(judged):
    missed = [one.what for one in judged if one.fails]
    if not missed:
        return f"All {len(judged)} shares below meet the goals.\n"
    return f"Of {len(judged)} shares {len(missed)} {'fails' if len(missed) == 1 else 'fail'}: {'; '.join(missed)}.\n"


def _words(question):
    of = "" if question.label is None else f", class {question.label}"
    return [TITLES[question.metric], question.partition + of]


def _of_tolls(setting, found, truth, held, false):
    best, rows = best_tolls(setting), []
    for question in QUESTIONS:
        key = question.key
        toll, deviation = truth["toll", key]
        verdicts = Counter(of[key][0] for _, of in found)
        width = np.mean([high - low for low, high in (intervals["toll", key] for intervals, _ in found)])
        rows.append([
            *_words(question),
            _signed(toll) + (f" ± {deviation:.4f}" if deviation > 0 else ""),
            *("" if one is None else _signed(one) for one in best[key]),
            f"{np.mean([of[key][1] for _, of in found]):.3f}",
            str(held["toll", key]),
            f"{width:.3f}",
            str(false[key]),
            f"{sum(verdicts[kind] for kind in DECIDED) / len(found):.1%}",
            ", ".join(f"{number} {kind}" for kind, number in verdicts.most_common()),
        ])  # fmt: skip
    head = ("metric", "between", "exact toll", "least loss", "least error", "margin", "coverage", "mean width")
    return (*head, "false verdicts", "decided", "verdicts"), rows


def _of_families(found, false):
    questions = Counter(question.metric for question in QUESTIONS)
    rows = [[TITLES[metric], str(questions[metric]), str(false[metric])] for metric in METRICS]
    return ("metric", "questions", "repetitions with any false verdict"), rows


def _of_arms(found, truth, held):
    """Gaps of one arm, and accuracies."""
    rows = []
    for place, what in _quantities():
        row = list(what)
        for arm in ("standard", "robust"):
            key = (arm, *place)
            width = np.mean([high - low for low, high in (intervals[key] for intervals, _ in found)])
            row += [f"{truth[key][0]:.4f}", str(held[key]), f"{width:.3f}"]
        rows.append(row)
    columns = [f"{arm}: {what}" for arm in ("standard", "robust") for what in ("exact", "coverage", "mean width")]
    return ("quantity", "between", *columns), rows


def _quantities():
    gaps = [((question.key,), _words(question)) for question in QUESTIONS]
    accuracy = [(("accuracy", 0.0), ["accuracy", "all rows"]), (("accuracy", EPSILON), ["under attack", "all rows"])]
    return [*gaps, *accuracy]


def _of_groups(held):
    """The intervals of single classes and groups in one sentence."""
    # Gaps have no third part, and accuracies one that is a number.
    single = [one for key, one in held.items() if len(key) == 3 and key[1] != "accuracy"]
    shares = [one.count / one.trials for one in single]
    failed = sum(one.fails for one in single)
    return (
        f"The {len(single)} intervals of single classes and groups hold their exact values in {min(shares):.1%} to "
        f"{max(shares):.1%} of repetitions; {failed or 'none'} of them {'fails' if failed == 1 else 'fail'} the goal.\n"
    )


def _signed(value):
    return f"{round(value, 4) + 0.0:+.4f}"
