"""Accuracies selected by evaluation, threat and radius, and their chart over the radii."""

from collections.abc import Mapping, Sequence

from fairtoll.findings.results import Accuracy, Results
from fairtoll.report.arms import arm_colours, arm_titles
from fairtoll.report.charts.lines import Line, Point, line_panel
from fairtoll.report.charts.style import Panel
from fairtoll.report.numbers import interval, percent
from fairtoll.report.select import OWN, epsilon_text, is_main_threat, main_threat

RADIUS_MARKS = "A line joins one attack. Epsilon 0: without an attack. Bar: 95% interval."
EVALUATION_TITLES = {
    "clean": "Clean rows",
    "static-transfer": "Static transfer (examples made on another model)",
    "white-box": "White-box (attacked itself)",
    "scores-only": "Scores only (attacked itself, by its scores alone)",
    "proved": "Proved (no attack can break these rows)",
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
        for evaluation in (*OWN, "static-transfer")
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


def accuracy_words(entry: Accuracy) -> dict[str, str]:
    """Return an accuracy and its interval, for a tooltip."""
    return {"accuracy": f"{percent(entry.mean)}%", "interval": interval(entry.interval, "points")}


def radius_panels(results: Results, name: str, title: str, entries: Sequence[Accuracy]) -> list[Panel]:
    """Return each arm's accuracy from no attack to the largest radius, a panel for each attack of several radii.

    A line joins one attack alone: another one, stronger or weaker, at one of the radii would make it rise or fall.
    """
    attacks = list(dict.fromkeys(entry.attack for entry in entries))
    of_attack = {attack: [entry for entry in entries if entry.attack == attack] for attack in attacks}
    clean = {entry.arm: entry for entry in main_accuracies(results, "clean")}
    panels: list[Panel] = []
    for attack, found in of_attack.items():
        if len(radii_of(found)) > 1:
            suffix = f"-{len(panels) + 1}" if panels else ""
            heading = f"{title}, {attack}" if attack else title
            panels.append(radius_panel(results, f"{name}{suffix}", heading, found, clean))
    return panels


def radius_panel(
    results: Results, name: str, title: str, entries: Sequence[Accuracy], clean: Mapping[str, Accuracy]
) -> Panel:
    """Return each arm's accuracy under one attack over the radii; radius 0 is without an attack."""
    colours, titles = arm_colours(results), arm_titles(results)
    lines = []
    for arm in dict.fromkeys(entry.arm for entry in entries):
        of_arm = {entry.epsilon or 0.0: entry for entry in entries if entry.arm == arm}
        of_arm |= {0.0: clean[arm]} if arm in clean else {}
        points = [
            Point(
                radius,
                100 * entry.mean,
                {"arm": titles[arm], "epsilon": f"{radius:g}", **accuracy_words(entry)},
                (100 * entry.interval[0], 100 * entry.interval[1]) if entry.interval else None,
            )
            for radius, entry in sorted(of_arm.items())
        ]
        lines.append(Line(titles[arm], colours[arm], points))
    words = "; ".join(
        f"{line.label} " + ", ".join(f"{point.y:.1f}% at {point.x:g}" for point in line.points) for line in lines
    )
    summary = f"Accuracy over epsilon, {title}: {words}."
    return line_panel(name, title, lines, axes=("epsilon", "Accuracy, percent"), summary=summary)
