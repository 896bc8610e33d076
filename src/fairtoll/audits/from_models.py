"""`audit`: the toll between your own models, in one call: attacks, evidence, findings, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from fairtoll.attacks import AttackSpec
from fairtoll.audits.attacks import AuditAttacks, choose_attacks, described, require_attacks
from fairtoll.audits.audited import Audit, require_audit_folder
from fairtoll.audits.estimate import estimate
from fairtoll.audits.fingerprint import hash_answers, hash_data, hash_model
from fairtoll.audits.from_evidence import answer_evidence, asked_by
from fairtoll.audits.options import check_options
from fairtoll.audits.work import THREAT, AuditWork
from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.evidence.target import Arm, Target
from fairtoll.findings.model_alarms import prepare_arm
from fairtoll.inputs.features import Schema
from fairtoll.inputs.names import as_names
from fairtoll.models import ModelStack, as_models
from fairtoll.models.logit_model import LogitModel
from fairtoll.progress import part, say
from fairtoll.runs.folder import CONFIGURATION, Run
from fairtoll.threads import threads_for
from fairtoll.threats.any import AuditedThreat


def audit(
    models: Mapping[str, nn.Module | Sequence[nn.Module] | ModelStack],
    data: Dataset,
    *,
    threat: AuditedThreat,
    epsilons: Sequence[float],
    partitions: Sequence[str] | None = None,
    minimum_rows: int = 10,
    attacks: Sequence[AttackSpec] | None = None,
    least_epsilon_max: float | None = None,
    seed: int = 0,
    paired: bool = False,
    exact: bool = False,
    metrics: Sequence[str] | None = None,
    margins: Mapping[str, float] | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
) -> Audit:
    """Measure the cost of hardening a model by group: every gap with null, interval and verdict.

    The first model is the standard one; each other is compared with it. Of one model alone its own gaps are measured,
    each with a verdict: *above margin*, *within margin*, or *inconclusive*. White-box robustness is measured by a union
    of attacks, or by the attacks that you name, at every radius; static transfer is shown with it, and alarms are
    read from independent attacks on 500 rows. The models are restored.

    Parameters
    ----------
    models : mapping of str to Module, sequence of Module or ModelStack
        One arm or more by name, each one model of any kind that `fairtoll.models.as_models` takes, or one for each
        training run. If any has no gradients, all are compared by attacks that use scores only.
    data : Dataset
        Evaluation rows.
    threat : LinfThreat or TableThreat
        What an adversary may touch.
    epsilons : sequence of float
        Radii above 0, ascending.
    partitions : sequence of str, optional
        How rows are grouped: "class", attributes, intersections such as "sex & race".
        Default: the classes and every attribute.
    minimum_rows : int
        Smaller groups are flagged and excluded from gaps; 2 or more.
    attacks : sequence of AttackSpec, optional
        White-box attacks, each run at every radius, such as ``[Union(), PGD(steps=20)]`` from `fairtoll.attacks`;
        attack objects of Foolbox and ART too.
        Default: ``[Union()]``.
    least_epsilon_max : float, optional
        Measure each row's least epsilon up to this radius, and with it CRU_eps, as it is and divided by the
        arm's mean. Rows that it does not break count with it; choose it where it breaks nearly all.
    seed : int
        Of the attacks' random starts, 0 or more.
    paired : bool
        Whether run k of every arm belong together, as where they share initial weights and the order of batches. What
        such runs share then cancels in a difference; otherwise the order of the models does not matter.
    exact : bool
        Whether every row is proved or broken (`fairtoll.bounds.prove`) and least epsilon bracketed by proof. Gaps of
        attack success are then those of what is proved, with their brackets, and no stronger attack changes them.
        Exact on dense networks of which at most 8 features may move. Default: a sample of 500 rows says, for such
        networks, how much of what attacks leave unbroken is proved.
    metrics : sequence of str, optional
        Names in `fairtoll.metrics.METRICS`. Default: all that the evidence allows.
    margins : mapping of str to float, optional
        By metric, the largest difference that does not matter, in place of the metric's own.
    settings : mapping, optional
        Plain values that are recorded and shown with the audit and do not distinguish it from others, such as where
        its rows come from. Its "cuts", sentences on what was left out, are on the report's first screen.
    out : path, optional
        Folder for evidence, results and report. Each measure of each training run is kept there once it is finished:
        the same call again resumes where an error or Ctrl-C ended it. A folder with another audit, of other
        models, rows or options, is refused.

    Returns
    -------
    Audit

    Raises
    ------
    FairtollError
        Before any attack: for no model, an unknown attribute, radii out of order or not above 0, what is
        no attack or given twice, a folder of another audit, a model that cannot be measured
        (`fairtoll.models.probe.prepare`), or with `exact` one with layers that no bound is known for. In the middle, if
        a model returns NaN for an attacked row.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtoll import LinfThreat
    >>> x = np.random.default_rng(0).normal(size=(200, 2)); y = (x[:, 0] > 0).astype(int)
    >>> data = Dataset(x, y, ("low", "high"), groups={"site": np.where(x[:, 1] > 0, "north", "south")})
    >>> result = audit({"standard": nn.Linear(2, 2), "robust": nn.Linear(2, 2)}, data,
    ...                threat=LinfThreat(), epsilons=[0.1])
    >>> set(result.table()["verdict"])
    {'inconclusive'}
    """
    if not isinstance(data, Dataset) or not isinstance(threat, AuditedThreat):
        raise FairtollError(
            f"data is a {type(data).__name__} and threat a {type(threat).__name__}; expected a Dataset and a "
            "LinfThreat or a TableThreat; read a table with fairtoll.data.load_frame"
        )
    options = check_options(
        attributes=data.groups, partitions=partitions, epsilons=epsilons, minimum_rows=minimum_rows,
        least_epsilon_max=least_epsilon_max, seed=seed, paired=paired, exact=exact, metrics=metrics, margins=margins,
    )  # fmt: skip
    if attacks is not None:
        require_attacks(attacks, threat)  # before the models are looked at
    arms = _arms(models, options.seed, data.schema)
    for partition in options.partitions:
        data.partition(partition)  # raises for an unknown attribute or ambiguous cells, before the work
    target, largest = Target(data, threat, THREAT), options.least_epsilon_max
    with threads_for(*(model for arm in arms for model in arm.models)):
        # All before any attack: an error in the last model must not waste the work on the first.
        weights = {arm.name: [hash_model(model) for model in arm.models] for arm in arms}
        arms = [prepare_arm(arm, target, gradients=True, required=False) for arm in arms]
        chosen = choose_attacks(attacks, arms, target)
        work = AuditWork(arms, target, options.epsilons, chosen, largest, options.exact)
        work.require_bounds()
        work.require_least_epsilon()
        configuration = {
            **asked_by(options, [described(attack) for attack in chosen.compared]),
            **_beside(chosen, arms),
            **({"least_epsilon_by_scores": True} if largest is not None and work.searches_by_scores else {}),
            "seed": options.seed,
            "threat": {**threat.to_dict(), "mutable": threat.mutable.tolist()},
            "features": [feature.name for feature in data.features],
            "data": {"name": data.name, "rows": len(data), "hash": hash_data(data)},
            "models": {arm.name: _hashes(arm, weights[arm.name], target) for arm in arms},
            **({} if settings is None else {"settings": dict(settings)}),
        }
        if out is None:
            with part(0.95):
                measured = work.evidence()
            with part(0.05):
                return answer_evidence(measured, configuration)
        require_audit_folder(Path(out))
        if not (Path(out) / CONFIGURATION).exists():
            # A model that fails on a clean row leaves no folder behind.
            with part(0.02):
                work.predict()
        run = Run(Path(out), configuration, growing=["settings"])
        with run.lock():
            if (left := estimate(work, done=work.finished(run))) is not None:
                say(left.sentence)
            with part(0.88):
                evidence = work.evidence_in(run)
            with part(0.05):
                found = answer_evidence(evidence, configuration)
            with part(0.05):
                found.save(run.folder)
    return found


def _hashes(arm: Arm, weights: Sequence[str], target: Target) -> list[str]:
    """What recognises each model: its weights, and its answers where it is known by these alone."""
    if arm.has_gradients:
        return list(weights)
    asked = [model for model in arm.models if isinstance(model, LogitModel)]
    return [f"{own}-{hash_answers(model, target.x)}" for own, model in zip(weights, asked, strict=True)]


def _beside(chosen: AuditAttacks, arms: Sequence[Arm]) -> dict[str, Any]:
    """In the configuration: which arms are attacked with gradients too, and how."""
    if not chosen.beside:
        return {}
    able = [arm.name for arm in arms if arm.has_gradients]
    return {"white_box_beside": {"arms": able, "attacks": [described(attack) for attack in chosen.beside]}}


def _arms(models: Mapping[str, Any], seed: int, schema: Schema) -> list[Arm]:
    names = as_names(list(models), what="an arm")
    arms = []
    for name, given in zip(names, models.values(), strict=True):
        found = as_models(given, name=name, schema=schema)
        arms.append(Arm(name, found, [seed + position for position in range(len(found))]))
    if not arms:
        raise FairtollError("no model is given; expected one, or two or more to compare: the standard one first")
    return arms
