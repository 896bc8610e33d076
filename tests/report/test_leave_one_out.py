"""The section on leave-one-out: every number as the results have it, zero in its place, and what may be missing."""

import copy
import csv
import io
import math
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from example_images import png_uri
from example_leave_one_out import DESIGNS, MEMBERS, SIZES, TEST_ROWS, leave_one_out
from example_parts import NOTHING, bare, with_parts
from scipy.stats import spearmanr

from fairtoll.findings.results import Results
from fairtoll.report.build import build
from fairtoll.report.charts.growth import Growth, end_labels
from fairtoll.report.charts.log import LogAxis, log_axis
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.static import page_svg
from fairtoll.report.charts.strip import strip_svg
from fairtoll.report.section import Section
from fairtoll.report.sections.leave_one_out.figures import rank_correlation
from fairtoll.report.sections.leave_one_out.section import leave_one_out as section_of
from fairtoll.report.sections.leave_one_out.tables import share_of_most
from fairtoll.report.sections.leave_one_out.words import headlines, rate

Json = dict[str, Any]
ARMS = [
    {"name": "standard", "title": "Standard", "note": ""},
    {"name": "static", "title": "Static adversarial", "note": ""},
]


@pytest.fixture
def entries() -> list[Json]:
    return leave_one_out()


def results_of(entries: list[Json], dataset: str = "adult") -> Results:
    return bare(leave_one_out=entries, arms=ARMS, dataset=NOTHING | {"name": dataset})


def made(entries: list[Json]) -> Section:
    return section_of(results_of(entries))


def panels(section: Section) -> Json:
    return {panel.name: panel for figure in section.figures for panel in figure.panels}


@pytest.fixture(scope="module")
def whole() -> Section:
    """The section of the example as it is."""
    return made(leave_one_out())


def cells(section: Section, name: str) -> list[Json]:
    table = next(table for table in section.tables if table.name == name)
    return list(csv.DictReader(io.StringIO(table.to_csv())))


def drawn(panel: Any, mark: str) -> list[Json]:
    """The data of all layers of one kind of mark that can be seen."""
    return [
        entry
        for layer in panel.spec["layer"]
        if layer["mark"]["type"] == mark and layer["mark"].get("opacity") != 0
        for entry in panel.spec["datasets"][layer["data"]["name"]]
    ]


def test_section_is_last_and_only_where_there_is_something(entries: list[Json], audit: Results) -> None:
    assert [section.anchor for section in build(with_parts(audit, leave_one_out=entries))][-1] == "leave-one-out"
    assert "leave-one-out" not in [section.anchor for section in build(audit)]
    assert section_of(bare()).empty


def test_title_names_the_paper_s_table_on_its_own_data(entries: list[Json], whole: Section) -> None:
    assert "Table III" in section_of(results_of(entries, "cifar10")).title
    assert "Table III" not in whole.title


def test_names_of_panels_figures_and_tables_are_apart(whole: Section) -> None:
    drawn_panels = [panel.name for figure in whole.figures for panel in figure.panels]
    assert len(set(drawn_panels)) == len(drawn_panels)
    assert len({table.name for table in whole.tables}) == len(whole.tables)


def test_every_design_and_member_is_drawn(entries: list[Json], whole: Section) -> None:
    for place, arm in enumerate(("standard", "static"), 1):
        of_arm = [entry for entry in entries if entry["arm"] == arm]
        panel = panels(whole)[f"leave-one-out-flips-{place}"]
        rates = {entry["title"]: 100 * entry["flip_rate"] for entry in of_arm}
        marks = [entry for entry in drawn(panel, "point") if "tip design" in entry]
        assert {entry["tip design"]: entry["x"] for entry in marks} == pytest.approx(rates)
        single = sorted(entry["x"] for entry in drawn(panel, "circle"))
        members = [100 * value for entry in of_arm if entry["flip_rate"] for value in entry["per_member"]]
        assert single == pytest.approx(sorted(members))
        # Two floors are nothing but zero: no line, a mark at 0 and a 0 beside it.
        assert len(drawn(panel, "rule")) == len(DESIGNS) - 2
        assert [entry["text"] for entry in drawn(panel, "text")].count("0") == 2


