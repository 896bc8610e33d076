"""Where the data came from, when that must be said wherever a figure goes."""

import re

from fairtoll.report._format import Json
from fairtoll.report._prose import sentence

SAID_BY = re.compile(r"\bnot the official\b", re.IGNORECASE)


def source_line(results: Json) -> str:
    """Return the data's title and that they are not what their name says; nothing for official data.

    Examples
    --------
    >>> source_line({"dataset": {"title": "Digits (copy)", "note": "JPEG copy, not the official pixels; smaller."}})
    'Data: Digits (copy). JPEG copy, not the official pixels.'
    >>> source_line({"dataset": {"title": "Digits (JPEG copy)", "note": "JPEG copy, not the official pixels."}})
    'Data: Digits (JPEG copy), not the official pixels.'
    >>> source_line({"dataset": {"title": "Digits", "note": "8 by 8 pixels."}})
    ''
    """
    dataset = results.get("dataset") or {}
    parts = re.split(r"(?<=[.;])\s+", str(dataset.get("note") or ""))
    said = next((part.rstrip(".;") for part in parts if SAID_BY.search(part)), "")
    title = dataset.get("title") or dataset.get("name") or "the data"
    what, _, rest = said.partition(", ")
    if rest and what.lower() in str(title).lower():
        return f"Data: {title}, {rest}."
    return f"Data: {title}. {sentence(said)}" if said else ""
