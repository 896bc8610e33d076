"""`fairtoll audit`, its work: models from factories and safetensors, rows from a table."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from fairtoll.attacks.success_curve import check_epsilons
from fairtoll.audits import audit
from fairtoll.audits.audited import require_audit_folder
from fairtoll.cli.display import Progress
from fairtoll.cli.models import FORM, load_model
from fairtoll.data import Dataset, load_frame
from fairtoll.errors import FairtollError, FairtollWarning
from fairtoll.models.predict import predict_logits
from fairtoll.progress import part, reporting_to
from fairtoll.storage.files import kept_if_filled
from fairtoll.threats.table import movable, table_threat

#: How many columns a note lists.
LISTED = 12


@dataclass(frozen=True)
class Table:
    """The rows of an audit, as given on a command line.

    Attributes
    ----------
    data : Path
        Evaluation rows, CSV or Parquet.
    label : str
        Column of the true class.
    groups : sequence of str
        Columns of protected attributes.
    features : sequence of str, optional
        Input columns in order.
    train : Path, optional
        Training rows, from which codes, scale and range come.
    categories : sequence of str
        ``COLUMN=VALUE,VALUE,...``: all values of a column in the order of their codes.
    keep_na : sequence of str
        Columns in which the text NA is a value.
    """

    data: Path
    label: str
    groups: Sequence[str] = ()
    features: Sequence[str] | None = None
    train: Path | None = None
    categories: Sequence[str] = ()
    keep_na: Sequence[str] = ()


def audit_from_files(
    *,
    models: Sequence[str],
    weights: Sequence[str],
    table: Table,
    mutable: Sequence[str] | None,
    epsilons: Sequence[float],
    paired: bool,
    exact: bool,
    out: Path,
    display: Progress,
) -> Path:
    """Audit models named on a command line; returns the report's path.

    Parameters
    ----------
    models : sequence of str
        ``NAME=PACKAGE.MODULE:FACTORY``, the standard model first.
    weights : sequence of str
        ``NAME=FILE.safetensors``, one for each training run.
    table : Table
        The rows.
    mutable : sequence of str, optional
        Features that may move by epsilon standard deviations, within their range; see `table_threat`.
    epsilons : sequence of float
        Radii in standard deviations.
    paired, exact : bool
        Whether the k-th weights of every model belong together.
    out : Path
        Folder of the audit; an audit that is refused leaves none.
    display : Progress
        Where progress goes, and what was assumed.

    Returns
    -------
    Path

    Raises
    ------
    FairtollError
        For anything that does not fit together, naming it.
    """
    factories = _factories(models)
    files = _files(weights, factories)
    check_epsilons(sorted(epsilons))
    with kept_if_filled(out):
        require_audit_folder(out)  # before the work
        rows, train = _load(table)
        arms = {name: [load_model(factories[name], path) for path in paths] for name, paths in files.items()}
        for name, loaded in arms.items():
            for model in loaded:
                _require_fit(name, model, rows)
        threat = table_threat(train or rows, mutable=mutable)
        for note in _assumed(table, rows, moving=movable(train or rows) if mutable is None else mutable):
            display.message(f"Note: {note}")
        with reporting_to(display.track("Attacking the models, writing the report")), part(1.0):
            audit(arms, rows, threat=threat, epsilons=sorted(epsilons), paired=paired, exact=exact, out=out)
    return out / "report.html"


def _factories(models: Sequence[str]) -> dict[str, str]:
    pairs = [_pair(text, "--model", f"NAME={FORM}") for text in models]
    factories = dict(pairs)
    if len(factories) < len(pairs):
        raise FairtollError(
            f"--model names {', '.join(name for name, _ in pairs)}; expected each name once: give more training runs "
            "of one model as several --weights"
        )
    if len(factories) < 2:
        raise FairtollError(
            f"{len(factories)} model given; expected two or more: a --model for the standard one first, then for "
            "hardened ones"
        )
    return factories


def _files(weights: Sequence[str], factories: Mapping[str, str]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {name: [] for name in factories}
    for text in weights:
        name, path = _pair(text, "--weights", "NAME=FILE.safetensors")
        if name not in files:
            raise FairtollError(f"--weights names '{name}', and no --model does; models are {', '.join(factories)}")
        files[name].append(Path(path))
    empty = [name for name, paths in files.items() if not paths]
    if empty:
        raise FairtollError(f"no --weights for {', '.join(empty)}; give NAME=FILE.safetensors")
    return files


def _load(table: Table) -> tuple[Dataset, Dataset | None]:
    """The evaluation rows, and the training rows where they are named."""
    orders = dict(_order(text) for text in table.categories)
    classes = orders.pop(table.label, None)

    def load(path: Path, like: Dataset | None) -> Dataset:
        return load_frame(
            path,
            label=table.label,
            groups=table.groups,
            features=table.features,
            like=like,
            categories=orders,
            class_names=classes,
            keep_na=table.keep_na,
        )

    train = None if table.train is None else load(table.train, None)
    return load(table.data, train), train


def _order(text: str) -> tuple[str, list[str]]:
    column, values = _pair(text, "--categories", "COLUMN=VALUE,VALUE,...")
    return column, next(csv.reader([values]))  # a value in quotes may hold a comma


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise FairtollError(f"{option} is '{text}'; expected {form}")
    return name, value


def _require_fit(name: str, model: nn.Module, rows: Dataset) -> None:
    """Check a model on a few rows; errors and other numbers of classes are reported with its inputs."""
    columns = [feature.name for feature in rows.features]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FairtollWarning)  # the audit warns
            classes = predict_logits(model, torch.from_numpy(rows.x[:8])).shape[1]
    except FairtollError as error:
        if error.__cause__ is None:
            return  # the audit says so of all rows
        raise FairtollError(
            f"model '{name}': {error}; its inputs were the {len(columns)} columns {_listed(columns)}; name others in "
            "order with --feature (columns given with --group are inputs only if they are named there)"
        ) from error
    if classes != len(rows.class_names):
        raise FairtollError(
            f"model '{name}' returned {classes} classes, and the label has {len(rows.class_names)}: "
            f"{_listed(rows.class_names)}; expected as many; give all values of the label in order with --categories, "
            "or the training rows with --train"
        )


def _assumed(table: Table, rows: Dataset, *, moving: Sequence[str]) -> list[str]:
    """Notes on what the command line left open, and which defaults were used."""
    notes = []
    if table.train is None:
        known = {text.partition("=")[0] for text in table.categories}
        coded = {table.label: rows.class_names} | {one.name: one.categories for one in rows.features if one.categories}
        orders = [
            f"{column} ({_listed([f'{code} {value}' for code, value in enumerate(values)])})"
            for column, values in coded.items()
            if column not in known
        ]
        if orders:
            notes.append(
                f"codes are the sorted values of {table.data}: {'; '.join(orders)}. If the models were trained on "
                "others, give the training rows with --train, or the values in order with --categories."
            )
        notes.append(
            f"standard deviations and ranges are those of {table.data}, the rows that are attacked; give the training "
            "rows with --train to have theirs."
        )
    fixed = [feature.name for feature in rows.features if feature.name not in moving]
    if fixed:
        notes.append(
            f"under attack {_listed(list(moving))} may move, and {_listed(fixed)} may not; name those that may with "
            "--mutable."
        )
    return notes


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
