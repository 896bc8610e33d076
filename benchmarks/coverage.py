"""Simulate the coverage of the interval of a difference of gaps and write docs/coverage.md.

Run from the repository's root: `OMP_NUM_THREADS=1 python benchmarks/coverage.py` (about six minutes).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from fairtoll.statistics import difference

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "statistics"))

from simulation import Scenario  # noqa: E402

HEAD = """# Coverage of the interval of a difference of gaps

Written by `python benchmarks/coverage.py`. Nominal confidence 95%; the goal is a coverage of at least 93%
and at most 5% false "less fair" (interval wholly above both zero and the true difference). Outcomes are 0
and 1 with a mean of 0.72 (unless "numbers"), 1,000 rows a group with 2 groups and 400 with 10. Half of
the variance of a row's difficulty is common to both arms. Noise: with "rows" a run moves each group's rate
by 0.3 times the standard error of its rows, with "runs" by 3 times, anew for each arm, run and group.

*separated*: one group above and one below the rest, 12 standard errors apart (at most 0.4);
*nearly tied*: the same, 4 standard errors apart; *graded*: evenly spaced over 0.05; *halves*: two levels,
4 standard errors apart. {trials} trials a row of the tables, so that a coverage of 95% is known to within
{error:.1%} (one standard error).

*Naive*: the percentile bootstrap of the plain gaps, rows resampled within groups and runs resampled in
each arm ({naive_trials} trials of {resamples} resamples), for arms of unlike profiles.

The price of this coverage: flat arms have more than the nominal coverage, and their intervals are wider (by
about a half with ten groups), because a flat arm cannot be distinguished from one with near ties. With two runs per
arm the interval is wide, and wider than the runs' variance alone would make it: one degree of freedom says
little about a variance. At confidences widened for many comparisons two runs fall short of the nominal
one (97% for 99.5% at worst, where the runs of one arm alone are in doubt): use three or more.

"""


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


def measure(scenario, trials, seed):
    generator = np.random.default_rng(seed)
    labels, truth = scenario.labels, scenario.truth
    intervals = [difference(*scenario.draw(generator), labels).interval for _ in range(trials)]
    low = np.array([interval.low for interval in intervals])
    high = np.array([interval.high for interval in intervals])
    covered = float(((low <= truth) & (truth <= high)).mean())
    return covered, float((low > max(truth, 0.0)).mean()), float((high - low).mean())


def table(scenarios, options, *, naive):
    lines = [
        "| standard / robust | groups | runs | noise | true | coverage | false less fair | mean width |"
        + (" naive coverage |" if naive else ""),
        "|---|---|---|---|---|---|---|---|" + ("---|" if naive else ""),
    ]
    worst = (1.0, 0.0)
    for place, scenario in enumerate(scenarios):
        covered, false, width = measure(scenario, options.trials, place)
        worst = (min(worst[0], covered), max(worst[1], false))
        kind = scenario.noise + ("" if scenario.binary else ", numbers") + (", uneven" if scenario.uneven else "")
        line = (
            f"| {scenario.standard} / {scenario.robust} | {scenario.groups} | {scenario.runs} | {kind} "
            f"| {round(scenario.truth, 3) + 0.0:+.3f} | {covered:.1%} | {false:.1%} | {width:.3f} |"
        )
        if naive:
            shown = scenario.standard != scenario.robust
            if shown:
                rate = measure_naive(scenario, options.naive_trials, options.resamples, place)
            line += f" {rate:.0%} |" if shown else " |"
        lines.append(line)
        print(line, flush=True)
    lines.append("")
    lines.append(f'Least coverage {worst[0]:.1%}; most false "less fair" {worst[1]:.1%}.\n')
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--naive-trials", type=int, default=300)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "coverage.md")
    options = parser.parse_args()
    designs = [(1, "rows"), *((runs, noise) for noise in ("rows", "runs") for runs in (2, 3, 5, 10))]
    pairs = [("flat", "flat"), ("separated", "separated"), ("flat", "separated")]
    core = [Scenario(*pair, groups, *design) for pair in pairs for groups in (2, 10) for design in designs]
    near = [("flat", "graded"), ("graded", "graded"), ("flat", "nearly tied"), ("nearly tied", "halves")]
    ties = [
        Scenario(*pair, groups, *design)
        for pair in near
        for groups in (2, 10)
        for design in [(1, "rows"), (3, "rows"), (3, "runs"), (10, "rows")]
    ]
    others = [
        Scenario(*pair, 5, runs, "rows", binary=binary, uneven=True)
        for pair in pairs
        for runs in (1, 3)
        for binary in (True, False)
    ]
    lines = ["## The scenarios of the goal\n", *table(core, options, naive=True)]
    lines += ["## Near ties, for which there is no goal\n", *table(ties, options, naive=False)]
    lines += ["## Numbers in place of rates, and groups of uneven size\n", *table(others, options, naive=False)]
    head = HEAD.format(
        trials=f"{options.trials:,}",
        error=(0.95 * 0.05 / options.trials) ** 0.5,
        naive_trials=options.naive_trials,
        resamples=options.resamples,
    )
    options.output.write_text(head + "\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
