"""What the results of a comparison of recipes say of each arm, and tolls at equal robust accuracy."""

import pytest

from example_defences import example_defences, example_evidence
from fairtoll.findings.levels_of_robustness import choose_levels


@pytest.fixture(scope="module")
def results():
    return example_defences()


@pytest.fixture(scope="module")
def evidence():
    return example_evidence()


def test_every_arm_says_what_recipe_it_is(results):
    known = {one.arm: one for one in results.recipes}
    assert [one.arm for one in results.recipes] == [arm.name for arm in results.arms]
    assert known["defence 2-radius-0.5"].family == "defence 2"
    assert known["defence 2-radius-0.5"].strength == 0.5
    assert not known["defence 2-radius-0.5"].own_strength
    assert (known["frl-sex"].role, known["frl-sex"].partition) == ("repair", "sex")
    assert known["defence 1"].control == "noise"


def test_training_seconds_are_of_one_run(results):
    seconds = {one.stage: one.seconds for one in results.times}
    assert all(one.seconds == seconds[f"train-{one.arm}"] / 5 for one in results.recipes)


def test_accuracies_are_those_of_the_evidence(results, evidence):
    one = next(one for one in results.recipes if one.arm == "frl")
    clean, attacked = one.reached
    right = evidence.probabilities("frl").argmax(axis=2) == evidence.labels
    assert clean.per_run == pytest.approx(right.mean(axis=1).tolist())
    stands = ~evidence.success("frl", evaluation="white-box", threat="paper", attack="union", epsilon=10.0)
    assert (attacked.evaluation, attacked.attack) == ("white-box", "union")
    assert attacked.per_run == pytest.approx(stands.mean(axis=1).tolist())
    by_class = [[run[evidence.labels == label].mean() for label in (0, 1)] for run in stands]
    of_class, of_sex = attacked.worst
    assert (of_class.partition, of_sex.partition) == ("class", "sex")
    assert of_class.plain == pytest.approx(sum(map(min, by_class)) / len(by_class))
    assert of_class.plain <= of_class.value
    for one in results.recipes:
        assert all(worst.value <= found.value + 1e-12 for found in one.reached for worst in found.worst)
    assert of_class.interval[0] < of_class.value < of_class.interval[1]


def test_own_strengths_are_compared_with_the_standard_arm_and_repairs_with_the_baseline(results):
    against = {one.arm: {shift.against for shift in one.shifts} for one in results.recipes}
    assert against["defence 1"] == {"standard"}
    assert against["defence 1-radius-0.5"] == set()
    assert against["noise"] == set()
    assert against["frl"] == {"standard", "averaging"}


def test_a_shift_is_the_difference_of_both_accuracies(results):
    known = {one.arm: one for one in results.recipes}
    for shift in known["frl"].shifts:
        before, after = (
            next(one for one in known[arm].reached if one.evaluation == shift.evaluation)
            for arm in (shift.against, "frl")
        )
        if shift.partition is not None:
            before, after = (next(w for w in one.worst if w.partition == shift.partition) for one in (before, after))
        assert shift.value == pytest.approx(after.value - before.value)
        assert shift.family == {"standard": 6, "averaging": 2}[shift.against]
        assert (shift.verdict == "higher") == (shift.interval[0] > 0)


def test_families_are_compared_at_levels_that_all_their_runs_reach(results):
    robust = {one.arm: one.reached[1].per_run for one in results.recipes}
    for one in results.reach:
        runs = list(zip(*(robust[arm] for arm in one.strengths), strict=True))
        assert one.low == pytest.approx(max(map(min, runs)))
        assert one.high == pytest.approx(min(map(max, runs)))
        assert all(one.low <= level <= one.high for level in one.levels)
    assert any(len([one for one in results.reach if level in one.levels]) > 1 for level in (0.4, 0.6))


def test_a_toll_at_a_level_lies_between_those_of_its_strengths(results):
    tolls = {
        finding.robust.arm: finding.robust.value
        for finding in results.findings
        if finding.id.startswith("defences/") and finding.metric == "cau" and finding.parameters.partition == "class"
    }
    families = {one.family: one.strengths for one in results.reach}
    found = [one for one in results.matched if (one.against, one.metric) == ("standard", "cau")]
    of_class = [one for one in found if one.parameters.partition == "class"]
    assert {one.family for one in of_class} == set(families)
    for one in of_class:
        gaps = [tolls[arm] for arm in families[one.family]]
        assert min(gaps) - 0.01 < one.gap < max(gaps) + 0.01
        assert one.value == pytest.approx(sum(one.per_run) / len(one.per_run))
        assert one.judged == len(found)


def test_the_least_toll_is_compared_with_the_others_at_its_level(results):
    between = [one for one in results.matched if one.against != "standard"]
    assert between
    for one in between:
        least = next(
            other
            for other in results.matched
            if (other.family, other.level, other.metric) == (one.against, one.level, one.metric)
            and (other.against, other.parameters) == ("standard", one.parameters)
        )
        assert one.other == pytest.approx(least.gap)
        assert one.value >= 0


def test_repairs_have_findings_of_their_own_against_the_baseline(results):
    names = [one.id for one in results.findings]
    assert len(names) == len(set(names))
    assert "defences/frl/cau/class/clean" in names
    assert "defences/frl-from-averaging/cau/class/clean" in names


@pytest.mark.parametrize(
    ("ranges", "levels"),
    [
        ({"a": (0.2, 0.8)}, [0.2, 0.5, 0.75]),
        ({"a": (0.2, 0.8), "b": (0.45, 0.62)}, [0.45, 0.55]),
        ({"a": (0.1, 0.2), "b": (0.3, 0.4), "c": (0.3, 0.7), "d": (0.9, 1.0)}, [0.15, 0.35, 0.95]),
        ({"a": (0.7641, 0.7699)}, [0.765]),
        ({"a": (0.76412, 0.76418)}, []),
    ],
)
def test_levels_are_round_and_few(ranges, levels):
    found = choose_levels(ranges)
    assert len(found) <= 3
    assert all(any(low <= one <= high for low, high in ranges.values()) for one in found)
    assert found == levels
