"""Left-out images that matter most, as pictures."""

from collections.abc import Sequence

from fairtoll.report._format import Json, count
from fairtoll.report._leave_one_out import rate
from fairtoll.report._select import arm_titles
from fairtoll.report._strip import Card, Shown, Strip, picture

ABREAST = 3
MOST = 6


def left_out_strip(results: Json, masked: Sequence[Json]) -> Strip | None:
    """Return the images whose absence changes most predictions, by arm; None where rows are no images."""
    titles = arm_titles(results)
    cards = []
    for entry in masked:
        felt = [row for row in entry["most_influential"] if row.get("picture") and row["flips"]][:MOST]
        for first in range(0, len(felt), ABREAST):
            shown = felt[first : first + ABREAST]
            places = f"{first + 1} to {first + len(shown)}" if len(shown) > 1 else f"{first + 1}"
            cards.append(
                Card(
                    titles[entry["arm"]],
                    f"{places} of {count(entry['members'])} left-out images",
                    [shown_row(row, entry, titles[entry["arm"]]) for row in shown],
                )
            )
    marks = (
        "Real training images. Below each: its class, and the share of test predictions that another model gives which "
        "was trained without it, all else held."
    )
    return Strip("leave-one-out-images", "Left-out images that matter most", marks, cards) if cards else None


def shown_row(row: Json, entry: Json, arm: str) -> Shown:
    """Return one left-out image with what its absence changes."""
    share = f"{rate(row['flips'] / entry['rows'])}%"
    alt = f"Training image {row['row']}, class {row['class_name']}: without it the {arm} model changes {share}"
    return Shown(picture(row["picture"]), str(row["class_name"]), share, f"{alt} of predictions")
