"""The report on CIFAR-10: ten classes in one order, least epsilon whole, images, what must be said at once."""

import copy
import csv
import io
import re
import statistics
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from example_cifar10 import ARMS, CLASSES, EPSILONS, class_accuracy
from example_parts import with_parts

from fairtoll.findings.results import Results
from fairtoll.report import render_html
from fairtoll.report.arms import arm_colours
from fairtoll.report.build import build
from fairtoll.report.charts.classes import change, shared_domain
from fairtoll.report.charts.gaps import headings_of
from fairtoll.report.charts.static import key_lines
from fairtoll.report.charts.strip import strip_svg
from fairtoll.report.charts.style import Key
from fairtoll.report.compared import together
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import in_unit, own_value, radius
from fairtoll.report.section import Section
from fairtoll.report.sections.examples import strip_of
from fairtoll.report.sections.least_epsilon import quantile
from fairtoll.report.select import class_order, describe

HARDEST_FIRST = [CLASSES[index] for index in np.argsort(class_accuracy("standard"), kind="stable")]
SOURCE = "Data: CIFAR-10 (JPEG copy), not the official pixels."


@pytest.fixture(scope="module")
def sections(cifar10: Results) -> dict[str, Section]:
    return {section.anchor: section for section in build(cifar10)}


@pytest.fixture(scope="module")
def page(quick_cifar10_folder: Path) -> str:
    return (quick_cifar10_folder / "report.html").read_text(encoding="utf-8")


def panels_of(section: Section) -> dict[str, Any]:
    return {panel.name: panel for figure in section.figures for panel in figure.panels}


def drawn(panel: Any, mark: str) -> list[list[dict[str, Any]]]:
    """The data of each layer of one kind of mark."""
    return [
        panel.spec["datasets"][layer["data"]["name"]]
        for layer in panel.spec["layer"]
        if layer["mark"]["type"] == mark and layer["mark"].get("opacity") != 0
    ]


def test_sections_follow_the_paper(sections: dict[str, Section]) -> None:
    names = ["paper", "accuracy", "class-accuracy", "least-epsilon", "attack-success", "examples", "transfer", "toll"]
    assert list(sections) == names
    titles = {"class-accuracy": "Figure 1", "least-epsilon": "Figure 2", "attack-success": "Table I and Figure 3"}
    for anchor, place in titles.items():
        assert place in sections[anchor].title


def test_classes_are_in_one_order_in_every_chart(cifar10: Results, sections: dict[str, Section]) -> None:
    assert class_order(cifar10) == HARDEST_FIRST
    found = 0
    for section in sections.values():
        for panel in panels_of(section).values():
            keys = panel.spec["layer"][0]["encoding"].get("y", {}).get("scale", {}).get("domain", [])
            names = [key.split("\N{INVISIBLE SEPARATOR}")[1] for key in keys if isinstance(key, str)]
            if set(names) == set(CLASSES):
                found += 1
                assert names == HARDEST_FIRST, panel.name
    # CAU, the mean and the censored share of least epsilon, two evaluations at each radius, matched success; twice.
    assert found == 2 * (1 + 2 + 2 * len(EPSILONS) + 1)


def test_without_accuracies_the_order_is_the_data_s(cifar10: Results) -> None:
    bare = with_parts(cifar10, findings=[])
    assert class_order(bare) == list(CLASSES)
    assert [section.anchor for section in build(bare)][-1] == "transfer"


def test_class_panel_draws_what_the_finding_says(cifar10: Results, sections: dict[str, Section]) -> None:
    (finding,) = together(f for f in cifar10.findings if f.metric == "cau" and f.protocol == "paper")
    panel = panels_of(sections["class-accuracy"])["cau-paper-0"]
    marks = drawn(panel, "point")
    arms = finding.arms()
    assert len(marks) == len(arms)
    for entries, arm in zip(marks, arms, strict=True):
        by_class = {group.group: group.value for group in arm.groups}
        assert [entry["x"] for entry in entries] == pytest.approx([100 * by_class[name] for name in HARDEST_FIRST])
    standard, robust = class_accuracy("standard"), class_accuracy("static")
    for name, entry in zip(HARDEST_FIRST, drawn(panel, "text")[0], strict=True):
        apart = 100 * (robust - standard)[CLASSES.index(name)]
        assert float(entry["text"].replace("\N{MINUS SIGN}", "-")) == pytest.approx(apart, abs=0.051)
        assert entry["text"] == change(finding, name)


def test_success_panels_share_an_axis_that_holds_every_class(cifar10: Results) -> None:
    found = [f for f in cifar10.findings if f.metric == "cru_s"][:3]
    values = [100 * g.value for f in found for role in ("standard", "robust") for g in getattr(f, role).groups]
    low, high = shared_domain(together(found))
    assert 0 <= low <= min(values)
    assert max(values) <= high <= 100


