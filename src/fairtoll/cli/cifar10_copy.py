"""`fairtoll data cifar10`: find, download and check CIFAR-10."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fairtoll.data.cifar10.check import OFFICIAL_MEANS, Check, Outcome, channel_means, check_copy
from fairtoll.data.cifar10.copy import Copy
from fairtoll.data.cifar10.images import ROWS, Images
from fairtoll.data.cifar10.load import describe, locate
from fairtoll.errors import FairtollError
from fairtoll.progress import part

COLOURS = {Outcome.verified: "green", Outcome.unknown: "yellow", Outcome.failed: "red"}


def look_at_cifar10(folder: Path | None, *, verify: bool, console: Console | None = None) -> None:
    """Read the complete copy of CIFAR-10, print its description and, with `verify`, what was and was not verified.

    Parameters
    ----------
    folder : Path or None
        As in `load_cifar10`: None means FAIRTOLL_CIFAR10_DIR, then the cache, then a download.
    verify : bool
        Check class balance, repeated images and the sums of files.
    console : Console, optional
        Where to print. Default: standard output.

    Raises
    ------
    FairtollError
        If there is no complete copy, or a check fails.
    """
    copy, left = locate(folder, download=True)
    with part(left):
        splits = copy.read(expected=ROWS)
    checks = list(check_copy(copy, splits)) if verify else []
    console = console or Console()
    _print(copy, splits, checks, console)
    failed = [check.text for check in checks if check.outcome is Outcome.failed]
    if failed:
        raise FairtollError(f"{copy.place} is not CIFAR-10 as published: {'; '.join(failed)}; download it again")
    if not verify:
        console.print(Text("Not checked in depth: add --verify."))
    option = f" --data-dir {shlex.quote(str(folder))}" if folder is not None else ""
    console.print(Text(f"Next: fairtoll reproduce cifar10{option}"), soft_wrap=True)


def _print(copy: Copy, splits: dict[str, Images], checks: list[Check], console: Console) -> None:
    title, pixels = describe(copy, splits)
    means, official = (" ".join(f"{mean:.4f}" for mean in means) for means in (_means(splits), OFFICIAL_MEANS))
    rows = " and ".join(f"{len(images.labels):,} {split}" for split, images in splits.items())
    table = Table(title=title, title_justify="left", show_header=False, show_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (
        ("Place", str(copy.place)),
        ("Format", copy.layout),
        ("Rows", f"{rows} images of 32 x 32 RGB"),
        ("Pixels", pixels),
        ("Channel means", f"{means} (training images; official: {official})"),
    ):
        table.add_row(name, Text(value))
    for check in checks:
        table.add_row(Text(check.outcome.value, style=COLOURS[check.outcome]), Text(check.text))
    console.print(table)


def _means(splits: dict[str, Images]) -> list[float]:
    return [float(mean) for mean in channel_means(splits["train"])]
