"""Figures of accuracies: by arm and evaluation, over the radii, transfer against white-box."""

from collections.abc import Sequence

from fairtoll.report._chart_lines import Line, line_panel
from fairtoll.report._chart_row import Row
from fairtoll.report._chart_rows import row_panel
from fairtoll.report._chart_style import Figure, Panel, arm_colours
from fairtoll.report._figures import runs, scaled
from fairtoll.report._format import Json, finite, percent
from fairtoll.report._select import arm_titles, epsilon_text, is_main_threat, main_threat

EVALUATION_TITLES = {
    "clean": "Clean rows",
    "static-transfer": "Static transfer (examples made on another model)",
    "white-box": "White-box (attacked itself)",
}


def accuracies_under(results: Json, evaluation: str, threat: str | None) -> list[Json]:
    """Return the accuracies of one evaluation under this threat or none, by radius and then in the arms' order."""
    order = {arm: place for place, arm in enumerate(arm_titles(results))}
    found = [
        entry
        for entry in results.get("accuracy") or []
        if entry["evaluation"] == evaluation
        and entry.get("threat") in (None, threat)
        and finite(entry.get("mean")) is not None
    ]
    return sorted(found, key=lambda e: (finite(e.get("epsilon")) or 0.0, order.get(e["arm"], len(order))))


def main_accuracies(results: Json, evaluation: str) -> list[Json]:
    """Return the accuracies of one evaluation under the threat that the report leads with."""
    return accuracies_under(results, evaluation, main_threat(results))


def other_threat_names(results: Json) -> list[str]:
    """Return the threats that accuracies name, less the main one."""
    named = [entry.get("threat") for entry in results.get("accuracy") or []]
    return [str(threat) for threat in dict.fromkeys(named) if not is_main_threat(results, threat)]


def radii_of(entries: Sequence[Json]) -> list[float]:
    """Return the radii among these accuracies, ascending."""
    return sorted({radius for entry in entries if (radius := finite(entry.get("epsilon"))) is not None})


def first_epsilon(results: Json) -> float | None:
    """Return the smallest radius any model was attacked at."""
    radii = [
        found
        for evaluation in ("white-box", "static-transfer")
        for entry in main_accuracies(results, evaluation)
        if (found := finite(entry.get("epsilon"))) is not None
    ]
    return min(radii, default=None)


def accuracies_by_attack(results: Json) -> dict[str, list[Json]]:
    """Return the accuracies at the first radius by evaluation and attack, one list an attack, arms in order."""
    epsilon = first_epsilon(results)
    found: dict[str, list[Json]] = {}
    for evaluation, title in EVALUATION_TITLES.items():
        name = title.split(" (")[0]
        for entry in main_accuracies(results, evaluation):
            attack = entry.get("attack")
            if evaluation == "clean":
                found.setdefault(name, []).append(entry)
            elif finite(entry.get("epsilon")) == epsilon:
                heading = f"{name}, {attack}, {epsilon_text(epsilon)}" if attack else f"{name}, {epsilon_text(epsilon)}"
                found.setdefault(heading, []).append(entry)
    return found


def accuracy_figure(results: Json) -> Figure | None:
    """Return every arm's accuracy, clean and attacked at the first radius, each by its evaluation."""
    colours, titles = arm_colours(results), arm_titles(results)
    panels: list[Panel] = []
    published = False
    for full, entries in accuracies_by_attack(results).items():
        evaluation = entries[0]["evaluation"]
        rows, words = [], []
        for entry in entries:
            arm = titles[entry["arm"]]
            published = published or entry.get("published") is not None
            rows.append(
                Row(
                    arm,
                    colours[entry["arm"]],
                    value=scaled(entry["mean"], "points"),
                    published=scaled(entry.get("published"), "points"),
                    seeds=runs(entry.get("per_run"), "points"),
                    text=percent(entry["mean"]),
                    tooltip={
                        "arm": arm,
                        "evaluation": evaluation,
                        "accuracy": f"{percent(entry['mean'])}%",
                        "seed SD": percent(entry.get("sd")),
                        **({"paper": f"{percent(entry['published'], 2)}%"} if entry.get("published") else {}),
                    },
                )
            )
            words.append(f"{arm} {percent(entry['mean'])}%")
        panels.append(
            row_panel(
                f"accuracy-{len(panels)}-{evaluation}",
                full,
                rows,
                axis="Accuracy, percent",
                domain=(0, 100),
                summary=f"{full}: {', '.join(words)}.",
            )
        )
    if not panels:
        return None
    marks = "Dot: mean over training runs. Small dots: single runs." + (
        " Diamond: the paper's value." if published else ""
    )
    return Figure("accuracy", "Accuracy by arm and evaluation", panels, marks, columns=2)


