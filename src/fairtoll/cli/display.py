"""Progress and summaries in a terminal, and plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from fairtoll.findings.results import Alarm, Results
    from fairtoll.runs.stages import Stage

#: How many arms a line names.
LISTED = 6


class Progress:
    """One bar over all stages, in expected seconds; a line for each stage where there is no terminal.

    Examples
    --------
    >>> with Progress(Console(quiet=True)) as display:
    ...     display.begin([], seconds=0.0, most=0.0)
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}", markup=False),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._shares: dict[str, float] = {}
        self._total = self._done = 0
        self._running: dict[str, tuple[Stage, float]] = {}
        self._left = ""

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, stages: Sequence[Stage], *, seconds: float, most: float) -> None:
        """Show the estimated duration."""
        if not stages:
            self._print("Every stage is up to date.")
            return
        self._whole = sum(stage.seconds for stage in stages)
        self._task = self._bar.add_task("", total=self._whole, left=f"about {_spoken(seconds, most)}")
        self._total = len(stages)
        many = f"Up to {len(stages)}" if any(stage.condition for stage in stages) else f"{len(stages)}"
        self._print(f"{many} stages to run, about {_spoken(seconds, most)}; finished stages are kept.")

    def left(self, *, seconds: float, most: float) -> None:
        """Show about how long the rest takes."""
        self._left = f"about {_spoken(seconds, most)} left" if most >= 1 else ""
        self._bar.update(self._task, left=self._left)

    def track(self, title: str) -> Callable[[float], None]:
        """A separate bar for one piece of work: call the result with each finished share."""
        task = self._bar.add_task(title, total=1.0, left="")
        reported = done = 0.0

        def advance(share: float) -> None:
            nonlocal reported, done
            done += share
            self._bar.advance(task, share)
            ends = done > 1 - 1e-6 > reported
            if not self.console.is_terminal and (done - reported >= 0.249 or ends):
                reported = done
                self._print(f"{title}: {done:.0%}")

        return advance

    def start(self, stage: Stage) -> None:
        """Show the stage."""
        self._running[stage.name] = (stage, time.monotonic())
        # A stage that was lost on another machine restarts.
        self._bar.advance(self._task, -self._shares.get(stage.name, 0.0) * stage.seconds)
        self._shares[stage.name] = 0.0
        self._describe()

    def advance(self, stage: Stage, share: float) -> None:
        """Move the bar by a share of the stage."""
        share = min(share, 1.0 - self._shares[stage.name])
        self._shares[stage.name] += share
        self._bar.advance(self._task, share * stage.seconds)

    def end(self, stage: Stage) -> None:
        """Move the bar to the stage's end, and print its line where there is no bar."""
        self.advance(stage, 1.0 - self._shares[stage.name])
        _, started = self._running.pop(stage.name)
        self._done += 1
        self._describe()
        if not self.console.is_terminal:
            left = f"; {self._left}" if self._left else ""
            self._print(f"[{self._done}/{self._total}] {stage.title}: {time.monotonic() - started:.1f} s{left}")

    def drop(self, stage: Stage) -> None:
        """Shorten the bar by a stage that is not needed."""
        self._total -= 1
        self._whole -= stage.seconds
        self._bar.update(self._task, total=self._whole)

    def message(self, line: str) -> None:
        """Print a line above the bar."""
        self._print(line)

    def _describe(self) -> None:
        titles = [stage.title for stage, _ in self._running.values()]
        more = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
        self._bar.update(self._task, description=f"{titles[0]}{more}" if titles else "")

    def _print(self, line: str) -> None:
        self.console.print(Text(line), soft_wrap=True)


def show_results(report: Path) -> None:
    """Print a summary of the results, and the path of the report."""
    from fairtoll.findings.results import Results

    print_summary(Results.read(report.parent / "results.json"))
    print(f"Report: {report}")


def print_notes(results: Results, console: Console | None = None) -> None:
    """Print what a reader must know, where nothing was said while models ran."""
    console = console or Console(stderr=True)
    for one in results.model_notes:
        console.print(Text(f"Note, {one.arm}: {one.text}"), soft_wrap=True)


def print_summary(results: Results, console: Console | None = None) -> None:
    """Print who pays and the verdicts counted, the claims judged and the alarms that fired, each in one line."""
    console = console or Console()
    for sentence in results.answer:
        console.print(Text(sentence), soft_wrap=True)
    if results.recipes:
        console.print(_of_recipes(results))
        from fairtoll.findings.attacked_rows import attacked_words

        if words := attacked_words(results.dataset.rows):
            console.print(Text(words), soft_wrap=True)
        for line in pair_lines(results):
            console.print(Text(line), soft_wrap=True)
    if results.claims:
        table = Table(title="The paper's claims", title_justify="left", show_edge=False)
        table.add_column("These recipes", no_wrap=True)
        table.add_column("These models", no_wrap=True)
        table.add_column("Claim")
        colours = {"supported": "green", "refuted": "red", "inconclusive": "yellow"}
        for claim in results.claims:
            shown = "–" if claim.models is None else f"{claim.models.shown} of {claim.models.of} show it"
            table.add_row(Text(claim.judgement, style=colours[claim.judgement]), shown, Text(claim.text))
        console.print(table)
    for line in _counts(results):
        console.print(Text(line))
    for line in alarm_lines(results):
        console.print(Text(line), soft_wrap=True)


