"""Robust accuracy by class and group on a few rows: cheap enough for the end of each epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from fairtoll.attacks import PGD, AttackSpec
from fairtoll.attacks.union import check_attacks
from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.metrics import ByGroup, group_means
from fairtoll.models.predict import predict_logits
from fairtoll.randomness import torch_generator
from fairtoll.threats.linf import LinfThreat


def robust_accuracies(
    model: nn.Module,
    data: Dataset,
    *,
    threat: LinfThreat,
    epsilon: float,
    attack: AttackSpec = PGD(steps=10),
    partitions: Sequence[str] | None = None,
    rows: int = 512,
    minimum_rows: int = 10,
    seed: int = 0,
) -> dict[str, float]:
    """Accuracy with and without an attack, of all rows and of the worst class and group, as numbers to log.

    The same rows are drawn at each call with the same seed, so that epochs compare. A few rows and a short attack say
    where training goes; they are no audit, whose attacks are stronger and whose figures have intervals.

    Parameters
    ----------
    model : Module
        Returns logits `(N, C)`; restored afterwards, its training mode too.
    data : Dataset
        Validation rows.
    threat : LinfThreat
        What an adversary may touch.
    epsilon : float
        The radius.
    attack : AttackSpec
        Default: PGD with 10 steps.
    partitions : sequence of str, optional
        How rows are grouped: "class", attributes, intersections such as "sex & race". Default: the classes and each
        attribute.
    rows : int
        How many rows are attacked, drawn at random from `data`.
    minimum_rows : int
        A class or group with fewer of the drawn rows is left out.
    seed : int
        Of the drawn rows and of the attack's draws.

    Returns
    -------
    dict of str to float
        "accuracy", "robust_accuracy", and for each partition "accuracy_worst_class" and "robust_accuracy_worst_class",
        with its own name for "class"; " & " is written "_and_". Fractions.

    Raises
    ------
    FairtollError
        For an unknown partition, one of which no group has enough rows, fewer than one row, and as the attack does.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(400, 2)); y = (x[:, 0] > 0).astype(int)
    >>> data = Dataset(x, y, ("low", "high"), groups={"site": np.where(x[:, 1] > 0, "north", "south")})
    >>> found = robust_accuracies(nn.Linear(2, 2), data, threat=LinfThreat(), epsilon=0.1, rows=100)
    >>> list(found)[:4]
    ['accuracy', 'robust_accuracy', 'accuracy_worst_class', 'robust_accuracy_worst_class']
    >>> found["robust_accuracy_worst_site"] <= found["robust_accuracy"] <= found["accuracy"]
    True
    """
    (chosen,) = check_attacks([attack], threat=threat)
    named = ["class", *data.groups] if partitions is None else list(partitions)
    if rows < 1:
        raise FairtollError(f"rows is {rows}; expected 1 or more; 512 is a good start")
    drawn = data if rows >= len(data) else data.take(_draw(len(data), rows, seed))
    columns = {name: _of_rows(drawn, name, minimum_rows) for name in named}
    x, y = torch.from_numpy(drawn.x), torch.from_numpy(drawn.y)
    right = (predict_logits(model, x).argmax(dim=1) == y).numpy()
    found = chosen(model, x, y, threat=threat, epsilon=epsilon, generator=torch_generator(seed, "monitoring"))
    held = ~found.success.numpy()
    answer = {"accuracy": float(right.mean()), "robust_accuracy": float(held.mean())}
    for name, groups in columns.items():
        for what, outcome in (("accuracy", right), ("robust_accuracy", held)):
            by_group = group_means(outcome, groups, minimum_rows=minimum_rows)
            answer[f"{what}_worst_{name.replace(' & ', '_and_')}"] = _smallest(by_group)
    return answer


def _draw(size: int, rows: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.sort(np.random.default_rng(seed).choice(size, size=rows, replace=False))


def _of_rows(data: Dataset, partition: str, minimum_rows: int) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """The group of each row, if one has enough rows."""
    names, codes = data.partition(partition)
    largest = int(np.bincount(codes).max())
    if largest < minimum_rows:
        raise FairtollError(
            f"the largest group by {partition} has {largest} of the {len(data)} rows drawn; expected {minimum_rows} or "
            "more; draw more rows, or leave the partition out"
        )
    return np.array(names)[codes]


def _smallest(found: ByGroup) -> float:
    return float(found.values[found.sufficient].min())
