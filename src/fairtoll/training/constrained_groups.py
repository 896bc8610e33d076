"""The groups whose means are constrained: which rows they have, which are measured, and what a row weighs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.errors import FairtollError
from fairtoll.training.setup import TrainingSetup

#: A group with fewer held-out rows is measured on its training rows as well.
FEW = 50
#: A group with fewer rows is not constrained.
MINIMUM = 10
TOO_FEW = (
    "no two groups of {partition} that would be compared have {minimum} rows each; expected two or more; choose "
    "another partition or give more rows"
)


@dataclass(frozen=True, eq=False)
class ConstrainedGroups:
    """P groups of the training rows whose means are compared.

    Attributes
    ----------
    names : tuple of str, length P
        Of the groups.
    blocks : tuple of int, length P
        Only groups of one block are compared.
    codes : Tensor of int64, (N,)
        The group of each row; -1 for none.
    measured : Tensor of int64, (V,)
        Positions of the rows that the groups are measured on: those that are held out, and every row of a group with
        fewer than 50 of them.
    weights : Tensor of float64, (N,) or (K, N)
        The mean over the items of what a row adds to its group, times its weight, is the mean over the group's rows,
        each once: a row weighs items / (copies x rows of the group). Of each run, where the setup's rows are weighted:
        both numbers are then sums of those weights.
    left_out : tuple of str
        Groups that are too small to be constrained.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(40, 1), torch.arange(40) % 2, torch.arange(40), [0],
    ...                       lambda: torch.nn.Linear(1, 2))
    >>> groups_of(setup, torch.arange(4), partition="class", within_classes=False).names
    ('class 0', 'class 1')
    """

    names: tuple[str, ...]
    blocks: tuple[int, ...]
    codes: Tensor
    measured: Tensor
    weights: Tensor
    left_out: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


def groups_of(setup: TrainingSetup, held_out: Tensor, *, partition: str, within_classes: bool) -> ConstrainedGroups:
    """The groups of a partition, or those of each class.

    Parameters
    ----------
    setup : TrainingSetup
        Without the held-out items.
    held_out : Tensor of int64
        Positions of the held-out rows.
    partition : str
        As `TrainingSetup.parts` takes it.
    within_classes : bool
        Compare groups only among the rows of one class. Of the partition "class", whose groups are the classes, these
        are compared with each other.

    Raises
    ------
    FairtollError
        If there are no two groups with 10 rows each to compare.
    """
    within = within_classes and partition != "class"
    crossed = within and "class" not in partition.split(" & ")
    parts = setup.parts(f"{partition} & class" if crossed else partition)
    used = torch.zeros(len(setup.y), dtype=torch.bool)
    used[setup.items] = True
    used[held_out] = True
    rows = parts.codes[used].bincount(minlength=len(parts))
    block_of = [int(setup.y[(parts.codes == code).nonzero()[0]]) if within else 0 for code in range(len(parts))]
    large = [code for code in range(len(parts)) if rows[code] >= MINIMUM]
    if not any(block_of[one] == block_of[other] for one in large for other in large if one != other):
        raise FairtollError(TOO_FEW.format(partition=partition, minimum=MINIMUM))
    place = torch.full((len(parts),), -1)
    place[large] = torch.arange(len(large))
    codes = place[parts.codes]
    return ConstrainedGroups(
        tuple(parts.names[code] for code in large),
        tuple(block_of[code] for code in large),
        codes,
        _measured(codes, held_out, used, groups=len(large)),
        _weights(codes, setup, groups=len(large)),
        tuple(parts.names[code] for code in range(len(parts)) if code not in large),
    )


def _measured(codes: Tensor, held_out: Tensor, used: Tensor, *, groups: int) -> Tensor:
    """Held-out rows alone are too few to measure a small group by."""
    some = torch.zeros_like(used)
    some[held_out] = True
    few = (codes[held_out] + 1).bincount(minlength=groups + 1) < FEW
    few[0] = False
    return ((some & (codes >= 0)) | (used & few[codes + 1])).nonzero().flatten()


def _weights(codes: Tensor, setup: TrainingSetup, *, groups: int) -> Tensor:
    copies = setup.items.bincount(minlength=len(codes)).double()
    trained = (copies > 0) & (codes >= 0)
    own, of = codes[trained], functional.one_hot(codes[trained], groups).double()
    counted = torch.ones_like(copies) if setup.row_weights is None else setup.row_weights.double()
    items, rows = counted[..., setup.items].sum(dim=-1, keepdim=True), counted[..., trained] @ of
    found = torch.zeros_like(counted)
    found[..., trained] = items / (copies[trained] * rows[..., own])
    return found
