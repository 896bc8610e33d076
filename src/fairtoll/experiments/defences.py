"""An experiment with any recipes instead of the paper's: which defence costs least, and what repairs the toll."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

from fairtoll.errors import FairtollError
from fairtoll.evidence import Attacked, Certify, Detect, Transfer
from fairtoll.evidence.measures import Measure
from fairtoll.experiments.parts import Collection
from fairtoll.findings import Comparison, Question
from fairtoll.training import RECIPES, Recipe

if TYPE_CHECKING:
    from fairtoll.experiments.experiment import Experiment

ALL = "all"
PROTOCOL: Literal["defences"] = "defences"
#: The protocol whose questions and collections are taken over.
SOUND = "sound"
UNKNOWN = (
    "no recipe '{name}'{hint}; expected {known}, or a repair over an attribute, such as frl-sex; give names with "
    "commas between, or all"
)
WITH_ALL = "'{names}' names all recipes and others too; expected all alone, or the names of some; leave the rest out"
NO_NAME = "'{names}' has no name before a comma; expected names with commas between; correct it"
STANDARD_ALONE = (
    "'{names}' names no recipe beside standard training, which every run has; expected one or more of {known}; name "
    "what it is compared with"
)
REPEATED = "the recipe '{name}' is named {times} times in '{names}'; expected each once; leave the others out"
OVER_CLASSES = (
    "the recipe '{name}' names classes as an attribute; expected '{repair}', which treats classes; write {repair}"
)
NO_ARM = (
    "the pair {first},{second} names '{name}'{hint}, which is not trained; expected two of {arms}; name its recipe "
    "among the recipes, too"
)
TWICE = "the pair {first},{second} is compared {why}; expected two arms not yet compared; leave it out"


def choose_recipes(names: str, *, attributes: Sequence[str] = ()) -> list[Recipe]:
    """Recipes from their names, in the order of the registry.

    Parameters
    ----------
    names : str
        With commas between, in any order, in capitals or not; ``frl-sex`` is the repair `frl` over the groups of sex
        instead of the classes. "all" is every recipe but the controls, and every repair also over each attribute.
    attributes : sequence of str
        Of the rows.

    Raises
    ------
    FairtollError
        For a name that is none, one that is there twice, "all" beside others, or none at all.

    Examples
    --------
    >>> [recipe.name for recipe in choose_recipes("Online, static")]
    ['static', 'online']
    """
    known = {recipe.name: recipe for recipe in RECIPES.values() if recipe.role not in ("standard", "control")}
    for recipe in list(known.values()):
        if "partition" in recipe.parameters:
            known |= {one.name: one for one in (recipe.over(attribute) for attribute in attributes)}
    if names.strip().lower() == ALL:
        return list(known.values())
    spelled = {name.lower(): name for name in reversed(known)}
    given = [one.strip() for one in names.split(",")]
    if ALL in (one.lower() for one in given):
        raise FairtollError(WITH_ALL.format(names=names.strip()))
    if "" in given[:-1] and any(given):
        raise FairtollError(NO_NAME.format(names=names.strip()))
    wanted = [
        one if one in known else spelled.get(one.lower(), one) for one in given if one and one.lower() != "standard"
    ]
    for name in wanted:
        if wanted.count(name) > 1:
            raise FairtollError(REPEATED.format(name=name, times=wanted.count(name), names=names.strip()))
        if name not in known:
            raise _unknown(name, known)
    if not wanted and any(given):
        raise FairtollError(STANDARD_ALONE.format(names=names.strip(), known=", ".join(known)))
    if not wanted:
        raise FairtollError(UNKNOWN.format(name=names, hint="", known=", ".join(known)))
    return [recipe for name, recipe in known.items() if name in wanted]


def _unknown(name: str, known: Mapping[str, Recipe]) -> FairtollError:
    repair = name.lower().removesuffix("-class")
    if repair != name.lower() and repair in known and "partition" in known[repair].parameters:
        return FairtollError(OVER_CLASSES.format(name=name, repair=repair))
    close = get_close_matches(name, known, n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    return FairtollError(UNKNOWN.format(name=name, hint=hint, known=", ".join(known)))


def at_strengths(recipes: Sequence[Recipe], number: int) -> list[Recipe]:
    """Each recipe at its own strength, and with `number` 3 or more at all its strengths, from weak to strong.

    Examples
    --------
    >>> [recipe.name for recipe in at_strengths([RECIPES["online"]], 3)]
    ['online-radius-0.1', 'online-radius-0.3', 'online']
    """
    if number == 1:
        return list(recipes)
    return [
        one
        for recipe in recipes
        for one in ([recipe] if recipe.strength is None else [recipe.at(value) for value in recipe.strength.values])
    ]


def with_recipes(
    experiment: Experiment, names: str, *, strengths: int = 3, pairs: Sequence[Sequence[str]] = ()
) -> Experiment:
    """The experiment with these recipes against the standard arm, each with its control, and against weight averaging.

    What is measured and compared is what the experiment's sound protocol measures and compares.

    Parameters
    ----------
    experiment : Experiment
        With a sound protocol.
    names : str
        As `choose_recipes` takes them.
    strengths : int
        1, or 3 for every recipe that has strengths at three of them: tolls are then also compared at equal robust
        accuracy.

    Raises
    ------
    FairtollError
        For unknown names, another number of strengths, or an experiment without a sound protocol.

    Examples
    --------
    >>> from fairtoll.experiments.registry import find_experiment
    >>> with_recipes(find_experiment("adult"), "online", strengths=1).arms()
    ['standard', 'online', 'online-noise']
    """
    if strengths not in (1, 3):
        raise FairtollError(f"strengths is {strengths}; expected 1 or 3; give 3 to compare at equal robust accuracy")
    sound = [(one, question) for one, question in experiment.questions if one.protocol == SOUND]
    if not sound:
        raise FairtollError(
            f"the experiment {experiment.name} has no sound protocol; expected one whose questions the recipes are "
            "compared by; choose another experiment"
        )
    questions = list(dict.fromkeys(question for _, question in sound))
    own = choose_recipes(names, attributes=experiment.attributes)
    arms = at_strengths(own, strengths)
    comparisons = [_against_standard(recipe, alone=recipe in own) for recipe in arms]
    baseline = [one for one in own if one.role == "baseline"]
    comparisons += [
        Comparison(PROTOCOL, base.name, recipe.name) for base in baseline for recipe in own if recipe.role == "repair"
    ]
    standard = next(recipe for recipe in RECIPES.values() if recipe.role == "standard")
    controls = [RECIPES[name] for one in comparisons for name in (one.control, one.noise_control) if name is not None]
    trained = {recipe.name: recipe for recipe in (standard, *arms, *controls)}
    requested = _requested(pairs, tuple(trained), comparisons)
    comparisons += requested
    many = "recipe" if len(own) == 1 else f"of {len(own)} recipes"
    return replace(
        experiment,
        title="Which defence costs least, and what repairs the toll?",
        question=f"Which {many} makes a classifier of {experiment.data.title or experiment.name} less fair than "
        "standard training does, by how much at equal robust accuracy, and which repairs what it costs?",
        recipes=tuple(trained.values()),
        questions=tuple((one, question) for one in comparisons for question in questions),
        collections=(
            *(
                replace(one, compared_in=None, protocol=None)
                for one in experiment.collections
                if _is_compared(experiment, one, questions)
            ),
            *_of_deployed(experiment, [recipe for recipe in arms if recipe.deploy is not None]),
        ),
        protocol=PROTOCOL,
        runs=experiment.of_recipes.runs,
        claims=(),
        conclude=None,
        published={},
        published_accuracy={},
        published_leave_one_out=None,
        notes=None,
        highlights=None,
        theory=None,
        leave_one_out=replace(
            experiment.leave_one_out, arms=(standard.name, *(recipe.name for recipe in own if recipe.masks))
        ),
        # In one order, whatever the one they were named in: the same recipes are the same run.
        defences=(
            ",".join(recipe.name for recipe in own),
            strengths,
            *([[[one.standard, one.robust] for one in requested]] if requested else []),
        ),
    )


def _requested(pairs: Sequence[Sequence[str]], arms: Sequence[str], planned: Sequence[Comparison]) -> list[Comparison]:
    """The pairs as comparisons, in the order of the arms; each once, of trained arms, none that is compared anyway."""
    known = {frozenset((one.standard, one.robust)) for one in planned}
    found: list[Comparison] = []
    for first, second in pairs:
        for name in (first, second):
            if name not in arms:
                close = get_close_matches(name, arms, n=1)
                hint = f" (did you mean '{close[0]}'?)" if close else ""
                raise FairtollError(
                    NO_ARM.format(first=first, second=second, name=name, hint=hint, arms=", ".join(arms))
                )
        if first == second or {first, second} in known:
            why = "with itself" if first == second else "already"
            raise FairtollError(TWICE.format(first=first, second=second, why=why))
        known.add(frozenset((first, second)))
        found.append(Comparison(PROTOCOL, first, second))
    return sorted(found, key=lambda one: (arms.index(one.standard), arms.index(one.robust)))


def _is_compared(experiment: Experiment, collection: Collection, questions: Sequence[Question]) -> bool:
    """Whether a comparison of the sound protocol reads it, or the alarms do."""
    if collection.name in ("predict", "checks"):
        return True
    if collection.exact is True or collection.runs is not None:
        return False
    return collection.compared_in == SOUND or any(
        isinstance(measure, Attacked)
        and question.attack is not None
        and measure.attack.name == question.attack.name
        and question.attack.epsilon in measure.epsilons
        and question.attack.threat == (collection.threat or experiment.threat)
        for measure in collection.measures
        for question in questions
    )


def _of_deployed(experiment: Experiment, recipes: Sequence[Recipe]) -> list[Collection]:
    """What is measured in addition on defences that are deployed.

    Transferred examples, which only alarms compare, and what a recipe asks for.
    """
    names, at = tuple(recipe.name for recipe in recipes), (experiment.epsilon,)
    transfers = [
        replace(one, measures=(Transfer(experiment.craft, at),), compared_in=None, protocol=None, arms=names)
        for one in experiment.collections
        if one.name == "transfer" and names
    ]
    extent = experiment.of_recipes
    measures: dict[str, tuple[Measure, float]] = {
        # A prediction takes about a third of an update.
        "certificates": (Certify(draws=extent.votes, rows=extent.rows), extent.votes * experiment.costs.update / 3),
        "detection": (
            Detect(experiment.epsilon, experiment.craft, steps=extent.steps, rows=extent.rows),
            9 * extent.steps * experiment.costs.gradient,
        ),
    }
    return [
        *transfers,
        *(
            Collection(extra, (measure,), arms=own, cost=cost)
            for extra, (measure, cost) in measures.items()
            if (own := tuple(recipe.name for recipe in recipes if recipe.extra == extra))
        ),
    ]


def _against_standard(recipe: Recipe, *, alone: bool) -> Comparison:
    """With its controls at its own strength only: at others they would be trained for nothing that is read."""
    if not alone:
        return Comparison(PROTOCOL, "standard", recipe.name)
    return Comparison(PROTOCOL, "standard", recipe.name, recipe.control, recipe.noise_control)
