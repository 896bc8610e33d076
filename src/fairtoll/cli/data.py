"""`fairtoll data`: the data of the experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

data = typer.Typer(help="Find, download and check the data of the experiments.", no_args_is_help=True)


@data.command("cifar10")
def cifar10_data(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder or archive. Default: FAIRTOLL_CIFAR10_DIR, then your cache, then a download."),
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check class balance, repeats and sums of files.")] = False,
) -> None:
    """CIFAR-10: official files, or a copy in Parquet; downloaded (162 MiB) if there is none."""
    from fairtoll.cli.cifar10_copy import look_at_cifar10
    from fairtoll.cli.display import Progress
    from fairtoll.progress import reporting_to

    with Progress() as display, reporting_to(display.track("Reading CIFAR-10")):
        look_at_cifar10(data_dir, verify=verify)
