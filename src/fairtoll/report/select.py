"""Selection of results for sections, without drawing."""

from collections.abc import Iterable
from typing import Any

from fairtoll.findings.results import ArmValue, Finding, Gap, GroupValue, ModelPair, Results
from fairtoll.metrics import METRICS
from fairtoll.report.compared import Compared, together
from fairtoll.report.metrics import metric_of
from fairtoll.report.numbers import finite

EVALUATION_NAMES = {
    "clean": "clean",
    "static-transfer": "static transfer",
    "white-box": "white-box",
    "scores-only": "scores only",
    "proved": "proved",
}
#: Attacks on the model itself, the stronger kind first. Figures of one are never compared with figures of the other.
OWN = ("white-box", "scores-only")
VERDICTS: tuple[str, ...] = ("less fair", "fairer", "equivalent", "inconclusive", "insufficient data")
#: Of two models, one of each arm.
OF_MODELS: tuple[str, ...] = ("wider gap", "narrower gap", "same gap", "unclear", "insufficient data")
PROTOCOLS = {
    "paper": "the paper's protocol",
    "sound": "the sound protocol",
    "defences": "defences and repairs",
    "audit": "audit",
}
PAPER_PLACES = {
    ("adult", "cau", "class"): "the paper's section IV-B",
    ("adult", "cru_s", "class"): "the paper's Table II and Figure 4",
    ("adult", "eou", "sex"): "the paper's Table IV and Figure 5",
    ("adult", "eou", "race"): "the paper's Table V and Figure 6",
    ("cifar10", "cau", "class"): "the paper's Figure 1",
    ("cifar10", "cru_epsilon", "class"): "the paper's Figure 2",
    ("cifar10", "cru_s", "class"): "the paper's Table I and Figure 3",
}


def protocols(results: Results) -> list[str]:
    """Return the protocols that have findings, in order of appearance."""
    return list(dict.fromkeys(finding.protocol for finding in measured(results)))


def measured(results: Results) -> list[Finding | Gap]:
    """Return every finding, or, of one model alone, every gap."""
    return [*results.findings, *results.gaps]


def main_threat(results: Results) -> str | None:
    """Return the threat the report leads with: the paper's, else the first one named."""
    named = [entry.threat for entry in results.accuracy]
    named += [finding.parameters.threat for finding in measured(results)]
    present = [threat for threat in named if threat]
    if not present:
        return None
    return "paper" if "paper" in present else present[0]


def is_main_threat(results: Results, threat: str | None) -> bool:
    """Return whether an entry is of the threat the report leads with, or of none."""
    return threat is None or threat == main_threat(results)


def select(
    results: Results,
    metrics: str | Iterable[str],
    *,
    protocol: str | None = None,
    main: bool = True,
    **parameters: Any,
) -> list[Finding | Gap]:
    """Return the findings of these metrics whose parameters are these, in the results' order."""
    wanted = {metrics} if isinstance(metrics, str) else set(metrics)
    leading = (None, main_threat(results))
    found = []
    for finding in measured(results):
        if finding.metric not in wanted or (protocol is not None and finding.protocol != protocol):
            continue
        if main and finding.parameters.threat not in leading:
            continue
        if any(getattr(finding.parameters, key) != value for key, value in parameters.items()):
            continue
        found.append(finding)
    return found


def group_of(value: ArmValue, name: str) -> GroupValue:
    """Return an arm's entry for this group; one without a value where it has none."""
    nothing = GroupValue(group=name, value=None, interval=None, rows=0, sufficient=True)
    return next((group for group in value.groups if group.group == name), nothing)


def epsilon_text(value: float | None) -> str:
    """Return epsilon = value, or nothing."""
    found = finite(value)
    return "" if found is None else f"ε = {found:g}"


def radius_text(finding: Finding | Gap | Compared) -> str:
    """Return the radius of a finding; where least epsilon was searched for, how far."""
    text = epsilon_text(finding.parameters.epsilon)
    return text.replace("=", "to") if text and finding.metric.startswith("cru_epsilon") else text


def verdict_words(finding: Finding, *, from_control: bool = False) -> str:
    """Return a verdict, and that one or two training runs cannot give more where that is why it is inconclusive."""
    verdict = (finding.verdict_from_control or "") if from_control else finding.verdict
    few = {1: "one training run", 2: "two training runs"}.get(finding.runs)
    return f"{verdict}, {few}" if verdict == "inconclusive" and few else verdict


def of_two_models(finding: Finding) -> ModelPair | None:
    """Return what two trained models show where there is one of each, so that nothing can be said of the recipes."""
    pairs = finding.models.pairs if finding.models else []
    return pairs[0] if finding.runs < 2 and len(pairs) == 1 else None


def two_models(results: Results) -> bool:
    """Return whether there is one training run of each arm: then these models are compared, not the recipes."""
    return bool(results.findings) and all(
        of_two_models(f) or f.verdict == "insufficient data" for f in results.findings
    )


