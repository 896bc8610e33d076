"""Measurements as Markdown tables, one for each question and model, also written into the documentation."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _chart import draw
from _images import MODELS
from _records import Record, Records
from fairtoll.errors import FairtollError
from fairtoll.storage.files import write_text

OURS = {"curve": "fairtoll success_curve", "least": "fairtoll least_epsilon", "union": "fairtoll AutoAttack"}
GRID = "the paper's grid"


@dataclass(frozen=True)
class Line:
    """One contender's repeats, summarised."""

    name: str
    seconds: float
    worked: float
    runs: int
    gradients: float
    share: float
    success: list[float]
    median: float
    mean: float
    not_broken: float

    @property
    def ours(self) -> bool:
        return self.name.startswith("fairtoll") or self.name == GRID


def lines_of(records: Records, model: str, question: str) -> list[Line]:
    """fairtoll's lines first, then the others by their time."""
    lines = [line_of(name, runs) for name, runs in records.of(model, question).items()]
    return sorted(lines, key=lambda one: (not one.ours, one.name == GRID, 0.0 if one.ours else one.seconds, one.name))


def line_of(name: str, runs: list[Record]) -> Line:
    def middle(key: str) -> float:
        return statistics.median(run[key] for run in runs)

    def average(key: str) -> float:
        return statistics.fmean(run[key] for run in runs) if runs[0][key] is not None else float("nan")

    columns = zip(*(run["success"] for run in runs), strict=True) if runs[0]["success"] is not None else ()
    return Line(
        name,
        middle("seconds"),
        statistics.median(run.get("worked", float("nan")) for run in runs),
        len(runs),
        middle("gradients_a_row"),
        middle("share_of_product"),
        [statistics.fmean(column) for column in columns],
        average("median"),
        average("mean"),
        average("not_broken"),
    )


def markdown(records: Records) -> str:
    """All tables, each with a sentence that sums it up."""
    settings = records.settings
    parts = [preamble(records)]
    for question in OURS:
        for model, title in MODELS.items():
            if lines := lines_of(records, model, question):
                table, comparison, what = {
                    "curve": (curve_table, compare_curves, "Success at each radius"),
                    "least": (least_table, compare_least, "Least epsilon"),
                    "union": (union_table, compare_unions, f"Unions at {settings['union_epsilon']:g}"),
                }[question]
                body = table(lines, settings, most_runs(records))
                parts.append(f"**{what}, {title}**\n\n{body}\n\n{comparison(lines, settings)}".rstrip())
    return "\n\n".join(parts) + "\n"


def preamble(records: Records) -> str:
    settings, versions = records.settings, records.content["versions"]
    sizes = ", ".join(f"{package} {size}" for package, size in records.batch_sizes.items())
    runs = most_runs(records)
    measured = "one run" if runs == 1 else f"medians of {runs} runs, each with its own seed"
    return (
        f"{settings['data']}, {settings['rows']:,} test rows, {settings['steps']} steps, {settings['threads']} "
        f"threads; {measured}. {settings['machine']}; torch {settings['torch']}, "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + "."
        + (f" Batch size with which each peer is fastest here: {sizes}." if sizes else "")
    )


def most_runs(records: Records) -> int:
    return max(line.runs for model in MODELS for question in OURS for line in lines_of(records, model, question))


def curve_table(lines: list[Line], settings: dict[str, Any], runs: int) -> str:
    radii = settings["epsilons"]
    head = [
        "",
        "seconds",
        "times as long",
        "gradients per row",
        "of the matrix product",
        *(f"at {one:g}" for one in radii),
    ]
    ours = {line.name: line for line in lines}.get(OURS["curve"])
    rows = [[*timing(line, ours, runs), *(f"{100 * one:.2f}%" for one in line.success)] for line in lines]
    return table_of(head, rows)


def least_table(lines: list[Line], settings: dict[str, Any], runs: int) -> str:
    head = ["", "seconds", "times as long", "gradients per row", "of the matrix product", "median", "mean"]
    head.append(f"not broken by {settings['epsilon_max']:g}")
    ours = {line.name: line for line in lines}.get(OURS["least"])
    rows = [
        [*timing(line, ours, runs), f"{line.median:.5f}", f"{line.mean:.5f}", f"{100 * line.not_broken:.1f}%"]
        for line in lines
    ]
    return table_of(head, rows)


