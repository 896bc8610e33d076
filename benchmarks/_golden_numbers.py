"""Numbers and verdicts of a golden run, matched by what they measure, not by the names of fields and files."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import safe_open

from _golden_words import canonical, renamed

Value = float | bool | str | None
#: Record, such as one finding -> place in it -> number.
Numbers = dict[str, dict[str, Value]]

#: Fields that identify the items of each list in results.json, in the item itself or one level below. Old names work
#: as well as new ones.
KEYS = {
    "findings": "protocol metric partition evaluation attack threat epsilon denominator attribute label target "
    "matched_rate standard robust",
    "accuracy": "arm evaluation attack threat epsilon",
    "least_epsilon": "arm evaluation attack threat partition",
    "leave_one_out": "arm design",
    "claims": "id",
    "alarms": "id arm",
    "examples": "class_name role arm",
    "groups": "partition group",
    "curve": "members",
    "most_felt": "row",
}
#: Fields whose words are conclusions.
WORDS = "verdict verdict_from_control judgement worst_group best_group"
#: Sections that depend on the machine or repeat the options of the run.
LEFT_OUT = "seconds environment configuration fairtoll_version schema_version"
#: What the intervals are made of, which are compared themselves.
WITHIN = "spread"
#: A column that only this table has -> the table's name; then the columns that identify rows in any table.
TABLES = {"success": "attacks", "probability_0": "predictions", "flips": "members", "label": "rows"}
TABLE_KEYS = "arm seed source_arm design evaluation threat attack epsilon row"


def numbers_of(folder: Path) -> Numbers:
    """All numbers of a run folder's results.json, record by record."""
    return numbers_of_results(json.loads((folder / "results.json").read_text(encoding="utf-8")))


def numbers_of_results(results: Mapping[str, Any]) -> Numbers:
    """The same, of the content."""
    left_out, keys = _names(LEFT_OUT), {canonical(name): _names(fields) for name, fields in KEYS.items()}
    words = set(_names(WORDS))
    found: Numbers = {}
    for section, content in renamed(results).items():
        if section in left_out:
            continue
        items = _identified(content, keys.get(section, [])) if isinstance(content, list) else {"": content}
        for key, item in items.items():
            if numbers := dict(_leaves(item, keys, words)):
                found[f"{section} {key}".strip()] = numbers
    return found


def _names(text: str) -> list[str]:
    return [canonical(name) for name in text.split()]


def _identified(items: list[Any], fields: list[str]) -> dict[str, Any]:
    """Each item under the values of its fields; an item whose values are taken gets its position too."""
    found: dict[str, Any] = {}
    for number, item in enumerate(items):
        key = "|".join(_field(item, name) for name in fields) if isinstance(item, dict) and fields else str(number)
        found[key if key not in found else f"{key}#{number}"] = item
    return found


def _field(item: Mapping[str, Any], name: str) -> str:
    levels = [item, *(value for value in item.values() if isinstance(value, dict))]
    value = next((level[name] for level in levels if name in level), None)
    if isinstance(value, dict):  # the values of an arm
        value = value.get(canonical("arm"))
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _leaves(content: Any, keys: dict[str, list[str]], words: set[str], place: str = "") -> Iterator[tuple[str, Value]]:
    name = place.rpartition("/")[2]
    if isinstance(content, list):
        content = _identified(content, keys.get(name, []))
    if isinstance(content, dict):
        for below, value in content.items():
            if below == WITHIN:
                continue
            yield from _leaves(value, keys, words, f"{place}/{below}".lstrip("/"))
    elif content is None or isinstance(content, bool | int | float) or (isinstance(content, str) and name in words):
        yield place, content


