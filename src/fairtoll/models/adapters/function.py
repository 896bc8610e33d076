"""Any Python function of rows that returns scores: a service, or a library that has no adapter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from fairtoll.errors import FairtollError
from fairtoll.inputs.features import Schema
from fairtoll.models.adapters.kind import Kind
from fairtoll.models.fitted import Rows
from fairtoll.models.forms import table_model
from fairtoll.models.outputs import Declared
from fairtoll.models.tables import TableModel


def _accepts(given: Any) -> bool:
    return callable(given) and not isinstance(given, type | nn.Module) and not hasattr(given, "fit")


def _modules(given: Callable[[Any], Any], schema: Schema | None) -> list[nn.Module]:
    def scores(rows: Any) -> NDArray[Any]:
        found = np.asarray(given(rows))
        if found.dtype.kind in "biuSUT" or found.dtype == object:
            raise FairtollError(
                f"the function returned {found.dtype} for {len(rows)} rows, such as labels; expected scores or "
                f"probabilities, floating numbers of shape ({len(rows)}, classes); return those"
            )
        return found

    if schema is None or not schema.features:
        return [TableModel(scores, lambda x: x.copy(), declared=Declared())]
    rows = Rows(("frame",) if _wants_frame(given) else ("array",))
    return [table_model(scores, schema, rows=rows, declared=Declared())]


def _wants_frame(given: Callable[[Any], Any]) -> bool:
    """Whether the first argument is annotated as a DataFrame."""
    try:
        first = next(iter(inspect.signature(given).parameters.values()))
    except (StopIteration, TypeError, ValueError):  # no argument, or a function in C
        return False
    annotation = first.annotation
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return bool(name.rpartition(".")[2] == "DataFrame")


#: A function is given the rows as an array `(N, ...)`: numbers as they are, categories as codes, NaN where a value is
#: missing. One whose argument is annotated as a DataFrame is given the table, with names and categories.
FUNCTION = Kind("a function of rows that returns scores", _accepts, _modules)
