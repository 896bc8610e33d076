"""The kinds of claims in a paper, as values: called with what was found, each returns its test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from fairtoll.experiments.claims import LEVEL, Found, Judgement, Tested, models_that_show, say_change
from fairtoll.experiments.conclusion import compare_flips, conclude
from fairtoll.findings.results import ArmValue, Claim, Finding
from fairtoll.findings.units import spoken
from fairtoll.statistics import Estimate, paired_estimate
from fairtoll.statistics.verdict import MINIMUM_RUNS


@dataclass(frozen=True)
class Worse:
    """The robust classifier is worse by every gap that is named.

    Attributes
    ----------
    id : str
        Of the claim in `published.json`.
    keys : sequence of str
        Of the questions.
    what : str
        What to call the gaps.
    where : sequence of str
        What to add to each of them.
    spread : bool
        Whether to say how far an arm's gaps differ between training runs alone.
    """

    id: str
    keys: tuple[str, ...]
    what: str
    where: tuple[str, ...] = ()
    spread: bool = False

    def __call__(self, found: Found) -> Tested:
        """Test it by the p-values of its gaps; refuted where one of them is fairer or equivalent."""
        findings = [found.findings[key] for key in self.keys]
        places = self.where or ("",) * len(findings)
        said = "; ".join(say_change(finding, where) for finding, where in zip(findings, places, strict=True))
        said = f"{self.what} {said}, over {_count(findings)}{_ruled_out(findings, places)}"
        if self.spread:
            largest = max(_spread(arm.per_run) for one in findings for arm in (one.standard, one.robust))
            said += f"; one arm's value differs by up to {100 * largest:.1f} points between training runs alone"
        return Tested(
            self.id,
            _joint([_p_of(finding) for finding in findings]),
            any(finding.verdict in ("fairer", "equivalent") for finding in findings),
            said,
            findings,
            models_that_show(_pairs_show(findings), f"a larger {self.what}"),
            below_margin=all(finding.verdict != "less fair" for finding in findings),
        )


@dataclass(frozen=True)
class GroupBelow:
    """One group's mean is below another's in both arms and every question."""

    id: str
    keys: tuple[str, ...]
    low: str
    high: str

    def __call__(self, found: Found) -> Tested:
        """Test it by the difference of the two groups' means in each arm."""
        findings = [found.findings[key] for key in self.keys]
        weights, phrases, parts = {self.high: 1.0, self.low: -1.0}, [], []
        shown = [True] * min(one.runs for one in findings)
        for place, (key, finding) in enumerate(zip(self.keys, findings, strict=True)):
            for arm in (finding.standard, finding.robust):
                means = {group.group: group.value for group in arm.groups}
                low, high = means.get(self.low), means.get(self.high)
                parts.append(_measure(found, key, weights, finding, arm=arm.arm))
                if low is not None and high is not None:
                    phrases.append(f"{low:.3f} against {high:.3f} ({arm.arm}, D_{place})")
                shown = [
                    so_far and _shows(found, key, weights, arm=arm.arm, only=run) for run, so_far in enumerate(shown)
                ]
        said = f"{self.low.lower()} against {self.high.lower()} {'; '.join(phrases)}"
        models = models_that_show(shown, f"{self.low.lower()} below {self.high.lower()} everywhere")
        return Tested(self.id, _joint(_p_values(parts, findings)), _any_below(parts, findings), said, findings, models)


@dataclass(frozen=True)
class LargerInSecond:
    """A gap is larger among the rows of the second question than among those of the first, in both arms."""

    id: str
    keys: tuple[str, str]
    what: str

    def __call__(self, found: Found) -> Tested:
        """Test it by the difference of the gaps in the same training run; the two questions share no row."""
        findings = [found.findings[key] for key in self.keys]
        first, second = findings
        phrases, parts = [], []
        for one, other in ((first.standard, second.standard), (first.robust, second.robust)):
            part = _between(one, other)
            parts.append(part)
            if part is not None:
                phrases.append(
                    f"{one.arm}: {100 * (one.value or 0):.1f} points in D_0, {100 * (other.value or 0):.1f} in D_1 "
                    f"({_say(part)})"
                )
        pairs = [
            all(
                _far(arm.per_run[run], other.per_run[run], (arm, other))
                for arm, other in ((first.standard, second.standard), (first.robust, second.robust))
            )
            for run in range(min(first.runs, second.runs))
        ]
        said = f"{self.what}, {'; '.join(phrases)}"
        models = models_that_show(pairs, "a larger gap in D_1 in both classifiers")
        return Tested(self.id, _joint(_p_values(parts, findings)), _any_below(parts, findings), said, findings, models)