def tables_of(folder: Path) -> dict[str, pd.DataFrame]:
    """All Parquet tables of a run folder by name, joined, indexed by the columns that identify rows, in order."""
    marks = {canonical(column): name for column, name in TABLES.items()}
    parts: dict[str, list[pd.DataFrame]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        part = renamed_table(pd.read_parquet(path))
        table = next((name for column, name in marks.items() if column in part), None)
        if table is not None:
            parts.setdefault(table, []).append(part)
    tables = {name: pd.concat(found, ignore_index=True) for name, found in parts.items()}
    keys = _names(TABLE_KEYS)
    return {
        name: table.set_index(found).sort_index() if (found := [key for key in keys if key in table]) else table
        for name, table in tables.items()
    }


def renamed_table(table: pd.DataFrame) -> pd.DataFrame:
    """Columns and words under their newest names."""
    table = table.rename(columns=canonical)
    words = [column for column in table if not pd.api.types.is_numeric_dtype(table[column])]
    for column in words:
        table[column] = table[column].astype(str).map(canonical)
    return table


def summaries_of(folder: Path) -> Numbers:
    """Summary of the tables: means over rows and training runs, of each arm and attack."""
    found: Numbers = {}
    over = _names("row seed")
    for name, table in tables_of(folder).items():
        if name not in ("attacks", "predictions"):
            continue
        numbers = table.select_dtypes(["number", "bool"]).astype(float)
        means = numbers.groupby(level=[level for level in table.index.names if level not in over]).mean()
        for key, (_, values) in zip(means.index.tolist(), means.iterrows(), strict=True):
            place = "|".join(f"{one:g}" if isinstance(one, int | float) else str(one) for one in key)
            found[f"{name} {place}"] = {str(column): float(one) for column, one in values.items() if not np.isnan(one)}
    return found


def tensors_of(folder: Path) -> Counter[str]:
    """How often each tensor is in a folder's safetensors, whatever it and its file are called."""
    found: Counter[str] = Counter()
    for path in folder.rglob("*.safetensors"):
        with safe_open(path, framework="np") as file:
            for name in file.keys():  # noqa: SIM118
                tensor = file.get_tensor(name)
                found[f"{tensor.dtype} {tensor.shape} {hashlib.sha256(tensor.tobytes()).hexdigest()[:12]}"] += 1
    return found


def differences(old: Numbers, new: Numbers, *, relative: float = 0.0, absolute: float = 0.0) -> dict[str, str]:
    """Each number that differs or is missing, and how.

    A number that only `new` has is no difference; nor is a field that is null in one and missing in the other.
    """
    found = {}
    for record, numbers in old.items():
        others = new.get(record)
        if others is None:
            found[record] = "the record is gone"
            continue
        for place, value in numbers.items():
            if place not in others and value is not None:
                found[f"{record}: {place}"] = f"{value!r} is gone"
            elif not _same(value, others.get(place), relative, absolute):
                found[f"{record}: {place}"] = f"{value!r} against {others[place]!r}"
    return found


def _same(one: Value, other: Value, relative: float, absolute: float) -> bool:
    if isinstance(one, bool | str) or isinstance(other, bool | str) or one is None or other is None:
        return one == other
    return abs(one - other) <= absolute + relative * max(abs(one), abs(other))


def added(old: Numbers, new: Numbers) -> int:
    """How many numbers are only in `new`."""
    return sum(place not in old.get(record, {}) for record, numbers in new.items() for place in numbers)


def table_differences(old: Path, new: Path) -> dict[str, str]:
    """Each table, by column, whose numbers or words differ, and where first; columns only in `new` are none."""
    found = {}
    others = tables_of(new)
    for name, table in tables_of(old).items():
        other = others.get(name)
        if other is None or len(table) != len(other):
            found[f"table {name}"] = f"{len(table)} rows against {0 if other is None else len(other)}"
            continue
        if not table.index.equals(other.index):
            unknown = table.index.difference(other.index)
            found[f"table {name}"] = f"rows are of something else, first {unknown[0] if len(unknown) else '(twice)'}"
            continue
        for column in table:
            if column not in other:
                found[f"table {name}: {column}"] = "the column is gone"
                continue
            one, two = table[column], other[column]
            unequal = ~((one == two) | (one.isna() & two.isna())).to_numpy()
            if unequal.any():
                row = int(unequal.argmax())
                where = dict(zip(table.index.names, np.atleast_1d(table.index[row]), strict=False))
                found[f"table {name}: {column}"] = (
                    f"{int(unequal.sum())} rows differ, first {where}: {one.iloc[row]!r} against {two.iloc[row]!r}"
                )
    return found


def tensor_differences(old: Path, new: Path) -> dict[str, str]:
    """Each tensor that is missing."""
    return {f"tensor {name}": "is gone or has changed" for name in tensors_of(old) - tensors_of(new)}
