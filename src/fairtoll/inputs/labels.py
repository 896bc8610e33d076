"""What a label is: the one rule for classes and groups, in metrics, statistics, data sets, tables and evidence.

- A label is text, a boolean, a number, or any other hashable value but bytes and tuples. None, NaN, NA, NaT and
  infinity are missing values: an error.
- Numbers are distinguished by value: `1`, `1.0` and `numpy.int8(1)` are one label. Floats so large that neighbouring
  whole numbers share one (2**53 in float64) are an error. A class is never a fraction; a group may be.
- Every label has a name, its text: `1` and `1.0` are called "1", `True` is called "True".
- Two labels of one column that are equal but have two names (`True` and `1`), or that differ but have one name
  (`1` and "1", or two spellings of "é"), cannot be distinguished: an error.
- Between two columns `True` is 1 and `False` is 0; text is never a number.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import MASKED, UNREADABLE, as_array, one_column

MISSING = (
    "{name} has missing or infinite entries, the first in row {row}; expected a label for every row; "
    "remove those rows or name them, such as 'unknown'"
)
FRACTION = (
    "{name} is {given} in row {row}; expected classes, text or whole numbers; turn scores into classes first, "
    "with a threshold or argmax"
)
NO_LABEL = "{name} is {given} in row {row}; expected text or a whole number; {remedy}"
TOO_LARGE = (
    "{name} holds {given:g} as {type}, which neighbouring whole numbers share; expected labels that differ; "
    "read them as integers or text"
)
ALIKE = (
    "{name} holds both {first} and {second}, which cannot be distinguished; expected labels of one kind; "
    "convert the column to one type, or rename one"
)
KINDS_DIFFER = (
    "{name} holds {given} and {reference} holds {expected}; expected the same labels in both; "
    "translate one into the other"
)
SPELLED_OTHERWISE = (
    "{name} has {given} where {reference} has {expected}; expected the same labels in both; "
    "translate one into the other"
)
TOO_FEW_SHARED = (
    "{name} has the labels {given} and {reference} has {expected}; expected the same labels in both, and they share "
    "too few; translate one into the other"
)

SHIFTED = (
    "{name} has the labels {given} and {reference} has {expected}, {shift} apart: {kept} of the rows agree, and "
    "{moved} once {name} is moved by as much; expected the same labels in both; count both from the same number"
)

#: A whole number as text: with a sign, zeros before it, or a point and zeros after it.
WHOLE = re.compile(r"(?P<sign>[+-]?)0*(?P<digits>\d+)(\.0*)?")
# Above this spread of integer labels a count per possible value costs more than a sort.
_DENSE = 1 << 16
# The type that numpy gives to a mix of text and floats: in such an array "nan" was NaN.
_FROM_NUMBERS = np.array(["", math.nan]).dtype
_REMEDIES: dict[Any, str] = {bytes: "decode it", tuple: "combine several columns with intersect(...)"}


@dataclass(frozen=True, eq=False)
class Labels:
    """`names[codes[n]]` is the label of row n; names are sorted Python scalars, each with a row.

    Examples
    --------
    >>> found = as_labels([2.0, 1, 2], name="groups")
    >>> found.names, found.codes.tolist(), found.texts
    ((1, 2), [1, 0, 1], ('1', '2'))
    """

    names: tuple[Any, ...]
    codes: NDArray[np.intp]

    @property
    def texts(self) -> tuple[str, ...]:
        """The labels' names as text, in the order of `names`."""
        return tuple(map(name_of, self.names))

    @property
    def of_rows(self) -> NDArray[np.str_]:
        """The name of each row's label, (N,)."""
        return np.array(self.texts, dtype=np.str_)[self.codes]

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


