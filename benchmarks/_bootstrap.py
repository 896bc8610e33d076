"""Resampled group means, drawn without touching rows where it can be."""

import numpy as np
from numpy.typing import NDArray


def bootstrap_by_group(
    outcomes: NDArray[np.float64],
    groups: NDArray[np.generic],
    *,
    resamples: int,
    generator: np.random.Generator,
    within_groups: bool = True,
) -> NDArray[np.float64]:
    """Means of `outcomes` (N,) in each of G groups, over bootstrap resamples of the rows, (resamples, G).

    Drawing n rows with replacement gives each distinct outcome a multinomial count, so counts are
    drawn in place of rows: for outcomes 0 and 1 a group's resampled mean is Binomial(n, p) / n, at
    a cost that does not grow with the rows. Real outcomes, nearly all distinct, are drawn row by row.
    The plain code, of the same distribution:

        for b in range(resamples):
            drawn = generator.integers(N, size=N)     # or the same within each group
            for g in range(G):
                means[b, g] = outcomes[drawn][groups[drawn] == g].mean()

    `within_groups`: each group keeps its number of rows (a stratified bootstrap). Otherwise all rows are
    resampled together and group sizes vary, as fairlearn does; a group that drew no row is NaN.
    """
    numbers = np.asarray(outcomes, dtype=np.float64)
    _, codes = np.unique(groups, return_inverse=True)
    rows = np.bincount(codes)
    if within_groups:
        sizes = np.broadcast_to(rows, (resamples, len(rows)))
    else:
        sizes = generator.multinomial(len(numbers), rows / len(numbers), size=resamples)
    # One stable sort lays each group's outcomes side by side.
    ordered = numbers[np.argsort(codes, kind="stable")]
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
