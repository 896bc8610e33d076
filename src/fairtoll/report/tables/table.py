"""A table written once, rendered as CSV, Markdown, LaTeX and HTML cells."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fairtoll.report.numbers import finite

Cell = str | float | int | None

LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "ε": r"$\varepsilon$",
    "−": r"$-$",
    "–": "--",
    "±": r"$\pm$",
    "₀": r"\textsubscript{0}",
    "₁": r"\textsubscript{1}",
}


def escape_latex(text: str) -> str:
    r"""Return text escaped for LaTeX.

    Examples
    --------
    >>> escape_latex("50% & <x_1>")
    '50\\% \\& \\textless{}x\\_1\\textgreater{}'
    """
    return "".join(LATEX.get(character, character) for character in " ".join(text.split()))


def escape_markdown(text: str) -> str:
    """Return text that neither ends a Markdown cell nor opens HTML."""
    escaped = "".join(f"\\{character}" if character in "\\|`*_[]$" else character for character in text)
    return " ".join(escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())


def csv_cell(value: Cell) -> Cell:
    """Return a value that no spreadsheet interprets as a formula: text that begins like one gets an apostrophe.

    Examples
    --------
    >>> csv_cell("=1+1"), csv_cell(-0.5), csv_cell("a - b")
    ("'=1+1", -0.5, 'a - b')
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


@dataclass(frozen=True)
class Column:
    """One column: its heading with the unit, and how a raw value is shown.

    `show` turns the raw value (a fraction, a count) into the text of Markdown, LaTeX and HTML; CSV keeps
    the raw value under `key`, or the title without its unit. Columns with a `show` are numbers, set to the right.
    """

    title: str
    show: Callable[[Any], str] | None = None
    key: str = ""

    @property
    def csv_title(self) -> str:
        """The heading without a unit: CSV holds fractions."""
        title = self.key or re.sub(r", (%|points|percent)$", "", self.title)
        return re.sub(r"\W+", "_", title.lower().replace("ε", "epsilon")).strip("_")

    def text(self, value: Cell) -> str:
        """Return a cell as a reader sees it."""
        if value is None:
            return "–"
        if isinstance(value, str):
            return value
        return self.show(value) if self.show else str(value)

    @property
    def numeric(self) -> bool:
        """Whether the column holds numbers."""
        return self.show is not None


@dataclass(frozen=True)
class Table:
    """Rows under columns, with a file name and a caption. The first column names the row."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: list[list[Cell]] = field(default_factory=list)
    note: str = ""
    compact: bool = False  # short enough to be open in the page where no figure shows the same
    source: str = ""  # of the data, said in the files: they are read without the page

    def texts(self, most: int | None = None) -> list[list[str]]:
        """Return every cell as a reader sees it, of the first `most` rows."""
        return [
            [column.text(value) for column, value in zip(self.columns, row, strict=True)] for row in self.rows[:most]
        ]

    def to_csv(self) -> str:
        """Return the raw values, fractions as fractions, as CSV."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([csv_cell(column.csv_title) for column in self.columns])
        for row in self.rows:
            writer.writerow(["" if finite(v) is None and not isinstance(v, str) else csv_cell(v) for v in row])
        return buffer.getvalue()

    def to_markdown(self) -> str:
        """Return a GitHub-flavoured Markdown table under its caption."""
        titles = [escape_markdown(column.title) for column in self.columns]
        rule = ["---:" if column.numeric else "---" for column in self.columns]
        lines = [titles, rule, *([escape_markdown(text) for text in row] for row in self.texts())]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        note = "".join(f"\n\n{escape_markdown(text)}" for text in (self.note, self.source) if text)
        return f"**{escape_markdown(self.caption)}**\n\n{body}{note}\n"

    def to_latex(self) -> str:
        r"""Return a `table` with booktabs rules; needs `\\usepackage{booktabs}`."""
        layout = "".join("r" if column.numeric else "l" for column in self.columns)
        head = " & ".join(escape_latex(column.title) for column in self.columns)
        body = "\n".join(" & ".join(escape_latex(text) for text in row) + r" \\" for row in self.texts())
        said = " ".join(text for text in (self.note, self.source) if text)
        note = f"\n\\par\\small {escape_latex(said)}" if said else ""
        return (
            "\\begin{table}\n\\centering\n"
            f"\\caption{{{escape_latex(self.caption)}}}\n\\label{{tab:{self.name}}}\n"
            f"\\begin{{tabular}}{{{layout}}}\n\\toprule\n{head} \\\\\n\\midrule\n{body}\n\\bottomrule\n"
            f"\\end{{tabular}}{note}\n\\end{{table}}\n"
        )
