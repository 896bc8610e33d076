"""Thresholds such as "cau/sex" and "robust-accuracy@0.1": their names, and the values that they are held against."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from fairtoll.errors import FairtollError
from fairtoll.findings import results
from fairtoll.findings.spreads import Ends, interval_at
from fairtoll.metrics import METRICS

#: Thresholds from below; each may begin with `ROBUST`, for attacked rows.
FLOORS = ("accuracy", "worst-class", "worst-group")
ROBUST = "robust-"
#: Of a floor under attack, in the order of preference: the first that an arm has is meant.
EVALUATIONS = ("white-box", "scores-only")
KNOWN = (
    "accuracy, worst-class, worst-group/ATTRIBUTE, robust-accuracy, robust-worst-class, robust-worst-group/ATTRIBUTE, "
    "METRIC or METRIC/PARTITION, with @RADIUS after any that is of attacked rows"
)
FORM = "METRIC/PARTITION, accuracy, worst-class or worst-group/ATTRIBUTE, with robust- before and @RADIUS after it"


@dataclass(frozen=True)
class Threshold:
    """What a threshold's name says.

    Attributes
    ----------
    name : str
        As it was given.
    quantity : str
        A metric's name, "accuracy" or "worst-group".
    partition : str, optional
        None for every partition of a metric, and for accuracy.
    robust : bool
        Whether a floor is of attacked rows.
    epsilon : float, optional
        None for every radius.
    """

    name: str
    quantity: str
    partition: str | None
    robust: bool
    epsilon: float | None

    @property
    def is_floor(self) -> bool:
        """Whether the value must be at least the threshold; a gap must be at most."""
        return self.quantity not in METRICS

    @property
    def most(self) -> float:
        """The largest value that it can be held against; the smallest is 0."""
        return 1.0 if self.is_floor else METRICS[self.quantity].upper_limit


@dataclass(frozen=True)
class Value:
    """A value of one arm and its interval, where they are known.

    Attributes
    ----------
    arm : str
    of : str
        What was measured, beyond the threshold's name: the attack, its radius, the group.
    value : float, optional
    ends : callable, optional
        Its interval at a confidence.
    groups : sequence of Value
        Of the group that is worst off: every group.
    """

    arm: str
    of: str
    value: float | None
    ends: Callable[[float], Ends] | None
    groups: Sequence[Value] = ()


def read_threshold(name: str) -> Threshold:
    """The threshold with this name.

    Raises
    ------
    FairtollError
        For a metric that there is not, or a radius that is no number of 0 or more.

    Examples
    --------
    >>> read_threshold("cru_s/sex@0.1")
    Threshold(name='cru_s/sex@0.1', quantity='cru_s', partition='sex', robust=False, epsilon=0.1)
    >>> read_threshold("robust-worst-class").partition
    'class'
    """
    rest, at, radius = name.rpartition("@")
    rest = rest if at else name
    quantity, slash, partition = rest.partition("/")
    robust = quantity.startswith(ROBUST)
    quantity = quantity.removeprefix(ROBUST)
    known = [*FLOORS, *(metric.name for metric in METRICS.values() if metric.in_audits)]
    if quantity not in known or (robust and quantity not in FLOORS) or (slash and not partition):
        close = get_close_matches(quantity, known, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise FairtollError(
            f"unknown threshold '{name}'; {hint}expected one of {KNOWN}; METRIC is {', '.join(known[3:])}"
        )
    if quantity == "worst-class":
        quantity, slash, partition = "worst-group", "/", partition or "class"
    if (quantity == "accuracy" and slash) or (quantity == "worst-group" and not slash):
        raise FairtollError(f"the threshold '{name}' is incomplete; expected {FORM}")
    try:
        epsilon = float(radius) if at else None
    except ValueError:
        epsilon = math.nan
    if epsilon is not None and not 0 <= epsilon < math.inf:
        raise FairtollError(
            f"the threshold '{name}' has the radius '{radius}'; expected a number of 0 or more; give one that was "
            "attacked"
        )
    if epsilon is not None and quantity in FLOORS and not robust:
        raise FairtollError(
            f"the threshold '{name}' has a radius, and {rest} is of rows that nobody attacked; expected none, or "
            f"{ROBUST}{rest}@{radius}; correct the name"
        )
    return Threshold(name, quantity, partition if slash else None, robust, epsilon)


def require_partitions(thresholds: Collection[str], known: Sequence[str]) -> None:
    """Raise for a threshold that is unknown or of a partition that is not evaluated, before an audit.

    Examples
    --------
    >>> require_partitions(["cau/sex", "worst-class"], ["class", "sex"])
    """
    for name in thresholds:
        partition = read_threshold(name).partition
        if partition is not None and partition not in known:
            close = get_close_matches(partition, known, n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            raise FairtollError(
                f"the threshold '{name}' is of '{partition}'; {hint}expected one of {', '.join(known)}; give a group "
                "or a partition of that name, or correct it"
            )


def values_of(threshold: Threshold, found: results.Results, arms: Collection[str]) -> list[Value]:
    """Every value that a threshold is held against, of these arms.

    Raises
    ------
    FairtollError
        If there is none.
    """
    of = {"accuracy": _accuracies, "worst-group": _worst_groups}.get(threshold.quantity, _gaps)
    values = [value for value in of(threshold, found) if value.arm in arms]
    if not values:
        there = sorted({f"{metric}/{parameters.partition}" for _, metric, parameters, _ in measured_gaps(found)})
        radii = sorted({one.epsilon for one in found.accuracy if one.epsilon is not None})
        raise FairtollError(
            f"nothing in these results is of the threshold '{threshold.name}'; they hold {', '.join(there)}"
            + (f", at the radii {', '.join(f'{one:g}' for one in radii)}" if radii else ", and no attack")
        )
    return values


def measured_gaps(
    found: results.Results,
) -> Iterator[tuple[str, str, results.Parameters, results.ArmValue]]:
    """Every gap of every arm once: the arm, the metric, what exactly was measured, and the value."""
    for gap in found.gaps:
        yield gap.value.arm, gap.metric, gap.parameters, gap.value
    seen = set()
    for finding in found.findings:
        for side in (finding.standard, finding.robust):
            key = (side.arm, finding.metric, finding.parameters.model_dump_json())
            if key not in seen:
                seen.add(key)
                yield side.arm, finding.metric, finding.parameters, side


def _gaps(threshold: Threshold, found: results.Results) -> Iterator[Value]:
    for arm, metric, parameters, value in measured_gaps(found):
        if metric != threshold.quantity or threshold.partition not in (None, parameters.partition):
            continue
        if threshold.epsilon is None or _same(parameters.epsilon, threshold.epsilon):
            of = [f"{metric} of {parameters.partition}"] if threshold.partition is None else []
            of += [f"true class {parameters.label}"] if parameters.label is not None else []
            ends = _ends(value.value, value.interval, value.spread, METRICS[metric].upper_limit)
            yield Value(arm, ", ".join([*of, *_attack(parameters)]), value.value, ends)


def _worst_groups(threshold: Threshold, found: results.Results) -> Iterator[Value]:
    """The accuracy of the group that is worst off, from the groups of the gaps in accuracy and attack success."""
    metric, taken = ("cru_s", _preferred(found)) if threshold.robust else ("cau", {})
    for arm, name, parameters, value in measured_gaps(found):
        if name != metric or parameters.partition != threshold.partition or parameters.denominator == "correct":
            continue
        if threshold.robust and parameters.evaluation != taken.get(arm):
            continue
        if threshold.epsilon is not None and not _same(parameters.epsilon, threshold.epsilon):
            continue
        of = _attack(parameters)
        groups = [
            _group(arm, group, of, robust=threshold.robust)
            for group in value.groups
            if group.sufficient and group.value is not None
        ]
        if not groups:
            yield Value(arm, ", ".join(of), None, None)
            continue
        yield replace(min(groups, key=lambda group: group.value or 0.0), groups=groups)


def _group(arm: str, group: results.GroupValue, of: Sequence[str], *, robust: bool) -> Value:
    """The accuracy of one group: 1 minus the success of attacks."""
    said, ends = ", ".join([f"'{group.group}'", *of]), _ends(group.value, group.interval, group.spread)
    if not robust:
        return Value(arm, said, group.value, ends)
    return Value(arm, said, 1 - (group.value or 0.0), None if ends is None else _mirrored(ends))


def _accuracies(threshold: Threshold, found: results.Results) -> Iterator[Value]:
    taken = _preferred(found)
    for one in found.accuracy:
        evaluation = taken.get(one.arm) if threshold.robust else "clean"
        if one.evaluation == evaluation and (threshold.epsilon is None or _same(one.epsilon, threshold.epsilon)):
            of = f"{one.attack} at {one.epsilon:g}, {one.evaluation}" if one.epsilon is not None else ""
            yield Value(one.arm, of, one.mean, _ends(one.mean, one.interval, one.spread))


def _ends(
    value: float | None, interval: Ends | None, spread: results.Spread | None, most: float = 1.0
) -> Callable[[float], Ends] | None:
    """The interval of a value at any confidence, from 0 to the most that it can be."""
    if value is None or interval is None:
        return None

    def ends(confidence: float) -> Ends:
        low, high = interval_at(interval, value, spread, confidence=confidence)
        return max(low, min(interval[0], 0.0)), min(high, max(interval[1], most))

    return ends


def _mirrored(ends: Callable[[float], Ends]) -> Callable[[float], Ends]:
    """The interval of 1 minus the value."""

    def mirrored(confidence: float) -> Ends:
        low, high = ends(confidence)
        return 1 - high, 1 - low

    return mirrored


def _preferred(found: results.Results) -> dict[str, str]:
    """For each arm, how it was attacked with most knowledge."""
    of = {one.arm: {other.evaluation for other in found.accuracy if other.arm == one.arm} for one in found.accuracy}
    return {
        arm: next(one for one in EVALUATIONS if one in there)
        for arm, there in of.items()
        if not there.isdisjoint(EVALUATIONS)
    }


def _attack(parameters: results.Parameters) -> list[str]:
    if parameters.attack is None or parameters.epsilon is None:
        return []
    return [f"{parameters.attack} at {parameters.epsilon:g}, {parameters.evaluation}"]


def _same(one: float | None, other: float) -> bool:
    return one is not None and abs(one - other) <= 1e-9 * max(abs(one), abs(other))