def alarm_lines(results: Results) -> list[str]:
    """A line for each alarm that fired, whatever the number of arms: with what is said of the first of them."""
    alarms: dict[str, list[Alarm]] = {}
    for alarm in results.alarms:
        if alarm.fired:
            alarms.setdefault(alarm.title, []).append(alarm)
    lines = []
    for title, fired in alarms.items():
        said = {alarm.message: None for alarm in fired}
        arms = [alarm.arm for alarm in fired] if len(said) == 1 else [fired[0].arm]
        lines.append(f"Alarm, {title.lower()}, {_listed(arms)}: {fired[0].message}")
        if len(said) > 1:
            others = _listed(list(dict.fromkeys(alarm.arm for alarm in fired[1:])))
            lines[-1] += f" Likewise, with figures of their own in the report: {others}."
    return lines


def _listed(names: Sequence[str]) -> str:
    """Names with commas between: of more than six the rest as a number."""
    rest = len(names) - LISTED
    return ", ".join(names) if rest <= 1 else f"{', '.join(names[:LISTED])} and {rest} more"


def _of_recipes(results: Results) -> Table:
    """What each recipe reaches at its own strength: average and worst class, clean and robust, and its time."""
    table = Table(
        title="Accuracy, percent: average and worst class, at own strength", title_justify="left", show_edge=False
    )
    table.add_column("Recipe")
    for heading in ("Clean", "worst", "Robust", "worst", "Seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in results.recipes:
        if not one.own_strength or one.role == "control":
            continue
        clean = next((found for found in one.reached if found.evaluation == "clean"), None)
        robust = next((found for found in one.reached if found.evaluation != "clean"), None)
        cells = []
        for found in (clean, robust):
            worst = next((lowest for lowest in found.worst if lowest.partition == "class"), None) if found else None
            cells += ["–" if value is None else f"{100 * value.value:.1f}" for value in (found, worst)]
        seconds = "–" if one.seconds is None else f"{one.seconds:.{0 if one.seconds >= 10 else 1}f}"
        table.add_row(Text(one.family_title), *cells, seconds)
    return table


def pair_lines(results: Results) -> list[str]:
    """A line for each pair of recipes that was compared on request: its gaps between the classes, and all counted."""
    from fairtoll.findings.requested import requested_pairs
    from fairtoll.findings.units import spoken
    from fairtoll.metrics import METRICS

    titles = {arm.name: arm.title for arm in results.arms}
    lines = []
    for (first, second), findings in requested_pairs(results.recipes, results.findings).items():
        whole = [one for one in findings if one.parameters.denominator != "correct"]
        said = []
        for one in whole:
            if one.parameters.partition == "class" and one.difference is not None:
                unit, change = spoken(one.metric), one.difference
                by = f"{unit.change(change.value)}{unit.name} ({unit.change_of(change.interval)})"
                said.append(f"{METRICS[one.metric].symbol} {by}, {one.verdict}")
        head = f"{titles[second]} against {titles[first]}"
        classes = f", between the classes: {'; '.join(said)}" if said else ""
        counts = _counted([one.verdict for one in whole])
        lines.append(f"{head}{classes}. Of its {len(whole)} gaps: {counts}.")
    return lines


def _counts(results: Results) -> list[str]:
    """How many verdicts there are of each kind that the answer has not counted: on single pairs of several runs."""
    if all(finding.runs < 2 for finding in results.findings):
        return []
    found = [finding.models.pairs for finding in results.findings if finding.models]
    verdicts = [pair.verdict for pairs in found for pair in pairs]
    if not verdicts:
        return []
    each = {len(pairs) for pairs in found}
    many = f"{max(each)}" if len(each) == 1 else f"up to {max(each)}"
    return [f"These models: {len(found)} gaps in {many} pairs each, {len(verdicts)} comparisons: {_counted(verdicts)}."]


def _counted(verdicts: Sequence[str]) -> str:
    """How often each appears."""
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(sorted(verdicts))) or "none"


def _spoken(seconds: float, most: float) -> str:
    """A time, or a range of times, in words."""
    unit, size = ("seconds", 1.0) if most < 90 else ("minutes", 60.0)
    least, largest = f"{seconds / size:.0f}", f"{most / size:.0f}"
    return f"{largest} {unit}" if least == largest else f"{least} to {largest} {unit}"
