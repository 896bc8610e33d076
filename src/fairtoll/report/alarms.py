"""Alarms as the first screen shows them: one entry a kind, first the arms of verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass

from fairtoll.findings.results import Alarm, Results
from fairtoll.report.arms import arm_roles, arm_titles
from fairtoll.report.numbers import percent
from fairtoll.report.words import sentence

RANKS = {"robust": 0, "standard": 1, "control": 2, "noise_control": 2}


@dataclass(frozen=True)
class Fired:
    """One alarm of one arm: the arm's title, the figures in short, the message in full."""

    arm: str
    figure: str
    message: str


@dataclass(frozen=True)
class Kind:
    """The alarms of one kind: those of arms in findings, and those of control arms and of other strengths."""

    title: str
    meaning: str
    arms: list[Fired]
    controls: list[Fired]


def kinds(results: Results, *, fired: bool) -> list[Kind]:
    """Return the alarms that fired, or those that did not, by kind; kinds of robust arms first."""
    alarms = [alarm for alarm in results.alarms if alarm.fired is fired]
    titles, ranks = arm_titles(results), arm_ranks(results)
    found = []
    for name in dict.fromkeys(alarm.id for alarm in alarms):
        of_kind = sorted((a for a in alarms if a.id == name), key=lambda a: ranks.get(a.arm, 1))
        entries = [
            (ranks.get(alarm.arm, 1), Fired(titles[alarm.arm], figure(alarm), sentence(alarm.message)))
            for alarm in of_kind
        ]
        kind = Kind(
            sentence(of_kind[0].title).rstrip("."),
            of_kind[0].meaning,
            [entry for rank, entry in entries if rank < 2],
            [entry for rank, entry in entries if rank == 2],
        )
        best = min(rank for rank, _ in entries)
        leading = [a for a, (rank, _) in zip(of_kind, entries, strict=True) if rank == best]
        found.append((best, -largest(leading), kind))
    return [kind for _, _, kind in sorted(found, key=lambda entry: entry[:2])]


def largest(alarms: Sequence[Alarm]) -> float:
    """Return the largest value among alarms; those without one come last."""
    return max((alarm.value for alarm in alarms if alarm.value is not None), default=0.0)


def arm_ranks(results: Results) -> dict[str, int]:
    """Return 0 for the robust arm of a finding, 1 for a standard arm, 2 for one that is only a control.

    Among recipes also 2 for arms at other strengths than the recipe's own.
    """
    ranks = {name: RANKS[role] for name, role in arm_roles(results).items()}
    ranks |= {finding.robust.arm: 0 for finding in results.findings}
    return ranks | {recipe.arm: 2 for recipe in results.recipes if not recipe.own_strength}


def figure(alarm: Alarm) -> str:
    """Return the figures that an alarm rests on in one line: all its readings, or its message where it has none."""
    if not alarm.readings:
        return sentence(alarm.message)
    return ", ".join(f"{percent(reading.value)}% {reading.label}" for reading in alarm.readings)