def as_labels(
    values: ArrayLike, *, name: str, remedy: str = "give one label per row", fractions: bool = True
) -> Labels:
    """Encode `values`, (N,) of labels as the rule above has them; `fractions` is True for groups, False for classes.

    A million rows take less than a second.

    Raises
    ------
    FairtollError
        For another shape, no row, or entries that are missing, no labels or cannot be distinguished.

    Examples
    --------
    >>> as_labels(["b", "a", "b"], name="y_true").names
    ('a', 'b')
    """
    array = one_column(as_array(values, name=name), name=name, remedy=remedy)
    kind = array.dtype.kind
    # numpy would turn 1 among text into '1', True among 2 into 1, and ids above 2**63 among -1 into floats.
    if isinstance(values, list | tuple) and (kind == "U" or (kind in "iuf" and len(set(map(type, values))) > 1)):
        return _from_objects(_entries(values), name=name, fractions=fractions)
    if kind == "f" and isinstance(values, list | tuple) and isinstance(values[0], int):
        return _from_objects(list(values), name=name, fractions=fractions)
    if kind == "b":
        return _from_integers(array.astype(np.intp), bool)
    if kind in "iu":
        low, high = int(array.min()), int(array.max())
        if high - low < _DENSE and high <= np.iinfo(np.intp).max:
            return _from_integers(array.astype(np.intp, copy=False), int)
        distinct, codes = np.unique(array, return_inverse=True)
        return Labels(tuple(distinct.tolist()), codes.astype(np.intp, copy=False))
    if kind == "f":
        return _from_floats(array, name=name, fractions=fractions)
    if array.dtype == _FROM_NUMBERS and (array == "nan").any():
        raise FairtollError(MISSING.format(name=name, row=int(np.argmax(array == "nan"))))
    if kind in "mM":
        missing = np.isnat(array)
        if missing.any():
            raise FairtollError(MISSING.format(name=name, row=int(np.argmax(missing))))
        array = array.astype(np.str_)
    return _from_objects(array.tolist(), name=name, fractions=fractions)


def as_label(value: Any) -> Any:
    """Read one label as a Python scalar, from numpy's and torch's scalars too.

    Examples
    --------
    >>> as_label(np.float32(1)), as_label(np.str_("a"))
    (1, 'a')
    """
    if hasattr(value, "item") and not isinstance(value, str):
        try:
            # The text of a float32 is the intended number: 0.1, not 0.10000000149.
            value = float(str(value)) if isinstance(value, np.floating) else value.item()
        except (ValueError, RuntimeError):  # more than one entry: no label equals its text
            return str(value)
    if isinstance(value, str):
        return str.__str__(value)  # an enumeration of text is its text
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, Number) and not isinstance(value, complex):
        try:
            return int(value) if value == int(value) else value  # type: ignore[call-overload]
        except (ValueError, OverflowError, ArithmeticError):  # NaN and infinity
            return value
    return value


def name_of(label: Any) -> str:
    """The text that a label is called by, in tables, reports and evidence.

    Examples
    --------
    >>> name_of(1.0), name_of(True), name_of("a")
    ('1', 'True', 'a')
    """
    return str(as_label(label))


def is_missing(value: Any) -> bool:
    """Whether it is None, NaN, or pandas' NA and NaT, none of which equals itself; or infinite.

    Examples
    --------
    >>> is_missing(None), is_missing(math.nan), is_missing("nan")
    (True, True, False)
    """
    if value is None:
        return True
    try:
        return bool(value != value or value in (math.inf, -math.inf))
    except TypeError:  # pandas' NA has no truth value
        return True


def require_apart(labels: list[Any], *, name: str) -> None:
    """Raise if different labels of one column cannot be distinguished by value or by name.

    Examples
    --------
    >>> require_apart([1, 2, "a"], name="groups")
    """
    by_value: dict[Any, Any] = {}
    by_text: dict[str, Any] = {}
    for label in labels:
        # Composed and decomposed letters look alike, and arrays of text lose zeros at the end.
        text = unicodedata.normalize("NFC", name_of(label)).rstrip("\0")
        for known in (by_value.setdefault(label, label), by_text.setdefault(text, label)):
            if known is not label and (type(known) is not type(label) or known != label):
                # Texts that look alike are shown with escapes.
                show = ascii if isinstance(known, str) and isinstance(label, str) else repr
                raise FairtollError(ALIKE.format(name=name, first=show(known), second=show(label)))


