"""Tables: every number survives the CSV, every text survives LaTeX and Markdown."""

import copy
import csv
import io
import math

import pytest

from fairtoll.findings.results import Results
from fairtoll.report.build import build
from fairtoll.report.numbers import in_unit, interval, number, p_value, percent
from fairtoll.report.tables.table import Column, Table, escape_latex, escape_markdown
from fairtoll.report.write import all_tables


@pytest.fixture(scope="module")
def tables(example: Results) -> list[Table]:
    results = copy.deepcopy(example)
    return all_tables(results, build(results))


def test_csv_gives_back_every_number(tables: list[Table]) -> None:
    assert len(tables) > 15
    for table in tables:
        header, *rows = list(csv.reader(io.StringIO(table.to_csv())))
        assert len(header) == len(set(header)) == len(table.columns), table.name
        assert len(rows) == len(table.rows)
        for texts, values in zip(rows, table.rows, strict=True):
            for text, value in zip(texts, values, strict=True):
                if value is None:
                    assert text == ""
                elif isinstance(value, str):
                    assert text.removeprefix("'") == value
                    assert not text.startswith(("=", "+", "-", "@"))
                else:
                    assert float(text) == value


def test_names_are_unique(tables: list[Table]) -> None:
    names = [table.name for table in tables]
    assert len(names) == len(set(names))


def test_findings_table_holds_each_difference(tables: list[Table], example: Results) -> None:
    table = next(table for table in tables if table.name == "findings")
    undecided = ("inconclusive", "insufficient data")
    decided = [finding for finding in example.findings if finding.verdict not in undecided]
    open_ = [finding for name in undecided for finding in example.findings if finding.verdict == name]
    for row, finding in zip(table.rows, [*decided, *open_], strict=True):
        assert row[7:10] == [finding.difference.value, *finding.difference.interval]
        assert row[11] == finding.verdict
        assert row[5:7] == [getattr(finding, role).plain for role in ("standard", "robust")]


def test_paper_table_ii_is_beside_the_measured_values(tables: list[Table]) -> None:
    table = next(table for table in tables if table.name == "cru-s-paper")
    assert table.rows[0][:5] == ["the paper", "standard", 0.0611, 0.1081, 0.107]
    assert table.rows[1][:5] == ["the paper", "robust", 0.1866, 0.2338, 0.2272]
    measured = [[float(v) for v in row[2:5]] for row in table.rows[2:4]]  # type: ignore[arg-type]
    printed = [[0.0611, 0.1081, 0.107], [0.1866, 0.2338, 0.2272]]
    apart = [abs(a - b) for m, p in zip(measured, printed, strict=True) for a, b in zip(m, p, strict=True)]
    assert table.rows[3][5] == pytest.approx(sum(apart) / 6)


@pytest.mark.parametrize("character", list("&%$#_{}~^\\<>"))
def test_latex_escapes_each_special_character(character: str) -> None:
    escaped = escape_latex(character)
    assert escaped != character
    assert escaped.startswith("\\")


def test_latex_table_has_one_cell_per_column() -> None:
    hostile = "a & b \\ 50% $x_1$ {~^} #<>"
    table = Table("t", hostile, (Column(hostile), Column("n", number)), [[hostile, 1.5], ["two\nlines", None]])
    body = table.to_latex()
    lines = [line for line in body.splitlines() if line.endswith("\\\\")]
    assert len(lines) == 3
    assert all(line.replace("\\&", "").count("&") == 1 for line in lines)
    assert "\\begin{tabular}{lr}" in body


def test_markdown_keeps_its_columns() -> None:
    table = Table("t", "c", (Column("a|b"), Column("n", number)), [["x|y <b>\nz", 2.0]])
    rows = [line for line in table.to_markdown().splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 3 for line in rows)
    assert "<b>" not in table.to_markdown()
    assert escape_markdown("*a*") == "\\*a\\*"


def test_numbers_as_a_reader_sees_them() -> None:
    assert percent(0.12345) == "12.3"
    assert percent(-0.00001) == "0.0"
    assert in_unit(-0.0205, "points", sign=True) == "−2.05"
    assert in_unit(0.0, "points") == "0.00"
    assert number(3.6) == "3.60"
    assert number(15060) == "15,060"
    assert p_value(0.0) == "< 0.001"
    assert percent(math.nan) == number(None) == p_value(None) == "–"


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1"])
def test_csv_text_is_no_formula(text: str) -> None:
    body = Table("t", "c", (Column("a"), Column("n", number)), [[text, -1.5]]).to_csv()
    (_, row) = list(csv.reader(io.StringIO(body)))
    assert row == [f"'{text}", "-1.5"]


def test_toll_table_shows_what_the_difference_is_of(tables: list[Table], example: Results) -> None:
    table = next(table for table in tables if table.name == "toll-paper-points")
    finding = next(f for f in example.findings if f.metric == "cau" and f.parameters.partition == "class")
    row = dict(zip((column.csv_title for column in table.columns), table.rows[0], strict=True))
    for side in ("standard", "robust"):
        assert row[side] == getattr(finding.difference, side)
        assert str(row[f"worst_group_{side}"]).startswith(getattr(finding, side).worst_group)
    assert row["robust"] - row["standard"] == pytest.approx(row["difference"])
    assert row["runs"] == finding.difference.runs
    assert (row["difference"], row["low"], row["high"]) == (finding.difference.value, *finding.difference.interval)
    assert row["verdict"] == finding.verdict


def test_impossible_ends_are_said_to_be_beyond() -> None:
    assert interval([-6.74, 6.94], "points", sign=True) == "below −100 to above +100"
    assert interval([-6.74, 6.94], "epsilon") == "−6.74 to 6.94"


def test_the_toll_has_every_radius_of_classes_and_of_groups(tables: list[Table], example: Results) -> None:
    named = [str(row[0]) for table in tables if table.name.startswith("toll-sound") for row in table.rows]
    wanted = {
        (finding.parameters.partition, f"{finding.parameters.epsilon:g}")
        for finding in example.findings
        if finding.protocol == "sound" and finding.metric == "cru_s" and finding.parameters.evaluation == "white-box"
        and finding.parameters.denominator == "all" and finding.parameters.threat == "paper"
    }  # fmt: skip
    assert len(wanted) > 2
    for partition, epsilon in wanted:
        assert any(f"by {partition}, " in name and name.endswith(f"ε = {epsilon}") for name in named)
