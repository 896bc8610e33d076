"""Collecting evidence: any measure of the models of one arm, as parts of the tables."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from fairtoll.attacks import (
    PGD,
    AttackResult,
    AttackSpec,
    LeastEpsilon,
    LeastEpsilonByScores,
    LeastEpsilonResult,
    SuccessCurve,
    hop_skip_jump,
    zero_gradient,
)
from fairtoll.bounds import prove
from fairtoll.errors import FairtollError, FairtollWarning, warn
from fairtoll.evidence.certify import Certify, certified_rows
from fairtoll.evidence.detect import Detect, detected_rows
from fairtoll.evidence.measures import (
    DECISION,
    NAIVE,
    OUTSIDE_BOX,
    PROOF,
    SCORES_ONLY,
    WHITE_BOX,
    WITH_GRADIENTS,
    ZERO_GRADIENT,
    Attacked,
    Checks,
    Clean,
    Decisions,
    Measure,
    Proofs,
    Transfer,
)
from fairtoll.evidence.sample import in_proportion
from fairtoll.evidence.store import describe_attack, describe_least_epsilon, describe_predictions
from fairtoll.evidence.target import Arm, Target
from fairtoll.models.defended import attacked_form, naive_form
from fairtoll.models.predict import predict_logits, predict_probabilities
from fairtoll.progress import part, tracked
from fairtoll.randomness import derive_seed, torch_generator
from fairtoll.threats.any import AuditedThreat
from fairtoll.threats.table_threat import TableThreat

#: Examples by radius: a set of the attacked rows, `(n, ...)`, for each model of the arm they are evaluated on.
Examples = Mapping[float, Sequence[Tensor]]
PROVED = "proved"
#: What broke the rows that only the search for a proof broke.
BRANCH_AND_BOUND = "branch and bound"
STATIC_TRANSFER = "static-transfer"


@dataclass(frozen=True, eq=False)
class Tables:
    """Parts of the tables of evidence; one that was not measured is empty.

    Examples
    --------
    >>> len(Tables().attacks)
    0
    """

    predictions: pd.DataFrame = field(default_factory=pd.DataFrame)
    attacks: pd.DataFrame = field(default_factory=pd.DataFrame)
    certificates: pd.DataFrame = field(default_factory=pd.DataFrame)
    detections: pd.DataFrame = field(default_factory=pd.DataFrame)


def collect(measure: Measure, arm: Arm, target: Target, *, examples: Examples | None = None) -> Tables:
    """Measure the models of one arm on the rows of a target.

    Parameters
    ----------
    measure : Clean, Attacked, Transfer, Checks, Decisions, Proofs, Certify or Detect
        What to measure.
    arm : Arm
        Whose models.
    target : Target
        The rows, and the threat.
    examples : mapping, optional
        For `Transfer`: at each radius the attacked rows of `target` as they were crafted, one set for each model of
        `arm`; see `craft`.

    Returns
    -------
    Tables

    Raises
    ------
    FairtollError
        For examples that are missing, and as the attacks do.
    """
    match measure:
        case Clean():
            return _clean(arm, target)
        case Attacked():
            return _attacked_itself(measure, arm, target)
        case Transfer():
            return _transfer(measure, arm, target, examples or {})
        case Checks():
            return _checks(measure, arm, target)
        case Decisions():
            return _decisions(measure, arm, target)
        case Proofs():
            return _proofs(measure, arm, target)
        case Certify():
            return Tables(certificates=certified_rows(measure, arm, target))
        case Detect():
            return Tables(detections=detected_rows(measure, arm, target))


def craft(measure: Transfer, source: Arm, target: Target) -> dict[float, list[Tensor]]:
    """The examples of a transfer, crafted on each model of the arm it names; every step is run.

    Raises
    ------
    FairtollError
        As the attack does.
    """
    attack: AttackSpec = measure.attack
    if isinstance(attack, PGD):
        attack = replace(attack, stop_at_success=False)
    crafted: dict[float, list[Tensor]] = {}
    for epsilon in tracked(measure.epsilons):
        crafted[epsilon] = [
            attack(
                model, target.x, target.y, threat=target.threat, epsilon=epsilon,
                generator=_generator(seed, source, measure.attack.name, target),
            ).perturbed
            for model, seed in tracked(source.pairs)
        ]  # fmt: skip
    return crafted


def _clean(arm: Arm, target: Target) -> Tables:
    data = target.data
    x, classes = torch.from_numpy(data.x), len(data.class_names)
    parts = []
    for model, seed in tracked(arm.pairs):
        probabilities = predict_probabilities(model, x, classes=classes)
        parts.append(describe_predictions(probabilities.numpy(), arm=arm.name, seed=seed))
    return Tables(predictions=_concat(parts))


def _attacked_itself(measure: Attacked, arm: Arm, target: Target) -> Tables:
    attacks: list[pd.DataFrame] = []
    predictions = []
    for model, seed in tracked(arm.pairs):
        where = _where(arm, seed, measure.evaluation, target)
        if isinstance(measure.attack, SuccessCurve):
            attacks += _curve(measure.attack, measure.epsilons, model, target, where)
            continue
        for epsilon in tracked(measure.epsilons):
            generator = _generator(seed, arm, measure.attack.name, target)
            found = measure.attack(
                attacked_form(model), target.x, target.y, threat=target.threat, epsilon=epsilon, generator=generator
            )
            attacks.append(_describe(measure.attack, found, epsilon, where))
            if epsilon in measure.keep_probabilities_at:
                predictions.append(_attacked(model, found.perturbed, epsilon, where))
    return Tables(_concat(predictions), _concat(attacks))


def _curve(
    attack: SuccessCurve, epsilons: Sequence[float], model: nn.Module, target: Target, where: dict[str, Any]
) -> Iterator[pd.DataFrame]:
    """All radii of one model, success carried upwards or downwards."""
    generator = torch_generator(derive_seed(where["seed"], where["arm"], attack.name, target.threat_name))
    curve = attack(
        attacked_form(model), target.x, target.y, threat=target.threat, epsilons=epsilons, generator=generator
    )
    for epsilon, success, inferred in zip(epsilons, curve.success, curve.inferred, strict=True):
        settings = {"attack": attack.name, "epsilon": epsilon, **_settings(attack), "restarts": curve.restarts}
        yield describe_attack(success.numpy(), **where, **settings, inferred=inferred.numpy())


def _transfer(measure: Transfer, arm: Arm, target: Target, examples: Examples) -> Tables:
    attacks, predictions = [], []
    for epsilon in tracked(measure.epsilons):
        if epsilon not in examples:
            raise FairtollError(f"no examples at radius {epsilon:g}; expected them at {measure.epsilons}; see craft")
        for model, seed, rows in zip(arm.models, arm.seeds, examples[epsilon], strict=True):
            where = _where(arm, seed, STATIC_TRANSFER, target)
            found = AttackResult(predict_logits(model, rows).argmax(dim=1) != target.y, rows)
            attacks.append(_describe(measure.attack, found, epsilon, where, source_arm=measure.source))
            if epsilon in measure.keep_probabilities_at:
                predictions.append(_attacked(model, rows, epsilon, where))
    return Tables(_concat(predictions), _concat(attacks))


def _proofs(measure: Proofs, arm: Arm, target: Target) -> Tables:
    some = (
        target if measure.rows is None else replace(target, rows=target.numbers[in_proportion(target.y, measure.rows)])
    )
    parts = []
    for model, seed in tracked(arm.pairs):
        where = _where(arm, seed, PROVED, some)
        for epsilon in tracked(measure.epsilons):
            how: dict[str, Any] = {"threat": some.threat, "epsilon": epsilon}
            generator = _generator(seed, arm, measure.attack.name, target)
            with part(0.1):
                found = measure.attack(attacked_form(model), some.x, some.y, **how, generator=generator)
            with part(0.9):
                proof = prove(model, some.x, some.y, **how, known=found.perturbed, boxes=measure.boxes)
            broken = (proof.high <= epsilon).numpy()
            first = found.broken_by or [measure.attack.name if hit else "" for hit in found.success.tolist()]
            parts.append(
                describe_attack(
                    broken, **where, attack=PROOF, epsilon=epsilon, loss=proof.method,
                    broken_by=[by or (BRANCH_AND_BOUND if hit else "") for by, hit in zip(first, broken, strict=True)],
                    proved=proof.low.numpy(), within_rounding=proof.within_rounding.numpy(),
                )
            )  # fmt: skip
    return Tables(attacks=_concat(parts))


def _checks(measure: Checks, arm: Arm, target: Target) -> Tables:
    some, parts = _check_rows(target, measure.rows), []
    own = WHITE_BOX if arm.has_gradients else SCORES_ONLY
    free, threat = some.threat.frees_every_feature(some.x), some.threat
    if isinstance(threat, TableThreat) and arm.has_gradients:
        # Codes of categories have no gradient: what gradients miss there says nothing about them.
        threat = threat.categories_fixed()
    follows = arm.has_gradients and bool(threat.mutable.any())
    plan = measure.attacks(everything_free=free, gradients=arm.has_gradients, norm=some.threat.norm)
    if arm.has_gradients and not follows:
        plan = []
    for model, seed in tracked(arm.pairs):
        where = _where(arm, seed, own, some)
        generator = torch_generator(derive_seed(seed, arm.name, "checks"))
        attacked = attacked_form(model)
        for name, attack, epsilon in tracked(plan):
            found = attack(attacked, some.x, some.y, threat=threat, epsilon=epsilon, generator=generator)
            settings = _settings(attack) | {"restarts": 1}
            if name == WITH_GRADIENTS:
                settings["loss"] = ", ".join(found.attacks)
            # Alarms use only success, not which attack broke a row.
            parts.append(describe_attack(found.success.numpy(), **where, attack=name, epsilon=epsilon, **settings))
        if (naive := naive_form(model)) is not None:
            parts += _naively(measure, naive, some, threat, where)
        if follows:
            still = zero_gradient(attacked, some.x, some.y, threat=threat)
            parts.append(describe_attack(still.numpy(), **where, attack=ZERO_GRADIENT, epsilon=0.0))
        if target.threat.box is not None:
            outside = target.threat.outside_box(target.x).flatten(1).any(dim=1)
            everywhere = _where(arm, seed, own, target)
            parts.append(describe_attack(outside.numpy(), **everywhere, attack=OUTSIDE_BOX, epsilon=0.0))
    return Tables(attacks=_concat(parts))


def _naively(
    measure: Checks, model: nn.Module, target: Target, threat: AuditedThreat, where: dict[str, Any]
) -> Iterator[pd.DataFrame]:
    """The check with PGD, by one who does not know the defence."""
    attack = PGD(steps=20)
    for epsilon in measure.epsilons:
        with warnings.catch_warnings():
            # That there is no gradient is what this is to show.
            warnings.simplefilter("ignore", FairtollWarning)
            found = attack(model, target.x, target.y, threat=threat, epsilon=epsilon)
        yield describe_attack(found.success.numpy(), **where, attack=NAIVE, epsilon=epsilon, **_settings(attack))


def _check_rows(target: Target, count: int) -> Target:
    rows = torch.randperm(len(target.y), generator=torch_generator(0, "check rows"))[:count].sort().values
    return replace(target, rows=target.numbers[rows.numpy()])


def _decisions(measure: Decisions, arm: Arm, target: Target) -> Tables:
    some, parts = _check_rows(target, measure.rows), []
    for model, seed in tracked(arm.pairs):
        where = _where(arm, seed, SCORES_ONLY, some) | {"attack": DECISION, "loss": measure.attack.library}
        generator = torch_generator(derive_seed(seed, arm.name, DECISION))
        how: dict[str, Any] = {"attack": measure.attack, "epsilons": measure.epsilons, "generator": generator}
        try:
            found = hop_skip_jump(model, some.x, some.y, threat=some.threat, **how)
        # Another library's check must not end an audit, of which it gives no figure.
        except FairtollError as error:
            warn(f"an independent check of '{arm.name}' was not made: {error}")
            parts.append(describe_attack(torch.zeros_like(some.y).bool().numpy(), **where, epsilon=0.0).iloc[:0])
            continue
        for epsilon, broken in zip(measure.epsilons, found.numpy(), strict=True):
            parts.append(describe_attack(broken, **where, epsilon=epsilon, restarts=1))
    return Tables(attacks=_concat(parts))


def _describe(
    attack: AttackSpec | LeastEpsilon | LeastEpsilonByScores,
    found: AttackResult | LeastEpsilonResult,
    epsilon: float,
    where: dict[str, Any],
    **more: Any,
) -> pd.DataFrame:
    """One attack at one radius as a part of the table; `loss` of a union names its attacks, in order."""
    if isinstance(found, LeastEpsilonResult):
        least, censored = found.least_epsilon.numpy(), found.censored.numpy()
        how: dict[str, Any] = {"loss": found.loss, "steps": found.steps}
        if found.proof:
            how |= {"proved": found.low.numpy(), "within_rounding": found.within_rounding.numpy()}
        return describe_least_epsilon(least, censored, **where, attack=attack.name, epsilon=epsilon, **how)
    if found.attacks:
        more |= {"loss": ", ".join(found.attacks), "broken_by": found.broken_by}
    settings = {"attack": attack.name, "epsilon": epsilon, **_settings(attack)} | more
    return describe_attack(found.success.numpy(), **where, **settings)


def _settings(attack: Any) -> dict[str, Any]:
    """The settings of an attack for which the table has columns."""
    return {name: getattr(attack, name) for name in ("loss", "steps", "restarts") if hasattr(attack, name)}


def _attacked(model: nn.Module, rows: Tensor, epsilon: float, where: dict[str, Any]) -> pd.DataFrame:
    return describe_predictions(predict_probabilities(model, rows).numpy(), **where, epsilon=epsilon)


def _where(arm: Arm, seed: int, evaluation: str, target: Target) -> dict[str, Any]:
    return {
        "arm": arm.name,
        "seed": seed,
        "evaluation": evaluation,
        "threat": target.threat_name,
        "rows": target.numbers,
    }


def _generator(seed: int, arm: Arm, attack: str, target: Target) -> torch.Generator:
    return torch_generator(derive_seed(seed, arm.name, attack, target.threat_name))


def _concat(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
