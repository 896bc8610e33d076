"""Charts: intervals far longer than the rest are cut and say so; names stand whole."""

import copy
from typing import Any

import pytest
from example_parts import with_parts

from fairtoll.findings.results import Results
from fairtoll.report.build import build
from fairtoll.report.charts.domain import cut_ends, reach, within
from fairtoll.report.charts.row import Row
from fairtoll.report.charts.rows import row_panel
from fairtoll.report.charts.static import page_svg
from fairtoll.report.charts.style import Panel

TITLES = {
    "standard": "Standard",
    "static": "Static adversarial",
    "repeated": "Control: each row twice",
    "noise": "Control: sign noise",
    "online": "On-line adversarial",
}


def test_axis_holds_every_point_and_stays_within_its_limit() -> None:
    assert reach([30.0], [1.0, 2.0, 900.0]) >= 30.0
    assert reach([30.0], [600.0, 700.0, 900.0], limit=100.0) == 100.0
    assert reach([], []) > 0


def test_long_interval_is_cut_with_an_arrowhead_at_each_cut_end() -> None:
    row = Row("a", "#000", value=1.0, interval=(-50.0, 7.0))
    assert within(row, (-10.0, 10.0)).interval == (-10.0, 7.0)
    assert cut_ends(row, (-10.0, 10.0)) == [(-10.0, "triangle-left")]
    assert cut_ends(row, (-50.0, 5.0)) == [(5.0, "triangle-right")]
    panel = row_panel("n", "t", [row], axis="x", summary="s", domain=(-10.0, 10.0))
    assert panel.cut
    assert not row_panel("n", "t", [row], axis="x", summary="s", domain=(-60.0, 10.0)).cut


def test_rates_never_leave_zero_to_one_hundred_percent(example: Results) -> None:
    results = copy.deepcopy(example)
    for finding in results.findings:
        for role in ("standard", "robust"):
            for group in getattr(finding, role).groups:
                group.interval = [-0.4, 1.7]
    panels = [panel for section in build(results) for figure in section.figures for panel in figure.panels]
    rates = [panel for panel in panels if panel.title == "Accuracy per class"]
    assert rates
    for panel in rates:
        domains = [
            layer["encoding"]["x"]["scale"]["domain"]
            for layer in panel.spec["layer"][1:]
            if "scale" in layer["encoding"]["x"]
        ]
        assert all(domain == [0.0, 100.0] for domain in domains)
        assert panel.cut


@pytest.mark.parametrize("prefix", ["accuracy", "cau", "toll", "transfer"])
def test_arm_titles_are_whole(example: Results, prefix: str) -> None:
    results = copy.deepcopy(example)
    for arm in results.arms:
        arm.title = TITLES[arm.name]
    figures = [figure for section in build(results) for figure in section.figures]
    chosen = [panel for figure in figures for panel in figure.panels if panel.name.startswith(prefix)]
    assert chosen
    svg = "".join(page_svg(panel) for panel in chosen[:3])
    assert "…" not in svg
    assert "Static adversarial" in svg


def rows_of(panel: Panel) -> list[dict[str, Any]]:
    """Every entry that a panel draws."""
    return [entry for entries in panel.spec["datasets"].values() for entry in entries]


def test_a_line_joins_one_attack_and_starts_at_no_attack(example: Results) -> None:
    """A union at the first radius, stronger than the attack of all three, must not make robustness rise."""

    def entry(attack: str, epsilon: float, mean: float) -> dict[str, Any]:
        return {
            "arm": "standard", "evaluation": "white-box", "attack": attack, "threat": "paper", "epsilon": epsilon,
            "mean": mean, "sd": None, "per_run": [mean], "interval": [mean - 0.01, mean + 0.02],
        }  # fmt: skip

    clean = {**entry("", 0.0, 0.8), "evaluation": "clean", "attack": None, "threat": None, "epsilon": None}
    radii = (10.0, 15.0, 20.0)
    given = [entry("union", 10.0, 0.05), *(entry("pgd-20", radius, 0.3 - radius / 100) for radius in radii)]
    results = with_parts(example, findings=[], accuracy=[clean, *given])
    section = next(section for section in build(results) if section.anchor == "transfer")
    (panel,) = [panel for figure in section.figures for panel in figure.panels]
    points = [(one["x"], one["y"]) for one in panel.spec["datasets"]["points"]]
    assert points == [(0.0, 80.0), *((radius, pytest.approx(30 - radius)) for radius in radii)]
    ends = [(one["low"], one["high"]) for one in panel.spec["datasets"]["intervals"]]
    assert ends == [(pytest.approx(y - 1), pytest.approx(y + 2)) for _, y in points]
    assert "pgd-20" in panel.title


@pytest.mark.parametrize("prefix", ["success-paper-white-box", "transfer", "accuracy-0-clean"])
def test_marks_have_their_intervals(example: Results, prefix: str) -> None:
    panels = [panel for section in build(example) for figure in section.figures for panel in figure.panels]
    panel = next(panel for panel in panels if panel.name == prefix)
    drawn = [(one["low"], one["high"]) for one in rows_of(panel) if "low" in one]
    marks = [one["x"] for one in rows_of(panel) if "tip interval" in one]
    assert marks
    for mark in marks:
        assert any(low <= mark <= high and high - low < 20 for low, high in drawn)


def test_a_verdict_at_the_right_edge_has_room_to_spare() -> None:
    """A reader's font may be a tenth wider than the one that a chart was measured with."""

    def width(text: str) -> float:
        panel = row_panel("a", "a", [Row("a", "#000000", value=1.0, text=text)], axis="a", summary="a", domain=(0, 2))
        return panel.spec["padding"]["right"]

    assert width("insufficient data") - width("") >= 0.1 * 17 * 6.6