def test_floors_are_hollow_and_the_paper_is_a_diamond(whole: Section) -> None:
    panel = panels(whole)["leave-one-out-flips-1"]
    hollow = {
        entry["tip design"]
        for layer in panel.spec["layer"]
        if layer["mark"]["type"] == "point" and layer["mark"].get("filled") is False
        for entry in panel.spec["datasets"][layer["data"]["name"]]
        if "tip design" in entry
    }
    assert hollow == {title for _, _, floor, title in DESIGNS.values() if floor}
    assert [entry["x"] for entry in drawn(panel, "point") if "tip published" in entry] == pytest.approx([29.26])
    assert "29.26" in [entry["text"] for entry in drawn(panel, "text")]


def test_both_arms_share_an_axis_that_holds_everything(whole: Section) -> None:
    scales = [panels(whole)[f"leave-one-out-flips-{place}"].spec["layer"][-2] for place in (1, 2)]
    domains = [scale["encoding"]["x"]["scale"]["domain"] for scale in scales]
    assert domains[0] == domains[1]
    assert domains[0][0] == 0
    assert 29.35 < domains[0][1] <= 100


def test_curves_are_the_results(entries: list[Json], whole: Section) -> None:
    found = panels(whole)
    for name, key, paper in (("luf", "luf", 0.7945), ("luf-t", "flips_per_row", 29.35)):
        points = drawn(found[f"leave-one-out-{name}-2"], "point")
        expected = [p[key] for entry in entries if entry["arm"] == "static" for p in entry["curve"]]
        assert sorted(p["y"] for p in points if "line" in p) == pytest.approx(sorted(expected))
        assert [(p["x"], p["y"]) for p in points if "line" not in p] == [(100, pytest.approx(paper))]
        assert {p["x"] for p in points if "line" in p} == set(SIZES)


def test_curves_that_end_alike_share_a_name_and_no_name_leaves_the_plot() -> None:
    axis = LogAxis(0.001, 10.0)
    lines = [Growth(name, [(5, value, {})]) for name, value in (("a", 0.0), ("b", 0.0), ("c", 9.0), ("d", 9.5))]
    lines += [Growth(name, [(5, 0.05, {})]) for name in ("Independent seeds", "New seed")]
    labels = end_labels(lines, axis)
    assert [label["text"] for label in labels] == ["a, b", "c", "d", "Independent seeds", "New seed"]
    places = [axis.place(label["y"]) for label in labels]
    assert places[0] == pytest.approx(0.04)
    assert places[2] == pytest.approx(1.0)
    assert places[2] - places[1] == pytest.approx(0.07)


def test_table_has_the_paper_s_identity_and_values(entries: list[Json], whole: Section) -> None:
    rows = cells(whole, "leave-one-out")
    assert len(rows) == len(entries) + 2
    for row in rows:
        # LUF_t |D| = LUF_l |D^L|, the paper's rows to its own rounding.
        flips = float(row["luf_t"]) * float(row["test_rows"])
        assert flips == pytest.approx(float(row["luf_l"]) * float(row["members"]), rel=1e-3)
        assert float(row["flipped"]) == pytest.approx(flips / float(row["test_rows"]) / float(row["members"]))
    paper = [row for row in rows if row["design"].startswith("The paper")]
    assert [(float(row["luf"]), float(row["luf_t"]), float(row["luf_l"])) for row in paper] == [
        (0.7694, 29.26, 2926.1),
        (0.7945, 29.35, 2934.89),
    ]
    ours = [row for row in rows if row not in paper]
    assert [float(row["luf"]) for row in ours] == pytest.approx([entry["luf"] for entry in entries])
    assert {int(row["members"]) for row in ours} == {MEMBERS}
    assert {int(row["test_rows"]) for row in ours} == {TEST_ROWS}


def test_contrasts_leave_out_floors_that_never_flip(entries: list[Json], whole: Section) -> None:
    rows = cells(whole, "leave-one-out-contrasts")
    assert [row["compared_with"] for row in rows].count("1 ulp") == 2
    assert not {"Rerun", "1 ulp"} & {row["design"] for row in rows}
    masked = entries[0]["above_floor"]
    assert float(rows[0]["flipped"]) == pytest.approx(masked["flip_rate"])
    assert [float(rows[0]["low"]), float(rows[0]["high"])] == pytest.approx(masked["interval"])


