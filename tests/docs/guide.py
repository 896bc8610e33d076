"""Reads the guide's pages: their code, in order, with the comments that say what a block needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
BLOCK = re.compile(r"(?P<marks>(?:<!-- .*? -->\n)*)```(?P<language>\w+)\n(?P<code>.*?)\n```", re.DOTALL)
MARK = re.compile(r"<!-- (?P<name>needs|file|not-run)(?:: (?P<value>.*?))? -->")


@dataclass(frozen=True)
class Block:
    """One block of code: `needs` are modules that it imports, `file` is where it is written instead of being run."""

    language: str
    code: str
    line: int
    needs: tuple[str, ...] = ()
    file: str | None = None
    run: bool = True


@dataclass(frozen=True)
class Page:
    """A page and its blocks, in order."""

    name: str
    blocks: list[Block] = field(default_factory=list)

    @property
    def needs(self) -> list[str]:
        """Modules that any block needs, beside what is always there."""
        return sorted({need for block in self.blocks for need in block.needs})


def read_page(path: Path) -> Page:
    """Every fenced block of a page."""
    text, blocks = path.read_text(encoding="utf-8"), []
    for found in BLOCK.finditer(text):
        marks = {mark["name"]: mark["value"] for mark in MARK.finditer(found["marks"])}
        blocks.append(
            Block(
                found["language"],
                found["code"],
                text.count("\n", 0, found.start("code")) + 1,
                tuple((marks.get("needs") or "").split()),
                marks.get("file"),
                "not-run" not in marks,
            )
        )
    return Page(path.stem, blocks)
