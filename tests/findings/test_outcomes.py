"""What a question reads from evidence: least epsilon, matched rates, and attacks on some rows only."""

import re

import numpy as np
import pandas as pd
import pytest
from example_radii import CLASSES, LARGEST, LEAST, PAIR, UNION, evidence_of, radii
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtoll import Evidence, FairtollError
from fairtoll.evidence.store import describe_attack, describe_predictions
from fairtoll.findings import Question, outcomes
from fairtoll.findings.compare import answer
from fairtoll.findings.readings import Readings
from fairtoll.metrics import CRU_S_MATCHED


def outcomes_of(evidence, arm, question):
    return outcomes.outcomes_of(Readings(evidence), arm, question)


def test_least_epsilon_as_it_was_measured():
    values = radii(0)
    found = outcomes_of(evidence_of({"plain": values}), "plain", Question("cru_epsilon", "class", LEAST))
    np.testing.assert_array_equal(found.values, values)
    assert found.included is None
    assert found.censored == pytest.approx((values == LARGEST).mean())
    assert found.mean == pytest.approx(values.mean())


def test_least_epsilon_given_correct_classification():
    values = radii(1)
    question = Question("cru_epsilon", "class", LEAST, denominator="correct")
    found = outcomes_of(evidence_of({"plain": values}), "plain", question)
    np.testing.assert_array_equal(found.included, values > 0)
    assert found.mean == pytest.approx(np.mean([run[run > 0].mean() for run in values]))
    assert found.censored == pytest.approx((values == LARGEST).sum() / (values > 0).sum())


@pytest.mark.parametrize("denominator", ["all", "correct"])
def test_relative_least_epsilon_is_a_share_of_each_runs_mean(denominator):
    values = radii(2) * np.array([[1.0], [0.5]])
    values[1, values[1] == LARGEST / 2] = LARGEST
    question = Question("cru_epsilon_relative", "class", LEAST, denominator=denominator)
    found = outcomes_of(evidence_of({"plain": values}), "plain", question)
    for run, given_run in zip(found.values, values, strict=True):
        counted = given_run > 0 if denominator == "correct" else np.full(90, True)
        assert run[counted].mean() == pytest.approx(1.0)
        np.testing.assert_allclose(run, given_run / given_run[counted].mean())


@settings(max_examples=60, deadline=None)
@given(
    least=st.lists(st.sampled_from([0.0, 0.001, 0.002, 0.004, 0.008, 0.02]), min_size=4, max_size=40),
    rate=st.floats(0.01, 0.99),
    censored_rows=st.integers(0, 10),
)
def test_a_matched_rate_is_the_mean_whatever_the_ties(least, rate, censored_rows):
    radius = np.array(least + [LARGEST] * censored_rows)
    censored = np.arange(len(radius)) >= len(least)
    if not (radius == 0).mean() < rate < 1 - censored.mean():
        return
    counted = np.full(len(radius), True)
    success = CRU_S_MATCHED.outcome(least_epsilon=radius, censored=censored, counted=counted, rate=rate)
    assert success.mean() == pytest.approx(rate)
    assert success.min() >= 0
    assert success.max() <= 1
    order = np.argsort(radius, kind="stable")
    assert (np.diff(success[order]) <= 0).all()  # whoever breaks earlier succeeds at least as much
    assert (success[censored] == 0).all()
    for value in np.unique(radius[~censored]):
        assert len(np.unique(success[radius == value])) == 1


def test_without_ties_a_matched_rate_is_success_at_the_quantile():
    values = radii(3, runs=3, wrong=0.1, censored=0.1)
    question = Question("cru_s_matched", "class", LEAST, rate=0.5)
    found = outcomes_of(evidence_of({"plain": values}), "plain", question)
    for success, run in zip(found.values, values, strict=True):
        np.testing.assert_array_equal(success, run <= np.quantile(run, 0.5, method="inverted_cdf"))


def test_a_matched_rate_among_the_right_is_of_those():
    values = radii(4, runs=1, wrong=0.4)
    question = Question("cru_s_matched", "class", LEAST, rate=0.3, denominator="correct")
    found = outcomes_of(evidence_of({"plain": values}), "plain", question)
    assert found.missing is None
    assert found.values[0, values[0] > 0].mean() == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("wrong", "censored", "rate", "reason"),
    [
        (0.6, 0.0, 0.5, "0.[5-7].* of the rows that count are misclassified unattacked"),
        (0.1, 0.7, 0.5, "and 0.[2-4].* are broken at the largest radius"),
        (0.0, 1.0, 0.5, "and 0 are broken at the largest radius"),
    ],
)
def test_a_rate_that_no_radius_has_gives_a_reason(wrong, censored, rate, reason):
    values = {"plain": radii(5), "hardened": radii(6, wrong=wrong, censored=censored)}
    question = Question("cru_s_matched", "class", LEAST, rate=rate)
    evidence = evidence_of(values)
    missing = outcomes_of(evidence, "hardened", question).missing
    assert missing is not None
    assert re.match(rf"training run [12] of 'hardened': no radius has a mean success rate of {rate}: ", missing)
    finding = answer(evidence, PAIR, question, dataset="hand")
    assert finding.verdict == "insufficient data"
    assert finding.reason == missing
    assert (finding.difference, finding.robust.value, finding.robust.per_run) == (None, None, [None, None])
    assert [(group.value, group.rows, group.sufficient) for group in finding.robust.groups] == [(None, 30, True)] * 3
    assert finding.standard.value is not None
    assert re.search(reason, missing)


