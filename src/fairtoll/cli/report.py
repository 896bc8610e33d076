"""`fairtoll report`: results and report again, from evidence alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairtoll.errors import FairtollError
from fairtoll.progress import part
from fairtoll.runs.folder import finished_run
from fairtoll.storage.files import disk_error, write_text

if TYPE_CHECKING:
    from fairtoll.findings.results import Results


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run or an audit.", metavar="FOLDER")],
) -> None:
    """Compute results and report again, only from the evidence in a folder."""
    from fairtoll.cli.display import Progress
    from fairtoll.progress import reporting_to

    with Progress() as display, reporting_to(display.track("Computing results and report")):
        path = rerender(run)
    print(f"Report: {path}")


def rerender(folder: Path) -> Path:
    """Compute `results.json`, report, figures and tables of a run again; returns the report's path.

    Parameters
    ----------
    folder : Path
        A run's folder, of a reproduction or an audit. No model is read.

    Returns
    -------
    Path

    Raises
    ------
    FairtollError
        If the folder holds no finished evidence, or was made with another version of the results schema.
    """
    from fairtoll.findings.results import require_schema
    from fairtoll.report import write_report

    require_schema(folder / "results.json")
    with part(0.5), finished_run(folder) as configuration:
        results = _compute(folder, configuration)
    write_text(results.model_dump_json(indent=1) + "\n", folder / "results.json")
    try:
        with part(0.5):
            write_report(results, folder)
    except OSError as error:
        raise disk_error(error, folder) from error
    return folder / "report.html"


def _compute(folder: Path, configuration: dict[str, Any]) -> Results:
    if "experiment" in configuration:
        from fairtoll.experiments import results_of

        return results_of(folder)
    return _audit_again(folder, configuration)


def _audit_again(folder: Path, configuration: dict[str, Any]) -> Results:
    from fairtoll.audits import audit_again
    from fairtoll.evidence.store import Evidence

    _require(folder, configuration, ["partitions", "epsilons", "minimum_rows", "attacks"])
    return audit_again(Evidence.load(folder / "evidence"), configuration).results


def _require(folder: Path, configuration: dict[str, Any], names: list[str]) -> None:
    missing = [name for name in names if name not in configuration]
    if missing:
        raise FairtollError(f"the configuration in {folder} has no {', '.join(missing)}; give the folder of a run")
