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
    said = answer_of_recipes(own, [], [])[0]
    assert said.endswith("cannot be said: they were trained at one strength each, and --strengths 3 trains three.")


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
        "The one repair, FRL, is not shown to raise the robust accuracy of the worst class above that of weight "
        "averaging; the estimate is +0.5 points (-0.5 to +1.5), with -3.0 points on average."
    )
    alone = [one for one in with_shifts(results, 0.02, 0.0, "higher") if one.arm != "frl-sex"]
    assert answer_of_recipes(alone, [], [])[1] == (
        "The one repair, FRL, raises the robust accuracy of the worst class above that of weight averaging: by +2.0 "
        "points (+1.0 to +3.0), with -3.0 points on average."
    )
    worse = [one for one in with_shifts(results, -0.02, 0.0, "lower") if one.arm != "frl-sex"]
    assert answer_of_recipes(worse, [], [])[1] == (
        "The one repair, FRL, lowers the robust accuracy of the worst class below that of weight averaging: by 2.0 "
        "points (1.0 to 3.0), with -3.0 points on average."
    )
    of_sex = [one for one in with_shifts(results, 0.0, 0.04, "higher") if one.arm != "frl"]
    assert answer_of_recipes(of_sex, [], [])[1] == (
        "The one repair, FRL over sex, raises the robust accuracy of the worst group by sex above that of weight "
        "averaging: by +4.0 points (+3.0 to +5.0), with -3.0 points on average."
    )
    losses = with_shifts(results, -0.005, -0.02, "unclear")
    assert (
        "; the smallest loss, as an estimate, is that of FRL, -0.5 points (-1.5 to +0.5)"
        in (answer_of_recipes(losses, [], [])[1])
    )
    neither = with_shifts(results, 0.005, 0.0, "unclear")
    assert answer_of_recipes(neither, [], [])[1].startswith("No repair of 2 is shown to raise the robust accuracy of ")


def test_what_is_open_is_counted_once_for_each_gap_of_an_own_strength(results):
    # Five arms (two defences, the baseline, two repairs), each with five gaps over all rows.
    assert len(counted(results)) == 25
    last = answer_of_recipes(results.recipes, [], results.findings)[-1]
    assert "25 gaps of recipes at their own strengths, held against standard training's," in last


def counted(results):
    own = {one.arm for one in results.recipes if one.own_strength and one.role not in ("standard", "control")}
    return [
        one
        for one in results.findings
        if one.standard.arm == "standard" and one.robust.arm in own and one.parameters.denominator != "correct"
    ]


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ({"less fair": 25}, "All 25 {whose} are wider."),
        ({"fairer": 25}, "All 25 {whose} are narrower."),
        ({"equivalent": 25}, "All 25 {whose} are the same within the margin."),
        ({"inconclusive": 25}, "All 25 {whose} are inconclusive."),
        ({"insufficient data": 25}, "All 25 {whose} have too few rows."),
        ({"less fair": 1, "inconclusive": 24}, "Of 25 {whose} 1 is wider and 24 are inconclusive."),
        (
            {"less fair": 2, "fairer": 1, "equivalent": 1, "inconclusive": 1, "insufficient data": 20},
            "Of 25 {whose} 2 are wider, 1 is narrower, 1 is the same within the margin, 1 is inconclusive and 20 have "
            "too few rows.",
        ),
        ({"equivalent": 24, "insufficient data": 1}, "Of 25 {whose} 24 are the same within the margin and 1 has too "
         "few rows."),
        ({"fairer": 1}, "The one gap of a recipe at its own strength, held against standard training's, is narrower."),
        (
            {"insufficient data": 1},
            "The one gap of a recipe at its own strength, held against standard training's, has too few rows.",
        ),
    ],
)  # fmt: skip
def test_every_combination_of_verdicts_is_a_sentence(results, verdicts, said):
    names = [name for name, count in verdicts.items() for _ in range(count)]
    found = [
        one.model_copy(update={"verdict": name, "difference": None})
        for one, name in zip(counted(results), names, strict=False)
    ]
    whose = "gaps of recipes at their own strengths, held against standard training's,"
    assert answer_of_recipes(results.recipes, [], found)[-1] == said.format(whose=whose)


