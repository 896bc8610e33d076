"""Alarms read from the independent attacks that are run only for them (`fairtoll.evidence.Checks`)."""

from __future__ import annotations

import numpy as np

from fairtoll.evidence.measures import (
    DECISION,
    LARGE,
    NAIVE,
    NOISE,
    SINGLE_STEP,
    SQUARE,
    STEEPEST,
    WITH_GRADIENTS,
    ZERO_GRADIENT,
)
from fairtoll.findings.alarm_kinds import TOLERANCE, AlarmKind, Checked, Name, Seen
from fairtoll.findings.box import BOX_ALARM, FEW

#: By how much an attack that does not know a defence may look better than one that does.
HIDDEN = 0.05
#: Of the interval that says how much the share of few rows may differ by chance.
CONFIDENCE = 0.95


def _vanished(checked: Checked) -> Seen | None:
    found = checked.checks(ZERO_GRADIENT)
    if not found:
        return None
    share = float(checked.broken(found[0]).mean())
    return Seen(
        share,
        share > FEW,
        f"{share:.1%} of the checked rows have a gradient of exactly zero in every feature the adversary may touch; a "
        "gradient attack cannot move there.",
        {"of the checked rows have a gradient of zero": share},
    )


def _searched(checked: Checked) -> tuple[list[Name], str]:
    """The check that searches at each radius, and what it is called: PGD, or by scores where there are no gradients."""
    if found := checked.checks(STEEPEST):
        return found, "PGD with 20 steps"
    return [] if checked.checks(ZERO_GRADIENT) else checked.checks(SQUARE), "a search by scores"


def _weaker(checked: Checked, check: str, what: str) -> Seen | None:
    """An attack that should be weaker than a search, and breaks more rows at some radius."""
    searched, called = _searched(checked)
    pairs = list(zip(checked.checks(check), searched, strict=False))
    if not pairs:
        return None
    accuracies = [(checked.accuracy(weak), checked.accuracy(strong), weak[3]) for weak, strong in pairs]
    weak, strong, epsilon = max(accuracies, key=lambda one: one[1] - one[0])
    fired = strong - weak > TOLERANCE
    return Seen(
        strong - weak,
        fired,
        f"accuracy under {what} at {epsilon:g}: {weak:.1%}, under {called}: {strong:.1%}"
        + (f"; {called} is misled, and overstates robustness." if fired else "."),
        {f"under {what} at {epsilon:g}": weak, f"under {called}": strong},
    )


def _single_step(checked: Checked) -> Seen | None:
    return _weaker(checked, SINGLE_STEP, "a single step")


def _noise(checked: Checked) -> Seen | None:
    return _weaker(checked, NOISE, "20 random perturbations")


def _not_monotone(checked: Checked) -> Seen | None:
    found, called = _searched(checked)
    if not found:
        return None
    broken = np.stack([checked.broken(name) for name in found])
    accuracies = [1.0 - float(one.mean()) for one in broken]
    rise = max(np.diff(accuracies), default=0.0)
    escaped = float((np.maximum.accumulate(broken, axis=0)[:-1] & ~broken[1:]).any(axis=0).mean())
    fired = bool(rise > TOLERANCE or escaped > FEW)
    path = ", ".join(f"{accuracy:.1%} at {name[3]:g}" for accuracy, name in zip(accuracies, found, strict=True))
    return Seen(
        escaped,
        fired,
        f"{path} ({called}, independently at each radius); {escaped:.1%} of the rows are not broken at a radius "
        "though a smaller one broke them" + ("; the attack is too weak to measure this model." if fired else "."),
        {"of the rows are not broken at a radius though a smaller one broke them": escaped},
    )


def _black_box(checked: Checked) -> Seen | None:
    """Rows that Square breaks and no white-box check at its radius did, with the sampling error of so few rows."""
    for name in checked.checks(SQUARE):
        rivals = [
            rival
            for check in (WITH_GRADIENTS, STEEPEST, SINGLE_STEP)
            for rival in checked.checks(check)
            if rival[3] == name[3]
        ]
        if not rivals:
            continue
        blind, left = checked.broken(name), ~np.any([checked.broken(rival) for rival in rivals], axis=0)
        added, before, rows = float((blind & left).mean()), float(left.mean()), left.shape[1]
        low, high = share_interval(added, rows)
        fired = low > TOLERANCE
        return Seen(
            added,
            fired,
            f"{before:.1%} of the {rows} checked rows are not broken at {name[3]:g} by white-box attacks, "
            f"{before - added:.1%} with Square: {added:.1%} more, {CONFIDENCE:.0%} interval {low:.1%} to {high:.1%}"
            + ("; the gradients hide what scores find." if fired else "."),
            {f"not broken at {name[3]:g} by white-box attacks": before, "with Square": before - added},
        )
    return None


def _hidden(checked: Checked) -> Seen | None:
    """PGD by one who does not know the defence, against PGD through it."""
    pairs = list(zip(checked.checks(NAIVE), checked.checks(STEEPEST), strict=False))
    if not pairs:
        return None
    accuracies = [(checked.accuracy(naive), checked.accuracy(through), naive[3]) for naive, through in pairs]
    naive, through, epsilon = max(accuracies, key=lambda one: one[0] - one[1])
    fired = naive - through > HIDDEN
    return Seen(
        naive - through,
        fired,
        f"accuracy under PGD with 20 steps at {epsilon:g}: {naive:.1%} with the gradients of one who does not know the "
        f"defence, {through:.1%} through it"
        + (
            "; so much of its robustness is only hidden gradients, and no figure here counts it."
            if fired
            else "; the defence does not live on hidden gradients."
        ),
        {f"under a naive attack at {epsilon:g}": naive, "through the defence": through},
    )


