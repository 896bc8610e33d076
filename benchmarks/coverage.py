"""Simulate how often intervals and verdicts are right, and write docs/coverage.md.

Run from the repository's root: `OMP_NUM_THREADS=1 python benchmarks/coverage.py` (about half an hour);
`--only looks` writes one part anew. Of the whole pipeline every repetition is kept once it is measured, and the same
command goes on from there as long as the code is the same.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from _coverage_looks import looks_part
from _coverage_null import null_part
from _coverage_pipeline import REPETITIONS
from _coverage_pipeline_tables import pipeline_part
from _coverage_recipes import matched_part, worst_part
from _coverage_tables import failing, replace_part, share, table
from fairtoll.statistics import difference, gap_interval, mean_gap

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "statistics"))

from simulation import UNEVEN, Opposed, Scenario  # noqa: E402

HEAD = """# How often intervals and verdicts are right

Written by `python benchmarks/coverage.py`; seeds were fixed beforehand. What is estimated is the difference of two
arms' gaps, the mean over training runs of one model's largest minus smallest group mean. Nominal confidence is 95%. The
goals: an interval holds the truth in 93 to 99% of trials (up to 100% where an arm is flat or nearly tied, or where runs
move groups by more than 0.03, since such an arm cannot be told from one with wrongly chosen groups), and at most 5% are
falsely "less fair": wholly above both 0 and the true difference. A goal fails only where the 95% interval of Clopper
and Pearson, in brackets, excludes it; the line then says **fails**.

Outcomes are 0 and 1 with a mean of 0.72 (unless "numbers"), 1,000 rows a group with 2 groups and 400 with more. Half of
the variance of a row's difficulty is common to both arms. Noise: with "rows" a run moves each group's rate by 0.3 times
the standard error of its rows, with "runs" by 3 times, anew for each arm, run and group.

