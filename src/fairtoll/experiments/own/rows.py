"""A table or images of one's own as the rows of an experiment: a value that loads them, the same in every process."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from fairtoll.data import Dataset, TrainTest, load_frame
from fairtoll.data.images import ARRAYS, load_images
from fairtoll.data.split import require_classes, split_rows
from fairtoll.data.table_file import read_table
from fairtoll.errors import FairtollError
from fairtoll.experiments.describe import UNDESCRIBED
from fairtoll.experiments.own.encoding import encoded, encoder
from fairtoll.experiments.own.small_groups import ATTACKED, attacked_note, small_note
from fairtoll.storage.checksums import checksum

CHANGED = (
    "{path} has the checksum {found}; expected {kept}, that of the file when the run began; restore the file, or give "
    "another folder with --out"
)
NO_LABEL = "no label; expected the column of the true class; give --label COLUMN"
OTHER_SHAPE = (
    "{test} holds rows of shape {found}; expected {shape}, as in {table}; give images of one size and one kind"
)
OTHER_CLASSES = (
    "{test} has the classes {found}; expected {classes}, as in {table}; give all values of the label in order with "
    "--categories"
)


@dataclass(frozen=True)
class OwnRows:
    """Where the rows of one's own are and how they are read; calling it gives them as networks read them.

    Attributes
    ----------
    table, checksum : str
        The name of the file, and its SHA-256.
    label : str, optional
        Column or array of the true class; of images "y" if not given.
    groups : tuple of str
        Columns or arrays of protected attributes.
    classes, partitions : tuple of str
        As they were found: the classes in order, and how rows are grouped where gaps are measured.
    small : mapping of str to mapping of str to int
        By partition, the groups with too few test rows for a gap, and how many they have.
    attacked : mapping of str to int
        By class, the test rows that are attacked, where not all are.
    test_rows : int
        How many test rows there are.
    small_attacked : mapping of str to mapping of str to int
        By partition, the groups with too few attacked rows alone, and how many they have.
    shared : int
        Test rows from a file of their own that are training rows, too.
    features : tuple of str
        Columns that networks read, in order; none of images.
    left_out, unreadable : mapping of str to str
        Columns that are no inputs by default, and those that can be none, and why.
    texts : mapping of str to str
        Inputs of text that are numbers but for a few values, and which those are.
    image : str, optional
        Column or array of the images.
    categories : mapping of str to tuple of str
        For a column, all its values in the order of their codes.
    keep_na, missing
        As `fairtoll.data.load_frame` takes them.
    test, test_checksum : str, optional
        The same of a file of test rows.
    test_share : float
        Of the rows that are test rows, where no file of them is given.
    seed : int
        Of the split.
    path, test_path : Path, optional
        Where the files are now; they may move between two starts of a run.

    Examples
    --------
    >>> OwnRows("people.csv", "9f86d081", label="hired").is_table
    True
    """

    table: str
    checksum: str
    label: str | None = None
    groups: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    small: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    attacked: Mapping[str, int] = field(default_factory=dict)
    test_rows: int = 0
    small_attacked: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    shared: int = 0
    features: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keep_na: tuple[str, ...] = ()
    missing: Literal["refuse", "keep"] = "refuse"
    test: str | None = None
    test_checksum: str | None = None
    test_share: float = 0.25
    seed: int = 0
    path: Path | None = field(default=None, metadata=UNDESCRIBED)
    test_path: Path | None = field(default=None, metadata=UNDESCRIBED)

    @property
    def is_table(self) -> bool:
        """Whether they are rows of a table, and not images."""
        return self.image is None and Path(self.table).suffix.lower() not in ARRAYS

    def __call__(self) -> TrainTest:
        """Training and test rows as networks read them: categories of a table as columns of 0 and 1."""
        train, test = self.coded()
        if self.is_table:
            layer = encoder(train)
            train, test = (encoded(rows, layer) for rows in (train, test))
        return TrainTest(train, test, title=self.table, note=self.note)

    def coded(self) -> tuple[Dataset, Dataset]:
        """Training and test rows as `fairtoll audit` reads them: categories of a table as codes.

        Raises
        ------
        FairtollError
            If a file is not what it was when the run was described, or its rows cannot be read or split.
        """
        whole = self._read(self.path, self.checksum, None)
        if self.test is None:
            return read_parts(self, whole)
        test_rows = self._read(self.test_path, self.test_checksum, whole)
        self._require_alike(whole, test_rows)
        return whole, test_rows

    @property
    def note(self) -> str:
        """Where the rows come from and what of them is not used, in words."""
        return " ".join(self.remarks)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The same, one subject each: where rows come from, what is no input, what is attacked, what is too small."""
        if self.test is None:
            share = f"a share of {self.test_share:.3g} are test rows"
            said = f"Rows of {self.table}: {share}, drawn in proportion from each class and group (seed {self.seed})."
        else:
            said = f"Training rows from {self.table}, test rows from {self.test}."
        left, unreadable, texts = map(_reasons, (self.left_out, self.unreadable, self.texts))
        if self.shared:
            said += f" {self.shared} of {self.test_rows} test rows are training rows, too: alike in every value read."
        remarks = (
            said,
            f"No input: {left}; --also-feature COLUMN keeps one." if left else "",
            f"These can be no input: {unreadable}." if unreadable else "",
            f"Read as text: {texts}; for numbers, correct these cells." if texts else "",
            attacked_note(self.attacked, self.test_rows),
            small_note(self.small),
            small_note(self.small_attacked, ATTACKED),
        )
        return tuple(filter(None, remarks))

    def _read(self, path: Path | None, kept: str | None, like: Dataset | None) -> Dataset:
        if path is None:
            raise FairtollError(f"no file for {self.table}; expected its path; describe the run with own_experiment")
        if not path.is_file():
            raise FairtollError(f"{path} is not a file; expected a table or images; check the path")
        if (found := checksum(path)) != kept:
            raise FairtollError(CHANGED.format(path=path, found=found[:8], kept=str(kept)[:8]))
        return read_rows(path, self, like)

    def _require_alike(self, train: Dataset, test: Dataset) -> None:
        if train.x.shape[1:] != test.x.shape[1:]:
            raise FairtollError(
                OTHER_SHAPE.format(test=self.test, found=test.x.shape[1:], shape=train.x.shape[1:], table=self.table)
            )
        if train.class_names != test.class_names:
            names = (", ".join(rows.class_names) for rows in (test, train))
            found, classes = names
            raise FairtollError(OTHER_CLASSES.format(test=self.test, found=found, classes=classes, table=self.table))
        require_classes(train, test)


