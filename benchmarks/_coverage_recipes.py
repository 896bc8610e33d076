"""Intervals of comparisons of recipes: tolls at equal robust accuracy, and the worst group."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from _coverage_tables import share, table
from fairtoll.statistics import Strengths, matched_differences, mean_worst, worst_difference

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "statistics"))

from simulation import LEVEL, Curves, Scenario

#: Gaps of the standard arm and of the three strengths, by what they are like.
SHAPES = {"none": (0.0, 0.0, 0.0, 0.0), "growing": (0.04, 0.06, 0.14, 0.18), "bent": (0.04, 0.05, 0.25, 0.3)}
NOISE = ((3, 0.02), (5, 0.005), (5, 0.04), (10, 0.02))
DESIGNS = ((1, "rows"), (3, "rows"), (5, "runs"))
TIED = {"flat", "graded", "nearly tied", "halves"}
OF_MATCHED = (
    "The gap of a recipe at three strengths, read at a robust accuracy of 50% between the two strengths around it, "
    "minus the standard arm's (`matched_differences`). The strengths reach 35, 55 and 68%, moved by 3 points by each "
    "run. Gaps of the standard arm and of the strengths: *none*: 0 everywhere; *growing*: 0.04, then 0.06, 0.14, 0.18; "
    "*bent*: 0.04, then 0.05, 0.25, 0.30. 500 rows a group; runs move each group, in part alike in all arms. The truth "
    "is the mean over 20,000 runs with endless rows, read between strengths in each. Five groups of the standard arm "
    "lie 0.01 apart, so that the wrong ones may be chosen: those intervals are wider than they need to be, if any.\n"
)
OF_WORST = (
    "The lowest group mean of a run, in the mean over runs (`mean_worst`), and the difference of two arms' "
    '(`worst_difference`), "false higher": wholly above both 0 and the truth. Scenarios are those of the gaps.\n'
)


def matched_part(options, goals):
    """How often the interval of a toll at equal robust accuracy holds it."""
    rows = []
    cells = [(shape, groups, *noise) for shape in SHAPES for groups in (2, 5) for noise in NOISE]
    for place, (shape, groups, runs, deviation) in enumerate(cells):
        curves, generator = Curves(SHAPES[shape], groups, runs, deviation), np.random.default_rng(3000 + place)
        found = []
        for _ in range(options.trials):
            right, robust = curves.draw(generator)
            (one,) = matched_differences(right[0], Strengths(right[1:], robust[1:]), curves.labels, levels=[LEVEL])
            # Where a run does not reach the level between the strengths nothing is said.
            found += [] if one is None else [one.interval]
        # Arms without a gap, and runs that move groups by more than 0.03, as of differences of gaps.
        most = 1.0 if shape == "none" or deviation > 0.03 else 0.99
        words = [shape, str(groups), str(runs), f"{deviation:g}"]
        rows.append([*words, *_judged(found, curves.truth, words, goals, most)])
        print(*rows[-1], flush=True)
    head = ("gaps", "groups", "runs", "runs move groups by", "true", "coverage", "false less fair", "mean width")
    return [OF_MATCHED, *table(head, rows)]


def worst_part(options, goals):
    """How often the intervals of a worst group, and of the difference of two, hold them."""
    one_arm, two_arms = [], []
    shapes = ("flat", "graded", "nearly tied", "separated")
    cells = [Scenario(shape, shape, groups, *design) for shape in shapes for groups in (2, 10) for design in DESIGNS]
    for place, scenario in enumerate(cells):
        generator = np.random.default_rng(4000 + place)
        found = [mean_worst(scenario.draw(generator)[0], scenario.labels).interval for _ in range(options.trials)]
        words = [scenario.standard, *_words(scenario)]
        coverage, _, width = _judged(found, scenario.worst[0], words, goals, _most(scenario), falsely=False)[1:]
        one_arm.append([*words, f"{scenario.worst[0]:.3f}", coverage, width])
        print(*one_arm[-1], flush=True)
    pairs = [("flat", "flat"), ("flat", "separated"), ("nearly tied", "halves"), ("separated", "separated")]
    cells = [Scenario(*pair, groups, *design) for pair in pairs for groups in (2, 10) for design in DESIGNS]
    for place, scenario in enumerate(cells):
        generator = np.random.default_rng(5000 + place)
        found = [worst_difference(*scenario.draw(generator), scenario.labels).interval for _ in range(options.trials)]
        words = [f"{scenario.standard} / {scenario.robust}", *_words(scenario)]
        truth = scenario.worst[1] - scenario.worst[0]
        two_arms.append([*words, *_judged(found, truth, words, goals, _most(scenario))])
        print(*two_arms[-1], flush=True)
    head = ("groups", "runs", "noise", "true", "coverage")
    return [
        OF_WORST,
        *table(("arm", *head, "mean width"), one_arm),
        *table(("standard / robust", *head, "false higher", "mean width"), two_arms),
    ]


def _judged(found, truth, words, goals, most, *, falsely=True):
    """The truth, how many intervals hold it, how many lie falsely above it, and their mean width."""
    covered, false = sum(truth in one for one in found), sum(one.low > max(truth, 0.0) for one in found)
    failed = goals.judge(words, len(found), covered, false if falsely else None, most)
    width = float(np.mean([one.high - one.low for one in found]))
    return [
        f"{round(truth, 3) + 0.0:+.3f}",
        share(covered, len(found)) + failed,
        share(false, len(found)),
        f"{width:.3f}",
    ]


def _words(scenario):
    return [str(scenario.groups), str(scenario.runs), scenario.noise]


def _most(scenario):
    tied = {scenario.standard, scenario.robust} & TIED or scenario.run_deviation > 0.03
    return 1.0 if tied else 0.99
