"""`audit`: the toll between your own models, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from torch import nn

from fairtoll.attacks import PGD, AttackSpec, LeastEpsilon, Union
from fairtoll.attacks.spec import describe
from fairtoll.attacks.union import check_attacks
from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.evidence.collect import collect, craft
from fairtoll.evidence.measures import Checks, Clean, Measure, Transfer, WhiteBox
from fairtoll.evidence.store import Evidence, describe_rows
from fairtoll.evidence.target import Arm, Target
from fairtoll.findings._options import check_options
from fairtoll.findings.assemble import assemble
from fairtoll.findings.audited import Audit
from fairtoll.findings.model_alarms import REMARKS, describe_models, prepare_arm
from fairtoll.findings.plan import audit_questions
from fairtoll.findings.questions import Attack, Comparison
from fairtoll.models import ModelStack, as_models
from fairtoll.names import as_names
from fairtoll.progress import part, tracked
from fairtoll.threads import threads_for
from fairtoll.threats.linf import LinfThreat

THREAT = "audit"
#: How least epsilon is searched; its tolerance is this share of the largest radius.
SEARCH = LeastEpsilon(tolerance=0.005)


def audit(
    models: Mapping[str, nn.Module | Sequence[nn.Module] | ModelStack],
    data: Dataset,
    *,
    threat: LinfThreat,
    epsilons: Sequence[float],
    partitions: Sequence[str] | None = None,
    minimum_rows: int = 10,
    attacks: Sequence[AttackSpec] | None = None,
    least_epsilon_max: float | None = None,
    seed: int = 0,
) -> Audit:
    """Measure what hardening a model costs, and whom: every gap with null, interval and verdict.

    The first model is the standard one; each other is compared with it. White-box robustness is measured by a union
    of attacks, or by the attacks that you name, at every radius; static transfer is shown beside it, and alarms are
    read from independent attacks on 500 rows. The models come back as they went in.

    Parameters
    ----------
    models : mapping of str to Module, sequence of Module or ModelStack
        Two or more arms by name, each one model or one for each training run. They return logits `(N, C)`.
    data : Dataset
        Evaluation rows.
    threat : LinfThreat
        What an adversary may touch.
    epsilons : sequence of float
        Radii, ascending.
    partitions : sequence of str, optional
        How rows are grouped: "class", attributes, intersections such as "sex & race".
        Default: the classes and every attribute.
    minimum_rows : int
        Smaller groups are flagged and take no part in a gap.
    attacks : sequence of AttackSpec, optional
        White-box attacks, each run at every radius, such as ``[Union(), PGD(steps=20)]`` from `fairtoll.attacks`.
        Default: ``[Union()]``.
    least_epsilon_max : float, optional
        Measure each row's least epsilon up to this radius, and with it CRU_eps, as it is and divided by the
        arm's mean. Rows that stand there count with it; choose it where hardly any does.
    seed : int
        Of the attacks' random starts.

    Returns
    -------
    Audit

    Raises
    ------
    FairtollError
        For fewer than two arms, an unknown attribute, radii out of order, what is no attack or given twice, or a
        model that returns the wrong shape or NaN.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 2)); y = (x[:, 0] > 0).astype(int)
    >>> data = Dataset(x, y, ("low", "high"), groups={"site": np.where(x[:, 1] > 0, "north", "south")})
    >>> result = audit({"standard": nn.Linear(2, 2), "robust": nn.Linear(2, 2)}, data,
    ...                threat=LinfThreat(), epsilons=[0.1])
    >>> set(result.table()["verdict"])
    {'inconclusive'}
    """
    options = check_options(
        attributes=data.groups, partitions=partitions, epsilons=epsilons, minimum_rows=minimum_rows,
        least_epsilon_max=least_epsilon_max, seed=seed,
    )  # fmt: skip
    chosen = check_attacks(attacks) if attacks is not None else (Union(),)
    if not chosen:
        raise FairtollError("attacks is empty; expected one attack or more, or leave it out for a union of attacks")
    names = as_names(list(models), what="an arm")
    arms = [_arm(name, given, options.seed) for name, given in zip(names, models.values(), strict=True)]
    if len(arms) < 2:
        raise FairtollError(f"{len(arms)} model given; expected two or more: a standard one first, then hardened ones")
    for partition in options.partitions:
        data.partition(partition)  # an unknown attribute, or cells of one name, before the work
    every_model = [model for arm in arms for model in arm.models]
    with threads_for(*every_model):
        target = Target(data, threat, THREAT)
        # All before any attack: a fault of the last model must not cost the work on the first.
        arms = [prepare_arm(arm, target, gradients=True) for arm in arms]
        predictions, found = _collect(arms, target, options.epsilons, chosen, options.least_epsilon_max)
    about = {
        "name": data.name,
        "title": data.name,
        "arms": [{"name": arm.name, "title": arm.name, "note": f"{len(arm.models)} training run(s)"} for arm in arms],
        REMARKS: {arm.name: describe_models(arm.models) for arm in arms},
    }
    evidence = Evidence(
        describe_rows(data),
        pd.concat(predictions, ignore_index=True),
        pd.concat(found, ignore_index=True),
        data.class_names,
        about,
    )
    return audit_evidence(
        evidence,
        partitions=options.partitions,
        epsilons=options.epsilons,
        attacks=[describe(attack) for attack in chosen],
        minimum_rows=options.minimum_rows,
        least_epsilon_max=options.least_epsilon_max,
    )


def audit_evidence(
    evidence: Evidence,
    *,
    partitions: Sequence[str] | None = None,
    epsilons: Sequence[float] = (),
    attacks: Sequence[Mapping[str, Any]] = (),
    minimum_rows: int = 10,
    least_epsilon_max: float | None = None,
) -> Audit:
    """Audit evidence that is already at hand, such as `Evidence.from_frame` of someone's predictions.

    Parameters
    ----------
    evidence : Evidence
        Of two arms or more; the first is the standard one.
    partitions : sequence of str, optional
        Default: the classes and every attribute.
    epsilons : sequence of float
        Radii of white-box attacks in the evidence, if there are any.
    attacks : sequence of mapping, optional
        Those attacks, each with its "name" in the evidence and whatever else describes it. Default: a union.
    minimum_rows : int
        Smaller groups are flagged and take no part in a gap.
    least_epsilon_max : float, optional
        Largest radius of a search for least epsilon in the evidence, if there is one.

    Returns
    -------
    Audit

    Raises
    ------
    FairtollError
        For fewer than two arms.

    Examples
    --------
    >>> frame = pd.DataFrame({"model": ["a"] * 40 + ["b"] * 40, "y": ["no", "yes"] * 40, "p": [0.2, 0.9] * 40})
    >>> evidence = Evidence.from_frame(frame, label="y", probabilities={"yes": "p"}, arm="model")
    >>> audit_evidence(evidence).table()[["metric", "verdict"]].values.tolist()
    [['cau', 'inconclusive']]
    """
    arms = evidence.arms
    if len(arms) < 2:
        raise FairtollError(
            f"the evidence has {len(arms)} arm; expected two or more to compare (name the column of models with "
            "arm=...); for one model's gap use fairtoll.metrics and fairtoll.statistics"
        )
    options = check_options(
        attributes=evidence.attributes, partitions=partitions, epsilons=epsilons, minimum_rows=minimum_rows,
        least_epsilon_max=least_epsilon_max, without_radii=True,
    )  # fmt: skip
    largest = options.least_epsilon_max
    attacks = list(attacks) or [describe(Union())]
    questions = audit_questions(
        options.partitions,
        class_names=evidence.class_names,
        attacks=[
            Attack("white-box", attack["name"], epsilon, THREAT) for attack in attacks for epsilon in options.epsilons
        ],
        search=None if largest is None else Attack("white-box", SEARCH.name, largest, THREAT),
    )
    plan = [(Comparison("audit", arms[0], robust), question) for robust in arms[1:] for question in questions]
    found = assemble(
        evidence,
        plan,
        title=f"Fairness toll: {', '.join(arms[1:])} against {arms[0]}",
        question=f"What does {', '.join(arms[1:])} cost compared with {arms[0]}, and which classes and groups pay?",
        threat=THREAT,
        configuration={
            "partitions": list(options.partitions),
            "epsilons": list(options.epsilons),
            "attacks": [dict(attack) for attack in attacks],
            "minimum_rows": options.minimum_rows,
            **({} if largest is None else {"least_epsilon_max": largest}),
        },
        minimum_rows=options.minimum_rows,
    )
    return Audit(evidence, found)


def _collect(
    arms: Sequence[Arm],
    target: Target,
    epsilons: Sequence[float],
    attacks: Sequence[AttackSpec],
    least_epsilon_max: float | None,
) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
    """Predictions, checks, attacks, least epsilons and static transfer of all arms."""
    measures: list[Measure] = [Checks(epsilons, large_epsilon=100 * max(epsilons))]
    measures += [WhiteBox(attack, epsilons) for attack in attacks]
    if least_epsilon_max is not None:
        measures.append(WhiteBox(replace(SEARCH, tolerance=SEARCH.tolerance * least_epsilon_max), [least_epsilon_max]))
    runs, found = [len(arm.models) for arm in arms], []
    with part(0.02):
        predictions = [collect(Clean(), arm, target).predictions for arm in tracked(arms, weights=runs)]
    with part(0.93):
        for arm in tracked(arms, weights=runs):
            found += [collect(measure, arm, target).attacks for measure in tracked(measures)]
    source = arms[0]
    transfer = Transfer(PGD(steps=20), epsilons, source=source.name)
    with part(0.04):
        crafted = craft(transfer, source, target)
    with part(0.01):
        for arm in tracked(arms[1:], weights=runs[1:]):
            examples = {
                epsilon: [sets[position % len(sets)] for position in range(len(arm.models))]
                for epsilon, sets in crafted.items()
            }
            found.append(collect(transfer, arm, target, examples=examples).attacks)
    return predictions, found


def _arm(name: str, given: nn.Module | Sequence[nn.Module] | ModelStack, seed: int) -> Arm:
    models = as_models(given, name=name)
    return Arm(name, models, [seed + position for position in range(len(models))])
