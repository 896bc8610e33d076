"""Measurements on disk: one JSON file for each run, written after every measurement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fairtoll.errors import FairtollError
from fairtoll.storage.files import write_text

Record = dict[str, Any]


class Records:
    """What a run has measured so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    @property
    def measured(self) -> list[Record]:
        found: list[Record] = self.content.get("measured", [])
        return found

    @property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = self.content["settings"]
        return found

    @property
    def batch_sizes(self) -> dict[str, int]:
        found: dict[str, int] = self.content["batch_sizes"]
        return found

    def start(
        self, settings: dict[str, Any], *, weights: dict[str, str], versions: dict[str, str | None], fresh: bool
    ) -> None:
        """Continue from what the file holds, or start anew; a file of other settings is not overwritten."""
        if fresh or not self.content:
            self.content = {"settings": settings, "weights": {}, "versions": {}, "batch_sizes": {}, "measured": []}
        other = [f"{name} {self.settings.get(name)}" for name in settings if self.settings.get(name) != settings[name]]
        kept = self.content["weights"]
        other += [f"other weights of '{name}'" for name in weights if kept.get(name, weights[name]) != weights[name]]
        if other:
            raise FairtollError(
                f"{self.path} holds a run with {', '.join(other)}; go on with the same options, name another file "
                "with --out, or begin anew with --fresh"
            )
        kept.update(weights)
        self.content["versions"].update({name: number for name, number in versions.items() if number})

    def holds(self, model: str, contender: str, repeat: int, engine: str) -> bool:
        """Whether this was measured, with the same code."""
        return any(
            (one["model"], one["contender"], one["repeat"], one["engine"]) == (model, contender, repeat, engine)
            for one in self.measured
        )

    def add(self, record: Record) -> None:
        """Add a record; those of the same contender with other code are removed."""
        same = (record["contender"], record["engine"])
        self.content["measured"] = [
            one for one in self.measured if one["contender"] != same[0] or one["engine"] == same[1]
        ]
        self.measured.append(record)
        self._write()

    def set_batch_size(self, package: str, size: int) -> None:
        self.batch_sizes[package] = size
        self._write()

    def of(self, model: str, question: str) -> dict[str, list[Record]]:
        """Records of one model and question by contender, in the order in which they were first measured."""
        found: dict[str, list[Record]] = {}
        for one in self.measured:
            if (one["model"], one["question"]) == (model, question):
                found.setdefault(one["contender"], []).append(one)
        return found

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(json.dumps(self.content, indent=1) + "\n", self.path)
