"""Two finished audits of one model, such as two releases of it, as the arms of one comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fairtoll.audits.attacks import BY_SCORES
from fairtoll.audits.audited import Audit
from fairtoll.audits.from_evidence import audit_again
from fairtoll.errors import FairtollError
from fairtoll.evidence.ranges import RANGES
from fairtoll.evidence.store import Evidence
from fairtoll.runs.folder import differences, finished_run

BEFORE, AFTER = "before", "after"
#: What may differ between two audits that answer the same questions.
OF_ONE_RUN = {"fairtoll_version", "settings", "models", "white_box_beside", "margins"}


@dataclass(frozen=True, eq=False)
class _Release:
    """One arm of a finished audit, under its new name."""

    folder: Path
    arm: str
    rows: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    class_names: tuple[str, ...]
    about: Mapping[str, Any]
    configuration: Mapping[str, Any]


def compare_releases(
    before: Path,
    after: Path,
    *,
    before_arm: str | None = None,
    after_arm: str | None = None,
    gate: Mapping[str, Any] | None = None,
) -> Audit:
    """Answer the questions of two audits again, one arm of each against the other.

    The rows are the same, so that the same paired statistics apply as within one audit. Nothing is attacked.

    Parameters
    ----------
    before, after : Path
        Folders of finished audits of the same rows, with the same questions, threat and attacks.
    before_arm, after_arm : str, optional
        Which arm of each. Default: its only one.
    gate : mapping, optional
        The rules that the comparison is to be judged by, as a file of settings has them under [gate]: recorded with it,
        so that `fairtoll gate` finds them. Those of the audits are of single models and are not taken over.

    Returns
    -------
    Audit
        Of the arms "before" and "after".

    Raises
    ------
    FairtollError
        If a folder holds no finished audit, an arm must be named, or the audits differ in their rows or questions.
    """
    first, second = _read(before, before_arm, BEFORE), _read(after, after_arm, AFTER)
    _require_same(first, second)
    both = (first, second)
    joined = {name: pd.concat([one.tables[name] for one in both], ignore_index=True) for name in first.tables}
    evidence = Evidence(
        first.rows, joined["predictions"], joined["attacks"], first.class_names, _about(both), joined["certificates"]
    )
    configuration = {name: value for name, value in second.configuration.items() if name != "white_box_beside"}
    compared = {one: {"run": side.folder.name, "arm": side.arm} for one, side in ((BEFORE, first), (AFTER, second))}
    models = {
        name: side.configuration.get("models", {}).get(side.arm, []) for name, side in zip(compared, both, strict=True)
    }
    recorded = {"models": models, "compared": compared, "settings": _settings(configuration, gate or {})}
    return audit_again(evidence, {**configuration, **recorded})


def _settings(configuration: Mapping[str, Any], gate: Mapping[str, Any]) -> dict[str, Any]:
    """What is recorded with the later audit, with rules that are of the comparison."""
    settings = {name: value for name, value in configuration.get("settings", {}).items() if name != "gate"}
    return {**settings, "gate": dict(gate)} if gate else settings


def _read(folder: Path, arm: str | None, name: str) -> _Release:
    with finished_run(folder) as configuration:
        if "experiment" in configuration:
            raise FairtollError(f"{folder} is the run of an experiment; expected the folder of an audit; give another")
        evidence = Evidence.load(folder / "evidence")
        chosen = _arm(evidence, arm, folder, name)
        predictions, attacks, certificates = (
            table[table["arm"] == chosen].assign(arm=name)
            for table in (evidence.predictions, evidence.attacks, evidence.certificates)
        )
    # Examples for static transfer were crafted on another model in each run.
    own = attacks[attacks["evaluation"] != "static-transfer"].assign(source_arm=name)
    tables = {"predictions": predictions, "attacks": own, "certificates": certificates}
    return _Release(folder, chosen, evidence.rows, tables, evidence.class_names, evidence.about, configuration)


def _arm(evidence: Evidence, arm: str | None, folder: Path, name: str) -> str:
    arms = evidence.arms
    if arm is None and len(arms) == 1:
        return arms[0]
    if arm not in arms:
        given = f"no arm '{arm}'" if arm is not None else f"{len(arms)} arms"
        raise FairtollError(
            f"{folder} has {given}; expected one of {', '.join(arms)}; name it with {name}_arm (--{name}-arm)"
        )
    return arm


def _require_same(first: _Release, second: _Release) -> None:
    where = f"{first.folder} and {second.folder}"
    if first.class_names != second.class_names:
        raise FairtollError(
            f"{where} have other classes, {', '.join(first.class_names)} and {', '.join(second.class_names)}; expected "
            "audits of the same rows"
        )
    one, other = (side.rows.sort_values("row", ignore_index=True) for side in (first, second))
    if list(one.columns) != list(other.columns) or not one.astype(str).equals(other.astype(str)):
        raise FairtollError(
            f"{where} are of other rows: {len(one)} with {', '.join(one.columns)}, and {len(other)} with "
            f"{', '.join(other.columns)}; expected the same rows with the same labels and groups; audit both on one "
            "table, with one seed where rows are drawn"
        )
    _require_alike_attacked(first, second)
    there, here = (
        {name: value for name, value in side.configuration.items() if name not in OF_ONE_RUN}
        for side in (first, second)
    )
    if different := differences(there, here):
        raise FairtollError(
            f"{where} answer other questions: {different}; expected the same threat, radii, attacks and partitions; "
            "audit one of them again as the other"
        )


def _require_alike_attacked(first: _Release, second: _Release) -> None:
    """Raise where one arm was attacked by scores alone and the other was not."""
    for one, other in ((first, second), (second, first)):
        knows, asks = (set(side.tables["attacks"]["evaluation"]) for side in (one, other))
        if "white-box" in knows - asks and "scores-only" in asks - knows:
            raise FairtollError(
                f"{one.folder} was attacked with gradients and {other.folder} by scores only, which are never "
                f"compared; expected the same attacks; audit the model of {one.folder} again with --attack "
                f"{BY_SCORES.name}"
            )


def _about(both: tuple[_Release, _Release]) -> dict[str, Any]:
    """What the evidence says of the data, and of each arm under its new name."""
    about: dict[str, Any] = dict(both[1].about)
    arms: list[dict[str, str]] = []
    by_arm: dict[str, dict[str, Any]] = {}
    for name, side in zip((BEFORE, AFTER), both, strict=True):
        known = next((one for one in side.about.get("arms", []) if one["name"] == side.arm), {"note": ""})
        note = f"{side.arm} of {side.folder.name}" + (f"; {known['note']}" if known["note"] else "")
        arms.append({"name": name, "title": name, "note": note})
        for key, value in side.about.items():
            # Remarks by arm are mappings from arms; others, such as the norms of threats, are not.
            if isinstance(value, Mapping) and side.arm in value and key not in ("norms", RANGES):
                by_arm.setdefault(key, {})[name] = value[side.arm]
    kept = {key: value for key, value in about.items() if key not in ("model_remarks", "unproved")}
    return {**kept, **by_arm, "arms": arms}
