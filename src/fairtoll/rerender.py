"""`fairtoll report`: results and report again, from evidence alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import FairtollError
from .evidence import Evidence
from .files import write_text
from .results import Results


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
        If the folder holds no finished evidence.
    """
    from .report import write_report

    configuration = _configuration(folder)
    if configuration.get("experiment") == "adult":
        from .experiments.adult_results import adult_results

        results = adult_results(folder)
    else:
        from .auditing import audit_evidence

        results = audit_evidence(
            Evidence.load(folder / "evidence"),
            partitions=configuration["partitions"],
            epsilons=configuration["epsilons"],
            minimum_rows=configuration["minimum_rows"],
        ).results
    write_text(results.model_dump_json(indent=1) + "\n", folder / "results.json")
    write_report(results.model_dump(mode="json"), folder)
    return folder / "report.html"


def _configuration(folder: Path) -> dict[str, Any]:
    path = folder / "configuration.json"
    if not path.is_file():
        if (folder / "results.json").is_file():
            return Results.read(folder / "results.json").configuration
        raise FairtollError(f"{folder} is no run folder (it holds no configuration.json); give the folder of a run")
    configuration: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return configuration
