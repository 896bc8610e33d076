"""`fairtoll audit init`: a first `audit.toml`, commented, from a look at the data."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairtoll.errors import FairtollError

if TYPE_CHECKING:
    from fairtoll.data import Dataset
    from fairtoll.data.guess import Guess

BARE = re.compile(r"[A-Za-z0-9_-]+")
#: Radii of a table, in standard deviations; of images, as shares of the range of their values.
RADII, SHARES = ("0.1", "0.3"), (0.01, 0.03)
#: How many values of a category a comment lists.
LISTED = 8
MODELS = """
# The models, in their order: the first is the one that others are compared with; one alone is audited by itself.
# A file of any kind that fairtoll reads, or code and its weights. A list holds one entry for each training run.
[models.standard]
file = "standard.onnx"         # fill in
# [models.hardened]
# factory = "my_models:network"
# weights = ["hardened-0.safetensors", "hardened-1.safetensors"]
"""
GATE = """
# When the command ends with an exit status that is not 0: 1 fails, 3 undecided.
[gate]
# fail_on = ["less-fair"]      # a gap is wider than the first model's by more than its margin
# thresholds = { "cau/%s" = 0.05, "robust-accuracy@%s" = 0.5 }
# require_decision = true
"""


@dataclass(frozen=True)
class Look:
    """The files that are looked at, and the folder that settings are written to."""

    data: Path
    train: Path | None
    folder: Path

    def written(self, path: Path) -> str:
        """A path as the settings name it: relative to their folder."""
        return _text(path if path.is_absolute() else Path(os.path.relpath(path, self.folder)).as_posix())


def init(
    data: Annotated[Path, typer.Argument(help="Evaluation rows: CSV, Parquet, .npz or .safetensors.", metavar="DATA")],
    train: Annotated[Path | None, typer.Option(help="Training rows.", metavar="FILE", show_default=False)] = None,
    label: Annotated[
        str | None, typer.Option(help="Column of the true class. Default: a guess.", metavar="COLUMN")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(help="Column of a protected attribute; repeat for more. Default: guesses.", metavar="COLUMN"),
    ] = None,
    out: Annotated[Path, typer.Option(help="The file to write.", metavar="FILE")] = Path("audit.toml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Look at a table or images and write audit.toml, with comments on what to fill in and correct."""
    from importlib import resources

    from fairtoll.cli.settings import SCHEMA_FILE
    from fairtoll.data.images import ARRAYS
    from fairtoll.storage.files import make_folder, write_text

    if out.exists() and not force:
        raise FairtollError(f"{out} is there already; expected a new file; give another with --out, or --force")
    look = _images if data.suffix.lower() in ARRAYS else _table
    lines = [*look(Look(data, train, out.parent), label, group)]
    folder = make_folder(out.parent)
    schema = resources.files("fairtoll.cli").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    write_text("\n".join([f"#:schema ./{SCHEMA_FILE}", *lines]) + "\n", out)
    write_text(schema, folder / SCHEMA_FILE)  # beside it, where editors look
    print(f"Settings: {out}. Fill in the models, correct what was guessed, then: fairtoll audit")


def _table(files: Look, label: str | None, groups: Sequence[str] | None) -> Iterator[str]:
    from fairtoll.data.frame import load_frame
    from fairtoll.data.guess import guess_columns
    from fairtoll.data.table_file import read_table

    source = files.train or files.data
    frame = read_table(source)
    found = guess_columns(frame, label=label, groups=groups)
    if not found.features:
        raise FairtollError(f"no column of {source} can be an input beside '{found.label}'; check the table")
    keys = [found.label, *found.groups]
    rows = load_frame(
        frame.dropna(subset=keys), label=found.label, groups=found.groups, features=found.features, missing="keep"
    )
    yield "# The audit of a table. Written from a look at it: lines marked (guess) are to be checked."
    yield ""
    yield "[data]"
    yield f"rows = {files.written(files.data)}"
    yield (
        f"train = {files.written(files.train)}"
        if files.train
        else '# train = "train.csv"        # standard deviations and ranges'
    )
    known = "" if label else "    # (guess)"
    yield f"label = {_text(found.label)}{known}"
    yield f"#   classes: {_some(rows.class_names)}"
    known = "" if groups is not None else "    # (guess by their names)"
    yield f"groups = {_list(found.groups)}{known}"
    for name in found.groups:
        yield f"#   {name}: {_some(rows.partition(name)[0])}"
    for name in (one for one in found.finer if not any(group.startswith(one) for group in found.groups)):
        yield f"#   {name} has too many values for groups; add a column of ranges to the table, such as '{name}_group'"
    lacking = [name for name in keys if frame[name].isna().any()]
    if lacking:
        yield f"#   {', '.join(lacking)} lacks values in some rows; drop or fill these rows first"
    yield from _features(found, rows)
    yield MODELS
    yield from _threat(rows, found)
    yield from _measures(found.groups, RADII[0])


