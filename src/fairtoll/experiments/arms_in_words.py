"""What a comparison of recipes trains, counted in words, and what a strength of its arms means."""

from __future__ import annotations

from fairtoll.experiments.experiment import Experiment


def arms_in_words(experiment: Experiment) -> list[str]:
    """How many arms are trained and what they are; where some train at a share of epsilon, which radius that is.

    Parameters
    ----------
    experiment : Experiment
        With any recipes.

    Examples
    --------
    >>> from fairtoll.experiments.defences import with_recipes
    >>> from fairtoll.experiments.registry import find_experiment
    >>> arms, radii = arms_in_words(with_recipes(find_experiment("adult"), "online", strengths=3))
    >>> arms
    '5 arms, each trained 5 times: standard training, 1 recipe, 2 of it at other strengths, 1 control.'
    >>> radii
    'A strength called radius is a share of epsilon 10, that of every attack: 0.1 is 1, 0.3 is 3, 1 is 10.'
    """
    recipes = [experiment.recipe(arm) for arm in experiment.arms()]
    own = sum(one.role not in ("standard", "control") and one.family == one.name for one in recipes)
    controls = sum(one.is_control for one in recipes)
    others = len(recipes) - own - controls - sum(one.role == "standard" for one in recipes)
    parts = ["standard training", _many(own, "recipe")]
    if others:
        parts.append(f"{others} of {'it' if own == 1 else 'them'} at other strengths")
    if controls:
        parts.append(_many(controls, "control"))
    times = "up to " if experiment.looks else ""
    lines = [f"{_many(len(recipes), 'arm')}, each trained {times}{_times(experiment.most_runs)}: {', '.join(parts)}."]
    at_shares = [one for one in recipes if one.strength is not None and one.strength.name == "radius"]
    shares = sorted({one.radius for one in at_shares if not one.is_control})
    if len(shares) > 1:
        epsilon = experiment.epsilon
        said = ", ".join(f"{share:g} is {share * epsilon:.3g}" for share in shares)
        lines.append(f"A strength called radius is a share of epsilon {epsilon:.3g}, that of every attack: {said}.")
    return lines


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