def decided_first(results: Results, finding: Finding) -> int:
    """Return a finding's rank in a list of all: those with a verdict come first, as verdicts are counted."""
    return {"inconclusive": 1, "unclear": 1, "insufficient data": 2}.get(counted(results, finding), 0)


def verdicts(results: Results) -> tuple[str, ...]:
    """Return the verdicts that are counted: on the recipes, or on two models."""
    return OF_MODELS if two_models(results) else VERDICTS


def counted(results: Results, finding: Finding) -> str:
    """Return the verdict of a finding that is counted."""
    pair = of_two_models(finding) if two_models(results) else None
    return pair.verdict if pair else finding.verdict


def evaluation_name(value: str) -> str:
    """Return an evaluation as in text: static transfer, white-box."""
    return EVALUATION_NAMES.get(value, value)


def set_name(finding: Finding | Gap | Compared) -> str:
    """Return the rows a finding is taken on, when it conditions on the true label, or whose claims it is about."""
    label = finding.parameters.label
    return finding.parameters.certificate or "" if label is None else f"true {label}"


def describe(results: Results, finding: Finding | Gap | Compared) -> str:
    """Return one line that names a finding: metric, partition and what it is conditioned on."""
    parameters = finding.parameters
    rate = finite(parameters.matched_rate)
    matched = "" if rate is None else f" at {100 * rate:g}%"
    parts = [f"{metric_of(finding.metric).symbol}{matched} by {parameters.partition}"]
    parts.append(set_name(finding))
    if parameters.evaluation != "clean":
        parts.append(evaluation_name(parameters.evaluation))
    parts.append(radius_text(finding))
    if parameters.denominator == "correct":
        parts.append("of correct rows")
    if not is_main_threat(results, parameters.threat):
        parts.append(f"threat: {parameters.threat}")
    return ", ".join(part for part in parts if part)


def paper_place(results: Results, metric: str, partition: str) -> str:
    """Return where the paper reports this, or nothing."""
    if "paper" not in protocols(results):
        return ""
    return PAPER_PLACES.get((results.dataset.name, metric, partition), "")


def with_place(results: Results, title: str, metric: str, partition: str) -> str:
    """Return a title with where the paper reports it."""
    place = paper_place(results, metric, partition)
    return f"{title} ({place})" if place else title


def protocol_title(name: str) -> str:
    """Return a protocol's title."""
    return PROTOCOLS.get(name, name)


def epsilons(findings: Iterable[Finding | Gap | Compared]) -> list[float]:
    """Return the radii among these findings, ascending."""
    return sorted({epsilon for finding in findings if (epsilon := finding.parameters.epsilon) is not None})


def class_order(results: Results) -> list[str]:
    """Return the classes from hardest to easiest for the standard arm on clean rows; else as the data have them."""
    found = select(results, "cau", partition="class")
    values = {group.group: group.value for group in together(found)[0].standard.groups} if found else {}
    known = {name: value for name, value in values.items() if value is not None}
    if not values or len(known) < len(values):
        return list(results.dataset.classes)
    return sorted(known, key=lambda name: known[name])


def in_order(names: Iterable[str], order: list[str]) -> list[str]:
    """Return names by their place in `order`, those without one last and as they come.

    Examples
    --------
    >>> in_order(["b", "x", "a"], ["a", "b"])
    ['a', 'b', 'x']
    """
    place = {name: index for index, name in enumerate(order)}
    return sorted(names, key=lambda name: place.get(name, len(place)))


def partitions(results: Results, metric: str) -> list[str]:
    """Return the partitions this metric was taken over, in order of appearance."""
    return list(dict.fromkeys(finding.parameters.partition for finding in select(results, metric)))


def own_evaluation(results: Results) -> str:
    """Return how the arms were attacked themselves where they are compared: white-box if at all, else by scores."""
    found = {finding.parameters.evaluation for finding in select(results, "cru_s")}
    return next((evaluation for evaluation in OWN if evaluation in found), OWN[0])


def headline(results: Results, protocol: str) -> list[Finding]:
    """Return the findings the toll is read from: the paper's metrics, all rows, the main threat, attacked itself.

    Under white-box attacks where the arms are compared under them, else by scores only; at every radius.
    """
    leading = (None, main_threat(results))
    own = own_evaluation(results)
    found = []
    for finding in results.findings:
        parameters = finding.parameters
        if finding.protocol != protocol or parameters.threat not in leading or finding.metric == "equalized_odds_rate":
            continue
        if finding.metric == "cru_s" and (parameters.denominator == "correct" or parameters.evaluation != own):
            continue
        found.append(finding)
    order = list(METRICS)
    return sorted(
        found,
        key=lambda finding: (
            order.index(finding.metric) if finding.metric in order else len(order),
            finding.parameters.partition != "class",
        ),
    )
