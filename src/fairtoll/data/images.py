"""Labelled images, or rows of any shape, from files: arrays in .npz or safetensors, or a column of a Parquet file."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file

from fairtoll.data._columns import class_codes
from fairtoll.data.dataset import Dataset
from fairtoll.data.table_file import read_table
from fairtoll.errors import FairtollError
from fairtoll.inputs.columns import check_columns
from fairtoll.storage.files import reading
from fairtoll.storage.zip_files import require_plain_archive

#: Arrays of a file in .npz, where no other is named.
ROWS, LABEL, CLASSES = "x", "y", "class_names"
#: Suffixes of files of arrays.
ARRAYS = (".npz", ".safetensors")
#: Types of arrays in safetensors that numpy has by itself.
NUMPY_TYPES = ("BOOL", "U8", "I8", "U16", "I16", "F16", "U32", "I32", "F32", "U64", "I64", "F64")
#: Of an array of bytes: the value that stands for 1.
WHITE = 255


def load_images(
    path: Path,
    *,
    label: str | None = None,
    groups: Sequence[str] = (),
    image: str | None = None,
    class_names: Sequence[str] | None = None,
    name: str | None = None,
) -> Dataset:
    """Images with their classes and protected attributes.

    Parameters
    ----------
    path : Path
        A .npz file of arrays: the images `(N, ...)`, as the model takes them, the label `(N,)` and each group `(N,)`;
        perhaps `class_names`, which labels 0 to C - 1 index. Or a .safetensors file of the same arrays, of numbers
        alone. Or a Parquet file with a column of images: encoded bytes
        (as Hugging Face stores them, or plain), which become `(channels, height, width)`, or nested lists of numbers.
    label : str, optional
        Array or column of the true class. Default: "y", or "label" in Parquet.
    groups : sequence of str
        Arrays or columns of protected attributes.
    image : str, optional
        Array or column of the images. Default: "x", or "image" in Parquet.
    class_names : sequence of str, optional
        All values of the label in the order of the classes. Default: the array `class_names`, else its values, sorted.
    name : str, optional
        Short name of the data. Default: the file's.

    Returns
    -------
    Dataset
        Bytes as numbers between 0 and 1, any other numbers as they are.

    Raises
    ------
    FairtollError
        For a file that is missing, damaged or of another kind, an array that is missing or needs pickle, images of
        several sizes, or what a `Dataset` refuses.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "digits.npz"
    >>> np.savez(path, x=np.full((2, 1, 8, 8), 255, dtype=np.uint8), y=[3, 7], ink=["much", "little"])
    >>> rows = load_images(path, groups=["ink"])
    >>> rows.x.shape, float(rows.x.max()), rows.class_names
    ((2, 1, 8, 8), 1.0, ('3', '7'))
    """
    if path.suffix.lower() in ARRAYS:
        columns, wanted = read_arrays(path), (image or ROWS, label or LABEL)
    else:
        frame = read_table(path)
        check_columns(frame.columns, [])
        columns, wanted = {str(column): frame[column] for column in frame.columns}, (image or "image", label or "label")
    missing = [one for one in (*wanted, *groups) if one not in columns]
    if missing:
        raise FairtollError(
            f"{path} has no {', '.join(map(repr, missing))}; it holds {', '.join(columns)}; name the images, the label "
            "and the groups as they are called there"
        )
    x = _pixels(columns[wanted[0]], path)
    for name_of_one in (wanted[1], *groups):
        if np.shape(columns[name_of_one]) != x.shape[:1]:
            raise FairtollError(
                f"{path} has {wanted[0]!r} of shape {x.shape} and {name_of_one!r} of shape "
                f"{np.shape(columns[name_of_one])}; expected one value a row, shape ({len(x)},); correct the array"
            )
    y, classes = _classes(pd.Series(columns[wanted[1]], name=wanted[1]), columns, class_names)
    protected: dict[str, Any] = {group: np.asarray(columns[group]) for group in groups}
    return Dataset(x, y, classes, protected, (), name or path.stem)


def read_arrays(path: Path) -> dict[str, Any]:
    """Every array of a .npz or .safetensors file; one that would need pickle is an error."""
    if not path.is_file():
        raise FairtollError(f"{path} is not a file; expected arrays in .npz or .safetensors; check the path")
    if path.suffix.lower() == ".safetensors":
        with reading(path, "arrays in safetensors", remedy="write it again", verified=False):
            with safe_open(path, framework="numpy") as file:
                types = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
            _require_numpy_types(types, path)
            return dict(load_file(path))
    require_plain_archive(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, KeyError, AttributeError, MemoryError, BadZipFile) as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "pickle" in said:
            said = "an array of Python objects, which only pickle can read and is never read; save text as numpy text"
        raise FairtollError(
            f"{path} cannot be read as .npz ({said}); expected numpy.savez(path, x=..., y=...); write it again"
        ) from error


def _require_numpy_types(types: Mapping[str, str], path: Path) -> None:
    """Raise for a type that numpy reads only where another library taught it to: the same file must read alike."""
    for name, kind in types.items():
        if kind not in NUMPY_TYPES:
            raise FairtollError(
                f"{path} has '{name}' in the type {kind}; expected one that numpy has; save it as float32 or uint8"
            )


def _classes(
    column: pd.Series[Any], columns: dict[str, Any], class_names: Sequence[str] | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    named = columns.get(CLASSES)
    if class_names is None and named is not None and pd.api.types.is_integer_dtype(column):
        names, codes = [str(one) for one in np.asarray(named)], column.to_numpy(dtype=np.int64)
        if codes.min() < 0 or codes.max() >= len(names):
            raise FairtollError(
                f"labels run from {codes.min()} to {codes.max()}, and class_names has {len(names)}; expected labels 0 "
                f"to {len(names) - 1}"
            )
        return codes, tuple(names)
    return class_codes(column, class_names)


def _pixels(column: Any, path: Path) -> NDArray[np.float32]:
    """The images as one array `(N, ...)`."""
    values = column.to_numpy() if isinstance(column, pd.Series) else np.asarray(column)
    if values.dtype == object:
        one = values[0]
        read = [_decoded(value, path) if isinstance(value, dict | bytes) else _nested(value) for value in values]
        shapes = sorted({array.shape for array in read})
        if len(shapes) > 1:
            raise FairtollError(
                f"{path} holds images of {len(shapes)} sizes, such as {shapes[0]} and {shapes[1]}; expected one size; "
                "resize them first"
            )
        values = np.stack(read) if read[0].dtype.kind in "uif" else np.asarray(one)
    if values.dtype.kind not in "uif":
        raise FairtollError(f"the images of {path} are of type {values.dtype}; expected numbers or encoded images")
    if values.ndim < 2:
        raise FairtollError(f"the images of {path} hold one number a row; expected images; name their column or array")
    if values.dtype == np.uint8:
        values = np.divide(values, np.float32(WHITE), dtype=np.float32)
    return np.asarray(values, dtype=np.float32)


def _decoded(value: Any, path: Path) -> NDArray[np.uint8]:
    """An encoded image as bytes `(channels, height, width)`."""
    from PIL import Image

    content: Any = value.get("bytes") if isinstance(value, dict) else value
    try:
        with Image.open(io.BytesIO(content)) as opened:
            grey = opened.mode in ("1", "L", "I", "F", "I;16")
            array = np.asarray(opened.convert("L" if grey else "RGB"), dtype=np.uint8)
    except (OSError, ValueError, TypeError, SyntaxError, Image.DecompressionBombError) as error:
        raise FairtollError(
            f"{path} holds an image that cannot be decoded ({type(error).__name__}); expected the bytes of PNG or JPEG "
            "files; write it again"
        ) from error
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _nested(value: Any) -> NDArray[Any]:
    """Nested arrays of numbers, as Parquet returns lists of lists."""
    array = np.asarray(value)
    return np.stack([_nested(one) for one in array]) if array.dtype == object else array
