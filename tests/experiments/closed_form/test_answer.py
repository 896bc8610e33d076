"""The sentences that formulas give a run, from values made by hand."""

import pytest

from fairtoll.experiments.closed_form.answer import answer_of_theory
from fairtoll.experiments.closed_form.claims import theory_claims
from fairtoll.findings.results import ExactValue, Theory


def values_of(arm, metric, own, *, epsilon=None, question=None):
    """A gap and its classes' own values."""
    gap = max(own.values()) - min(own.values())
    shared = {"arm": arm, "question": question or metric, "metric": metric, "partition": "class", "label": None}
    shared |= {"epsilon": epsilon, "per_run": [], "least_loss": None, "least_error": None}
    entries = {None: gap, **own}
    return [
        ExactValue(group=group, exact=value, measured=value, interval=(value, value), inside=True, **shared)
        for group, value in entries.items()
    ]


def theory(*, static=True):
    """CAU widens, CRU_s turns round at 0.3 and widens, CRU_epsilon narrows: the shares of two classes."""
    shares = {
        ("cau", None): {"standard": (0.83, 0.90), "static": (0.81, 0.92), "online": (0.80, 0.93)},
        ("cru_s", 0.1): {"standard": (0.22, 0.17), "static": (0.24, 0.14), "online": (0.25, 0.12)},
        ("cru_s", 0.3): {"standard": (0.33, 0.39), "static": (0.35, 0.33), "online": (0.36, 0.29)},
        ("cru_epsilon", 2.0): {"standard": (0.61, 0.40), "static": (0.59, 0.44), "online": (0.59, 0.48)},
    }
    values = [
        value
        for (metric, epsilon), arms in shares.items()
        for arm, (wide, narrow) in arms.items()
        if static or arm != "static"
        for value in values_of(
            arm, metric, {"wide": wide, "narrow": narrow}, epsilon=epsilon, question=f"{metric}/{epsilon}"
        )
    ]
    made = Theory(values=values, curves=[])
    return made.model_copy(update={"claims": theory_claims(made, [])})


def test_it_says_what_widens_and_narrows_and_who_pays():
    online, static, turned, agreement = answer_of_theory(theory())
    assert online == (
        "By formula, on-line adversarial training of the linear models widens CAU (7.0 to 13.0 points) and CRU_s (5.0 "
        "to 13.0 points at epsilon 0.1 and 6.0 to 7.0 points at epsilon 0.3), and narrows CRU_ε (0.21 to 0.11)."
    )
    assert static == (
        "Static adversarial training of them widens CAU (7.0 to 11.0 points), and narrows CRU_ε (0.21 to 0.15), and "
        "moves CRU_s (5.0 to 10.0 points at epsilon 0.1 and 6.0 to 2.0 points at epsilon 0.3) both ways. The paper, "
        "which trained networks statically, found all of them wider."
    )
    # The standard model breaks narrow 6 points more, the on-line one wide 7 points more.
    assert turned == (
        "CRU_s at epsilon 0.3 turns round: narrow is broken more often by the standard models, wide by the on-line "
        "ones, so that the signed gap moves by 13.0 points."
    )
    assert agreement.startswith("36 of 36 measured 95% intervals of the linear models hold the exact value. They share")


def test_what_measurements_leave_open_is_said():
    made = theory()
    claims = [
        claim.model_copy(
            update={
                "changes": [
                    change.model_copy(update={"verdict": "inconclusive" if change.of.endswith("0.3") else "less fair"})
                    for change in claim.changes
                ]
            }
        )
        for claim in made.claims
    ]
    assert "Measured, CRU_s at epsilon 0.3 is inconclusive." in answer_of_theory(
        made.model_copy(update={"claims": claims})
    )
    assert not any("inconclusive" in text for text in answer_of_theory(made))


def test_without_static_models_the_papers_training_is_named_alone():
    assert answer_of_theory(theory(static=False))[1].startswith("The paper, which trained networks statically, found")


@pytest.mark.parametrize("finding", ["CRU_s rises", "CAU rises"])
def test_only_a_gap_whose_larger_side_changes_turns_round(finding):
    claim = next(one for one in theory().claims if one.finding == finding)
    turned = [change.larger for change in claim.changes]
    assert turned == ([None, ("narrow", "wide")] if finding == "CRU_s rises" else [None])
