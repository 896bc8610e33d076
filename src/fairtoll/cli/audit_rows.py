"""The rows of an audit, from its settings: a table or images, the training rows, a sample, and what they assume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairtoll.cli.settings import DataSettings, Settings, ThreatSettings
from fairtoll.data import Dataset, load_frame
from fairtoll.data.images import ARRAYS, load_images
from fairtoll.data.sample import stratified_sample
from fairtoll.errors import FairtollError
from fairtoll.threats.any import AuditedThreat
from fairtoll.threats.linf import LinfThreat
from fairtoll.threats.range_of import RangeOf
from fairtoll.threats.table import table_threat

#: Settings of a threat that name features.
OF_FEATURES = ("mutable", "immutable", "one_hot", "monotone", "ranges", "relations", "costs")
#: The range of images whose values all lie in it, whatever their own.
UNIT = (0.0, 1.0)
#: How many columns a note lists.
LISTED = 12
#: The same of columns with their codes, and of the codes of each.
LISTED_CODED, LISTED_CODES = 3, 4


@dataclass(frozen=True)
class Rows:
    """The rows that are evaluated, those that the threat is made from, and remarks on both.

    Attributes
    ----------
    test : Dataset
        The rows that are attacked.
    known : Dataset
        The training rows, or all evaluation rows where there are none.
    notes : sequence of str
        What was not given, and what was assumed instead.
    cuts : sequence of str
        What was left out.
    """

    test: Dataset
    known: Dataset
    notes: Sequence[str]
    cuts: Sequence[str]


def load_rows(settings: Settings) -> Rows:
    """The rows of an audit.

    Raises
    ------
    FairtollError
        For a file, a column or a value that is not there.
    """
    data = settings.data
    if data.rows is None:
        raise FairtollError("no rows; expected evaluation rows; give --data TABLE, or rows in [data] of audit.toml")
    images = is_images(data)
    train = None if data.train is None else _load(data, data.train, None, images=images)
    whole = _load(data, data.rows, train, images=images)
    if train is not None and images and train.class_names != whole.class_names:
        raise FairtollError(
            f"{data.train} has the classes {listed(list(train.class_names))} and {data.rows} "
            f"{listed(list(whole.class_names))}; expected the same; give all values of the label with --categories"
        )
    test, cuts = whole, []
    if data.limit is not None and data.limit < len(whole):
        test = stratified_sample(whole, data.limit, seed=settings.audit.seed)
        cuts.append(
            f"{len(test):,} of {len(whole):,} evaluation rows, drawn in proportion from each class and group (seed "
            f"{settings.audit.seed})"
        )
    known = train or whole
    return Rows(test, known, _of_images(data, known) if images else _of_table(data, whole), cuts)


def is_images(data: DataSettings) -> bool:
    """Whether the rows are arrays and not columns of a table."""
    return data.image is not None or Path(data.rows or "").suffix.lower() in ARRAYS


def threat_of(rows: Rows, threat: ThreatSettings) -> AuditedThreat:
    """What an adversary may change in these rows."""
    if rows.known.features:
        for name, ends in threat.ranges.items():
            if len(ends) != 2:
                raise FairtollError(f"the range of '{name}' is {ends}; expected its lowest and its highest value")
        return table_threat(
            rows.known,
            mutable=threat.mutable,
            immutable=threat.immutable,
            one_hot=threat.one_hot,
            monotone=threat.monotone,
            ranges={name: (ends[0], ends[1]) for name, ends in threat.ranges.items()},
            relations=threat.relations,
            costs=threat.costs,
            cost_norm=threat.cost_norm,
        )
    given = [name for name in OF_FEATURES if getattr(threat, name)]
    if given:
        raise FairtollError(f"{given[0]} names features, and images have none; leave it out")
    whole = _range(rows.known)
    return LinfThreat(box=whole, range_of=None if whole == UNIT else RangeOf(len(rows.known), 2))


def _range(rows: Dataset) -> tuple[float, float]:
    low, high = float(rows.x.min()), float(rows.x.max())
    return UNIT if low >= 0 and high <= 1 else (low, high)


def _load(data: DataSettings, path: str, like: Dataset | None, *, images: bool) -> Dataset:
    orders = dict(data.categories)
    if images:
        classes = orders.get(data.label or "y") or (None if like is None else like.class_names)
        return load_images(Path(path), label=data.label, groups=data.groups, image=data.image, class_names=classes)
    if data.label is None:
        raise FairtollError("no label; expected the column of the true class; give --label COLUMN, or label in [data]")
    return load_frame(
        path,
        label=data.label,
        groups=data.groups,
        features=data.features,
        like=like,
        categories={column: values for column, values in orders.items() if column != data.label},
        class_names=orders.get(data.label),
        keep_na=data.keep_na,
        missing=data.missing,
    )


def _of_images(data: DataSettings, known: Dataset) -> list[str]:
    low, high = _range(known)
    return [f"each value may move by epsilon, within {low:g} to {high:g}, the range of {data.train or data.rows}."]


def fixed_note(rows: Rows, threat: AuditedThreat) -> list[str]:
    """What may move and what may not, where something may not."""
    names = [feature.name for feature in rows.known.features]
    may = threat.mutable.expand(len(names)).tolist() if names else []
    fixed = [name for name, moves in zip(names, may, strict=True) if not moves]
    moving = [name for name, moves in zip(names, may, strict=True) if moves]
    if not fixed:
        return []
    return [f"under attack {listed(moving)} may move, and {listed(fixed)} may not; name those that may with --mutable."]


def _of_table(data: DataSettings, rows: Dataset) -> list[str]:
    """Notes on what the settings left open, and which defaults were used."""
    notes = []
    if data.train is None:
        coded = {data.label: rows.class_names} | {one.name: one.categories for one in rows.features if one.categories}
        orders = [
            f"{column} ({listed([f'{code} {value}' for code, value in enumerate(values)], LISTED_CODES)})"
            for column, values in coded.items()
            if column not in data.categories
        ]
        if orders:
            more = f"; and {len(orders) - LISTED_CODED} more columns" if len(orders) > LISTED_CODED else ""
            notes.append(
                f"codes are the sorted values of {data.rows}: {'; '.join(orders[:LISTED_CODED])}{more}. If the models "
                "were trained on others, give the training rows with --train, or the values in order with --categories."
            )
        notes.append(
            f"standard deviations and ranges are those of {data.rows}, the rows that are attacked; give the training "
            "rows with --train to have theirs."
        )
    return notes


def listed(names: Sequence[str], most: int = LISTED) -> str:
    """The first names of many, and how many more there are.

    Examples
    --------
    >>> listed(list("abcdefghijklmn"))
    'a, b, c, d, e, f, g, h, i, j, k, l and 2 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