def read_rows(path: Path, rows: OwnRows, like: Dataset | None = None) -> Dataset:
    """The rows of one file, as `rows` says how they are read; `like` are the training rows, where these are others."""
    classes = rows.categories.get(rows.label or "y")
    if not rows.is_table:
        known = classes if classes is not None or like is None else like.class_names
        return load_images(path, label=rows.label, groups=rows.groups, image=rows.image, class_names=known)
    if rows.label is None:
        raise FairtollError(NO_LABEL)
    return load_frame(
        path,
        label=rows.label,
        groups=rows.groups,
        features=rows.features or None,
        like=like,
        categories={column: values for column, values in rows.categories.items() if column != rows.label},
        class_names=classes,
        keep_na=rows.keep_na,
        missing=rows.missing,
    )


def _reasons(columns: Mapping[str, str]) -> str:
    return "; ".join(f"{name}, since {why}" for name, why in columns.items())


def drawn_parts(rows: OwnRows, whole: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Positions of training and of test rows where the run draws them.

    A row that alone shows what a column holds (a missing value, a value, a fraction) is a training row: test rows are
    read as training rows are.

    Examples
    --------
    >>> from fairtoll.data import Feature
    >>> age = Feature("age", "continuous", integer=True, low=20, high=40, unit="years", missing=-1)
    >>> x = np.full((80, 1), 30.0)
    >>> x[1] = -1
    >>> whole = Dataset(x, np.arange(80) % 2, ("no", "yes"), features=(age,))
    >>> [1 in drawn_parts(OwnRows("people.csv", "9f86d081", seed=seed), whole)[0] for seed in range(4)]
    [True, True, True, True]
    """
    train, test = split_rows(whole, rows.test_share, seed=rows.seed)
    for shown in _shown_by(whole):
        if not shown[train].any() and shown[test].any():
            row = test[shown[test]][:1]
            train, test = np.union1d(train, row), np.setdiff1d(test, row)
    require_classes(whole.take(train), whole.take(test))
    return train, test


def read_parts(rows: OwnRows, whole: Dataset) -> tuple[Dataset, Dataset]:
    """Both parts of the file, each read by itself, as an audit reads the files of them that the run writes.

    So ranges are those of the training rows, and so is the number that means a missing value.
    """
    positions = drawn_parts(rows, whole)
    if not rows.is_table:
        train, test = (whole.take(part) for part in positions)
        return train, test
    assert rows.path is not None
    assert rows.label is not None
    frame = read_table(rows.path, keep_na=rows.keep_na)
    frames = [frame.iloc[part] for part in positions]
    read = partial(
        load_frame,
        label=rows.label,
        groups=rows.groups,
        features=[one.name for one in whole.features],
        class_names=whole.class_names,
        missing=rows.missing,
        name=whole.name,
    )
    known = read(frames[0], categories={one.name: one.categories for one in whole.features if one.categories})
    return known, read(frames[1], like=known)


def _shown_by(whole: Dataset) -> Iterator[np.ndarray]:
    """Of each column with missing values, by row, whether it has none there, a value, and a fraction."""
    for place, one in enumerate(whole.features):
        if one.missing is not None:
            values = whole.x[:, place]
            absent = values == np.float32(one.missing)
            yield absent
            yield ~absent
            yield ~absent & (values != values.round())


def shared_rows(train: Dataset, test: Dataset) -> int:
    """How many test rows are training rows, too: alike in inputs, class and groups.

    Examples
    --------
    >>> rows = Dataset([[0.0], [1.0], [2.0]], [0, 1, 0], ("no", "yes"))
    >>> shared_rows(rows.take([0, 1]), rows.take([1, 2]))
    1
    """
    trained = set(_digests(train))
    return sum(one in trained for one in _digests(test))


def _digests(rows: Dataset) -> Iterator[bytes]:
    groups = zip(*rows.groups.values(), strict=True) if rows.groups else itertools.repeat(())
    for x, label, group in zip(rows.x, rows.y.tolist(), groups, strict=False):
        yield hashlib.sha256(x.tobytes() + repr((label, *map(str, group))).encode()).digest()
