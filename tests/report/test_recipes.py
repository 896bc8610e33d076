"""The report of a comparison of recipes: the frontier, tolls at equal robustness, who harms what, what repairs do."""

import csv
import io
import itertools

import numpy as np
import pytest
from example_leave_one_out import entry
from rich.console import Console

from example_defences import example_defences
from fairtoll.cli.display import print_summary
from fairtoll.findings.results import Results
from fairtoll.report.alarms import kinds
from fairtoll.report.build import build
from fairtoll.report.charts.frontier import HEIGHT, LINE, MOST, Place, Track, frontier_panel
from fairtoll.report.listing import finding_rows
from fairtoll.report.page import render_html
from fairtoll.report.section import Section


@pytest.fixture(scope="module")
def results() -> Results:
    return example_defences(2, runs=3, rows=400)


@pytest.fixture(scope="module")
def sections(results: Results) -> dict[str, Section]:
    return {section.anchor: section for section in build(results)}


def test_the_page_has_what_recipes_need_and_no_chart_of_every_arm(sections: dict[str, Section]) -> None:
    assert list(sections) == ["frontier", "matched", "harms", "repairs"]


def test_a_line_joins_the_strengths_of_one_recipe(sections: dict[str, Section], results: Results) -> None:
    for figure in sections["frontier"].figures:
        for panel, clean in zip(figure.panels, (True, False), strict=True):
            data = panel.spec["datasets"]
            lines: dict[str, list[float]] = {}
            for point in data["lines"]:
                lines.setdefault(point["line"], []).append(point["x"])
            assert lines == {
                f"Defence {number}": [
                    100 * found.value
                    for one in results.recipes
                    if one.family == f"defence {number}"
                    for found in one.reached
                    if (found.evaluation == "clean") is clean
                ]
                for number in (1, 2)
            }
            named = {label["text"] for label in data["labels"]}
            assert named == {"Standard", "Defence 1", "Defence 2", "Weight averaging", "FRL", "FRL over sex"}


def test_many_notes_are_folded_and_none_is_lost(results: Results) -> None:
    noted = results.model_copy(update={"notes": [f"Note number {number} ends here." for number in range(30)]})
    page = render_html(noted)
    assert all(page.count(f"Note number {number} ends here.") == 1 for number in range(30))
    assert "<summary>26 more</summary>" in page
    few = results.model_copy(update={"notes": noted.notes[:10]})
    assert "more</summary>" not in render_html(few)


def test_more_recipes_than_fit_are_shown_as_defences_and_as_repairs() -> None:
    crowd = example_defences(MOST, runs=2, rows=200)
    found = {figure.name: figure for section in build(crowd) for figure in section.figures}
    names = [name for name in found if name.startswith("frontier")]
    assert names == [f"frontier-{by}-{part}" for by in ("class", "sex") for part in ("defences", "repairs")]
    shown = [key.label.split(" ", 1)[1] for key in found["frontier-class-defences"].key]
    assert shown == ["Standard", *(f"Defence {number + 1}" for number in range(MOST)), "Weight averaging"]
    assert [key.label for key in found["frontier-sex-repairs"].key] == ["Standard", "Weight averaging", "FRL over sex"]


@pytest.mark.parametrize("count", [1, 6, 20])
def test_labels_keep_apart_and_stay_beside_the_plot(count: int) -> None:
    tracks = [
        Track(f"Recipe {number}", str(number), "#D55E00", "circle", [Place(78 + 0.01 * number, 70.0, {"recipe": "x"})])
        for number in range(count)
    ]
    panel = frontier_panel("a", "A", tracks, axes=("x", "y"), summary="", many=count > 6)
    low, high = panel.spec["layer"][-1]["encoding"]["y"]["scale"]["domain"]
    heights = sorted(label["y"] for label in panel.spec["datasets"]["labels"])
    assert all(later - before > 0.99 * (high - low) * LINE / HEIGHT for before, later in itertools.pairwise(heights))
    assert low <= heights[0] <= heights[-1] <= high
    assert {label["text"] for label in panel.spec["datasets"]["labels"]} == {
        str(number) if count > 6 else f"Recipe {number}" for number in range(count)
    }


