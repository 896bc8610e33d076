"""Each claim about CIFAR-10, judged from findings made by hand."""

import pytest

from experiments.example_findings import MeasuredByHand, arm_value, finding
from fairtoll.experiments import find_experiment
from fairtoll.experiments.cifar10 import ACCURACY, EASY, HARD, LEAST_QUESTIONS, cifar10_highlights
from fairtoll.experiments.claims import judge_claims
from fairtoll.experiments.conclusion import compare_flips
from fairtoll.findings import results

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CLAIMS = {"cau-cifar10", "easy-hard", "least-epsilon", "cru-s-cifar10", "cru-s-shrinks", "luf", "conclusion"}
CIFAR10 = find_experiment("cifar10")


def judge(changes=None, *, measured=None, leave_one_out=(), **everywhere):
    found, questions = [], [question for _, question in CIFAR10.plan("paper")]
    for question in questions:
        options = {"runs": 3} | everywhere
        for key, change in (changes or {}).items():
            if question.key.startswith(key):
                options |= change
        found.append(finding(question, "cifar10", **options))
    judged = judge_claims(
        CIFAR10.claims, found, conclude=CIFAR10.conclude, questions=questions, measured=measured,
        leave_one_out=leave_one_out,
    )  # fmt: skip
    return {claim.id: claim for claim in judged}


def moved(robust, *, error=0.01):
    """Group means of 0.5 on the standard arm, and these on the static one."""
    means = {}
    for key in (ACCURACY.key, LEAST_QUESTIONS[0].key):
        means[key, "standard"] = dict.fromkeys(CLASSES, 0.5)
        means[key, "static"] = {name: robust.get(name, 0.5) for name in CLASSES}
    return MeasuredByHand(means, error)


def test_every_claim_of_the_paper_about_cifar10_is_judged():
    claims = judge()
    assert set(claims) == CLAIMS
    assert {claim.judgement for claim in claims.values()} == {"inconclusive"}


def test_nothing_is_judged_without_the_papers_arms():
    assert judge_claims(CIFAR10.claims, [], conclude=CIFAR10.conclude) == []


@pytest.mark.parametrize(
    ("verdict", "judgement"),
    [("less fair", "supported"), ("fairer", "refuted"), ("equivalent", "refuted"),
     ("inconclusive", "inconclusive")],
)  # fmt: skip
def test_a_gap_claimed_to_grow_follows_its_verdict(verdict, judgement):
    assert judge({"cau": {"verdict": verdict}})["cau-cifar10"].judgement == judgement
    assert judge({"cru_s/class/white-box": {"verdict": verdict}})["cru-s-cifar10"].judgement == judgement


def test_the_success_rates_that_count_are_white_box():
    assert judge({"cru_s/class/static": {"verdict": "less fair"}})["cru-s-cifar10"].judgement == "inconclusive"


MOVED = {**dict.fromkeys(HARD, 0.4), **dict.fromkeys(EASY, 0.6)}


@pytest.mark.parametrize(
    ("robust", "runs", "judgement"),
    [
        (MOVED, 3, "supported"),
        (MOVED, 2, "inconclusive"),
        ({**MOVED, "cat": 0.6}, 3, "refuted"),
        ({**MOVED, "cat": 0.495}, 3, "inconclusive"),
        ({}, 3, "inconclusive"),
    ],
)
def test_hard_classes_down_and_easy_ones_up(robust, runs, judgement):
    judged = judge(measured=moved(robust), runs=runs)["easy-hard"]
    assert judged.judgement == judgement
    assert judged.models.shown == (runs if robust is MOVED else 0)


@pytest.mark.parametrize(
    ("robust", "verdict", "judgement"),
    [
        (MOVED, "less fair", "supported"),
        (MOVED, "inconclusive", "inconclusive"),
        (MOVED, "equivalent", "refuted"),
        ({**dict.fromkeys(HARD, 0.6), **dict.fromkeys(EASY, 0.4)}, "less fair", "refuted"),
    ],
)
def test_least_epsilon_needs_the_gap_and_the_classes(robust, verdict, judgement):
    judged = judge({"cru_epsilon/": {"verdict": verdict}}, measured=moved(robust))
    assert judged["least-epsilon"].judgement == judgement