def test_censored_share_is_beside_the_mean(cifar10: Results, sections: dict[str, Section]) -> None:
    panel = panels_of(sections["least-epsilon"])["cru-epsilon-sound-censored"]
    entry = next(entry for entry in cifar10.least_epsilon if entry.arm == "online")
    by_class = {group.group: group.censored for group in entry.groups}
    shown = drawn(panel, "point")[1]
    assert [point["x"] for point in shown] == pytest.approx([100 * by_class[name] for name in HARDEST_FIRST])


def test_each_arm_has_its_distribution_with_its_own_extremes(cifar10: Results, sections: dict[str, Section]) -> None:
    panels = [panel for name, panel in panels_of(sections["least-epsilon"]).items() if "distribution" in name]
    assert [panel.title for panel in panels] == [title for title, _ in ARMS.values()]
    for panel, entry in zip(panels, cifar10.least_epsilon, strict=True):
        means = {group.group: group.mean for group in entry.groups if group.group != "all"}
        ends = {"hardest": min(means, key=means.__getitem__), "easiest": max(means, key=means.__getitem__)}
        data = panel.spec["datasets"]
        for style, name in ends.items():
            shares = next(group.broken for group in entry.groups if group.group == name)
            assert {point["line"] for point in data[style]} == {name}
            assert [point["x"] for point in data[style]] == entry.epsilons
            assert [point["y"] for point in data[style]] == pytest.approx([100 * share for share in shares])
        assert {point["line"] for point in data["other"]} == set(CLASSES) - set(ends.values())
        assert {point["line"] for point in data["whole"]} == {"all"}
        # The harder class's name stands above the easier one's.
        heights = {label["text"]: label["y"] for label in data["labels"]}
        assert heights[ends["hardest"]] > heights[ends["easiest"]]
        assert max(heights.values()) <= 100


def test_a_lone_class_is_neither_hardest_nor_easiest(cifar10: Results) -> None:
    results = copy.deepcopy(cifar10)
    for entry in results.least_epsilon:
        entry.groups = entry.groups[:2]
    section = next(s for s in build(results) if s.anchor == "least-epsilon")
    panel = panels_of(section)["least-epsilon-distribution-1"]
    assert {"hardest", "easiest", "labels"}.isdisjoint(panel.spec["datasets"])


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 1.0])
def test_quantile_is_the_sample_s(share: float) -> None:
    grid = np.linspace(0, 1, 201)
    values = np.random.default_rng(3).choice(grid[1:-20], size=400)
    broken = [(values <= radius).mean() for radius in grid]
    # The smallest value with at least this share of the sample at or below it.
    wanted = np.quantile(values, share, method="inverted_cdf")
    assert quantile(grid.tolist(), broken, share) == pytest.approx(wanted)


def test_least_epsilon_tables_hold_the_results(cifar10: Results, sections: dict[str, Section]) -> None:
    tables = {table.name: table for table in sections["least-epsilon"].tables}
    for row, entry in zip(tables["least-epsilon"].rows, cifar10.least_epsilon, strict=True):
        assert row[2:4] == [entry.mean, entry.sd]
        assert row[3] == pytest.approx(statistics.stdev(entry.per_run))
        assert row[4:6] == [entry.groups[0].median, entry.groups[0].censored]
    rows = tables["least-epsilon-class"].rows
    assert [row[1] for row in rows] == HARDEST_FIRST * len(ARMS)
    first = next(g for g in cifar10.least_epsilon[0].groups if g.group == HARDEST_FIRST[0])
    assert [rows[0][3], rows[0][4], rows[0][7], rows[0][8]] == [
        first.mean,
        first.median,
        first.broken[0],
        first.censored,
    ]
    _, *lines = csv.reader(io.StringIO(tables["least-epsilon-class"].to_csv()))
    assert float(lines[0][3]) == first.mean


def test_paper_table_pairs_printed_with_measured(cifar10: Results, sections: dict[str, Section]) -> None:
    tables = {table.name: table for table in sections["paper"].tables}
    assert [row[1:3] for row in tables["paper-points"].rows] == [
        [0.286, 0.344],
        [0.1343, 0.2585],
        [0.0845, 0.1627],
        [0.0471, 0.1056],
    ]
    (row,) = tables["paper-epsilon"].rows
    finding = next(f for f in cifar10.findings if f.metric == "cru_epsilon")
    assert row[1:6] == [0.0014, 0.005, *(getattr(finding, role).plain for role in ("standard", "robust", "control"))]
    assert row[6:12] == [
        finding.robust.null_95,
        finding.difference.standard,
        finding.difference.robust,
        finding.difference.value,
        *finding.difference.interval,
    ]
    assert row[12:] == [finding.verdict, finding.verdict_from_control]
    assert tables["paper-epsilon"].texts()[0][1:3] == ["0.00140", "0.00500"]