def union_table(lines: list[Line], settings: dict[str, Any], runs: int) -> str:
    """Unions take minutes, in which a machine may have other work: compared by the processor's time."""
    head = ["", "seconds", "processor seconds", "times as many", "gradients per row", "robust accuracy"]
    ours = {line.name: line for line in lines}.get(OURS["union"])
    return table_of(
        head,
        [
            [
                timing(line, ours, runs)[0],
                f"{line.seconds:.1f}",
                f"{line.worked:.1f}",
                "" if ours is None else f"{line.worked / ours.worked:.1f}",
                f"{line.gradients:.1f}",
                f"{100 * (1 - line.success[0]):.2f}%",
            ]
            for line in lines
        ],
    )


def timing(line: Line, ours: Line | None, runs: int) -> list[str]:
    times = "" if ours is None else f"{line.seconds / ours.seconds:.1f}"
    name = line.name if line.runs == runs else f"{line.name} ({line.runs} {'run' if line.runs == 1 else 'runs'})"
    return [name, f"{line.seconds:.2f}", times, f"{line.gradients:.1f}", f"{100 * line.share:.0f}%"]


def compare_curves(lines: list[Line], settings: dict[str, Any]) -> str:
    peers = [line for line in lines if not line.ours]
    if not peers:
        return ""
    fastest = min(peers, key=lambda line: line.seconds)
    best = [max(column) for column in zip(*(peer.success for peer in peers), strict=True)]
    parts = []
    for ours in (line for line in lines if line.ours):
        gaps = ", ".join(f"{100 * (value - other):+.2f}" for value, other in zip(ours.success, best, strict=True))
        times = fastest.seconds / ours.seconds
        parts.append(f"{ours.name.removeprefix('fairtoll ')} {times:.1f} times as fast, success {gaps} points")
    radii = ", ".join(f"{radius:g}" for radius in settings["epsilons"])
    return f"Against the fastest peer ({fastest.name}), and the best peer's success at {radii}: {'; '.join(parts)}."


def compare_unions(lines: list[Line], settings: dict[str, Any]) -> str:
    ours = {line.name: line for line in lines}.get(OURS["union"])
    parts = [
        f"{peer.worked / ours.worked:.1f} times as fast as {peer.name}, robust accuracy "
        f"{100 * (peer.success[0] - ours.success[0]):+.2f} points"
        for peer in lines
        if ours is not None and not peer.ours
    ]
    return f"`AutoAttack`: {'; '.join(parts)}." if parts else ""


def compare_least(lines: list[Line], settings: dict[str, Any]) -> str:
    peers, named = [line for line in lines if not line.ours], {line.name: line for line in lines}
    ours, grid = named.get(OURS["least"]), named.get(GRID)
    if ours is None:
        return ""
    parts = []
    if grid is not None:
        parts.append(
            f"{grid.seconds / ours.seconds:.1f} times as fast as the paper's grid of {settings['grid_step']:g}, "
            f"median {ours.median - grid.median:+.5f}, mean {ours.mean - grid.mean:+.5f}"
        )
    if peers:
        fastest = min(peers, key=lambda line: line.seconds)
        parts.append(
            f"{fastest.seconds / ours.seconds:.1f} times as fast as the fastest peer ({fastest.name}), median "
            f"{ours.median - fastest.median:+.5f}, mean {ours.mean - fastest.mean:+.5f}; against the peers' lowest "
            f"median {ours.median - min(one.median for one in peers):+.5f}, lowest mean "
            f"{ours.mean - min(one.mean for one in peers):+.5f}"
        )
    text = "`least_epsilon`: " + "; ".join(parts)
    return f"{text}." if parts else ""


def table_of(head: list[str], rows: list[list[str]]) -> str:
    ruler = "|---|" + "---:|" * (len(head) - 1)
    return "\n".join(["| " + " | ".join(head) + " |", ruler, *("| " + " | ".join(row) + " |" for row in rows)])


def write_into_docs(records: Records, page: Path) -> None:
    """The tables into the page, and the chart beside it."""
    chart = page.with_suffix(".svg")
    # Each model's lines, under its name in the chart.
    shown = [
        (title, question, [(line.name, line.seconds, line.ours) for line in found])
        for question in OURS
        for model, title in MODELS.items()
        if (found := lines_of(records, model, question))
    ]
    write_text(draw(shown), chart)
    summary = "Seconds of each attack on a logarithmic axis; the tables below give the same figures."
    replace_between(page, "attacks", f"![{summary}]({chart.name})\n\n{markdown(records)}")


def replace_between(page: Path, name: str, text: str) -> None:
    """Replace what is between two marks of a page by `text`."""
    content = page.read_text(encoding="utf-8")
    begin, end = (f"<!-- {name}: {side} -->" for side in ("begin", "end"))
    if begin not in content or end not in content:
        raise FairtollError(f"{page} lacks the lines {begin} and {end}; add them where the tables belong")
    before, after = content.split(begin)[0], content.split(end)[1]
    write_text(f"{before}{begin}\n{text}{end}{after}", page)