def test_what_an_open_gap_takes_stands_beside_it(results):
    inconclusive = counted(results)[0].model_copy(update={"verdict": "inconclusive"})
    needed = Needed(runs=9, rows=None, sentence="s")
    inconclusive = inconclusive.model_copy(
        update={"difference": inconclusive.difference.model_copy(update={"needed": needed})}
    )
    wider = counted(results)[1].model_copy(update={"verdict": "less fair"})
    assert answer_of_recipes(results.recipes, [], [inconclusive, wider])[-1].endswith(
        " 1 is wider and 1 is inconclusive (it would take about 9 training runs)."
    )


@pytest.mark.parametrize(("runs", "said"), [(1, "one run does"), (2, "two runs do")])
def test_of_too_few_runs_no_number_of_runs_is_estimated(results, runs, said):
    needed = Needed(runs=3, rows=None, sentence="s")
    found = [
        one.model_copy(
            update={
                "verdict": "inconclusive",
                "difference": one.difference.model_copy(update={"needed": needed, "runs": runs}),
            }
        )
        for one in counted(results)
    ]
    assert (
        f"(25 take at least 3 training runs, and {said} not say how many more)"
        in (answer_of_recipes(results.recipes, [], found)[-1])
    )


def test_the_count_says_what_it_leaves_out(results):
    def said(findings):
        return answer_of_recipes(results.recipes, [], findings)[-1]

    plain = [one for one in results.findings if one.parameters.denominator != "correct" and one.metric == "cau"]
    assert "in the list" not in said(plain)
    further = [one.model_copy(update={"metric": "equalized_odds"}) for one in plain]
    own = {one.arm for one in results.recipes if one.own_strength and one.role not in ("standard", "control")}
    more = sum(one.standard.arm == "standard" and one.robust.arm in own for one in further)
    assert said([*plain, *further]).endswith(
        f"; {more} more, in further measures or of correct rows alone, are in the list."
    )


def losing(results, changes_of):
    """The same results where single groups change by (low, value, high), by arm, metric and group."""
    changed = []
    for one in results.findings:
        ends = changes_of.get((one.robust.arm, one.metric), {})
        changes = [
            {"group": group, "standard": 0.8, "robust": 0.8 + value, "value": value, "interval": (low, high)}
            for group, (low, value, high) in ends.items()
        ]
        kept = changes if one.standard.arm == "standard" and one.parameters.partition == "class" else []
        changed.append(one.model_dump() | {"changes": kept})
    return Results.model_validate(results.model_dump() | {"findings": changed})


def test_who_pays_is_whoever_loses_with_the_most_recipes(results):
    own = [one for one in results.recipes if one.own_strength and one.role not in ("standard", "control")]
    first_two = [one.arm for one in own[:2]]
    assert len(own) > 2
    made = losing(
        results,
        {
            (first_two[0], "cau"): {"0": (-0.05, -0.04, -0.03), "1": (-0.6, -0.5, -0.4)},
            (first_two[1], "cau"): {"0": (-0.3, -0.2, -0.1), "1": (-0.5, -0.2, 0.1)},
            # Of attack success a rise is a loss, but not on clean rows.
            (own[2].arm, "cru_s"): {"0": (0.1, 0.2, 0.3)},
        },
    )
    said = next(one for one in answer_of_recipes(made.recipes, [], made.findings) if "pays" in one)
    assert said == (
        f"On clean rows class 0 pays most often: it is shown to lose with 2 of {len(own)} recipes, most with "
        f"{own[1].family_title}: -20.0 points of accuracy (-30.0 to -10.0, a 95% interval of its own)."
    )
    assert not any("pays" in one for one in answer_of_recipes(made.recipes, [], losing(results, {}).findings))
