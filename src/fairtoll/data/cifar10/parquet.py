"""CIFAR-10 in the columns that the Hugging Face copy has: encoded images and labels in Parquet."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.data.cifar10.images import Images, check_labels, check_rows
from fairtoll.errors import FairtollError
from fairtoll.progress import advance

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

IMAGE_COLUMNS = ("img", "image")
LABEL_COLUMN = "label"
#: Encodings by the first bytes of a file.
MAGIC = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}
#: Rows decoded at a time.
BATCH = 500


def read_parquet_copy(parts: Mapping[str, Sequence[Path]], *, expected: Mapping[str, int] | None) -> dict[str, Images]:
    """Both splits from their files, each split's in order."""
    opened = {split: [(path, *_open(path)) for path in paths] for split, paths in parts.items()}
    counts = {split: sum(file.metadata.num_rows for _, file, _ in files) for split, files in opened.items()}
    for split, files in opened.items():
        check_rows(
            counts[split], expected=expected[split] if expected else None, split=split, where=str(files[0][0].parent)
        )
    splits = {}
    for split, files in opened.items():
        images = splits[split] = Images.empty(counts[split])
        start = 0
        for path, file, column in files:
            for batch in _batches(path, file, column):
                _decode(images, start, batch, path=path, column=column)
                start += batch.num_rows
                advance(batch.num_rows / sum(counts.values()))
    return splits


def _open(path: Path) -> tuple[ParquetFile, str]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, error) from error
    types = {field.name: field.type for field in file.schema_arrow}
    column = next((name for name in IMAGE_COLUMNS if name in types), None)
    if column is None or LABEL_COLUMN not in types:
        there = ", ".join(f"'{name}'" for name in types)
        raise FairtollError(
            f"{path} has the columns {there}; expected 'img' (or 'image') and 'label'; give a folder with CIFAR-10"
        )
    image, label = types[column], types[LABEL_COLUMN]
    if not pa.types.is_struct(image) or "bytes" not in [field.name for field in image]:
        raise FairtollError(
            f"{path}: '{column}' is of type {image}; expected a struct with the field 'bytes', an encoded image"
        )
    if not pa.types.is_integer(label):
        raise FairtollError(f"{path}: 'label' is of type {label}; expected integers 0 to 9")
    return file, column


def _batches(path: Path, file: ParquetFile, column: str) -> Any:
    import pyarrow as pa

    try:
        yield from file.iter_batches(batch_size=BATCH, columns=[f"{column}.bytes", LABEL_COLUMN])
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> FairtollError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return FairtollError(f"{path} is not a complete Parquet file ({reason}); download it again")


def _decode(images: Images, start: int, batch: Any, *, path: Path, column: str) -> None:
    if batch.column(LABEL_COLUMN).null_count:
        raise FairtollError(f"{path}: a label is missing; expected integers 0 to 9 in every row")
    labels = batch.column(LABEL_COLUMN).to_numpy()
    # Rows are counted through all files of a split.
    check_labels(labels, where=str(path), first=start)
    images.labels[start : start + len(labels)] = labels
    for row, encoded in enumerate(batch.column(column).field("bytes").to_pylist(), start=start):
        images.pixels[row], encoding = decode_image(encoded, where=f"{path}, row {row}")
        images.encodings.add(encoding)


def decode_image(encoded: bytes | None, *, where: str) -> tuple[NDArray[np.uint8], str]:
    """An image of 32 x 32 as (3, 32, 32), and its encoding, recognised by its first bytes.

    Raises
    ------
    FairtollError
        If it is neither PNG nor JPEG, damaged, of another size or not RGB.
    """
    from PIL import Image

    encoding = next((name for magic, name in MAGIC.items() if (encoded or b"").startswith(magic)), None)
    if encoded is None or encoding is None:
        raise FairtollError(f"{where}: the image is neither PNG nor JPEG; expected one of them in 'bytes'")
    try:
        # The formats are named so that no other decoder is tried.
        with Image.open(io.BytesIO(encoded), formats=[encoding]) as image:
            if image.size != (32, 32) or image.mode != "RGB":
                width, height = image.size
                raise FairtollError(
                    f"{where}: the image is {width} x {height} {image.mode}; expected 32 x 32 RGB; "
                    "this is another data set, or a copy that was resized"
                )
            pixels = np.asarray(image)
    except FairtollError:
        raise
    except Exception as error:  # pillow's decoders raise many kinds
        raise FairtollError(f"{where}: the image cannot be decoded ({error}); download the file again") from error
    return pixels.transpose(2, 0, 1), encoding
