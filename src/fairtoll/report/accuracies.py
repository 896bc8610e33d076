"""Accuracies selected by evaluation, threat and radius, and their chart over the radii."""

from collections.abc import Sequence

from fairtoll.findings.results import Accuracy, Results
from fairtoll.report.arms import arm_colours, arm_titles
from fairtoll.report.charts.lines import Line, line_panel
from fairtoll.report.charts.style import Panel
from fairtoll.report.numbers import percent
from fairtoll.report.select import epsilon_text, is_main_threat, main_threat

EVALUATION_TITLES = {
    "clean": "Clean rows",
    "static-transfer": "Static transfer (examples made on another model)",
    "white-box": "White-box (attacked itself)",
}


def accuracies_under(results: Results, evaluation: str, threat: str | None) -> list[Accuracy]:
    """Return the accuracies of one evaluation under this threat or none, by radius and then in the arms' order."""
    order = {arm: place for place, arm in enumerate(arm_titles(results))}
    found = [entry for entry in results.accuracy if entry.evaluation == evaluation and entry.threat in (None, threat)]
    return sorted(found, key=lambda e: (e.epsilon or 0.0, order.get(e.arm, len(order))))


def main_accuracies(results: Results, evaluation: str) -> list[Accuracy]:
    """Return the accuracies of one evaluation under the threat that the report leads with."""
    return accuracies_under(results, evaluation, main_threat(results))


def other_threat_names(results: Results) -> list[str]:
    """Return the threats that accuracies name, without the main one."""
    named = [entry.threat for entry in results.accuracy]
    return [threat for threat in dict.fromkeys(named) if threat is not None and not is_main_threat(results, threat)]


def radii_of(entries: Sequence[Accuracy]) -> list[float]:
    """Return the radii among these accuracies, ascending."""
    return sorted({radius for entry in entries if (radius := entry.epsilon) is not None})


def first_epsilon(results: Results) -> float | None:
    """Return the smallest radius any model was attacked at."""
    radii = [
        found
        for evaluation in ("white-box", "static-transfer")
        for entry in main_accuracies(results, evaluation)
        if (found := entry.epsilon) is not None
    ]
    return min(radii, default=None)


def accuracies_by_attack(results: Results) -> dict[str, list[Accuracy]]:
    """Return the accuracies at the first radius by evaluation and attack, one list an attack, arms in order."""
    epsilon = first_epsilon(results)
    found: dict[str, list[Accuracy]] = {}
    for evaluation, title in EVALUATION_TITLES.items():
        name = title.split(" (")[0]
        for entry in main_accuracies(results, evaluation):
            attack = entry.attack
            if evaluation == "clean":
                found.setdefault(name, []).append(entry)
            elif entry.epsilon == epsilon:
                heading = f"{name}, {attack}, {epsilon_text(epsilon)}" if attack else f"{name}, {epsilon_text(epsilon)}"
                found.setdefault(heading, []).append(entry)
    return found


def weakest(entries: Sequence[Accuracy], epsilon: float | None) -> list[Accuracy]:
    """Return per arm the lowest accuracy at this radius: a row is robust only under every attack."""
    best: dict[str, Accuracy] = {}
    for entry in entries:
        if entry.evaluation != "clean" and entry.epsilon != epsilon:
            continue
        if entry.arm not in best or entry.mean < best[entry.arm].mean:
            best[entry.arm] = entry
    return list(best.values())


def radius_panel(results: Results, name: str, title: str, entries: Sequence[Accuracy]) -> list[Panel]:
    """Return each arm's accuracy over the radii, under its strongest attack; nothing where there is one radius."""
    colours, titles = arm_colours(results), arm_titles(results)
    radii, lines = radii_of(entries), []
    for arm in dict.fromkeys(entry.arm for entry in entries):
        points = [
            (
                radius,
                100 * found[0].mean,
                {"arm": titles[arm], "epsilon": f"{radius:g}", "accuracy": f"{percent(found[0].mean)}%"},
            )
            for radius in radii
            if (found := weakest([entry for entry in entries if entry.arm == arm], radius))
        ]
        if points:
            lines.append(Line(titles[arm], colours[arm], points))
    if not lines or len(radii) < 2:
        return []
    words = "; ".join(
        f"{line.label} " + ", ".join(f"{value:.1f}% at {radius:g}" for radius, value, _ in line.points)
        for line in lines
    )
    summary = f"Accuracy over epsilon, {title}: {words}."
    return [line_panel(name, title, lines, axes=("epsilon", "Accuracy, percent"), summary=summary)]
