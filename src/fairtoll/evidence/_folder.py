"""The tables of evidence as the files of a folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from fairtoll.errors import FairtollError
from fairtoll.evidence.certificates import NO_CERTIFICATES
from fairtoll.evidence.compact import ATTACK_KEYS, NOT_COMPUTED_FROM, PREDICTION_KEYS
from fairtoll.evidence.detections import NO_DETECTIONS
from fairtoll.evidence.sources import Files
from fairtoll.evidence.tables import write_about
from fairtoll.storage.files import make_folder, read_json, read_parquet, reading, write_parquet
from fairtoll.storage.records import record_files

NO_PREDICTIONS = pd.DataFrame(columns=[*PREDICTION_KEYS, "row"])
NO_ATTACKS = pd.DataFrame(columns=[*ATTACK_KEYS, "source_arm", "row", "success"])


def write_tables(
    folder: Path, tables: Mapping[str, pd.DataFrame], class_names: tuple[str, ...], about: Mapping[str, Any]
) -> None:
    """Write each table as Parquet and `about` as JSON, and a record of their checksums."""
    make_folder(folder)
    write_about(folder, class_names, about)
    for name, table in tables.items():
        write_parquet(table, folder / f"{name}.parquet")
    record_files(folder, ["about.json", *(f"{name}.parquet" for name in tables)])


def require_evidence(folder: Path) -> None:
    """Raise where a folder holds no evidence."""
    if not (folder / "about.json").is_file() or not (folder / "rows.parquet").is_file():
        raise FairtollError(f"{folder} holds no evidence (about.json and rows.parquet); run the experiment first")


def read_tables(folder: Path, parts: Collection[str] | None) -> dict[str, Any]:
    """What `Evidence` is made of, by the names of its parameters: parts of a table are joined in name order."""
    about = folder / "about.json"
    description = read_json(about)
    with reading(about, "whole: it lacks the names of the classes", verified=False):
        class_names = tuple(map(str, description.pop("class_names")))
    return {
        "rows": read_parquet(folder / "rows.parquet"),
        "predictions": Files(_parts_of(folder, "predictions", parts), NO_PREDICTIONS),
        "attacks": Files(_parts_of(folder, "attacks", parts), NO_ATTACKS, without=NOT_COMPUTED_FROM),
        "class_names": class_names,
        "about": description,
        "certificates": Files(_parts_of(folder, "certificates", parts), NO_CERTIFICATES),
        "detections": Files(_parts_of(folder, "detections", parts), NO_DETECTIONS),
    }


def _parts_of(folder: Path, table: str, chosen: Collection[str] | None) -> list[Path]:
    return sorted(path for path in folder.glob(f"{table}*.parquet") if chosen is None or path.name in chosen)
