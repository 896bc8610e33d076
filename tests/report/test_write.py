"""Files: all there, whole or not at all, the same for the same results."""

import copy
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from example_parts import with_parts

from fairtoll.findings.results import Results
from fairtoll.report import write_report
from fairtoll.report.build import build
from fairtoll.report.write import all_tables, write_whole


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_figure_is_an_svg_and_a_png(example_folder: Path) -> None:
    svgs = sorted((example_folder / "figures").glob("*.svg"))
    assert len(svgs) >= 10
    for path in svgs:
        root = ElementTree.parse(path).getroot()
        assert root.tag.endswith("svg")
        text = path.read_text(encoding="utf-8")
        assert "currentColor" not in text
        assert "<title>" in text
        assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_each_table_comes_in_three_forms(example_folder: Path) -> None:
    stems = {path.stem for path in (example_folder / "tables").iterdir()}
    for stem in stems:
        for ending in ("csv", "md", "tex"):
            assert (example_folder / "tables" / f"{stem}.{ending}").stat().st_size > 0


def test_the_same_results_give_the_same_bytes(audit: Results, audit_folder: Path, tmp_path: Path) -> None:
    page = write_report(copy.deepcopy(audit), tmp_path)
    assert page == tmp_path / "report.html"
    assert files_of(tmp_path) == files_of(audit_folder)


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    write_whole(path, "old")

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_written_files_can_be_read_by_others(audit_folder: Path) -> None:
    assert (audit_folder / "report.html").stat().st_mode & 0o044


def test_findings_alike_do_not_overwrite_each_other(example: Results) -> None:
    results = copy.deepcopy(example)
    doubled = with_parts(results, findings=[finding for finding in results.findings for _ in range(2)])
    sections = build(doubled)
    figures = [figure for section in sections for figure in section.figures]
    for names in (
        [figure.name for figure in figures],
        [panel.name for figure in figures for panel in figure.panels],
        [table.name for table in all_tables(doubled, sections)],
    ):
        assert len(names) == len(set(names))


def test_every_file_stays_in_the_folder(audit: Results, tmp_path: Path) -> None:
    hostile = copy.deepcopy(audit)
    for finding in hostile.findings:
        finding.metric = "../own metric"
    write_report(hostile, tmp_path / "report")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    names = {path.name for path in (tmp_path / "report").rglob("*") if path.is_file()}
    assert not any(set("/\\<> ") & set(name) for name in names)
