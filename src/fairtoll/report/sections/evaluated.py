"""The section on what an audit evaluated: its threat, attacks, seed, features, and the hashes of data and weights."""

from collections.abc import Iterator
from typing import Any

from fairtoll.findings.results import Results
from fairtoll.report.section import Section
from fairtoll.report.select import evaluation_name, protocols
from fairtoll.report.tables.table import Cell, Column, Table
from fairtoll.report.tables.threat import threat_table

LEAD = "The configuration of the figures below. Another configuration gives other figures."
#: Of a list, so many entries are shown; the whole one is in `results.json`.
LISTED = 12


def evaluated(results: Results) -> Section:
    """Return every setting of an audit; nothing for an experiment, whose description ends the page."""
    section = Section("evaluated", "What was evaluated", "Evaluated", LEAD)
    threat = threat_table(results.configuration)
    told = {"threat", "features"} if threat else set()
    kept = {name: value for name, value in results.configuration.items() if name not in told}
    rows: list[list[Cell]] = [[name, value] for name, value in settings(kept)]
    if rows and "audit" in protocols(results):
        columns = (Column("Setting"), Column("Value"))
        section.tables += [threat] if threat else []
        # Long, and of use to who repeats the audit: closed.
        section.tables.append(Table("evaluated", "Configuration of the audit", columns, rows))
    return section


def settings(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Return nested settings one by one, each with a name made of those above it.

    Examples
    --------
    >>> list(settings({"seed": 0, "threat": {"scale": [1.0, 2.5]}, "attacks": [{"name": "pgd-20", "steps": 20}]}))
    [('Seed', '0'), ('Threat: scale', '1, 2.5'), ('Attacks: pgd-20', 'steps 20')]
    >>> list(settings({"attacks": [{"name": "union", "kind": "Union", "attacks": []}]}))
    [('Attacks: union', 'kind Union, attacks the default list')]
    """
    if isinstance(value, dict):
        for key, entry in value.items():
            words = str(key).replace("_", " ")
            yield from settings(entry, f"{name}: {words}" if name else f"{words[:1].upper()}{words[1:]}")
    elif isinstance(value, list | tuple) and value and all(isinstance(entry, dict) for entry in value):
        for place, entry in enumerate(value, 1):
            told = [evaluation_name(entry["evaluation"])] if "evaluation" in entry else []
            # A union without attacks of its own is that of the default ones.
            usual = entry.get("kind") == "Union" and not entry.get("attacks")
            told += [
                f"{str(key).replace('_', ' ')} {'the default list' if usual and key == 'attacks' else inline(part)}"
                for key, part in entry.items()
                if key not in ("name", "evaluation")
            ]
            yield f"{name}: {entry.get('name', place)}", ", ".join(told)
    else:
        yield name, inline(value)


def inline(value: Any) -> str:
    """Return a setting in one line: of a long list, how many entries there are and the first of them.

    Examples
    --------
    >>> inline(None), inline(True), inline(0.10), inline(list("abc")), inline([])
    ('none', 'yes', '0.1', 'a, b, c', 'none')
    """
    if value is None or (isinstance(value, list | tuple | dict) and not value):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {inline(entry)}" for key, entry in value.items())
    if isinstance(value, list | tuple):
        shown = ", ".join(map(inline, value[:LISTED]))
        return shown if len(value) <= LISTED else f"{len(value)} values: {shown}, …"
    return str(value)
