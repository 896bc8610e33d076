"""Groups of test rows that are too small for a gap: which they are, and how that is said."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.inputs.names import AND

#: Rows of a group that a gap needs, as every metric counts them by default.
LEAST = 10
#: Of more groups of a partition, so many are named.
NAMED = 6
WITHIN = " within class "
TEST, ATTACKED = "test rows", "attacked rows"
ONE_LARGE = (
    "attribute '{name}' has {count} of {least} or more test rows ({groups}); expected two or more such groups; leave "
    "--group {name} out, merge its groups, or give more test rows"
)
FEW_ATTACKED = (
    "--rows is {given}, of which {rows} are of class '{name}'; expected {least} or more attacked rows of each class; "
    "give --rows {needed} or more"
)


def joined_attributes(test: Dataset) -> list[str]:
    """Two attributes together, where two or more combinations of them have enough test rows.

    Examples
    --------
    >>> rows = Dataset([[0.0]] * 40, [0, 1] * 20, ("no", "yes"), {"sex": [*"ffmm"] * 10, "site": [*"aaab"] * 10})
    >>> joined_attributes(rows)
    ['sex & site']
    """
    pairs = [AND.join(pair) for pair in itertools.combinations(test.groups, 2)]
    return [pair for pair in pairs if sum(rows >= LEAST for rows in _sizes(test, pair).values()) >= 2]


def require_large_groups(attribute: str, test: Dataset) -> None:
    """Raise where fewer than two groups of an attribute have enough test rows for a gap.

    Examples
    --------
    >>> require_large_groups("sex", Dataset([[0.0]] * 20, [0, 1] * 10, ("no", "yes"), {"sex": [*"fm"] * 10}))
    """
    sizes = _sizes(test, attribute)
    large = sum(rows >= LEAST for rows in sizes.values())
    if large < 2:
        count = "one group" if large else "no group"
        raise FairtollError(
            ONE_LARGE.format(name=attribute, count=count, least=LEAST, groups=_listed(sizes, limit=NAMED))
        )


def small_groups(train: Dataset, test: Dataset, partitions: Sequence[str]) -> dict[str, dict[str, int]]:
    """By partition, the groups that are left out of its gaps, each with its number of test rows.

    Also those of an attribute within a class, where confidence and errors are compared.

    Parameters
    ----------
    train, test : Dataset
        A group of training rows alone has 0 test rows.
    partitions : sequence of str
        Whose gaps are measured, "class" among them or not.

    Examples
    --------
    >>> rows = Dataset([[0.0]] * 42, [0, 1] * 21, ("no", "yes"), {"sex": [*"ffmm"] * 10 + ["x", "x"]})
    >>> small_groups(rows, rows, ["class", "sex"])
    {'sex': {'x': 2}}
    """
    found: dict[str, dict[str, int]] = {}
    for partition in partitions:
        if partition == "class":
            continue
        found[partition] = _small(_sizes(train, partition), _sizes(test, partition))
        if partition not in test.groups:
            continue
        for label, name in enumerate(test.class_names):
            own = [rows.take(np.flatnonzero(rows.y == label)) for rows in (train, test)]
            within = _small(*(_sizes(rows, partition) for rows in own))
            # A group that is too small as a whole is named once.
            found[f"{partition}{WITHIN}{name}"] = {
                group: rows for group, rows in within.items() if group not in found[partition]
            }
    return {partition: groups for partition, groups in found.items() if groups}


def small_under_attack(
    train: Dataset, attacked: Dataset, partitions: Sequence[str], *, small: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """By partition, the groups that are left out of its gaps under attack alone, with their number of attacked rows.

    Parameters
    ----------
    train, attacked : Dataset
    partitions : sequence of str
    small : mapping
        The groups that are left out of every gap.

    Examples
    --------
    >>> rows = Dataset([[0.0]] * 40, [0, 1] * 20, ("no", "yes"), {"sex": [*"ffmm"] * 10})
    >>> small_under_attack(rows, rows.take(range(18)), ["class", "sex"], small={})
    {'sex': {'m': 8}}
    """
    found = {
        partition: _small(_sizes(train, partition), _sizes(attacked, partition))
        for partition in partitions
        if partition != "class"
    }
    new = {
        partition: {group: rows for group, rows in groups.items() if group not in small.get(partition, {})}
        for partition, groups in found.items()
    }
    return {partition: groups for partition, groups in new.items() if groups}


def require_attacked(attacked: Dataset, *, given: int) -> None:
    """Raise where a class has too few attacked rows for a gap.

    Parameters
    ----------
    attacked : Dataset
        The rows that are attacked.
    given : int
        How many were asked for.

    Examples
    --------
    >>> require_attacked(Dataset([[0.0]] * 20, [0, 1] * 10, ("no", "yes")), given=20)
    """
    classes = attacked.class_names
    for name, rows in zip(classes, np.bincount(attacked.y, minlength=len(classes)).tolist(), strict=True):
        if rows < LEAST:
            needed = LEAST * len(classes)
            raise FairtollError(FEW_ATTACKED.format(given=given, rows=rows, name=name, least=LEAST, needed=needed))


def attacked_note(attacked: Mapping[str, int], test_rows: int) -> str:
    """How many of the test rows are attacked, class by class; nothing where all are.

    Examples
    --------
    >>> attacked_note({"no": 500, "yes": 72}, 1072)
    'Attacked are 572 of the 1072 test rows, by class: no (500), yes (72); accuracy under attack is of these rows.'
    """
    count = sum(attacked.values())
    if count in (0, test_rows):
        return ""
    by_class = _listed(attacked, limit=NAMED)
    return (
        f"Attacked are {count} of the {test_rows} test rows, by class: {by_class}; accuracy under attack is of these "
        "rows."
    )


def small_note(small: Mapping[str, Mapping[str, int]], rows: str = TEST) -> str:
    """What is left out of gaps, in one sentence; nothing where no group is.

    Parameters
    ----------
    small : mapping of str to mapping of str to int
        As `small_groups` returns them.
    rows : str
        What is counted: test rows, or those that are attacked, for gaps under attack.

    Examples
    --------
    >>> small_note({"sex": {"x": 2}, "sex & site": {"x & a": 1, "x & b": 1}})
    'Left out of gaps, with fewer than 10 test rows: by sex, x (2); by sex & site, x & a (1), x & b (1).'
    """
    if not small:
        return ""
    said = "; ".join(f"by {partition}, {_listed(groups, limit=NAMED)}" for partition, groups in small.items())
    return f"Left out of gaps{' under attack' if rows == ATTACKED else ''}, with fewer than {LEAST} {rows}: {said}."


def _small(train: Mapping[str, int], test: Mapping[str, int]) -> dict[str, int]:
    return {group: rows for group in sorted({*train, *test}) if (rows := test.get(group, 0)) < LEAST}


def _sizes(rows: Dataset, partition: str) -> dict[str, int]:
    """The number of rows of each group."""
    if not len(rows):
        return {}
    names, codes = rows.partition(partition)
    return dict(zip(names, np.bincount(codes, minlength=len(names)).tolist(), strict=True))


def _listed(sizes: Mapping[str, int], *, limit: int) -> str:
    shown = [f"{group} ({rows})" for group, rows in sizes.items()]
    rest = len(shown) - limit
    return ", ".join(shown) if rest <= 1 else f"{', '.join(shown[:limit])} and {rest} more"
