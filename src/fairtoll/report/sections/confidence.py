"""The sections on EOU, the gap in mean confidence between groups, one a partition."""

from fairtoll.findings.results import Results
from fairtoll.report.section import Section
from fairtoll.report.sections.by_partition import by_partition

RATES = "The prediction rate gap of Hardt et al., on predicted classes, is in the same tables."


def confidence(results: Results) -> list[Section]:
    """Return mean confidence by group, the paper's tables of it, and the prediction rates."""
    return by_partition(results, "eou", "confidence", "Mean confidence", RATES)
