"""What the notes beside measured and exact values say."""

from fairtoll.findings.results import ExactValue, Theory
from fairtoll.report.arms import COLOURS, GREY, SPARE, Colours, Titles
from fairtoll.report.sections.closed_form.signs import SIGNS
from fairtoll.report.sections.closed_form.values import values_figure, values_table


def value(arm, group, measured, interval, exact):
    return ExactValue(
        arm=arm, question="cau/class", metric="cau", partition="class", label=None, epsilon=None, group=group,
        measured=measured, interval=interval, exact=exact, per_run=[exact], least_loss=None, least_error=None,
        inside=interval[0] <= exact <= interval[1],
    )  # fmt: skip


VALUES = [
    value("standard", None, -0.0108, (-0.0108, 0.0314), 0.0064),
    value("standard", "wide", 0.83, (0.82, 0.84), 0.85),
    value("online", "wide", 0.80, (0.79, 0.81), 0.82),
    value("online", "narrow", 0.93, (0.92, 0.94), 0.93),
]


def test_a_gap_below_zero_is_explained_beside_it():
    theory = Theory(values=VALUES, curves=[])
    said = "its estimate can fall below 0 where the true gap is nearly 0"
    assert said in values_table(theory, Titles()).note
    assert said in values_figure(theory, Titles(), Colours()).marks


def test_intervals_that_miss_are_named_together():
    titles = Titles(standard="Standard", online="On-line")
    note = values_table(Theory(values=VALUES, curves=[]), titles).note
    assert note.endswith(
        "Intervals that do not hold the exact value, on the same rows in every arm: CAU by class, wide (Standard, "
        "On-line)."
    )
    kept = Theory(values=[VALUES[0], VALUES[3]], curves=[])
    assert "do not hold" not in values_table(kept, titles).note


def test_signs_have_hues_that_no_arm_has():
    arms = {GREY, *SPARE, *(colour for some in COLOURS.values() for colour in some)}
    assert not arms & {colour for _, colour in SIGNS.values()}
