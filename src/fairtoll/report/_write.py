"""The report's files, each whole or not there at all."""

import os
import tempfile
from pathlib import Path

from fairtoll.findings.results import Results
from fairtoll.report import _html, _sections, _static, _strip, _tables
from fairtoll.report._format import Json, cleaned
from fairtoll.report._section import Section
from fairtoll.report._table import Table


def write_whole(path: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Write a file beside its place and move it there, so that no reader meets half of it.

    `durable` waits for the disk, which a hundred small files that can be drawn again are not worth.
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


def all_tables(results: Json, sections: list[Section]) -> list[Table]:
    """Return every table of the report: its sections', the claims and all findings."""
    tables = [table for section in sections for table in section.tables]
    if results.get("claims"):
        tables.append(_tables.claims_table(results))
    if results.get("findings"):
        tables.append(_tables.verdict_table(results, "findings", "All findings", results["findings"]))
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
    clean = cleaned(results.model_dump(mode="json"))
    sections = _sections.build(clean)
    figures = [figure for section in sections for figure in section.figures]
    svgs = {panel.name: _static.page_svg(panel) for figure in figures for panel in figure.panels}
    for table in all_tables(clean, sections):
        write_whole(folder / "tables" / f"{table.name}.csv", table.to_csv())
        write_whole(folder / "tables" / f"{table.name}.md", table.to_markdown())
        write_whole(folder / "tables" / f"{table.name}.tex", table.to_latex())
    for figure in figures:
        svg = _static.file_svg(figure, svgs)
        write_whole(folder / "figures" / f"{figure.name}.svg", svg)
        write_whole(folder / "figures" / f"{figure.name}.png", _static.to_png(svg))
    for strip in (strip for section in sections for strip in section.strips):
        svg = _strip.strip_svg(strip)
        write_whole(folder / "figures" / f"{strip.name}.svg", svg)
        write_whole(folder / "figures" / f"{strip.name}.png", _static.to_png(svg))
    page = folder / "report.html"
    write_whole(page, _html.render_page(clean, sections, svgs), durable=True)
    return page
