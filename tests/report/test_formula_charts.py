"""Charts of what formulas give: marks where the numbers put them, and labels that cross no line."""

import pytest
from scipy.stats import norm

from fairtoll.report.charts.cells import Spot, cells_panel
from fairtoll.report.charts.densities import Bell, Divide, density_panel
from fairtoll.report.charts.formula import Dot, Drawn, formula_panel
from fairtoll.report.charts.static import to_svg


def densities():
    bells = [Bell("wide", -0.5, 2.0), Bell("narrow", 0.5, 1.0)]
    divides = [Divide("Standard", 0.2, "#0072B2"), Divide("Robust", 0.0, "#D55E00"), Divide("", 0.1, "#000000", True)]
    return density_panel("two", "Two", bells, divides, axis="x", summary="two", reach=3.0)


def test_curves_are_normal_densities():
    data = densities().spec["datasets"]
    for name, mean, spread in (("bell0", -0.5, 2.0), ("bell1", 0.5, 1.0)):
        for point in data[name][::10]:
            assert point["y"] == pytest.approx(norm.pdf(point["x"], mean, spread), abs=1e-4)


def test_the_left_threshold_is_named_on_its_left_and_the_right_one_on_its_right():
    data = densities().spec["datasets"]
    assert [one["text"] for one in data["names-right"]] == ["Robust"]
    assert [one["text"] for one in data["names-left"]] == ["Standard"]
    # The dashed one has no name.
    assert {one["x"] for one in data["divides-True"]} == {0.1}
    assert {one["x"] for one in data["divides-False"]} == {0.0, 0.2}


def test_neighbours_of_one_colour_are_one_cell_and_none_is_left_out():
    panel = cells_panel(
        "map",
        "Map",
        [1.0, 2.0, 3.0, 4.0],
        [0.0, 0.5, 1.0],
        [["red", "red", "blue"], [None, "blue", None]],
        [Spot(1.5, 0.25, large=True, tooltip={"place": "here"})],
        axes=("x", "y"),
        ticks=[1.0, 2.0],
        summary="map",
    )
    assert panel.spec["datasets"]["cells"] == [
        {"x": 1.0, "x2": 3.0, "y": 0.0, "y2": 0.5, "colour": "red"},
        {"x": 3.0, "x2": 4.0, "y": 0.0, "y2": 0.5, "colour": "blue"},
        {"x": 2.0, "x2": 3.0, "y": 0.5, "y2": 1.0, "colour": "blue"},
    ]
    assert "<svg" in to_svg({**panel.spec, "width": 200})


def test_intervals_and_curves_are_in_view():
    panel = formula_panel(
        "curve",
        "Curve",
        [Drawn([(0.0, 1.0), (0.4, 3.0)]), Drawn([(0.0, 2.0), (0.4, 9.0)], dashed=True)],
        [Dot(0.2, 2.0, "#0072B2", (-1.0, 4.0)), Dot(0.2, 2.5, "#0072B2", hollow=True)],
        axes=("radius", "points"),
        summary="curve",
    )
    low, high = panel.spec["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert low == -1.0
    assert high > 9.0
    assert "<svg" in to_svg({**panel.spec, "width": 200})