def test_toll_is_drawn_in_every_unit(sections: dict[str, Section]) -> None:
    panels = panels_of(sections["toll"])
    axes = {"toll-paper": "percentage points", "toll-paper-epsilon": "epsilon", "toll-paper-ratio": "multiples"}
    for name, unit in axes.items():
        assert f"Difference of gaps, {unit}" in str(panels[name].spec)
    assert len(panels) == 6


def test_findings_are_named_by_what_was_measured(cifar10: Results) -> None:
    names = {f.metric: describe(cifar10, f) for f in cifar10.findings if f.protocol == "paper"}
    assert names["cru_s_matched"] == "CRU_s matched at 80% by class, white-box"
    assert names["cru_epsilon"] == "CRU_ε by class, white-box, ε to 0.032"
    assert names["cru_epsilon_relative"] == "CRU_ε / mean by class, white-box, ε to 0.032"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0014, "0.00140"),
        (0.00012, "0.00012"),
        (-0.0023, "−0.00230"),
        (1e-7, "0"),
        (0.0312, "0.0312"),
        (41.27, "41.3"),
    ],
)
def test_small_radii_keep_their_digits(value: float, shown: str) -> None:
    assert radius(value) == in_unit(value, "epsilon") == own_value(value, "epsilon") == shown


def test_signs_and_other_units() -> None:
    assert in_unit(0.0014, "epsilon", sign=True) == "+0.00140"
    assert in_unit(1e-7, "epsilon", sign=True) == "0"
    assert in_unit(0.629, "ratio") == own_value(0.629, "ratio") == "0.629"
    assert own_value(0.5, "points") == "50.0"
    assert radius(None) == "–"


def test_the_first_screen_says_data_cuts_and_highlights(page: str, quick_cifar10: Results) -> None:
    text = unescape(page)
    places = [
        text.index(words) for words in (f'<p class="data">{SOURCE}', "What this run reduced", "The answer in brief")
    ]
    places += [text.index(quick_cifar10.highlights[0]), text.index("What the paper claims, judged")]
    assert places == sorted(places)
    for cut in quick_cifar10.cuts:
        assert cut[1:] in text


def test_what_is_not_there_is_not_announced(example: Results) -> None:
    bare = with_parts(example, findings=[], accuracy=[])
    body = render_html(bare).split("</style>")[1]
    for words in ("What this run reduced", 'class="data"', 'class="source"', 'class="highlight"', 'class="pictures"'):
        assert words not in body


def test_unofficial_data_are_named_wherever_a_figure_goes(quick_cifar10_folder: Path, page: str) -> None:
    figures = list((quick_cifar10_folder / "figures").glob("*.svg"))
    assert page.count(f'<span class="source">{SOURCE}</span>') == len(figures)
    for path in figures:
        assert SOURCE in path.read_text(encoding="utf-8"), path.name
    for path in (quick_cifar10_folder / "tables").glob("*.tex"):
        if path.stem not in ("claims", "findings"):
            assert SOURCE in path.read_text(encoding="utf-8"), path.name


def test_one_training_run_is_said_with_every_verdict(page: str, quick_cifar10: Results) -> None:
    badges = re.findall(r'<span class="badge inconclusive">([^<]*)</span>', page)
    # Each finding shows what these two models do, and beside it why the recipes stay open, against the control too; one
    # of each such claim; one explains the word.
    claims = sum(claim.judgement == "inconclusive" for claim in quick_cifar10.claims)
    assert page.count("recipes: inconclusive, one training run") == len(quick_cifar10.findings)
    assert badges.count("inconclusive, one training run") == len(quick_cifar10.findings)
    assert len(badges) == len(quick_cifar10.findings) + claims + 1


def test_images_are_shown_as_they_came_with_words_for_them(page: str, quick_cifar10: Results) -> None:
    images = re.findall(r'<img src="([^"]*)" alt="([^"]*)"', page)
    examples = quick_cifar10.examples
    assert [uri for uri, _ in images] == [uri for e in examples for uri in (e.clean, e.adversarial, e.difference)]
    assert images[1][1] == ("Adversarial example, class ship: the Standard model says airplane with 64% confidence")
    assert images[2][1] == "Difference of the two, magnified 40 times around middle grey"
    assert "No pixel moves by more than 0.01 of the pixel range (2.55 of 255 levels)" in page
    wrong = sum(e.adversarial_prediction != e.class_name for e in examples)
    assert page.count('<span class="says wrong">') == wrong


