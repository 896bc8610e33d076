"""Judgements of drawn outcomes: what a look keeps, what it says is needed, and how seldom it is wrong."""

import numpy as np
import pytest
from scipy import stats

from fairtoll.statistics import LOOKS, difference, judge

GROUPS = np.repeat([0, 1], 40)
MARGIN = 0.01


def arms(seed, toll, *, row_error=0.001, deviation=0.03, runs=80):
    """Two groups whose gap is 0.1 in one arm and 0.1 + toll in the other, which runs move."""
    generator = np.random.default_rng(seed)
    noise = row_error * np.sqrt(len(GROUPS) / 2) * generator.standard_normal((2, 1, len(GROUPS)))
    gaps = np.array([[0.1], [0.1 + toll]]) + deviation * generator.standard_normal((2, runs))
    return gaps[:, :, np.newaxis] * (GROUPS == 0) + noise


def computed(both, paired=False):
    def compute(runs, confidence):
        return difference(both[0][:runs], both[1][:runs], GROUPS, confidence=confidence, rates=False, paired=paired)

    return compute


def kind(judgement):
    return judgement.last.verdict.kind.value


@pytest.mark.parametrize("toll", [0.0, 0.03, 0.08, -0.05])
@pytest.mark.parametrize("seed", range(4))
def test_a_decided_comparison_keeps_its_verdict_when_runs_are_added(seed, toll):
    compute = computed(arms(seed, toll))
    before = None
    for runs in LOOKS:
        now = judge(compute, runs=runs, margin=MARGIN, sequential=True)
        if before is not None:
            assert now.looks[: len(before.looks)] == before.looks
            assert now.p_value <= before.p_value
            assert not before.final or now == before
        before = now
    assert before.final


def test_the_runs_that_it_names_decide_the_same_estimate():
    named = 0
    for seed in range(60):
        both = arms(seed, 0.04, runs=5)
        found = judge(computed(both, paired=True), runs=5, margin=MARGIN, sequential=True)
        if found.needed is None or found.needed.runs not in LOOKS:
            continue
        named += 1
        # The same runs over and over, stretched to the same variance between them.
        times = found.needed.runs // 5
        mean = both.mean(axis=1, keepdims=True)
        stretch = np.sqrt((5 * times - 1) / (4 * times))
        more = np.tile(mean + stretch * (both - mean), (1, times, 1))
        again = judge(computed(more, paired=True), runs=found.needed.runs, margin=MARGIN, sequential=True)
        assert again.needed is None
        assert again.last.runs > 5
        assert again.last.difference.value == pytest.approx(found.last.difference.value, abs=1e-3)
        assert str(found.needed.runs) in found.needed.sentence
    assert named > 10


def test_the_rows_that_it_names_decide_the_same_estimate():
    named = 0
    for seed in range(30):
        both = arms(seed, 0.04, row_error=0.01, deviation=1e-5, runs=10)
        found = judge(computed(both), runs=10, margin=MARGIN, sequential=True)
        if found.needed is None or found.needed.rows is None or not found.final:
            continue
        named += 1
        assert "more training runs cannot decide it" in found.needed.sentence
        times = int(np.ceil(1.1 * found.needed.rows))

        def compute(runs, confidence, both=both, times=times):
            repeated = np.tile(both[:, :runs], (1, 1, times))
            groups = np.tile(GROUPS, times)
            return difference(*repeated, groups, confidence=confidence, rates=False)

        again = judge(compute, runs=10, margin=MARGIN, sequential=True)
        assert again.needed is None
    assert named > 5


def falsely(toll, wrong, trials, first, **options):
    found = [
        judge(computed(arms(first + seed, toll, **options)), runs=80, margin=MARGIN, sequential=True)
        for seed in range(trials)
    ]
    return sum(wrong(one) for one in found)


def most(share, trials):
    """The count that a true share exceeds once in ten thousand times."""
    return stats.binom.ppf(1 - 1e-4, trials, share)


@pytest.mark.parametrize("trials", [25, pytest.param(400, marks=pytest.mark.slow)])
def test_a_difference_at_the_margin_is_seldom_less_fair_or_equivalent_at_any_look(trials):
    assert falsely(MARGIN, lambda one: kind(one) == "less fair", trials, 1000) <= most(0.05, trials)
    assert falsely(MARGIN, lambda one: kind(one) == "equivalent", trials, 2000, deviation=0.01) <= most(0.05, trials)


@pytest.mark.parametrize("trials", [25, pytest.param(400, marks=pytest.mark.slow)])
def test_without_a_difference_the_p_value_is_seldom_small(trials):
    assert falsely(0.0, lambda one: one.p_value <= 0.05, trials, 3000) <= most(0.05, trials)
