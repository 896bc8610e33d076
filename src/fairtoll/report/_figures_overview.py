"""Figures over many findings at once: accuracies, transfer against white-box, the toll against the control."""

from collections.abc import Sequence

from fairtoll.report._chart_lines import Line, line_panel
from fairtoll.report._chart_rows import Row, row_panel
from fairtoll.report._chart_style import Figure, Panel, arm_colours
from fairtoll.report._figures import pair, runs, scaled
from fairtoll.report._format import Json, finite, interval, metric_of, percent
from fairtoll.report._select import arm_titles, describe, epsilon_text, is_main_threat

EVALUATION_TITLES = {
    "clean": "Clean rows",
    "static-transfer": "Static transfer (examples made on another model)",
    "white-box": "White-box (attacked itself)",
}


def main_accuracies(results: Json, evaluation: str) -> list[Json]:
    """Return the accuracies of one evaluation under the main threat, ascending in radius."""
    found = [
        entry
        for entry in results.get("accuracy", [])
        if entry["evaluation"] == evaluation
        and is_main_threat(results, entry.get("threat"))
        and finite(entry.get("mean")) is not None
    ]
    return sorted(found, key=lambda entry: finite(entry.get("epsilon")) or 0.0)


def first_epsilon(results: Json) -> float | None:
    """Return the smallest radius any model was attacked at."""
    radii = [
        found
        for evaluation in ("white-box", "static-transfer")
        for entry in main_accuracies(results, evaluation)
        if (found := finite(entry.get("epsilon"))) is not None
    ]
    return min(radii, default=None)


def accuracy_figure(results: Json) -> Figure | None:
    """Return every arm's accuracy, clean and attacked at the first radius, each by its evaluation."""
    colours, titles = arm_colours(results), arm_titles(results)
    epsilon = first_epsilon(results)
    panels, published = [], False
    for evaluation, title in EVALUATION_TITLES.items():
        rows, words = [], []
        for entry in weakest(main_accuracies(results, evaluation), epsilon):
            arm = titles[entry["arm"]]
            published = published or entry.get("published") is not None
            rows.append(
                Row(
                    arm,
                    colours[entry["arm"]],
                    value=scaled(entry["mean"], "points"),
                    published=scaled(entry.get("published"), "points"),
                    seeds=runs(entry.get("per_seed"), "points"),
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
        if rows:
            full = title if evaluation == "clean" else f"{title.split(' (')[0]}, {epsilon_text(epsilon)}"
            panels.append(
                row_panel(
                    f"accuracy-{evaluation}",
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
    return Figure("accuracy", "Accuracy by arm and evaluation", panels, marks)


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
    colours, titles = arm_colours(results), arm_titles(results)
    panels = []
    for evaluation in ("static-transfer", "white-box"):
        entries = main_accuracies(results, evaluation)
        radii = sorted({e for entry in entries if (e := finite(entry.get("epsilon"))) is not None})
        lines = []
        for arm in dict.fromkeys(entry["arm"] for entry in entries):
            points = [
                (
                    radius,
                    100 * float(found[0]["mean"]),
                    {
                        "arm": titles[arm],
                        "epsilon": f"{radius:g}",
                        "accuracy": f"{percent(found[0]['mean'])}%",
                    },
                )
                for radius in radii
                if (found := weakest([entry for entry in entries if entry["arm"] == arm], radius))
            ]
            if points:
                lines.append(Line(titles[arm], colours[arm], points))
        if lines and len(radii) > 1:
            title = EVALUATION_TITLES[evaluation].split(" (")[0]
            words = "; ".join(
                f"{line.label} " + ", ".join(f"{value:.1f}% at {radius:g}" for radius, value, _ in line.points)
                for line in lines
            )
            panels.append(
                line_panel(
                    f"accuracy-epsilon-{evaluation}",
                    title,
                    lines,
                    axes=("epsilon", "Accuracy, percent"),
                    summary=f"Accuracy over epsilon, {title}: {words}.",
                )
            )
    if not panels:
        return None
    return Figure("accuracy-epsilon", "Accuracy as the radius grows", panels)


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


def toll_panel(results: Json, name: str, title: str, findings: Sequence[Json]) -> Panel | None:
    """Return differences against the standard arm and against the control, with margin and verdict."""
    colours, titles = arm_colours(results), arm_titles(results)
    rows, words = [], []
    for finding in findings:
        if metric_of(finding["metric"]).unit != "points":
            continue
        colour = colours[finding["robust"]["arm"]]
        margin = scaled(finding.get("margin"), "points") or 0.0
        rows.append(Row(describe(results, finding)))
        for key, against, verdict in (
            ("difference", finding["standard"], finding.get("verdict")),
            ("difference_from_control", finding.get("control"), finding.get("verdict_from_control")),
        ):
            numbers = finding.get(key)
            if not numbers or not against:
                continue
            arm = titles[against["arm"]]
            rows.append(
                Row(
                    f"against {arm}",
                    colour,
                    value=scaled(numbers.get("value"), "points"),
                    interval=pair(numbers.get("interval"), "points"),
                    band=(-margin, margin),
                    text=str(verdict or ""),
                    hollow=key != "difference",
                    tooltip={
                        "difference": f"{titles[finding['robust']['arm']]} − {arm}",
                        "points": percent(numbers.get("value"), 2, sign=True),
                        "interval": interval(numbers.get("interval"), "points", sign=True),
                        "margin": f"± {margin:g} points",
                        "verdict": str(verdict or "–"),
                    },
                )
            )
            words.append(f"{describe(results, finding)} against {arm}: {verdict}")
    if not words:
        return None
    return row_panel(
        name,
        title,
        rows,
        axis="Difference of gaps, percentage points",
        summary=f"{title}. {'; '.join(words)}.",
        zero_line=True,
    )
