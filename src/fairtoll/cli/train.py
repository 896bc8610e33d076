"""`fairtoll train`: any recipes on a table or images of one's own."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from fairtoll.cli.options import (
    PAIR_HELP,
    ROWS,
    STRENGTHS_HELP,
    AddressOption,
    Device,
    DeviceOption,
    EngineName,
    EngineOption,
    GroupOption,
    Names,
    WorkersOption,
    option_in,
)
from fairtoll.cli.pairs import read_arms, read_pair, read_pairs, split_values
from fairtoll.errors import FairtollError

ATTACK, TRAINING = "Adversary", "Training"
EPILOG = (
    "Examples: fairtoll train people.csv --label hired --group sex · fairtoll train people.csv --label hired --group "
    "sex --group race --recipes trades,frl,frl-sex --epsilon 0.5 --test new.csv --out runs/hired · fairtoll train "
    "faces.npz --group sex --epsilon 0.03 --network my_models:network"
)


class Missing(StrEnum):
    """What becomes of missing values."""

    refuse = "refuse"
    keep = "keep"


def train(
    table: Annotated[
        Path,
        typer.Argument(help="A table in CSV or Parquet, or images: .npz, .safetensors, Parquet.", metavar="TABLE"),
    ],
    label: Annotated[
        str | None, option_in(ROWS, "COLUMN", "Column of the true class; of images the array, else 'y'.")
    ] = None,
    group: GroupOption = None,
    feature: Annotated[
        Names,
        option_in(
            ROWS,
            "COLUMN",
            "Input columns; repeat for more. Default: all that can be inputs but the label, the groups, and columns of "
            "which every row has another value, such as an id.",
        ),
    ] = None,
    also_feature: Annotated[
        Names,
        option_in(ROWS, "COLUMN", "One more input beside the default ones: an id, or a group; repeat for more."),
    ] = None,
    image: Annotated[str | None, option_in(ROWS, "COLUMN", "Column or array of images.")] = None,
    categories: Annotated[
        Names,
        option_in(
            ROWS, "COLUMN=VALUE,...", "All values of a column (the label too) in order; repeat for more columns."
        ),
    ] = None,
    keep_na: Annotated[
        Names, option_in(ROWS, "COLUMN", "Column in which texts such as NA are values, not missing; repeat for more.")
    ] = None,
    missing: Annotated[
        Missing,
        typer.Option(
            help="Whether inputs may have missing values: numbers become the mean, with a column that says so, and do "
            "not move in that row.",
            rich_help_panel=ROWS,
        ),
    ] = Missing.refuse,
    test: Annotated[
        Path | None, option_in(ROWS, "FILE", "Test rows, as the table. Default: a share of the table's rows.")
    ] = None,
    test_share: Annotated[
        float | None, option_in(ROWS, "SHARE", "That share, of each class and group. Default: 0.25.")
    ] = None,
    seed: Annotated[int | None, option_in(ROWS, "NUMBER", "Of the draw of test rows. Default: 0.", min=0)] = None,
    rows: Annotated[
        int | None,
        option_in(
            ROWS,
            "NUMBER",
            "Attack so many test rows, as many of each class, or all of a smaller one. Default: all; 1000 images.",
            min=1,
        ),
    ] = None,
    epsilon: Annotated[
        float | None,
        option_in(
            ATTACK,
            "RADIUS",
            "How far the adversary may move, in training and after it: in standard deviations of each number, of "
            "images in their units. Default: 0.25, of images 8/255 of their range.",
        ),
    ] = None,
    mutable: Annotated[
        Names,
        option_in(
            ATTACK,
            "COLUMN",
            "Number that an attack may change; repeat for more. Default: all that vary and are no codes.",
        ),
    ] = None,
    immutable: Annotated[Names, option_in(ATTACK, "COLUMN", "Number that it may not change; repeat for more.")] = None,
    scale: Annotated[
        Names,
        option_in(
            ATTACK,
            "COLUMN=NUMBER",
            "How far a number moves at an epsilon of 1, in place of its standard deviation; repeat for more. raw: all "
            "by 1 in their units.",
        ),
    ] = None,
    range_: Annotated[
        Names,
        option_in(
            ATTACK,
            "COLUMN=LOW,HIGH",
            "Lowest and highest value of a number, in place of the training rows'; repeat for more.",
            "--range",
        ),
    ] = None,
    recipes: Annotated[
        str | None,
        option_in(
            TRAINING,
            "NAMES",
            "Recipes, with commas between, or all; a repair over an attribute instead of the classes: frl-sex. "
            "Default: online, trades, averaging, frl, and frl over each attribute.",
        ),
    ] = None,
    strengths: Annotated[int, option_in(TRAINING, "NUMBER", STRENGTHS_HELP)] = 3,
    pair: Annotated[Names, option_in(TRAINING, "FIRST,SECOND", PAIR_HELP)] = None,
    runs: Annotated[int, option_in(TRAINING, "NUMBER", "Training runs of each arm. Default: 5.", min=1)] = 5,
    epochs: Annotated[int | None, option_in(TRAINING, "NUMBER", "Default: 20, more of few rows.", min=1)] = None,
    batch_size: Annotated[
        int | None, option_in(TRAINING, "NUMBER", "Rows of a step. Default: 250, fewer of few rows.", min=1)
    ] = None,
    width: Annotated[
        int | None, option_in(TRAINING, "NUMBER", "Units of a hidden layer, of a table. Default: 64.", min=1)
    ] = None,
    depth: Annotated[
        int | None, option_in(TRAINING, "NUMBER", "Hidden layers, of a table; 0 for a linear model. Default: 4.", min=0)
    ] = None,
    network: Annotated[
        str | None,
        option_in(TRAINING, "PACKAGE.MODULE:FACTORY", "A torch module of your own: a call without arguments makes it."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Run folder: a killed run resumes from it. Default: runs/TABLE.", show_default=False),
    ] = None,
    device: DeviceOption = Device.auto,
    workers: WorkersOption = None,
    engine: EngineOption = EngineName.processes,
    address: AddressOption = None,
) -> None:
    """Train recipes on your own table or images, attack each, and see who pays; ends with the path of a report.

    Standard training, each recipe and its control with as many updates, over several seeds; the gaps between classes
    and groups, judged as in a reproduction. `fairtoll train people.csv --label hired --group sex` needs no more.
    """
    from fairtoll.cli.display import Progress, show_results
    from fairtoll.experiments import OwnSettings
    from fairtoll.experiments import train as train_recipes

    unit, scales = _scales(scale)
    settings = OwnSettings(
        epsilon=epsilon,
        mutable=mutable or None,
        immutable=immutable or (),
        unit=unit,
        scale=scales,
        ranges=read_pairs(range_, "--range", "COLUMN=LOW,HIGH", _ends) or {},
        network=network,
        width=width,
        depth=depth,
        epochs=epochs,
        batch_size=batch_size,
        runs=runs,
        attacked=rows,
    )
    with Progress() as display:
        report = train_recipes(
            table,
            out or Path("runs") / table.name.partition(".")[0],
            recipes=recipes,
            strengths=strengths,
            pairs=read_arms(pair),
            groups=group or (),
            label=label,
            features=feature or None,
            also_features=also_feature or (),
            image=image,
            categories=read_pairs(categories, "--categories", "COLUMN=VALUE,VALUE,...", split_values),
            keep_na=keep_na or (),
            missing=missing.value,
            test=test,
            test_share=test_share,
            seed=seed,
            settings=settings,
            device=device.value,
            workers=workers,
            engine=engine.value,
            address=address,
            display=display,
        )
    show_results(report)


def _ends(text: str) -> tuple[float, ...]:
    return tuple(float(end) for end in split_values(text))


def _scales(texts: Names) -> tuple[Any, dict[str, float]]:
    """The unit of epsilon, and the scale of some features."""
    unit, found = "sd", {}
    for text in texts or ():
        if text in ("raw", "sd"):
            unit = text
            continue
        name, value = read_pair(text, "--scale", "COLUMN=NUMBER, or raw")
        try:
            found[name] = float(value)
        except ValueError as error:
            raise FairtollError(f"--scale is '{text}'; expected COLUMN=NUMBER, or raw; correct the number") from error
    return unit, found
