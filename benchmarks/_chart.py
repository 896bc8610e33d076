"""The benchmark's chart: seconds as dots on a logarithmic axis, one panel for each question and model."""

from __future__ import annotations

import altair as alt
import vl_convert

from fairtoll.report.arms import GREY
from fairtoll.report.charts.style import CONFIG, FONT, INK, INK_ON_WHITE

#: Title of the panel's model, question, and for each contender its name, seconds and whether it is fairtoll's.
Panels = list[tuple[str, str, list[tuple[str, float, bool]]]]
QUESTIONS = {"curve": "Success at each radius", "least": "Least epsilon", "union": "Unions"}
COLOURS = {"fairtoll": "#0072B2", "the paper": GREY, "peer": "#D55E00"}
TICKS = [digit * 10.0**power for power in range(-2, 5) for digit in (1, 2, 5)]


def draw(panels: Panels) -> str:
    """The chart as SVG, black on white."""
    rows = []
    for question in QUESTIONS:
        mine = [panel(title, question, lines) for title, of, lines in panels if of == question]
        if mine:
            rows.append(alt.hconcat(*mine, spacing=36))
    config = {**CONFIG, "background": "#ffffff", "padding": {"left": 34, "top": 14, "right": 14, "bottom": 14}}
    svg: str = vl_convert.vegalite_to_svg({**alt.vconcat(*rows, spacing=28).to_dict(), "config": config})
    return svg.replace(INK, INK_ON_WHITE).replace("sans-serif", FONT.split(", ")[-1])


def panel(title: str, question: str, lines: list[tuple[str, float, bool]]) -> alt.LayerChart:
    data = alt.Data(
        values=[
            {"name": name, "seconds": seconds, "whose": whose(name, ours), "label": label(seconds)}
            for name, seconds, ours in lines
        ]
    )
    low, high = min(seconds for _, seconds, _ in lines) / 1.6, max(seconds for _, seconds, _ in lines) * 3
    base = alt.Chart(data).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=320, ticks=False, domain=False)),
        x=alt.X(
            "seconds:Q",
            title="seconds",
            scale=alt.Scale(type="log", domain=[low, high], nice=False),
            axis=alt.Axis(values=[one for one in TICKS if low <= one <= high], format="~g"),
        ),
    )
    colour = alt.Color(
        "whose:N",
        legend=None,
        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
    )
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(color=colour)
    texts = base.mark_text(align="left", dx=8, fontSize=12, color=INK).encode(text="label:N")
    return alt.layer(dots, texts).properties(title=f"{QUESTIONS[question]}: {title}", width=250, height=alt.Step(24))


def whose(name: str, ours: bool) -> str:
    return "peer" if not ours else "fairtoll" if name.startswith("fairtoll") else "the paper"


def label(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"
