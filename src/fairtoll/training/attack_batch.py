"""The attack of a training step: projected gradient steps on a batch, each row against its own model of a stack."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.batch import Batch

#: Lowest and highest admissible values of the rows of a batch, `(K, B, ...)`, and the radius of each value.
Within = tuple[Tensor, Tensor, Tensor]
#: The steps of an attack together, in radii.
RELATIVE_STEP = 2.5
#: Standard deviation of a start next to the clean row, in radii: the 0.001 of TRADES at its radius of 8/255.
NEAR = 0.001 * 255 / 8


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
    within = bounds_of(batch.clean, threat=threat, epsilon=epsilon)
    low, high, radius = within
    start = start_anywhere(batch, within)
    return climb(stack.slopes(batch.labels), start, low, high, radius, threat=threat, steps=steps)


def attack_agreement(stack: ModelStack, batch: Batch, within: Within, *, threat: LinfThreat, steps: int) -> Tensor:
    """Copies of a batch, `(K, B, ...)`, about which models say something else than about the clean rows.

    The attack of TRADES (Zhang et al. 2019): projected gradient steps that raise KL(p(x) || p(x')), from a start next
    to the clean row, since on it the divergence has no gradient. It reads no labels.

    Parameters
    ----------
    stack, batch, threat
        As in `attack_batch`.
    within : tuple of Tensor
        What `bounds_of` or a `fairtoll.training.reach.Reach` returns for the batch.
    steps : int
        As in `attack_batch`; with 0 a row is moved at random inside the threat.

    Examples
    --------
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, labels, threat = torch.zeros(1, 4, 3), torch.zeros(1, 4, dtype=torch.int64), LinfThreat()
    >>> batch = Batch(rows, rows, labels, labels, BatchNoise([0], epoch=0), 0)
    >>> within = bounds_of(rows, threat=threat, epsilon=0.1)
    >>> moved = attack_agreement(ModelStack([torch.nn.Linear(3, 2)]), batch, within, threat=threat, steps=9)
    >>> bool(moved.abs().max() <= 0.1)
    True
    """
    low, high, radius = within
    start = start_near(batch, within) if steps else start_anywhere(batch, within)
    with torch.no_grad():
        predicted = stack.frozen().each(batch.clean).to(batch.clean.dtype).softmax(dim=-1)
    return climb(stack.slopes(predicted), start, low, high, radius, threat=threat, steps=steps)


def start_anywhere(batch: Batch, within: Within) -> Tensor:
    """Where an attack begins: anywhere inside the threat, uniformly.

    Examples
    --------
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, labels, one = torch.zeros(1, 4, 3), torch.zeros(1, 4, dtype=torch.int64), torch.ones(1, 4, 3)
    >>> batch = Batch(rows, rows, labels, labels, BatchNoise([0], epoch=0), 0)
    >>> bool(start_anywhere(batch, (one, one + 1, one)).min() >= 1)
    True
    """
    low, high, _ = within
    return low + (high - low) * batch.noise.uniform(low.shape).to(low)


def start_near(batch: Batch, within: Within) -> Tensor:
    """Where an attack begins: next to the clean rows.

    Examples
    --------
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, labels, one = torch.zeros(1, 4, 3), torch.zeros(1, 4, dtype=torch.int64), torch.ones(1, 4, 3)
    >>> batch = Batch(rows, rows, labels, labels, BatchNoise([0], epoch=0), 0)
    >>> bool(start_near(batch, (-one, one, one)).abs().max() < 0.2)
    True
    """
    low, high, radius = within
    moved = batch.clean + NEAR * radius * batch.noise.normal(low.shape).to(low)
    return torch.minimum(torch.maximum(moved, low), high)


def bounds_of(rows: Tensor, *, threat: LinfThreat, epsilon: float | Tensor) -> Within:
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
    relative_step: float = RELATIVE_STEP,
) -> Tensor:
    """Gradient sign steps from `start`, each of ``relative_step * radius / steps``, inside the threat.

    `slopes` returns the gradient of what is maximised in the rows; see `fairtoll.models.stack.ModelStack.slopes`.

    Examples
    --------
    >>> zero, one = torch.zeros(1, 1, 1), torch.ones(1, 1, 1)
    >>> climb(torch.ones_like, zero, -one, one, one, threat=LinfThreat(), steps=5).item()
    1.0
    """
    point, step = start, radius * (relative_step / max(steps, 1))
    for _ in range(steps):
        gradient = slopes(threat.project(point, low, high))
        point = torch.minimum(torch.maximum(point + step * gradient.sign(), low), high)
    return threat.project(point, low, high)
