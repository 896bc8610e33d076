"""Each claim about Adult, judged from findings made by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from fairtoll import Evidence
from fairtoll.experiments import find_experiment
from fairtoll.experiments.adult import PAPER
from fairtoll.experiments.claims import judge_claims
from fairtoll.findings import Question, results
from fairtoll.findings.compare import answer

NO, YES = "<=50K", ">50K"
#: Interval of a change for each verdict, at a margin of 0.01.
CHANGES = {
    "less fair": (0.05, 0.09),
    "fairer": (-0.09, -0.05),
    "equivalent": (-0.005, 0.005),
    "inconclusive": (-0.04, 0.06),
    "insufficient data": None,
}
ROLES = {"standard": "standard", "robust": "static", "control": "repeated", "noise_control": "noise"}


def of_confidence(partition, label):
    """EOU among the rows of one true class."""
    return Question("eou", partition, label=label, target=YES)


def arm(role, *, value=0.1, interval=(0.08, 0.12), groups=None):
    found = [
        results.GroupValue(group=name, value=mean, interval=None, rows=500, sufficient=True)
        for name, mean in (groups or {}).items()
    ]
    return results.ArmValue(
        arm=ROLES[role], value=value, corrected=None, interval=interval, null_mean=None, null_95=None,
        worst_group=None, worst_value=None, best_group=None, best_value=None, per_run=[value, value], groups=found,
    )  # fmt: skip


def finding(question, *, verdict="inconclusive", interval=None, seeds=5, **arms):
    interval = interval or CHANGES[verdict]
    change = interval and results.Difference(
        value=sum(interval) / 2, interval=interval, p_value=0.5, confidence=0.95, plain=0.0, least_detectable=0.1,
        groups="",
    )  # fmt: skip
    label = question.label
    return results.Finding(
        id=f"paper/static/{question.key}", dataset="adult", protocol="paper", metric=question.metric,
        parameters=results.Parameters(
            partition=question.partition, evaluation=question.attack.evaluation if question.attack else "clean",
            attack=None, denominator=question.denominator, epsilon=question.attack.epsilon if question.attack else None,
            threat=None, attribute=None, label=label, target=question.target,
        ),
        standard=arms.get("standard", arm("standard")), robust=arms.get("robust", arm("robust")),
        control=arm("control"), noise_control=arm("noise_control"),
        difference=change, difference_from_control=change, verdict=verdict, verdict_from_control=verdict,
        reason="", levelling_down=None, margin=0.01, runs=seeds, published=None,
    )  # fmt: skip


def judge(changes=None, **everywhere):
    """Judgements by claim, where findings are inconclusive but for `changes`: start of the key -> options."""
    found = []
    for _, question in find_experiment("adult").plan("paper"):
        options = dict(everywhere)
        for key, change in (changes or {}).items():
            if question.key == key or (key.endswith("*") and question.key.startswith(key[:-1])):
                options |= change
        found.append(finding(question, **options))
    return {claim.id: claim for claim in judge_claims(find_experiment("adult").claims, found)}


def judgement(claim, changes=None, **everywhere):
    return judge(changes, **everywhere)[claim].judgement


JUDGED = {
    "less fair": "supported",
    "fairer": "refuted",
    "equivalent": "refuted",
    "inconclusive": "inconclusive",
    "insufficient data": "inconclusive",
}
NAMED = [
    ("cau-adult", ["cau/class/clean"]),
    ("eou-sex", [of_confidence("sex", label).key for label in (NO, YES)]),
    ("eou-race", [of_confidence("race", label).key for label in (NO, YES)]),
    ("cru-s-adult", [f"cru_s/class/white-box/paper/pgd-20/{epsilon}/all" for epsilon in (10, 15, 20)]),
]


@pytest.mark.parametrize(("claim", "keys"), NAMED)
@pytest.mark.parametrize("verdict", list(JUDGED))
def test_a_claim_follows_the_verdicts_of_its_gaps(claim, keys, verdict):
    judged = judge({key: {"verdict": verdict} for key in keys})[claim]
    assert judged.judgement == JUDGED[verdict]
    assert judged.findings == [f"paper/static/{key}" for key in keys]
    assert judged.reason
    assert judged.text


@pytest.mark.parametrize(("claim", "keys"), NAMED[1:])
@pytest.mark.parametrize(("other", "expected"), [("inconclusive", "inconclusive"), ("equivalent", "refuted")])
def test_a_claim_stands_only_if_each_of_its_gaps_does(claim, keys, other, expected):
    changes = {key: {"verdict": "less fair"} for key in keys} | {keys[-1]: {"verdict": other}}
    assert judgement(claim, changes) == expected


def test_other_gaps_do_not_matter():
    changes = {
        "cau/sex*": {"verdict": "less fair"},
        "cru_s/class/static*": {"verdict": "less fair"},
        "cru_s/sex*": {"verdict": "less fair"},
        "eou/sex/white*": {"verdict": "less fair"},
        "equalized_odds_rate*": {"verdict": "less fair"},
    }
    assert {claim.judgement for claim in judge(changes).values()} == {"inconclusive"}


def sex_gap(standard, robust, **options):
    return {
        "standard": arm("standard", groups=dict(zip(("Female", "Male"), standard, strict=True)), **options),
        "robust": arm("robust", groups=dict(zip(("Female", "Male"), robust, strict=True)), **options),
    }


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (sex_gap((0.2, 0.3), (0.2, 0.3)), sex_gap((0.6, 0.7), (0.6, 0.7)), "supported"),
        (sex_gap((0.2, 0.3), (0.2, 0.3)), sex_gap((0.6, 0.7), (0.7, 0.6)), "refuted"),
        (sex_gap((0.2, 0.3), (0.2, 0.3)), sex_gap((0.6, 0.7), (0.6, 0.7), interval=(0.0, 0.2)), "inconclusive"),
        (sex_gap((0.2, 0.3), (0.2, 0.3)), sex_gap((0.6, 0.7), (None, 0.7)), "inconclusive"),
        (sex_gap((0.2, 0.3), (0.2, 0.3)), sex_gap((0.6, 0.7), (0.6, 0.7), interval=None), "inconclusive"),
    ],
)
def test_female_below_male(first, second, expected):
    changes = {of_confidence("sex", NO).key: first, of_confidence("sex", YES).key: second}
    assert judgement("female-below-male", changes) == expected


def gaps(standard, robust, half=0.02):
    return {
        role: arm(role, value=value, interval=None if value is None else (value - half, value + half))
        for role, value in (("standard", standard), ("robust", robust))
    }


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # The half-widths of 0.02 make a reach of 0.0283.
        (gaps(0.10, 0.10), gaps(0.13, 0.13), "supported"),
        (gaps(0.10, 0.10), gaps(0.13, 0.125), "inconclusive"),
        (gaps(0.10, 0.10), gaps(0.13, 0.07), "refuted"),
        (gaps(0.10, 0.10), gaps(None, 0.13), "inconclusive"),
    ],
)
def test_higher_on_d1(first, second, expected):
    changes = {of_confidence("sex", NO).key: first, of_confidence("sex", YES).key: second}
    assert judgement("eou-d1-above-d0", changes) == expected


@pytest.mark.parametrize(
    ("race", "sex", "expected"),
    [
        # Far apart in the claimed order: two attributes are still no trend.
        ((0.20, 0.24), (0.00, 0.04), "inconclusive"),
        ((0.00, 0.04), (0.20, 0.24), "refuted"),
        ((0.00, 0.04), (0.03, 0.07), "inconclusive"),
    ],
)
def test_more_values(race, sex, expected):
    changes = {"eou/race/clean*": {"interval": race}, "eou/sex/clean*": {"interval": sex}}
    assert judgement("eou-values", changes) == expected


def test_more_values_without_a_difference():
    assert judgement("eou-values", {"eou/race/clean*": {"verdict": "insufficient data"}}) == "inconclusive"


@pytest.mark.parametrize("claim", ["female-below-male", "eou-d1-above-d0", "eou-values"])
def test_one_training_run_tells_nothing(claim):
    changes = {
        of_confidence("sex", NO).key: sex_gap((0.2, 0.3), (0.2, 0.3)) | {"interval": (0.20, 0.24)},
        of_confidence("sex", YES).key: sex_gap((0.6, 0.9), (0.6, 0.9), value=0.3, interval=(0.28, 0.32))
        | {"interval": (0.20, 0.24)},
        "eou/race/clean*": {"interval": (0.00, 0.04)},
    }
    assert judgement(claim, changes, seeds=5) != "inconclusive"
    assert judgement(claim, changes, seeds=1) == "inconclusive"


ALL_WORSE = {key: {"verdict": "less fair"} for _, keys in NAMED for key in keys}


def test_the_conclusion_is_never_shown_by_three_kinds_of_four():
    judged = judge(ALL_WORSE)["conclusion"]
    assert judged.judgement == "inconclusive"
    assert "shown for CAU, CRU_s, EOU" in judged.reason
    assert "leave-one-out, is not measured here" in judged.reason


@pytest.mark.parametrize("keys", [keys for _, keys in NAMED])
def test_the_conclusion_falls_with_one_kind(keys):
    assert judgement("conclusion", ALL_WORSE | {keys[0]: {"verdict": "equivalent"}}) == "refuted"


def test_nothing_is_judged_where_the_papers_arms_were_not_trained():
    assert judge_claims(find_experiment("adult").claims, []) == []


def published_accuracies(runs):
    """Predictions with the paper's CAU: 11,360 and 3,700 rows, 7.2% of which the two models answer differently."""
    parts = []
    for label, rows, plain, hardened in ((NO, 11_360, 0.8000, 0.7995), (YES, 3_700, 0.7805, 0.7790)):
        place, differ = np.arange(rows), round(0.072 * rows)
        lost = (differ + round((plain - hardened) * rows)) // 2  # right before, wrong after
        gained = differ - lost
        right = place < round(plain * rows)
        after = (place >= lost) & (place < round(plain * rows) + gained)
        for name, values in (("standard", right), ("static", after), ("repeated", right), ("noise", right)):
            chance = np.where(values == (label == YES), 0.9, 0.1)
            parts += [pd.DataFrame({"arm": name, "run": run, "y": label, "p": chance}) for run in range(runs)]
    return Evidence.from_frame(
        pd.concat(parts, ignore_index=True), label="y", probabilities={YES: "p"}, arm="arm", seed="run"
    )


