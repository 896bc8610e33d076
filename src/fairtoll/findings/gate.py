"""A gate: whether results pass rules that were agreed before, check by check."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from fairtoll.errors import FairtollError
from fairtoll.findings import results
from fairtoll.findings.thresholds import Threshold, Value, read_threshold, values_of
from fairtoll.findings.units import spoken

Outcome = Literal["passes", "fails", "undecided"]
LESS_FAIR, ALARM = "less-fair", "alarm"
#: Exit statuses.
PASSED, FAILED, UNDECIDED = 0, 1, 3
OF_MODELS: Mapping[str, Outcome] = {
    "wider gap": "fails", "narrower gap": "passes", "same gap": "passes", "unclear": "undecided",
    "insufficient data": "undecided",
}  # fmt: skip
OF_RECIPES: Mapping[str, Outcome] = {
    "less fair": "fails", "fairer": "passes", "equivalent": "passes", "inconclusive": "undecided",
    "insufficient data": "undecided",
}  # fmt: skip


@dataclass(frozen=True)
class GateRules:
    """What must hold.

    Attributes
    ----------
    fail_on : sequence of {"less-fair", "alarm"}
        A gap that is wider than the first arm's by more than its margin, and an alarm that fires.
    thresholds : mapping of str to float
        Gaps such as "cau/sex" are at most, accuracies such as "worst-class" at least this; see `Threshold`.
    question : {"models", "recipes"}
        Whether these trained models are judged, or what others from the same recipes would show.
    require_decision : bool
        Whether what stays open is no pass.

    Raises
    ------
    FairtollError
        For a limit that is not finite.

    Examples
    --------
    >>> GateRules(thresholds={"cau/sex": 0.05}).question
    'models'
    """

    fail_on: Sequence[str] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    question: Literal["models", "recipes"] = "models"
    require_decision: bool = False

    def __post_init__(self) -> None:
        for name, limit in self.thresholds.items():
            if not math.isfinite(limit):
                raise FairtollError(
                    f"the threshold of '{name}' is {limit}; expected a finite number, which can be missed or met"
                )

    def __bool__(self) -> bool:
        return bool(self.fail_on or self.thresholds)


@dataclass(frozen=True)
class Check:
    """One check: what of which arm, and how it came out.

    Attributes
    ----------
    name : str
        The rule, such as "less-fair: cau/sex/clean" or "cau/sex at most 0.05".
    arm : str
        Of the model that is judged.
    outcome : {"passes", "fails", "undecided"}
    said : str
        The figures, in a sentence.
    """

    name: str
    arm: str
    outcome: Outcome
    said: str


@dataclass(frozen=True)
class Gate:
    """How results came through a gate.

    Attributes
    ----------
    checks : sequence of Check
        In the order of the rules.
    rules : GateRules
    """

    checks: Sequence[Check]
    rules: GateRules

    @property
    def outcome(self) -> Outcome:
        """Fails if a check does; undecided if one is, and a decision is required."""
        found = {check.outcome for check in self.checks}
        if "fails" in found:
            return "fails"
        return "undecided" if "undecided" in found and self.rules.require_decision else "passes"

    @property
    def status(self) -> int:
        """The exit status: 0, 1 or 3."""
        return {"passes": PASSED, "fails": FAILED, "undecided": UNDECIDED}[self.outcome]


def judge_gate(found: results.Results, rules: GateRules) -> Gate:
    """Hold results against rules.

    With several arms the first is what others are compared with, and thresholds are of the others; one arm alone is
    judged by thresholds. A threshold is decided by the value's 95% interval: it passes where all of it is on the right
    side, fails where none is, and stays undecided between.

    Raises
    ------
    FairtollError
        For an unknown rule, or one that these results have nothing for.

    Examples
    --------
    >>> import pandas as pd
    >>> from fairtoll.audits import audit_evidence
    >>> from fairtoll.evidence import Evidence
    >>> frame = pd.DataFrame({"model": ["a"] * 4000 + ["b"] * 4000, "y": [0, 1] * 4000, "p": [0.2, 0.9] * 4000})
    >>> found = audit_evidence(Evidence.from_frame(frame, label="y", probabilities={1: "p"}, arm="model")).results
    >>> gate = judge_gate(found, GateRules(["less-fair"], {"accuracy": 0.9}))
    >>> [(check.name, check.outcome) for check in gate.checks], gate.status
    ([('less-fair: cau/class/clean', 'passes'), ('accuracy at least 0.9', 'passes')], 0)
    """
    names = [arm.name for arm in found.arms]
    judged = names[1:] or names
    checks: list[Check] = []
    for rule in rules.fail_on:
        if rule == LESS_FAIR:
            checks += _less_fair(found, rules)
        elif rule == ALARM:
            checks += _alarms(found, judged)
        else:
            raise FairtollError(f"fail_on names '{rule}'; expected {LESS_FAIR} or {ALARM}")
    for name, limit in rules.thresholds.items():
        threshold = read_threshold(name)
        checks += [_held(threshold, limit, value) for value in values_of(threshold, found, judged)]
    return Gate(checks, rules)


def _less_fair(found: results.Results, rules: GateRules) -> Iterator[Check]:
    if not found.findings:
        raise FairtollError(
            f"'{LESS_FAIR}' compares arms, and these results have one, {found.arms[0].name}; expected two or more; "
            "give thresholds for one model"
        )
    for finding in found.findings:
        outcome, said = _of_recipes(finding) if rules.question == "recipes" else _of_models(finding)
        name = finding.id.removeprefix("audit/").removeprefix(f"{finding.robust.arm}/")
        yield Check(f"{LESS_FAIR}: {name}", finding.robust.arm, outcome, said)


def _of_models(finding: results.Finding) -> tuple[Outcome, str]:
    """One model with a wider gap fails; all must have none for a pass."""
    pairs = finding.models.pairs if finding.models is not None else []
    if not pairs:
        return "undecided", f"these models cannot be compared: {finding.reason}"
    outcomes = [OF_MODELS[pair.verdict] for pair in pairs]
    worst: Outcome = next((one for one in ("fails", "undecided") if one in outcomes), "passes")
    shown = pairs[outcomes.index(worst)]
    unit = spoken(finding.metric)
    said = (
        f"{shown.verdict}: {unit.number(shown.standard)} to {unit.number(shown.robust)}{unit.name}, "
        f"{100 * shown.confidence:.4g}% interval of the difference {unit.change_of(shown.interval)}, margin "
        f"{unit.number(finding.margin)}"
    )
    return worst, said + (f"; {outcomes.count(worst)} of {len(pairs)} pairs" if len(pairs) > 1 else "")


def _of_recipes(finding: results.Finding) -> tuple[Outcome, str]:
    return OF_RECIPES[finding.verdict], f"{finding.verdict}: {finding.reason}"


def _alarms(found: results.Results, judged: Sequence[str]) -> Iterator[Check]:
    for alarm in found.alarms:
        if alarm.arm in judged:
            said = alarm.message if alarm.fired else "not fired"
            yield Check(f"{ALARM}: {alarm.title}", alarm.arm, "fails" if alarm.fired else "passes", said)


def _held(threshold: Threshold, limit: float, found: Value) -> Check:
    sign = 1.0 if threshold.is_floor else -1.0
    side = "at least" if threshold.is_floor else "at most"
    of = f" ({found.of})" if found.of else ""
    name = f"{threshold.name} {side} {limit:g}"
    if found.value is None or found.interval is None:
        return Check(name, found.arm, "undecided", f"too few rows{of}")
    ends = sorted(sign * (end - limit) for end in found.interval)
    outcome: Outcome = "passes" if ends[0] >= 0 else "fails" if ends[1] < 0 else "undecided"
    low, high = found.interval
    return Check(name, found.arm, outcome, f"{found.value:.3g}, 95% interval {low:.3g} to {high:.3g}{of}")
