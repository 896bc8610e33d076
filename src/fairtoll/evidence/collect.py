"""Making evidence: predictions and attacks on the models of one arm, as parts of the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
import torch
from torch import Tensor

from fairtoll.attacks import least_epsilon, pgd, random_noise, square, success_curve, union, zero_gradient
from fairtoll.data import Dataset
from fairtoll.evidence.store import describe_attack, describe_least_epsilon, describe_predictions
from fairtoll.evidence.target import Arm, Target
from fairtoll.models.predict import predict_logits
from fairtoll.progress import tracked
from fairtoll.randomness import derive_seed, torch_generator

#: Rows that the independent attacks behind the alarms are run on.
CHECK_ROWS = 500
#: How least epsilon is found: method, loss and steps, of all in all or at each radius.
SEARCH: tuple[Literal["search"], str, int] = ("search", "margin", 60)
GRID: tuple[Literal["grid"], str, int] = ("grid", "cross_entropy", 50)


def collect_predictions(arm: Arm, data: Dataset) -> pd.DataFrame:
    """Every model's class probabilities of every clean row."""
    x, classes = torch.from_numpy(data.x), len(data.class_names)
    parts = []
    for model, seed in zip(arm.models, arm.seeds, strict=True):
        probabilities = predict_logits(model, x, classes=classes).softmax(dim=1)
        parts.append(describe_predictions(probabilities.numpy(), arm=arm.name, seed=seed))
    return pd.concat(parts, ignore_index=True)


