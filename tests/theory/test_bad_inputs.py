"""Every way to misuse the theory, and the message that says what to do about it."""

import math

import numpy as np
import pytest

from fairtoll.errors import FairtollError
from fairtoll.theory import (
    Gaussians,
    Group,
    LinearRule,
    best_rule,
    cau,
    cru_epsilon,
    cru_s,
    eou,
    epsilon_at_rate,
    error,
    least_epsilon,
    least_loss_rule,
    luf,
    margins,
    mean_confidence,
    mean_least_epsilon,
    messages,
    repair,
    reweighted,
    robust_rule,
    standard_rule,
    static_rule,
    success_rate,
    with_groups,
)

MODEL, RULE = Gaussians([1.0, 0.5], (1.0, 2.0)), LinearRule([1.0, 0.5], 0.0)
HALVES = (Group("a", 0.5, [0.0, 0.0]), Group("b", (0.5, 0.5), [0.5, 0.0]))

TEMPLATES = {name: text for name, text in vars(messages).items() if name.isupper()}


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_message_has_three_parts(template):
    given, expected, remedy = TEMPLATES[template].split("; ", maxsplit=2)
    assert given
    assert expected.startswith("expected ")
    assert remedy


def refused(call, template, **fields):
    text = template.format(**fields)
    assert "{" not in text
    with pytest.raises(FairtollError) as raised:
        call()
    assert str(raised.value) == text
    assert "\n" not in text


def gaussians(theta=(1.0, 0.5), covariances=(1.0, 2.0), **options):
    return lambda: Gaussians(list(theta), covariances, **options)


@pytest.mark.parametrize(
    "covariance", [0.0, -1.0, [1.0, 0.0], [[1.0, 1.0], [1.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]], np.zeros((2, 2))], ids=str
)
def test_a_singular_covariance(covariance):
    refused(gaussians(covariances=(1.0, covariance)), messages.SINGULAR, label="+1")
    refused(gaussians(covariances=(covariance, 1.0)), messages.SINGULAR, label="-1")


def test_other_covariances():
    refused(gaussians(covariances=2.0), messages.COVARIANCE_PAIR, given="float")
    refused(gaussians(covariances=(1.0, 1.0, 1.0)), messages.COVARIANCE_PAIR, given="tuple")
    refused(gaussians(covariances=(1.0, [1.0] * 3)), messages.COVARIANCE_SHAPE, label="+1", given=(3,), features=2)
    refused(gaussians(covariances=([[1.0, 0.5], [0.0, 1.0]], 1.0)), messages.NOT_SYMMETRIC, label="-1")
    refused(gaussians(covariances=(math.nan, 1.0)), messages.NOT_FINITE, name="the covariance of class -1")
    refused(gaussians(covariances=("one", 1.0)), messages.NOT_NUMBERS, name="the covariance of class -1", given="<U3")


@pytest.mark.parametrize("prior", [0, 1, -0.1, 1.5, math.nan, "half", True, None], ids=str)
def test_a_prior_outside_0_and_1(prior):
    refused(gaussians(prior=prior), messages.PRIOR, given=repr(prior))


def test_a_negative_scale_and_other_shapes():
    refused(gaussians(scale=[1.0, -0.5]), messages.SCALE, given="-0.5", feature=1)
    refused(gaussians(scale=[1.0]), messages.SHAPE, name="scale", given=(1,), expected="(2,)")
    refused(gaussians(scale=[1.0, math.inf]), messages.NOT_FINITE, name="scale")
    refused(gaussians(theta=(1.0, math.nan)), messages.NOT_FINITE, name="theta")
    refused(gaussians(theta=()), messages.SHAPE, name="theta", given=(0,), expected="(d,) with d of at least 1")
    refused(lambda: Gaussians([[1.0]], (1.0, 1.0)), messages.SHAPE, name="theta", given=(1, 1),
            expected="(d,) with d of at least 1")  # fmt: skip


def test_groups():
    for share in (-0.1, 1.5, math.nan, (0.5, 2.0), (0.5, 0.5, 0.5), "half"):
        refused(lambda share=share: Group("a", share, [0.0]), messages.SHARE, name="a", given=repr(share))
    refused(lambda: Group("a", 0.5, [math.inf]), messages.NOT_FINITE, name="the shift of group a")
    twice = (HALVES[0], HALVES[0])
    refused(gaussians(groups=twice), messages.GROUPS_DOUBLED, name="a")
    refused(gaussians(groups=HALVES[:1]), messages.SHARES, label="-1", given="0.5")
    uneven = (Group("a", (0.5, 0.4), [0.0, 0.0]), Group("b", (0.5, 0.5), [0.0, 0.0]))
    refused(gaussians(groups=uneven), messages.SHARES, label="+1", given="0.9")
    refused(gaussians(groups=("a",)), messages.GROUPS, given="a tuple that holds 'a'")
    for given in (HALVES[0], "ab", None):
        refused(gaussians(groups=given), messages.GROUPS, given=f"of type {type(given).__name__}")
    longer = (HALVES[0], Group("b", 0.5, [0.0] * 3))
    refused(gaussians(groups=longer), messages.SHAPE, name="the shift of group b", given=(3,), expected="(2,)")


