"""`fairtoll audit`: the options of an audit of one's own models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def audit(
    model: Annotated[
        list[str],
        typer.Option(help="NAME=PACKAGE.MODULE:FACTORY, given twice or more; the first is the standard model."),
    ],
    weights: Annotated[
        list[str], typer.Option(help="NAME=FILE.safetensors for each model; repeat a name for more training runs.")
    ],
    data: Annotated[Path, typer.Option(help="Evaluation rows, CSV or Parquet.")],
    label: Annotated[str, typer.Option(help="Column of the true class.")],
    epsilon: Annotated[list[float], typer.Option(help="Radius, repeat for more; in standard deviations of a feature.")],
    group: Annotated[list[str] | None, typer.Option(help="Column of a protected attribute, repeat for more.")] = None,
    feature: Annotated[list[str] | None, typer.Option(help="Input columns in order. Default: all others.")] = None,
    mutable: Annotated[list[str] | None, typer.Option(help="Features that may move. Default: all continuous.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for evidence, results and report.")] = Path("runs/audit"),
) -> None:
    """Audit your own models: which classes and groups pay for the hardened one."""
    from fairtoll.cli.audit_files import audit_from_files
    from fairtoll.cli.display import Progress, show_results
    from fairtoll.progress import reporting_to

    with Progress() as display, reporting_to(display.track("Attacking the models")):
        path = audit_from_files(
            models=model,
            weights=weights,
            data=data,
            label=label,
            groups=group or [],
            features=feature,
            mutable=mutable,
            epsilons=epsilon,
            out=out,
        )
    show_results(path)
