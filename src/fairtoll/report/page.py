"""The report as one HTML page that loads nothing from any network."""

import base64
import hashlib
import json
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fairtoll.findings.judged import CONFIDENCE
from fairtoll.findings.results import Results
from fairtoll.report import numbers, words
from fairtoll.report.alarms import kinds
from fairtoll.report.arms import arm_titles
from fairtoll.report.brief import answer, counts_in_words, question, verdict_counts
from fairtoll.report.build import build
from fairtoll.report.charts.static import javascript, page_svg
from fairtoll.report.charts.style import page_spec
from fairtoll.report.listing import finding_rows
from fairtoll.report.notes import notes
from fairtoll.report.section import Section
from fairtoll.report.select import measured, protocols, two_models, verdicts
from fairtoll.report.sides import sides
from fairtoll.report.source import source_line
from fairtoll.report.times import by_kind

#: Of a longer table the page shows so many rows; its files hold all of them.
ROWS = 100


def text_of(name: str) -> str:
    """Return a file of the templates folder."""
    return resources.files("fairtoll.report").joinpath("templates", name).read_text(encoding="utf-8")


def embedded_json(value: Any) -> Markup:
    """Return JSON in which no name can end the script element around it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def css_text(text: object) -> str:
    r"""Return text as a string of CSS: the page's styles show it before the cells of a narrow table.

    Examples
    --------
    >>> css_text('50% "a"')
    '"50% \\22 a\\22 "'
    """
    escaped = "".join(f"\\{ord(one):x} " if one in '"\\<\n\r\f' else one for one in str(text))
    return f'"{escaped}"'


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
    made.globals["ROWS"] = ROWS
    made.filters.update(
        css_text=css_text,
        percent=numbers.percent,
        p_value=numbers.p_value,
        number=numbers.number,
        point=words.point,
        sentence=words.sentence,
        slug=words.slug,
        subscripts=words.subscripts,
        typeset=words.typeset,
    )
    return made


def printable(results: Results) -> Results:
    """Return the results without control characters in any text."""
    return Results.model_validate(numbers.printable(results.model_dump()))


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
    clean = printable(results)
    return render_page(clean, build(clean))


def _meaning(results: Results) -> dict[str, Any]:
    """Return what the verdicts of these results rest on."""
    differences = [one.difference for one in results.findings if one.difference is not None]
    confidences = [one.confidence for one in differences]
    confidences += [pair.confidence for one in results.findings if one.models for pair in one.models.pairs]
    return {
        "runs": max((one.runs for one in measured(results)), default=1),
        "widened": max(confidences, default=0.0) > CONFIDENCE,
        "looks": any(one.share < 1 for one in differences),
        "several_protocols": len(protocols(results)) > 1,
        "sides_differ": len(protocols(results)) == 1 and len({one.robust.arm for one in results.findings}) > 1,
    }


def render_page(results: Results, sections: list[Section], svgs: dict[str, str] | None = None) -> str:
    """Return the page of these sections; `svgs` are the panels already drawn, by name."""
    panels = [panel for section in sections for figure in section.figures for panel in figure.panels]
    drawn = svgs if svgs is not None else {panel.name: page_svg(panel) for panel in panels}
    bundle, script = javascript(), text_of("report.js")
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"script-src {script_hash(bundle)} {script_hash(script)}"
    )
    counts = verdict_counts(results)
    findings = finding_rows(results)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            results=results,
            dataset=results.dataset,
            sections=sections,
            svgs={name: Markup(svg) for name, svg in drawn.items()},
            specs=embedded_json({panel.name: page_spec(panel) for panel in panels}),
            policy=policy,
            style=Markup(text_of("report.css")),
            bundle=Markup(bundle),
            script=Markup(script),
            question=question(results),
            source=source_line(results),
            answer=answer(results),
            counts=counts,
            counts_in_words=counts_in_words(counts, verdicts(results)),
            two_models=two_models(results),
            sides=sides(results),
            **_meaning(results),
            controlled=any(finding.verdict_from_control for finding in results.findings),
            verdicts=[
                (index, verdict)
                for index, verdict in enumerate(verdicts(results))
                if any(line.counts[index] or (line.from_control or line.counts)[index] for line in counts)
            ],
            arm_titles=arm_titles(results),
            findings=findings,
            gap_note=words.GAP_NOTE,
            finding_anchors={row.finding.id: row.anchor for row in findings},
            finding_names={row.finding.id: row.name for row in findings},
            fired=kinds(results, fired=True),
            silent=kinds(results, fired=False),
            notes=notes(results),
            time=by_kind(results),
            configuration=json.dumps(results.configuration, indent=2, ensure_ascii=False),
        )
    )
