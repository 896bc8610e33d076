"""A table or images of one's own as the rows of an experiment: a value that loads them, the same in every process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from fairtoll.data import Dataset, TrainTest, load_frame
from fairtoll.data.images import ARRAYS, load_images
from fairtoll.data.split import require_classes, split_rows
from fairtoll.data.table_file import read_table
from fairtoll.errors import FairtollError
from fairtoll.experiments.describe import UNDESCRIBED
from fairtoll.experiments.own.small_groups import small_note
from fairtoll.inputs.features import Feature
from fairtoll.models.encode import Coded, Encode
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
    features : tuple of str
        Columns that networks read, in order; none of images.
    left_out : mapping of str to str
        Columns that are no inputs, and why.
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
    features: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
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
        """The same, one subject each: where rows come from, which columns are no inputs, which groups are too small."""
        if self.test is None:
            share = f"a share of {self.test_share:.3g} are test rows"
            said = f"Rows of {self.table}: {share}, drawn in proportion from each class and group (seed {self.seed})."
        else:
            said = f"Training rows from {self.table}, test rows from {self.test}."
        left = "; ".join(f"{name}, since {why}" for name, why in self.left_out.items())
        return tuple(
            filter(
                None,
                (said, f"No input: {left}; --also-feature COLUMN keeps one." if left else "", small_note(self.small)),
            )
        )

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


def drawn_parts(rows: OwnRows, whole: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Positions of training and of test rows where the run draws them; a row that alone shows what a column holds
    (a missing value, a value, a fraction) is a training row, since what is read later is read as those are.

    Examples
    --------
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

    So ranges are those of the training rows, and so is what stands for a missing value.
    """
    positions = drawn_parts(rows, whole)
    if not rows.is_table:
        train, test = (whole.take(part) for part in positions)
        return train, test
    assert rows.path is not None and rows.label is not None
    frame = read_table(rows.path, keep_na=rows.keep_na)
    train, test = (frame.iloc[part] for part in positions)
    read = partial(
        load_frame,
        label=rows.label,
        groups=rows.groups,
        features=[one.name for one in whole.features],
        class_names=whole.class_names,
        missing=rows.missing,
        name=whole.name,
    )
    known = read(train, categories={one.name: one.categories for one in whole.features if one.categories})
    return known, read(test, like=known)


def _shown_by(whole: Dataset) -> Iterator[np.ndarray]:
    """Of each column with missing values, by row, whether it has none there, a value, and a fraction."""
    for place, one in enumerate(whole.features):
        if one.missing is not None:
            values = whole.x[:, place]
            absent = values == np.float32(one.missing)
            yield absent
            yield ~absent
            yield ~absent & (values != values.round())


def encoder(train: Dataset) -> Encode:
    """The layer from coded rows to those that networks read; missing numbers become the mean of the training rows.

    Examples
    --------
    >>> age = Feature("age", "continuous", integer=True, low=20, high=40, unit="years")
    >>> job = Feature("job", "categorical", True, 0, 1, "code", categories=("a", "b"))
    >>> rows = Dataset([[20, 0], [40, 1]], [0, 1], ("no", "yes"), features=(age, job))
    >>> encoder(rows)(torch.tensor([[30.0, 1.0]])).tolist()
    [[30.0, 0.0, 1.0]]
    """
    return Encode([_coded(feature, train.x[:, place]) for place, feature in enumerate(train.features)])


def encoded(rows: Dataset, layer: Encode) -> Dataset:
    """The same rows through that layer, with a feature for each of its columns.

    Examples
    --------
    >>> job = Feature("job", "categorical", True, 0, 1, "code", categories=("a", "b"))
    >>> rows = Dataset([[0], [1]], [0, 1], ("no", "yes"), features=(job,))
    >>> [feature.name for feature in encoded(rows, encoder(rows)).features]
    ['job=a', 'job=b']
    """
    x = layer(torch.from_numpy(rows.x)).numpy()
    features = [one for feature in rows.features for one in _columns(feature)]
    return replace(rows, x=x, features=tuple(features))


def indicators_of_missing(features: Sequence[Feature]) -> dict[int, int]:
    """Of encoded rows, the position of each number with missing values, and of the column that says where they are.

    Examples
    --------
    >>> age = Feature("age", "continuous", integer=True, low=20, high=40, unit="years", missing=-1)
    >>> rows = Dataset([[20], [-1]], [0, 1], ("no", "yes"), features=(age,))
    >>> indicators_of_missing(encoded(rows, encoder(rows)).features)
    {0: 1}
    """
    return {
        place: place + 1
        for place, (one, following) in enumerate(itertools.pairwise(features))
        if one.kind == "continuous" and following == _indicator(_says_missing(one))
    }


def _says_missing(feature: Feature) -> str:
    return f"{feature.name} is missing"


def _coded(feature: Feature, values: np.ndarray) -> Coded:
    if feature.kind == "categorical":
        return Coded(codes=len(feature.categories) + (feature.missing is not None))
    if feature.missing is None:
        return Coded()
    there = values[values != np.float32(feature.missing)]
    return Coded(missing=feature.missing, filled=float(np.float32(there.mean(dtype=np.float64))) if len(there) else 0.0)


def _columns(feature: Feature) -> list[Feature]:
    """The features of what `Encode` makes of one."""
    if feature.kind == "categorical":
        values = [*feature.categories, *(["missing"] if feature.missing is not None else [])]
        return [_indicator(f"{feature.name}={value}") for value in values]
    number = replace(feature, missing=None)
    return [number] if feature.missing is None else [number, _indicator(_says_missing(feature))]


def _indicator(name: str) -> Feature:
    return Feature(name, "categorical", True, 0.0, 1.0, "0 or 1", ("no", "yes"))
