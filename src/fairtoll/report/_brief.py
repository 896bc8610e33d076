"""The first screen in words: what was asked, the answer, how the verdicts fall."""

from collections import Counter
from dataclasses import dataclass

from fairtoll.report._figures_overview import first_epsilon, main_accuracies, weakest
from fairtoll.report._format import INSUFFICIENT, Json, metric_of, percent
from fairtoll.report._section import protocol_title
from fairtoll.report._sections_toll import headline
from fairtoll.report._select import arm_titles, epsilon_text, protocols

VERDICTS = ("less fair", "fairer", "equivalent", "inconclusive", INSUFFICIENT)
JUDGEMENTS = ("stands", "does not stand", "cannot be told")


@dataclass(frozen=True)
class VerdictCounts:
    """How often each verdict was reached for one metric of one protocol."""

    protocol: str
    metric: str
    counts: tuple[int, ...]
    from_control: tuple[int, ...] | None


@dataclass(frozen=True)
class Line:
    """One line of the answer, under its label."""

    label: str
    text: str


def question(results: Json) -> str:
    """Return what was asked, in one sentence."""
    title = results.get("dataset", {}).get("title") or results.get("title") or "the data"
    return (
        f"When a classifier on {title} is hardened against adversarial examples, does it become less fair "
        "between classes and between groups?"
    )


def verdict_counts(results: Json) -> list[VerdictCounts]:
    """Return the verdicts of every metric and protocol, counted."""
    tallies = []
    for protocol in protocols(results):
        of_protocol = [f for f in results["findings"] if f["protocol"] == protocol]
        for metric in dict.fromkeys(f["metric"] for f in of_protocol):
            found = [f for f in of_protocol if f["metric"] == metric]
            plain = Counter(f.get("verdict") for f in found)
            control = Counter(f.get("verdict_from_control") for f in found if f.get("verdict_from_control"))
            tallies.append(
                VerdictCounts(
                    protocol,
                    metric_of(metric).symbol,
                    tuple(plain[verdict] for verdict in VERDICTS),
                    tuple(control[verdict] for verdict in VERDICTS) if control else None,
                )
            )
    return tallies


def in_words(verdicts: list[str]) -> str:
    """Return counted verdicts as a phrase."""
    counts = Counter(verdicts)
    parts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    return ", ".join(parts) or "none"


def answer(results: Json) -> list[Line]:
    """Return the answer in brief: how the verdicts fall under each protocol, what the robustness is worth."""
    lines = []
    titles = arm_titles(results)
    for protocol in protocols(results):
        found = headline(results, protocol)
        if not found:
            continue
        robust = ", ".join(dict.fromkeys(titles[f["robust"]["arm"]] for f in found))
        standard = titles[found[0]["standard"]["arm"]]
        text = f"{len(found)} gap{'' if len(found) == 1 else 's'} of {robust} against {standard}: "
        text += in_words([str(f.get("verdict")) for f in found]) + "."
        controlled = [f for f in found if f.get("verdict_from_control")]
        if controlled:
            control = titles[controlled[0]["control"]["arm"]]
            text += f" Against {control}, trained as long without an adversary: "
            text += in_words([str(f["verdict_from_control"]) for f in controlled]) + "."
        lines.append(Line(f"{protocol_title(protocol).capitalize()}.", text))
    robustness = robustness_sentence(results)
    return [*lines, Line("Robustness.", robustness)] if robustness else lines


def robustness_sentence(results: Json) -> str:
    """Return what a white-box attack leaves of each hardened arm, beside what static transfer suggests."""
    epsilon = first_epsilon(results)
    if epsilon is None:
        return ""
    titles = arm_titles(results)
    white = {e["arm"]: e["mean"] for e in weakest(main_accuracies(results, "white-box"), epsilon)}
    moved = {e["arm"]: e["mean"] for e in weakest(main_accuracies(results, "static-transfer"), epsilon)}
    arms = dict.fromkeys(
        [f["standard"]["arm"] for f in results.get("findings") or []]
        + [f["robust"]["arm"] for f in results.get("findings") or []]
    )
    parts = []
    for arm in arms:
        if arm not in white:
            continue
        text = f"{titles[arm]} keeps {percent(white[arm])}%"
        if arm in moved and abs(moved[arm] - white[arm]) >= 0.02:
            text += f" (static transfer suggests {percent(moved[arm])}%)"
        parts.append(text)
    if not parts:
        return ""
    return f"Accuracy under white-box attack at {epsilon_text(epsilon)}: {', '.join(parts)}."
