"""Figures of the toll: differences of gaps against the standard arm and against the control."""

from collections.abc import Sequence

from fairtoll.report._chart_domain import reach
from fairtoll.report._chart_row import Row
from fairtoll.report._chart_rows import row_panel
from fairtoll.report._chart_style import Panel, arm_colours
from fairtoll.report._figures import in_axis, pair, scaled
from fairtoll.report._format import MINUS, Json, in_unit, interval, metric_of, unit_name
from fairtoll.report._select import arm_titles, describe


def difference_domain(findings: Sequence[Json]) -> tuple[float, float]:
    """Return an axis as long on both sides of zero that holds every difference, the margins and the usual intervals."""
    unit = metric_of(findings[0]["metric"]).unit
    numbers = [f.get(key) or {} for f in findings for key in ("difference", "difference_from_control")]
    points: list[object] = [entry.get("value") for entry in numbers]
    points += [3 * (finding.get("margin") or 0.0) for finding in findings]
    ends: list[object] = [end for entry in numbers for end in entry.get("interval") or ()]
    far = reach(in_axis(points, unit), in_axis(ends, unit), limit=100.0 if unit == "points" else None)
    return -far, far


def toll_panel(results: Json, name: str, title: str, findings: Sequence[Json]) -> Panel | None:
    """Return differences of one unit against the standard arm and against the control, with margin and verdict."""
    unit = metric_of(findings[0]["metric"]).unit
    colours, titles = arm_colours(results), arm_titles(results)
    rows, words = [], []
    for finding in findings:
        colour = colours[finding["robust"]["arm"]]
        margin = scaled(finding.get("margin"), unit) or 0.0
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
                    value=scaled(numbers.get("value"), unit),
                    interval=pair(numbers.get("interval"), unit),
                    band=(-margin, margin),
                    text=str(verdict or ""),
                    hollow=key != "difference",
                    tooltip={
                        "difference": f"{titles[finding['robust']['arm']]} − {arm}",
                        unit_name(unit): in_unit(numbers.get("value"), unit, sign=True),
                        "interval": interval(numbers.get("interval"), unit, sign=True),
                        "margin": f"± {in_unit(finding.get('margin'), unit)}",
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
        axis=f"Difference of gaps, {unit_name(unit)}",
        summary=f"{title}. {'; '.join(words)}.",
        zero_line=True,
        domain=difference_domain(findings),
    )
