"""Files written atomically, and read with actionable errors."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairtoll.errors import FairtollError
from fairtoll.storage.checksums import verify

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path next to `path` that replaces it when the block succeeds, and is removed when it fails.

    Raises
    ------
    FairtollError
        If the folder cannot be written to, or the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with whole_file(folder / "note.txt") as temporary:
    ...     _ = temporary.write_text("done")
    >>> (folder / "note.txt").read_text(), len(list(folder.iterdir()))
    ('done', 1)
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield temporary
        # Open for writing too: Windows flushes no file that is open for reading alone.
        with open(temporary, "r+b") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise disk_error(error, path) from error
    except Exception as error:
        # safetensors hides the operating system's error number in its text.
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise disk_error(OSError(int(number[1]), os.strerror(int(number[1]))), path) from error
    finally:
        temporary.unlink(missing_ok=True)


def disk_error(error: OSError, path: Path) -> FairtollError:
    """An operating system's error in words, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FairtollError(
            f"no space left while writing {path}; free some and run the same command again: finished stages are kept"
        )
    return FairtollError(f"cannot write {path}: {error.strerror or error}; choose another output folder")


def write_text(text: str, path: Path) -> None:
    """Write a text file in UTF-8, atomically."""
    write_with(lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"), path)


def write_with(write: Callable[[Path], object], path: Path) -> None:
    """Let `write` fill a temporary file, then put it in place of `path`."""
    with whole_file(path) as temporary:
        write(temporary)


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet, atomically; repeated text is stored once."""
    write_with(lambda temporary: frame.to_parquet(temporary, index=False, compression="zstd"), path)


@contextmanager
def reading(path: Path, what: str, *, remedy: str | None = None, verified: bool = True) -> Iterator[None]:
    """Verify a file, and turn any error inside into one line: damaged files raise dozens of kinds of error.

    Parameters
    ----------
    path : Path
        The file that the block reads.
    what : str
        What the file should be, as in "a complete Parquet file".
    remedy : str, optional
        What to do where it is missing or damaged. Default: check the path, or make the file again.
    verified : bool
        Whether to compare it with its recorded checksum; see `fairtoll.storage.checksums`.

    Raises
    ------
    FairtollError
        If the file is missing, not as it was recorded, or the block fails.

    Examples
    --------
    >>> with reading(Path("nowhere.json"), "complete JSON"):
    ...     Path("nowhere.json").read_text()
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: no file nowhere.json; check the path
    """
    try:
        if verified:
            verify(path)
        yield
    except FairtollError:
        raise
    except FileNotFoundError as error:
        raise FairtollError(f"no file {path}; {remedy or 'check the path'}") from error
    except OSError as error:
        raise FairtollError(
            f"cannot read {path}: {error.strerror or error}; check the file and its permissions"
        ) from error
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FairtollError(
            f"{path} is not {what} ({type(error).__name__}: {first}); {remedy or 'make or download it again'}"
        ) from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    FairtollError
        If it is missing, damaged, or not as it was recorded.
    """
    with reading(path, "complete JSON"):
        return json.loads(path.read_text(encoding="utf-8"))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file.

    Raises
    ------
    FairtollError
        If it is missing, damaged, or not as it was recorded.
    """
    from safetensors.torch import load_file

    with reading(path, "a complete safetensors file"):
        return load_file(path)


def read_parts(paths: Sequence[Path], *, without: Collection[str] = ()) -> Iterator[pd.DataFrame]:
    """Read the parts of a Parquet table one after the other; their text becomes categories.

    Parameters
    ----------
    paths : sequence of Path
        The files.
    without : collection of str
        Columns that are not read.

    Raises
    ------
    FairtollError
        If a file is missing, damaged, or not as it was recorded, or the parts do not fit together.
    """
    import pyarrow as pa
    from pyarrow import parquet

    schemas = []
    for path in paths:
        with reading(path, "a complete Parquet file"):
            schemas.append(parquet.read_schema(path))
    if paths:
        with reading(paths[0].parent, "a folder of tables that fit together", verified=False):
            pa.unify_schemas(schemas, promote_options="permissive")
    for path, schema in zip(paths, schemas, strict=True):
        with reading(path, "a complete Parquet file", verified=False):
            chosen = [name for name in schema.names if name not in without] if without else None
            frame: pd.DataFrame = parquet.read_table(path, read_dictionary=_texts(schema), columns=chosen).to_pandas()
        yield frame


def _texts(schema: Any) -> list[str]:
    """The columns of text, which repeats for every row: read as a dictionary it is never expanded."""
    import pyarrow as pa

    return [field.name for field in schema if pa.types.is_large_string(field.type) or pa.types.is_string(field.type)]


def read_parquet(*paths: Path) -> pd.DataFrame:
    """Read a Parquet table, or the parts of one; text becomes categories where there are parts.

    Raises
    ------
    FairtollError
        If a file is missing, damaged, or not as it was recorded, or the parts do not fit together.
    """
    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

    if len(paths) == 1:
        with reading(paths[0], "a complete Parquet file"):
            return pd.read_parquet(paths[0])
    tables = []
    for path in paths:
        with reading(path, "a complete Parquet file"):
            schema = parquet.read_schema(path)
            tables.append(parquet.read_table(path, read_dictionary=_texts(schema)))
    with reading(paths[0].parent, "a folder of tables that fit together", verified=False):
        whole = pa.concat_tables(tables, promote_options="permissive").unify_dictionaries()
        frame: pd.DataFrame = whole.to_pandas()
    return frame


def make_folder(path: Path) -> Path:
    """Make a folder and its parents.

    Raises
    ------
    FairtollError
        If that is not possible, such as below a file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FairtollError(
            f"cannot create the folder {path}: {error.strerror or error}; give another with --out"
        ) from error
    return path


@contextmanager
def kept_if_filled(folder: Path) -> Iterator[None]:
    """Make a folder for the block; if the block fails, it and its new parents are removed, unless they hold something.

    Raises
    ------
    FairtollError
        If the folder cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "runs" / "audit"
    >>> with kept_if_filled(folder):
    ...     raise FairtollError("a model does not fit")
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: a model does not fit
    >>> folder.parent.exists()
    False
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        make_folder(folder)
        yield
    except BaseException:
        for path in made:
            try:
                path.rmdir()
            except OSError:  # not empty, or never made
                break
        raise
