"""What of the results belongs where: the report's questions to the dict, none of its drawing."""

from collections.abc import Iterable
from typing import Any

from fairtoll.report._format import Json, finite, metric_of

EVALUATION_NAMES = {"clean": "clean", "static-transfer": "static transfer", "white-box": "white-box"}
PROTOCOLS = {
    "paper": "the paper's protocol",
    "sound": "the sound protocol",
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


class Titles(dict[str, str]):
    """Titles by name; a name with no title is its own."""

    def __missing__(self, name: str) -> str:
        return name


def arm_titles(results: Json) -> Titles:
    """Return each arm's title by its name."""
    return Titles({arm["name"]: arm.get("title") or arm["name"] for arm in results.get("arms") or []})


def protocols(results: Json) -> list[str]:
    """Return the protocols that have findings, in order of appearance."""
    return list(dict.fromkeys(finding["protocol"] for finding in results.get("findings", [])))


def main_threat(results: Json) -> str | None:
    """Return the threat the report leads with: the paper's, else the first one named."""
    named = [entry.get("threat") for entry in results.get("accuracy", [])]
    named += [finding["parameters"].get("threat") for finding in results.get("findings", [])]
    present = [threat for threat in named if threat]
    if not present:
        return None
    return "paper" if "paper" in present else present[0]


def is_main_threat(results: Json, threat: str | None) -> bool:
    """Return whether an entry is of the threat the report leads with, or of none."""
    return threat is None or threat == main_threat(results)


def select(
    results: Json,
    metrics: str | Iterable[str],
    *,
    protocol: str | None = None,
    main: bool = True,
    **parameters: Any,
) -> list[Json]:
    """Return the findings of these metrics whose parameters are these, in the results' order."""
    wanted = {metrics} if isinstance(metrics, str) else set(metrics)
    found = []
    for finding in results.get("findings", []):
        if finding["metric"] not in wanted or (protocol is not None and finding["protocol"] != protocol):
            continue
        if main and not is_main_threat(results, finding["parameters"].get("threat")):
            continue
        if any(finding["parameters"].get(key) != value for key, value in parameters.items()):
            continue
        found.append(finding)
    return found


def arm_values(finding: Json, *, controls: bool = True) -> list[Json]:
    """Return a finding's arms: standard, robust and, where there are any, the controls."""
    keys = ("standard", "robust", "control", "noise_control") if controls else ("standard", "robust")
    return [finding[key] for key in keys if finding.get(key)]


def group_of(value: Json, name: object) -> Json:
    """Return an arm's entry for this group; empty where it has none."""
    return next((group for group in value["groups"] if group["group"] == name), {"group": name, "rows": 0})


def epsilon_text(value: Any) -> str:
    """Return epsilon = value, or nothing."""
    found = finite(value)
    return "" if found is None else f"ε = {found:g}"


def radius_text(finding: Json) -> str:
    """Return the radius of a finding; where least epsilon was searched for, how far."""
    text = epsilon_text(finding["parameters"].get("epsilon"))
    return text.replace("=", "to") if text and finding["metric"].startswith("cru_epsilon") else text


def verdict_words(finding: Json, key: str = "verdict") -> str:
    """Return a verdict, and that one training run cannot give more where that is why it is inconclusive.

    Examples
    --------
    >>> verdict_words({"verdict": "inconclusive", "runs": 1})
    'inconclusive, one training run'
    >>> verdict_words({"verdict": "inconclusive", "runs": 5})
    'inconclusive'
    """
    verdict = str(finding.get(key) or "")
    few = {1: "one training run", 2: "two training runs"}.get(finding.get("runs") or 0)
    return f"{verdict}, {few}" if verdict == "inconclusive" and few else verdict


def evaluation_name(value: object) -> str:
    """Return an evaluation as text spells it: static transfer, white-box."""
    return EVALUATION_NAMES.get(str(value), str(value))


def set_name(finding: Json) -> str:
    """Return the rows a finding is taken on, when it conditions on the true label."""
    label = finding["parameters"].get("label")
    return "" if label is None else f"true {label}"


def describe(results: Json, finding: Json) -> str:
    """Return one line that names a finding: metric, partition and what it is conditioned on."""
    parameters = finding["parameters"]
    rate = finite(parameters.get("matched_rate"))
    matched = "" if rate is None else f" at {100 * rate:g}%"
    parts = [f"{metric_of(finding['metric']).symbol}{matched} by {parameters.get('partition') or 'class'}"]
    parts.append(set_name(finding))
    if parameters.get("evaluation") not in (None, "clean"):
        parts.append(evaluation_name(parameters["evaluation"]))
    parts.append(radius_text(finding))
    if parameters.get("denominator") == "correct":
        parts.append("of correct rows")
    if not is_main_threat(results, parameters.get("threat")):
        parts.append(f"threat: {parameters['threat']}")
    return ", ".join(part for part in parts if part)


def paper_place(results: Json, metric: str, partition: str) -> str:
    """Return where the paper reports this, or nothing."""
    if "paper" not in protocols(results):
        return ""
    name = results.get("dataset", {}).get("name", "")
    return PAPER_PLACES.get((name, metric, partition), "")


def epsilons(findings: Iterable[Json]) -> list[float]:
    """Return the radii among these findings, ascending."""
    values = {finite(finding["parameters"].get("epsilon")) for finding in findings}
    return sorted(value for value in values if value is not None)


def class_order(results: Json) -> list[str]:
    """Return the classes from hardest to easiest for the standard arm on clean rows; else as the data have them."""
    found = select(results, "cau", partition="class")
    groups = found[0]["standard"]["groups"] if found else []
    if not groups or any(finite(group.get("value")) is None for group in groups):
        return [str(name) for name in (results.get("dataset") or {}).get("classes") or []]
    return [str(group["group"]) for group in sorted(groups, key=lambda group: float(group["value"]))]


def in_order(names: Iterable[str], order: list[str]) -> list[str]:
    """Return names by their place in `order`, those without one last and as they come.

    Examples
    --------
    >>> in_order(["b", "x", "a"], ["a", "b"])
    ['a', 'b', 'x']
    """
    place = {name: index for index, name in enumerate(order)}
    return sorted(names, key=lambda name: place.get(name, len(place)))


def partitions(results: Json, metric: str) -> list[str]:
    """Return the partitions this metric was taken over, in order of appearance."""
    return list(dict.fromkeys(finding["parameters"].get("partition") or "class" for finding in select(results, metric)))
