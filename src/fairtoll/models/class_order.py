"""In which column of a model's scores a class of the data is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.inputs.labels import name_of, spelling
from fairtoll.models.remarks import Remark

GIVE_ORDER = "give the values of the label in its order (--categories LABEL=..., or class_names of load_frame)"


def class_order(classes: Sequence[Any], class_names: Sequence[str]) -> NDArray[np.intp]:
    """The position among a model's `classes` of each of the data's classes, (C,).

    A class is found by its name, then by another spelling of it (`1.0` is "1", `True` is 1: `fairtoll.inputs.labels`).
    A model whose classes are 0 to C - 1 or booleans, where the data's have names that are no numbers, was trained on
    positions in `class_names`.

    Raises
    ------
    FairtollError
        If the model has other classes than the data.

    Examples
    --------
    >>> class_order(["no", "yes"], ("yes", "no")).tolist(), class_order([-1, 1], ("-1", "1")).tolist()
    ([1, 0], [0, 1])
    """
    found = _by_name(classes, class_names)
    if found is not None:
        return found
    if are_positions(classes, class_names):
        return np.arange(len(class_names), dtype=np.intp)
    raise FairtollError(
        f"the model has the classes {_few(classes)} and the data {_few(class_names)}; expected the same; "
        "train it on the data's labels, or name the data's classes alike"
    )


def are_positions(classes: Sequence[Any], class_names: Sequence[str]) -> bool:
    """Whether a model's classes are 0 to C - 1 where the data's have names that are no numbers.

    Examples
    --------
    >>> are_positions([0, 1], ("no", "yes")), are_positions([0, 1], ("1", "0"))
    (True, False)
    """
    positions = [str(code) for code in range(len(class_names))]
    return (
        len(classes) == len(class_names)
        and list(map(spelling, classes)) == positions
        and not any(_is_number(name) for name in class_names)
        and _by_name(classes, class_names) is None
    )


def by_position(class_names: Sequence[str], *, order: str, remedy: str) -> Remark:
    """What a reader must know where `are_positions`: which classes they were taken for.

    Parameters
    ----------
    order : str
        The order of the names, in words.
    remedy : str
        What to do where they were meant otherwise.

    Examples
    --------
    >>> by_position(("no", "yes"), order="the order of the data", remedy=GIVE_ORDER).text.partition(": ")[2][:21]
    "0 is 'no', 1 is 'yes'"
    """
    taken = ", ".join(f"{place} is '{name}'" for place, name in enumerate(class_names[:10]))
    return Remark(
        "classes-by-position",
        "The model's classes are positions",
        "the model numbers its classes and has no names of them; they are taken for the classes in "
        f"{order}: {taken}{' and so on' if len(class_names) > 10 else ''}; if the model numbers them otherwise, "
        f"{remedy}",
        kind="note",
    )


def _by_name(classes: Sequence[Any], class_names: Sequence[str]) -> NDArray[np.intp] | None:
    if len(classes) != len(class_names):
        return None
    for read in (name_of, spelling):
        given, expected = list(map(read, classes)), list(map(read, class_names))
        if len(given) == len(set(given)) and sorted(given) == sorted(expected):
            return np.array([given.index(one) for one in expected], dtype=np.intp)
    return None


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _few(names: Sequence[Any]) -> str:
    texts = [repr(name_of(name)) for name in names[:5]]
    return ", ".join(texts) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
