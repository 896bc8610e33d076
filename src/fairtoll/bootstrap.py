"""Resampled group means: the raw material of an interval, drawn without touching rows where it can be."""

import operator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.metrics._by_group import as_partition
from fairtoll.metrics._inputs import as_numbers

RESAMPLES = "resamples is {given}; expected an integer of at least 1; 1000 or more steadies a 95% quantile"


def bootstrap_by_group(
    outcomes: ArrayLike,
    groups: ArrayLike,
    *,
    resamples: int,
    generator: np.random.Generator,
    within_groups: bool = True,
) -> NDArray[np.float64]:
    """Means of `outcomes` in each group, over bootstrap resamples of the rows.

    Drawing n rows with replacement gives each distinct outcome a multinomial count, so counts are
    drawn in place of rows: for outcomes 0 and 1 a group's resampled mean is Binomial(n, p) / n, at
    a cost that does not grow with the rows. Real outcomes, nearly all distinct, are drawn row by row.
    The plain code, of the same distribution:

        for b in range(resamples):
            drawn = generator.integers(N, size=N)     # or the same within each group
            for g in range(G):
                means[b, g] = outcomes[drawn][groups[drawn] == g].mean()

    A gap's resamples are `means.max(axis=1) - means.min(axis=1)`. They sit above the gap itself: a
    percentile interval of a gap never holds zero.

    Parameters
    ----------
    outcomes : array-like
        One finite number per row, (N,), such as 1 for a correct prediction and 0 for a wrong one.
    groups : array-like
        The group of each row, (N,).
    resamples : int
        Number of resamples B.
    generator : numpy.random.Generator
        Source of chance; the same state gives the same result.
    within_groups : bool
        True: each group keeps its number of rows (a stratified bootstrap). False: all rows are
        resampled together and group sizes vary, as fairlearn does; a group that drew no row is NaN.

    Returns
    -------
    numpy.ndarray
        Resampled means, (B, G), groups in sorted order as in `fairtoll.metrics.group_means`.

    Raises
    ------
    FairtollError
        If lengths differ, numbers are not finite, a group is missing or resamples is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtoll.bootstrap import bootstrap_by_group
    >>> means = bootstrap_by_group(
    ...     [1, 0, 1, 1], ["a", "a", "b", "b"], resamples=1000, generator=np.random.default_rng(0)
    ... )
    >>> means.shape, means[:, 1].std()
    ((1000, 2), np.float64(0.0))
    """
    numbers = as_numbers(outcomes, name="outcomes")
    partition = as_partition(groups, name="groups", like=numbers, reference="outcomes")
    count = _resamples(resamples)
    rows = np.bincount(partition.codes)
    if within_groups:
        sizes = np.broadcast_to(rows, (count, len(rows)))
    else:
        sizes = generator.multinomial(len(numbers), rows / len(numbers), size=count)
    # One stable sort lays each group's outcomes side by side.
    ordered = numbers[np.argsort(partition.codes, kind="stable")]
    members = np.split(ordered, np.cumsum(rows)[:-1])
    columns = [_means_of_draws(values, sizes[:, group], generator=generator) for group, values in enumerate(members)]
    return np.stack(columns, axis=1)


def _means_of_draws(
    values: NDArray[np.float64], sizes: NDArray[np.int64], *, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Mean of `sizes[b]` draws with replacement from `values`, for each b, (B,)."""
    distinct, counts = np.unique(values, return_counts=True)
    # Drawing a count costs about ten times as much as drawing a row.
    if len(distinct) <= max(64, len(values) // 10):
        drawn = generator.multinomial(sizes, counts / len(values))
        totals = drawn @ distinct
    else:
        totals = np.array([values[generator.integers(len(values), size=size)].sum() for size in sizes])
    means: NDArray[np.float64] = np.divide(totals, sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)
    return means


def _resamples(resamples: int) -> int:
    try:
        count = operator.index(resamples)
    except TypeError:
        count = 0
    if count < 1:
        raise FairtollError(RESAMPLES.format(given=resamples))
    return count
