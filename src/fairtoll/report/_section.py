"""A part of the report, and the names its parts share."""

from dataclasses import dataclass, field, replace

from fairtoll.report._chart_style import Figure
from fairtoll.report._format import Json
from fairtoll.report._select import PROTOCOLS, paper_place
from fairtoll.report._strip import Strip
from fairtoll.report._table import Table

PAPER_MARK = " Diamond: the paper's value."


@dataclass
class Section:
    """One part of the report: an anchor, a heading, its name in the contents, what it comes to, figures and tables."""

    anchor: str
    title: str
    short: str
    lead: str = ""
    headlines: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)

    def without_repeated_marks(self) -> "Section":
        """Return the section with each key to the marks standing only where it is first needed."""
        seen: set[str] = set()
        kept = []
        for figure in self.figures:
            key = figure.marks.removesuffix(PAPER_MARK)
            kept.append(replace(figure, marks="") if key in seen else figure)
            seen.add(key)
        return replace(self, figures=kept)

    def with_source(self, source: str) -> "Section":
        """Return the section with every figure, strip and table saying where its data came from."""
        return replace(
            self,
            figures=[replace(figure, source=source) for figure in self.figures],
            strips=[replace(strip, source=source) for strip in self.strips],
            tables=[replace(table, source=source) for table in self.tables],
        )

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.figures and not self.tables and not self.strips


def protocol_title(name: str) -> str:
    """Return a protocol's title."""
    return PROTOCOLS.get(name, name)


def with_place(results: Json, title: str, metric: str, partition: str) -> str:
    """Return a title with where the paper reports it."""
    place = paper_place(results, metric, partition)
    return f"{title} ({place})" if place else title
