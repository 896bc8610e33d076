"""What a repair gives each class or group: weights of their losses, shares of the adversary's radius."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.errors import FairtollError
from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.attack_batch import attack_agreement, bounds_of
from fairtoll.training.batch import Batch
from fairtoll.training.fit import AfterEpoch, fit
from fairtoll.training.pair_loss import agreement_loss
from fairtoll.training.setup import Parts, TrainingSetup

#: Called as ``watch(stack, batch, moved)``.
Watch = Callable[[ModelStack, Batch, Tensor], None]

TOO_FEW = (
    "the partition {partition} has {groups} among the training rows; expected two or more groups; choose another "
    "partition, or a recipe that treats all rows alike"
)
NEGATIVE = "{name} is {value}; expected {expected}; give the published value, {published}, or another"


def repaired_parts(setup: TrainingSetup, partition: str) -> tuple[Parts, Tensor]:
    """The groups that a repair treats differently, and how many training items each has.

    Parameters
    ----------
    setup : TrainingSetup
        The rows; items that are listed more than once count more than once.
    partition : str
        "class" or groups, see `TrainingSetup.parts`.

    Returns
    -------
    Parts, Tensor of float64 (P,) or (K, P)
        The groups and their numbers of items: of each run, where rows are weighted, their weight.

    Raises
    ------
    FairtollError
        If fewer than two groups have items: there is nothing to be fair between.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(3, 1), torch.tensor([0, 1, 1]), torch.arange(3), [0],
    ...                       lambda: torch.nn.Linear(1, 2))
    >>> repaired_parts(setup, "class")[1].tolist()
    [1.0, 2.0]
    """
    parts = setup.parts(partition)
    codes = parts.codes[setup.items]
    sizes = torch.bincount(codes, minlength=len(parts)).double()
    used = [name for name, size in zip(parts.names, sizes.tolist(), strict=True) if size]
    if len(used) < 2:
        raise FairtollError(TOO_FEW.format(partition=partition, groups=f"one group, {used[0]},"))
    if setup.row_weights is not None:
        sizes = setup.row_weights[:, setup.items].double() @ functional.one_hot(codes, len(parts)).double()
    return parts, sizes


def require_within(name: str, value: float, *, published: float, most: float = math.inf) -> None:
    """Raise an error for a parameter of a repair below 0, above `most`, or not a number.

    Raises
    ------
    FairtollError
        For such a value.

    Examples
    --------
    >>> require_within("step", -1.0, published=0.01)
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: step is -1.0; expected 0 or more; give the published value, 0.01, or another
    """
    if not (0 <= value <= most and math.isfinite(value)):
        expected = "0 or more" if math.isinf(most) else f"a number between 0 and {most:g}"
        raise FairtollError(NEGATIVE.format(name=name, value=value, expected=expected, published=published))


def placed(parts: Parts, device: str) -> Parts:
    """The same groups with their codes where training runs, so that they are not moved there for every batch.

    Examples
    --------
    >>> placed(Parts("class", ("no", "yes"), torch.tensor([0, 1, 1])), "cpu").codes.tolist()
    [0, 1, 1]
    """
    return replace(parts, codes=parts.codes.to(device))


def of_rows(values: Tensor, parts: Parts, batch: Batch) -> Tensor:
    """The value of each row's group, `(K, B)`, from one for each group of each model, `(K, P)`.

    Examples
    --------
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, positions = torch.zeros(1, 3, 1), torch.tensor([[2, 0, 1]])
    >>> batch = Batch(rows, rows, positions, positions, BatchNoise([0], epoch=0), 0)
    >>> of_rows(torch.tensor([[0.5, 2.0]]), Parts("class", ("no", "yes"), torch.tensor([0, 1, 1])), batch).tolist()
    [[2.0, 0.5, 2.0]]
    """
    codes = parts.codes[batch.positions]
    return values.to(codes.device).gather(1, codes)


def sums_of_parts(values: Tensor, parts: Parts, batch: Batch) -> tuple[Tensor, Tensor]:
    """Sums of the values `(K, B)` of a batch's rows by group, and numbers of rows, `(K, P)` each, in float64.

    Where rows are weighted, both are weighted sums.

    Examples
    --------
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, positions = torch.zeros(1, 3, 1), torch.tensor([[2, 0, 1]])
    >>> batch = Batch(rows, rows, positions, positions, BatchNoise([0], epoch=0), 0)
    >>> parts = Parts("class", ("no", "yes"), torch.tensor([0, 1, 1]))
    >>> [found.tolist() for found in sums_of_parts(torch.tensor([[1.0, 2.0, 3.0]]), parts, batch)]
    [[[2.0, 4.0]], [[1.0, 2.0]]]
    """
    codes = parts.codes[batch.positions]
    of = functional.one_hot(codes, len(parts)).double()
    values = values.detach().double()
    if batch.weights is None:
        return (values.unsqueeze(1) @ of).squeeze(1), of.sum(dim=1)
    weights = batch.weights.double()
    return ((values * weights).unsqueeze(1) @ of).squeeze(1), (weights.unsqueeze(1) @ of).squeeze(1)


@dataclass(eq=False)
class PartPolicy:
    """What training with agreement gives each group of each model now, `(K, P)` each; it may change between steps.

    Attributes
    ----------
    parts : Parts
        The groups.
    accuracy : Tensor
        Weight of the cross-entropy of their clean rows.
    agreement : Tensor
        Weight of the divergence between what is predicted of a row and of its worst neighbour.
    radius : Tensor
        How far that neighbour may be, as a share of the adversary's radius.

    Examples
    --------
    >>> policy = PartPolicy.alike(Parts("class", ("no", "yes"), torch.tensor([0, 1, 1])), models=1, beta=6.0)
    >>> policy.accuracy.tolist(), policy.agreement.tolist()
    ([[1.0, 1.0]], [[6.0, 6.0]])
    """

    parts: Parts
    accuracy: Tensor
    agreement: Tensor
    radius: Tensor

    @classmethod
    def alike(cls, parts: Parts, *, models: int, beta: float) -> PartPolicy:
        """All groups alike: TRADES (Zhang et al. 2019) with the weight `beta` of agreement."""
        ones = torch.ones(models, len(parts), dtype=torch.float64)
        return cls(parts, ones, beta * ones, ones)


def train_with_policy(
    setup: TrainingSetup,
    policy: PartPolicy,
    *,
    threat: LinfThreat,
    epsilon: float,
    steps: int,
    watch: Watch | None = None,
    after_epoch: AfterEpoch | None = None,
) -> ModelStack:
    """TRADES with what a policy gives each class or group: the one trainer of repairs that change it as they learn.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    policy : PartPolicy
        Read at every step; `watch` and `after_epoch` may change it.
    threat, epsilon, steps
        The training attack's, as `fairtoll.training.train_trades` takes them.
    watch : callable, optional
        Called as ``watch(stack, batch, moved)`` with the worst neighbours `(K, B, ...)` of each batch.
    after_epoch : callable, optional
        As in `fairtoll.training.fit`.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> policy = PartPolicy.alike(setup.parts("class"), models=1, beta=6.0)
    >>> len(train_with_policy(setup, policy, threat=LinfThreat(), epsilon=0.1, steps=2))
    1
    """
    parts = placed(policy.parts, setup.device)

    def perturb(stack: ModelStack, batch: Batch) -> Tensor:
        radii = epsilon * of_rows(policy.radius, parts, batch)
        within = bounds_of(batch.clean, threat=threat, epsilon=radii)
        moved = attack_agreement(stack, batch, within, threat=threat, steps=steps)
        if watch is not None:
            watch(stack, batch, moved)
        return moved

    def weights(batch: Batch) -> tuple[Tensor, Tensor]:
        accuracy, agreement = (of_rows(one, parts, batch) for one in (policy.accuracy, policy.agreement))
        return accuracy.to(batch.clean.dtype), agreement.to(batch.clean.dtype)

    return fit(
        setup.initial_stack(),
        setup.x,
        setup.y,
        items=setup.items,
        seeds=setup.seeds,
        settings=setup.settings,
        row_weights=setup.row_weights,
        perturb=perturb,
        loss=agreement_loss(weights),
        after_epoch=after_epoch,
    )
