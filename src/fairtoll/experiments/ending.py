"""How every experiment ends: results and report, from the evidence in the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairtoll.files import write_text
from fairtoll.findings.results import Results
from fairtoll.runs.stages import Stage


def ending_stages(
    folder: Path,
    compute: Callable[[Path], Results],
    *,
    after: Sequence[str],
    detail: Mapping[str, Any] | None = None,
) -> list[Stage]:
    """The last two stages.

    Parameters
    ----------
    folder : Path
        The run's.
    compute : callable
        Makes the results of the folder.
    after : sequence of str
        Names of the stages that make evidence.
    detail : mapping, optional
        What the results depend on of the part of the configuration that may grow.
    """

    def write_results() -> None:
        write_text(compute(folder).model_dump_json(indent=1) + "\n", folder / "results.json")

    def write_pages() -> None:
        from fairtoll.report import write_report

        write_report(Results.read(folder / "results.json"), folder)

    return [
        Stage(
            "results",
            "Nulls, intervals and verdicts",
            ("results.json",),
            write_results,
            tuple(after),
            seconds=15,
            detail=detail,
            kind="statistics",
        ),
        Stage("report", "Report", ("report.html",), write_pages, ("results",), 10, kind="report"),
    ]