def test_verdicts_say_who_harms_what(sections: dict[str, Section], results: Results) -> None:
    findings = {one.id: one for one in results.findings}
    of_class = next(table for table in sections["harms"].tables if table.name == "harms-class")
    assert [row[0] for row in of_class.rows] == ["Defence 1", "Defence 2", "Weight averaging", "FRL", "FRL over sex"]
    words = {"less fair": "harms", "fairer": "does not", "equivalent": "does not", "inconclusive": "inconclusive"}
    for row, arm in zip(of_class.rows, ("defence 1", "defence 2", "averaging", "frl", "frl-sex"), strict=True):
        finding = findings[f"defences/{arm}/cau/class/clean"]
        assert str(row[1]).startswith(words[finding.verdict])


@pytest.mark.parametrize(
    ("verdict", "levelled", "said"),
    [
        ("less fair", False, "harms"),
        ("fairer", False, "does not: fairer"),
        ("fairer", True, "does not: fairer by levelling down"),
        ("equivalent", False, "does not: the same"),
        ("inconclusive", True, "inconclusive"),
    ],
)
def test_a_verdict_in_words(results: Results, verdict: str, levelled: bool, said: str) -> None:
    group = {"group": "low", "standard": 0.9, "robust": 0.7}
    down = {"standard_gap": 0.2, "robust_gap": 0.0, "best": group, "worst": group, "robust_worst": group}
    changed = [
        one.model_dump() | {"verdict": verdict, "levelling_down": down if levelled else None}
        for one in results.findings
    ]
    made = Results.model_validate(results.model_dump() | {"findings": changed})
    table = next(table for section in build(made) for table in section.tables if table.name == "harms-class")
    assert {str(row[1]).partition(" (")[0] for row in table.rows} == {said}


def test_pairs_that_were_requested_have_a_table_of_their_own(sections: dict[str, Section]) -> None:
    assert "harms-pairs" not in {table.name for table in sections["harms"].tables}
    made = example_defences(2, runs=3, rows=400, pairs=[("defence 1", "defence 2"), ("averaging", "defence 1")])
    table = next(table for section in build(made) for table in section.tables if table.name == "harms-pairs")
    pairs = ["Defence 2 against Defence 1", "Defence 1 against Weight averaging"]
    assert list(dict.fromkeys(row[0] for row in table.rows)) == pairs
    found = {(one.standard.arm, one.robust.arm, one.metric, one.parameters.partition): one for one in made.findings}
    finding = found["defence 1", "defence 2", "cau", "class"]
    assert table.rows[0][1:3] == ["CAU by class", finding.verdict]
    low, high = (f"{100 * end:+.1f}".replace("-", "\u2212") for end in finding.difference.interval)
    assert str(table.rows[0][3]).endswith(f" ({low} to {high})")
    # One family: what is requested in addition widens every interval of the same metric.
    alone = {one.id: one for one in example_defences(2, runs=3, rows=400).findings}
    assert finding.family == alone["defences/defence 1/cau/class/clean"].family + 4  # two pairs by class and by sex


def test_the_terminal_says_what_pairs_show_that_were_requested() -> None:
    made = example_defences(2, runs=3, rows=400, pairs=[("defence 1", "defence 2")])
    console = Console(file=io.StringIO(), width=400)
    print_summary(made, console)
    (said,) = [line for line in console.file.getvalue().splitlines() if line.startswith("Defence 2 against")]  # type: ignore[attr-defined]
    found = [one for one in made.findings if (one.standard.arm, one.robust.arm) == ("defence 1", "defence 2")]
    gap = next(one for one in found if one.metric == "cau" and one.parameters.partition == "class")
    assert f"between the classes: CAU {100 * gap.difference.value:+.1f} points (" in said
    assert f"), {gap.verdict}" in said
    whole = [one for one in found if one.parameters.denominator != "correct"]
    assert f". Of its {len(whole)} gaps: " in said


