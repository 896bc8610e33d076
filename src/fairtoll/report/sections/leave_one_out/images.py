"""Left-out images that matter most, as pictures."""

from collections.abc import Sequence

from fairtoll.findings.results import LeaveOneOut, LeaveOneOutRow, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.charts.strip import Card, Shown, Strip, picture
from fairtoll.report.numbers import count
from fairtoll.report.sections.leave_one_out.words import rate

ABREAST = 3
MOST = 6


def left_out_strip(results: Results, masked: Sequence[LeaveOneOut]) -> Strip | None:
    """Return the images whose absence changes most predictions, by arm; None where rows are no images."""
    titles = arm_titles(results)
    cards = []
    for entry in masked:
        shown_rows = [row for row in entry.most_influential if row.picture and row.flips][:MOST]
        for first in range(0, len(shown_rows), ABREAST):
            shown = shown_rows[first : first + ABREAST]
            places = f"{first + 1} to {first + len(shown)}" if len(shown) > 1 else f"{first + 1}"
            cards.append(
                Card(
                    titles[entry.arm],
                    f"{places} of {count(entry.members)} left-out images",
                    [shown_row(row, entry, titles[entry.arm]) for row in shown],
                )
            )
    marks = (
        "Real training images. Below each: its class, and the share of test predictions that another model gives which "
        "was trained without it, all else fixed."
    )
    return Strip("leave-one-out-images", "Left-out images that matter most", marks, cards) if cards else None


def shown_row(row: LeaveOneOutRow, entry: LeaveOneOut, arm: str) -> Shown:
    """Return one left-out image with what its absence changes."""
    share = f"{rate(row.flips / entry.rows)}%"
    alt = f"Training image {row.row}, class {row.class_name}: without it the {arm} model changes {share}"
    return Shown(picture(row.picture), str(row.class_name), share, f"{alt} of predictions")