def _features(found: Guess, rows: Dataset) -> Iterator[str]:
    yield "# The inputs in the order of the models; add the groups here if the models read them."
    yield "features = ["
    for feature in rows.features:
        if feature.kind == "categorical":
            said = f"{len(feature.categories)} categories: {_some(feature.categories)}"
        else:
            said = f"{'whole ' if feature.integer else ''}numbers, {feature.low:g} to {feature.high:g}"
        said += "; values are missing" if feature.missing is not None else ""
        yield f"  {_text(feature.name)},  # {said}"
    yield "]"
    for name, why in found.left_out.items():
        yield f"#   left out: {name}, {_comment(why)}"
    if found.missing:
        yield 'missing = "keep"              # the models must take missing values; else drop or fill such rows'
    else:
        yield '# missing = "keep"            # for models that take missing values'
    yield "# limit = 1000                 # so many rows, drawn in proportion from each class and group"


def _threat(rows: Dataset, found: Guess) -> Iterator[str]:
    from fairtoll.data.derived import deciding_features
    from fairtoll.threats.table import movable, one_hot_sets

    moving, sets = movable(rows), one_hot_sets(rows)
    rest = [feature.name for feature in rows.features if feature.name not in moving]
    yield "# What an adversary may change: numbers by epsilon standard deviations, within their range."
    yield "[threat]"
    yield f"epsilons = [{', '.join(RADII)}]"
    if moving:
        decides = deciding_features(rows, moving)
        protected = [name for name in moving if name in found.finer or name in decides]
        kept = [name for name in moving if name not in protected]
        yield f"mutable = {_list(kept or moving)}    # (guess) what a person could in fact change"
        rest += protected if kept else []
        for name, attributes in decides.items():
            may = "stays" if kept else "moves, as no other column could, unless immutable names it"
            yield f"#   {_comment(name)} decides {_some(attributes)}: each value belongs to one group; it {may}"
    else:
        yield '# mutable = "all"              # no column of numbers may move: name categories'
    if rest:
        yield f"#   fixed: {_some(rest)}; a category that is named too moves among its values"
    if sets:
        yield f"one_hot = [{', '.join(_list(one) for one in sets)}]"
    first = moving[0] if moving else "age"
    yield f'# monotone = {{ {_key(first)} = "up" }}'
    yield '# relations = ["loan <= 5 * income"]'
    yield f"# costs = {{ {_key(first)} = 2.0 }}       # what one standard deviation costs, else 1"


def _measures(groups: Sequence[str], radius: str) -> Iterator[str]:
    yield ""
    yield "[audit]"
    yield '# attacks = ["union", "square-500"]'
    yield '# metrics = ["cau", "cru_s"]'
    both = " & ".join(groups[:2])
    yield f"# partitions = {_list(['class', *groups[:2], *([both] if len(groups) > 1 else [])])}"
    yield "# minimum_rows = 10            # smaller groups are left out of gaps"
    yield "# least_epsilon_max = 2.0      # measure how far each row must move"
    yield "# margins = { cau = 0.01 }     # the largest difference that does not matter"
    yield GATE % (groups[0] if groups else "class", radius)


def _images(files: Look, label: str | None, groups: Sequence[str] | None) -> Iterator[str]:
    import numpy as np

    from fairtoll.data.images import CLASSES, ROWS, load_images, read_arrays

    columns = read_arrays(files.data)
    chosen = label or "y"
    possible = [
        name
        for name, values in columns.items()
        if name not in (ROWS, CLASSES, chosen) and np.ndim(values) == 1 and 2 <= len(np.unique(values)) <= LISTED
    ]
    found = list(groups) if groups is not None else possible
    rows = load_images(files.data, label=label, groups=found)
    yield "# The audit of images. Written from a look at them: lines marked (guess) are to be checked."
    yield ""
    yield "[data]"
    yield f"rows = {files.written(files.data)}"
    yield f"#   {len(rows)} rows of shape {rows.x.shape[1:]}, values {rows.x.min():g} to {rows.x.max():g}"
    if files.train:
        yield f"train = {files.written(files.train)}"
    yield f"label = {_text(chosen)}"
    yield f"#   classes: {_some(rows.class_names)}"
    yield f"groups = {_list(found)}{'' if groups is not None else '    # (guess)'}"
    yield "# limit = 1000                 # so many rows, drawn in proportion from each class and group"
    yield MODELS
    radii, said = _radii_of_images(rows)
    yield f"# How far each value may move, in the units of the values{said}."
    yield "[threat]"
    yield f"epsilons = [{', '.join(radii)}]"
    yield from _measures(found, radii[0])


def _radii_of_images(rows: Dataset) -> tuple[list[str], str]:
    """Radii that are shares of the range of the values, and why: of bytes that were not divided 3 and 8 of 255."""
    import numpy as np

    low, high = float(rows.x.min()), float(rows.x.max())
    if (low >= 0 and high <= 1) or low == high:
        return [f"{share:g}" for share in SHARES], ""
    whole = high - low >= 1 / SHARES[0] and bool((rows.x == np.floor(rows.x)).all())
    radii = [f"{round(share * (high - low)):d}" if whole else f"{share * (high - low):.2g}" for share in SHARES]
    shares = " and ".join(f"{share:.0%}" for share in SHARES)
    return radii, f": {shares} of their range, {low:g} to {high:g}{', as whole numbers' if whole else ''}"


def _text(value: Any) -> str:
    """A TOML string."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else _text(name)


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _some(values: Sequence[str]) -> str:
    more = f" and {len(values) - LISTED} more" if len(values) > LISTED else ""
    return _comment(", ".join(map(str, values[:LISTED]))) + more


def _comment(text: str) -> str:
    """One line: a comment ends with it, and TOML has no control characters in one."""
    return "".join(one if one.isprintable() else " " for one in text)
