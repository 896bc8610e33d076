"""Results with some parts exchanged, and results with nothing but what is given."""

from typing import Any

from fairtoll.findings.results import SCHEMA_VERSION, Results

NOTHING = {"name": "", "title": "", "note": "", "rows": {}, "classes": [], "attributes": {}}


def with_parts(results: Results, **parts: Any) -> Results:
    """The same results with these parts, objects or JSON."""
    return Results.model_validate(results.model_dump() | parts)


def bare(**parts: Any) -> Results:
    """Results that hold these parts alone."""
    lists: dict[str, Any] = {name: [] for name in ("arms", "findings", "accuracy", "claims", "alarms", "notes")}
    words = {"fairtoll_version": "0", "title": "", "question": ""}
    rest = {"schema_version": SCHEMA_VERSION, "dataset": NOTHING, "configuration": {}, "environment": {}}
    return Results.model_validate(lists | words | rest | parts)
