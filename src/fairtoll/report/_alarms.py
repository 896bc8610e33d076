"""Alarms as the first screen shows them: one entry a kind, the arms a verdict rests on first."""

import re
from dataclasses import dataclass

from fairtoll.report._format import Json, finite
from fairtoll.report._prose import sentence, typeset, without_brackets
from fairtoll.report._select import arm_titles

MEANINGS = {
    "robust-above-clean": "Attacked rows are easier than clean ones, so the examples were not made against this "
    "model. This is no robustness.",
    "transfer-stronger-than-white-box": "Examples made on another model break more rows than the model's own "
    "attack: its white-box figure is too high.",
    "black-box-adds": "A search that sees scores alone breaks rows that stood under every attack with gradients: the "
    "gradients hide what it finds.",
    "zero-gradients": "A gradient attack cannot move where the gradient is exactly zero: rows that stand there "
    "prove nothing.",
    "single-step-stronger": "More steps should never break fewer rows: the longer attack gets lost.",
    "large-epsilon-not-zero": "With no bound to speak of, every row can be changed at will; rows that still stand "
    "show a broken attack.",
    "not-monotone": "Rows stand at a radius though a smaller one broke them: the plain attack is too weak to "
    "measure this model.",
    "noise-as-strong": "Blind noise breaks more rows than following the gradient: the gradients mislead, and PGD "
    "overstates robustness.",
}
FIGURE_LENGTH = 84


@dataclass(frozen=True)
class Fired:
    """One alarm of one arm: the arm's title, the figure in short, the message in full."""

    arm: str
    figure: str
    message: str


@dataclass(frozen=True)
class Kind:
    """The alarms of one kind: those of arms that findings rest on, and those of control arms."""

    title: str
    meaning: str
    arms: list[Fired]
    controls: list[Fired]


def kinds(results: Json, *, fired: bool) -> list[Kind]:
    """Return the alarms that fired, or those that did not, by kind; kinds of robust arms first."""
    alarms = [alarm for alarm in results.get("alarms") or [] if bool(alarm.get("fired")) is fired]
    titles, ranks = arm_titles(results), arm_ranks(results)
    found = []
    for name in dict.fromkeys(alarm["id"] for alarm in alarms):
        of_kind = sorted((a for a in alarms if a["id"] == name), key=lambda a: ranks.get(a.get("arm") or "", 1))
        entries = [
            (
                ranks.get(alarm.get("arm") or "", 1),
                Fired(
                    titles[alarm["arm"]] if alarm.get("arm") else "",
                    figure(own_words(alarm)),
                    sentence(own_words(alarm)),
                ),
            )
            for alarm in of_kind
        ]
        kind = Kind(
            sentence(of_kind[0]["title"]).rstrip("."),
            MEANINGS.get(name, ""),
            [entry for rank, entry in entries if rank < 2],
            [entry for rank, entry in entries if rank == 2],
        )
        best = min(rank for rank, _ in entries)
        leading = [a for a, (rank, _) in zip(of_kind, entries, strict=True) if rank == best]
        found.append((best, -largest(leading), kind))
    return [kind for _, _, kind in sorted(found, key=lambda entry: entry[:2])]


def largest(alarms: list[Json]) -> float:
    """Return the largest value among alarms; what has none comes last."""
    return max((value for alarm in alarms if (value := finite(alarm.get("value"))) is not None), default=0.0)


def arm_ranks(results: Json) -> dict[str, int]:
    """Return 0 for the robust arm of a finding, 1 for a standard arm, 2 for an arm that is only a control."""
    ranks: dict[str, int] = {}
    for finding in results.get("findings") or []:
        for role, rank in (("robust", 0), ("standard", 1), ("control", 2), ("noise_control", 2)):
            name = (finding.get(role) or {}).get("arm")
            if name is not None:
                ranks[name] = min(rank, ranks.get(name, rank))
    return ranks


def own_words(alarm: Json) -> str:
    """Return an alarm's message without the arm's name before it, which stands beside it."""
    return typeset(alarm.get("message")).removeprefix(f"{alarm.get('arm')}: ")


def figure(message: str) -> str:
    """Return the part of a message that holds its figure: the last short clause with digits, else the brackets.

    Examples
    --------
    >>> figure("98.4% under transfer (pgd-20), 79.5% clean; attacked rows are easier than clean ones.")
    '98.4% under transfer, 79.5% clean'
    >>> figure("more rows fall to another model's examples (6.5% stand against 13.0%).")
    '6.5% stand against 13.0%'
    """
    clauses = [clause.strip() for clause in re.split(r"[;:]\s", without_brackets(message).rstrip(". "))]
    found = [clause for clause in clauses if re.search(r"\d", clause)] or re.findall(r"\(([^()]*\d[^()]*)\)", message)
    fitting = [clause for clause in found if len(clause) <= FIGURE_LENGTH]
    return fitting[-1] if fitting else (found or clauses)[0]
