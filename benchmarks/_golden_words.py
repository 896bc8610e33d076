"""What names in the run folders of any revision are called now."""

from __future__ import annotations

from typing import Any

#: Old name -> new name, of whole words: fields, columns, options, attacks, designs, verdicts, ids of claims and alarms.
#: A field whose new name is "" is a level that is gone: what it held is in the level above. Who renames adds a line.
ALIASES: dict[str, str] = {
    "most_felt": "most_influential",
    "seeds": "runs",
    "per_seed": "per_run",
    "stands": "supported",
    "does not stand": "refuted",
    "cannot be told": "inconclusive",
    "twins": "adversarial_examples",
    "seconds": "times",
}


def canonical(name: str) -> str:
    """The newest name of what was ever called `name`."""
    seen = {name}
    while (newer := ALIASES.get(name, name)) not in seen:
        name = newer
        seen.add(name)
    return name


def renamed(content: Any) -> Any:
    """JSON content with every field and every value that is a word under its newest name."""
    if isinstance(content, dict):
        found: dict[str, Any] = {}
        for name, value in content.items():
            if (newest := canonical(name)) or not isinstance(value, dict):
                found[newest or name] = renamed(value)
            else:
                found.update(renamed(value))
        return found
    if isinstance(content, list):
        return [renamed(value) for value in content]
    return canonical(content) if isinstance(content, str) else content
