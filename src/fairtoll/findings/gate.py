"""A gate: whether results pass rules that were agreed before, check by check."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from fairtoll.errors import FairtollError
from fairtoll.findings import results
from fairtoll.findings.joint import CONFIDENCE, Comparison, fail_together
from fairtoll.findings.spreads import interval_at
from fairtoll.findings.thresholds import Threshold, Value, read_threshold, values_of
from fairtoll.findings.units import spoken

Outcome = Literal["passes", "fails", "undecided"]
LESS_FAIR, ALARM = "less-fair", "alarm"
IMPOSSIBLE = (
    "the threshold of '{name}' is {limit:g}; expected {possible}, which is what it can be; correct it (give a share "
    "as 0.8, not as 80)"
)
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
        For a limit that no value of what it is of can have, or two of one threshold.

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
        # A rule that is named twice is one: counted twice it would widen the intervals of all.
        object.__setattr__(self, "fail_on", tuple(dict.fromkeys(self.fail_on)))
        seen: dict[Threshold, str] = {}
        for name in self.thresholds:
            before = seen.setdefault(replace(read_threshold(name), name=""), name)
            if before != name:
                raise FairtollError(
                    f"the thresholds '{before}' and '{name}' are the same; expected each once; leave one out"
                )
        for name, limit in self.thresholds.items():
            most = read_threshold(name).most
            if not (math.isfinite(limit) and 0 <= limit <= most):
                possible = "a finite number of 0 or more" if most == math.inf else f"a number from 0 to {most:g}"
                raise FairtollError(IMPOSSIBLE.format(name=name, limit=limit, possible=possible))

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
    comparisons : int
        How many numbers with an interval were judged, all of them together.
    confidence : float
        Of each interval by which one of them fails.
    """

    checks: Sequence[Check]
    rules: GateRules
    comparisons: int = 0
    confidence: float = CONFIDENCE

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


@dataclass(frozen=True)
class _Held:
    """One check before all are judged together.

    `outcome` is what it is where none of its comparisons fails, `said` its figures by which of them fail and at which
    confidence.
    """

    name: str
    arm: str
    outcome: Outcome
    said: Callable[[Sequence[bool], float], str]
    comparisons: Sequence[Comparison] = ()

    def check(self, fails: Sequence[bool], confidence: float) -> Check:
        """As it came out; what fails by itself and not among all comparisons is undecided."""
        outcome = "fails" if any(fails) else self.outcome
        said = self.said(fails, confidence)
        if not any(fails) and any(one.alone for one in self.comparisons):
            said += "; it would fail by itself, and may by chance among so many"
        return Check(self.name, self.arm, outcome, said)


def judge_gate(found: results.Results, rules: GateRules) -> Gate:
    """Hold results against rules.

    With several arms the first is what others are compared with, and thresholds are of the others; one arm alone is
    judged by thresholds. A threshold is decided by the value's 95% interval: it passes where all of it is on the right
    side, and stays undecided where none or a part is. What fails, fails among all comparisons of the gate together
    (`fairtoll.findings.joint.fail_together`), so that many of them do not fail a build by chance: pairs of models,
    recipes and thresholds alike. A pass needs no such correction, as all checks must pass.

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
    >>> [(check.name, check.outcome) for check in gate.checks], gate.status, gate.comparisons
    ([('less-fair: cau/class/clean', 'passes'), ('accuracy at least 0.9', 'passes')], 0, 2)
    """
    names = [arm.name for arm in found.arms]
    judged = names[1:] or names
    held: list[_Held] = []
    for rule in rules.fail_on:
        if rule == LESS_FAIR:
            held += _less_fair(found, rules)
        elif rule == ALARM:
            held += _alarms(found, judged)
        else:
            raise FairtollError(f"fail_on names '{rule}'; expected {LESS_FAIR} or {ALARM}")
    for name, limit in rules.thresholds.items():
        threshold = read_threshold(name)
        held += [_threshold(threshold, limit, value) for value in values_of(threshold, found, judged)]
    if not held:
        raise FairtollError(
            f"these results have nothing that {ALARM} could be judged by, since nothing was attacked; expected a rule "
            "that they can miss; give --threshold NAME=NUMBER, or attack the models"
        )
    whole = [one for check in held for one in check.comparisons]
    fails, confidence = fail_together(whole)
    left = iter(fails)
    checks = [check.check([next(left) for _ in check.comparisons], confidence) for check in held]
    return Gate(checks, rules, len(whole), confidence)


def _less_fair(found: results.Results, rules: GateRules) -> Iterator[_Held]:
    if not found.findings:
        raise FairtollError(
            f"'{LESS_FAIR}' compares arms, and these results have one, {found.arms[0].name}; expected two or more; "
            "give thresholds for one model"
        )
    for finding in found.findings:
        name = f"{LESS_FAIR}: {finding.id.removeprefix('audit/').removeprefix(f'{finding.robust.arm}/')}"
        yield (_of_recipes if rules.question == "recipes" else _of_models)(name, finding)


