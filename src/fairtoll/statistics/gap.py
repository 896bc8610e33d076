"""The plain gap: the largest group mean minus the smallest."""

from __future__ import annotations

from numpy.typing import ArrayLike

from fairtoll.statistics._groups import read_arms


def gap(
    outcomes: ArrayLike,
    groups: ArrayLike,
    *,
    included: ArrayLike | None = None,
    minimum_rows: int = 10,
) -> float:
    """Mean over training runs of that run's largest minus smallest group mean.

    With outcomes 1 for a correct row and groups the classes this is the paper's class accuracy unfairness
    (CAU), averaged over runs. It is positive by chance even where all groups are equal: see `null_gap`.

    Parameters
    ----------
    outcomes
        `(S, N)` one number for each training run and row, or `(N,)` for one run.
    groups
        `(N,)` the group of each row.
    included
        `(S, N)` booleans: which rows count in which run. All, when not given.
    minimum_rows
        Groups with fewer rows in any run are left out.

    Returns
    -------
    float
        The gap, in the unit of the outcomes.

    Raises
    ------
    FairtollError
        For malformed input, or when fewer than two groups have enough rows.

    Examples
    --------
    >>> gap([[1, 1, 1, 0], [1, 0, 0, 0]], ["a", "a", "b", "b"], minimum_rows=2)
    0.5
    """
    (arm,) = read_arms(groups, (("outcomes", outcomes, included),), minimum_rows=minimum_rows)
    return arm.plain
