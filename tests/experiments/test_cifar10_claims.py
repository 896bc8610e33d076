"""Each claim about CIFAR-10, judged from findings made by hand."""

import pytest

from fairtoll.experiments import find_experiment
from fairtoll.experiments.cifar10 import EASY, HARD, cifar10_highlights
from fairtoll.experiments.claims import judge_claims, judge_flips
from fairtoll.findings import results

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CHANGES = {"less fair": (0.05, 0.09), "fairer": (-0.09, -0.05), "equivalent": (-0.005, 0.005),
           "inconclusive": (-0.04, 0.06)}  # fmt: skip
CLAIMS = {"cau-cifar10", "easy-hard", "least-epsilon", "cru-s-cifar10", "cru-s-shrinks", "luf", "conclusion"}


def arm(name, means, width):
    groups = [
        results.GroupValue(
            group=one, value=means.get(one, 0.5),
            interval=(means.get(one, 0.5) - width, means.get(one, 0.5) + width), rows=200, sufficient=True,
        )
        for one in CLASSES
    ]  # fmt: skip
    return results.ArmValue(
        arm=name, value=0.3, corrected=None, interval=(0.2, 0.4), null_mean=None, null_95=None, worst_group=None,
        worst_value=None, best_group=None, best_value=None, per_run=[0.3, 0.3, 0.3], groups=groups,
    )  # fmt: skip


def finding(question, *, verdict="inconclusive", interval=None, seeds=3, robust=None, width=0.01):
    low, high = interval or CHANGES[verdict]
    change = results.Difference(
        value=(low + high) / 2, interval=(low, high), p_value=0.5, confidence=0.95, plain=0.0, least_detectable=0.1,
        groups="",
    )  # fmt: skip
    attack = question.attack
    return results.Finding(
        id=f"paper/static/{question.key}", dataset="cifar10", protocol="paper", metric=question.metric,
        parameters=results.Parameters(
            partition="class", evaluation=attack.evaluation if attack else "clean", attack=None,
            denominator=question.denominator, epsilon=attack.epsilon if attack else None, threat=None, attribute=None,
            label=None, target=None,
        ),
        standard=arm("standard", {}, width), robust=arm("static", robust or {}, width), control=None,
        noise_control=None, difference=change, difference_from_control=None, verdict=verdict,
        verdict_from_control=None, reason="", levelling_down=None, margin=0.01, runs=seeds, published=None,
    )  # fmt: skip


def judge(changes=None, **everywhere):
    found = []
    for _, question in find_experiment("cifar10").plan("paper"):
        options = dict(everywhere)
        for key, change in (changes or {}).items():
            if question.key.startswith(key):
                options |= change
        found.append(finding(question, **options))
    return {claim.id: claim for claim in judge_claims(find_experiment("cifar10").claims, found)}


def test_every_claim_of_the_paper_about_cifar10_is_judged():
    claims = judge()
    assert set(claims) == CLAIMS
    assert {claim.judgement for claim in claims.values()} == {"inconclusive"}


def test_nothing_is_judged_without_the_papers_arms():
    assert judge_claims(find_experiment("cifar10").claims, []) == []


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
    ("robust", "seeds", "judgement"),
    [
        (MOVED, 3, "supported"),
        (MOVED, 2, "inconclusive"),
        ({**MOVED, "cat": 0.6}, 3, "refuted"),
        ({**MOVED, "cat": 0.505}, 3, "inconclusive"),
        ({}, 3, "inconclusive"),
    ],
)
def test_hard_classes_down_and_easy_ones_up(robust, seeds, judgement):
    assert judge({"cau": {"robust": robust}}, seeds=seeds)["easy-hard"].judgement == judgement


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
    assert judge({"cru_epsilon/": {"robust": robust, "verdict": verdict}})["least-epsilon"].judgement == judgement


@pytest.mark.parametrize(
    ("middles", "judgement"),
    [((0.3, 0.2, 0.1), "supported"), ((0.1, 0.2, 0.3), "refuted"), ((0.3, 0.2, 0.21), "inconclusive")],
)
def test_the_change_shrinks_if_each_step_does(middles, judgement):
    changes = {
        f"cru_s/class/white-box/paper/pgd-20/{epsilon:g}/all": {"interval": (middle - 0.02, middle + 0.02)}
        for epsilon, middle in zip((0.01, 0.012, 0.014), middles, strict=True)
    }
    assert judge(changes)["cru-s-shrinks"].judgement == judgement


def test_the_conclusion_falls_with_one_of_its_parts_and_never_stands_without_leave_one_out():
    assert judge({"cau": {"verdict": "fairer"}})["conclusion"].judgement == "refuted"
    claims = judge({"c": {"verdict": "less fair"}}, robust=MOVED)
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
    findings = [finding(question) for _, question in find_experiment("cifar10").plan("paper")]
    claims = {
        claim.id: claim
        for claim in judge_claims(find_experiment("cifar10").claims, findings, leave_one_out=[left_out(interval)])
    }
    assert claims["luf"].judgement == judgement
    assert (claims["conclusion"].judgement == "refuted") == (judgement == "refuted")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"above_standard": None}, "of both classifiers are not trained"),
        ({"design": "masked"}, "with their own seeds (independent-seeds) are not trained"),
    ],
)
def test_it_is_not_judged_by_another_design_or_one_classifier(change, words):
    judgement, reason = judge_flips([left_out((0.02, 0.04)).model_copy(update=change)])
    assert judgement == "inconclusive"
    assert words in reason


def test_it_is_not_judged_where_all_members_are_alike():
    entry = left_out((0.02, 0.04))
    alike = entry.above_standard.model_copy(update={"interval": None})
    judgement, reason = judge_flips([entry.model_copy(update={"above_standard": alike})])
    assert (judgement, "all equal" in reason) == ("inconclusive", True)