def weakest(entries: Sequence[Json], epsilon: float | None) -> list[Json]:
    """Return per arm the lowest accuracy at this radius: a row is robust only under every attack."""
    best: dict[str, Json] = {}
    for entry in entries:
        if entry["evaluation"] != "clean" and finite(entry.get("epsilon")) != epsilon:
            continue
        if entry["arm"] not in best or entry["mean"] < best[entry["arm"]]["mean"]:
            best[entry["arm"]] = entry
    return list(best.values())


def epsilon_figure(results: Json) -> Figure | None:
    """Return accuracy over the radii, one panel per evaluation."""
    panels = []
    for evaluation in ("static-transfer", "white-box"):
        title = EVALUATION_TITLES[evaluation].split(" (")[0]
        entries = main_accuracies(results, evaluation)
        panels += radius_panel(results, f"accuracy-epsilon-{evaluation}", title, entries)
    return Figure("accuracy-epsilon", "Accuracy as the radius grows", panels) if panels else None


def threat_figure(results: Json) -> Figure | None:
    """Return white-box accuracy over the radii, one panel per threat but the main one."""
    panels = []
    for index, threat in enumerate(other_threat_names(results)):
        entries = accuracies_under(results, "white-box", threat)
        panels += radius_panel(results, f"threat-{index + 1}", f"{threat} threat, white-box", entries)
    return Figure("threats", "Accuracy under other threat models", panels) if panels else None


def radius_panel(results: Json, name: str, title: str, entries: Sequence[Json]) -> list[Panel]:
    """Return each arm's accuracy over the radii, under its strongest attack; nothing where there is one radius."""
    colours, titles = arm_colours(results), arm_titles(results)
    radii, lines = radii_of(entries), []
    for arm in dict.fromkeys(entry["arm"] for entry in entries):
        points = [
            (
                radius,
                100 * float(found[0]["mean"]),
                {"arm": titles[arm], "epsilon": f"{radius:g}", "accuracy": f"{percent(found[0]['mean'])}%"},
            )
            for radius in radii
            if (found := weakest([entry for entry in entries if entry["arm"] == arm], radius))
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


def transfer_figure(results: Json) -> Figure | None:
    """Return, per arm, the accuracy static transfer suggests and the one a white-box attack leaves."""
    epsilon = first_epsilon(results)
    transfer = {e["arm"]: e for e in weakest(main_accuracies(results, "static-transfer"), epsilon)}
    white = {e["arm"]: e for e in weakest(main_accuracies(results, "white-box"), epsilon)}
    both = [arm for arm in transfer if arm in white]
    if not both:
        return None
    colours, titles = arm_colours(results), arm_titles(results)
    rows, words = [], []
    for arm in both:
        name = titles[arm]
        apart = float(transfer[arm]["mean"]) - float(white[arm]["mean"])
        points = [
            (
                100 * float(entry["mean"]),
                label,
                {"arm": name, "evaluation": label, "accuracy": f"{percent(entry['mean'])}%"},
            )
            for label, entry in (("white-box", white[arm]), ("static transfer", transfer[arm]))
        ]
        rows.append(Row(name, colours[arm], points=points, text=percent(apart, sign=True)))
        words.append(f"{name} white-box {percent(white[arm]['mean'])}%, transfer {percent(transfer[arm]['mean'])}%")
    panel = row_panel(
        "transfer",
        f"What static transfer overstates, {epsilon_text(epsilon)}",
        rows,
        axis="Accuracy, percent",
        domain=(0, 100),
        summary=f"Accuracy by evaluation: {'; '.join(words)}.",
    )
    return Figure(
        "transfer",
        "Static transfer against white-box accuracy",
        [panel],
        "Right: static transfer less white-box, in points.",
    )
