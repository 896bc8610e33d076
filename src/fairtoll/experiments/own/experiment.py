"""From a file of one's own to an experiment: what was left open is chosen, and what cannot work is refused."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from fairtoll.data import Dataset, TrainTest
from fairtoll.errors import FairtollError
from fairtoll.experiments.experiment import Experiment
from fairtoll.experiments.options import choose_device, fastest_precision
from fairtoll.experiments.own.adversary import adversary_of, said_of
from fairtoll.experiments.own.description import own_description
from fairtoll.experiments.own.encoding import encoded, encoder
from fairtoll.experiments.own.inputs import choose_inputs
from fairtoll.experiments.own.rows import OwnRows, shared_rows
from fairtoll.experiments.own.settings import OwnSettings, optimiser_settings
from fairtoll.experiments.own.small_groups import (
    LEAST,
    joined_attributes,
    require_attacked,
    require_large_groups,
    small_groups,
    small_under_attack,
)
from fairtoll.experiments.own.threats import NumbersMove, PixelsMove, choose_movable, require_movement
from fairtoll.experiments.parts import Costs, Pictures
from fairtoll.experiments.workspace import stratified
from fairtoll.storage.checksums import checksum
from fairtoll.training.networks import ConvolutionalNetwork, NamedNetwork, Network, TableNetwork

#: The usual radii: a quarter of a standard deviation, and eight steps of a byte of an image between 0 and 1.
EPSILON, PIXEL_EPSILON = 0.25, 8 / 255
#: Images that are attacked where no number is given.
ATTACKED_IMAGES = 1000

#: The share of the rows that are test rows, where no others are given.
TEST_SHARE = 0.25

NO_SPLIT = (
    "--{option} is {value:g} with test rows from {test}; expected one of them: test rows are drawn only where no file "
    "of them is given; leave --{option} or --test out"
)
BAD_EPSILON = "epsilon is {epsilon}; expected a finite number above 0; correct --epsilon"
ONE_VALUE = (
    "attribute '{name}' has one value, '{value}', in the {part} of {table}{others}; expected two or more groups; leave "
    "--group {name} out, or give more rows of other groups"
)
LABEL_GROUP = (
    "'{name}' is given as the label and with --group; expected another column, since classes are compared in any case; "
    "leave --group {name} out"
)
SAME_FILE = (
    "the test rows in {test} are the training rows in {table}, byte by byte; expected others; give another --test, or "
    "leave it out: a share of the rows is then kept for testing"
)
OF_TABLES = "{option} is given for images; expected it for a table alone; leave it out"
OWN_NETWORK = "--{option} is given with the network {network}; expected one of them; leave --{option} out"
NOT_SHAPED = (
    "the network does not take these rows of shape {shape} ({said}); expected one that returns {classes} logits for "
    "each; give another with --network PACKAGE.MODULE:FACTORY"
)
NO_PICTURES = (
    "The report shows no pictures, since the images {why}: it shows those of 1 or 3 channels with values between 0 and "
    "1, or bytes."
)
OTHER_NETWORK = "resize them, or give a network that takes them with --network PACKAGE.MODULE:FACTORY"


@dataclass(frozen=True, eq=False)
class Own:
    """A table or images of one's own as an experiment, and what to say about it.

    Attributes
    ----------
    experiment : Experiment
        Its description.
    train : Dataset
        Its training rows, with codes of categories.
    notes : tuple of str
        What was chosen for the caller: the split, inputs left out, what may move.

    Examples
    --------
    >>> Own.__match_args__
    ('experiment', 'train', 'notes')
    """

    experiment: Experiment
    train: Dataset
    notes: tuple[str, ...] = ()


def own_experiment(
    table: str | Path,
    *,
    label: str | None = None,
    groups: Sequence[str] = (),
    features: Sequence[str] | None = None,
    also_features: Sequence[str] = (),
    image: str | None = None,
    categories: Mapping[str, Sequence[str]] | None = None,
    keep_na: Sequence[str] = (),
    missing: Literal["refuse", "keep"] = "refuse",
    test: str | Path | None = None,
    test_share: float | None = None,
    seed: int | None = None,
    settings: OwnSettings = OwnSettings(),
    device: str = "cpu",
) -> Own:
    """Describe an experiment with a table or images of one's own; nothing is trained yet.

    Parameters
    ----------
    table : path
        CSV or Parquet; images as .npz, .safetensors or Parquet, see `fairtoll.data.images.load_images`.
    label, groups, features, categories, keep_na, missing
        As `fairtoll.data.load_frame` takes them, and by default all columns that can be inputs but the label and the
        groups. Categories become columns of 0 and 1; a missing number becomes the mean, with a column that says so, and
        does not move in that row.
    also_features : sequence of str
        Columns that are inputs beside those found by default: one that was left out, such as an id, or a group.
    image : str, optional
        Array or column of images.
    test : path, optional
        Test rows. Default: a share of the rows, drawn in proportion from each class and group.
    test_share, seed
        Of that split: 0.25 and 0 by default.
    settings : OwnSettings
        The adversary, the network, the optimiser, the number of runs.
    device : str
        Where it will be trained.

    Returns
    -------
    Own

    Raises
    ------
    FairtollError
        For a file or a column that is not there, rows that cannot be read or split, a split of rows that come with
        test rows, a group of one value, a radius that moves nothing, or a network that does not take these rows.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> people = pd.DataFrame({"age": [*range(20, 60)] * 5, "sex": ["f", "m"] * 100, "hired": [*"nnyy"] * 50})
    >>> path = Path(tempfile.mkdtemp()) / "people.csv"
    >>> people.to_csv(path, index=False)
    >>> own = own_experiment(path, label="hired", groups=["sex"])
    >>> own.experiment.name, own.experiment.data.load.partitions
    ('people.csv', ('class', 'sex'))
    """
    for option in ("width", "depth"):
        if settings.network is not None and getattr(settings, option) is not None:
            raise FairtollError(OWN_NETWORK.format(option=option, network=settings.network))
    if test is not None:
        for name, value in (("test-share", test_share), ("seed", seed)):
            if value is not None:
                raise FairtollError(NO_SPLIT.format(option=name, value=value, test=test))
    path, other = Path(table), None if test is None else Path(test)
    _require_radius(settings.epsilon)
    if label is not None and label in groups:
        raise FairtollError(LABEL_GROUP.format(name=label))
    for one in (path, *([] if other is None else [other])):
        if not one.is_file():
            raise FairtollError(f"{one} is not a file; expected a table in CSV or Parquet, or images; check the path")
    rows = OwnRows(
        path.name,
        checksum(path),
        label,
        tuple(dict.fromkeys(groups)),
        image=image,
        categories={column: tuple(values) for column, values in (categories or {}).items()},
        keep_na=tuple(keep_na),
        missing=missing,
        test=None if other is None else other.name,
        test_checksum=None if other is None else checksum(other),
        test_share=TEST_SHARE if test_share is None else test_share,
        seed=seed or 0,
        path=path,
        test_path=other,
    )
    if rows.test_checksum == rows.checksum:
        raise FairtollError(SAME_FILE.format(test=other, table=path))
    if rows.is_table:
        rows = replace(rows, **choose_inputs(rows, features, also_features))
    elif also_features:
        raise FairtollError(OF_TABLES.format(option="--also-feature"))
    train, test_rows = rows.coded()
    for attribute in rows.groups:
        _require_groups(attribute, train, test_rows, rows)
        require_large_groups(attribute, test_rows)
    partitions = ("class", *rows.groups, *joined_attributes(test_rows))
    rows = replace(
        rows,
        classes=train.class_names,
        partitions=partitions,
        small=small_groups(train, test_rows, partitions),
        test_rows=len(test_rows),
        shared=0 if other is None else shared_rows(train, test_rows),
    )
    if not rows.is_table and settings.attacked is None:
        settings = replace(settings, attacked=max(ATTACKED_IMAGES, LEAST * len(rows.classes)))
    rows = _with_attacked(rows, train, test_rows, settings.attacked)
    return (_of_table if rows.is_table else _of_images)(rows, train, test_rows, settings, choose_device(device))


def _with_attacked(rows: OwnRows, train: Dataset, test: Dataset, count: int | None) -> OwnRows:
    """With which of the test rows are attacked, where not all are."""
    if count is None or count >= len(test):
        return rows
    attacked = test.take(stratified(test, count))
    require_attacked(attacked, given=count)
    sizes = np.bincount(attacked.y, minlength=len(test.class_names)).tolist()
    return replace(
        rows,
        attacked=dict(zip(test.class_names, sizes, strict=True)),
        small_attacked=small_under_attack(train, attacked, rows.partitions, small=rows.small),
    )


def _of_table(rows: OwnRows, train: Dataset, test: Dataset, settings: OwnSettings, device: str) -> Own:
    epsilon = EPSILON if settings.epsilon is None else settings.epsilon
    moving = choose_movable(
        train, mutable=settings.mutable, immutable=settings.immutable, scale=settings.scale, ranges=settings.ranges
    )
    threats = NumbersMove(moving, settings.unit, dict(settings.scale), dict(settings.ranges))
    layer = encoder(train)
    data = TrainTest(encoded(train, layer), encoded(test, layer), title=rows.table, note=rows.note)
    [threat] = threats(data).values()
    require_movement(threat, data.train, epsilon)
    chosen = TableNetwork(
        **{name: value for name in ("width", "depth") if (value := getattr(settings, name)) is not None}
    )
    network = chosen if settings.network is None else NamedNetwork(settings.network)
    _require_network(network, data.train)
    experiment = own_description(
        rows,
        epsilon=epsilon,
        threats=threats,
        network=network,
        settings=optimiser_settings(settings, len(train)),
        runs=settings.runs,
        attacked=settings.attacked,
        costs=_costs(data, update=0.0013, gradient=0.00085, plain=0.0021),
    )
    return Own(experiment, train, (*rows.remarks, *said_of(adversary_of(experiment, train, data), rows.features)))


def _of_images(rows: OwnRows, train: Dataset, test: Dataset, settings: OwnSettings, device: str) -> Own:
    for option in ("mutable", "immutable", "scale", "ranges", "width", "depth"):
        if getattr(settings, option) not in (None, (), {}):
            raise FairtollError(OF_TABLES.format(option=f"--{option}".removesuffix("s")))
    low, high = _range(train)
    why = _not_shown(train, low, high)
    epsilon = PIXEL_EPSILON * (high - low) if settings.epsilon is None else settings.epsilon
    data = TrainTest(train, test, title=rows.table, note=rows.note)
    network: Network = ConvolutionalNetwork() if settings.network is None else NamedNetwork(settings.network)
    _require_network(network, train)
    optimiser = replace(optimiser_settings(settings, len(train)), precision=fastest_precision(device))
    experiment = own_description(
        rows,
        epsilon=epsilon,
        threats=PixelsMove(low, high),
        network=network,
        settings=optimiser,
        runs=settings.runs,
        attacked=None if settings.attacked is None else min(settings.attacked, len(test)),
        costs=_costs(data, update=0.92, gradient=0.75, plain=0.76),
        together=False,
        pictures=None if why else Pictures(),
    )
    moves = said_of(adversary_of(experiment, train, data), ())
    return Own(experiment, train, (*rows.remarks, *moves, *([NO_PICTURES.format(why=why)] if why else [])))


def _require_radius(epsilon: float | None) -> None:
    if epsilon is not None and not (0 < epsilon < math.inf):
        raise FairtollError(BAD_EPSILON.format(epsilon=epsilon))


def _require_groups(attribute: str, train: Dataset, test: Dataset, rows: OwnRows) -> None:
    parts = (("training rows", train, rows.table), ("test rows", test, rows.test or rows.table))
    groups = {part: part_rows.partition(attribute)[0] for part, part_rows, _ in parts}
    for part, _, table in parts:
        if len(groups[part]) < 2:
            elsewhere = sorted({*itertools.chain(*groups.values())} - {*groups[part]})
            others = f", and the others hold {', '.join(elsewhere)} too" if elsewhere else ""
            raise FairtollError(
                ONE_VALUE.format(name=attribute, value=groups[part][0], part=part, table=table, others=others)
            )


def _require_network(network: Network, rows: Dataset) -> None:
    """Run the network on two rows."""
    try:
        model = network(rows)()
    except FairtollError as error:
        if isinstance(network, NamedNetwork):
            raise
        raise FairtollError(f"{error}; {OTHER_NETWORK}") from error
    try:
        with torch.no_grad():
            logits = model.eval()(torch.from_numpy(rows.x[:2]))
        shape = tuple(logits.shape)
    except Exception as error:  # a network of a caller may raise any error
        said = " ".join(str(error).split())[:100]
        raise FairtollError(
            NOT_SHAPED.format(shape=rows.x.shape[1:], said=said, classes=len(rows.class_names))
        ) from error
    if shape != (2, len(rows.class_names)):
        raise FairtollError(
            NOT_SHAPED.format(shape=rows.x.shape[1:], said=f"of two it makes {shape}", classes=len(rows.class_names))
        )


def _costs(data: TrainTest, *, update: float, gradient: float, plain: float) -> Costs:
    """As those of Adult or of CIFAR-10: how much longer this network takes is measured before the run."""
    return Costs(
        train_rows=len(data.train),
        items=len(data.train),
        test_rows=len(data.test),
        update=update,
        gradient=gradient,
        plain=plain,
        row=data.train.x.shape[1:],
        classes=len(data.train.class_names),
    )


def _range(rows: Dataset) -> tuple[float, float]:
    low, high = float(rows.x.min()), float(rows.x.max())
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def _not_shown(rows: Dataset, low: float, high: float) -> str:
    """Why the report shows none of these images; empty where it shows some."""
    channels = rows.x.shape[1]
    if channels not in (1, 3):
        return f"have {channels} channels"
    return "" if (low, high) == (0.0, 1.0) else f"lie between {low:.3g} and {high:.3g}"
