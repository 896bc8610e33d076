"""Rows sorted into groups: the checks and sums that every statistic shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import as_array, check_same_index, index_of
from fairtoll.inputs.labels import as_labels

Floats = NDArray[np.float64]


class InsufficientDataError(FairtollError):
    """Fewer groups than needed have enough rows: a lack of data, not equality."""


@dataclass(frozen=True)
class Partition:
    """The rows of the sufficient groups, sorted by group.

    `order (M,)` picks them from the N rows; group g then fills `rows[g]` places from `starts[g]` on.
    """

    names: tuple[Any, ...]
    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    rows: NDArray[np.intp]

    def total(self, values: Floats) -> Floats:
        """Sum `values (..., M)` within groups: `(..., G)`."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=-1), dtype=np.float64)

    def spread(self, values: Floats) -> Floats:
        """Repeat `values (..., G)` over the rows of each group: `(..., M)`."""
        return np.asarray(np.repeat(values, self.rows, axis=-1), dtype=np.float64)


@dataclass(frozen=True)
class Arm:
    """One trained arm: group means per training run, and how far rows and runs move them.

    `runs (S, G)` group means; `averages (S,)` the means of all their rows; `deviations (S, M)` how far each row is
    from its group's, times its weight; `influence (M,)` their mean over runs; `run_row_variance (S, G)` the variance
    that the choice of rows gives to a group's mean in one run; `row_variance (G,)` the same for the mean over runs,
    less `interaction (G,)`, which is new in each run and so part of the variance between runs too; `floor (G,)` the
    least variance that rows can be credited with; `included_rows (G,)` the fewest that count in any run; `rates`
    whether outcomes are shares between 0 and 1, as of rows that are right.
    """

    partition: Partition
    runs: Floats
    averages: Floats
    deviations: Floats
    influence: Floats
    run_row_variance: Floats
    row_variance: Floats
    interaction: Floats
    floor: Floats
    included_rows: NDArray[np.intp]
    rates: bool

    @property
    def pseudo(self) -> Floats:
        """What each row adds to its group's mean, `(S, M)`: their mean within a group is `runs`."""
        return np.asarray(self.deviations + self.partition.spread(self.runs), dtype=np.float64)

    @property
    def means(self) -> Floats:
        """Group means, averaged over training runs: `(G,)`."""
        return np.asarray(self.runs.mean(axis=0), dtype=np.float64)

    @property
    def plain(self) -> float:
        """Mean over training runs of that run's largest minus smallest group mean."""
        return float(np.ptp(self.runs, axis=1).mean())


def check_outcomes(outcomes: ArrayLike, *, name: str) -> Floats:
    """Return `outcomes (S, N)` as float64; a single run may be given as `(N,)`."""
    given = as_array(outcomes, name=name)
    try:
        array = given.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise FairtollError(
            f"{name} holds something other than numbers ({error}); "
            "expected numbers of shape (runs, rows); give one for each training run and row"
        ) from None
    if array.ndim == 1:
        array = array[np.newaxis]
    if array.ndim != 2 or array.size == 0:
        raise FairtollError(
            f"{name} has shape {array.shape}; expected (runs, rows) with at least one of each; "
            "give one line for each training run"
        )
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise FairtollError(
            f"{name} holds {count} values that are NaN or infinite; expected finite numbers; "
            "leave such rows out with `included`, and put a finite number there"
        )
    return array


def check_included(included: ArrayLike | None, *, like: Floats, name: str) -> NDArray[np.bool_] | None:
    """Return the mask `(S, N)` of rows that count, or None when all do."""
    if included is None:
        return None
    mask = as_array(included, name=name)
    if mask.dtype != np.bool_:
        raise FairtollError(f"{name} is of type {mask.dtype}; expected booleans; compare to make a mask")
    if mask.ndim == 1:
        mask = mask[np.newaxis]
    if mask.shape != like.shape:
        raise FairtollError(
            f"{name} has shape {mask.shape}; expected {like.shape}, as the outcomes; give one flag an outcome"
        )
    return None if mask.all() else mask


def check_confidence(confidence: float) -> float:
    """Return a confidence strictly between 0 and 1."""
    if not 0.0 < confidence < 1.0:
        raise FairtollError(f"confidence is {confidence}; expected a number between 0 and 1; give 0.95 for 95 percent")
    return float(confidence)


def check_count(count: int, *, name: str, least: int) -> int:
    """Return a whole number of at least `least`."""
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < least:
        raise FairtollError(f"{name} is {count!r}; expected a whole number; give {least} or more")
    return int(count)


