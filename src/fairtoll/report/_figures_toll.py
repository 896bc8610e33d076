"""Figures of the toll: differences of gaps against the standard arm and against the control."""

from collections.abc import Sequence

from fairtoll.report._chart_domain import reach
from fairtoll.report._chart_row import Row
from fairtoll.report._chart_rows import row_panel
from fairtoll.report._chart_style import Panel, arm_colours
from fairtoll.report._figures import in_axis, pair, scaled
from fairtoll.report._format import MINUS, Json, interval, metric_of, percent
from fairtoll.report._select import arm_titles, describe


def difference_domain(findings: Sequence[Json]) -> tuple[float, float]:
    """Return an axis as long on both sides of zero that holds every difference, the margins and the usual intervals."""
    shares = [finding for finding in findings if metric_of(finding["metric"]).unit == "points"]
    numbers = [f.get(key) or {} for f in shares for key in ("difference", "difference_from_control")]
    points: list[object] = [entry.get("value") for entry in numbers]
    points += [3 * (finding.get("margin") or 0.0) for finding in shares]
    ends: list[object] = [end for entry in numbers for end in entry.get("interval") or ()]
    far = reach(in_axis(points, "points"), in_axis(ends, "points"), limit=100.0)
    return -far, far


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
                    f"{MINUS} {arm}",
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
        domain=difference_domain(findings),
    )
