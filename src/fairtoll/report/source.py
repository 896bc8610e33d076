"""The source of the data, where every figure must state it."""

from fairtoll.findings.results import Results


def source_line(results: Results) -> str:
    """Return the data's title and how they differ from the official data; nothing for official data."""
    dataset = results.dataset
    return f"Data: {dataset.title or dataset.name}, {dataset.unofficial}." if dataset.unofficial else ""