def test_notes_on_models_are_merged_and_folded(results: Results) -> None:
    arms = [one.arm for one in results.recipes][:6]
    alike = [{"id": "training", "title": "T", "arm": arm, "text": "Training stopped early."} for arm in arms]
    other = [{"id": "training", "title": "T", "arm": arm, "text": f"Not met by {number}."} for number, arm in
             enumerate(arms)]  # fmt: skip
    page = render_html(Results.model_validate(results.model_dump() | {"model_notes": [*alike, *other]}))
    text = page[page.index("notes-heading") :]
    assert text.count("Training stopped early.") == 1
    assert " and 3 more (6 arms): Training stopped early." in text
    assert all(text.count(f"Not met by {number}.") == 1 for number in range(6))
    shown, folded = text.split("<summary>6 more</summary>")
    assert "Not met" not in shown
    assert "Not met by 5." in folded
    one = render_html(Results.model_validate(results.model_dump() | {"model_notes": alike[:1]}))
    assert "more</summary>" not in one[one.index("notes-heading") :].partition("</section>")[0]


def test_an_interval_past_the_axis_ends_in_an_arrowhead() -> None:
    places = [Place(80.0 + number, 70.0, {"recipe": "x"}, y_interval=(69.0, 71.0)) for number in range(4)]
    places.append(Place(84.0, 70.0, {"recipe": "x"}, y_interval=(30.0, 71.0)))
    tracks = [Track(f"R{n}", str(n), "#D55E00", "circle", [place]) for n, place in enumerate(places)]
    panel = frontier_panel("a", "A", tracks, axes=("x", "y"), summary="", many=False)
    low, _ = panel.spec["layer"][-1]["encoding"]["y"]["scale"]["domain"]
    heads = {key: data for key, data in panel.spec["datasets"].items() if key.startswith("cut-")}
    assert panel.cut
    assert low > 30
    assert [(key, one["x"], one["y"]) for key, data in heads.items() for one in data] == [
        ("cut-triangle-down", 84, low)
    ]
    whole = frontier_panel("a", "A", tracks[:4], axes=("x", "y"), summary="", many=False)
    assert not whole.cut


def test_a_title_that_would_be_cut_off_is_a_number(results: Results) -> None:
    long = [
        one.model_dump() | ({"family_title": "Constrained: robust loss over sex"} if one.family == "frl" else {})
        for one in results.recipes
    ]
    made = build(Results.model_validate(results.model_dump() | {"recipes": long}))
    figure = next(figure for section in made for figure in section.figures if figure.name == "frontier-class")
    labels = {label["text"] for label in figure.panels[0].spec["datasets"]["labels"]}
    assert labels == {"0", "1", "2", "3", "4", "5"}
    assert "4 Constrained: robust loss over sex" in {key.label for key in figure.key}


def test_a_gap_that_grew_is_not_said_to_be_levelled_down(results: Results) -> None:
    group = {"group": "low", "standard": 0.9, "robust": 0.7}
    down = {"standard_gap": 0.2, "robust_gap": 0.1, "best": group, "worst": group, "robust_worst": group}
    first = next(one for one in results.findings if one.difference is not None).model_dump()

    def said(value: float, plain: float, verdict: str = "inconclusive") -> bool:
        difference = first["difference"] | {"value": value, "plain": plain}
        finding = first | {"levelling_down": down, "verdict": verdict, "difference": difference}
        (row,) = finding_rows(Results.model_validate(results.model_dump() | {"findings": [finding]}))
        return bool(row.levelling)

    assert said(-0.1, -0.1)
    assert said(0.1, -0.1, "fairer")
    assert not said(0.1, -0.1)
    assert not said(-0.1, 0.1)


def test_alarms_of_other_strengths_are_folded(results: Results) -> None:
    loud = {"id": "a", "title": "A", "fired": True, "message": "m", "value": 0.5}
    alarms = [loud | {"arm": arm} for arm in ("defence 1", "defence 1-radius-0.5", "noise")]
    (kind,) = kinds(Results.model_validate(results.model_dump() | {"alarms": alarms}), fired=True)
    assert [one.arm for one in kind.arms] == ["Defence 1"]
    assert [one.arm for one in kind.controls] == ["Defence 1, radius 0.5", "Control: noise"]


def test_repairs_are_held_against_the_baseline_first(sections: dict[str, Section], results: Results) -> None:
    base, plain, *_ = sections["repairs"].tables
    assert (base.caption, plain.caption) == ("Against weight averaging", "Against standard")
    assert [row[:2] for row in base.rows] == [["FRL", "class"], ["FRL over sex", "sex"]]
    assert [row[0] for row in plain.rows] == ["Weight averaging", "FRL", "FRL over sex"]
    seconds = {one.arm: one.seconds for one in results.recipes}
    assert base.rows[0][-1] == pytest.approx(seconds["frl"] / seconds["averaging"])