*separated*: one group above and one below the rest, 12 standard errors apart (at most 0.4); *nearly tied*: the same, 4
standard errors apart; *graded*: evenly spaced over 0.05; *halves*: two levels, 4 standard errors apart; the standard
errors are those of a group's mean over runs.
"""
COLUMNS = ("standard / robust", "groups", "runs", "noise", "true", "coverage", "false less fair", "mean width")
TIED = {"flat", "graded", "nearly tied", "halves"}


def measure(scenario, trials, seed, paired=False):
    """Trials that hold the truth, trials falsely above it, mean width."""
    generator = np.random.default_rng(seed)
    labels, truth = scenario.labels, scenario.truth
    found = [difference(*scenario.draw(generator), labels, paired=paired).interval for _ in range(trials)]
    covered = sum(truth in interval for interval in found)
    false = sum(interval.low > max(truth, 0.0) for interval in found)
    return covered, false, float(np.mean([interval.high - interval.low for interval in found]))


def measure_naive(scenario, trials, resamples, seed):
    """Coverage of the percentile bootstrap; the same rows for every run and both arms."""
    generator = np.random.default_rng(seed)
    # How often each row of a group is drawn, the same in all trials.
    weights = [generator.multinomial(rows, np.full(rows, 1 / rows), resamples) / rows for rows in scenario.rows]
    cuts = np.cumsum(scenario.rows)[:-1]
    hits = 0
    for _ in range(trials):
        gaps = []
        for arm in scenario.draw(generator):
            parts = np.split(arm, cuts, axis=1)
            means = np.stack([part @ weight.T for part, weight in zip(parts, weights, strict=True)], axis=2)
            picked = generator.integers(0, scenario.runs, (scenario.runs, resamples))
            gaps.append(np.ptp(means[picked, np.arange(resamples)], axis=2).mean(axis=0))
        low, high = np.quantile(gaps[1] - gaps[0], [0.025, 0.975])
        hits += low <= scenario.truth <= high
    return hits / trials


class Goals:
    """Which lines met the goals."""

    def __init__(self):
        self.lines, self.failed = 0, []

    def judge(self, line, trials, covered, false, most):
        misses = []
        if failing(covered, trials, 0.93, most):
            misses.append("coverage")
        if false is not None and failing(false, trials, 0.0, 0.05):
            misses.append("false less fair")
        self.lines += 1
        if misses:
            self.failed.append(line)
        return f" **fails: {', '.join(misses)}**" if misses else ""


def described(scenario):
    if isinstance(scenario, Opposed):
        return ["0.03 in every run / normal, mean 0, deviation 0.04", "2", str(scenario.runs), "runs"]
    words = [scenario.noise]
    if scenario.kind != "rates":
        words.append(scenario.kind)
    if scenario.sizes:
        words.append("of " + " ".join(map(str, scenario.sizes)))
    if scenario.spread != 1:
        words.append(f"one group {scenario.spread:g} times")
    if scenario.correlation:
        words.append(f"correlation {scenario.correlation:+g}")
    return [f"{scenario.standard} / {scenario.robust}", str(scenario.groups), str(scenario.runs), ", ".join(words)]


def is_tied(scenario):
    return isinstance(scenario, Opposed) or {scenario.standard, scenario.robust} & TIED or scenario.run_deviation > 0.03


def lines_of(scenarios, options, goals, *, naive=False, paired=False):
    rows = []
    for place, scenario in enumerate(scenarios):
        began = time.perf_counter()
        covered, false, width = measure(scenario, options.trials, 1000 + place, paired=paired)
        words = described(scenario)
        most = 1.0 if is_tied(scenario) else 0.99
        failed = goals.judge(words, options.trials, covered, false, most)
        row = [*words, f"{round(scenario.truth, 3) + 0.0:+.3f}", share(covered, options.trials) + failed]
        row += [share(false, options.trials), f"{width:.3f}"]
        if naive:
            row.append(f"{measure_naive(scenario, options.naive_trials, 200, place):.0%}")
        print(*row, f"{time.perf_counter() - began:.1f} s", flush=True)
        rows.append(row)
    return table((*COLUMNS, "naive coverage") if naive else COLUMNS, rows)


def difference_part(options, goals):
    designs = [(1, "rows"), *((runs, noise) for noise in ("rows", "runs") for runs in (2, 3, 5, 10))]
    pairs = [("flat", "flat"), ("separated", "separated")]
    core = [Scenario(*pair, groups, *design) for pair in pairs for groups in (2, 10) for design in designs]
    unlike = [Scenario("flat", "separated", groups, *design) for groups in (2, 10) for design in designs]
    near = [("flat", "graded"), ("graded", "graded"), ("flat", "nearly tied"), ("nearly tied", "halves")]
    design = [(1, "rows"), (3, "rows"), (3, "runs"), (10, "rows")]
    ties = [Scenario(*pair, groups, *one) for pair in near for groups in (2, 10) for one in design]
    short = [("nearly tied", "separated"), ("graded", "separated"), ("halves", "separated"), ("nearly tied", "flat")]
    many = [Scenario(*pair, 5, runs, "rows") for pair in short for runs in (5, 20, 80)]
    numbers = [
        Scenario(*pair, 5, runs, "rows", kind=kind)
        for pair in [*pairs, ("flat", "separated")]
        for runs in (1, 3)
        for kind in ("numbers", "censored")
    ]
    uneven = [
        Scenario(*pair, 5, runs, noise, sizes=UNEVEN)
        for pair in [*pairs, ("flat", "separated"), ("separated", "flat")]
        for runs, noise in ((1, "rows"), (3, "rows"), (5, "runs"))
    ]
    spread = [
        Scenario(*pair, groups, 5, "rows", spread=6.0)
        for pair in [*pairs, ("flat", "separated"), ("separated", "flat")]
        for groups in (2, 5)
    ]
    opposed = [Opposed(runs=runs) for runs in (3, 5, 10, 20)]
    return [
        "### Flat and separated arms\n",
        *lines_of(core, options, goals),
        "### Arms of unlike profiles\n",
        f"*Naive*: the percentile bootstrap of the plain gaps, rows resampled within groups and runs resampled in each "
        f"arm ({options.naive_trials} trials of 200 resamples).\n",
        *lines_of(unlike, options, goals, naive=True),
        "### Near ties\n",
        *lines_of(ties, options, goals),
        "### Near ties with many runs\n",
        "How far a gap falls short for groups chosen wrongly does not shrink with the number of runs.\n",
        *lines_of(many, options, goals),
        "### Runs that disagree on which group is worse\n",
        *lines_of(opposed, options, goals),
        "### Numbers, and numbers cut at a cap, as of least epsilon\n",
        *lines_of(numbers, options, goals),
        "### Groups of uneven sizes\n",
        *lines_of(uneven, options, goals),
        "### One group moved further by runs\n",
        *lines_of(spread, options, goals),
    ]


def paired_part(options, goals):
    cells = [
        Scenario(*pair, groups, runs, "runs", correlation=correlation)
        for pair in [("flat", "flat"), ("separated", "separated"), ("flat", "separated")]
        for groups in (2, 5)
        for runs in (5, 20)
        for correlation in (-0.5, 0.0, 0.75)
    ]
    head = "Run k of both arms belong together: what moves them has the correlation given.\n"
    return [head, *lines_of(cells, options, goals, paired=True)]


def gap_part(options, goals):
    """One arm's mean gap, and the gap of its expected group means."""
    shapes = ("flat", "graded", "separated")
    cells = [
        Scenario(shape, shape, groups, runs, noise)
        for shape in shapes
        for groups in (2, 10)
        for runs, noise in ((1, "rows"), (3, "rows"), (5, "runs"))
    ]
    cells += [Scenario(shape, shape, 5, runs, "rows", sizes=UNEVEN) for shape in shapes for runs in (1, 5)]
    cells += [Scenario(shape, shape, 5, 5, "rows", spread=6.0) for shape in shapes]
    rows = []
    for place, scenario in enumerate(cells):
        generator = np.random.default_rng(2000 + place)
        held, widths = [0, 0], [0.0, 0.0]
        for _ in range(options.trials):
            arm, _ = scenario.draw(generator)
            found = (mean_gap(arm, scenario.labels).interval, gap_interval(arm, scenario.labels))
            truths = (scenario.gaps[0], scenario.systematic_gaps[0])
            for which, (interval, truth) in enumerate(zip(found, truths, strict=True)):
                # A systematic gap of 0 is held by a lower limit of 0.
                held[which] += truth in interval
                widths[which] += (interval.high - interval.low) / options.trials
        words = described(replace(scenario, robust=scenario.standard))
        words[0] = scenario.standard
        # The lower limit allows for every pair of groups: above the nominal confidence by design.
        limits = (1.0 if is_tied(scenario) else 0.99, 1.0)
        row = list(words)
        for which, limit in enumerate(limits):
            failed = goals.judge(words, options.trials, held[which], None, limit)
            row += [share(held[which], options.trials) + failed, f"{widths[which]:.3f}"]
        print(*row, flush=True)
        rows.append(row)
    head = ("arm", *COLUMNS[1:4], "`mean_gap`", "width", "`gap_interval`, of expected means", "width")
    return [
        "`mean_gap` is the mean over runs of one model's gap, `gap_interval` the gap of the groups' expected means, "
        "its systematic part, whose lower limit allows for every pair of groups.\n",
        *table(head, rows),
    ]


