"""Signs that a robustness figure is not what it seems, read from independent attacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence.store import Evidence
from fairtoll.findings.results import Alarm, Reading

#: Differences of accuracy up to this are rounding and chance.
TOLERANCE = 0.002
TITLES = {
    "robust-above-clean": "Robust accuracy above clean accuracy",
    "transfer-stronger-than-white-box": "Transferred examples stronger than a white-box attack",
    "black-box-adds": "A black-box attack finds more",
    "zero-gradients": "Gradients vanish",
    "single-step-stronger": "One step stronger than twenty",
    "large-epsilon-not-zero": "A boundless attack does not reach 0%",
    "not-monotone": "Success is not monotone in the radius",
    "noise-as-strong": "Noise as strong as gradients",
}
#: What each means where it fires.
MEANINGS = {
    "robust-above-clean": "Attacked rows are easier than clean ones, so the examples were not made against this "
    "model. This is no robustness.",
    "transfer-stronger-than-white-box": "Examples made on another model break more rows than the model's own "
    "attack: its white-box figure is too high.",
    "black-box-adds": "A search that sees scores alone breaks rows that no attack with gradients breaks: the "
    "gradients hide what it finds.",
    "zero-gradients": "A gradient attack cannot move where the gradient is exactly zero: rows that it does not break "
    "prove nothing.",
    "single-step-stronger": "More steps should never break fewer rows: the longer attack gets lost.",
    "large-epsilon-not-zero": "With no bound to speak of, every row can be changed at will; rows that are not broken "
    "show a broken attack.",
    "not-monotone": "Rows are not broken at a radius though a smaller one broke them: the plain attack is too weak to "
    "measure this model.",
    "noise-as-strong": "Blind noise breaks more rows than following the gradient: the gradients mislead, and PGD "
    "overstates robustness.",
}


def raise_alarms(evidence: Evidence, arm: str, *, threat: str) -> list[Alarm]:
    """Every alarm that the evidence of one arm can answer, fired or not.

    Parameters
    ----------
    evidence : Evidence
        With the checks of `collect_checks`, and static transfer where there was any.
    arm : str
        Whose robustness is in doubt.
    threat : str
        Under which threat.

    Returns
    -------
    list of Alarm
    """
    return [*_above_clean(evidence, arm), *_transfer(evidence, arm, threat), *_checks(evidence, arm, threat)]


def accuracy_under(evidence: Evidence, arm: str, attack: tuple[str, str, str, float]) -> float:
    """Robust accuracy, mean over training runs; `attack` is (evaluation, threat, attack, epsilon)."""
    evaluation, threat, name, epsilon = attack
    success, _ = evidence.success_of_rows(arm, evaluation=evaluation, threat=threat, attack=name, epsilon=epsilon)
    return 1.0 - float(success.mean())


def clean_accuracy_beside(evidence: Evidence, arm: str, attack: tuple[str, str, str, float]) -> float:
    """Accuracy on the clean rows that `attack` covers, mean over training runs."""
    evaluation, threat, name, epsilon = attack
    _, rows = evidence.success_of_rows(arm, evaluation=evaluation, threat=threat, attack=name, epsilon=epsilon)
    return float((evidence.probabilities(arm).argmax(axis=2) == evidence.labels)[:, rows].mean())


def _alarm(
    identifier: str, arm: str, *, fired: bool, message: str, value: float, readings: Mapping[str, float]
) -> Alarm:
    return Alarm(
        id=identifier,
        title=TITLES[identifier],
        arm=arm,
        fired=fired,
        message=message,
        value=value,
        meaning=MEANINGS[identifier],
        readings=[Reading(label=label, value=share) for label, share in readings.items()],
    )


def _above_clean(evidence: Evidence, arm: str) -> Iterator[Alarm]:
    attacks = [attack for attack in evidence.attack_names(arm) if not attack[2].startswith("check-")]
    if not attacks:
        return
    pairs = {
        attack: (accuracy_under(evidence, arm, attack), clean_accuracy_beside(evidence, arm, attack))
        for attack in attacks
    }
    highest = max(attacks, key=lambda attack: pairs[attack][0] - pairs[attack][1])
    robust, clean = pairs[highest]
    fired = robust > clean + TOLERANCE
    meaning = (
        "attacked rows are easier than clean ones: the examples were not crafted against this model, so this is "
        "no robustness"
        if fired
        else "no attacked rows are easier than clean ones"
    )
    yield _alarm(
        "robust-above-clean",
        arm,
        fired=fired,
        message=f"{robust:.1%} under {highest[0]} {highest[2]} at {highest[3]:g}, {clean:.1%} clean; {meaning}.",
        value=robust - clean,
        readings={f"under {highest[0]} {highest[2]} at {highest[3]:g}": robust, "clean": clean},
    )


def _transfer(evidence: Evidence, arm: str, threat: str) -> Iterator[Alarm]:
    names = evidence.attack_names(arm)
    pairs = [
        (attack, ("white-box", *attack[1:]))
        for attack in names
        if attack[0] == "static-transfer" and attack[1] == threat and ("white-box", *attack[1:]) in names
    ]
    if not pairs or evidence.source_arm(arm) == arm:
        return
    gains = {
        attack: accuracy_under(evidence, arm, own) - accuracy_under(evidence, arm, attack) for attack, own in pairs
    }
    worst = max(gains, key=lambda attack: gains[attack])
    fired = gains[worst] > TOLERANCE
    under, alone = (accuracy_under(evidence, arm, attack) for attack in (worst, ("white-box", *worst[1:])))
    verb = "more rows are broken by" if fired else "no more rows are broken by"
    yield _alarm(
        "transfer-stronger-than-white-box",
        arm,
        fired=fired,
        message=f"{verb} examples made on another model than by its own attack (robust accuracy under {worst[2]} at "
        f"{worst[3]:g}: {under:.1%} against {alone:.1%}).",
        value=gains[worst],
        readings={f"under transferred {worst[2]} at {worst[3]:g}": under, "under its own attack": alone},
    )


def _checks(evidence: Evidence, arm: str, threat: str) -> Iterator[Alarm]:
    found = [name for name in evidence.attack_names(arm) if name[1] == threat and name[2].startswith("check-")]
    if not found:
        return
    by_name: dict[str, list[tuple[str, str, str, float]]] = {}
    for name in found:
        by_name.setdefault(name[2], []).append(name)
    standing = {name: accuracy_under(evidence, arm, name) for name in found}

    share = 1.0 - standing[by_name["check-zero-gradient"][0]]
    yield _alarm(
        "zero-gradients",
        arm,
        fired=share > 0.01,
        message=f"{share:.1%} of the checked rows have a gradient of exactly zero in every feature the "
        "adversary may touch; a gradient attack cannot move there.",
        value=share,
        readings={"of the checked rows have a gradient of zero": share},
    )
    steepest = by_name["check-pgd-20"]
    for identifier, check, what in (
        ("single-step-stronger", "check-single-step", "a single step"),
        ("noise-as-strong", "check-noise", "20 random perturbations"),
    ):
        gains = {name: standing[strong] - standing[name] for name, strong in zip(by_name[check], steepest, strict=True)}
        worst = max(gains, key=lambda name: gains[name])
        fired = gains[worst] > TOLERANCE
        yield _alarm(
            identifier,
            arm,
            fired=fired,
            message=f"accuracy under {what} at {worst[3]:g}: {standing[worst]:.1%}, under PGD with 20 steps: "
            f"{standing[worst] + gains[worst]:.1%}"
            + ("; the gradients mislead, so PGD overstates robustness." if fired else "."),
            value=gains[worst],
            readings={
                f"under {what} at {worst[3]:g}": standing[worst],
                "under PGD with 20 steps": standing[worst] + gains[worst],
            },
        )
    accuracies = [standing[name] for name in steepest]
    rises = np.diff(accuracies)
    rise = float(rises.max()) if len(rises) else 0.0
    broken = np.stack([_broken(evidence, arm, name) for name in steepest])
    escaped = float((np.maximum.accumulate(broken, axis=0)[:-1] & ~broken[1:]).any(axis=0).mean())
    fired = rise > TOLERANCE or escaped > 0.01
    path = ", ".join(f"{accuracy:.1%} at {name[3]:g}" for accuracy, name in zip(accuracies, steepest, strict=True))
    yield _alarm(
        "not-monotone",
        arm,
        fired=fired,
        message=f"{path} (PGD, 20 steps, afresh at each radius); {escaped:.1%} of the rows are not broken at a radius "
        "though a smaller one broke them" + ("; the attack is too weak to measure this model." if fired else "."),
        value=escaped,
        readings={"of the rows are not broken at a radius though a smaller one broke them": escaped},
    )
    yield from _black_box(evidence, arm, by_name)
    large = by_name["check-large"][0]
    left = standing[large]
    yield _alarm(
        "large-epsilon-not-zero",
        arm,
        fired=left > 0,
        message=f"{left:.1%} of the checked rows are not broken at a radius of {large[3]:g}, which frees everything "
        "the adversary may touch"
        + ("; either the attack fails, or the model hardly uses those features." if left > 0 else "."),
        value=left,
        readings={f"of the checked rows are not broken at a radius of {large[3]:g}": left},
    )


def _black_box(evidence: Evidence, arm: str, by_name: dict[str, list[tuple[str, str, str, float]]]) -> Iterator[Alarm]:
    """Rows that Square breaks and no white-box check at its radius did; older evidence has no such check."""
    for name in by_name.get("check-square", []):
        white = [
            rival
            for check in ("check-white-box", "check-pgd-20", "check-single-step")
            for rival in by_name.get(check, [])
            if rival[3] == name[3]
        ]
        if not white:
            continue
        blind = _broken(evidence, arm, name)
        left = ~np.any([_broken(evidence, arm, rival) for rival in white], axis=0)
        added = float((blind & left).mean())
        fired = added > TOLERANCE
        yield _alarm(
            "black-box-adds",
            arm,
            fired=fired,
            message=f"{left.mean():.1%} of the checked rows are not broken at {name[3]:g} by white-box attacks, "
            f"{left.mean() - added:.1%} with Square"
            + ("; the gradients hide what scores alone find." if fired else "."),
            value=added,
            readings={
                f"not broken at {name[3]:g} by white-box attacks": float(left.mean()),
                "with Square": float(left.mean()) - added,
            },
        )


def _broken(evidence: Evidence, arm: str, attack: tuple[str, str, str, float]) -> NDArray[np.bool_]:
    """Which rows an attack broke in each training run, `(S, n)`."""
    evaluation, threat, name, epsilon = attack
    return evidence.success_of_rows(arm, evaluation=evaluation, threat=threat, attack=name, epsilon=epsilon)[0]