def test_who_loses_is_whose_own_accuracy_falls(results: Results) -> None:
    changed = []
    for one in results.findings:
        value = -0.1 if one.metric == "cau" else 0.1  # of accuracy a loss, and of attack success too
        group = {"group": "low", "standard": 0.5, "robust": 0.5 + value, "value": value}
        changes = [group | {"interval": (value - 0.01, value + 0.01)}, group | {"group": "high", "interval": (-1, 1)}]
        changed.append(one.model_dump() | {"changes": changes})
    made = Results.model_validate(results.model_dump() | {"findings": changed})
    tables = {table.name: table for section in build(made) for table in section.tables}
    losses = [row for row in tables["repairs-losers"].rows if row[:2] == ["FRL", "Weight averaging"]]
    assert [row[2:6] for row in losses if row[3] == "class"] == [
        ["low", "class", "clean", -0.1],
        ["low", "class", "robust", -0.1],
    ]
    assert "clean: class low, sex low; robust: class low, sex low" in tables["repairs-baseline"].rows[0]


def left_out(results: Results, flips: dict[str, tuple[float, tuple[float, float] | None]]) -> Results:
    """The results with a study of the standard arm and of others, which flip so many more predictions than it."""
    generator, entries = np.random.default_rng(0), []
    for arm in ("standard", *flips):
        for design in ("masked", "one-ulp", "new-seed"):
            made = entry(generator, arm, design) | {"published": None, "published_note": None}
            if arm in flips and design == "masked":
                rate, interval = flips[arm]
                contrast = {"design": design, "interval": interval, "paired": True, "luf": 0.1}
                made["above_standard"] = contrast | {"arm": "standard", "flip_rate": rate}
                if arm != "averaging":
                    made["above_baseline"] = contrast | {"arm": "averaging", "flip_rate": rate / 2}
            entries.append(made)
    return Results.model_validate(results.model_dump() | {"leave_one_out": entries})


def test_who_depends_on_single_rows_is_judged_by_the_margin_of_rates(results: Results) -> None:
    flips = {
        "defence 1": (0.03, (0.025, 0.035)),  # above 2 points as a whole
        "defence 2": (0.001, (-0.001, 0.003)),
        "averaging": (0.018, (0.01, 0.03)),
        "frl": (0.0, None),
    }
    made = {section.anchor: section for section in build(left_out(results, flips))}
    tables = {table.name: table for table in made["harms"].tables}
    assert tables["harms-class"].columns[-1].title == "LUF, flip rate"
    assert [row[-1] for row in tables["harms-class"].rows] == [
        "harms (+3.00)",
        "does not: the same (+0.10)",
        "inconclusive (+1.80)",
        "inconclusive (0.00)",
        None,
    ]
    others = [table for name, table in tables.items() if name != "harms-class"]
    assert others
    assert all("LUF" not in column.title for table in others for column in table.columns)
    assert "LUF: how many more" in made["harms"].lead
    study = made["leave-one-out"]
    assert [figure.name for figure in study.figures] == ["leave-one-out-flips"]
    assert [panel.title for panel in study.figures[0].panels] == [
        *("Standard", "Defence 1", "Defence 2", "Weight averaging", "FRL")
    ]
    (said,) = study.headlines
    assert said.startswith("Predictions that leaving one training row out flips, all else fixed: Standard 0.0")
    assert "Rounding" not in said
    assert "A new seed, with no row left out, flips 5." in said


def test_repairs_say_how_much_they_depend_on_single_rows(results: Results) -> None:
    flips = {"averaging": (0.02, (0.01, 0.03)), "frl": (0.004, (-0.002, 0.01)), "frl-sex": (0.0, None)}
    made = next(section for section in build(left_out(results, flips)) if section.anchor == "repairs")
    base, plain, *_ = made.tables
    place = [column.title for column in plain.columns].index("LUF, flip rate")
    assert [row[place] for row in plain.rows] == [
        "+2.00 (+1.00 to +3.00)",
        "+0.40? (\u22120.20 to +1.00)",
        "0?",
    ]
    assert [column.title for column in base.columns].index("LUF, flip rate") == place
    assert [row[place] for row in base.rows] == ["+0.20? (\u22120.20 to +1.00)", "0?"]
    assert "LUF: how many more" in made.lead