def collect_pgd(
    arm: Arm,
    target: Target,
    *,
    epsilons: Sequence[float],
    steps: int,
    keep_probabilities_at: Sequence[float] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """White-box PGD with cross-entropy from the clean row, afresh at every radius.

    Returns
    -------
    attacks, predictions : DataFrame
        The second at the radii of `keep_probabilities_at`, of the attacked rows.
    """
    attacks, predictions = [], []
    for model, seed in tracked(arm.pairs):
        for epsilon in tracked(epsilons):
            found = pgd(model, target.x, target.y, threat=target.threat, epsilon=epsilon, steps=steps)
            where: dict[str, Any] = {
                "arm": arm.name,
                "seed": seed,
                "evaluation": "white-box",
                "threat": target.threat_name,
                "rows": target.numbers,
            }
            attacks.append(
                describe_attack(found.success.numpy(), **where, attack=f"pgd-{steps}", epsilon=epsilon, steps=steps)
            )
            if epsilon in keep_probabilities_at:
                attacked = predict_logits(model, found.perturbed).softmax(dim=1).numpy()
                predictions.append(describe_predictions(attacked, **where, epsilon=epsilon))
    return pd.concat(attacks, ignore_index=True), _concat(predictions)


def collect_curve(arm: Arm, target: Target, *, epsilons: Sequence[float], steps: int = 50) -> pd.DataFrame:
    """White-box PGD over ascending radii, success carried upwards; every row has all its steps."""
    parts = []
    for model, seed in tracked(arm.pairs):
        curve = success_curve(
            model, target.x, target.y, threat=target.threat, epsilons=epsilons, steps=steps, patience=None
        )
        for position, epsilon in enumerate(epsilons):
            parts.append(
                describe_attack(
                    curve.success[position].numpy(),
                    arm=arm.name,
                    seed=seed,
                    evaluation="white-box",
                    threat=target.threat_name,
                    attack=f"pgd-{steps}-curve",
                    epsilon=epsilon,
                    steps=steps,
                    rows=target.numbers,
                    inferred=curve.inferred[position].numpy(),
                )
            )
    return pd.concat(parts, ignore_index=True)


def collect_least_epsilon(arm: Arm, target: Target, *, epsilon_max: float, tolerance: float) -> pd.DataFrame:
    """White-box least epsilon of every attacked row, to `tolerance`; rows that stand at `epsilon_max` are censored.

    Where features must stay whole numbers the radii are tried one by one, `tolerance` apart, which takes longer.
    """
    integer = target.threat.integer
    method, loss, steps = SEARCH if integer is None or not bool(integer.any()) else GRID
    parts = []
    for model, seed in tracked(arm.pairs):
        found = least_epsilon(
            model,
            target.x,
            target.y,
            threat=target.threat,
            epsilon_max=epsilon_max,
            tolerance=tolerance,
            method=method,
            steps=steps,
            grid_step=tolerance,
        )
        parts.append(
            describe_least_epsilon(
                found.least_epsilon.numpy(),
                found.censored.numpy(),
                arm=arm.name,
                seed=seed,
                threat=target.threat_name,
                epsilon=epsilon_max,
                loss=loss,
                steps=steps,
                rows=target.numbers,
            )
        )
    return pd.concat(parts, ignore_index=True)


def collect_union(
    arm: Arm,
    target: Target,
    *,
    epsilon: float,
    restarts: int = 5,
    queries: int = 500,
) -> pd.DataFrame:
    """The union of attacks; `loss` in the table names those it is made of, in order."""
    parts = []
    for model, seed in tracked(arm.pairs):
        generator = torch_generator(derive_seed(seed, arm.name, "union", target.threat_name))
        found = union(
            model,
            target.x,
            target.y,
            threat=target.threat,
            epsilon=epsilon,
            generator=generator,
            restarts=restarts,
            queries=queries,
        )
        parts.append(
            describe_attack(
                found.success.numpy(),
                arm=arm.name,
                seed=seed,
                evaluation="white-box",
                threat=target.threat_name,
                attack="union",
                loss=", ".join(found.attacks),
                epsilon=epsilon,
                steps=50,
                restarts=restarts,
                rows=target.numbers,
                broken_by=found.broken_by,
            )
        )
    return pd.concat(parts, ignore_index=True)


def collect_transfer(
    arm: Arm,
    target: Target,
    examples: Sequence[Tensor],
    *,
    source_arm: str,
    epsilon: float,
    steps: int,
    keep_probabilities: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Static transfer: examples crafted once on another arm, shown to this one (the paper's evaluation).

    Parameters
    ----------
    examples : sequence of Tensor, length S, each (n, ...)
        The attacked rows of `target` as they were crafted, one set for each training run of `arm`.
    """
    attacks, predictions = [], []
    for model, seed, rows in zip(arm.models, arm.seeds, examples, strict=True):
        logits = predict_logits(model, rows)
        where: dict[str, Any] = {
            "arm": arm.name,
            "seed": seed,
            "evaluation": "static-transfer",
            "threat": target.threat_name,
            "rows": target.numbers,
        }
        success = (logits.argmax(dim=1) != target.y).numpy()
        settings: dict[str, Any] = {
            "source_arm": source_arm,
            "attack": f"pgd-{steps}",
            "epsilon": epsilon,
            "steps": steps,
        }
        attacks.append(describe_attack(success, **where, **settings))
        if keep_probabilities:
            predictions.append(describe_predictions(logits.softmax(dim=1).numpy(), **where, epsilon=epsilon))
    return pd.concat(attacks, ignore_index=True), _concat(predictions)


def collect_checks(
    arm: Arm,
    target: Target,
    *,
    epsilons: Sequence[float],
    large_epsilon: float,
    square_epsilon: float | None = None,
    queries: int = 500,
    check_rows: int = CHECK_ROWS,
) -> pd.DataFrame:
    """Independent attacks on some rows that alarms are read from.

    Noise and a single step at each radius, 20-step PGD afresh at each radius, and at one so large that
    everything the adversary may touch is free; which rows have no gradient at all; and at one radius
    the black-box Square attack on its own, beside a union without it.

    Parameters
    ----------
    square_epsilon : float, optional
        Where Square is tried; default: the largest of `epsilons`.
    queries : int
        Square's questions a row; 0 leaves it out.
    check_rows : int
        How many rows, drawn from the attacked ones.
    """
    black_box_epsilon = max(epsilons) if square_epsilon is None else square_epsilon
    rows = torch.randperm(len(target.y), generator=torch_generator(0, "check rows"))[:check_rows].sort().values
    x, y = target.x[rows], target.y[rows]
    parts = []
    for model, seed in tracked(arm.pairs):
        generator = torch_generator(derive_seed(seed, arm.name, "checks"))

        def record(
            name: str, success: Tensor, epsilon: float, steps: int, *, loss: str = "cross_entropy", seed: int = seed
        ) -> None:
            parts.append(
                describe_attack(
                    success.numpy(),
                    arm=arm.name,
                    seed=seed,
                    evaluation="white-box",
                    threat=target.threat_name,
                    attack=name,
                    loss=loss,
                    epsilon=epsilon,
                    steps=steps,
                    rows=target.numbers[rows.numpy()],
                )
            )

        options: dict[str, Any] = {"threat": target.threat}
        for epsilon in epsilons:
            noise = random_noise(model, x, y, epsilon=epsilon, generator=generator, **options)
            record("check-noise", noise, epsilon, 0)
            one = pgd(model, x, y, epsilon=epsilon, steps=1, relative_step=1.0, **options)
            record("check-single-step", one.success, epsilon, 1)
            many = pgd(model, x, y, epsilon=epsilon, steps=20, **options)
            record("check-pgd-20", many.success, epsilon, 20)
        # Without Square: that gradients fail where nothing holds them back is what this is to show.
        found = union(model, x, y, epsilon=large_epsilon, generator=generator, queries=0, **options)
        record("check-large", found.success, large_epsilon, 50)
        if queries:
            at: dict[str, Any] = {**options, "epsilon": black_box_epsilon, "generator": generator}
            seen = union(model, x, y, restarts=1, queries=0, **at)
            record("check-white-box", seen.success, black_box_epsilon, 50, loss=", ".join(seen.attacks))
            blind = square(model, x, y, queries=queries, **at)
            record("check-square", blind.success, black_box_epsilon, 0, loss="margin")
        record("check-zero-gradient", zero_gradient(model, x, y, **options), 0.0, 0)
    return pd.concat(parts, ignore_index=True)


def _concat(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