@dataclass(frozen=True)
class RisesWithValues:
    """The change is larger for an attribute with more values: pairs of questions, the one with more values second."""

    id: str
    keys: tuple[tuple[str, str], ...]
    fewer: str
    more: str

    def __call__(self, found: Found) -> Tested:
        """Test it; two attributes cannot show a trend, whatever their order, so that it is never supported."""
        findings, phrases, parts, pairs = [], [], [], []
        for place, keys in enumerate(self.keys):
            few, many = (found.findings[key] for key in keys)
            findings += [few, many]
            part = _change_between(few, many)
            parts.append(part)
            pairs.append(_changes_shown(few, many))
            if part is not None and few.difference is not None and many.difference is not None:
                phrases.append(
                    f"D_{place}: the change is {100 * many.difference.value:+.1f} points for {self.more} and "
                    f"{100 * few.difference.value:+.1f} for {self.fewer} ({_say(part)})"
                )
        shown = [all(run) for run in zip(*pairs, strict=False)]
        models = models_that_show(shown, f"a larger change for {self.more}")
        return Tested(
            self.id,
            _joint(_p_values(parts, findings)),
            _any_below(parts, findings),
            "; ".join(phrases),
            findings,
            models,
            never_supported=True,
            lead={"inconclusive": "Two attributes cannot show a trend", "refuted": "The order is the other way round"},
        )


@dataclass(frozen=True)
class ClassesMove:
    """Accuracy falls for the hard classes and rises for the easy ones."""

    id: str
    key: str
    hard: tuple[str, ...]
    easy: tuple[str, ...]

    def __call__(self, found: Found) -> Tested:
        """Test it class by class."""
        gap = found.findings[self.key]
        signs = {**dict.fromkeys(self.hard, -1.0), **dict.fromkeys(self.easy, 1.0)}
        parts, phrases, shown = [], [], [True] * gap.runs
        arms = {"arm": gap.robust.arm, "minus": gap.standard.arm}
        for name, sign in signs.items():
            part = _measure(found, self.key, {name: sign}, gap, **arms)
            parts.append(part)
            if part is not None:
                reach = (part.interval.high - part.interval.low) / 2
                phrases.append(f"{name} {100 * sign * part.value:+.1f} ± {100 * reach:.1f} points")
            shown = [
                so_far and _shows(found, self.key, {name: sign}, only=run, **arms) for run, so_far in enumerate(shown)
            ]
        said = f"accuracy from standard to static, {', '.join(phrases)}"
        models = models_that_show(shown, "each class moving as claimed")
        lead: dict[Judgement, str] = {
            "supported": "Each class moves as claimed",
            "refuted": "A class moves the other way",
        }
        p_value = _joint(_p_values(parts, [gap]))
        return Tested(self.id, p_value, _any_below(parts, [gap]), said, [gap], models, lead=lead)


@dataclass(frozen=True)
class EasyRiseMore:
    """A gap of least epsilon is larger because it rises more for the easy classes than for the hard ones."""

    id: str
    key: str
    hard: tuple[str, ...]
    easy: tuple[str, ...]

    def __call__(self, found: Found) -> Tested:
        """Test it by the gap and by the two rises."""
        least = found.findings[self.key]
        weights = {name: 1 / len(self.easy) for name in self.easy} | {name: -1 / len(self.hard) for name in self.hard}
        arms = {"arm": least.robust.arm, "minus": least.standard.arm}
        part = _measure(found, self.key, weights, least, **arms)
        said = f"CRU_eps {say_change(least)}"
        if part is not None:
            low, high = part.interval.low, part.interval.high
            said += (
                f"; mean least epsilon rises by {part.value:+.5f} more (interval {low:+.5f} to {high:+.5f}, white-box) "
                f"for {_list(self.easy)} than for {_list(self.hard)}"
            )
        wider = _pairs_show([least])
        shown = [one and _shows(found, self.key, weights, only=run, **arms) for run, one in enumerate(wider)]
        return Tested(
            self.id,
            _joint([_p_of(least), *_p_values([part], [least])]),
            least.verdict in ("fairer", "equivalent") or _any_below([part], [least]),
            said,
            [least],
            models_that_show(shown, "a larger CRU_eps by easy classes that rise more"),
            below_margin=least.verdict != "less fair",
        )


