"""Simulated judgements while runs are added: false verdicts over all looks, power, and where they stop."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

from _coverage_tables import failing, share, table
from fairtoll.statistics import LOOKS, difference, judge

MARGIN = 0.01
TOLLS = (0.0, MARGIN, 0.026, 0.05)
# Few rows of small spread give the same standard error as many rates, sooner.
ROWS = 60


def folded(mean, deviation):
    """Expected size of a normal number."""
    return float(stats.foldnorm.mean(abs(mean) / deviation, scale=deviation))


class Recipes:
    """Two groups in two recipes, of gaps whose sign a run may change; `toll` is the expected difference of the sizes.

    `row_error` the standard error that the rows give to a group's mean. The first number of `deviations` is that of the
    standard gap over runs, the second of the robust one.
    """

    def __init__(self, toll, row_error, deviations):
        self.row_error, self.deviations = row_error, deviations
        aim = folded(0.03, deviations[0]) + toll
        robust = optimize.brentq(lambda mean: folded(mean, deviations[1]) - aim, 0.0, 1.0)
        self.means = (0.03, robust)

    def draw(self, generator):
        """Outcomes of both arms for the most runs that there may be."""
        runs, rows = LOOKS[-1], 2 * ROWS
        own = self.row_error * np.sqrt(ROWS)
        shared = generator.standard_normal(rows)
        arms = []
        for mean, deviation in zip(self.means, self.deviations, strict=True):
            gap = mean + deviation * generator.standard_normal(runs)
            noise = shared + generator.standard_normal(rows) + 0.5 * generator.standard_normal((runs, rows))
            arms.append(np.outer(gap, np.repeat([0.5, -0.5], ROWS)) + own * noise / 1.5)
        return arms

    def judge(self, generator, family):
        standard, robust = self.draw(generator)
        labels = np.repeat([0, 1], ROWS)

        def compute(runs, confidence):
            return difference(standard[:runs], robust[:runs], labels, confidence=confidence, rates=False)

        return judge(compute, runs=LOOKS[-1], margin=MARGIN, family=family, sequential=True)


# Adult: 4,000 and 11,000 rows of rate 0.1 to 0.15; static and on-line training; four times as many rows; too few.
KINDS = {
    "rows of Adult's sexes, runs of static training": (0.004, (0.012, 0.018)),
    "rows of Adult's sexes, runs of on-line training": (0.004, (0.02, 0.03)),
    "many rows, runs of on-line training": (0.002, (0.02, 0.03)),
    "few rows": (0.02, (0.012, 0.018)),
}


def looks_part(options):
    rows, failed = [], 0
    for place, (name, given) in enumerate(KINDS.items()):
        for family in (1, 4) if place == 1 else (1,):
            for number, toll in enumerate(TOLLS):
                generator = np.random.default_rng([3000, place, family, number])
                recipes = Recipes(toll, *given)
                found = [recipes.judge(generator, family) for _ in range(options.trials)]
                kinds = [one.last.verdict.kind.value for one in found]
                less, fairer, same = (kinds.count(word) for word in ("less fair", "fairer", "equivalent"))
                beyond = sum(one.needed is not None and one.last.runs < LOOKS[-1] for one in found)
                decided = [one.last.runs for one in found if one.needed is None]
                bad = []
                if toll <= MARGIN and failing(less, options.trials, 0, 0.05):
                    bad.append("false less fair")
                if toll >= MARGIN and failing(same, options.trials, 0, 0.05):
                    bad.append("false equivalent")
                rejected = sum(one.p_value <= 0.05 for one in found)
                if toll == 0 and failing(rejected, options.trials, 0, 0.05):
                    bad.append("false p-value")
                failed += bool(bad)
                row = [name, str(family), f"{toll:+.3f}", share(less, options.trials), f"{fairer / len(found):.1%}"]
                row += [share(same, options.trials), f"{rejected / len(found):.1%}", f"{beyond / len(found):.1%}"]
                row += [
                    f"{np.mean(decided):.0f}" if decided else "",
                    f"{np.mean([one.last.runs for one in found]):.0f}",
                ]
                row[2] += f" **fails: {', '.join(bad)}**" if bad else ""
                print(*row, flush=True)
                rows.append(row)
    head = ("recipes", "family", "true toll", "less fair", "fairer", "equivalent", "p at most 5%", "out of reach")
    met = f"{failed} lines fail" if failed else "All lines meet"
    return [
        f"Judged after {', '.join(map(str, LOOKS))} runs until decided, margin {MARGIN}. The goals: over all looks at "
        f'most 5% "less fair" where the true toll is 0 or the margin, at most 5% "equivalent" where it is the margin '
        f"or more, and a p-value of at most 5% in at most 5% where there is none. {met} the goals. Out of reach: "
        f"stopped because the rows alone keep a verdict away. {options.trials} trials a line.\n",
        *table((*head, "runs where decided", "runs"), rows),
    ]
