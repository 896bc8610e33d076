"""The alarm for models that withstand one step of an attack and not several."""

from __future__ import annotations

from fairtoll.evidence.measures import SINGLE_STEP, STEEPEST
from fairtoll.findings.alarm_kinds import AlarmKind, Checked, Seen

#: A single step leaves more than this share of the clean accuracy. Models that are not robust lose more of it.
STANDS = 0.75
#: Several steps leave less than this share of what the single step left.
FALLS = 0.5


def _overfitted(checked: Checked) -> Seen | None:
    """The radius where a single step overstates robustness most: where it looks robust, and is not, if there is one."""
    pairs = list(zip(checked.checks(SINGLE_STEP), checked.checks(STEEPEST), strict=False))
    if not pairs:
        return None
    seen = []
    for single, several in pairs:
        clean, one, many = checked.clean_accuracy(single), checked.accuracy(single), checked.accuracy(several)
        seen.append((one > STANDS * clean and many < FALLS * one, one - many, one, many, clean, single[3]))
    fired, gain, one, many, clean, epsilon = max(seen)
    return Seen(
        gain,
        fired,
        f"accuracy under a single step at {epsilon:g}: {one:.1%}, under PGD with 20 steps: {many:.1%}, clean: "
        f"{clean:.1%}" + ("; the model withstands hardly more than one step." if fired else "."),
        {f"under a single step at {epsilon:g}": one, "under PGD with 20 steps": many, "clean": clean},
    )


OVERFITTED = AlarmKind(
    "catastrophic-overfitting",
    "Robust to one step alone",
    "The model withstands a single step, and falls to several within the same radius, as after single-step training "
    "that overfitted to its own attack (catastrophic overfitting). Its accuracy under one step is no robustness.",
    _overfitted,
)