@pytest.mark.parametrize(
    ("changes", "judgement"),
    [((0.3, 0.2, 0.1), "supported"), ((0.1, 0.2, 0.3), "refuted"), ((0.3, 0.2, 0.199), "inconclusive")],
)
def test_the_change_shrinks_if_each_step_does(changes, judgement):
    """The rows give each change an error of 0.002, so each step one of at most 0.004."""
    found = {
        f"cru_s/class/white-box/paper/pgd-20/{epsilon:g}/all": {
            "interval": (change - 0.02, change + 0.02),
            "standard": arm_value("standard", runs=3),
            "robust": arm_value("robust", value=0.1 + change, spread=0.001, runs=3),
        }
        for epsilon, change in zip((0.01, 0.012, 0.014), changes, strict=True)
    }
    assert judge(found)["cru-s-shrinks"].judgement == judgement


def test_the_conclusion_falls_with_one_of_its_parts_and_is_never_shown_without_leave_one_out():
    assert judge({"cau": {"verdict": "fairer"}})["conclusion"].judgement == "refuted"
    claims = judge({"c": {"verdict": "less fair"}}, measured=moved(MOVED))
    assert claims["least-epsilon"].judgement == "supported"
    assert claims["conclusion"].judgement == "inconclusive"


def accuracy(arm, evaluation, mean, published=None):
    return results.Accuracy(
        arm=arm, evaluation=evaluation, attack="pgd-20", threat="paper", epsilon=0.01, mean=mean, sd=None,
        per_run=[mean], published=published,
    )  # fmt: skip


@pytest.mark.parametrize(("own", "said"), [(0.13, "does not survive"), (0.80, "survives")])
def test_one_sentence_says_whether_the_papers_robust_accuracy_survives(own, said):
    found = [
        accuracy("standard", "white-box", 0.14),
        accuracy("static", "static-transfer", 0.62, 0.8312),
        accuracy("static", "white-box", own),
    ]
    (sentence,) = cifar10_highlights([], found, [])
    assert f"83.1% robust accuracy {said} a white-box attack" in sentence
    assert "62.0%" in sentence
    assert f"{own:.1%}" in sentence
    assert cifar10_highlights([], found[:2], []) == []


def left_out(interval):
    return results.LeaveOneOut(
        arm="static", design="independent-seeds", title="", floor=False, members=10, rows=100, precision="float32",
        adversarial_examples="own", luf=0.5, luf_interval=None, luf_quantiles=[0.5] * 7, flips_per_row=1.0,
        flips_per_model=10.0, flip_rate=0.1, flip_rate_interval=None, per_member=[0.1] * 10, curve=[], above_floor=None,
        above_standard=results.LeaveOneOutContrast(
            arm="standard", design="independent-seeds", flip_rate=sum(interval) / 2, interval=interval, paired=True,
            luf=0.0,
        ),
        groups=[], most_influential=[], published=None, published_note=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("interval", "judgement"),
    [((0.02, 0.04), "supported"), ((-0.004, 0.006), "refuted"), ((-0.01, 0.03), "inconclusive")],
)
def test_leave_one_out_is_judged_by_its_flips(interval, judgement):
    claims = judge(leave_one_out=[left_out(interval)])
    assert claims["luf"].judgement == judgement
    assert (claims["conclusion"].judgement == "refuted") == (judgement == "refuted")


def test_the_p_value_of_flips_is_that_of_their_interval():
    """An interval that just reaches 0 has a one-sided p-value of 2.5%."""
    assert compare_flips("luf", [left_out((0.0, 0.04))]).p_value == pytest.approx(0.025, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"above_standard": None}, "of both classifiers are not trained"),
        ({"design": "masked"}, "with their own seeds (independent-seeds) are not trained"),
    ],
)
def test_it_is_not_judged_by_another_design_or_one_classifier(change, words):
    found = compare_flips("luf", [left_out((0.02, 0.04)).model_copy(update=change)])
    assert found.p_value is None
    assert words in found.said


def test_it_is_not_judged_where_all_members_are_alike():
    entry = left_out((0.02, 0.04))
    alike = entry.above_standard.model_copy(update={"interval": None})
    found = compare_flips("luf", [entry.model_copy(update={"above_standard": alike})])
    assert (found.p_value, "all equal" in found.said) == (None, True)
