"""Signs that a robustness figure is unreliable, read from independent attacks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence.measures import CHECK, NAIVE
from fairtoll.evidence.refuted import smallest_broken
from fairtoll.evidence.store import Evidence
from fairtoll.findings.alarm_checks import CHECK_ALARMS
from fairtoll.findings.alarm_kinds import TOLERANCE, AlarmKind, Checked, Name, Seen
from fairtoll.findings.certificates import broken_certificates
from fairtoll.findings.overfitted import OVERFITTED
from fairtoll.findings.results import Alarm

#: By how much the search for least epsilon may exceed what another attack broke: it ends within a tolerance.
EXCESS = 1.05
#: Evaluations whose attacks find misclassified inputs of a model.
FOUND = ("white-box", "scores-only", "static-transfer", "proved")


def raise_alarms(evidence: Evidence, arm: str, *, threat: str) -> list[Alarm]:
    """Every alarm that the evidence of one arm can decide, fired or not.

    Parameters
    ----------
    evidence : Evidence
        With the checks of `fairtoll.evidence.Checks`, and static transfer where there was any.
    arm : str
        The arm whose robustness is checked.
    threat : str
        Under which threat.

    Returns
    -------
    list of Alarm
    """
    checked = Checked(evidence, arm, threat)
    return [alarm for kind in ALARMS if (alarm := kind.alarm(checked)) is not None]


def _above_clean(checked: Checked) -> Seen | None:
    """Attacked rows that are easier than the clean ones, under any threat."""
    attacks = [attack for attack in checked.names if not attack[2].startswith(CHECK)]
    if not attacks:
        return None
    pairs = {attack: (checked.accuracy(attack), checked.clean_accuracy(attack)) for attack in attacks}
    highest = max(attacks, key=lambda attack: pairs[attack][0] - pairs[attack][1])
    robust, clean = pairs[highest]
    fired = robust > clean + TOLERANCE
    meaning = (
        "attacked rows are easier than clean ones: the examples were not crafted against this model, so this is "
        "no robustness"
        if fired
        else "no attacked rows are easier than clean ones"
    )
    where = f"{'' if highest[0] == 'proved' else f'{highest[0]} '}{highest[2]} at {highest[3]:g}"
    return Seen(
        robust - clean,
        fired,
        f"{robust:.1%} under {where}, {clean:.1%} clean; {meaning}.",
        {f"under {where}": robust, "clean": clean},
    )


def _transfer(checked: Checked) -> Seen | None:
    """Transferred examples against the model's own attack at the same radius on the same rows."""
    if checked.evidence.source_arm(checked.arm) == checked.arm:
        return None
    compared = [
        (checked.accuracy(own) - checked.accuracy(attack), attack, own)
        for attack in checked.figures("static-transfer")
        if (own := _own_attack(checked, attack)) is not None
    ]
    if not compared:
        return None
    gain, worst, own = max(compared, key=lambda one: one[0])
    fired = gain > TOLERANCE
    under, alone = checked.accuracy(worst), checked.accuracy(own)
    verb = "more rows are broken by" if fired else "no more rows are broken by"
    itself = "its own attack" if own[2] == worst[2] else f"its own attack ({own[2]})"
    return Seen(
        gain,
        fired,
        f"{verb} examples made on another model than by {itself} (robust accuracy under {worst[2]} at {worst[3]:g}: "
        f"{under:.1%} against {alone:.1%}).",
        {f"under transferred {worst[2]} at {worst[3]:g}": under, f"under {itself}": alone},
    )


def _transfer_adds(checked: Checked) -> Seen | None:
    """Rows of a deployed defence that transferred examples break, and no attack on it at that radius."""
    if not checked.checks(NAIVE):
        return None
    worst: tuple[float, float, Name] | None = None
    for transferred in checked.figures("static-transfer"):
        rows = checked.rows(transferred)
        rivals = [one for one in checked.own if one[3] == transferred[3] and np.array_equal(checked.rows(one), rows)]
        if not rivals:
            continue
        left = ~np.any([checked.broken(rival) for rival in rivals], axis=0)
        added = float((checked.broken(transferred) & left).mean())
        if worst is None or added > worst[0]:
            worst = added, float(left.mean()), transferred
    if worst is None:
        return None
    added, before, (_, _, attack, epsilon) = worst
    fired = added > TOLERANCE
    return Seen(
        added,
        fired,
        f"{before:.1%} of the rows are not broken at {epsilon:g} by white-box attacks, {before - added:.1%} with "
        f"{attack} made on another model: {added:.1%} more"
        + ("; the gradients hide what the other model shows." if fired else "."),
        {f"not broken at {epsilon:g} by white-box attacks": before, "with transferred examples": before - added},
    )


def _own_attack(checked: Checked, transferred: Name) -> Name | None:
    """The attack of the same name on the model itself; where there is none, the strongest one at that radius."""
    rows = checked.rows(transferred)
    own = [
        attack for attack in checked.own if attack[3] == transferred[3] and (checked.rows(attack).shape == rows.shape)
    ]
    same = [attack for attack in own if attack[2] == transferred[2]]
    return min(same or own, key=checked.accuracy, default=None)


