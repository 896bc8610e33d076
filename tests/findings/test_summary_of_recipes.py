"""The answer of a comparison of recipes in sentences."""

import pytest

from example_defences import example_defences
from fairtoll.findings.results import Matched, Needed, Results, Shift
from fairtoll.findings.summary_of_recipes import answer_of_recipes


@pytest.fixture(scope="module")
def results() -> Results:
    return example_defences(2, runs=3, rows=400)


def toll(results, family, value, *, against="standard", interval=None):
    """A toll in accuracy between the classes at 50% robust accuracy."""
    known = next(one for one in results.findings if one.metric == "cau" and one.parameters.partition == "class")
    return Matched(
        family=family, against=against, metric="cau", parameters=known.parameters, level=0.5, evaluation="white-box",
        attack="union", epsilon=10.0, other=0.02, gap=0.02 + value, value=value, margin=0.01, confidence=0.95,
        interval=interval or (value - 0.01, value + 0.01), p_value=0.5, judged=2, runs=3, per_run=[value] * 3,
        verdict="inconclusive", reason="", needed=Needed(runs=9, rows=None, sentence="s"),
    )  # fmt: skip


def first(results, *tolls):
    return answer_of_recipes(results.recipes, tolls, results.findings)[0]


def test_the_recipe_that_costs_least_and_those_it_is_told_from(results):
    tolls = [toll(results, "defence 1", 0.05), toll(results, "defence 2", 0.012)]
    apart = toll(results, "defence 1", 0.038, against="defence 2", interval=(0.01, 0.06))
    assert first(results, *tolls, apart) == (
        "At equal robust accuracy, 50%, Defence 2 costs less than Defence 1: a gap in accuracy between the classes 1.2 "
        "points above standard training's (interval of the change +0.2 to +2.2, inconclusive)."
    )
    near = toll(results, "defence 1", 0.038, against="defence 2", interval=(-0.01, 0.06))
    assert first(results, *tolls, near).startswith(
        "At equal robust accuracy, 50%, none of 2 recipes is shown to cost least; the smallest estimate is that of "
        "Defence 2, a gap"
    )


def test_what_cannot_be_compared_is_said(results):
    assert first(results, toll(results, "defence 1", 0.05)).endswith(
        "cannot be said: no level is reached by two of them between their strengths."
    )
    own = [one for one in results.recipes if one.own_strength]
    assert answer_of_recipes(own, [], [])[0].endswith("cannot be said: they were trained at one strength each.")


def with_shifts(results, of_class, of_sex, verdict):
    """FRL treats classes, FRL over sex the sexes: how much each raises its worst one above weight averaging's."""

    def changed(one):
        if one.role != "repair":
            return one
        moves = [("class", of_class), ("sex", of_sex), (None, -0.03)]
        shifts = [
            Shift(against="averaging", evaluation="white-box", partition=partition, value=moved, family=2,
                  interval=(moved - 0.01, moved + 0.01), confidence=0.95, verdict=verdict)
            for partition, moved in moves
        ]  # fmt: skip
        return one.model_copy(update={"shifts": shifts})

    return [changed(one) for one in results.recipes]


def test_a_repair_that_helps_is_named_with_whom_it_helps_and_what_it_costs(results):
    assert answer_of_recipes(with_shifts(results, 0.02, 0.04, "higher"), [], [])[1] == (
        "Of 2 repairs 2 raise the robust accuracy of the worst class or group that each treats above that of weight "
        "averaging, FRL over sex most: by +4.0 points (+3.0 to +5.0) for the worst group by sex, with -3.0 points on "
        "average."
    )
    classes = [one for one in with_shifts(results, 0.005, 0.0, "unclear") if one.arm != "frl-sex"]
    assert answer_of_recipes(classes, [], [])[1] == (
        "No repair of 1 is shown to raise the robust accuracy of the worst class above that of weight averaging; the "
        "largest estimate is that of FRL, +0.5 points (-0.5 to +1.5), with -3.0 points on average."
    )


def test_what_is_open_is_counted_once_for_each_gap_of_an_own_strength(results):
    last = answer_of_recipes(results.recipes, [], results.findings)[-1]
    # Five arms (two defences, the baseline, two repairs), each with five gaps over all rows.
    assert last.startswith("Of 25 gaps of recipes at their own strengths, against standard training's, are ")
    harmed = [one.model_copy(update={"verdict": "less fair"}) for one in results.findings]
    assert answer_of_recipes(results.recipes, [], harmed)[-1].endswith("are 25 wider.")