@dataclass(frozen=True)
class Shrinks:
    """The change becomes smaller from each radius to the next."""

    id: str
    keys: tuple[str, ...]

    def __call__(self, found: Found) -> Tested:
        """Test it from each radius to the next, over the same models."""
        rates = [found.findings[key] for key in self.keys]
        parts = [_change_between(after, before) for before, after in pairwise(rates)]
        pairs = [_changes_shown(after, before) for before, after in pairwise(rates)]
        listed = ", ".join(
            f"{100 * rate.difference.value:+.1f} points at {rate.parameters.epsilon:g}"
            for rate in rates
            if rate.difference is not None
        )
        steps = "; ".join(_say(part) for part in parts if part is not None)
        said = f"white-box over all rows, the change is {listed} (from one to the next it falls by {steps})"
        models = models_that_show([all(run) for run in zip(*pairs, strict=False)], "it shrinking at each step")
        lead: dict[Judgement, str] = {"supported": "It shrinks", "refuted": "It grows"}
        p_value, refuted = _joint(_p_values(parts, rates)), _any_below(parts, rates)
        return Tested(self.id, p_value, refuted, said, rates, models, lead=lead)


@dataclass(frozen=True)
class Flips:
    """Leave-one-out models change more predictions of the robust classifier."""

    id: str

    def __call__(self, found: Found) -> Tested:
        """Test it by the rate of flips."""
        return compare_flips(self.id, found.leave_one_out)


@dataclass(frozen=True)
class Conclusion:
    """All kinds of fairness are harmed: as far as one data set shows, from the claims before it.

    Attributes
    ----------
    data : str
        What to call the data.
    kinds : mapping
        Kind of fairness to the claims that decide it.
    unmeasured : str
        The kinds that this experiment does not measure, in words; with nothing, leave-one-out, which the paper claims
        on CIFAR-10 alone.
    """

    data: str
    kinds: Mapping[str, Sequence[str]] = field(hash=False)
    unmeasured: str = ""

    def __call__(self, found: Found, claims: Sequence[Claim]) -> Claim:
        """Draw it."""
        return conclude(self.data, claims, self.kinds, self.unmeasured or self._fourth(found))

    def _fourth(self, found: Found) -> str:
        if not found.leave_one_out:
            return "the fourth kind, leave-one-out, is not measured here"
        said = compare_flips("luf", found.leave_one_out).said
        return f"the fourth kind, leave-one-out, the paper claims on CIFAR-10 alone ({said})"


def _ruled_out(findings: Sequence[Finding], places: Sequence[str]) -> str:
    """What an inconclusive verdict excludes nevertheless: a rise by more than the margin."""
    excluded = [
        where.strip() or "it"
        for finding, where in zip(findings, places, strict=True)
        if finding.runs >= MINIMUM_RUNS
        and finding.verdict == "inconclusive"
        and finding.difference is not None
        and finding.difference.interval[1] < finding.margin
    ]
    if not excluded:
        return ""
    unit = spoken(findings[0].metric)
    where = "" if excluded == ["it"] else f" {' and '.join(excluded)}"
    return f"; a rise{where} by more than the margin of {unit.number(findings[0].margin)}{unit.name} is ruled out"


def _joint(p_values: Sequence[float | None]) -> float | None:
    """All parts must hold: an intersection-union test; None where a part could not be tested."""
    known = [p_value for p_value in p_values if p_value is not None]
    return max(known) if len(known) == len(p_values) and known else None


def _p_of(finding: Finding) -> float | None:
    """Of one or two training runs a p-value says nothing about the recipes."""
    if finding.difference is None or finding.runs < MINIMUM_RUNS:
        return None
    return finding.difference.p_value


def _share(findings: Sequence[Finding]) -> float:
    """Of the error that belongs to the look at which the figures were taken."""
    return min((one.difference.share for one in findings if one.difference is not None), default=1.0)


def _p_values(parts: Sequence[Estimate | None], findings: Sequence[Finding]) -> list[float | None]:
    if min(finding.runs for finding in findings) < MINIMUM_RUNS:
        return [None] * len(parts)
    return [None if part is None else min(1.0, part.p_value / _share(findings)) for part in parts]


