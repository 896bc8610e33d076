"""What an audit gives back: evidence, results, a table, a report, a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence
from fairtoll.files import disk_error, make_folder, write_text
from fairtoll.findings.results import Results
from fairtoll.runs.folder import CONFIGURATION


@dataclass(frozen=True, eq=False)
class Audit:
    """An audit's evidence and results.

    Attributes
    ----------
    evidence : Evidence
        Per-row outcomes: everything below is computed from them.
    results : Results
        Findings, accuracy and alarms, the structure of `results.json`.
    """

    evidence: Evidence
    results: Results

    def table(self) -> pd.DataFrame:
        """One row a gap: metric, both models' values, null, difference, interval and verdict."""
        return findings_table(self.results)

    def report(self, path: str | Path) -> Path:
        """Write the self-contained HTML report; returns its path."""
        from fairtoll.report import render_html

        path = Path(path)
        make_folder(path.parent)
        write_text(render_html(self.results), path)
        return path

    def save(self, folder: str | Path) -> Path:
        """Write evidence, `results.json`, report, figures and tables; returns the report's path.

        Raises
        ------
        FairtollError
            If the folder cannot be written to, or belongs to the run of an experiment.
        """
        from fairtoll.report import write_report

        folder = make_folder(Path(folder))
        require_audit_folder(folder)
        self.evidence.save(folder / "evidence")
        write_text(self.results.model_dump_json(indent=1) + "\n", folder / "results.json")
        try:
            write_report(self.results, folder)
        except OSError as error:
            raise disk_error(error, folder) from error
        return folder / "report.html"


def findings_table(found: Results) -> pd.DataFrame:
    """Findings as a table, one row each."""
    rows = []
    for finding in found.findings:
        change = finding.difference
        rows.append(
            {
                "metric": finding.metric,
                "partition": finding.parameters.partition,
                "label": finding.parameters.label,
                "evaluation": finding.parameters.evaluation,
                "epsilon": finding.parameters.epsilon,
                finding.standard.arm: finding.standard.value,
                finding.robust.arm: finding.robust.value,
                "null_95": finding.robust.null_95,
                "difference": change.value if change else None,
                "low": change.interval[0] if change else None,
                "high": change.interval[1] if change else None,
                "worst_group": finding.robust.worst_group,
                "worst_value": finding.robust.worst_value,
                "verdict": finding.verdict,
            }
        )
    return pd.DataFrame(rows)


def require_audit_folder(folder: Path) -> None:
    """Raise if an audit written to the folder would mix with the run of an experiment.

    Examples
    --------
    >>> require_audit_folder(Path("nowhere"))
    """
    if (folder / CONFIGURATION).exists():
        raise FairtollError(f"{folder} belongs to the run of an experiment; give another folder with --out")