def test_images_as_a_file(quick_cifar10_folder: Path, quick_cifar10: Results) -> None:
    path = quick_cifar10_folder / "figures" / "examples.svg"
    root = ElementTree.parse(path).getroot()
    images = [node for node in root.iter() if node.tag.endswith("image")]
    assert len(images) == 3 * len(quick_cifar10.examples)
    assert all(float(str(node.get("width"))) >= 96 for node in images)
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/a.png",
        "javascript:alert(1)",
        "data:image/svg+xml;base64,PHN2Zz4=",
        'data:image/png;base64,AAAA" onerror="alert(1)',
        "",
    ],
)
def test_only_png_data_are_shown(quick_cifar10: Results, address: str) -> None:
    example = quick_cifar10.examples[0].model_copy(update={"clean": address})
    results = with_parts(quick_cifar10, examples=[example], findings=[], accuracy=[], least_epsilon=[])
    text = render_html(results)
    body = text.split("</style>")[1].split('<script type="application/json"')[0]
    assert body.count("<img ") == 2
    assert "no picture" in body
    strip = strip_of(results)
    assert strip is not None
    for written in (body, strip_svg(strip)):
        assert not address or address not in written


def test_hostile_names_in_images_are_text(quick_cifar10: Results) -> None:
    names = {"class_name": '<b>"&', "adversarial_prediction": "</svg><script>"}
    example = quick_cifar10.examples[0].model_copy(update=names)
    strip = strip_of(with_parts(quick_cifar10, examples=[example]))
    assert strip is not None
    root = ElementTree.fromstring(strip_svg(strip))
    assert not [node for node in root.iter() if node.tag.endswith(("script", "}b"))]


def test_key_breaks_into_lines_that_fit() -> None:
    entries = [Key(f"an arm with a title, number {place}", "#000") for place in range(5)]
    lines = key_lines(tuple(entries), 500)
    assert [entry for line in lines for entry, _ in line] == entries
    assert len(lines) == 3
    assert all(line[0][1] == 0 for line in lines)
    assert key_lines((), 500) == []


def test_two_attacks_at_one_radius_are_distinguished(cifar10: Results) -> None:
    first = next(one for one in cifar10.findings if one.metric == "cru_s")
    second = copy.deepcopy(first)
    second.parameters.attack = "another"
    assert len(set(headings_of(together([first, second])))) == 2
    assert headings_of(together([first, first])) == ["ε = 0.01"]


@pytest.fixture(scope="module")
def three_arms(cifar10: Results) -> Results:
    """Both hardened arms under one protocol, as in an audit of three models."""
    both = [finding.model_copy(update={"protocol": "paper"}) for finding in cifar10.findings]
    return with_parts(cifar10, findings=both)


def test_two_hardened_arms_share_one_figure(three_arms: Results) -> None:
    section = next(s for s in build(three_arms) if s.anchor == "least-epsilon")
    (figure,) = [figure for figure in section.figures if figure.name.startswith("cru-epsilon-paper")]
    titles = [panel.title for panel in figure.panels]
    assert titles.count("CRU_ε") == titles.count("CRU_ε over the mean") == 1
    (relative,) = [panel for panel in figure.panels if panel.title == "CRU_ε over the mean"]
    for arm in ("standard", "static", "online"):
        assert relative.summary.count(f"{ARMS[arm][0]} 0.") == 1


def test_two_hardened_arms_are_columns_of_one_table(three_arms: Results) -> None:
    section = next(s for s in build(three_arms) if s.anchor == "toll")
    units = {metric_of(finding.metric).unit for finding in three_arms.findings}
    assert {table.name for table in section.tables} == {f"toll-paper-{unit}" for unit in units}
    table = next(table for table in section.tables if table.name == "toll-paper-points")
    titles = [column.title for column in table.columns]
    assert len(set(titles)) == len({column.csv_title for column in table.columns}) == len(titles)
    cau = next(row for row in table.rows if row[0] == "CAU by class")
    for arm in ("static", "online"):
        found = next(f for f in three_arms.findings if f.metric == "cau" and f.robust.arm == arm)
        assert cau[titles.index(f"Difference, {ARMS[arm][0]}")] == found.difference.value
        assert cau[titles.index(f"Verdict, {ARMS[arm][0]}")] == found.verdict
    assert sum(row[0] == "CAU by class" for row in table.rows) == 1


def test_arms_of_one_role_have_colours_of_their_own_whatever_their_names(cifar10: Results) -> None:
    colours = arm_colours(cifar10)
    assert len({colours[arm] for arm in ARMS}) == len(ARMS)
    names = {arm: f"model {place}" for place, arm in enumerate(ARMS)}
    text = cifar10.model_dump_json()
    for old, new in names.items():
        text = text.replace(f'"arm":"{old}"', f'"arm":"{new}"').replace(f'"name":"{old}"', f'"name":"{new}"')
    renamed = arm_colours(Results.model_validate_json(text))
    assert {names[arm]: colour for arm, colour in colours.items()} == renamed
