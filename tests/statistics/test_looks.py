import numpy as np
import pytest
from scipy import stats

from fairtoll.errors import FairtollError
from fairtoll.statistics import LOOK_SHARE, LOOKS, Difference, judge


def of(value, confidence, *, runs, run_deviation, row_error=0.0, allowance=0.0):
    """A difference of paired runs with so much noise of runs and rows."""
    parts = tuple((variance, 1e9) for variance in (run_deviation**2 / runs, row_error**2))
    return Difference(
        standard=0.1, robust=0.1 + value, confidence=confidence, plain=value, row_error=row_error, parts=parts,
        below=allowance, above=allowance, standard_per_run=(0.1,) * runs,
        robust_per_run=(0.1 + value,) * runs, standard_highest="a", standard_lowest="b", robust_highest="a",
        robust_lowest="b", standard_runs=runs, robust_runs=runs, paired=True,
    )  # fmt: skip


def steady(value, **noise):
    """A comparison whose estimate is the same at every look; and the (runs, confidence) that it was looked at with."""
    seen = []

    def compute(runs, confidence):
        seen.append((runs, confidence))
        return of(value, confidence, runs=runs, **noise)

    return compute, seen


def test_every_look_has_its_fixed_share_of_the_error():
    compute, seen = steady(0.011, run_deviation=0.2)
    found = judge(compute, runs=80, margin=0.01, family=4, sequential=True)
    assert [runs for runs, _ in seen] == [5, 10, 20, 40, 80] == list(LOOKS)
    assert [confidence for _, confidence in seen] == pytest.approx([1 - 0.05 / 5 / 4] * 5)
    assert sum([LOOK_SHARE] * len(LOOKS)) == pytest.approx(1)
    assert found.last.verdict.kind == "inconclusive"
    assert found.final


def test_looks_so_far_are_the_same_whatever_comes_later():
    few, _ = steady(0.05, run_deviation=0.07)
    many, _ = steady(0.05, run_deviation=0.07)
    first = judge(few, runs=10, margin=0.01, family=2, sequential=True)
    later = judge(many, runs=80, margin=0.01, family=2, sequential=True)
    assert not first.final
    assert later.looks[:2] == first.looks
    assert later.final
    assert later.last.verdict.kind == "less fair"
    assert first.needed.runs == later.last.runs == 40


def test_it_stops_at_the_first_verdict_and_keeps_it():
    compute, seen = steady(0.2, run_deviation=0.05)
    found = judge(compute, runs=40, margin=0.01, family=1, sequential=True)
    assert [runs for runs, _ in seen] == [5]
    assert found.final
    assert found.needed is None
    assert found.last.runs == 5
    assert found.p_value == pytest.approx(5 * stats.norm.sf(0.2 / (0.05 / np.sqrt(5))))


def test_the_p_value_is_the_smallest_over_looks_times_the_number_of_looks():
    compute, _ = steady(0.02, run_deviation=0.1)
    found = judge(compute, runs=20, margin=0.01, family=3, sequential=True)
    each = [stats.norm.sf(0.02 / (0.1 / np.sqrt(runs))) for runs in (5, 10, 20)]
    assert found.p_value == pytest.approx(min(1, 5 * min(each)))
    high, _ = steady(-0.02, run_deviation=0.1)
    assert judge(high, runs=20, margin=0.01, family=3, sequential=True).p_value == 1


@pytest.mark.parametrize(("runs", "sequential"), [(7, False), (40, False), (3, True), (4, True)])
def test_a_fixed_number_of_runs_is_one_look_with_the_whole_error(runs, sequential):
    compute, seen = steady(0.02, run_deviation=0.1)
    found = judge(compute, runs=runs, margin=0.01, family=2, sequential=sequential)
    assert seen == [(runs, pytest.approx(0.975))]
    assert found.final
    assert found.p_value == pytest.approx(stats.norm.sf(0.02 / (0.1 / np.sqrt(runs))))


def test_what_rows_alone_keep_from_a_verdict_is_hopeless():
    compute, seen = steady(0.02, run_deviation=0.01, row_error=0.05)
    found = judge(compute, runs=80, margin=0.01, family=1, sequential=True)
    assert [runs for runs, _ in seen] == [5]
    assert found.final
    assert found.needed.hopeless
    assert found.needed.runs is None
    assert "more training runs cannot decide it" in found.needed.sentence
    # Above the margin by 0.01 with an error of 0.05 / sqrt(rows), at 99% for one of five looks.
    expected = (stats.norm.ppf(0.995) * 0.05 / 0.01) ** 2
    assert found.needed.rows == pytest.approx(expected, rel=0.1)


def test_where_runs_may_yet_move_the_estimate_it_is_open():
    compute, _ = steady(0.02, run_deviation=0.3, row_error=0.05)
    found = judge(compute, runs=5, margin=0.01, family=1, sequential=True)
    assert not found.final
    assert not found.needed.hopeless
    assert found.needed.runs is None


def test_the_number_of_runs_needed_is_that_of_the_t_interval():
    compute, _ = steady(0.05, run_deviation=0.2)
    found = judge(compute, runs=10, margin=0.01, family=1, sequential=False)
    least = next(runs for runs in range(11, 2000) if 0.05 - stats.t.ppf(0.975, runs - 1) * 0.2 / np.sqrt(runs) > 0.01)
    assert found.needed.runs == pytest.approx(least, rel=0.05)
    assert f"about {found.needed.runs} training runs would decide it" in found.needed.sentence


def test_one_or_two_runs_need_three():
    compute, _ = steady(0.05, run_deviation=0.2)
    found = judge(compute, runs=2, margin=0.01, family=1, sequential=False)
    assert found.needed.runs == 3


def test_too_few_rows_are_no_judgement():
    assert judge(lambda runs, confidence: None, runs=10, margin=0.01, family=1, sequential=True) is None


@pytest.mark.parametrize(
    ("change", "match"),
    [({"runs": 0}, "runs is 0"), ({"margin": -1.0}, "margin is -1"), ({"family": 0}, "family_size"),
     ({"confidence": 95}, "confidence is 95")],
)  # fmt: skip
def test_bad_input(change, match):
    given = {"runs": 10, "margin": 0.01, "family": 1, "sequential": True, **change}
    with pytest.raises(FairtollError, match=match):
        judge(steady(0.0, run_deviation=0.1)[0], **given)