@pytest.mark.parametrize("metric", ["cru_epsilon", "cru_epsilon_relative"])
@pytest.mark.parametrize("value", [0.0, LARGEST])
def test_radii_that_say_nothing_are_insufficient_data_and_never_equal(metric, value):
    least = {"plain": np.full((3, 90), value), "hardened": radii(6, runs=3)}
    finding = answer(evidence_of(least), PAIR, Question(metric, "class", LEAST), dataset="hand")
    assert finding.verdict == "insufficient data"
    assert finding.reason.startswith("training run 1 of 'plain': no row that counts is broken between radius 0 and the")


SOME = np.array([3, 5, 10, *range(20, 80)])


def test_attacks_on_some_rows_are_about_those_rows():
    generator = np.random.default_rng(7)
    least = radii(8, rows=len(SOME))
    success = generator.random((2, len(SOME))) < 0.5
    extra = [
        describe_attack(
            run, arm="plain", seed=seed, evaluation="white-box", threat="audit", attack="union", epsilon=0.01, rows=SOME
        )
        for seed, run in enumerate(success)
    ]
    evidence = evidence_of({"plain": least}, rows=SOME, extra=extra)
    question = Question("cru_s", "site", UNION, denominator="correct")
    found = outcomes_of(evidence, "plain", question)
    np.testing.assert_array_equal(found.rows, SOME)
    np.testing.assert_array_equal(found.values, success)
    np.testing.assert_array_equal(found.included, least > 0)  # the clean predictions of these rows
    names, groups = Readings(evidence).groups("site")
    assert [names[code] for code in groups[found.rows]] == ["n" if row < 40 else "s" for row in SOME]
    of_class = outcomes_of(evidence, "plain", Question("cru_epsilon", "site", LEAST, label="dog"))
    kept = SOME % 3 == 1
    np.testing.assert_array_equal(of_class.rows, SOME[kept])
    # What the union broke at 0.01 has no larger least epsilon.
    np.testing.assert_array_equal(of_class.values, np.where(success, np.minimum(least, 0.01), least)[:, kept])
    clean = outcomes_of(evidence, "plain", Question("cau", "site"))
    assert clean.values.shape == (2, 90)


def test_attacked_predictions_of_some_rows():
    least = radii(8, rows=len(SOME), runs=1)
    evidence = evidence_of({"plain": least}, rows=SOME)
    chances = np.full((len(SOME), 3), [0.5, 0.3, 0.2])
    attacked = describe_predictions(
        chances, arm="plain", seed=0, evaluation="white-box", threat="audit", epsilon=0.01, rows=SOME
    )
    whole = Evidence(
        evidence.rows, pd.concat([evidence.predictions, attacked]), evidence.attacks, CLASSES, evidence.about
    )
    found = outcomes_of(whole, "plain", Question("eou", "site", UNION, label="dog", target="dog"))
    np.testing.assert_allclose(found.values, 0.3, atol=1e-6)
    np.testing.assert_array_equal(found.rows, SOME[SOME % 3 == 1])
    accurate = outcomes_of(whole, "plain", Question("cau", "class", UNION))
    assert accurate.values.mean() == pytest.approx((SOME % 3 == 0).mean())
    with pytest.raises(FairtollError, match="white-box predictions of 'plain': 63 of 90 rows; expected all of them"):
        whole.probabilities("plain", evaluation="white-box", threat="audit", epsilon=0.01)


def test_arms_attacked_on_different_rows_are_refused():
    first = evidence_of({"plain": radii(8, rows=len(SOME))}, rows=SOME)
    second = evidence_of({"hardened": radii(9, rows=len(SOME))}, rows=SOME - 1)
    both = Evidence(
        first.rows,
        pd.concat([first.predictions, second.predictions]),
        pd.concat([first.attacks, second.attacks]),
        CLASSES,
        {"name": "beasts"},
    )
    with pytest.raises(
        FairtollError, match="least-epsilon covers 63 rows of 'plain' and 63 of 'hardened', not the same; expected"
    ):
        answer(both, PAIR, Question("cru_epsilon", "class", LEAST), dataset="hand")


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (Question("cru_epsilon", "class"), "cru_epsilon needs an attack"),
        (Question("cru_epsilon", "class", UNION), "no evidence for arm 'plain'"),
        (Question("cru_s_matched", "class", LEAST), "cru_s_matched has the rate None; expected a mean success rate"),
        (Question("cru_s_matched", "class", LEAST, rate=1.0), "cru_s_matched has the rate 1.0"),
        (Question("cru_epsilon", "class", LEAST, label="fox"), "unknown class 'fox'"),
    ],
)
def test_a_question_that_lacks_something(question, message):
    with pytest.raises(FairtollError, match=message):
        outcomes_of(evidence_of({"plain": radii(0)}), "plain", question)


def test_success_alone_is_no_least_epsilon():
    attack = describe_attack(
        np.ones(90, dtype=bool), arm="plain", seed=0, evaluation="white-box", threat="audit", attack="union",
        epsilon=0.01,
    )  # fmt: skip
    evidence = evidence_of({"plain": radii(0, runs=1)}, extra=[attack])
    with pytest.raises(FairtollError, match="union on 'plain' has no least epsilon for 90 of 90 entries"):
        outcomes_of(evidence, "plain", Question("cru_epsilon", "class", UNION))
