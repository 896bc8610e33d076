"""Sections on metrics without a specific one: charts and tables of the gap, one section a partition."""

from fairtoll.findings.results import Results
from fairtoll.report.metrics import metric_of
from fairtoll.report.section import Section
from fairtoll.report.sections.by_partition import by_partition
from fairtoll.report.select import measured

SHOWN_ELSEWHERE = (
    "cau",
    "cru_s",
    "cru_s_matched",
    "cru_epsilon",
    "cru_epsilon_relative",
    "eou",
    "equalized_odds_rate",
)


def other_metrics(results: Results) -> list[Section]:
    """Return a section for each metric without a specific one."""
    sections = []
    for name in dict.fromkeys(finding.metric for finding in measured(results)):
        if name not in SHOWN_ELSEWHERE:
            sections += by_partition(results, name, name.replace("_", "-"), metric_of(name).title)
    return sections
