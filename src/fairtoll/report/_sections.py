"""The report's sections in order. One without data is left out."""

from collections.abc import Callable

from fairtoll.report._format import Json, metric_of
from fairtoll.report._section import Section
from fairtoll.report._sections_class import accuracy, attack_success, class_accuracy, least_epsilon
from fairtoll.report._sections_group import by_partition, group_robustness
from fairtoll.report._sections_toll import other_threats, toll, transfer

CONFIDENCE_LEAD = (
    "EOU as the paper defines it: the gap in mean confidence between the groups, among rows of one true label. "
    "It is not the prediction rate gap of Hardt et al., which stands in the last tables."
)
RATE_LEAD = "Equalized odds after Hardt et al.: the gap in the share predicted as the target, given the true label."
KNOWN = ("cau", "cru_s", "cru_epsilon", "eou", "equalized_odds_rate")


def build(results: Json) -> list[Section]:
    """Return every section that has something to show, in the report's order."""
    parts: list[Callable[[Json], Section | list[Section]]] = [
        accuracy,
        class_accuracy,
        attack_success,
        least_epsilon,
        lambda r: by_partition(r, "eou", "confidence", "Mean confidence", CONFIDENCE_LEAD),
        lambda r: by_partition(r, "equalized_odds_rate", "odds", "Predicted share", RATE_LEAD),
        group_robustness,
        others,
        other_threats,
        transfer,
        toll,
    ]
    sections: list[Section] = []
    for part in parts:
        made = part(results)
        sections += made if isinstance(made, list) else [made]
    return [section.without_repeated_marks() for section in sections if not section.empty]


def others(results: Json) -> list[Section]:
    """Return a section for each metric that has none of its own."""
    names = dict.fromkeys(finding["metric"] for finding in results.get("findings") or [])
    sections = []
    for name in names:
        if name not in KNOWN:
            sections += by_partition(results, name, name.replace("_", "-"), metric_of(name).title, "")
    return sections
