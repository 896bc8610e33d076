"""`fairtoll audit`: the options of an audit of your own models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MODELS, ROWS, ATTACK = "Models", "Rows", "Attack"


def audit(
    model: Annotated[
        list[str],
        typer.Option(
            help="NAME=PACKAGE.MODULE:FACTORY, twice or more; the first is the standard model.",
            metavar="NAME=FACTORY",
            rich_help_panel=MODELS,
        ),
    ],
    weights: Annotated[
        list[str],
        typer.Option(
            help="NAME=FILE.safetensors for each model; repeat a name for more training runs.",
            metavar="NAME=FILE",
            rich_help_panel=MODELS,
        ),
    ],
    data: Annotated[Path, typer.Option(help="Evaluation rows, CSV or Parquet.", metavar="TABLE", rich_help_panel=ROWS)],
    label: Annotated[str, typer.Option(help="Column of the true class.", metavar="COLUMN", rich_help_panel=ROWS)],
    epsilon: Annotated[
        list[float],
        typer.Option(
            help="Radius, in standard deviations of each feature; repeat for more.",
            metavar="RADIUS",
            rich_help_panel=ATTACK,
        ),
    ],
    group: Annotated[
        list[str] | None,
        typer.Option(help="Column of a protected attribute; repeat for more.", metavar="COLUMN", rich_help_panel=ROWS),
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(
            help="Input columns in order; repeat for more. Default: those of --train, else all but label and groups.",
            metavar="COLUMN",
            rich_help_panel=ROWS,
            show_default=False,
        ),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(
            help="Training rows: codes of categories, standard deviations and ranges come from there.",
            metavar="TABLE",
            rich_help_panel=ROWS,
        ),
    ] = None,
    categories: Annotated[
        list[str] | None,
        typer.Option(
            help="All values of a column (the label too) in the order of their codes; repeat for more columns.",
            metavar="COLUMN=VALUE,...",
            rich_help_panel=ROWS,
        ),
    ] = None,
    keep_na: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of a CSV file in which texts such as NA and None are values, not missing; repeat for more.",
            metavar="COLUMN",
            rich_help_panel=ROWS,
        ),
    ] = None,
    mutable: Annotated[
        list[str] | None,
        typer.Option(
            help="Feature that an attack may change; repeat for more. Default: numbers that are no group and not two "
            "codes (0, 1).",
            metavar="COLUMN",
            rich_help_panel=ATTACK,
            show_default=False,
        ),
    ] = None,
    paired: Annotated[
        bool,
        typer.Option(
            "--paired",
            help="The k-th weights of every model share initial weights and order of batches: compare them run by run.",
            rich_help_panel=MODELS,
        ),
    ] = False,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="Prove or break every row, so that no stronger attack changes the gaps; exact on dense networks of "
            "which at most 8 features may change.",
            rich_help_panel=ATTACK,
        ),
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for evidence, results and report.")] = Path("runs/audit"),
) -> None:
    """Audit your own models: which classes and groups pay for the hardened one."""
    from fairtoll.cli.audit_files import Table, audit_from_files
    from fairtoll.cli.display import Progress, show_results

    rows = Table(data, label, group or [], feature, train, categories or [], keep_na or [])
    with Progress() as display:
        path = audit_from_files(
            models=model,
            weights=weights,
            table=rows,
            mutable=mutable,
            epsilons=epsilon,
            paired=paired,
            exact=exact,
            out=out,
            display=display,
        )
    show_results(path)
