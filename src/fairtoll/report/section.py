"""A part of the report."""

from dataclasses import dataclass, field, replace

from fairtoll.report.charts.strip import Strip
from fairtoll.report.charts.style import PAPER_MARK, Figure
from fairtoll.report.tables.table import Table


@dataclass
class Section:
    """One part of the report: an anchor, a heading, its name in the contents, a summary, figures and tables."""

    anchor: str
    title: str
    short: str
    lead: str = ""
    headlines: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)

    def without_repeated_marks(self) -> "Section":
        """Return the section with each key to the marks only where it is first needed."""
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
