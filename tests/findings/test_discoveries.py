"""Which of many gaps are wider: adjusted p-values by hand, and the share of wrong ones by simulation."""

import numpy as np
import pytest
from scipy.stats import t

from example_defences import example_defences
from fairtoll.findings.discoveries import LEVEL, against_standard, discoveries
from fairtoll.findings.summary_of_recipes import answer_of_recipes


@pytest.fixture(scope="module")
def results():
    return example_defences(2, runs=3, rows=400)


def with_p_values(results, values):
    """The results' comparisons with standard training, with other p-values, and all else inconclusive."""
    judged = [one for one in against_standard(results.recipes, results.findings) if one.difference]
    rest = np.resize([1.0], len(judged))
    rest[: len(values)] = values
    return [
        one.model_copy(
            update={
                "verdict": "inconclusive",
                "difference": one.difference.model_copy(update={"p_value": float(value)}),
            }
        )
        for one, value in zip(judged, rest, strict=True)
    ]


def test_adjusted_p_values_are_those_computed_by_hand(results):
    # Of 25 the smallest is multiplied by 25, the second by 25/2, the third by 25/3; none below the one before it.
    found = discoveries(results.recipes, with_p_values(results, [0.0009, 0.003, 0.0061]))
    assert len(found) == 25
    assert [one.q_value for one in found[:3]] == pytest.approx([0.0225, 0.0375, 0.0061 * 25 / 3])
    assert [one.wider for one in found[:4]] == [True, True, False, False]


def test_only_own_strengths_in_all_rows_are_judged(results):
    names = {one.finding for one in results.discoveries}
    assert names == {one.id for one in against_standard(results.recipes, results.findings)}
    assert not any("radius" in name or "correct" in name or "-from-" in name for name in names)


def test_the_answer_counts_those_that_no_verdict_decides(results):
    findings = with_p_values(results, [0.0009, 0.003])
    said = answer_of_recipes(results.recipes, [], findings, discoveries(results.recipes, findings))[-1]
    assert said.endswith("; 2 of the inconclusive ones are wider, by how much is open (false discovery rate 5%).")
    none = with_p_values(results, [])
    assert "wider" not in answer_of_recipes(results.recipes, [], none, discoveries(results.recipes, none))[-1]


def test_nothing_is_wider_by_fewer_than_three_training_runs(results):
    findings = with_p_values(results, [0.0009, 0.003])
    few = [one.model_copy(update={"difference": one.difference.model_copy(update={"runs": 2})}) for one in findings]
    assert [one.wider for one in discoveries(results.recipes, findings)][:2] == [True, True]
    assert not any(one.wider for one in discoveries(results.recipes, few))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_at_most_the_level_is_wrong_where_all_share_the_standard_runs(results, share):
    """Forty recipes of five runs, each held against the same five standard runs, two correlated measures of each."""
    generator, runs, wrong = np.random.default_rng(7), 5, []
    template = with_p_values(results, [])[0]
    for _ in range(300):
        standard = generator.normal(size=(1, runs))
        own = np.repeat(generator.normal(size=(20, runs)), 2, axis=0)
        robust = np.sqrt(0.6) * own + np.sqrt(0.4) * generator.normal(size=(40, runs))
        wider = np.arange(40) < share * 40
        differences = robust - standard + np.where(wider, 4.0, 0.0)[:, None]
        statistic = differences.mean(1) / (differences.std(1, ddof=1) / np.sqrt(runs))
        findings = [
            template.model_copy(
                update={
                    "id": str(place),
                    "difference": template.difference.model_copy(update={"p_value": float(t.sf(value, runs - 1))}),
                }
            )
            for place, value in enumerate(statistic)
        ]
        called = np.array([one.wider for one in discoveries(results.recipes, findings)])
        wrong.append((called & ~wider).sum() / max(1, called.sum()))
    # Three standard errors above the level at most.
    assert np.mean(wrong) < LEVEL + 3 * np.std(wrong) / np.sqrt(len(wrong))