def _of_models(name: str, finding: results.Finding) -> _Held:
    """One model with a wider gap fails; all must have none for a pass."""
    arm, pairs = finding.robust.arm, finding.models.pairs if finding.models is not None else []
    if not pairs:
        return _Held(name, arm, "undecided", _always(f"these models cannot be compared: {finding.reason}"))
    outcomes = [OF_MODELS[pair.verdict] for pair in pairs]
    unit = spoken(finding.metric)

    def said(fails: Sequence[bool], confidence: float) -> str:
        worst = [place for place, fail in enumerate(fails) if fail]
        worst = worst or [place for place, one in enumerate(outcomes) if one != "passes"] or [*range(len(pairs))]
        shown = pairs[worst[0]]
        level = max(confidence, shown.confidence) if outcomes[worst[0]] == "fails" else shown.confidence
        interval = interval_at(shown.interval, shown.value, shown.spread, given=shown.confidence, confidence=level)
        return (
            f"{shown.verdict}: {unit.number(shown.standard)} to {unit.number(shown.robust)}{unit.name}, "
            f"{percent(level)} interval of the difference {unit.change_of(interval)}, margin "
            f"{unit.number(finding.margin)}" + (f"; {len(worst)} of {len(pairs)} pairs" if len(pairs) > 1 else "")
        )

    each = zip(pairs, outcomes, strict=True)
    comparisons = [_of_difference(pair, finding.margin, outcome == "fails") for pair, outcome in each]
    return _Held(name, arm, "passes" if set(outcomes) == {"passes"} else "undecided", said, comparisons)


def _of_recipes(name: str, finding: results.Finding) -> _Held:
    alone = OF_RECIPES[finding.verdict]
    comparisons = []
    if finding.difference is not None:
        comparisons = [_of_difference(finding.difference, finding.margin, alone == "fails")]
    outcome: Outcome = "undecided" if alone == "fails" else alone
    return _Held(name, finding.robust.arm, outcome, _always(f"{finding.verdict}: {finding.reason}"), comparisons)


def _of_difference(found: results.ModelPair | results.Difference, margin: float, alone: bool) -> Comparison:
    """A difference that was judged at a confidence of its own; of looks at its runs each has a share of the error."""
    share = found.share if isinstance(found, results.Difference) else 1.0

    def ends(confidence: float) -> tuple[float, float]:
        level = max(1 - (1 - confidence) * share, found.confidence)
        return interval_at(found.interval, found.value, found.spread, given=found.confidence, confidence=level)

    return Comparison(ends, margin, above=True, judged=alone)


def _alarms(found: results.Results, judged: Sequence[str]) -> Iterator[_Held]:
    for alarm in found.alarms:
        if alarm.arm in judged:
            said = alarm.message if alarm.fired else "not fired"
            outcome: Outcome = "fails" if alarm.fired else "passes"
            yield _Held(f"{ALARM}: {alarm.title}", alarm.arm, outcome, _always(said))


def _threshold(threshold: Threshold, limit: float, found: Value) -> _Held:
    side = "at least" if threshold.is_floor else "at most"
    name = f"{threshold.name} {side} {limit:g}"
    if found.value is None or found.ends is None:
        return _Held(name, found.arm, "undecided", _always(f"too few rows{_of(found)}"))
    # The group that is worst off may be another than the one that seems so: each is held against the limit.
    known = [(one, one.ends) for one in found.groups or [found] if one.ends is not None]
    comparisons = [Comparison(ends, limit, not threshold.is_floor) for _, ends in known]

    def open_at(ends: tuple[float, float]) -> bool:
        return ends[0] < limit if threshold.is_floor else ends[1] > limit

    still_open = [one for one, ends in known if open_at(ends(CONFIDENCE))]

    def said(fails: Sequence[bool], confidence: float) -> str:
        failing = [one for (one, _), fail in zip(known, fails, strict=True) if fail]
        shown = (failing or still_open or [found])[0]
        level = confidence if any(one.alone for one in comparisons) else CONFIDENCE
        low, high = shown.ends(level) if shown.ends is not None else (-math.inf, math.inf)
        return f"{shown.value:.3g}, {percent(level)} interval {low:.3g} to {high:.3g}{_of(shown)}"

    return _Held(name, found.arm, "undecided" if still_open else "passes", said, comparisons)


def _of(found: Value) -> str:
    return f" ({found.of})" if found.of else ""


def _always(text: str) -> Callable[[Sequence[bool], float], str]:
    """The same text however comparisons come out."""
    return lambda fails, confidence: text


def percent(confidence: float) -> str:
    """A confidence, with as many digits as distinguish it from 100%.

    Examples
    --------
    >>> percent(0.95), percent(0.9975), percent(1 - 0.05 / 240)
    ('95%', '99.75%', '99.979%')
    """
    return f"{100 - float(f'{100 * (1 - confidence):.2g}'):.10g}%"