def test_rules():
    refused(lambda: LinearRule([math.nan], 0.0), messages.NOT_FINITE, name="weights")
    refused(lambda: LinearRule([1.0], math.inf), messages.NOT_FINITE, name="bias")
    refused(lambda: LinearRule([1.0], "0"), messages.NOT_NUMBERS, name="bias", given="str")
    refused(lambda: LinearRule([1.0], None), messages.NOT_NUMBERS, name="bias", given="NoneType")
    wide = LinearRule([1.0] * 3, 0.0)
    refused(lambda: error(MODEL, wide), messages.FEATURES_DIFFER, given=3, expected=2)
    refused(
        lambda: RULE.score([1.0, 2.0]), messages.SHAPE, name="x", given=(2,), expected="(N, 2) with N of at least 1"
    )
    refused(lambda: margins(RULE, [[1.0, 2.0]], [0]), messages.LABELS, given="0")
    refused(lambda: least_epsilon(RULE, [[1.0, 2.0]], [1, 1]), messages.SHAPE_OF_ROWS, name="y", given=(2,),
            expected="(1,)")  # fmt: skip
    refused(lambda: margins(RULE, [[1.0, 2.0]], [1], -1.0), messages.EPSILON, name="epsilon", given="-1.0")
    refused(lambda: margins(RULE, [[1.0, 2.0]], [1], 1.0, -1.0), messages.SCALE, given="-1", feature=0)


@pytest.mark.parametrize("epsilon", [-0.1, math.nan, math.inf, "1", None, True], ids=str)
def test_radii(epsilon):
    given = repr(epsilon)
    refused(lambda: error(MODEL, RULE, epsilon), messages.EPSILON, name="epsilon", given=given)
    refused(lambda: cru_s(MODEL, RULE, epsilon), messages.EPSILON, name="epsilon", given=given)
    refused(lambda: robust_rule(MODEL, epsilon), messages.EPSILON, name="epsilon", given=given)
    if epsilon is not None:
        refused(
            lambda: cru_epsilon(MODEL, RULE, epsilon_max=epsilon), messages.EPSILON, name="epsilon_max", given=given
        )


def test_what_is_asked_of_whom():
    refused(lambda: error(MODEL, RULE, label=0), messages.LABEL, given="0")
    refused(lambda: error(MODEL, RULE, group="a"), messages.UNKNOWN_GROUP, given="'a'", expected=[])
    refused(lambda: cau(MODEL, RULE, partition="sex"), messages.PARTITION, given="'sex'")
    for partition in ("group", "class and group"):
        refused(lambda partition=partition: cau(MODEL, RULE, partition=partition), messages.NO_GROUPS,
                what=f"the partition {partition!r}")  # fmt: skip
    refused(lambda: eou(MODEL, RULE), messages.NO_GROUPS, what="the partition 'group'")
    refused(lambda: success_rate(MODEL, RULE, 0.1, denominator="half"), messages.DENOMINATOR, given="'half'")
    refused(lambda: mean_confidence(MODEL, RULE, link="step"), messages.LINK, given="'step'")
    refused(lambda: mean_confidence(MODEL, RULE, kappa=0), messages.KAPPA, given="0")
    refused(lambda: mean_confidence(MODEL, RULE, target=0), messages.TARGET, given="0")
    refused(lambda: MODEL.sample(0, np.random.default_rng(0)), messages.ROWS, given="0")
    apart = (Group("a", (1.0, 0.5), [0.0, 0.0]), Group("b", (0.0, 0.5), [0.5, 0.0]))
    model = Gaussians([1.0, 0.5], (1.0, 2.0), groups=apart)
    refused(lambda: error(model, RULE, label=-1, group="b"), messages.NO_ROW, label=-1, group="b")


def test_something_else_than_a_model_or_a_rule():
    for given in (None, "F", [1.0, 0.5]):
        kind = {"given": type(given).__name__}
        model = {"name": "the model", "expected": "Gaussians"} | kind
        for call in (
            lambda one=given: error(one, RULE),
            lambda one=given: cau(one, RULE),
            lambda one=given: eou(one, RULE),
            lambda one=given: standard_rule(one),
            lambda one=given: robust_rule(one, 0.1),
            lambda one=given: least_loss_rule(one),
            lambda one=given: repair(one, 0.1),
            lambda one=given: static_rule(one, 0.1),
            lambda one=given: reweighted(one, (1.0, 2.0)),
            lambda one=given: with_groups(one, ["a"]),
        ):
            refused(call, messages.NOT_A, **model)
        rule = {"name": "the rule", "expected": "LinearRule"} | kind
        for call in (
            lambda one=given: error(MODEL, one),
            lambda one=given: cru_epsilon(MODEL, one),
            lambda one=given: margins(one, [[1.0, 2.0]], [1]),
            lambda one=given: least_epsilon(one, [[1.0, 2.0]], [1]),
        ):
            refused(call, messages.NOT_A, **rule)
        left = {"name": "left", "expected": "LeaveOneOut"} | kind
        refused(lambda one=given: luf(one, [[1.0, 2.0]]), messages.NOT_A, **left)
    for call in (lambda: static_rule(MODEL, 0.1, source="F"), lambda: error(MODEL, RULE, 0.1, source="F")):
        refused(call, messages.NOT_A, name="the source", given="str", expected="LinearRule")
    refused(lambda: MODEL.sample(3, 0), messages.GENERATOR, given="0")


