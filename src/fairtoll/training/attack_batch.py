"""The attack of a training step: projected gradient steps on a batch, each row against its own model of a stack."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.batch import Batch


def attack_batch(
    stack: ModelStack,
    batch: Batch,
    *,
    threat: LinfThreat,
    epsilon: float | Tensor,
    steps: int,
) -> Tensor:
    """Adversarial examples of one batch, `(K, B, ...)`: PGD with cross-entropy from a uniform random start.

    Parameters
    ----------
    stack : ModelStack
        K models; model k's rows are attacked with its current weights.
    batch : Batch
        The rows, their classes, and the noise of the start.
    threat : LinfThreat
        What the adversary may change.
    epsilon : float or Tensor, (K, B)
        Its radius, or that of each row.
    steps : int
        Gradient steps of ``2.5 epsilon / steps`` each; with 0 a row is moved at random inside the threat.

    Examples
    --------
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, labels = torch.zeros(1, 4, 3), torch.zeros(1, 4, dtype=torch.int64)
    >>> batch = Batch(rows, rows, labels, labels, BatchNoise([0], epoch=0), 0)
    >>> moved = attack_batch(ModelStack([torch.nn.Linear(3, 2)]), batch, threat=LinfThreat(), epsilon=0.1, steps=2)
    >>> bool(moved.abs().max() <= 0.1)
    True
    """
    low, high, radius = bounds_of(batch.clean, threat=threat, epsilon=epsilon)
    start = low + (high - low) * batch.noise.uniform(low.shape).to(low)
    return climb(stack.slopes(batch.labels), start, low, high, radius, threat=threat, steps=steps)


def bounds_of(rows: Tensor, *, threat: LinfThreat, epsilon: float | Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Lowest and highest admissible values of rows `(K, B, ...)` and each value's radius, all of their shape.

    `epsilon` is one radius, or that of each row, `(K, B)`.

    Examples
    --------
    >>> low, high, radius = bounds_of(torch.zeros(1, 2, 1), threat=LinfThreat(), epsilon=torch.tensor([[0.25, 0.5]]))
    >>> high.flatten().tolist()
    [0.25, 0.5]
    """
    flat, of_rows = rows.flatten(0, 1), epsilon.flatten() if isinstance(epsilon, Tensor) else epsilon
    low, high = (end.view_as(rows) for end in threat.bounds(flat, of_rows))
    return low, high, threat.radius(flat, of_rows).view_as(rows)


def climb(
    slopes: Callable[[Tensor], Tensor],
    start: Tensor,
    low: Tensor,
    high: Tensor,
    radius: Tensor,
    *,
    threat: LinfThreat,
    steps: int,
) -> Tensor:
    """Gradient sign steps of ``2.5 radius / steps`` from `start`, kept between `low` and `high` and in the threat.

    `slopes` returns the gradient of what is maximised in the rows; see `fairtoll.models.stack.ModelStack.slopes`.

    Examples
    --------
    >>> zero, one = torch.zeros(1, 1, 1), torch.ones(1, 1, 1)
    >>> climb(torch.ones_like, zero, -one, one, one, threat=LinfThreat(), steps=5).item()
    1.0
    """
    point, step = start, radius * (2.5 / max(steps, 1))
    for _ in range(steps):
        gradient = slopes(threat.project(point, low, high))
        point = torch.minimum(torch.maximum(point + step * gradient.sign(), low), high)
    return threat.project(point, low, high)
