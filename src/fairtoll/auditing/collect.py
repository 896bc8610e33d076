"""Making evidence: predictions and attacks on the models of one arm, as parts of the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from fairtoll.attacks import pgd, random_noise, success_curve, union, zero_gradient
from fairtoll.data import Dataset
from fairtoll.evidence import describe_attack, describe_predictions
from fairtoll.inference import predict_logits
from fairtoll.randomness import derive_seed, torch_generator
from fairtoll.threat import LinfThreat

Advance = Callable[[int], None]
#: Rows that the independent attacks behind the alarms are run on.
CHECK_ROWS = 500


@dataclass(frozen=True, eq=False)
class Arm:
    """The models of one arm, one for each training run.

    Examples
    --------
    >>> Arm("standard", [nn.Linear(2, 2)], [0]).seeds
    [0]
    """

    name: str
    models: Sequence[nn.Module]
    seeds: Sequence[int]


@dataclass(frozen=True, eq=False)
class Target:
    """The rows that are attacked, and what the adversary may touch.

    Examples
    --------
    >>> import numpy as np
    >>> rows = Dataset(np.zeros((3, 2)), np.array([0, 1, 0]), ("no", "yes"))
    >>> Target(rows, LinfThreat(), "paper").x.shape
    torch.Size([3, 2])
    """

    data: Dataset
    threat: LinfThreat
    threat_name: str

    @property
    def x(self) -> Tensor:
        """Rows, `(N, ...)`."""
        return torch.from_numpy(self.data.x)

    @property
    def y(self) -> Tensor:
        """True classes, `(N,)`."""
        return torch.from_numpy(self.data.y)


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
    advance: Advance | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """White-box PGD with cross-entropy from the clean row, afresh at every radius.

    Returns
    -------
    attacks, predictions : DataFrame
        The second at the radii of `keep_probabilities_at`, of the attacked rows.
    """
    attacks, predictions = [], []
    for model, seed in zip(arm.models, arm.seeds, strict=True):
        for epsilon in epsilons:
            found = pgd(model, target.x, target.y, threat=target.threat, epsilon=epsilon, steps=steps)
            where: dict[str, Any] = {
                "arm": arm.name,
                "seed": seed,
                "evaluation": "white-box",
                "threat": target.threat_name,
            }
            attacks.append(
                describe_attack(found.success.numpy(), **where, attack=f"pgd-{steps}", epsilon=epsilon, steps=steps)
            )
            if epsilon in keep_probabilities_at:
                attacked = predict_logits(model, found.perturbed).softmax(dim=1).numpy()
                predictions.append(describe_predictions(attacked, **where, epsilon=epsilon))
            if advance is not None:
                advance(1)
    return pd.concat(attacks, ignore_index=True), _concat(predictions)


def collect_curve(
    arm: Arm, target: Target, *, epsilons: Sequence[float], steps: int = 50, advance: Advance | None = None
) -> pd.DataFrame:
    """White-box PGD over ascending radii, success carried upwards."""
    parts = []
    for model, seed in zip(arm.models, arm.seeds, strict=True):
        curve = success_curve(model, target.x, target.y, threat=target.threat, epsilons=epsilons, steps=steps)
        for position, epsilon in enumerate(epsilons):
            parts.append(
                describe_attack(
                    curve[position].numpy(),
                    arm=arm.name,
                    seed=seed,
                    evaluation="white-box",
                    threat=target.threat_name,
                    attack=f"pgd-{steps}-curve",
                    epsilon=epsilon,
                    steps=steps,
                    inferred=curve[position - 1].numpy() if position else False,
                )
            )
        if advance is not None:
            advance(1)
    return pd.concat(parts, ignore_index=True)


def collect_union(
    arm: Arm, target: Target, *, epsilon: float, restarts: int = 5, advance: Advance | None = None
) -> pd.DataFrame:
    """White-box union of PGD with two losses and restarts, and a gradient-free grid where it fits."""
    parts = []
    for model, seed in zip(arm.models, arm.seeds, strict=True):
        generator = torch_generator(derive_seed(seed, arm.name, "union", target.threat_name))
        found = union(
            model,
            target.x,
            target.y,
            threat=target.threat,
            epsilon=epsilon,
            generator=generator,
            restarts=restarts,
        )
        parts.append(
            describe_attack(
                found.success.numpy(),
                arm=arm.name,
                seed=seed,
                evaluation="white-box",
                threat=target.threat_name,
                attack="union",
                loss="cross_entropy, grid, margin",
                epsilon=epsilon,
                steps=50,
                restarts=restarts,
                broken_by=found.broken_by,
            )
        )
        if advance is not None:
            advance(1)
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
    examples : sequence of Tensor, length S, each (N, ...)
        One set for each training run of `arm`.
    """
    attacks, predictions = [], []
    for model, seed, rows in zip(arm.models, arm.seeds, examples, strict=True):
        logits = predict_logits(model, rows)
        where: dict[str, Any] = {
            "arm": arm.name,
            "seed": seed,
            "evaluation": "static-transfer",
            "threat": target.threat_name,
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
    arm: Arm, target: Target, *, epsilons: Sequence[float], large_epsilon: float, advance: Advance | None = None
) -> pd.DataFrame:
    """Independent attacks on 500 rows that alarms are read from.

    Noise and a single step at each radius, 20-step PGD afresh at each radius, and at one so large that
    everything the adversary may touch is free; and which rows have no gradient at all.
    """
    rows = torch.randperm(len(target.data), generator=torch_generator(0, "check rows"))[:CHECK_ROWS].sort().values
    x, y = target.x[rows], target.y[rows]
    parts = []
    for model, seed in zip(arm.models, arm.seeds, strict=True):
        generator = torch_generator(derive_seed(seed, arm.name, "checks"))

        def record(name: str, success: Tensor, epsilon: float, steps: int, seed: int = seed) -> None:
            parts.append(
                describe_attack(
                    success.numpy(),
                    arm=arm.name,
                    seed=seed,
                    evaluation="white-box",
                    threat=target.threat_name,
                    attack=name,
                    epsilon=epsilon,
                    steps=steps,
                    rows=rows.numpy(),
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
        found = union(model, x, y, epsilon=large_epsilon, generator=generator, **options)
        record("check-large", found.success, large_epsilon, 50)
        record("check-zero-gradient", zero_gradient(model, x, y, **options), 0.0, 0)
        if advance is not None:
            advance(1)
    return pd.concat(parts, ignore_index=True)


def _concat(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
