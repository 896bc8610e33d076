"""The report's files, each written atomically."""

import os
import tempfile
from pathlib import Path

from fairtoll.findings.results import Results
from fairtoll.progress import part, tracked
from fairtoll.report.build import build
from fairtoll.report.charts.static import file_svg, page_svg, to_png
from fairtoll.report.charts.strip import strip_svg
from fairtoll.report.page import printable, render_page
from fairtoll.report.section import Section
from fairtoll.report.select import decided_first
from fairtoll.report.tables.findings import claims_table, verdict_table
from fairtoll.report.tables.table import Table


def write_whole(path: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Write a temporary file and move it into place, so that no reader sees a partial file.

    `durable` waits for the disk, which is not needed for small files that can be drawn again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def all_tables(results: Results, sections: list[Section]) -> list[Table]:
    """Return every table of the report: its sections', the claims and all findings."""
    tables = [table for section in sections for table in section.tables]
    if results.claims:
        tables.append(claims_table(results))
    if results.findings:
        found = sorted(results.findings, key=lambda finding: decided_first(results, finding))
        tables.append(verdict_table(results, "findings", "All findings", found))
    return tables


def write_report(results: Results, folder: Path) -> Path:
    """Write `report.html`, `figures/*.svg` and `.png`, `tables/*.csv`, `.md` and `.tex`.

    Parameters
    ----------
    results
        Everything written is a function of them alone: the same results give the same bytes.
    folder
        Where to; made if it is not there. Files of the same names are replaced, each in one step.

    Returns
    -------
    Path
        The page, `folder / "report.html"`.
    """
    folder = Path(folder)
    clean = printable(results)
    sections = build(clean)
    figures = [figure for section in sections for figure in section.figures]
    panels = [panel for figure in figures for panel in figure.panels]
    with part(0.5):
        svgs = {panel.name: page_svg(panel) for panel in tracked(panels)}
    for table in all_tables(clean, sections):
        write_whole(folder / "tables" / f"{table.name}.csv", table.to_csv())
        write_whole(folder / "tables" / f"{table.name}.md", table.to_markdown())
        write_whole(folder / "tables" / f"{table.name}.tex", table.to_latex())
    with part(0.4):
        for figure in tracked(figures):
            svg = file_svg(figure, svgs)
            write_whole(folder / "figures" / f"{figure.name}.svg", svg)
            write_whole(folder / "figures" / f"{figure.name}.png", to_png(svg))
    for strip in (strip for section in sections for strip in section.strips):
        svg = strip_svg(strip)
        write_whole(folder / "figures" / f"{strip.name}.svg", svg)
        write_whole(folder / "figures" / f"{strip.name}.png", to_png(svg))
    page = folder / "report.html"
    write_whole(page, render_page(clean, sections, svgs), durable=True)
    return page
