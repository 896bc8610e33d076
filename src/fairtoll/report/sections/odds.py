"""The sections on equalized odds by predicted class, where EOU does not show it already."""

from fairtoll.findings.results import Results
from fairtoll.report.section import Section
from fairtoll.report.sections.by_partition import by_partition


def odds(results: Results) -> list[Section]:
    """Return the share predicted as the target by group."""
    return by_partition(results, "equalized_odds_rate", "odds", "Predicted share")
