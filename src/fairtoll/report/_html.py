"""The report as one HTML page that asks nothing of any network."""

import base64
import hashlib
import json
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fairtoll.findings.results import Results
from fairtoll.report import _alarms, _brief, _format, _prose, _sections, _source, _static, _tables, _time
from fairtoll.report._chart_style import page_spec
from fairtoll.report._format import Json
from fairtoll.report._section import Section
from fairtoll.report._select import Titles, arm_titles, arm_values, describe, verdict_words


def text_of(name: str) -> str:
    """Return a file of the templates folder."""
    return resources.files("fairtoll.report").joinpath("templates", name).read_text(encoding="utf-8")


def embedded_json(value: Any) -> Markup:
    """Return JSON that no name in it can end the script element around it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def script_hash(script: str) -> str:
    """Return a script's source expression for the content security policy."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def environment() -> Environment:
    """Return Jinja with escaping on and the report's number formats as filters."""
    made = Environment(
        loader=PackageLoader("fairtoll.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        percent=_format.percent,
        number=_format.number,
        point=_prose.point,
        sentence=_prose.sentence,
        slug=_prose.slug,
        subscripts=_prose.subscripts,
        typeset=_prose.typeset,
    )
    return made


def finding_rows(results: Json) -> list[Json]:
    """Return each finding as the table of all findings shows it."""
    titles = arm_titles(results)
    rows = []
    for finding in results.get("findings") or []:
        unit = _format.metric_of(finding["metric"]).unit
        rows.append(
            {
                "finding": finding,
                "name": describe(results, finding),
                "metric": _format.metric_of(finding["metric"]).symbol,
                "unit": "points" if unit == "points" else _format.unit_name(unit),
                "sides": [arm_detail(finding, finding[role], titles) for role in ("standard", "robust")],
                "verdict": verdict_words(finding),
                "verdict_from_control": verdict_words(finding, "verdict_from_control"),
                "levelling": _prose.sentence(str(finding.get("levelling_down") or "").removeprefix("levelling down: ")),
                "difference": _tables.difference_text(finding, "difference"),
                "from_control": _tables.difference_text(finding, "difference_from_control"),
                "margin": _format.in_unit(finding.get("margin"), unit),
                "p_value": _format.p_value((finding.get("difference") or {}).get("p_value")),
                "least": _format.in_unit((finding.get("difference") or {}).get("least_detectable"), unit),
                "arms": [arm_detail(finding, value, titles) for value in arm_values(finding)],
            }
        )
    return rows


def arm_detail(finding: Json, value: Json, titles: Titles) -> Json:
    """Return one arm of a finding in words for its details."""
    metric = _format.metric_of(finding["metric"])
    worst, best = value.get("worst_group"), value.get("best_group")

    def level(found: Any) -> str:
        return f"{_format.own_value(found, metric.unit)}{'%' if metric.unit == 'points' else ''}"

    return {
        "title": titles[value["arm"]],
        "gap": _format.in_unit(value.get("value"), metric.unit),
        "corrected": _format.in_unit(value.get("corrected"), metric.unit),
        "interval": _format.interval(value.get("interval"), metric.unit),
        "null": f"{_format.in_unit(value.get('null_mean'), metric.unit)} / "
        f"{_format.in_unit(value.get('null_95'), metric.unit)}",
        "worst": "–" if worst is None else f"{worst} {level(value.get('worst_value'))}",
        "best": "–" if best is None else f"{best} {level(value.get('best_value'))}",
    }


def render_html(results: Results) -> str:
    """Return the report as one self-contained page.

    Parameters
    ----------
    results
        The page is a function of them alone.

    Returns
    -------
    str
        HTML with its styles, scripts and data inside, under a policy that forbids any network.
    """
    clean = _format.cleaned(results.model_dump(mode="json"))
    return render_page(clean, _sections.build(clean))


def render_page(results: Json, sections: list[Section], svgs: dict[str, str] | None = None) -> str:
    """Return the page of these sections; `svgs` are the panels already drawn, by name."""
    panels = [panel for section in sections for figure in section.figures for panel in figure.panels]
    drawn = svgs if svgs is not None else {panel.name: _static.page_svg(panel) for panel in panels}
    bundle, script = _static.javascript(), text_of("report.js")
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"script-src {script_hash(bundle)} {script_hash(script)}"
    )
    counts = _brief.verdict_counts(results)
    findings = finding_rows(results)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            results=results,
            dataset=results.get("dataset") or {},
            sections=sections,
            svgs={name: Markup(svg) for name, svg in drawn.items()},
            specs=embedded_json({panel.name: page_spec(panel) for panel in panels}),
            policy=policy,
            style=Markup(text_of("report.css")),
            bundle=Markup(bundle),
            script=Markup(script),
            question=_brief.question(results),
            source=_source.source_line(results),
            answer=_brief.answer(results),
            counts=counts,
            controlled=any(finding.get("verdict_from_control") for finding in results.get("findings") or []),
            verdicts=[
                (index, verdict)
                for index, verdict in enumerate(_brief.VERDICTS)
                if any(line.counts[index] or (line.from_control or line.counts)[index] for line in counts)
            ],
            findings=findings,
            corrected_note=_prose.CORRECTED_NOTE,
            finding_numbers={row["finding"]["id"]: number for number, row in enumerate(findings, 1)},
            finding_names={row["finding"]["id"]: row["name"] for row in findings},
            fired=_alarms.kinds(results, fired=True),
            silent=_alarms.kinds(results, fired=False),
            alarms=results.get("alarms") or [],
            time=_time.by_kind(results),
            configuration=json.dumps(results.get("configuration") or {}, indent=2, ensure_ascii=False),
        )
    )
