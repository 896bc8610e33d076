"""`fairtoll train`: any recipes on a table or images of one's own."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from fairtoll.cli.options import (
    PAIR_HELP,
    AddressOption,
    Device,
    DeviceOption,
    EngineName,
    EngineOption,
    WorkersOption,
)
from fairtoll.cli.pairs import read_arms, read_pair, read_pairs, split_values
from fairtoll.errors import FairtollError

ROWS, ATTACK, TRAINING = "Rows", "Adversary", "Training"
Names = list[str] | None
EPILOG = (
    "Examples: fairtoll train people.csv --label hired --group sex · fairtoll train people.csv --label hired --group "
    "sex --group race --recipes trades,frl,frl-sex --epsilon 0.5 --test new.csv --out runs/hired · fairtoll train "
    "faces.npz --group sex --epsilon 0.03 --network my_models:network"
)


class Missing(StrEnum):
    """What becomes of missing values."""

    refuse = "refuse"
    keep = "keep"


def _option(help_text: str, metavar: str, panel: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=help_text, metavar=metavar, rich_help_panel=panel, show_default=False, **more)


def train(
    table: Annotated[
        Path,
        typer.Argument(help="A table in CSV or Parquet, or images: .npz, .safetensors, Parquet.", metavar="TABLE"),
    ],
    label: Annotated[
        str | None, _option("Column of the true class; of images the array, else 'y'.", "COLUMN", ROWS)
    ] = None,
    group: Annotated[Names, _option("Column of a protected attribute; repeat for more.", "COLUMN", ROWS)] = None,
    feature: Annotated[
        Names,
        _option(
            "Input columns; repeat for more. Default: all that can be inputs but the label and the groups.",
            "COLUMN",
            ROWS,
        ),
    ] = None,
    image: Annotated[str | None, _option("Column or array of images.", "COLUMN", ROWS)] = None,
    categories: Annotated[
        Names,
        _option("All values of a column (the label too) in order; repeat for more columns.", "COLUMN=VALUE,...", ROWS),
    ] = None,
    keep_na: Annotated[
        Names, _option("Column in which texts such as NA are values, not missing; repeat for more.", "COLUMN", ROWS)
    ] = None,
    missing: Annotated[
        Missing,
        typer.Option(
            help="Whether inputs may have missing values: numbers become the mean, with a column that says so.",
            rich_help_panel=ROWS,
        ),
    ] = Missing.refuse,
    test: Annotated[
        Path | None, _option("Test rows, as the table. Default: a share of the table's rows.", "FILE", ROWS)
    ] = None,
    test_share: Annotated[float, _option("That share, of each class and group. Default: 0.25.", "SHARE", ROWS)] = 0.25,
    seed: Annotated[int, _option("Of the draw of test rows. Default: 0.", "NUMBER", ROWS, min=0)] = 0,
    rows: Annotated[
        int | None,
        _option("Attack so many test rows, as many of each class. Default: all; 1000 images.", "NUMBER", ROWS, min=1),
    ] = None,
    epsilon: Annotated[
        float | None,
        _option(
            "How far the adversary may move, in training and after it: in standard deviations of each number, of "
            "images in their units. Default: 0.25, of images 8/255 of their range.",
            "RADIUS",
            ATTACK,
        ),
    ] = None,
    mutable: Annotated[
        Names,
        _option(
            "Number that an attack may change; repeat for more. Default: all that vary and are no codes.",
            "COLUMN",
            ATTACK,
        ),
    ] = None,
    immutable: Annotated[Names, _option("Number that it may not change; repeat for more.", "COLUMN", ATTACK)] = None,
    scale: Annotated[
        Names,
        _option(
            "How far a number moves at an epsilon of 1, in place of its standard deviation; repeat for more. raw: all "
            "by 1 in their units.",
            "COLUMN=NUMBER",
            ATTACK,
        ),
    ] = None,
    range_: Annotated[
        Names,
        _option(
            "Lowest and highest value of a number, in place of the training rows'; repeat for more.",
            "COLUMN=LOW,HIGH",
            ATTACK,
            "--range",
        ),
    ] = None,
    recipes: Annotated[
        str | None,
        _option(
            "Recipes, with commas between, or all; a repair over an attribute instead of the classes: frl-sex. "
            "Default: online, trades, averaging, frl, and frl over each attribute.",
            "NAMES",
            TRAINING,
        ),
    ] = None,
    strengths: Annotated[
        int,
        _option(
            "1, or 3 for every recipe at three strengths, compared at equal robust accuracy. Default: 3.",
            "NUMBER",
            TRAINING,
        ),
    ] = 3,
    pair: Annotated[Names, _option(PAIR_HELP, "FIRST,SECOND", TRAINING)] = None,
    runs: Annotated[int, _option("Training runs of each arm. Default: 5.", "NUMBER", TRAINING, min=1)] = 5,
    epochs: Annotated[int | None, _option("Default: 20, more of few rows.", "NUMBER", TRAINING, min=1)] = None,
    batch_size: Annotated[
        int | None, _option("Rows of a step. Default: 250, fewer of few rows.", "NUMBER", TRAINING, min=1)
    ] = None,
    width: Annotated[
        int | None, _option("Units of a hidden layer, of a table. Default: 64.", "NUMBER", TRAINING, min=1)
    ] = None,
    depth: Annotated[
        int | None, _option("Hidden layers, of a table; 0 for a linear model. Default: 4.", "NUMBER", TRAINING, min=0)
    ] = None,
    network: Annotated[
        str | None,
        _option("A torch module of your own: a call without arguments makes it.", "PACKAGE.MODULE:FACTORY", TRAINING),
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