def test_without_leave_one_out_there_is_no_such_column(sections: dict[str, Section]) -> None:
    tables = [table for name in ("harms", "repairs") for table in sections[name].tables]
    assert all("LUF" not in column.title for table in tables for column in table.columns)
    assert "LUF" not in sections["harms"].lead + sections["repairs"].lead


def test_tables_give_every_number_to_files(sections: dict[str, Section], results: Results) -> None:
    tables = {table.name: table for section in sections.values() for table in section.tables}
    for table in tables.values():
        header = next(csv.reader(io.StringIO(table.to_csv())))
        assert len(header) == len(set(header)), table.name
    assert len(tables["recipes"].rows) == len(results.recipes)
    assert {row[9] for row in tables["recipes"].rows} == {"white-box, union"}
    assert len(tables["recipes-intervals"].rows) == sum(
        1 + len(found.worst) for one in results.recipes for found in one.reached
    )


def test_the_answer_says_what_costs_least_who_pays_what_repairs_and_what_is_open(results: Results) -> None:
    least, who, repair, *counts = results.answer
    assert least.startswith(("At equal robust accuracy", "Which recipe costs least"))
    assert who.startswith("On clean rows")
    assert "weight averaging" in repair
    assert len(counts) == 1


def test_the_terminal_shows_own_strengths(results: Results) -> None:
    console = Console(file=io.StringIO(), width=100)
    print_summary(results, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    shown = [line.partition("\u2502")[0].strip() for line in text.splitlines() if "\u2502" in line]
    assert shown == ["Standard", "Defence 1", "Defence 2", "Weight averaging", "FRL", "FRL over sex"]


def by_runs(results: Results, runs: int) -> Results:
    """The results as if every arm had so many training runs."""
    few = [one.model_copy(update={"runs": min(one.runs, runs)}) for one in results.findings]
    recipes = [
        one.model_copy(update={"reached": [f.model_copy(update={"per_run": f.per_run[:runs]}) for f in one.reached]})
        for one in results.recipes
    ]
    return results.model_copy(update={"findings": few, "recipes": recipes})


def test_nobody_is_said_to_lose_by_fewer_than_three_training_runs(results: Results) -> None:
    def tables(of: Results) -> dict[str, list[list[object]]]:
        (section,) = (one for one in build(of) if one.anchor == "repairs")
        return {"lead": [[section.lead]]} | {table.name: table.rows for table in section.tables}

    assert "repairs-losers" in tables(results)
    two = tables(by_runs(results, 2))
    assert "repairs-losers" not in two
    assert {row[-2] for row in two["repairs-baseline"]} == {"nobody shown"}
    assert "fewer than 3 training runs" in str(two["lead"])
    assert "fewer than" not in str(tables(results)["lead"])


def test_a_repair_without_a_baseline_is_introduced_in_whole_sentences(results: Results) -> None:
    alone = results.model_copy(update={"recipes": [one for one in results.recipes if one.role != "baseline"]})
    (section,) = (one for one in build(alone) if one.anchor == "repairs")
    assert section.lead.startswith("A repair has to beat what treats all classes and groups alike and takes ")
    assert ",," not in section.lead


def test_intervals_of_one_training_run_are_over_rows_alone(results: Results) -> None:
    (section,) = (one for one in build(by_runs(results, 1)) if one.anchor == "frontier")
    for said in (section.tables[1].note, section.figures[0].marks):
        assert "over rows alone" in said
        assert "training runs and rows" not in said


def test_an_effect_that_cannot_be_is_not_said_to_be_detectable(results: Results) -> None:
    first = next(one for one in results.findings if one.metric == "cau" and one.difference)
    assert first.difference is not None
    for least, said in ((6.7, "none (not even the largest that there can be)"), (0.067, "6.70 points")):
        changed = first.difference.model_copy(update={"least_detectable": least})
        (row,) = finding_rows(
            results.model_copy(update={"findings": [first.model_copy(update={"difference": changed})]})
        )
        assert row.least == said
