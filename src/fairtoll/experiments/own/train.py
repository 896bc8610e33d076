"""Training any list of recipes on a table or images of one's own, to one report and models that can be audited."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.experiments.defences import ALL, choose_recipes
from fairtoll.experiments.engine import build_run
from fairtoll.experiments.options import choose_device
from fairtoll.experiments.own.experiment import own_experiment
from fairtoll.experiments.own.trained import write_trained
from fairtoll.experiments.running import prepare, reproduce, require_own, require_same_recipes
from fairtoll.inputs.names import as_attribute_names
from fairtoll.runs.stages import Display, Silent
from fairtoll.training import RECIPES, Recipe, TrainingSetup
from fairtoll.training.recipes.held_out_noise import HELD_OUT_NOISE, HELD_OUT_ONLINE
from fairtoll.training.recipes.squeezing import require_detector

ONE_ROW = (
    "the recipe '{recipe}' treats each group of {partition} by itself, and '{group}' has 1 training row of class "
    "'{label}'; expected 2 or more; leave the recipe out, or give more such rows"
)
NOT_TRAINED = (
    "Not trained: {recipe}, which needs 2 training rows of each class of every group of {partition}; '{group}' has 1 "
    "of class '{label}'."
)
NO_ATTRIBUTE = (
    "the recipe '{recipe}' treats groups of '{attribute}', which is not among the protected attributes; expected one "
    "of them; name it with --group {attribute}, or leave the recipe out"
)
#: What is trained beside the standard arm where nothing is named; and each repair also over each attribute.
USUAL = ("online", "trades", "averaging", "frl")


def train(
    table: str | Path,
    folder: Path,
    *,
    recipes: str | None = None,
    strengths: int = 3,
    pairs: Sequence[Sequence[str]] = (),
    groups: Sequence[str] = (),
    device: str = "auto",
    workers: int | None = None,
    engine: str = "processes",
    address: str | None = None,
    display: Display | None = None,
    **described: Any,
) -> Path:
    """Train recipes on a table or images of one's own, attack every arm and write one report; returns its path.

    Parameters
    ----------
    table : path
        The rows: CSV or Parquet, or images.
    folder : Path
        The run's folder; finished stages in it are kept.
    recipes, strengths, pairs
        As `fairtoll.experiments.defences.with_recipes` takes them. Default: on-line adversarial training, TRADES,
        weight averaging and FRL, of the classes and of each attribute that has enough rows.
    groups : sequence of str
        Columns of protected attributes.
    device, workers, engine, address, display
        As `reproduce` takes them.
    **described
        The rest of `own_experiment`, such as `label`, `test` and `settings`.

    Returns
    -------
    Path

    Raises
    ------
    FairtollError
        As `own_experiment`, `with_recipes` and `reproduce`.
    """
    device, display = choose_device(device), display or Silent()
    as_attribute_names(list(groups))
    if recipes is not None:
        require_attributes(recipes, groups)
        choose_recipes(recipes, attributes=tuple(groups))
    own = own_experiment(table, groups=groups, device=device, **described)
    wanted = usual_recipes(own.train) if recipes is None else recipes
    recipes, skipped = with_cells(own.train, wanted, skip=recipes is None or recipes.strip().lower() == ALL)
    if any(recipe.extra == "detection" for recipe in choose_recipes(recipes, attributes=tuple(groups))):
        require_detector(TrainingSetup.for_rows(own.train, seeds=[0]))
    experiment = prepare(
        own.experiment,
        device=device,
        runs=own.experiment.runs,
        recipes=recipes,
        strengths=strengths,
        pairs=pairs,
    )
    require_own(folder, experiment.name)
    require_same_recipes(folder, experiment)
    build_run(experiment, folder, device, None)  # a folder of another configuration is refused before notes are said
    for note in (*own.notes, *skipped):
        display.message(note)
    report = reproduce(
        experiment, folder, device=device, workers=workers, engine=engine, address=address, display=display
    )
    settings = write_trained(experiment, folder, device)
    display.message(f"The trained models: {settings.parent}. Audit them: fairtoll audit --settings {settings}")
    return report


def require_attributes(recipes: str, groups: Sequence[str]) -> None:
    """Raise for a repair over an attribute that is not named.

    Raises
    ------
    FairtollError
        Naming the recipe and the attribute.

    Examples
    --------
    >>> require_attributes("online", [])
    """
    repairs = [name for name, recipe in RECIPES.items() if "partition" in recipe.parameters]
    known = {name.lower() for name in ("class", *groups)}
    for name in (one.strip() for one in recipes.split(",")):
        for repair in repairs:
            is_over = name.lower().startswith(f"{repair}-") and name.lower() not in RECIPES
            if is_over and (attribute := name[len(repair) + 1 :]).lower() not in known:
                raise FairtollError(NO_ATTRIBUTE.format(recipe=name, attribute=attribute))


def usual_recipes(rows: Dataset) -> str:
    """The names of what is trained on these rows where nothing is named.

    Examples
    --------
    >>> rows = Dataset([[0.0], [1.0], [2.0], [3.0]] * 2, [0, 1] * 4, ("no", "yes"), groups={"sex": [*"ffmm"] * 2})
    >>> usual_recipes(rows)
    'online,trades,averaging,frl,frl-sex'
    """
    over = [
        f"{name}-{attribute}" for name in USUAL if "partition" in RECIPES[name].parameters for attribute in rows.groups
    ]
    return ",".join([*USUAL, *over])


def with_cells(rows: Dataset, recipes: str, *, skip: bool) -> tuple[str, list[str]]:
    """The names of recipes, without those that cannot be trained on these rows; and what is said of each.

    A repair over groups that keeps some rows of each class of a group out of training, to measure on, needs two.

    Parameters
    ----------
    rows : Dataset
        Training rows.
    recipes : str
        As `choose_recipes` takes them.
    skip : bool
        Whether one that cannot be trained is left out. Else it is refused.

    Raises
    ------
    FairtollError
        Naming the recipe, the group and the class.

    Examples
    --------
    >>> rows = Dataset([[0.0], [1.0], [2.0]], [0, 1, 1], ("no", "yes"), groups={"sex": ["f", "m", "f"]})
    >>> kept, said = with_cells(rows, "online,frl-sex,dro-sex", skip=True)
    >>> kept, len(said)
    ('online,dro-sex', 1)
    """
    kept, said = [], []
    for recipe in choose_recipes(recipes, attributes=tuple(rows.groups)):
        partition = str(recipe.parameters.get("partition", "class"))
        lone = _lone(rows, partition) if partition != "class" and _holds_out(recipe) else None
        if lone is None:
            kept.append(recipe.name)
            continue
        group, label = lone
        if not skip:
            raise FairtollError(ONE_ROW.format(recipe=recipe.name, partition=partition, group=group, label=label))
        said.append(NOT_TRAINED.format(recipe=recipe.name, partition=partition, group=group, label=label))
    return ",".join(kept), said


def _holds_out(recipe: Recipe) -> bool:
    """Whether it measures on rows that it keeps out of training, as its control does."""
    return recipe.control in (HELD_OUT_NOISE.name, HELD_OUT_ONLINE.name)


def _lone(rows: Dataset, partition: str) -> tuple[str, str] | None:
    """The first group and class of which there is one row."""
    names, codes = rows.partition(partition)
    classes = len(rows.class_names)
    lone = np.flatnonzero(np.bincount(codes * classes + rows.y) == 1)
    return (names[lone[0] // classes], rows.class_names[lone[0] % classes]) if len(lone) else None
