"""Rows outside the threat's box: an alarm where there are more than chance explains, else a note."""

from __future__ import annotations

from fairtoll.evidence.measures import OUTSIDE_BOX
from fairtoll.evidence.store import Evidence
from fairtoll.findings.alarm_kinds import AlarmKind, Checked, Seen
from fairtoll.threats import RangeOf

#: Shares of rows up to which a count is negligible, whatever the box.
FEW = 0.01
#: With more rows than this outside it, a box is in other units than the data.
MOST = 0.5
#: How likely so many rows outside may be by chance at most, before they are an alarm.
CHANCE = 0.001


def most_by_chance(rows: int, known: RangeOf) -> int:
    """How many of so many rows may lie outside the range of others drawn alike, except with a chance of `CHANCE`.

    The range is the smallest box that holds n rows, and has d ends: a linear program with d unknowns and a constraint
    a row. The chance that one more row breaks its solution is at most Beta(d, n - d + 1) distributed, however the
    features depend on each other (Campi and Garatti 2008, theorem 1; of one feature it is exactly so, Wilks 1941), d
    / (n + 1) on average. The count of m rows is then at most beta-binomial.

    Examples
    --------
    >>> most_by_chance(100, RangeOf(rows=200, ends=16)), most_by_chance(100, RangeOf(rows=20_000, ends=16))
    (20, 2)
    >>> most_by_chance(100, RangeOf(rows=15, ends=16))  # fewer rows than ends bound nothing
    100
    """
    from scipy import stats

    if known.rows < known.ends:
        return rows
    return int(stats.betabinom(rows, known.ends, known.rows - known.ends + 1).isf(CHANCE))


def box_notes(evidence: Evidence) -> list[str]:
    """What is to be said of rows outside a box where chance explains them, of each threat.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> box_notes(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}))
    []
    """
    said = {}
    for arm in evidence.arms:
        for threat in {name[1] for name in evidence.attack_names(arm) if name[2] == OUTSIDE_BOX}:
            seen = _outside(Checked(evidence, arm, threat))
            if seen is not None and not seen.fired and seen.value > FEW:
                said[threat] = seen.message
    return [said[threat] for threat in sorted(said)]


def _outside(checked: Checked) -> Seen | None:
    found = checked.checks(OUTSIDE_BOX)
    if not found:
        return None
    # The rows are the same in every training run.
    outside = checked.broken(found[0])[0]
    share, known = float(outside.mean()), checked.evidence.range_of(checked.threat)
    chance = None if known is None else most_by_chance(len(outside), known) / len(outside)
    fired = share > max(FEW, chance or 0.0)
    return Seen(
        share,
        fired,
        f"{share:.1%} of the attacked rows have a value outside the threat's box that may move"
        + (_beside_chance(known, chance) if known is not None and chance is not None and share > FEW else "")
        + _meaning(share, fired),
        {"of the attacked rows lie outside the threat's box": share},
    )


def _beside_chance(known: RangeOf, chance: float) -> str:
    """What chance explains: about so many on average, and so many at most."""
    average = min(1.0, known.ends / (known.rows + 1))
    return (
        f"; the box is the range of {known.rows:,} rows, which others of the same kind leave by chance: "
        f"up to {average:.1%} on average, and {chance:.1%} in one of {1 / CHANCE:,.0f} samples"
    )


def _meaning(share: float, fired: bool) -> str:
    """What so many rows outside the box mean for robust accuracy."""
    if share <= FEW:
        return "."
    if share > MOST and fired:
        return "; so many mean that the box is in other units than the data: robust accuracy says nothing here."
    return "; such a value only moves towards the box, so that robust accuracy may be too high by at most this share."


BOX_ALARM = AlarmKind(
    "outside-box",
    "Rows outside the threat's box",
    "A value outside the box may only move towards it. More rows lie outside than chance explains: they are of another "
    "kind than the training rows, whose range the box of a table is, or in other units. Where they are few, give them "
    "more room with --range COLUMN=LOW,HIGH (ranges of table_threat).",
    _outside,
)