def test_class_weights_that_leave_a_class_nothing():
    for pair in ((1e-300, 1e300), (1e300, 1e-300), (1.0, 1e17)):
        refused(lambda pair=pair: reweighted(MODEL, pair), messages.CLASS_WEIGHTS_APART, given=repr(pair))
    assert 0 < reweighted(MODEL, (1.0, 1e12)).prior < 1


def test_classes_without_a_least_loss():
    refused(lambda: least_loss_rule(Gaussians([0.0, 0.0], (4.0, 1.0))), messages.SAME_MEANS_NO_WEIGHTS)
    refused(lambda: least_loss_rule(MODEL, 1.0), messages.NO_WEIGHTS, epsilon=1.0, limit=1.0)
    refused(lambda: least_loss_rule(Gaussians([100.0], (4.0, 1.0))), messages.NO_LOSS)
    assert least_loss_rule(Gaussians([10.0], (4.0, 1.0))).weights[0] > 0


def test_rules_that_are_never_correct_or_never_broken():
    never = LinearRule([0.0, 0.0], -1.0)
    refused(lambda: success_rate(MODEL, never, 0.1, denominator="correct", label=1), messages.NEVER_CORRECT)
    refused(
        lambda: mean_least_epsilon(MODEL, never, epsilon_max=1.0, only_correct=True, label=1), messages.NEVER_CORRECT
    )
    refused(lambda: mean_least_epsilon(MODEL, never), messages.NEVER_BROKEN)
    fixed = Gaussians([1.0, 0.5], (1.0, 2.0), scale=[0.0, 1.0])
    refused(lambda: mean_least_epsilon(fixed, LinearRule([1.0, 0.0], 0.0)), messages.NEVER_BROKEN)


def test_rates_that_no_radius_has():
    clean = error(MODEL, RULE)
    for rate in (clean, 0.0, 1.0, math.nan, "0.5", None):
        refused(lambda rate=rate: epsilon_at_rate(MODEL, RULE, rate), messages.RATE, given=repr(rate), error=clean)
    fixed = Gaussians([1.0, 0.5], (1.0, 2.0), scale=[0.0, 1.0])
    still = LinearRule([1.0, 0.0], 0.0)
    refused(lambda: epsilon_at_rate(fixed, still, 0.5), messages.RATE, given="0.5", error=error(fixed, still))


def test_a_radius_that_leaves_no_robust_rule():
    refused(lambda: robust_rule(MODEL, 1.5), messages.NO_RULE, epsilon=1.5, limit=1.0)
    scaled = Gaussians([1.0, 0.5], (1.0, 2.0), scale=[1.0, 0.1])
    refused(lambda: robust_rule(scaled, 5.0), messages.NO_RULE, epsilon=5.0, limit=5.0)
    fixed = Gaussians([1.0, 0.0], (1.0, 2.0), scale=[2.0, 0.0])
    refused(lambda: robust_rule(fixed, 0.7), messages.NO_RULE, epsilon=0.7, limit=0.5)
    # Means that stay apart by a hair: a rule that uses one class's larger spread is better than any by the means.
    unequal = Gaussians([1.0, 0.5], ([1.0, 9.0], [1.0, 1.0]))
    refused(lambda: robust_rule(unequal, 0.99), messages.DEGENERATE, epsilon=0.99)
    assert robust_rule(unequal, 0.99, by_means=True).weights[1] == 0
    refused(lambda: standard_rule(Gaussians([0.0, 0.0], (1.0, 2.0))), messages.SAME_MEANS)
    rare = Gaussians([0.1, 0.0], (4.0, 1.0), prior=0.01)
    refused(lambda: standard_rule(rare), messages.CONSTANT, label="-1", epsilon=0.0)
    refused(lambda: robust_rule(rare, 0.05), messages.CONSTANT, label="-1", epsilon=0.05)


def test_a_search_that_does_not_converge(monkeypatch):
    """With a tolerance that no rounding meets: what is found is not handed out as the best rule."""
    monkeypatch.setattr(best_rule, "CONVERGED", -1.0)
    with pytest.raises(FairtollError, match=r"^the search for the best rule stopped at a gradient of .*; expected"):
        standard_rule(Gaussians([1.0, 0.5], (1.0, 2.0), groups=HALVES))
