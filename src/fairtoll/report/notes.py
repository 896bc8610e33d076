"""Notes on the first screen: equal ones once, with all their arms; of many of a kind the first, and the rest folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairtoll.findings.results import ModelNote, Results
from fairtoll.report.arms import arm_titles
from fairtoll.report.words import sentence

#: Of more notes than this the first few are shown, and the rest folded.
MANY, FEW = 10, 4
#: As many notes of one kind on models are shown; of more only the first.
OF_KIND = 2
#: So many arms are named; of more the first ones and a number.
NAMED = 3
#: How notes of one kind begin that come one an arm.
LEFT_OUT = "Leave-one-out, "


@dataclass(frozen=True)
class Notes:
    """Notes of one kind: those shown, and those folded under a line that says how many they are."""

    shown: list[str]
    folded: list[str]


def notes(results: Results) -> list[Notes]:
    """Return the notes on models by kind, then those on leaving rows out, then the others."""
    titles = arm_titles(results)
    kinds = dict.fromkeys(one.id for one in results.model_notes)
    found = [
        _of_kind([f"{titled(arms, titles)}: {text}" for arms, text in merged(results.model_notes, kind)])
        for kind in kinds
    ]
    left_out = [note for note in results.notes if results.recipes and note.startswith(LEFT_OUT)]
    others = [sentence(note) for note in results.notes if note not in left_out]
    shown = FEW if len(others) > MANY else len(others)
    found += [_of_kind([sentence(note) for note in left_out]), Notes(others[:shown], others[shown:])]
    return [one for one in found if one.shown]


def merged(given: Sequence[ModelNote], kind: str) -> list[tuple[list[str], str]]:
    """Return each text of a kind of notes once, with the arms that it is of.

    Examples
    --------
    >>> note = ModelNote(id="training", title="T", arm="cfa", text="It stopped.")
    >>> merged([note, note.model_copy(update={"arm": "dafa"})], "training")
    [(['cfa', 'dafa'], 'It stopped.')]
    """
    arms: dict[str, list[str]] = {}
    for one in given:
        if one.id == kind:
            arms.setdefault(one.text, []).append(one.arm)
    return [(of, text) for text, of in arms.items()]


def titled(arms: Sequence[str], titles: dict[str, str]) -> str:
    """Return the titles of arms: of many the first ones and how many there are.

    Examples
    --------
    >>> titled(["a", "b", "c", "d", "e"], {name: name.upper() for name in "abcde"})
    'A, B, C and 2 more (5 arms)'
    """
    named = [titles.get(arm, arm) for arm in arms]
    if len(named) <= NAMED + 1:
        return ", ".join(named)
    return f"{', '.join(named[:NAMED])} and {len(named) - NAMED} more ({len(named)} arms)"


def _of_kind(lines: list[str]) -> Notes:
    shown = len(lines) if len(lines) <= OF_KIND else 1
    return Notes(lines[:shown], lines[shown:])