def _least_epsilon(checked: Checked) -> Seen | None:
    """Rows that another attack broke well below the least epsilon that the search found."""
    evidence, arm = checked.evidence, checked.arm
    for evaluation, threat, attack, epsilon in evidence.least_epsilon_names(arm):
        if threat != checked.threat:
            continue
        found, _, rows = evidence.searched_least_epsilon(
            arm, evaluation=evaluation, threat=threat, attack=attack, epsilon=epsilon
        )
        smallest = smallest_broken(evidence, arm, threat=threat, rows=rows, runs=len(found))
        lowered, far = float((smallest < found).mean()), float((smallest * EXCESS < found).mean())
        fired = far > TOLERANCE
        return Seen(
            far,
            fired,
            f"{far:.1%} of the rows have a least epsilon more than {EXCESS - 1:.0%} above a radius at which another "
            f"attack broke them, {lowered:.1%} have any above; the smaller radius is reported"
            + ("; least epsilon overstates the robustness of rows that no other attack was run on." if fired else "."),
            {"of the rows were broken well below their least epsilon": far, "at any smaller radius": lowered},
        )
    return None


def _missed(checked: Checked) -> Seen | None:
    """Rows that the strongest attack at a radius did not break, and other figures of the report say are broken there.

    Transferred examples of the same radius have an alarm of their own, and so have the independent checks.
    """
    own = checked.own
    searches = [one for one in checked.evidence.least_epsilon_names(checked.arm) if one[1] == checked.threat]
    others = [one for how in FOUND for one in checked.figures(how)]
    worst: tuple[float, Name] | None = None
    for radius in sorted({attack[3] for attack in own}):
        strongest = min((one for one in own if one[3] == radius), key=checked.accuracy)
        within = [one for one in others if one[3] < radius or (one[3] == radius and one[0] != "static-transfer")]
        if not within and not searches:
            continue
        broken, rows = checked.broken(strongest), checked.rows(strongest)
        known = [(checked.broken(one), checked.rows(one)) for one in within]
        known += [_broken_within(checked, search, radius) for search in searches]
        missed = np.zeros_like(broken)
        for found, covered in known:
            if len(found) == len(broken):
                _, ours, theirs = np.intersect1d(rows, covered, assume_unique=True, return_indices=True)
                missed[:, ours] |= found[:, theirs]
        share = float((missed & ~broken).mean())
        if worst is None or share > worst[0]:
            worst = share, strongest
    if worst is None:
        return None
    share, strongest = worst
    fired = share > TOLERANCE
    return Seen(
        share,
        fired,
        f"{share:.1%} of the rows are not broken by {strongest[2]} at {strongest[3]:g}, though another attack, a "
        "search or a proof found a misclassified input within that radius"
        + ("; its robust accuracy is too high by at least as much." if fired else "."),
        {f"of the rows were missed by {strongest[2]} at {strongest[3]:g}": share},
    )


def _broken_within(checked: Checked, search: Name, radius: float) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which rows a search for least epsilon broke within a radius, and the rows it covers."""
    evaluation, threat, attack, largest = search
    found, censored, rows = checked.evidence.searched_least_epsilon(
        checked.arm, evaluation=evaluation, threat=threat, attack=attack, epsilon=largest
    )
    return ~censored & (found <= radius), rows


def _contradicted(checked: Checked) -> Seen | None:
    """Rows that are proved robust within a radius, and were broken within it."""
    evidence, arm = checked.evidence, checked.arm
    wrong = total = 0
    for evaluation, threat, attack, epsilon in evidence.proof_names(arm):
        if threat != checked.threat:
            continue
        proved, _, rows = evidence.proved_radius(
            arm, evaluation=evaluation, threat=threat, attack=attack, epsilon=epsilon
        )
        smallest = smallest_broken(evidence, arm, threat=threat, rows=rows, runs=len(proved))
        # Radii went through single precision.
        wrong += int((smallest < proved * (1 - 1e-6)).sum())
        total += int((proved > 0).sum())
    if not total:
        return None
    return Seen(
        wrong / total,
        wrong > 0,
        f"{wrong:,} of {total:,} proved rows were broken by an attack within the radius of the proof"
        + ("; the proof or the attack is wrong." if wrong else "."),
        {"of the proved rows were broken within their radius": wrong / total},
    )


ALARMS: tuple[AlarmKind, ...] = (
    AlarmKind(
        "robust-above-clean",
        "Robust accuracy above clean accuracy",
        "Attacked rows are easier than clean ones, so the examples were not made against this model. This is no "
        "robustness.",
        _above_clean,
    ),
    AlarmKind(
        "transfer-stronger-than-white-box",
        "Transferred examples stronger than a white-box attack",
        "Examples made on another model break more rows than the attack on the model itself: its figure is too high.",
        _transfer,
    ),
    AlarmKind(
        "transfer-adds",
        "Transferred examples find more",
        "Examples made on another model break rows that no attack on the defended model breaks: its gradients hide "
        "what they find, and its robust accuracy is too high by at least as much.",
        _transfer_adds,
    ),
    *CHECK_ALARMS,
    OVERFITTED,
    AlarmKind(
        "least-epsilon-refuted",
        "Rows broken below their least epsilon",
        "Another attack broke rows at a smaller radius than the search for least epsilon found: least epsilon, and "
        "CRU_eps with it, is too high where no other attack was run.",
        _least_epsilon,
    ),
    AlarmKind(
        "rows-missed",
        "Rows that the strongest attack missed",
        "Rows count as robust at a radius that something else broke within it: the attack is too weak, and its robust "
        "accuracy is too high.",
        _missed,
    ),
    AlarmKind(
        "proof-contradicted",
        "Proved rows broken",
        "A row is proved robust within a radius, and an attack broke it there: one of the two is wrong, and neither "
        "figure can be relied on. Please report it.",
        _contradicted,
    ),
    AlarmKind(
        "certificate-broken",
        "Certificates broken",
        "An input nearer to a row than its certified radius is misclassified: the certificate does not hold for this "
        "model, and no figure computed from such radii is a guarantee.",
        broken_certificates,
    ),
)
TITLES = {kind.id: kind.title for kind in ALARMS}
