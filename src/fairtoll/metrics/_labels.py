"""Labels of any kind (classes, groups) as small integers, a million rows in a fraction of a second."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.metrics import _messages as messages
from fairtoll.metrics._inputs import as_column

# Above this spread of integer labels a count per possible value costs more than a sort.
_DENSE = 1 << 16


@dataclass(frozen=True, eq=False)
class Labels:
    """`names[codes[n]]` is the label of row n; names are sorted Python scalars, each with a row."""

    names: tuple[Any, ...]
    codes: NDArray[np.intp]

    def where(self, name: Any) -> NDArray[np.bool_]:
        """Which rows have this label, (N,)."""
        if name not in self.names:
            return np.zeros(len(self.codes), dtype=np.bool_)
        return np.equal(self.codes, self.names.index(name))

    def codes_in(self, other: "Labels") -> NDArray[np.intp]:
        """Each row's label as a code of `other`, (N,); -1 for a name that `other` lacks."""
        place = {name: code for code, name in enumerate(other.names)}
        translation = np.array([place.get(name, -1) for name in self.names], dtype=np.intp)
        return translation[self.codes]


def as_labels(values: ArrayLike, *, name: str, remedy: str = "give one label per row") -> Labels:
    """Encode `values`, (N,) of text, integers, booleans or any hashable, refusing missing ones."""
    array = as_column(values, name=name, remedy=remedy)
    kind = array.dtype.kind
    if kind == "U" and isinstance(values, list | tuple):
        # Beside text numpy would turn NaN into 'nan' and 1 into '1'.
        return _from_objects(list(values), name=name)
    if kind == "b":
        return _from_integers(array.astype(np.intp), bool)
    if kind in "iu":
        low, high = int(array.min()), int(array.max())
        if high - low < _DENSE and high <= np.iinfo(np.intp).max:
            return _from_integers(array.astype(np.intp, copy=False), int)
    if kind in "iuf":
        finite = np.isfinite(array)
        if not finite.all():
            raise FairtollError(messages.MISSING_LABEL.format(name=name, row=int(np.argmin(finite))))
        distinct, codes = np.unique(array, return_inverse=True)
        return Labels(tuple(distinct.tolist()), codes.astype(np.intp, copy=False))
    return _from_objects(array.tolist(), name=name)


def as_label(value: Any) -> Any:
    """Read one label as a Python scalar, from numpy's and torch's scalars too."""
    if not hasattr(value, "item"):
        return value
    try:
        return value.item()
    except (ValueError, RuntimeError):  # more than one entry: no label equals its text
        return str(value)


def check_same_kind(labels: Labels, *, name: str, like: Labels, reference: str) -> None:
    """Refuse text against numbers: they would silently never be equal."""
    given, expected = _kinds(labels), _kinds(like)
    if not given & expected:
        raise FairtollError(
            messages.LABEL_KINDS_DIFFER.format(
                name=name, given=" and ".join(given), reference=reference, expected=" and ".join(expected)
            )
        )


def _from_integers(array: NDArray[np.intp], kind: type) -> Labels:
    low = int(array.min())
    codes = array - low
    present = np.bincount(codes) > 0
    if not present.all():
        codes = (np.cumsum(present) - 1)[codes]
    return Labels(tuple(kind(low + place) for place in np.flatnonzero(present).tolist()), codes)


def _from_objects(values: list[Any], *, name: str) -> Labels:
    try:
        distinct = set(values)
    except TypeError as error:
        raise FairtollError(messages.UNREADABLE.format(name=name, cause=str(error))) from error
    if any(_is_missing(value) for value in distinct):
        row = next(row for row, value in enumerate(values) if _is_missing(value))
        raise FairtollError(messages.MISSING_LABEL.format(name=name, row=row))
    try:
        ordered = sorted(distinct)
    except TypeError:  # text beside numbers
        ordered = sorted(distinct, key=lambda value: (type(value).__name__, str(value)))
    place = {value: code for code, value in enumerate(ordered)}
    codes = np.fromiter(map(place.__getitem__, values), dtype=np.intp, count=len(values))
    return Labels(tuple(as_label(value) for value in ordered), codes)


def _is_missing(value: Any) -> bool:
    """Whether it is None, NaN, or pandas' NA and NaT, none of which equals itself; or infinite."""
    if value is None:
        return True
    try:
        return bool(value != value or value in (math.inf, -math.inf))
    except TypeError:  # pandas' NA has no truth value
        return True


def _kinds(labels: Labels) -> set[str]:
    return {"text" if isinstance(name, str | bytes) else "numbers" for name in labels.names}
