"""Of which recipes that are compared leave-one-out can be measured, and what is said of the others."""

from __future__ import annotations

from fairtoll.errors import FairtollError
from fairtoll.experiments.experiment import Experiment
from fairtoll.training import RECIPES, Recipe

NOT_MASKED = (
    "Leave-one-out is not measured of {names}: what is deployed there depends on a left-out {row} by more than its "
    "part in the loss."
)
NONE_MASKED = (
    "{count} {row}s to leave out, and none of the recipes {names} trains as if a {row} were not there; expected one of "
    "{known} among them; name one, or leave no {row}s out"
)


def not_masked(experiment: Experiment) -> list[Recipe]:
    """The recipes, each at its own strength, of which leave-one-out is not measured, since they do not mask rows.

    Examples
    --------
    >>> from fairtoll.experiments.defences import with_recipes
    >>> from fairtoll.experiments.registry import find_experiment
    >>> [recipe.name for recipe in not_masked(with_recipes(find_experiment("adult"), "online,squeezing", strengths=1))]
    ['squeezing']
    """
    recipes = [experiment.recipe(arm) for arm in experiment.arms()]
    return [one for one in recipes if not (one.masks or one.is_control) and one.family == one.name]


def not_masked_note(experiment: Experiment) -> str | None:
    """Of which recipes leave-one-out is not measured, and why; None where no row is left out, or it is of all.

    Examples
    --------
    >>> from fairtoll.experiments.registry import find_experiment
    >>> not_masked_note(find_experiment("adult")) is None
    True
    """
    names = [recipe.name for recipe in not_masked(experiment)] if experiment.leave_one_out.count else []
    if experiment.defences is None or not names:
        return None
    return NOT_MASKED.format(names=", ".join(names), row=experiment.row)


def require_masked(experiment: Experiment) -> None:
    """Raise where rows are to be left out and no recipe masks them, so that nothing would be compared.

    Raises
    ------
    FairtollError
        For such a comparison of recipes.

    Examples
    --------
    >>> from fairtoll.experiments.defences import with_recipes
    >>> from fairtoll.experiments.registry import find_experiment
    >>> require_masked(with_recipes(find_experiment("adult"), "squeezing", strengths=1))
    """
    options = experiment.leave_one_out
    if experiment.defences is None or options.count == 0 or len(options.arms) > 1:
        return
    known = [name for name, recipe in RECIPES.items() if recipe.masks and recipe.role not in ("standard", "control")]
    raise FairtollError(
        NONE_MASKED.format(
            count=options.count, row=experiment.row, names=experiment.defences[0], known=", ".join(known)
        )
    )