def _any_below(parts: Sequence[Estimate | None], findings: Sequence[Finding]) -> bool:
    """Whether one part has the opposite sign beyond doubt: its own interval lies below 0."""
    enough = min(finding.runs for finding in findings) >= MINIMUM_RUNS
    return enough and any(part is not None and part.interval.high < 0 for part in parts)


def _measure(
    found: Found, key: str, weights: Mapping[str, float], finding: Finding, *, arm: str, minus: str | None = None
) -> Estimate | None:
    if found.measured is None:
        return None
    confidence = 1 - LEVEL * _share([finding])
    return found.measured.contrast(
        found.questions[key], weights, arm=arm, minus=minus, runs=finding.runs, confidence=confidence
    )


def _shows(
    found: Found, key: str, weights: Mapping[str, float], *, only: int, arm: str, minus: str | None = None
) -> bool:
    """Whether one pair of models shows it beyond the noise of the rows."""
    if found.measured is None:
        return False
    part = found.measured.contrast(found.questions[key], weights, arm=arm, minus=minus, only=only)
    return part is not None and part.p_value <= LEVEL


def _pairs_show(findings: Sequence[Finding]) -> list[bool]:
    """For each pair of models, whether all of the gaps are wider beyond the noise of the rows."""
    if any(finding.models is None for finding in findings):
        return []
    pairs = zip(*(one.models.pairs for one in findings if one.models is not None), strict=False)
    return [all(pair.p_value <= LEVEL for pair in run) for run in pairs]


def _allowance(arm: ArmValue) -> float:
    """As much as the noise of the rows adds to the plain gap; near 0 where the extreme groups are far apart."""
    return max((arm.plain or 0.0) - (arm.value or 0.0), 0.0)


def _between(one: ArmValue, other: ArmValue) -> Estimate | None:
    """How much larger the gap of `other` is than that of `one`: the same models on other rows."""
    if one.row_error is None or other.row_error is None:
        return None
    steps = _steps(one.per_run, other.per_run)
    error = math.hypot(one.row_error, other.row_error)
    return paired_estimate(steps, error, below=_allowance(one), above=_allowance(other)) if steps else None


def _change_between(less: Finding, more: Finding) -> Estimate | None:
    """How much larger the change of `more` is than that of `less`: the same models and rows."""
    if less.difference is None or more.difference is None:
        return None
    changes = [_steps(finding.standard.per_run, finding.robust.per_run) for finding in (less, more)]
    steps = _steps(*changes)
    # The same rows: without their covariance the errors are added, which is on the safe side.
    error = less.difference.row_error + more.difference.row_error
    return paired_estimate(steps, error) if steps else None


def _changes_shown(less: Finding, more: Finding) -> list[bool]:
    """For each pair of models, whether the change of `more` is larger beyond the noise of the rows."""
    if less.models is None or more.models is None:
        return []
    shown = []
    for one, other in zip(less.models.pairs, more.models.pairs, strict=False):
        # A one-sided 95% limit of each from its 95% interval; added, as above.
        reach = sum((pair.value - pair.interval[0]) * 1.645 / 1.96 for pair in (one, other))
        shown.append(other.value - one.value > reach)
    return shown


def _far(one: float | None, other: float | None, arms: tuple[ArmValue, ArmValue]) -> bool:
    """Whether one model's gap is larger on the second rows than on the first, beyond their noise."""
    errors = [arm.row_error for arm in arms]
    if one is None or other is None or None in errors:
        return False
    return other - one > 1.645 * math.hypot(*(error or 0.0 for error in errors))


def _steps(first: Sequence[float | None], second: Sequence[float | None]) -> list[float]:
    """Of each training run that both have."""
    return [other - one for one, other in zip(first, second, strict=False) if one is not None and other is not None]


def _say(part: Estimate) -> str:
    low, high = part.interval.low, part.interval.high
    return f"{100 * part.value:+.1f}, interval {100 * low:+.1f} to {100 * high:+.1f}"


def _spread(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return max(known) - min(known) if known else 0.0


def _count(findings: Sequence[Finding]) -> str:
    runs = sorted({finding.runs for finding in findings})
    if runs == [1]:
        return "one training run"
    return f"{runs[0]} training runs" if len(runs) == 1 else f"{runs[0]} to {runs[-1]} training runs"


def _list(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