def read_arms(
    groups: ArrayLike,
    arms: tuple[tuple[str, ArrayLike, ArrayLike | None], ...],
    *,
    minimum_rows: int,
    fewest_groups: int = 2,
    rates: bool | None = None,
    weights: ArrayLike | None = None,
) -> tuple[Arm, ...]:
    """Check the arms `(name, outcomes, included)` and keep the groups with enough rows in every one.

    Without `rates` outcomes are rates if each of an arm is 0 or 1. With `weights`, one a row, means are weighted.
    """
    minimum_rows = check_count(minimum_rows, name="minimum_rows", least=2)
    _check_same_rows(groups, arms)
    labels = as_labels(groups, name="groups", remedy="give one group per row")
    outcomes = [check_outcomes(values, name=name) for name, values, _ in arms]
    masks = [
        check_included(mask, like=values, name=f"included of {name}")
        for (name, _, mask), values in zip(arms, outcomes, strict=True)
    ]
    for (name, _, _), values in zip(arms, outcomes, strict=True):
        if len(labels.codes) != values.shape[1]:
            raise FairtollError(
                f"{name} has {values.shape[1]} rows and groups has {len(labels.codes)}; "
                "expected one group a row; give the same rows to both"
            )
    names, codes = labels.names, labels.codes
    counts = np.bincount(codes, minlength=len(names))
    for mask in masks:
        if mask is not None:
            for run in mask:
                counts = np.minimum(counts, np.bincount(codes[run], minlength=len(names)))
    kept = np.flatnonzero(counts >= minimum_rows)
    if len(kept) < fewest_groups:
        raise InsufficientDataError(
            f"{len(kept)} groups of {len(names)} have {minimum_rows} rows or more in every run; expected at "
            f"least {fewest_groups}; pool groups, lower `minimum_rows`, or report 'insufficient data'"
        )
    # Of small numbers numpy sorts by digits, ten times as fast.
    order = np.argsort(codes.astype(np.uint16) if len(names) < 2**16 else codes, kind="stable")
    order = order[np.isin(codes[order], kept)]
    rows = np.bincount(codes, minlength=len(names))[kept]
    partition = Partition(
        names=tuple(names[code] for code in kept),
        order=order,
        starts=np.concatenate([[0], np.cumsum(rows)[:-1]]).astype(np.intp),
        rows=rows,
    )
    if rates:
        for (name, _, _), values in zip(arms, outcomes, strict=True):
            if values.min() < 0 or values.max() > 1:
                raise FairtollError(
                    f"{name} runs from {values.min():g} to {values.max():g}; expected rates, from 0 to 1; "
                    "give rates=False for other numbers"
                )
    counted = None if weights is None else _check_weights(weights, rows=len(labels.codes))
    return tuple(
        _summarise(partition, values, mask, rates, counted) for values, mask in zip(outcomes, masks, strict=True)
    )


def _check_weights(weights: ArrayLike, *, rows: int) -> Floats:
    found = check_outcomes(weights, name="weights")
    if found.shape != (1, rows) or found.min() <= 0:
        raise FairtollError(
            f"weights has shape {found.shape[1:]} and a smallest value of {found.min():g}; expected a positive number "
            f"for each of {rows} rows; leave rows out with `included`"
        )
    return np.asarray(found[0], dtype=np.float64)


def _check_same_rows(groups: ArrayLike, arms: tuple[tuple[str, ArrayLike, ArrayLike | None], ...]) -> None:
    """Rows are the index of `groups` and of one run, and the columns of several runs."""
    indexes = [("groups", index_of(groups))]
    for name, outcomes, included in arms:
        for what, values in ((name, outcomes), (f"included of {name}", included)):
            indexes.append((what, index_of(values, axis=getattr(values, "ndim", 1) - 1)))
    check_same_index(indexes)


def _summarise(
    partition: Partition,
    outcomes: Floats,
    mask: NDArray[np.bool_] | None,
    rates: bool | None,
    counted: Floats | None,
) -> Arm:
    values = outcomes[:, partition.order]
    rows = partition.rows.astype(np.float64)
    included = total = np.broadcast_to(rows, (len(values), len(rows)))
    if mask is None and counted is None:
        runs = partition.total(values) / rows
        deviations = values - partition.spread(runs)
    else:
        # A ratio of sums: the row's influence on it is weight * (outcome - ratio) / mean weight.
        given = np.ones(outcomes.shape) if mask is None else mask.astype(np.float64)
        weights = (given if counted is None else given * counted)[:, partition.order]
        total = partition.total(weights)
        runs = partition.total(values * weights) / total
        deviations = weights * (values - partition.spread(runs)) * partition.spread(rows / total)
        # As many rows as would say as much if all had one weight (Kish, 1965): the rows that count, without weights.
        included = total**2 / partition.total(weights**2)
    influence = deviations.mean(axis=0)
    row_variance = partition.total(influence**2) / (rows * (rows - 1))
    run_row_variance = partition.total(deviations**2) / (rows * (rows - 1))
    interaction = np.zeros_like(row_variance)
    if len(values) > 1:
        interaction = partition.total(((deviations - influence) ** 2).sum(axis=0))
        interaction /= (rows - 1) * (len(values) - 1) * rows * len(values)
        interaction = np.minimum(interaction, row_variance)
        row_variance = row_variance - interaction
    smallest = included.min(axis=0)
    if rates is None:
        rates = bool(((values == 0.0) | (values == 1.0)).all())
    # Rates of exactly 0 or 1 are not known without error: Laplace's rule gives about (1 / n) ** 2.
    floor = (smallest + 1) / ((smallest + 2) ** 2 * smallest) if rates else np.zeros_like(row_variance)
    return Arm(
        partition=partition,
        runs=runs,
        averages=np.asarray((runs * total).sum(axis=1) / total.sum(axis=1), dtype=np.float64),
        deviations=deviations,
        influence=influence,
        run_row_variance=np.maximum(run_row_variance, floor),
        row_variance=np.maximum(row_variance, floor),
        interaction=interaction,
        floor=floor,
        included_rows=smallest.astype(np.intp),
        rates=rates,
    )
