"""On-line adversarial training under fairness constraints (the paper's future work c), by multipliers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor
from torch.nn import functional

from fairtoll.errors import FairtollError, warn
from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.batch import Batch
from fairtoll.training.constrained_groups import MINIMUM, ConstrainedGroups, groups_of
from fairtoll.training.dual import ClosestWeights, Multipliers, ceiling_constraints, gap_constraints
from fairtoll.training.fit import Loss, steps_of
from fairtoll.training.pair_loss import cross_entropy_of
from fairtoll.training.part_means import ATTACKED, Outcome, part_means
from fairtoll.training.recipes.online import STEPS, train_online
from fairtoll.training.recipes.recipe import RADIUS, Adversary, Recipe
from fairtoll.training.setup import VALIDATION, TrainingSetup

#: What is constrained. Leave-one-out unfairness compares models: no constraint on one model bounds it.
Constraint = Literal["robust-loss", "eou", "cau", "cru_s"]
#: Steps of the multipliers in an epoch.
ASCENTS = 4
#: The step of the multipliers; see `Multipliers`.
RATE = 0.05
#: Of the logistic function of the margin that stands for a count of rows, in logits.
WIDTH = 0.3
UNKNOWN = "constraint is {given}; expected one of {known}; choose one of them"
MISSED = (
    "the constraint {constraint} over {partition} is not met in {missed} of {runs} training runs: the gap in {what}, "
    "{name}, is {value:.3f} on held-out rows for seed {seed}; expected {slack:g} or less; the closest of the last "
    "epochs is kept: give a larger slack, more epochs or a smaller radius"
)
SMALL = (
    "{partition} has groups of fewer than {minimum} training rows: {names}; expected {minimum} or more; they are not "
    "constrained: give more rows or another partition"
)


@dataclass(frozen=True)
class Kind:
    """What the multipliers are moved by, at which rows training pulls at it, and how a message says it."""

    measured: Outcome
    clean: bool
    what: str


KINDS: dict[str, Kind] = {
    "robust-loss": Kind("robust loss", False, "mean loss under attack"),
    "eou": Kind("confidence", True, "mean confidence in the true class"),
    "cau": Kind("correct", True, "accuracy"),
    "cru_s": Kind("robust", False, "robust accuracy"),
}


def train_lagrangian(
    setup: TrainingSetup,
    *,
    threat: LinfThreat,
    epsilon: float,
    constraint: Constraint,
    partition: str = "class",
    slack: float = 0.02,
    rate: float = RATE,
    steps: int = STEPS,
) -> ModelStack:
    """On-line adversarial training that keeps a gap between groups within a slack.

    Minimises the mean loss under attack subject to one kind of constraint ("solving the optimization problem with
    fairness-constraints", Sooksatra and Rivas, future work c), by the method of multipliers. A tenth of the training
    rows is held out; four times an epoch the constraints are measured on them, and each multiplier rises by `rate`
    times its violation, never below 0 (`fairtoll.training.dual.Multipliers`). Multipliers are moved by the measure
    itself, weights by the gradient of a smooth surrogate (Cotter, Jiang and Sridharan 2019, Two-player games for
    efficient non-convex constrained optimization; holding rows out for it: Cotter et al. 2019, Training
    well-generalizing classifiers for fairness metrics). A group with fewer than 50 held-out rows is measured on its
    training rows as well; one with fewer than 10 rows in all is not constrained, and a warning names it.

    ============= ================================================== ================================
    constraint    bounded                                            gradient of
    ============= ================================================== ================================
    robust-loss   a group's loss under attack less the groups' mean  the group's loss under attack
    eou           gap in mean confidence in the true class, between  the same
                  groups of one true class
    cau           gap in accuracy                                    a logistic function of the margin
    cru_s         gap in success rate of the attack, of all rows     the same, under attack
    ============= ================================================== ================================

    Over the partition "class" there are no groups within a class: "eou" then bounds the gap in mean confidence in the
    true class between classes.

    Weights are not averaged. The last epoch of the second half that satisfies the constraint is kept, or the one that
    comes closest, with a warning that names the constraint and its value.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser; with groups unless the partition is "class".
    threat : LinfThreat
        What the adversary may change.
    epsilon : float
        Bound of the training attack.
    constraint : {"robust-loss", "eou", "cau", "cru_s"}
        What is bounded.
    partition : str
        Between which groups.
    slack : float
        The largest gap that is allowed, as a fraction; of the loss in nats.
    rate : float
        Step of the multipliers.
    steps : int
        Gradient steps of the training attack.

    Returns
    -------
    ModelStack
        One model per seed.

    Raises
    ------
    FairtollError
        For an unknown constraint, a negative slack, or a partition without two groups of 10 rows to compare.

    Examples
    --------
    >>> import torch
    >>> setup = TrainingSetup(torch.zeros(40, 3), torch.arange(40) % 2, torch.arange(40), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_lagrangian(setup, threat=LinfThreat(), epsilon=0.1, constraint="cau", slack=1.0, steps=1))
    1
    """
    if constraint not in KINDS:
        raise FairtollError(UNKNOWN.format(given=repr(constraint), known=", ".join(KINDS)))
    kind = KINDS[constraint]
    smaller, held_out = setup.hold_out(partition=partition)
    groups = groups_of(smaller, held_out, partition=partition, within_classes=constraint == "eou")
    constraints = (
        ceiling_constraints(groups.names, slack=slack)
        if constraint == "robust-loss"
        else gap_constraints(groups.names, groups.blocks, slack=slack)
    )
    if groups.left_out:
        warn(SMALL.format(partition=partition, minimum=MINIMUM, names=", ".join(groups.left_out)))
    multipliers, kept = Multipliers(len(setup.seeds), constraints, rate=rate), ClosestWeights(constraints)
    batches = steps_of(len(smaller.items), setup.settings) // setup.settings.epochs
    every, step = -(-batches // ASCENTS), 0

    def after_step(stack: ModelStack) -> None:
        nonlocal step
        step += 1
        ends = step % batches == 0
        if not ends and step % batches % every:
            return
        means = part_means(
            stack,
            smaller,
            groups.measured,
            groups.codes[groups.measured],
            groups=len(groups),
            outcome=kind.measured,
            threat=threat,
            epsilon=epsilon,
            steps=steps,
            measurement=step,
            seeds=setup.seeds,
        )
        multipliers.ascend(means)
        if ends and step > setup.settings.epochs // 2 * batches:
            kept.offer(stack, means)

    stack = train_online(
        smaller,
        threat=threat,
        epsilon=epsilon,
        steps=steps,
        loss=lagrangian_loss(groups, multipliers, kind, device=setup.device),
        after_step=after_step,
    )
    kept.restore(stack)
    missed = (kept.violations > 0).nonzero().flatten().tolist()
    if missed:
        warn(_missed(kept, missed, setup.seeds, constraint=constraint, partition=partition, what=kind.what))
    return stack


def lagrangian_loss(groups: ConstrainedGroups, multipliers: Multipliers, kind: Kind, *, device: str = "cpu") -> Loss:
    """The loss of every row, and what the multipliers of its group add; it runs on `device`."""
    # Rows without a group have the last place.
    codes, of_rows = (groups.codes % (len(groups) + 1)).to(device), groups.weights.to(device)

    def loss(stack: ModelStack, batch: Batch) -> Tensor:
        logits = stack.each(batch.rows).to(stack.dtype)
        losses = cross_entropy_of(logits, batch.labels)
        if not multipliers.pull.any():
            return losses
        pull = functional.pad(multipliers.pull, (0, 1)).to(losses)
        own = of_rows[batch.positions] if of_rows.ndim == 1 else of_rows.gather(1, batch.positions)
        weights = pull.gather(1, codes[batch.positions]) * own.to(losses)
        if kind.measured == "robust loss":
            return losses * (1 + weights)
        if kind.clean:
            logits = stack.each(batch.clean).to(stack.dtype)
        return losses + weights * _surrogate(logits, batch.labels, kind)

    return loss


def _surrogate(logits: Tensor, labels: Tensor, kind: Kind) -> Tensor:
    """Of every row, `(K, B)`: what is measured, or where that is a count of rows, a logistic function of the margin."""
    truth = functional.one_hot(labels, logits.shape[-1]).bool()
    others = logits.masked_fill(truth, -math.inf)
    counted = kind.measured != "confidence"
    other = others.amax(dim=-1) if counted else others.logsumexp(dim=-1)
    margin = logits[truth].view(labels.shape) - other
    return (margin / WIDTH if counted else margin).sigmoid()


def _missed(
    kept: ClosestWeights, missed: Sequence[int], seeds: Sequence[int], *, constraint: str, partition: str, what: str
) -> str:
    worst = max(missed, key=lambda member: float(kept.violations[member]))
    return MISSED.format(
        constraint=constraint,
        partition=partition,
        what=what,
        name=kept.names[worst],
        value=float(kept.violations[worst]) + kept.slack,
        seed=seeds[worst],
        missed=len(missed),
        runs=len(seeds),
        slack=kept.slack,
    )


def _train(setup: TrainingSetup, adversary: Adversary, **parameters: Any) -> ModelStack:
    return train_lagrangian(setup, threat=adversary.threat, epsilon=adversary.epsilon, **parameters)


def _recipe(name: str, title: str, constraint: Constraint, bounded: str, *, slack: float) -> Recipe:
    kind = KINDS[constraint]
    measured = STEPS * ASCENTS * VALIDATION if kind.measured in ATTACKED else 0.0
    return Recipe(
        name,
        title,
        f"on-line adversarial training subject to {bounded}, enforced by multipliers that are moved by held-out "
        "{rows}",
        _train,
        role="repair",
        control="held-out-online",
        updates=1 - VALIDATION,
        gradients=(1 - VALIDATION) * (STEPS + (1.0 if kind.clean else 0.0)) + measured,
        needs_adversary=True,
        parameters={"constraint": constraint, "partition": "class", "slack": slack, "rate": RATE},
        strength=RADIUS,
        masks=True,
    )


LAGRANGIAN = (
    _recipe(
        "lagrangian-loss",
        "Constrained: robust loss",
        "robust-loss",
        "a group's loss under attack exceeding the mean of the groups by 0.05 or less",
        slack=0.05,
    ),
    _recipe(
        "lagrangian-eou",
        "Constrained: EOU",
        "eou",
        "a gap of 0.02 or less in mean confidence in the true class, between the groups of one true class, or between "
        "the classes where there are no groups",
        slack=0.02,
    ),
    _recipe("lagrangian-cau", "Constrained: CAU", "cau", "a gap of 0.02 or less in accuracy", slack=0.02),
    _recipe(
        "lagrangian-cru",
        "Constrained: CRU_s",
        "cru_s",
        "a gap of 0.02 or less in the success rate of the training attack",
        slack=0.02,
    ),
)
