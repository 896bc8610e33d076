"""What a repair gives each class or group: weights of their losses, shares of the adversary's radius."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.errors import FairtollError
from fairtoll.training.batch import Batch
from fairtoll.training.setup import Parts, TrainingSetup

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
    Parts, Tensor of float64 (P,)
        The groups and their numbers of items.

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
    sizes = torch.bincount(parts.codes[setup.items], minlength=len(parts)).double()
    used = [name for name, size in zip(parts.names, sizes.tolist(), strict=True) if size]
    if len(used) < 2:
        raise FairtollError(TOO_FEW.format(partition=partition, groups=f"one group, {used[0]},"))
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
    codes = parts.codes.to(batch.positions.device)[batch.positions]
    return values.to(codes.device).gather(1, codes)


def sums_of_parts(values: Tensor, parts: Parts, batch: Batch) -> tuple[Tensor, Tensor]:
    """Sums of the values `(K, B)` of a batch's rows by group, and numbers of rows, `(K, P)` each, in float64.

    Examples
    --------
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, positions = torch.zeros(1, 3, 1), torch.tensor([[2, 0, 1]])
    >>> batch = Batch(rows, rows, positions, positions, BatchNoise([0], epoch=0), 0)
    >>> parts = Parts("class", ("no", "yes"), torch.tensor([0, 1, 1]))
    >>> [found.tolist() for found in sums_of_parts(torch.tensor([[1.0, 2.0, 3.0]]), parts, batch)]
    [[[2.0, 4.0]], [[1.0, 2.0]]]
    """
    codes = parts.codes.to(batch.positions.device)[batch.positions]
    of = functional.one_hot(codes, len(parts)).double()
    return (values.detach().double().unsqueeze(1) @ of).squeeze(1), of.sum(dim=1)
