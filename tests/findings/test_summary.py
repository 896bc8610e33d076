"""The answer on the first screen: names who pays, by the numbers of the findings, in at most three sentences."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from example_audit import audit_results
from example_results import example_results

from fairtoll.findings.results import MeasuredChange
from fairtoll.findings.summary import answer


@pytest.fixture(scope="module")
def example():
    return example_results()


def test_at_most_three_sentences_name_the_group_and_the_numbers_of_one_finding(example):
    said = answer(example.findings, example.arms)
    assert 1 <= len(said) <= 3
    wider = [
        finding
        for finding in example.findings
        if finding.verdict == "less fair"
        and (finding.robust.worst_group or "") in said[0]
        and f"from {100 * finding.difference.standard:.1f} to {100 * finding.difference.robust:.1f} points" in said[0]
    ]
    assert wider
    low, high = (100 * end for end in wider[0].difference.interval)
    assert (
        f"less fair, interval of the change {low:.1f} to {high:.1f}, {wider[0].difference.runs} training runs"
        in said[0]
    )


def test_its_counts_are_those_of_the_findings(example):
    said = " ".join(answer(example.findings, example.arms))
    assert f"Of {len(example.findings)} comparisons" in said
    for verdict in ("less fair", "fairer"):
        assert f"{sum(finding.verdict == verdict for finding in example.findings)} {verdict}" in said
    undecided = sum(finding.verdict == "inconclusive" for finding in example.findings)
    assert f"{undecided} are inconclusive: {undecided} would take about 40 training runs" in said


def test_one_pair_of_models_is_answered_of_these_models():
    audit = audit_results()
    said = answer(audit.findings, audit.arms)
    assert len(said) == 3
    assert said[0].startswith("These two models: ")
    assert said[2].startswith("One training run says nothing about the recipes")
    judged = [finding for finding in audit.findings if finding.models]
    assert f"Of {len(judged)} comparisons" in said[1]


def test_without_a_wider_gap_it_says_so(example):
    calm = [
        finding.model_copy(update={"verdict": "equivalent"})
        for finding in example.findings
        if finding.verdict == "less fair"
    ]
    said = answer(calm, example.arms)
    assert said[0].startswith("No gap is shown to be wider")
    assert f"{len(calm)} equivalent" in said[1]
    assert len(said) == 2


@pytest.mark.parametrize(
    ("before", "after", "said"), [(0.9, 0.28, "rows gain less than others"), (0.2, 0.4, "rows pay")]
)
def test_a_group_that_gains_less_than_the_others_does_not_pay(example, before, after, said):
    finding = next(one for one in example.findings if one.metric == "cru_s" and one.parameters.partition == "sex")
    worst = finding.robust.worst_group
    moved = after - before
    change = MeasuredChange(group=worst, standard=before, robust=after, value=moved, interval=(moved, moved))
    changed = finding.model_copy(update={"verdict": "less fair", "changes": [change]})
    sentence = answer([changed], example.arms)[0]
    assert sentence.startswith(f"{worst} {said} with ")
    assert f"from {100 * before:.1f}% to {100 * after:.1f}%" in sentence
