"""The kinds of claims in a paper, as values: called with the findings, each returns its judgement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fairtoll.experiments.claims import (
    INCONCLUSIVE,
    REFUTED,
    SUPPORTED,
    Found,
    Judgement,
    all_or_none,
    by_reach,
    conclude,
    join_verdicts,
    judge_flips,
    make_claim,
    meaning,
    say_change,
    unless_few_runs,
)
from fairtoll.findings.results import ArmValue, Claim, Finding


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

    def __call__(self, found: Found) -> Claim:
        """Judge it."""
        findings = [found.findings[key] for key in self.keys]
        judgement, runs = join_verdicts(findings), findings[0].runs
        places = self.where or ("",) * len(findings)
        said = "; ".join(say_change(finding, where) for finding, where in zip(findings, places, strict=True))
        reason = f"{meaning(judgement, runs)}: {self.what} {said}, over {_count(runs)}"
        if self.spread:
            largest = max(_spread(arm.per_run) for one in findings for arm in (one.standard, one.robust))
            reason += f"; one arm's value differs by up to {largest:.3f} between training runs alone"
        return make_claim(self.id, judgement, f"{reason}.", findings)


@dataclass(frozen=True)
class GroupBelow:
    """One group's mean is below another's in both arms and every question."""

    id: str
    keys: tuple[str, ...]
    low: str
    high: str

    def __call__(self, found: Found) -> Claim:
        """Judge it by whether the interval of the gap excludes 0."""
        findings = [found.findings[key] for key in self.keys]
        phrases, below, above = [], 0, 0
        for place, finding in enumerate(findings):
            for arm in (finding.standard, finding.robust):
                means = {group.group: group.value for group in arm.groups}
                low, high = means.get(self.low), means.get(self.high)
                if low is None or high is None or arm.interval is None:
                    continue
                phrases.append(f"{low:.3f} against {high:.3f} ({arm.arm}, D_{place})")
                certain = arm.interval[0] > 0
                below += certain and low < high
                above += certain and low > high
        every = 2 * len(findings)
        judgement: Judgement = SUPPORTED if below == every else REFUTED if above else INCONCLUSIVE
        judgement = unless_few_runs(judgement, findings)
        pair = f"{self.low.lower()} against {self.high.lower()}"
        reason = f"The gap's interval excludes 0 in {below} of {every}: {pair} {'; '.join(phrases)}."
        return make_claim(self.id, judgement, reason, findings)


@dataclass(frozen=True)
class LargerInSecond:
    """A gap is larger among the rows of the second question than among those of the first, in both arms."""

    id: str
    keys: tuple[str, str]
    what: str

    def __call__(self, found: Found) -> Claim:
        """Judge it by the difference of the gaps."""
        first, second = (found.findings[key] for key in self.keys)
        phrases, judgements = [], []
        for one, other in ((first.standard, second.standard), (first.robust, second.robust)):
            if one.value is None or other.value is None or one.interval is None or other.interval is None:
                judgements.append(INCONCLUSIVE)
                continue
            change = other.value - one.value
            # The two share no row; each half-width is taken for 1.96 standard errors.
            reach = math.hypot(_half(one.interval), _half(other.interval))
            judgements.append(by_reach(change, reach))
            phrases.append(
                f"{one.arm}: {one.value:.3f} in D_0, {other.value:.3f} in D_1 (change {change:+.3f} ± {reach:.3f})"
            )
        judgement = unless_few_runs(all_or_none(judgements), [first, second])
        lead = {SUPPORTED: "It is", REFUTED: "It is lower"}.get(judgement, meaning(judgement, first.runs))
        return make_claim(self.id, judgement, f"{lead}: {self.what}, {'; '.join(phrases)}.", [first, second])


@dataclass(frozen=True)
class RisesWithValues:
    """The change is larger for an attribute with more values: pairs of questions, the one with more values second."""

    id: str
    keys: tuple[tuple[str, str], ...]
    fewer: str
    more: str

    def __call__(self, found: Found) -> Claim:
        """Judge it; two attributes cannot show a trend, whatever their order, so that it is never supported."""
        findings, phrases, judgements = [], [], []
        for place, keys in enumerate(self.keys):
            few, many = (found.findings[key] for key in keys)
            findings += [few, many]
            if few.difference is None or many.difference is None:
                judgements.append(INCONCLUSIVE)
                continue
            change = many.difference.value - few.difference.value
            # The same rows and models: without their covariance the half-widths are added, which is conservative.
            reach = _half(few.difference.interval) + _half(many.difference.interval)
            judgements.append(by_reach(change, reach))
            phrases.append(
                f"D_{place}: the change is {many.difference.value:+.3f} for {self.more} and "
                f"{few.difference.value:+.3f} for {self.fewer}, {change:+.3f} ± {reach:.3f} apart"
            )
        judgement = unless_few_runs(all_or_none(judgements), findings)
        judgement = INCONCLUSIVE if judgement == SUPPORTED else judgement
        lead = "The order is the other way round" if judgement == REFUTED else "Two attributes cannot show a trend"
        return make_claim(self.id, judgement, f"{lead}: {'; '.join(phrases)}.", findings)


@dataclass(frozen=True)
class ClassesMove:
    """Accuracy falls for the hard classes and rises for the easy ones, each by more than its uncertainty."""

    id: str
    key: str
    hard: tuple[str, ...]
    easy: tuple[str, ...]

    def __call__(self, found: Found) -> Claim:
        """Judge it class by class."""
        gap, phrases, judgements = found.findings[self.key], [], []
        for names, sign in ((self.hard, -1.0), (self.easy, 1.0)):
            for name in names:
                change, reach = class_change(gap, name)
                judgements.append(by_reach(sign * change, reach))
                phrases.append(f"{name} {100 * change:+.1f} ± {100 * reach:.1f} points")
        judgement = unless_few_runs(all_or_none(judgements), [gap])
        lead = {SUPPORTED: "Each class moves as claimed", REFUTED: "A class moves the other way"}.get(
            judgement, meaning(judgement, gap.runs)
        )
        said = f"{lead}: accuracy from standard to static, {', '.join(phrases)}."
        return make_claim(self.id, judgement, said, [gap])


@dataclass(frozen=True)
class EasyRiseMore:
    """A gap of least epsilon is larger because it rises more for the easy classes than for the hard ones."""

    id: str
    key: str
    hard: tuple[str, ...]
    easy: tuple[str, ...]

    def __call__(self, found: Found) -> Claim:
        """Judge it by the gap and by the two rises."""
        least = found.findings[self.key]
        rises = {names: [class_change(least, name) for name in names] for names in (self.hard, self.easy)}
        means = {names: sum(change for change, _ in of) / len(of) for names, of in rises.items()}
        reach = math.hypot(*(math.hypot(*(one for _, one in of)) / len(of) for of in rises.values()))
        apart = means[self.easy] - means[self.hard]
        judgement = unless_few_runs(all_or_none([join_verdicts([least]), by_reach(apart, reach)]), [least])
        reason = (
            f"{meaning(judgement, least.runs)}: CRU_eps {say_change(least)}; mean least epsilon changes by "
            f"{means[self.easy]:+.5f} for {_list(self.easy)} and by {means[self.hard]:+.5f} for {_list(self.hard)} "
            f"(white-box; {apart:+.5f} ± {reach:.5f} apart)."
        )
        return make_claim(self.id, judgement, reason, [least])


@dataclass(frozen=True)
class Shrinks:
    """The change becomes smaller from each radius to the next."""

    id: str
    keys: tuple[str, ...]

    def __call__(self, found: Found) -> Claim:
        """Judge it from each radius to the next."""
        rates = [found.findings[key] for key in self.keys]
        known = [finding.difference for finding in rates if finding.difference is not None]
        if len(known) < len(rates):
            return make_claim(self.id, INCONCLUSIVE, "A class has too few rows to compare.", rates)
        # The same rows and models at every radius: without their covariance the half-widths are added, which is
        # conservative.
        reach = [_half(change.interval) for change in known]
        judgements: list[Judgement] = [
            by_reach(known[place].value - known[place + 1].value, reach[place] + reach[place + 1])
            for place in range(len(known) - 1)
        ]
        judgement = unless_few_runs(all_or_none(judgements), rates)
        lead = {SUPPORTED: "It shrinks", REFUTED: "It grows"}.get(judgement, meaning(judgement, rates[0].runs))
        listed = ", ".join(
            f"{100 * change.value:+.1f} ± {100 * half:.1f} points at {rate.parameters.epsilon:g}"
            for change, half, rate in zip(known, reach, rates, strict=True)
        )
        return make_claim(self.id, judgement, f"{lead}: white-box over all rows, the change is {listed}.", rates)


@dataclass(frozen=True)
class Flips:
    """Leave-one-out models change more predictions of the robust classifier."""

    id: str

    def __call__(self, found: Found) -> Claim:
        """Judge it by the rate of flips."""
        judgement, reason = judge_flips(found.leave_one_out)
        return make_claim(self.id, judgement, reason, [])


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

    def __call__(self, found: Found) -> Claim:
        """Judge it."""
        return conclude(self.data, found.claims, self.kinds, self.unmeasured or self._fourth(found))

    def _fourth(self, found: Found) -> str:
        if not found.leave_one_out:
            return "the fourth kind, leave-one-out, is not measured here"
        _, said = judge_flips(found.leave_one_out)
        return f"the fourth kind, leave-one-out, the paper claims on CIFAR-10 alone ({said[0].lower()}{said[1:-1]})"


def class_change(finding: Finding, name: str) -> tuple[float, float]:
    """How far a class's mean moves from the standard arm to the robust one, and the uncertainty of it."""
    arms: tuple[ArmValue, ArmValue] = (finding.standard, finding.robust)
    before, after = (next(group for group in arm.groups if group.group == name) for arm in arms)
    if before.value is None or after.value is None:
        return 0.0, math.inf
    widths = [2 * _half(one.interval) if one.interval else math.inf for one in (before, after)]
    # The arms share their rows, so that treating them as independent is conservative.
    return after.value - before.value, math.hypot(*widths) / 2


def _half(interval: tuple[float, float]) -> float:
    return (interval[1] - interval[0]) / 2


def _spread(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return max(known) - min(known) if known else 0.0


def _count(runs: int) -> str:
    return "one training run" if runs == 1 else f"{runs} training runs"


def _list(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
