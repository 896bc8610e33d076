"""Each claim about Adult, judged from findings made by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.example_findings import MeasuredByHand, arm_value, finding, pairs_of
from fairtoll import Evidence
from fairtoll.experiments import find_experiment
from fairtoll.experiments.adult import PAPER
from fairtoll.experiments.claims import holm, judge_claims
from fairtoll.findings import Question, results
from fairtoll.findings.compare import answer

NO, YES = "<=50K", ">50K"
ADULT = find_experiment("adult")


def of_confidence(partition, label):
    """EOU among the rows of one true class."""
    return Question("eou", partition, label=label, target=YES)


def judge(changes=None, *, measured=None, leave_one_out=(), **everywhere):
    """Judgements by claim, where findings are inconclusive but for `changes`: start of the key -> options."""
    found, questions = [], [question for _, question in ADULT.plan("paper")]
    for question in questions:
        options = dict(everywhere)
        for key, change in (changes or {}).items():
            if question.key == key or (key.endswith("*") and question.key.startswith(key[:-1])):
                options |= change
        found.append(finding(question, **options))
    judged = judge_claims(
        ADULT.claims, found, conclude=ADULT.conclude, questions=questions, measured=measured,
        leave_one_out=leave_one_out,
    )  # fmt: skip
    return {claim.id: claim for claim in judged}


def judgement(claim, changes=None, **options):
    return judge(changes, **options)[claim].judgement


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
def test_a_claim_follows_its_gaps(claim, keys, verdict):
    judged = judge({key: {"verdict": verdict} for key in keys})[claim]
    assert judged.judgement == JUDGED[verdict]
    assert judged.findings == [f"paper/static/{key}" for key in keys]
    assert judged.reason
    assert judged.text


@pytest.mark.parametrize(("claim", "keys"), NAMED[1:])
@pytest.mark.parametrize(("other", "expected"), [("inconclusive", "inconclusive"), ("equivalent", "refuted")])
def test_a_claim_needs_all_of_its_gaps(claim, keys, other, expected):
    changes = {key: {"verdict": "less fair"} for key in keys} | {keys[-1]: {"verdict": other}}
    judged = judge(changes)[claim]
    assert judged.judgement == expected
    assert judged.p_value == {"inconclusive": 0.3, "equivalent": 0.5}[other]  # the largest of its parts


def test_a_claim_is_supported_by_its_p_value_whatever_the_margin():
    key = NAMED[0][1][0]
    judged = judge({key: {"interval": (-0.004, 0.02), "p_value": 0.0075}})["cau-adult"]
    assert (judged.judgement, judged.p_value) == ("supported", 0.0075)
    assert "below the margin that matters" in judged.reason
    assert "below the margin" not in judge({key: {"verdict": "less fair"}})["cau-adult"].reason


def test_an_open_claim_says_what_is_excluded():
    key = NAMED[0][1][0]
    excluded = judge({key: {"interval": (-0.025, 0.009), "p_value": 0.6}})["cau-adult"]
    assert excluded.judgement == "inconclusive"
    assert "a rise by more than the margin of 1.0 points is ruled out" in excluded.reason
    assert "ruled out" not in judge({key: {"interval": (-0.025, 0.011), "p_value": 0.6}})["cau-adult"].reason


def test_other_claims_are_allowed_for():
    """Five claims can be tested here: 0.02 alone would do, among five it does not."""
    changes = {NAMED[0][1][0]: {"p_value": 0.02}}
    judged = judge(changes)["cau-adult"]
    assert (judged.judgement, judged.p_adjusted) == ("inconclusive", pytest.approx(0.1))
    smaller = {key: {"p_value": 1e-4} for _, keys in NAMED[1:] for key in keys}
    assert judge(changes | smaller)["cau-adult"].judgement == "supported"


def test_holm_is_statsmodels_by_hand():
    # From Holm's own rule: sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, each at least the one before.
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06}
    )


def test_holm_holds_its_level():
    """Where every claim is wrong, one is supported in at most 5% of draws."""
    generator = np.random.default_rng(5)
    wrong = 0
    for _ in range(2000):
        adjusted = holm({str(place): p for place, p in enumerate(generator.random(8))})
        wrong += min(adjusted.values()) <= 0.05
    assert stats.binomtest(wrong, 2000).proportion_ci(0.999).low <= 0.05


def test_other_gaps_do_not_matter():
    changes = {
        "cau/sex*": {"verdict": "less fair"},
        "cru_s/class/static*": {"verdict": "less fair"},
        "cru_s/sex*": {"verdict": "less fair"},
        "eou/sex/white*": {"verdict": "less fair"},
        "equalized_odds_rate*": {"verdict": "less fair"},
    }
    assert {claim.judgement for claim in judge(changes).values()} == {"inconclusive"}


def of_sex(first, second, error=0.01):
    """Mean confidence of (female, male) in both arms, in D_0 and D_1."""
    means = {
        (of_confidence("sex", label).key, arm): dict(zip(("Female", "Male"), pair, strict=True))
        for label, pairs in ((NO, first), (YES, second))
        for arm, pair in zip(("standard", "static"), pairs, strict=True)
    }
    return MeasuredByHand(means, error)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (((0.2, 0.3), (0.2, 0.3)), ((0.6, 0.7), (0.6, 0.7)), "supported"),
        (((0.2, 0.3), (0.2, 0.3)), ((0.6, 0.7), (0.7, 0.6)), "refuted"),
        (((0.2, 0.3), (0.2, 0.3)), ((0.6, 0.7), (0.695, 0.7)), "inconclusive"),
        (((0.2, 0.3), (0.2, 0.3)), ((0.6, 0.7), (None, 0.7)), "inconclusive"),
    ],
)
def test_female_below_male(first, second, expected):
    judged = judge(measured=of_sex(first, second))["female-below-male"]
    assert judged.judgement == expected
    assert judged.models.shown == (5 if expected == "supported" else 0)


def gaps(standard, robust, spread=0.01):
    return {
        role: arm_value(role, value=value, spread=spread)
        for role, value in (("standard", standard), ("robust", robust))
    }


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # The same models: what runs do to both gaps alike does not matter, and rows give an error of 0.007.
        (gaps(0.10, 0.10), gaps(0.13, 0.13), "supported"),
        (gaps(0.10, 0.10, spread=0.1), gaps(0.13, 0.13, spread=0.1), "supported"),
        (gaps(0.10, 0.10), gaps(0.13, 0.13, spread=-0.1), "inconclusive"),
        (gaps(0.10, 0.10), gaps(0.13, 0.105), "inconclusive"),
        (gaps(0.10, 0.10), gaps(0.13, 0.07), "refuted"),
        (gaps(0.10, 0.10), gaps(None, 0.13) | {"standard": arm_value("standard", value=None, row_error=None)},
         "inconclusive"),
    ],
)  # fmt: skip
def test_higher_on_d1(first, second, expected):
    changes = {of_confidence("sex", NO).key: first, of_confidence("sex", YES).key: second}
    assert judgement("eou-d1-above-d0", changes) == expected


@pytest.mark.parametrize(
    ("race", "sex", "expected"),
    [
        # Far apart in the claimed order: two attributes are still no trend.
        ((0.20, 0.24), (0.00, 0.04), "inconclusive"),
        ((0.00, 0.04), (0.20, 0.24), "refuted"),
        ((0.00, 0.04), (0.005, 0.045), "inconclusive"),
    ],
)
def test_more_values(race, sex, expected):
    changes = {"eou/race/clean*": {"interval": race}, "eou/sex/clean*": {"interval": sex}}
    judged = judge(changes)["eou-values"]
    assert judged.judgement == expected
    assert judged.p_adjusted is None  # it costs the other claims nothing


def test_more_values_without_a_difference():
    assert judgement("eou-values", {"eou/race/clean*": {"verdict": "insufficient data"}}) == "inconclusive"


@pytest.mark.parametrize("claim", ["cau-adult", "female-below-male", "eou-d1-above-d0", "eou-values"])
def test_one_training_run_says_nothing_about_recipes(claim):
    changes = {
        "cau/class/clean": {"verdict": "less fair"},
        of_confidence("sex", NO).key: gaps(0.1, 0.32) | {"interval": (0.20, 0.24)},
        of_confidence("sex", YES).key: gaps(0.3, 0.52) | {"interval": (0.20, 0.24)},
        "eou/race/clean*": {"interval": (0.00, 0.04)},
    }
    measured = of_sex(((0.2, 0.3), (0.2, 0.3)), ((0.6, 0.9), (0.6, 0.9)))
    assert judgement(claim, changes, measured=measured) != "inconclusive"
    one = {key: {**of, **{role: arm_value(role, value=of[role].value, runs=1) for role in ("standard", "robust")
                          if role in of}} for key, of in changes.items()}  # fmt: skip
    judged = judge(one, measured=measured, runs=1)[claim]
    assert judged.judgement == "inconclusive"
    assert judged.p_value is None


def test_each_pair_of_models_is_judged_too():
    key, far, near = NAMED[0][1][0], 0.05, 0.005  # an error of 0.01 from the rows
    judged = judge({key: {"models": pairs_of([far, near, far, -far, far])}})["cau-adult"].models
    assert (judged.shown, judged.of) == (3, 5)
    assert judged.sentence == "3 of 5 pairs of models show a larger CAU beyond the noise of the rows"
    single = judge({key: {"models": pairs_of([far])}}, runs=1)["cau-adult"]
    assert single.judgement == "inconclusive"
    assert single.models.sentence == "This pair of models shows a larger CAU beyond the noise of the rows"


def test_all_gaps_of_a_claim_must_be_wider_in_a_pair():
    first, second, third = NAMED[3][1]
    models = {
        first: {"models": pairs_of([0.05, 0.05])},
        second: {"models": pairs_of([0.05, 0.0])},
        third: {"models": pairs_of([0.05, 0.05])},
    }
    assert judge(models)["cru-s-adult"].models.shown == 1


ALL_WORSE = {key: {"verdict": "less fair"} for _, keys in NAMED for key in keys}


def test_the_conclusion_is_never_shown_by_three_kinds_of_four():
    judged = judge(ALL_WORSE)["conclusion"]
    assert judged.judgement == "inconclusive"
    assert "shown for CAU, CRU_s, EOU" in judged.reason
    assert "leave-one-out, is not measured here" in judged.reason
    assert judged.p_value is None


@pytest.mark.parametrize("keys", [keys for _, keys in NAMED])
def test_the_conclusion_falls_with_one_kind(keys):
    assert judgement("conclusion", ALL_WORSE | {keys[0]: {"verdict": "equivalent"}}) == "refuted"


def test_nothing_is_judged_where_the_papers_arms_were_not_trained():
    assert judge_claims(ADULT.claims, [], conclude=ADULT.conclude) == []


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
            for run in range(runs):
                chance = np.where(values == (label == YES), 0.9, 0.1) + 0.001 * run
                parts.append(pd.DataFrame({"arm": name, "run": run, "y": label, "p": chance}))
    return Evidence.from_frame(
        pd.concat(parts, ignore_index=True), label="y", probabilities={YES: "p"}, arm="arm", seed="run"
    )


@pytest.mark.parametrize(("runs", "expected"), [(1, "inconclusive"), (5, "refuted")])
def test_the_papers_own_numbers_cannot_be_told_apart(runs, expected):
    """By hand: the paired difference has a standard error of 0.005 from the rows alone, five times the difference.

    Var = 0.072 / 11,360 + 0.072 / 3,700 (less the squared means, which do not show). Five runs that agree in every
    row, which no real ones do, leave that as it is: 0.001 +- 1.645 x 0.005 is within the margin of 0.01.
    """
    question = next(question for _, question in ADULT.plan("paper") if question.key == "cau/class/clean")
    found = answer(published_accuracies(runs), PAPER, question, dataset="adult")
    assert found.standard.plain == pytest.approx(0.0195, abs=3e-4)
    assert found.robust.plain == pytest.approx(0.0205, abs=3e-4)
    by_hand = math.sqrt(0.072 / 11_360 + 0.072 / 3_700)
    assert by_hand == pytest.approx(0.00508, abs=1e-5)
    half = (found.difference.interval[1] - found.difference.interval[0]) / 2
    assert half / 1.96 >= 0.99 * by_hand
    assert half / 1.96 < 2 * by_hand
    others = [finding(question) for _, question in ADULT.plan("paper")]
    claims = judge_claims(ADULT.claims, [found, *(one for one in others if one.id != found.id)])
    judged = {claim.id: claim for claim in claims}["cau-adult"]
    assert (judged.judgement, judged.models.shown) == (expected, 0)


def test_conclusion_says_what_was_measured_of_leave_one_out():
    assert "leave-one-out, is not measured here" in judge()["conclusion"].reason
    contrast = results.LeaveOneOutContrast(
        arm="standard", design="independent-seeds", flip_rate=0.03, interval=(0.02, 0.04), paired=True, luf=0.0
    )
    entry = results.LeaveOneOut.model_construct(design="independent-seeds", members=10, above_standard=contrast)
    said = judge(leave_one_out=[entry])["conclusion"].reason
    assert "on CIFAR-10 alone (with a separate seed for each of 10 models" in said
    assert said.endswith(").")
