"""Pickles that hold numpy byte arrays in plain containers, read without running what they name."""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError

#: Instructions for containers, numbers, text and arrays. Others can alter objects or look up extensions.
INSTRUCTIONS = frozenset(
    {
        *("PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWFALSE", "NEWTRUE", "BININT", "BININT1", "BININT2"),
        *("BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINUNICODE", "SHORT_BINUNICODE"),
        *("EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("EMPTY_DICT", "SETITEM", "SETITEMS", "BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET"),
        *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
    }
)
#: The unpickler allocates as many memo entries as the largest index requires.
REMEMBERED = 1_000_000


def load_arrays(data: bytes, *, where: str) -> Any:
    """Read a pickle of dicts, lists, tuples, numbers, bytes, text and uint8 arrays.

    Anything else is refused before anything is called: the names used by pickled numpy arrays resolve to
    stand-ins of this module, and no other name resolves.

    Raises
    ------
    FairtollError
        If the pickle needs anything else (the message names it), or is damaged.

    Examples
    --------
    >>> load_arrays(pickle.dumps({"labels": [6, 9]}), where="batch")
    {'labels': [6, 9]}
    >>> load_arrays(pickle.dumps(len), where="batch")
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: batch needs builtins.len; expected arrays, lists and numbers only; ...
    """
    try:
        for instruction, argument, _ in pickletools.genops(data):
            if instruction.name not in INSTRUCTIONS:
                raise _refused(f"the pickle instruction {instruction.name}", where)
            if instruction.name == "LONG_BINPUT" and int(argument or 0) > REMEMBERED:
                raise _refused(f"room for {argument:,} values", where)
        loaded = _Reader(io.BytesIO(data), where).load()
        return _finish(loaded)
    except FairtollError:
        raise
    except Exception as error:  # a damaged pickle can raise any error
        reason = str(error) or type(error).__name__
        raise FairtollError(f"{where} is not a complete pickle of arrays ({reason}); download it again") from error


def _refused(what: str, where: str) -> FairtollError:
    return FairtollError(
        f"{where} needs {what}; expected arrays, lists and numbers only; nothing was run; "
        "do not open this file with another program, download the data again"
    )


class _Array:
    """Replaces numpy.ndarray: reads the bytes of a uint8 array as data, not as instructions to numpy."""

    __slots__ = ("value",)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, by_columns, content = state
        if not isinstance(kind, _Kind) or not isinstance(content, bytes) or by_columns:
            raise ValueError("an array that is not of bytes, row by row")
        # Unexpected values are not printed: nested tuples can be small to store and huge to print.
        if not isinstance(shape, tuple) or len(shape) > 2 or any(type(length) is not int for length in shape):
            raise ValueError("an array whose shape is not one or two numbers")
        if min(shape, default=0) < 0 or math.prod(shape) != len(content):
            raise ValueError(f"an array of shape {shape} from {len(content):,} bytes")
        self.value: NDArray[np.uint8] = np.frombuffer(content, dtype=np.uint8).reshape(shape)


class _Kind:
    """Replaces numpy.dtype: only uint8."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        """Byte order and alignment do not matter for single bytes."""


class _StandIn:
    """What a name resolves to: it can be called, and cannot be altered."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        raise ValueError(f"{self.name} altered")

    def __call__(self, *arguments: Any) -> Any:
        if self.name == "_reconstruct":
            return _Array()
        if self.name == "dtype" and arguments[:1] in ((b"u1",), ("u1",)):
            return _Kind()
        raise ValueError(f"{self.name} of something else than bytes")


#: The names of old and new numpy.
KNOWN = frozenset(
    {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
    }
)


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, where: str) -> None:
        # Python 2 wrote the official files: its strings are bytes.
        super().__init__(file, fix_imports=False, encoding="bytes")
        self.where = where

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise _refused(f"{module}.{name}", self.where)
        return _StandIn(name)


def _finish(value: Any) -> Any:
    """Replace stand-ins by the arrays they hold; only the outermost dict and its values are converted."""
    if isinstance(value, dict):
        return {key: item.value if isinstance(item, _Array) else item for key, item in value.items()}
    return value.value if isinstance(value, _Array) else value
