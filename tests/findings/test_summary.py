"""The answer on the first screen: names who pays, by the numbers of the findings, in at most three sentences."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from example_audit import audit_results
from example_results import example_results

from fairtoll.findings.results import ArmValue, Gap, GroupValue, MeasuredChange, ModelPair, Models
from fairtoll.findings.summary import answer
from fairtoll.findings.summary_of_gaps import answer_of_gaps


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


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("fairer", "The one comparison with the standard model: fairer."),
        ("inconclusive", "The one comparison with the standard model is inconclusive: it would take about 40 training"),
    ],
)
def test_one_comparison_is_no_number_of_them(example, verdict, said):
    finding = next(one for one in example.findings if one.verdict == "inconclusive")
    only = finding.model_copy(update={"verdict": verdict, "levelling_down": None})
    sentences = answer([only], example.arms)
    assert sentences[1].startswith(said)
    assert "Of 1 " not in " ".join(sentences)
    assert len(sentences) == 2


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


def age(value, worst, best, *, plain=None):
    """One arm's gap between two age groups, by hand."""
    group = {"interval": None, "rows": 76, "sufficient": True}
    return ArmValue(
        arm="forest", value=value, plain=value if plain is None else plain, interval=(0.1, 0.4), row_error=0.05,
        null_mean=0.05, null_95=0.1, systematic=None, worst_group="young", worst_value=worst, best_group="old",
        best_value=best, per_run=[value], plain_per_run=[value],
        groups=[GroupValue(group="young", value=worst, **group), GroupValue(group="old", value=best, **group)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("interval", "begins"),
    [
        ((-0.09, 0.14), "Of these two models: the gap in the share misclassified before or under attack by age_group"),
        ((0.01, 0.14), "Of these two models: young rows pay with forest: their share misclassified before or under"),
        ((-0.14, -0.01), "Of these two models: young rows gain less than others with forest: their share"),
    ],
)
def test_only_a_group_whose_own_loss_is_decided_pays(example, interval, begins):
    """54 of 76 young rows, 52 before: more by noise alone; the old ones improve, which is what widens the gap."""
    finding = next(one for one in example.findings if one.metric == "cru_s" and one.parameters.denominator == "all")
    found = finding.model_copy(
        update={
            "parameters": finding.parameters.model_copy(
                update={"partition": "age_group", "epsilon": 0.3, "evaluation": "scores-only"}
            ),
            "runs": 1,
            "standard": age(0.23, 0.684, 0.454),
            "robust": age(0.334, 0.711, 0.377),
            "changes": [
                MeasuredChange(group="young", standard=0.684, robust=0.711, value=0.027, interval=interval),
                MeasuredChange(group="old", standard=0.454, robust=0.377, value=-0.077, interval=(-0.12, -0.03)),
            ],
            "models": Models(
                pairs=[
                    ModelPair(
                        run="run-0", standard=0.23, robust=0.334, value=0.104, interval=(0.029, 0.178),
                        verdict="wider gap", p_value=0.01,
                    )
                ],
                shown={"wider gap": 1},
                swap_p=None,
            ),
        }
    )  # fmt: skip
    said = answer([found], [])[0]
    assert said.startswith(begins)
    assert said.endswith("is 23.0 before and 33.4 points after, wider by 2.9 to 17.8 points (interval over new rows).")
    if interval[0] < 0 < interval[1]:
        assert "pay" not in said
        assert (
            "at epsilon 0.3 is wider with forest: young rows 68.4% before and 71.1% after; "
            "old rows 45.4% before and 37.7% after; the gap is" in said
        )


def test_a_wider_gap_whose_noise_is_taken_out_says_so(example):
    """31 points lie between the groups that are named: 20 of them are more than rows drawn anew would give."""
    finding = next(
        one
        for one in example.findings
        if one.metric == "cru_s" and one.parameters.partition == "sex" and one.difference
    )
    noisy = {
        "verdict": "less fair",
        "standard": age(0.1, 0.6, 0.4, plain=0.2),
        "robust": age(0.2, 0.7, 0.39, plain=0.31),
        "changes": [],
    }
    said = answer([finding.model_copy(update=noisy)], example.arms)[0]
    assert said.startswith("The gap in the ")
    assert "young rows 60.0% before and 70.0% after; old rows 40.0% before and 39.0% after" in said
    assert "; the gap, without what the noise of the rows adds, goes from" in said


@pytest.mark.parametrize(
    ("value", "plain", "ends"),
    [
        (
            0.402,
            0.61,
            "a difference of 61.0 points; the gap without what the noise of the rows adds is 40.2 points "
            "(interval 10.0 to 40.0).",
        ),
        (0.61, 0.61, "a gap of 61.0 points (interval 10.0 to 40.0)."),
    ],
)
def test_of_one_model_the_gap_agrees_with_the_shares_that_are_named(example, value, plain, ends):
    """80 and 19 percent are 61 points apart."""
    parameters = example.findings[0].parameters.model_copy(
        update={"partition": "age_group", "evaluation": "white-box", "epsilon": 0.1, "denominator": "all"}
    )
    gap = Gap(
        id="one", dataset="digits", protocol="audit", metric="cru_s", parameters=parameters,
        value=age(value, 0.8, 0.19, plain=plain), margin=0.01, verdict="above margin", reason="", runs=1,
    )  # fmt: skip
    said = answer_of_gaps([gap], [])[0]
    assert said == (
        "young rows are worst off with forest: share misclassified before or under attack (epsilon 0.1) is 80.0% "
        f"there and 19.0% for old rows, {ends}"
    )
