"""From member files to the `leave_one_out` section of `results.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.experiments.leave_one_out.files import read_left_out
from fairtoll.experiments.leave_one_out.numbers import Floats
from fairtoll.experiments.leave_one_out.options import STANDARD, LeaveOneOut
from fairtoll.experiments.leave_one_out.studies import read_studies
from fairtoll.experiments.leave_one_out.summary import rates_of, summarise
from fairtoll.experiments.published import load_published
from fairtoll.findings.results import LeaveOneOut as Entry
from fairtoll.findings.results import LeaveOneOutContrast, PublishedLeaveOneOut
from fairtoll.statistics.leave_one_out import difference_interval
from fairtoll.training.leave_one_out import Design

#: The floor of a design: it has the same randomness, without the row. Members of the second pair
#: share their seeds.
FLOOR_OF: dict[Design, tuple[Design, bool]] = {"masked": ("one-ulp", False), "independent-seeds": ("new-seed", True)}
#: Left-out rows below which the rare ones that matter most may all be missing.
FEW = 25
#: Test rows of the paper's study.
PUBLISHED_ROWS = 10_000


def leave_one_out_results(
    folder: Path,
    options: LeaveOneOut,
    rows: Mapping[str, NDArray[np.str_]],
    *,
    class_names: Sequence[str],
    published_note: str | None,
    baseline: str | None = None,
) -> list[Entry]:
    """Every arm and design of a run, from its member files alone.

    Parameters
    ----------
    folder : Path
        The run's.
    options : LeaveOneOut
        What was requested.
    rows : mapping
        Groups of the test rows by partition, each `(N,)`; "class" is the true class.
    class_names : sequence of str
        In the order of the models' classes.
    published_note : str, optional
        How the paper's values (of CIFAR-10) relate to these; with none they are not shown.
    baseline : str, optional
        The arm that repairs must beat.

    Raises
    ------
    FairtollError
        If a member file is missing, truncated or from another configuration.
    """
    left_out = read_left_out(folder)
    if len(left_out) != options.count:
        raise FairtollError(
            f"{folder} lists {len(left_out)} left-out rows, and {options.count} were requested; run the command again: "
            "finished members are kept"
        )
    found: dict[tuple[str, Design], tuple[Floats, Entry]] = {}
    names = np.asarray(class_names)
    for study in read_studies(folder, options):
        wrong = np.array([names[one.argmax(axis=1)] != rows["class"] for one in study.full])
        entry = summarise(
            study.changes,
            arm=study.arm,
            design=study.design,
            options=options,
            left_out=left_out,
            rows=rows,
            wrong=wrong,
        )
        found[study.arm, study.design] = rates_of(study.changes), entry
    return [
        entry.model_copy(
            update={
                "above_floor": _above_floor(found, arm, design),
                "above_standard": _above(found, arm, STANDARD, design),
                "above_baseline": None if baseline is None else _above(found, arm, baseline, design),
                **_published(arm, published_note),
            }
        )
        for (arm, design), (_, entry) in found.items()
    ]


def leave_one_out_notes(entries: Sequence[Entry]) -> list[str]:
    """The designs in summary, a sentence for each arm that has the masked one; arms with the same figures share one.

    Parameters
    ----------
    entries : sequence of LeaveOneOut
        As `leave_one_out_results` gives them.
    """
    arms: dict[str, list[str]] = {}
    for masked in entries:
        if masked.design != "masked":
            continue
        said = f"leaving one training row out, all else fixed, flips {_percent(masked)} of test predictions"
        floors = {entry.design: entry for entry in entries if entry.arm == masked.arm}
        phrases = [
            f"{what} flips {_percent(floors[design])}"
            for design, what in (("one-ulp", "rounding alone"), ("new-seed", "a new seed on all rows"))
            if design in floors
        ]
        arms.setdefault(f"{masked.members} rows: {'; '.join([said, *phrases])}.", []).append(masked.arm)
    return [
        f"Leave-one-out, {', '.join(alike)} arm{'' if len(alike) == 1 else 's'}, {said}" for said, alike in arms.items()
    ]


def leave_one_out_highlights(entries: Sequence[Entry]) -> list[str]:
    """Whether the paper's flips on CIFAR-10 are the row's or the seed's, in one sentence; none without both.

    Parameters
    ----------
    entries : sequence of LeaveOneOut
        As `leave_one_out_results` gives them, of CIFAR-10; the standard arm's count.
    """
    found = {entry.design: entry for entry in entries if entry.arm == "standard"}
    masked, seed = found.get("masked"), found.get("new-seed")
    if masked is None or seed is None:
        return []
    rate = load_published()["cifar10"]["leave_one_out"]["standard"]["luf_l"] / PUBLISHED_ROWS
    ulp = found.get("one-ulp")
    floor = f", rounding alone {ulp.flip_rate:.2%}" if ulp is not None and ulp.flip_rate else ""
    row, other = f"a left-out row flips ({masked.flip_rate:.2%}{floor})", f"a new seed flips ({seed.flip_rate:.2%})"
    near, far = (other, row) if abs(seed.flip_rate - rate) < abs(masked.flip_rate - rate) else (row, other)
    few = ", too few to include a rare row with a larger effect" if masked.members < FEW else ""
    return [
        f"The paper's {rate:.2%} of predictions flipped by leaving one row out are nearer to what {near} here than to "
        f"what {far}, over {masked.members} members each{few}."
    ]


def _percent(entry: Entry) -> str:
    interval = entry.flip_rate_interval
    between = "" if interval is None else f" ({100 * interval[0]:.3f}% to {100 * interval[1]:.3f}%)"
    if entry.flip_rate == 0 and not entry.floor:
        # Of L draws none: a share p of all rows is missed with chance (1 - p) ** L.
        between = f" (95% sure: fewer than {1 - 0.05 ** (1 / entry.members):.0%} of rows flip any)"
    return f"{100 * entry.flip_rate:.3f}%{between}"


def _above_floor(
    found: Mapping[tuple[str, Design], tuple[Floats, Entry]], arm: str, design: Design
) -> LeaveOneOutContrast | None:
    if design not in FLOOR_OF:
        return None
    floor, paired = FLOOR_OF[design]
    return _contrast(found, (arm, design), (arm, floor), paired=paired)


def _above(
    found: Mapping[tuple[str, Design], tuple[Floats, Entry]], arm: str, other: str, design: Design
) -> LeaveOneOutContrast | None:
    return None if arm == other else _contrast(found, (arm, design), (other, design), paired=True)


def _contrast(
    found: Mapping[tuple[str, Design], tuple[Floats, Entry]],
    one: tuple[str, Design],
    other: tuple[str, Design],
    *,
    paired: bool,
) -> LeaveOneOutContrast | None:
    if other not in found:
        return None
    (first, mine), (second, theirs) = found[one], found[other]
    return LeaveOneOutContrast(
        arm=theirs.arm,
        design=theirs.design,
        flip_rate=mine.flip_rate - theirs.flip_rate,
        interval=difference_interval(first, second, paired=paired),
        paired=paired,
        luf=mine.luf - theirs.luf,
    )


def _published(arm: str, note: str | None) -> dict[str, Any]:
    if note is None:
        return {}
    printed = load_published()["cifar10"]["leave_one_out"]["standard" if arm == "standard" else "robust"]
    return {"published": PublishedLeaveOneOut(**printed), "published_note": note}