def check_same_classes(predicted: Labels, truth: Labels, *, name: str = "y_pred", reference: str = "y_true") -> None:
    """Raise if predictions are coded differently from the true labels: silently, all would count as wrong.

    A model may never predict some class, and rows may lack some class. Predicted labels that no row has are an error

    - where they are text and the true ones numbers, or differ from a true one only in case, spaces or how a whole
      number is written;
    - where of the predicted labels, and of two or more true ones, half or fewer are in both: -1 and 1 against 0 and 1;
    - where whole numbers, all moved by as much, would be right in more rows: 1, 2, 3 against 0, 1, 2.

    Examples
    --------
    >>> truth = as_labels(["a", "b"], name="y_true")
    >>> check_same_classes(as_labels(["a", "a"], name="y_pred"), truth)
    >>> check_same_classes(as_labels(["A", "B"], name="y_pred"), truth)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: y_pred has 'A' where y_true has 'a'; expected the same labels in both; ...
    """
    given, expected = _kinds(predicted), _kinds(truth)
    if not given & expected:
        kinds = {"given": " and ".join(sorted(given)), "expected": " and ".join(sorted(expected))}
        raise FairtollError(KINDS_DIFFER.format(name=name, reference=reference, **kinds))
    known = set(truth.names)
    unknown = [label for label in predicted.names if label not in known]
    spelled = {spelling(label): label for label in truth.names}
    for label in unknown:
        if (like := spelled.get(spelling(label))) is not None:
            raise FairtollError(
                SPELLED_OTHERWISE.format(name=name, given=repr(label), reference=reference, expected=repr(like))
            )
    shared = len(predicted.names) - len(unknown)
    if unknown and len(known) > 1 and 2 * shared <= min(len(known), len(predicted.names)):
        raise FairtollError(
            TOO_FEW_SHARED.format(name=name, given=_few(predicted), reference=reference, expected=_few(truth))
        )
    if unknown and len(predicted.codes) == len(truth.codes) and (shift := _shift(predicted, truth)):
        # The names are as many and in one order, so that equal codes are labels that the shift makes equal.
        moved, kept = (predicted.codes == truth.codes).mean(), (predicted.codes_in(truth) == truth.codes).mean()
        if moved > kept:
            apart = {"shift": f"{shift:+d}", "kept": f"{kept:.1%}", "moved": f"{moved:.1%}"}
            given_labels, expected_labels = _few(predicted), _few(truth)
            raise FairtollError(
                SHIFTED.format(name=name, given=given_labels, reference=reference, expected=expected_labels, **apart)
            )


def spelling(label: Any) -> str:
    """The common form of labels that differ only in case, in spaces, or in how a whole number is given.

    Examples
    --------
    >>> spelling(" Cat") == spelling("cat"), spelling(True) == spelling("1"), spelling("1.0") == spelling("01")
    (True, True, True)
    """
    text = " ".join(name_of(int(label) if isinstance(label, bool) else label).casefold().split())
    whole = WHOLE.fullmatch(text)
    return f"{whole['sign'].strip('+')}{whole['digits']}" if whole else text


def _shift(predicted: Labels, truth: Labels) -> int:
    """By how much the predicted labels are all above the true ones, if both are whole numbers; else 0."""
    if not all(type(label) is int for label in (*predicted.names, *truth.names)):
        return 0
    shift: int = predicted.names[0] - truth.names[0]
    return shift if predicted.names == tuple(label + shift for label in truth.names) else 0


