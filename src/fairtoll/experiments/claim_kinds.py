"""The kinds of claims in a paper, as values: called with what was found, each returns its test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from fairtoll.experiments._claim_parts import (
    any_below,
    between,
    change_between,
    changes_shown,
    count,
    far,
    joint,
    listed,
    measure,
    p_of,
    p_values,
    pairs_show,
    ruled_out,
    say,
    shows,
    spread,
)
from fairtoll.experiments.claims import Found, Judgement, Tested, models_that_show, say_change
from fairtoll.experiments.conclusion import compare_flips, conclude
from fairtoll.findings.results import Claim


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
        said = f"{self.what} {said}, over {count(findings)}{ruled_out(findings, places)}"
        if self.spread:
            largest = max(spread(arm.per_run) for one in findings for arm in (one.standard, one.robust))
            said += f"; one arm's value differs by up to {100 * largest:.1f} points between training runs alone"
        return Tested(
            self.id,
            joint([p_of(finding) for finding in findings]),
            any(finding.verdict in ("fairer", "equivalent") for finding in findings),
            said,
            findings,
            models_that_show(pairs_show(findings), f"a larger {self.what}"),
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
                parts.append(measure(found, key, weights, finding, arm=arm.arm))
                if low is not None and high is not None:
                    phrases.append(f"{low:.3f} against {high:.3f} ({arm.arm}, D_{place})")
                shown = [
                    so_far and shows(found, key, weights, arm=arm.arm, only=run) for run, so_far in enumerate(shown)
                ]
        said = f"{self.low.lower()} against {self.high.lower()} {'; '.join(phrases)}"
        models = models_that_show(shown, f"{self.low.lower()} below {self.high.lower()} everywhere")
        return Tested(self.id, joint(p_values(parts, findings)), any_below(parts, findings), said, findings, models)


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
            part = between(one, other)
            parts.append(part)
            if part is not None:
                phrases.append(
                    f"{one.arm}: {100 * (one.value or 0):.1f} points in D_0, {100 * (other.value or 0):.1f} in D_1 "
                    f"({say(part)})"
                )
        pairs = [
            all(
                far(arm.per_run[run], other.per_run[run], (arm, other))
                for arm, other in ((first.standard, second.standard), (first.robust, second.robust))
            )
            for run in range(min(first.runs, second.runs))
        ]
        said = f"{self.what}, {'; '.join(phrases)}"
        models = models_that_show(pairs, "a larger gap in D_1 in both classifiers")
        return Tested(self.id, joint(p_values(parts, findings)), any_below(parts, findings), said, findings, models)


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
            part = change_between(few, many)
            parts.append(part)
            pairs.append(changes_shown(few, many))
            if part is not None and few.difference is not None and many.difference is not None:
                phrases.append(
                    f"D_{place}: the change is {100 * many.difference.value:+.1f} points for {self.more} and "
                    f"{100 * few.difference.value:+.1f} for {self.fewer} ({say(part)})"
                )
        shown = [all(run) for run in zip(*pairs, strict=False)]
        models = models_that_show(shown, f"a larger change for {self.more}")
        return Tested(
            self.id,
            joint(p_values(parts, findings)),
            any_below(parts, findings),
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
            part = measure(found, self.key, {name: sign}, gap, **arms)
            parts.append(part)
            if part is not None:
                reach = (part.interval.high - part.interval.low) / 2
                phrases.append(f"{name} {100 * sign * part.value:+.1f} ± {100 * reach:.1f} points")
            shown = [
                so_far and shows(found, self.key, {name: sign}, only=run, **arms) for run, so_far in enumerate(shown)
            ]
        said = f"accuracy from standard to static, {', '.join(phrases)}"
        models = models_that_show(shown, "each class moving as claimed")
        lead: dict[Judgement, str] = {
            "supported": "Each class moves as claimed",
            "refuted": "A class moves the other way",
        }
        p_value = joint(p_values(parts, [gap]))
        return Tested(self.id, p_value, any_below(parts, [gap]), said, [gap], models, lead=lead)


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
        part = measure(found, self.key, weights, least, **arms)
        said = f"CRU_eps {say_change(least)}"
        if part is not None:
            low, high = part.interval.low, part.interval.high
            said += (
                f"; mean least epsilon rises by {part.value:+.5f} more (interval {low:+.5f} to {high:+.5f}, white-box) "
                f"for {listed(self.easy)} than for {listed(self.hard)}"
            )
        wider = pairs_show([least])
        shown = [one and shows(found, self.key, weights, only=run, **arms) for run, one in enumerate(wider)]
        return Tested(
            self.id,
            joint([p_of(least), *p_values([part], [least])]),
            least.verdict in ("fairer", "equivalent") or any_below([part], [least]),
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
        parts = [change_between(after, before) for before, after in pairwise(rates)]
        pairs = [changes_shown(after, before) for before, after in pairwise(rates)]
        listed = ", ".join(
            f"{100 * rate.difference.value:+.1f} points at {rate.parameters.epsilon:g}"
            for rate in rates
            if rate.difference is not None
        )
        steps = "; ".join(say(part) for part in parts if part is not None)
        said = f"white-box over all rows, the change is {listed} (from one to the next it falls by {steps})"
        models = models_that_show([all(run) for run in zip(*pairs, strict=False)], "it shrinking at each step")
        lead: dict[Judgement, str] = {"supported": "It shrinks", "refuted": "It grows"}
        p_value, refuted = joint(p_values(parts, rates)), any_below(parts, rates)
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
