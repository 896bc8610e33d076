"""Training any list of recipes on a table or images of one's own, to one report and models that can be audited."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.experiments.defences import choose_recipes
from fairtoll.experiments.engine import build_run
from fairtoll.experiments.options import choose_device
from fairtoll.experiments.own.experiment import own_experiment
from fairtoll.experiments.own.trained import write_trained
from fairtoll.experiments.reproduce import prepare, reproduce, require_own
from fairtoll.runs.stages import Display, Silent
from fairtoll.training import RECIPES

ONE_ROW = (
    "the recipe '{recipe}' treats each group of {partition} by itself, and '{group}' has 1 training row of class "
    "'{label}'; expected 2 or more; leave the recipe out, or give more such rows"
)
NO_ATTRIBUTE = (
    "the recipe '{recipe}' treats groups of '{attribute}', which is not among the protected attributes; expected one "
    "of them; name it with --group {attribute}, or leave the recipe out"
)
#: What is trained beside the standard arm where nothing is named.
USUAL = "online"


def train(
    table: str | Path,
    folder: Path,
    *,
    recipes: str = USUAL,
    strengths: int = 3,
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
    recipes, strengths
        As `fairtoll.experiments.defences.with_recipes` takes them.
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
    require_attributes(recipes, groups)
    choose_recipes(recipes, attributes=tuple(groups))
    own = own_experiment(table, groups=groups, device=device, **described)
    require_cells(own.train, recipes)
    experiment = prepare(own.experiment, device=device, runs=own.experiment.runs, recipes=recipes, strengths=strengths)
    require_own(folder, experiment.name)
    build_run(experiment, folder, device, None)  # a folder of another configuration is refused before notes are said
    for note in own.notes:
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
    for name in (one.strip() for one in recipes.split(",")):
        for repair in repairs:
            attribute = name.removeprefix(f"{repair}-")
            if attribute != name and name not in RECIPES and attribute not in groups:
                raise FairtollError(NO_ATTRIBUTE.format(recipe=name, attribute=attribute))


def require_cells(rows: Dataset, recipes: str) -> None:
    """Raise where a repair over groups would have fewer than two training rows of some class of a group.

    It keeps some of them out of training, to measure on.

    Raises
    ------
    FairtollError
        Naming the recipe, the group and the class.

    Examples
    --------
    >>> rows = Dataset([[0.0], [1.0], [2.0]], [0, 1, 1], ("no", "yes"), groups={"sex": ["f", "m", "f"]})
    >>> require_cells(rows, "online")
    """
    for recipe in choose_recipes(recipes, attributes=tuple(rows.groups)):
        partition = str(recipe.parameters.get("partition", "class"))
        if partition == "class":
            continue
        names, codes = rows.partition(partition)
        counts = np.bincount(codes * len(rows.class_names) + rows.y)
        if len(few := np.flatnonzero(counts == 1)):
            group, label = divmod(int(few[0]), len(rows.class_names))
            raise FairtollError(
                ONE_ROW.format(
                    recipe=recipe.name, partition=partition, group=names[group], label=rows.class_names[label]
                )
            )
