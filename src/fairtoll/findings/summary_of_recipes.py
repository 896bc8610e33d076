"""The answer of a comparison of recipes: what costs least at equal robustness, who pays, what repairs, what is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fairtoll.findings.discoveries import LEVEL, against_standard
from fairtoll.findings.losses import Loss, losses
from fairtoll.findings.results import Discovery, Finding, Matched, Recipe, Shift
from fairtoll.findings.summary import what_it_takes
from fairtoll.findings.units import spoken

#: Of what the answer says which recipe costs least.
LEADING = "cau"
#: Of a comparison with the standard arm: the verdict, and what it says of one gap and of several.
PREDICATES = {
    "less fair": ("is wider", "are wider"),
    "fairer": ("is narrower", "are narrower"),
    "equivalent": ("is the same within the margin", "are the same within the margin"),
    "inconclusive": ("is inconclusive", "are inconclusive"),
    "insufficient data": ("has too few rows", "have too few rows"),
}


def answer_of_recipes(
    recipes: Sequence[Recipe],
    matched: Sequence[Matched],
    findings: Sequence[Finding],
    discovered: Sequence[Discovery] = (),
) -> list[str]:
    """Say in a few sentences which recipe costs least at equal robustness, who pays, which repair helps, what is open.

    Parameters
    ----------
    recipes : sequence of Recipe
        Every arm.
    matched : sequence of Matched
        Tolls at equal robust accuracy.
    findings : sequence of Finding
        All of a report.
    discovered : sequence of Discovery
        Which of them are wider than standard training's, judged together.

    Returns
    -------
    list of str
        Empty where there are no recipes.

    Examples
    --------
    >>> answer_of_recipes([], [], [])
    []
    """
    standard = next((one for one in recipes if one.role == "standard"), None)
    if standard is None:
        return []
    said = (
        _least(recipes, matched, standard),
        _who_pays(recipes, findings, standard),
        _repair(recipes, standard),
        _counts(recipes, findings, discovered),
    )
    return [sentence for sentence in said if sentence]


def _least(recipes: Sequence[Recipe], matched: Sequence[Matched], standard: Recipe) -> str:
    """Which family costs least between the classes, at the level that the most of them reach."""
    of_class = [one for one in matched if one.metric == LEADING and one.parameters.partition == "class"]
    tolls = [one for one in of_class if one.against == standard.family]
    levels = Counter(one.level for one in tolls)
    level = max(levels, key=lambda one: (levels[one], one), default=None)
    titles = {one.family: one.family_title for one in recipes if one.role not in ("standard", "control")}
    if level is None or (levels[level] < 2 and len(titles) > 1):
        return _no_level(recipes) if len(titles) > 1 else ""
    there = sorted((one for one in tolls if one.level == level), key=lambda one: one.value)
    first, unit = there[0], spoken(LEADING)
    others = [one for one in of_class if one.against == first.family and one.level == level]
    alike = [titles[one.family] for one in others if one.interval[0] <= 0]
    told = [titles[one.family] for one in others if one.interval[0] > 0]
    gap = (
        f"a gap in accuracy between the classes {_by(first.value, unit.name)} standard training's (interval of the "
        f"change {unit.change_of(first.interval)}, {first.verdict})"
    )
    if len(titles) == 1:
        return f"At a robust accuracy of {100 * level:g}% {titles[first.family]} has {gap}."
    where = f"At equal robust accuracy, {100 * level:g}%,"
    if not told:
        return (
            f"{where} none of {len(there)} recipes is shown to cost least; the smallest estimate is that of "
            f"{titles[first.family]}, {gap}."
        )
    doubt = f", but is not to be told from {_listed(alike)}" if alike else ""
    return f"{where} {titles[first.family]} costs less than {_listed(told)}{doubt}: {gap}."


def _no_level(recipes: Sequence[Recipe]) -> str:
    why = "no level is reached by two of them between their strengths"
    if all(one.own_strength for one in recipes):
        why = "they were trained at one strength each, and --strengths 3 trains three"
    return f"Which recipe costs least at equal robust accuracy cannot be said: {why}."


def _who_pays(recipes: Sequence[Recipe], findings: Sequence[Finding], standard: Recipe) -> str:
    """Which class or group loses accuracy on clean rows with the most recipes, and by how much at most."""
    own = [one for one in recipes if one.own_strength and one.role not in ("standard", "control")]
    found: dict[str, list[tuple[Loss, Recipe]]] = {}
    for one in own:
        for loss in losses(findings, one.arm, standard.arm):
            if loss.how == "clean":
                found.setdefault(loss.name, []).append((loss, one))
    if not found:
        return ""
    # Of as many recipes, whoever loses more by one of them.
    name, lost = min(found.items(), key=lambda one: (-len(one[1]), min(loss.change for loss, _ in one[1])))
    most, taken_by = min(lost, key=lambda one: one[0].change)
    low, high = (f"{100 * end:+.1f}" for end in most.interval)
    how = f"{100 * most.change:+.1f} points of accuracy ({low} to {high}, a 95% interval of its own)"
    if len(own) == 1:
        return f"On clean rows {name} pays most: {how} with {taken_by.family_title}."
    several = f"all {len(own)}" if len(lost) == len(own) else f"{len(lost)} of {len(own)}"
    return (
        f"On clean rows {name} pays most often: it is shown to lose with {several} recipes, most with "
        f"{taken_by.family_title}: {how}."
    )


def _repair(recipes: Sequence[Recipe], standard: Recipe) -> str:
    """Which repair raises most the robust accuracy of the worst class, or group that it treats, above the baseline's.

    Above the standard arm's where there is no baseline.
    """
    base = next((one for one in recipes if one.role == "baseline" and one.own_strength), standard)
    found = [
        (one, shift)
        for one in recipes
        if one.role == "repair" and (shift := _shift(one, base.arm, partition=one.partition or "class")) is not None
    ]
    if not found:
        return ""
    best, shift = max(found, key=lambda one: (one[1].verdict == "higher", one[1].value))
    treated = {shift.partition for _, shift in found}
    many = "class" if treated == {"class"} else "class or group that each treats"
    whom = many if len(found) > 1 else _one_of(str(shift.partition))
    of_best = "" if len(found) == 1 or treated == {"class"} else f" for the worst {_one_of(str(shift.partition))}"
    average = _shift(best, base.arm, partition=None)
    cost = "" if average is None else f", with {100 * average.value:+.1f} points on average"
    above = f"the robust accuracy of the worst {whom} above that of {_lower(base.family_title)}"
    if len(found) == 1:
        verb, mark = ("raises", ": by") if shift.verdict == "higher" else ("is not shown to raise", "; the estimate is")
        said = _points(shift)
        if shift.verdict == "lower":
            verb, mark, above = "lowers", ": by", above.replace(" above that of ", " below that of ")
            low, high = (100 * abs(end) for end in reversed(shift.interval))
            said = f"{100 * abs(shift.value):.1f} points ({low:.1f} to {high:.1f})"
        return f"The one repair, {best.family_title}, {verb} {above}{mark} {said}{of_best}{cost}."
    if shift.verdict == "higher":
        helping = sum(one.verdict == "higher" for _, one in found)
        return (
            f"Of {len(found)} repairs {helping} raise{'s' if helping == 1 else ''} {above}, {best.family_title} most: "
            f"by {_points(shift)}{of_best}{cost}."
        )
    # Where every estimate is a loss, the largest one is the smallest loss.
    largest = "largest estimate" if shift.value > 0 else "smallest loss, as an estimate,"
    return (
        f"No repair of {len(found)} is shown to raise {above}; the {largest} is that of {best.family_title}, "
        f"{_points(shift)}{of_best}{cost}."
    )


def _counts(recipes: Sequence[Recipe], findings: Sequence[Finding], discovered: Sequence[Discovery]) -> str:
    """How many comparisons of own strengths with standard training harm, how many are open, and what it would take."""
    found = against_standard(recipes, findings)
    if not found:
        return ""
    counts: Counter[str] = Counter(one.verdict for one in found)
    takes = what_it_takes([one for one in found if one.verdict == "inconclusive"])
    said = [
        (counts[verdict], words[counts[verdict] > 1] + (f" ({takes})" if takes and verdict == "inconclusive" else ""))
        for verdict, words in PREDICATES.items()
        if counts[verdict]
    ]
    if len(found) == 1:
        return f"The one gap of a recipe at its own strength, held against standard training's, {said[0][1]}."
    rest = _left_out(recipes, findings)
    whose = "gaps of recipes at their own strengths, held against standard training's,"
    if len(said) == 1:
        return f"All {len(found)} {whose} {said[0][1]}{_wider(found, discovered)}{rest}."
    parts = [f"{count} {words}" for count, words in said]
    return f"Of {len(found)} {whose} {', '.join(parts[:-1])} and {parts[-1]}{_wider(found, discovered)}{rest}."


def _wider(found: Sequence[Finding], discovered: Sequence[Discovery]) -> str:
    """How many inconclusive gaps are wider all the same, by an amount that is open."""
    wider = {one.finding for one in discovered if one.wider}
    count = sum(one.id in wider for one in found if one.verdict == "inconclusive")
    if not count:
        return ""
    of = f"{count} of the inconclusive ones {'is' if count == 1 else 'are'} wider"
    return f"; {of}, by how much is open (false discovery rate {100 * LEVEL:g}%)"


def _left_out(recipes: Sequence[Recipe], findings: Sequence[Finding]) -> str:
    """How many comparisons of the same recipes are not counted: of further measures, and of correct rows alone."""
    pairs = {(one.standard.arm, one.robust.arm) for one in against_standard(recipes, findings)}
    every = [one for one in findings if (one.standard.arm, one.robust.arm) in pairs]
    more = len(every) - len(against_standard(recipes, every))
    return f"; {more} more, in further measures or of correct rows alone, are in the list" if more else ""


def _shift(one: Recipe, against: str, *, partition: str | None) -> Shift | None:
    return next(
        (
            shift
            for shift in one.shifts
            if (shift.against, shift.partition) == (against, partition) and shift.evaluation != "clean"
        ),
        None,
    )


def _points(shift: Shift) -> str:
    low, high = (f"{100 * end:+.1f}" for end in shift.interval)
    return f"{100 * shift.value:+.1f} points ({low} to {high})"


def _one_of(partition: str) -> str:
    return "class" if partition == "class" else f"group by {partition}"


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _by(value: float, unit: str) -> str:
    return f"{100 * abs(value):.1f}{unit} {'above' if value > 0 else 'below'}"


def _listed(names: Sequence[str]) -> str:
    """Names in prose: of more than three the rest as a number."""
    shown = list(names[:3])
    rest = len(names) - len(shown)
    if rest:
        shown.append(f"{rest} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