@pytest.mark.parametrize("runs", [1, 5])
def test_the_papers_own_numbers_cannot_be_told_apart(runs):
    """By hand: the paired difference has a standard error of 0.005 from the rows alone, five times the difference.

    Var = 0.072 / 11,360 + 0.072 / 3,700 (less the squared means, which do not show). Five runs that agree in every
    row, which no real ones do, leave that as it is.
    """
    question = next(
        question for _, question in find_experiment("adult").plan("paper") if question.key == "cau/class/clean"
    )
    found = answer(published_accuracies(runs), PAPER, question, dataset="adult")
    assert found.standard.value == pytest.approx(0.0195, abs=3e-4)
    assert found.robust.value == pytest.approx(0.0205, abs=3e-4)
    by_hand = math.sqrt(0.072 / 11_360 + 0.072 / 3_700)
    assert by_hand == pytest.approx(0.00508, abs=1e-5)
    half = (found.difference.interval[1] - found.difference.interval[0]) / 2
    assert half / 1.96 >= 0.99 * by_hand
    assert half / 1.96 < 2 * by_hand
    others = [finding(question) for _, question in find_experiment("adult").plan("paper")]
    claims = judge_claims(find_experiment("adult").claims, [found, *(one for one in others if one.id != found.id)])
    assert {claim.id: claim.judgement for claim in claims}["cau-adult"] == "inconclusive"


def test_conclusion_says_what_was_measured_of_leave_one_out():
    findings = [finding(question) for _, question in find_experiment("adult").plan("paper")]
    without = judge_claims(find_experiment("adult").claims, findings)[-1]
    assert "leave-one-out, is not measured here" in without.reason
    contrast = results.LeaveOneOutContrast(
        arm="standard", design="independent-seeds", flip_rate=0.03, interval=(0.02, 0.04), paired=True, luf=0.0
    )
    entry = results.LeaveOneOut.model_construct(design="independent-seeds", members=10, above_standard=contrast)
    said = judge_claims(find_experiment("adult").claims, findings, leave_one_out=[entry])[-1].reason
    assert "on CIFAR-10 alone (the change is above the margin: with a separate seed for each of 10 models" in said
    assert said.endswith(").")
