"""Bitwise comparison of two folders of golden runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import safe_open

#: Sections of results.json that differ between machines and releases.
VOLATILE = ("seconds", "environment", "fairtoll_version", "schema_version")
#: Without stages/*.json, which hold times and checksums of files with times.
COMPARED = ("**/*.parquet", "**/*.safetensors", "results.json", "evidence/*.json", "configuration.json")


def differences(old: Path, new: Path) -> list[str]:
    """One line for each file that differs: its path and what differs first."""
    names = [{str(path.relative_to(folder)) for one in COMPARED for path in folder.glob(one)} for folder in (old, new)]
    found = []
    for name in sorted(names[0] | names[1]):
        if name not in names[0] or name not in names[1]:
            found.append(f"{name}: only in the {'old' if name in names[0] else 'new'} run")
            continue
        compare = {".parquet": _table, ".safetensors": _tensors}.get(Path(name).suffix, _json)
        if (first := compare(old / name, new / name)) is not None:
            found.append(f"{name}: {first}")
    return found


def _table(old: Path, new: Path) -> str | None:
    one, other = pd.read_parquet(old), pd.read_parquet(new)
    if list(one.columns) != list(other.columns):
        return f"columns {', '.join(one.columns)} against {', '.join(other.columns)}"
    if len(one) != len(other):
        return f"{len(one)} rows against {len(other)}"
    for column in one.columns:
        if one[column].dtype != other[column].dtype:
            return f"column {column}: {one[column].dtype} against {other[column].dtype}"
        if not one[column].equals(other[column]):
            same = (one[column] == other[column]) | (one[column].isna() & other[column].isna())
            row = int((~same).to_numpy().argmax())
            return f"column {column}, row {row}: {one[column].iloc[row]!r} against {other[column].iloc[row]!r}"
    return None


def _tensors(old: Path, new: Path) -> str | None:
    with safe_open(old, framework="np") as one, safe_open(new, framework="np") as other:
        if one.metadata() != other.metadata():
            return f"metadata {one.metadata()} against {other.metadata()}"
        if set(one.keys()) != set(other.keys()):
            return f"tensors {sorted(one.keys())} against {sorted(other.keys())}"
        for name in sorted(one.keys()):
            first, second = one.get_tensor(name), other.get_tensor(name)
            if (first.dtype, first.shape) != (second.dtype, second.shape):
                return f"tensor {name}: {first.dtype} {first.shape} against {second.dtype} {second.shape}"
            if first.tobytes() != second.tobytes():
                place = int((first.ravel() != second.ravel()).argmax())
                return f"tensor {name}, entry {place}: {first.ravel()[place]!r} against {second.ravel()[place]!r}"
    return None


def _json(old: Path, new: Path) -> str | None:
    one, other = (json.loads(path.read_text(encoding="utf-8")) for path in (old, new))
    for content in (one, other):
        for name in VOLATILE if isinstance(content, dict) else ():
            content.pop(name, None)
        if isinstance(content, dict) and isinstance(content.get("configuration"), dict):
            content["configuration"].pop("fairtoll_version", None)
    return next(_unequal(one, other), None)


def _unequal(one: Any, other: Any, place: str = "") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in [*one, *(name for name in other if name not in one)]:
            if name in one and name in other:
                yield from _unequal(one[name], other[name], f"{place}.{name}".lstrip("."))
            else:
                yield f"{place}.{name}".lstrip(".") + f": only in the {'old' if name in one else 'new'} run"
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from _unequal(*pair, f"{place}[{index}]")
    elif type(one) is not type(other) or one != other:
        yield f"{place}: {_short(one)} against {_short(other)}"


def _short(value: Any) -> str:
    text = f"a list of {len(value)}" if isinstance(value, list) else repr(value)
    return text if len(text) < 120 else f"{text[:117]}..."
