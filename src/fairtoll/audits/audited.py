"""The result of an audit: evidence, results, a table, a report, a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence
from fairtoll.findings.results import Finding, Gap, Results
from fairtoll.runs.folder import differences, read_configuration
from fairtoll.storage.files import disk_error, make_folder, write_text
from fairtoll.storage.records import (
    CHECKSUMS,
    CONFIGURATION,
    STAGES,
    record_files,
    recorded_configuration,
    recorded_files,
)


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
        """One row a gap: metric, both arms and their values, null, difference, interval and verdict on the recipes.

        Values are corrected for the noise of the rows; `standard_plain` and `robust_plain` are not, and `null_95` is
        what chance gives the latter. `these_models` counts what each training run's pair of models shows, over rows
        alone. Of one arm alone: its value with its own interval, null, worst and best group, margin and verdict.
        """
        return findings_table(self.results)

    def report(self, path: str | Path) -> Path:
        """Write the self-contained HTML report; returns its path."""
        from fairtoll.report import render_html

        path = Path(path)
        make_folder(path.parent)
        write_text(render_html(self.results), path)
        return path

    def card(self, *, arm: str | None = None, hugging_face: bool = False) -> str:
        """What a model card says of one arm, as Markdown; with the metadata that Hugging Face reads at its head.

        Raises
        ------
        FairtollError
            If there is no such arm, or several and none is named.
        """
        from fairtoll.report import render_card, render_model_index

        text = render_card(self.results, arm=arm)
        return f"{render_model_index(self.results, arm=arm)}\n{text}" if hugging_face else text

    def save(self, folder: str | Path) -> Path:
        """Write evidence, `results.json`, report, figures and tables; returns the report's path.

        Raises
        ------
        FairtollError
            If the folder cannot be written to, belongs to the run of an experiment, or holds another audit.
        """
        from fairtoll.report import write_report

        folder = make_folder(Path(folder))
        require_audit_folder(folder)
        kept = recorded_configuration(folder)
        if kept is not None and (different := differences(_plain(kept), _plain(self.results.configuration))):
            raise FairtollError(f"{folder} holds another audit: {different}; give another folder")
        if not (folder / STAGES).exists():  # else it was measured there
            _keep_evidence(self.evidence, folder)
            names = [f"evidence/{name}" for name in recorded_files(folder / "evidence")]
            record_files(folder, names, configuration=self.results.configuration)
        write_text(self.results.model_dump_json(indent=1) + "\n", folder / "results.json")
        try:
            write_report(self.results, folder)
        except OSError as error:
            raise disk_error(error, folder) from error
        return folder / "report.html"


def findings_table(found: Results) -> pd.DataFrame:
    """Findings as a table, one row each; arms are values, since a column by an arm's name may exist already."""
    if found.gaps:
        return pd.DataFrame([_of_one_arm(gap) for gap in found.gaps])
    rows = []
    for finding in found.findings:
        change = finding.difference
        rows.append(
            {
                "metric": finding.metric,
                "partition": finding.parameters.partition,
                "label": finding.parameters.label,
                "evaluation": finding.parameters.evaluation,
                "attack": finding.parameters.attack,
                "epsilon": finding.parameters.epsilon,
                "certificate": finding.parameters.certificate,
                "standard": finding.standard.arm,
                "robust": finding.robust.arm,
                "standard_value": finding.standard.value,
                "robust_value": finding.robust.value,
                "standard_plain": finding.standard.plain,
                "robust_plain": finding.robust.plain,
                "null_95": finding.robust.null_95,
                "difference": change.value if change else None,
                "low": change.interval[0] if change else None,
                "high": change.interval[1] if change else None,
                "worst_group": finding.robust.worst_group,
                "worst_value": finding.robust.worst_value,
                "verdict": finding.verdict,
                "these_models": _of_models(finding),
            }
        )
    return pd.DataFrame(rows)


def _of_one_arm(gap: Gap) -> dict[str, Any]:
    interval = gap.value.interval or (None, None)
    return {
        "metric": gap.metric,
        "partition": gap.parameters.partition,
        "label": gap.parameters.label,
        "evaluation": gap.parameters.evaluation,
        "attack": gap.parameters.attack,
        "epsilon": gap.parameters.epsilon,
        "certificate": gap.parameters.certificate,
        "arm": gap.value.arm,
        "value": gap.value.value,
        "low": interval[0],
        "high": interval[1],
        "plain": gap.value.plain,
        "null_95": gap.value.null_95,
        "worst_group": gap.value.worst_group,
        "worst_value": gap.value.worst_value,
        "best_group": gap.value.best_group,
        "best_value": gap.value.best_value,
        "margin": gap.margin,
        "verdict": gap.verdict,
    }


def _of_models(finding: Finding) -> str | None:
    """How many pairs of models have each verdict, the word alone where there is one pair."""
    if finding.models is None:
        return None
    shown = finding.models.shown
    if len(finding.models.pairs) == 1:
        return next(iter(shown))
    return ", ".join(f"{count} {verdict}" for verdict, count in shown.items())


def require_audit_folder(folder: Path) -> None:
    """Raise if an audit written to the folder would mix with the run of an experiment.

    Examples
    --------
    >>> require_audit_folder(Path("nowhere"))
    """
    if (folder / CONFIGURATION).exists() and "experiment" in read_configuration(folder):
        raise FairtollError(f"{folder} belongs to the run of an experiment; give another folder with --out")


def _keep_evidence(evidence: Evidence, folder: Path) -> None:
    """Write it with its checksums; an error if other evidence is there."""
    place = folder / "evidence"
    if (place / CHECKSUMS).exists():
        with TemporaryDirectory(dir=folder, prefix=".evidence.") as new:
            evidence.save(Path(new))
            if recorded_files(Path(new)) != recorded_files(place):
                raise FairtollError(f"{folder} holds another audit, of other evidence; give another folder")
    evidence.save(place)


def _plain(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON, without what the audit does not choose."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(configuration)))
    plain.pop("fairtoll_version", None)
    plain.pop("settings", None)
    return plain