def _independent(checked: Checked) -> Seen | None:
    return _beyond_scores(checked, SQUARE, "an independent search")


def _decisions(checked: Checked) -> Seen | None:
    return _beyond_scores(checked, DECISION, "HopSkipJump")


def _beyond_scores(checked: Checked, check: str, called: str) -> Seen | None:
    """Rows that an independent check breaks, and the model's own figures, of scores alone, say are robust."""
    if checked.figures("white-box"):
        return None
    worst: tuple[float, float, float, int] | None = None
    for name in checked.checks(check):
        rivals = [one for one in checked.figures("scores-only") if one[3] == name[3]]
        if not rivals:
            continue
        strongest, rows = min(rivals, key=checked.accuracy), checked.rows(name)
        at = np.searchsorted(checked.rows(strongest), rows)
        left = ~checked.broken(strongest)[:, at]
        added = float((checked.broken(name) & left).mean())
        if worst is None or added > worst[0]:
            worst = added, float(left.mean()), name[3], len(rows)
    if worst is None:
        return None
    added, before, epsilon, count = worst
    low, high = share_interval(added, count)
    fired = low > TOLERANCE
    return Seen(
        added,
        fired,
        f"{before:.1%} of the {count} checked rows are not broken at {epsilon:g} by the attack by scores, "
        f"{before - added:.1%} with {called}: {added:.1%} more, {CONFIDENCE:.0%} interval {low:.1%} to {high:.1%}"
        + ("; robust accuracy is too high by that and more: a stronger attack would add to it." if fired else "."),
        {f"not broken at {epsilon:g} by the attack by scores": before, f"with {called}": before - added},
    )


def _large(checked: Checked) -> Seen | None:
    found = checked.checks(LARGE)
    if not found:
        return None
    left, epsilon = checked.accuracy(found[0]), found[0][3]
    return Seen(
        left,
        left > 0,
        f"{left:.1%} of the checked rows are not broken at a radius of {epsilon:g}, which frees every feature"
        + ("; either the attack fails, or the model hardly uses its inputs." if left > 0 else "."),
        {f"of the checked rows are not broken at a radius of {epsilon:g}": left},
    )


def share_interval(share: float, rows: int) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share of so many rows; training runs share their rows, so add none.

    Examples
    --------
    >>> [round(end, 4) for end in share_interval(0.004, 500)]  # scipy.stats.binomtest(2, 500) has the same
    [0.0005, 0.0144]
    >>> share_interval(0.0, 500)[0]
    0.0
    """
    from scipy import stats

    hits, tail = share * rows, (1 - CONFIDENCE) / 2
    low = float(stats.beta.ppf(tail, hits, rows - hits + 1)) if hits > 0 else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 1, rows - hits)) if hits < rows else 1.0
    return low, high


CHECK_ALARMS = (
    AlarmKind(
        "zero-gradients",
        "Gradients vanish",
        "A gradient attack cannot move where the gradient is exactly zero: rows that it does not break are no evidence "
        "of robustness.",
        _vanished,
    ),
    AlarmKind(
        "single-step-stronger",
        "One step stronger than twenty",
        "More steps should never break fewer rows: the longer attack diverges.",
        _single_step,
    ),
    AlarmKind(
        "noise-as-strong",
        "Noise as strong as gradients",
        "Random noise breaks more rows than a search does: what the search follows misleads it, and it overstates "
        "robustness.",
        _noise,
    ),
    AlarmKind(
        "not-monotone",
        "Success is not monotone in the radius",
        "Rows are not broken at a radius though a smaller one broke them: the plain attack is too weak to measure this "
        "model.",
        _not_monotone,
    ),
    AlarmKind(
        "black-box-adds",
        "A black-box attack finds more",
        "A search that uses only scores breaks rows that no attack with gradients breaks: the gradients hide what it "
        "finds.",
        _black_box,
    ),
    AlarmKind(
        "gradients-hidden",
        "A defence that hides gradients",
        "An attack that does not know the defence breaks far fewer rows than one that goes through it: a figure from "
        "such an attack overstates its robustness. The figures here are those of attacks that go through it.",
        _hidden,
    ),
    AlarmKind(
        "scores-miss-rows",
        "An independent attack by scores finds more",
        "An independent attack that asks for no more than scores or classes breaks rows that count as robust: so few "
        "queries are too few for this model. Give more, in searches that differ, such as --attack "
        "union-square-1000+square-2000+square-3000.",
        _independent,
    ),
    AlarmKind(
        "decisions-miss-rows",
        "An attack by classes alone finds more",
        "HopSkipJump of another library, which asks for no more than classes, breaks rows that count as robust: the "
        "attack by scores is too weak for this model.",
        _decisions,
    ),
    AlarmKind(
        "large-epsilon-not-zero",
        "An unbounded attack does not reach 0%",
        "Without an effective bound and with every feature free, rows can be changed arbitrarily; rows that are not "
        "broken show a broken attack, or a model that hardly uses its inputs.",
        _large,
    ),
    BOX_ALARM,
)