def _few(labels: Labels) -> str:
    return ", ".join(map(repr, labels.names[:5])) + (" ..." if len(labels.names) > 5 else "")


def _kinds(labels: Labels) -> set[str]:
    return {"text" if isinstance(name, str) else "numbers" for name in labels.names}


def _exact_below(dtype: Any) -> int:
    """The smallest whole number that a float type cannot distinguish from its neighbour."""
    return int(2 ** (np.finfo(dtype).nmant + 1))


def _entries(values: list[Any] | tuple[Any, ...]) -> list[Any]:
    """The entries of a list, those of `[[1], [2]]` too."""
    return [one[0] if isinstance(one, list | tuple) else one for one in values]


def _from_integers(array: NDArray[np.intp], kind: type) -> Labels:
    low = int(array.min())
    codes = array - low
    present = np.bincount(codes) > 0
    if not present.all():
        codes = (np.cumsum(present) - 1)[codes]
    return Labels(tuple(kind(low + place) for place in np.flatnonzero(present).tolist()), codes)


def _from_floats(array: NDArray[Any], *, name: str, fractions: bool) -> Labels:
    finite = np.isfinite(array)
    if not finite.all():
        raise FairtollError(MISSING.format(name=name, row=int(np.argmin(finite))))
    distinct, codes = np.unique(array, return_inverse=True)
    broken = distinct != np.floor(distinct)
    if broken.any() and not fractions:
        first = int(np.argmax(broken[codes]))
        raise FairtollError(FRACTION.format(name=name, given=as_label(array[first]), row=first))
    names = list(map(as_label, distinct))
    largest = np.abs(distinct).max()
    if largest >= _exact_below(array.dtype):
        raise FairtollError(TOO_LARGE.format(name=name, given=largest, type=array.dtype))
    return Labels(tuple(names), codes.astype(np.intp, copy=False))


def _from_objects(values: list[Any], *, name: str, fractions: bool) -> Labels:
    # A set would take True, 1 and 1.0 for one entry before they can be compared.
    keys = values if len(set(map(type, values))) == 1 else list(zip(map(type, values), values, strict=True))
    try:
        distinct = dict.fromkeys(keys)
    except TypeError as error:
        raise FairtollError(UNREADABLE.format(name=name, cause=str(error))) from error
    read = {
        key: _read(key if keys is values else key[1], key, keys, name=name, fractions=fractions) for key in distinct
    }
    labels = list({(type(label), label): label for label in read.values()}.values())
    require_apart(labels, name=name)
    try:
        ordered = sorted(labels)
    except TypeError:  # text and numbers mixed
        ordered = sorted(labels, key=lambda label: (type(label).__name__, str(label)))
    place = {label: code for code, label in enumerate(ordered)}
    codes = {key: place[label] for key, label in read.items()}
    return Labels(tuple(ordered), np.fromiter(map(codes.__getitem__, keys), dtype=np.intp, count=len(keys)))


def _read(value: Any, key: Any, keys: list[Any], *, name: str, fractions: bool) -> Any:
    """One distinct entry as a label, or the error that names its first row."""
    if value is np.ma.masked:
        raise FairtollError(MASKED.format(name=name, count=keys.count(key)))
    if is_missing(value):
        raise FairtollError(MISSING.format(name=name, row=keys.index(key)))
    label = as_label(value)
    if isinstance(label, bytes | tuple | complex):
        remedy = _REMEDIES.get(type(label), "convert it")
        raise FairtollError(NO_LABEL.format(name=name, given=repr(label), row=keys.index(key), remedy=remedy))
    if isinstance(value, float | np.floating) and abs(float(value)) >= _exact_below(np.asarray(value).dtype):
        raise FairtollError(TOO_LARGE.format(name=name, given=value, type=type(value).__name__))
    if isinstance(label, Number) and not isinstance(label, int) and not fractions:
        raise FairtollError(FRACTION.format(name=name, given=label, row=keys.index(key)))
    return label