def test_groups_are_hardest_first_beside_their_error(entries: list[Json], whole: Section) -> None:
    panel = panels(whole)["leave-one-out-groups-2-1"]
    error = {group["group"]: group["error"] for group in entries[0]["groups"] if group["partition"] == "sex"}
    texts = sorted(drawn(panel, "text"), key=lambda entry: str(entry["key"]))
    assert [entry["text"] for entry in texts] == ["25.0", "8.0"]
    assert sorted(error, key=lambda name: -error[name]) == ["Male", "Female"]
    flips = {group["group"]: 100 * group["flip_rate"] for group in entries[0]["groups"] if group["partition"] == "sex"}
    assert [entry["x"] for entry in drawn(panel, "point")][:2] == pytest.approx([flips["Male"], flips["Female"]])
    race = panels(whole)["leave-one-out-groups-3-1"]
    assert "Other (too few rows)" in str(race.spec["layer"][0]["encoding"]["y"]["scale"]["domain"])
    assert len(cells(whole, "leave-one-out-groups")) == sum(len(entry["groups"]) for entry in entries)


def test_flips_in_hard_classes_are_said_where_there_are_many(entries: list[Json], whole: Section) -> None:
    assert not any("correlation" in figure.marks for figure in whole.figures)
    rng = np.random.default_rng(3)
    error, flips = rng.random(10), rng.integers(0, 4, 10) / 1000
    template = entries[0]["groups"][0]
    entries[0]["groups"] = [
        {**template, "group": f"class {index}", "error": error[index], "flip_rate": flips[index]} for index in range(10)
    ]
    expected = float(spearmanr(error, flips).statistic)
    assert rank_correlation(list(error), list(flips)) == pytest.approx(expected)
    said = made(entries[:1]).figures[-1].marks
    assert f"Standard {expected:.2f}." in said.replace("\N{MINUS SIGN}", "-")
    assert rank_correlation([0.1, 0.2], [0.0, 0.0]) is None


def test_rows_that_matter_most_are_left_out_rows_alone(entries: list[Json], whole: Section) -> None:
    rows = cells(whole, "leave-one-out-rows")
    expected = [
        (str(row["row"]), str(row["flips"])) for entry in (entries[0], entries[6]) for row in entry["most_influential"]
    ]
    assert [(row["training_row"], row["predictions_flipped"]) for row in rows] == expected
    assert {row["design"] for row in cells(whole, "leave-one-out-rows-other")} == {"Independent seeds", "Re-permuted"}


@pytest.mark.parametrize(
    ("per_member", "said"),
    [
        ([0.0] * 8, ""),
        ([0.1] * 5, ""),
        ([0.1] + [0.0] * 7, "A: 1 of 8 rows make every flip."),
        ([0.3] * 5 + [0.1] * 15, "A: 5 of 20 rows make 50% of all flips."),
    ],
)
def test_share_of_the_the_most_influential_rows(per_member: list[float], said: str) -> None:
    assert share_of_most(per_member, "A") == said


@pytest.mark.parametrize(
    ("interval", "judged"),
    [
        ([0.0001, 0.0003], "more than rounding does"),
        ([-0.0003, -0.0001], "less than rounding does"),
        ([-0.0001, 0.0003], "not distinguished from rounding"),
        ([0.0, 0.0], "not distinguished from rounding"),
        (None, None),
    ],
)
def test_headline_says_no_more_than_the_interval(entries: list[Json], interval: Any, judged: str | None) -> None:
    entries[0]["above_floor"]["interval"] = interval
    said = headlines(results_of(entries))[0]
    assert ("rounding" in said) is (judged is not None)
    assert judged is None or judged in said
    assert rate(entries[0]["flip_rate"]) + "%" in said
    assert "29.26%" in said


def test_one_member_one_arm_no_paper(entries: list[Json]) -> None:
    alone = copy.deepcopy(entries[0])
    alone |= {"members": 1, "luf_interval": None, "flip_rate_interval": None, "above_floor": None, "published": None}
    alone |= {"per_member": alone["per_member"][:1], "curve": alone["curve"][:1], "published_note": None}
    section = made([alone])
    assert section.figures[0].name == "leave-one-out-flips"
    assert "leave-one-out-growth" not in [figure.name for figure in section.figures]
    assert "Diamond" not in section.figures[0].marks
    assert not any("29.26" in text for table in section.tables for row in table.texts() for text in row)
    assert not drawn(panels(section)["leave-one-out-flips-1"], "rule")
    assert section.headlines == [
        f"Standard: leaving one training row out, all else fixed, flips {rate(alone['flip_rate'])}% of predictions."
    ]


def test_floors_alone(entries: list[Json]) -> None:
    section = made([entry for entry in entries if entry["floor"]])
    assert section.headlines == []
    assert {table.name for table in section.tables} >= {"leave-one-out", "leave-one-out-groups"}
    assert "leave-one-out-rows" not in [table.name for table in section.tables]


