"""What arms, classes and attributes may be called, and how rows are partitioned by attributes.

A name is text; a number is read as its text, as labels are. In a table of rows "row" and "label" are columns of their
own and "class" is the partition into classes, so no attribute has these names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import check_length
from fairtoll.inputs.labels import as_label, as_labels, is_missing, name_of, require_apart

RESERVED = ("class", "row", "label")
#: Between the attributes of an intersection, and between the values of its groups.
AND = " & "
NO_NAME = "{what} is called {given}; expected a name, as text or a whole number; give it one"
NO_LIST = "the names of {what} are given as {given}; expected a list of names, in order; write [...]"
DOUBLED = "{what} is named {given} more than once; expected each name once; rename or drop one"
RESERVED_NAME = (
    "an attribute is called '{given}', which has another meaning in the tables of rows; "
    "expected another name than {reserved}; rename the column, such as to '{given}_'"
)
UNKNOWN_PARTITION = "unknown attribute '{part}'; expected one of: {known}; name one, or several joined by '{AND}'"
TWO_READINGS = (
    "the partition '{partition}' can be read as {readings}; expected one reading; rename the attributes that "
    "contain '{AND}'"
)
SAME_CELLS = (
    "two different intersections are both called {given}; expected one name for each; "
    "rename the values that contain ' & '"
)


def as_names(given: Any, *, what: str) -> tuple[str, ...]:
    """The names of arms, classes or attributes, in a list or another ordered collection, as text.

    Raises
    ------
    FairtollError
        For what is no list, a name that is missing, empty or neither text nor a whole number, and two of one text.

    Examples
    --------
    >>> as_names([0, "b"], what="a class")
    ('0', 'b')
    """
    if isinstance(given, str | bytes | Mapping | Set) or not isinstance(given, Iterable):
        raise FairtollError(NO_LIST.format(what=what, given=repr(given)))
    names = [as_label(one) for one in given]
    for one in names:
        if is_missing(one) or not isinstance(one, str | int) or not name_of(one).strip():
            raise FairtollError(NO_NAME.format(what=what, given=repr(one)))
    require_apart(names, name=f"{what}'s name")
    texts = tuple(map(name_of, names))
    doubled = [text for text in dict.fromkeys(texts) if texts.count(text) > 1]
    if doubled:
        raise FairtollError(DOUBLED.format(what=what, given=", ".join(map(repr, doubled))))
    return texts


def as_attribute_names(given: Any) -> tuple[str, ...]:
    """As `as_names`, of protected attributes: none of `RESERVED` among them.

    Examples
    --------
    >>> as_attribute_names(["sex", "age"])
    ('sex', 'age')
    """
    names = as_names(given, what="an attribute")
    for name in names:
        if name in RESERVED:
            raise FairtollError(RESERVED_NAME.format(given=name, reserved=", ".join(RESERVED)))
    return names


def parts_of(partition: str, *, known: Sequence[str]) -> tuple[str, ...]:
    """The attributes of a partition: itself if it is an attribute, else those joined in its name.

    Raises
    ------
    FairtollError
        For an unknown or doubled attribute, or a name that can be read in two ways.

    Examples
    --------
    >>> parts_of("sex & age", known=["class", "sex", "age"])
    ('sex', 'age')
    >>> parts_of("sex & age", known=["class", "sex", "age", "sex & age"])
    ('sex & age',)
    """
    if not isinstance(partition, str):
        raise FairtollError(NO_NAME.format(what="a partition", given=repr(partition)))
    if partition in known:
        return (partition,)
    pieces = partition.split(AND)
    readings = list(_readings(pieces, set(known)))
    if not readings:
        part = next((piece for piece in pieces if piece not in known), partition)
        raise FairtollError(UNKNOWN_PARTITION.format(part=part, known=", ".join(known), AND=AND))
    if len(readings) > 1:
        texts = " or as ".join(" with ".join(map(repr, reading)) for reading in readings)
        raise FairtollError(TWO_READINGS.format(partition=partition, readings=texts, AND=AND))
    return as_names(readings[0], what=f"in the partition '{partition}' an attribute")


def partition_rows(
    partition: str, *, known: Sequence[str], column: Callable[[str], NDArray[np.str_]]
) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """The groups of a partition, sorted, and the position among them of each row's, (N,).

    Parameters
    ----------
    partition : str
        As in `parts_of`.
    known : sequence of str
        The attributes, and "class".
    column : callable
        The name of each row's group under one of them, (N,).

    Examples
    --------
    >>> columns = {"sex": np.array(["f", "m", "f"]), "age": np.array(["old", "old", "young"])}
    >>> partition_rows("sex & age", known=list(columns), column=columns.__getitem__)
    (('f & old', 'f & young', 'm & old'), array([0, 2, 1]))
    """
    columns = [column(part) for part in parts_of(partition, known=known)]
    groups = as_labels(columns[0] if len(columns) == 1 else join_cells(columns), name=partition)
    return groups.texts, groups.codes


def join_cells(columns: Sequence[Any]) -> NDArray[np.object_]:
    """Name the cell of a cross-partition that each row is in, (N,) of text.

    Parameters
    ----------
    columns : sequence of array-like
        One or more partitions of the same rows, each (N,).

    Raises
    ------
    FairtollError
        If lengths differ, or two cells get the same name.

    Examples
    --------
    >>> join_cells([["f", "m"], [0, 1]]).tolist()
    ['f & 0', 'm & 1']
    """
    names: list[tuple[str, ...]] = [()]
    codes: NDArray[np.intp] | None = None
    for place, column in enumerate(columns):
        labels = as_labels(column, name=f"column {place}")
        codes = np.zeros(len(labels.codes), dtype=np.intp) if codes is None else codes
        check_length(labels.codes, name=f"column {place}", like=codes, reference="column 0")
        # Only cells that occur are kept, so many columns cannot overflow the code.
        cells = as_labels(codes * len(labels.names) + labels.codes, name="cells")
        split = [divmod(cell, len(labels.names)) for cell in cells.names]
        names = [(*names[before], labels.texts[last]) for before, last in split]
        codes = cells.codes
    assert codes is not None
    texts = [AND.join(parts) for parts in names]
    if len(set(texts)) < len(texts):
        first = next(text for text in texts if texts.count(text) > 1)
        raise FairtollError(SAME_CELLS.format(given=repr(first)))
    return np.array(texts, dtype=np.object_)[codes]


def _readings(pieces: Sequence[str], known: set[str]) -> Iterable[tuple[str, ...]]:
    """Every way to join neighbouring pieces into known names."""
    if not pieces:
        yield ()
    for end in range(1, len(pieces) + 1):
        first = AND.join(pieces[:end])
        if first in known:
            for rest in _readings(pieces[end:], known):
                yield (first, *rest)