def summary_of(goals, trials):
    begin = f"{trials} trials a line. "
    if not goals.failed:
        return [begin + f"All {goals.lines} intervals below meet the goals.\n"]
    named = "; ".join(", ".join(words) for words in goals.failed)
    verb = "fails" if len(goals.failed) == 1 else "fail"
    return [begin + f"Of {goals.lines} intervals {len(goals.failed)} {verb} a goal: {named}.\n"]


def intervals(make):
    """A part judged against the goals, with the summary first."""

    def part(options):
        goals = Goals()
        lines = make(options, goals)
        return summary_of(goals, options.trials) + lines

    return part


PARTS = {
    "differences": ("The interval of a difference of gaps", intervals(difference_part)),
    "paired": ("Paired runs", intervals(paired_part)),
    "gaps": ("The gap of one arm", intervals(gap_part)),
    "matched": ("Gaps at equal robust accuracy", intervals(matched_part)),
    "worst": ("The worst group", intervals(worst_part)),
    "looks": ("Looks while runs are added", looks_part),
    "null": ("Two arms of the same recipe", null_part),
    "pipeline": ("The whole pipeline beside exact tolls", pipeline_part),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--naive-trials", type=int, default=100)
    parser.add_argument("--repetitions", type=int, default=40, help="of the experiment without a difference")
    parser.add_argument("--pipeline-repetitions", type=int, default=REPETITIONS, help="of each setting")
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "pipeline-coverage.jsonl", help="of these")
    parser.add_argument("--workers", type=int, default=2, help="processes of these")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "coverage.md")
    options = parser.parse_args()
    whole = set(options.only) == set(PARTS) or not options.output.exists()
    document = HEAD if whole else options.output.read_text(encoding="utf-8")
    for name in options.only:
        title, make = PARTS[name]
        document = replace_part(document, title, make(options))
        options.output.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