def test_nothing_ever_flips(entries: list[Json]) -> None:
    for entry in entries:
        entry |= {"flip_rate": 0.0, "flip_rate_interval": [0.0, 0.0], "per_member": [0.0] * MEMBERS, "published": None}
        entry |= {"luf": 0.0, "flips_per_row": 0.0, "flips_per_model": 0.0}
        entry["curve"] = [{**point, "luf": 0.0, "flips_per_row": 0.0} for point in entry["curve"]]
        entry["groups"] = [{**group, "flip_rate": 0.0} for group in entry["groups"]]
    for panel in panels(made(entries)).values():
        assert "NaN" not in page_svg(panel)


def test_shared_examples_are_said_to_be_an_approximation(entries: list[Json]) -> None:
    assert "approximation" not in made(entries).tables[0].note
    entries[6]["adversarial_examples"] = "shared"
    assert "approximation" in made(entries).tables[0].note


def test_zero_and_powers_of_ten_are_where_the_axis_says() -> None:
    """Vega's own drawing is the oracle of `LogAxis.place`."""
    axis = log_axis([0.0, 29.0], [0.02, 5.0], smallest=0.001, limit=100.0)
    values = [0.0, 0.02, 5.0, axis.top]
    rows = [Row(f"{value:g}", "#0072B2", value=value) for value in values]
    svg = page_svg(row_panel("log", "Log", rows, axis="percent", summary="", log=axis))
    marks = re.findall(r'<path[^>]*transform="translate\(([-0-9.e]+),[^)]*\)"[^>]*fill="#0072B2"', svg)
    places = [float(mark) for mark in marks]
    assert len(places) == len(values)
    width = places[-1] - places[0]
    assert [(place - places[0]) / width for place in places] == pytest.approx([axis.place(v) for v in values], abs=1e-3)
    for tick in ("0", "0.01", "0.1", "1", "10"):
        assert f">{tick}</text>" in svg
    assert [axis.value(axis.place(value)) for value in values] == pytest.approx(values)


def test_axis_keeps_its_limits() -> None:
    assert log_axis([], [], smallest=0.001).top > 0.001
    assert log_axis([99.0], [99.0], smallest=0.001, limit=100.0).domain == (0.0, 100.0)
    assert log_axis([1e-9], [1e-9], smallest=0.001).least == 0.001
    assert math.isclose(LogAxis(0.01, 5.0).place(5.0), 1.0)


def with_pictures(entries: list[Json], address: str) -> list[Json]:
    for entry in entries:
        for row in entry["most_influential"]:
            row["picture"] = None if entry["floor"] else address
    return entries


def test_left_out_images_are_shown_by_arm_with_what_their_absence_changes(entries: list[Json]) -> None:
    uri = png_uri(np.zeros((2, 2, 3), dtype=np.uint8))
    (strip,) = made(with_pictures(entries, uri)).strips
    masked = [entry for entry in entries if entry["design"] == "masked"]
    shown = [one for card in strip.cards for one in card.pictures]
    expected = [row for entry in masked for row in entry["most_influential"][:6]]
    assert [one.uri for one in shown] == [uri] * len(expected)
    assert [one.heading for one in shown] == [row["class_name"] for row in expected]
    assert [one.words for one in shown] == [f"{rate(row['flips'] / TEST_ROWS)}%" for row in expected]
    assert [card.heading for card in strip.cards] == ["Standard"] * 2 + ["Static adversarial"] * 2
    assert str(expected[0]["row"]) in shown[0].alt
    root = ElementTree.fromstring(strip_svg(strip))
    assert len([node for node in root.iter() if node.tag.endswith("image")]) == len(expected)


def test_rows_that_are_no_images_have_no_strip(whole: Section) -> None:
    assert whole.strips == []


def test_no_other_address_than_png_data_is_shown(entries: list[Json]) -> None:
    (strip,) = made(with_pictures(entries, "https://somewhere/x.png")).strips
    assert {one.uri for card in strip.cards for one in card.pictures} == {""}


def test_the_table_says_what_the_intervals_cover(entries: list[Json]) -> None:
    def note(section: Section) -> str:
        return next(table for table in section.tables if table.name == "leave-one-out").note

    assert "intervals are over left-out rows, not over its seed" in note(made(entries))
    for entry in entries:
        entry["references"] = 3
    assert "Means over 3 full models, each with its own seed: intervals are over left-out rows and full models" in note(
        made(entries)
    )
