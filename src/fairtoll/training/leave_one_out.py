"""Leave-one-out members: which model is trained without which row, under which design, as one stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.models.stack import ModelStack
from fairtoll.progress import tracked
from fairtoll.randomness import derive_seed, torch_generator
from fairtoll.training.pairs import train_on_pairs
from fairtoll.training.recipes.standard import train_standard
from fairtoll.training.setup import TrainingSetup

#: Called with the setup of some members, its row weights included; returns one model each.
Train = Callable[[TrainingSetup], ModelStack]

#: The paper's question first, then the two readings that let the seed or the schedule move with the row, then
#: three floors, in which no row is left out.
Design = Literal["masked", "independent-seeds", "re-permuted", "rerun", "one-ulp", "new-seed"]
DESIGNS: tuple[Design, ...] = get_args(Design)
FLOORS: tuple[Design, ...] = ("rerun", "one-ulp", "new-seed")


@dataclass(frozen=True)
class Member:
    """One model of a design.

    Attributes
    ----------
    number : int
        Its place in the design; its random draws depend on this, never on the other members of a stack.
    seed : int
        Of its initial weights, batch schedule and attack noise.
    left_out : int, optional
        The training row that is left out, with its copies and its adversarial example.
    deleted : bool
        Whether that row's items are taken away, so that the schedule is redrawn over the rest; else their
        loss weight is zero and the schedule stays.
    nudged : bool
        Whether one initial weight is one float larger.

    Examples
    --------
    >>> Member(0, seed=7).left_out is None
    True
    """

    number: int
    seed: int
    left_out: int | None = None
    deleted: bool = False
    nudged: bool = False


def choose_left_out(rows: int, count: int, *, seed: int) -> list[int]:
    """`count` different training rows, drawn uniformly; a longer draw begins with the shorter one.

    Raises
    ------
    FairtollError
        If there are fewer rows, or the count is 0.

    Examples
    --------
    >>> choose_left_out(1000, 50, seed=0)[:10] == choose_left_out(1000, 10, seed=0)
    True
    """
    if not 1 <= count <= rows:
        raise FairtollError(f"{count} rows to leave out of {rows} training rows; expected 1 to {rows}")
    drawn: list[int] = torch.randperm(rows, generator=torch_generator(seed, "left-out rows"))[:count].tolist()
    return drawn


def plan_members(design: Design, left_out: Sequence[int], *, seed: int) -> list[Member]:
    """The members of a design, one for each left-out row; a floor has as many, each on all rows.

    Parameters
    ----------
    design : {"masked", "independent-seeds", "re-permuted", "rerun", "one-ulp", "new-seed"}
        - "masked": the row's loss weight is zero, all else is the full model's.
        - "independent-seeds": masked, and every member has its own seed.
        - "re-permuted": the full model's seed, its schedule redrawn over the remaining items.
        - "rerun": the full model again.
        - "one-ulp": the full model, one seeded initial weight moved to the next float.
        - "new-seed": all rows with its own seed, the one that the same member of "independent-seeds" has.
    left_out : sequence of int
        Training rows.
    seed : int
        Of the full model.

    Raises
    ------
    FairtollError
        For an unknown design.

    Examples
    --------
    >>> plan_members("masked", [12, 5], seed=0)[1]
    Member(number=1, seed=0, left_out=5, deleted=False, nudged=False)
    """
    if design not in DESIGNS:
        raise FairtollError(f"unknown design '{design}'; expected one of {', '.join(DESIGNS)}")
    own_seed = design in ("independent-seeds", "new-seed")
    return [
        Member(
            number,
            derive_seed(seed, "leave-one-out member", number) if own_seed else seed,
            None if design in FLOORS else row,
            deleted=design == "re-permuted",
            nudged=design == "one-ulp",
        )
        for number, row in enumerate(left_out)
    ]


def train_members(
    members: Sequence[Member],
    setup: TrainingSetup,
    *,
    train: Train = train_standard,
    examples: Tensor | None = None,
    apart: bool = False,
    dtype: torch.dtype = torch.float32,
) -> ModelStack:
    """Train members as one stack: shared initial weights, batch schedule and attack noise wherever seeds agree.

    Semantics of the masked design: a left-out row's loss weight is zero, with its oversampled copies and its
    adversarial example; a batch's mean runs over the weight that remains; a member with none left skips the step. A
    member without a left-out row is the full model, bit for bit, whatever the other members are.

    Parameters
    ----------
    members : sequence of Member, length K
        Of any designs.
    setup : TrainingSetup
        N rows; its seeds are not used.
    train : callable
        How they are trained, such as `fairtoll.training.train_online` with its threat given, or a recipe that masks
        rows (`fairtoll.training.Recipe.masks`) with its adversary. Default: standard training.
    examples : Tensor, (K, N, ...) or (N, ...), optional
        Examples to train on besides the rows, of each member or shared, by `train_on_pairs` instead of `train`.
    apart : bool
        Whether members train one by one: for recipes that measure groups while they train, whose sums depend in their
        last digits on how many models there are, and which hold out items or count them, the same for all of a stack.
    dtype : torch.dtype
        Precision of training: float64 where rounding must not hide the effect of the row.

    Returns
    -------
    ModelStack
        K models, in order.

    Raises
    ------
    FairtollError
        If there are no members, a left-out row is none of the N or is not an item, the optimiser's
        products are not in full precision, or the network has batch normalisation.

    Examples
    --------
    >>> setup = TrainingSetup(torch.randn(6, 3), torch.tensor([0, 1] * 3), torch.arange(6), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> stack = train_members([Member(0, 0), *plan_members("masked", [2, 4], seed=0)], setup)
    >>> len(stack), bool(torch.equal(stack.parameters["weight"][1], stack.parameters["weight"][2]))
    (3, False)
    """
    _check(members, setup)
    groups: dict[tuple[int, int], list[int]] = {}
    all_items = [_items_of(member, setup.items) for member in members]
    for position, items in enumerate(all_items):
        groups.setdefault((len(items), position if apart else 0), []).append(position)
    trained: dict[int, ModelStack] = {}
    for positions in tracked(list(groups.values()), weights=[len(positions) for positions in groups.values()]):
        chosen = [members[position] for position in positions]
        own = [all_items[position] for position in positions]
        # Items are shared unless they were removed: then only the schedule differs between members.
        items = torch.stack(own) if not apart and any(member.deleted for member in chosen) else own[0]
        given = _setup_of(chosen, replace(setup, items=items), dtype)
        with full_precision():
            if examples is None:
                stack = train(given)
            else:
                stack = train_on_pairs(given, examples[positions] if examples.ndim > setup.x.ndim else examples)
        trained |= dict(zip(positions, _each(stack), strict=True))
    return ModelStack.joined([trained[position] for position in range(len(members))])


def _setup_of(members: Sequence[Member], setup: TrainingSetup, dtype: torch.dtype) -> TrainingSetup:
    """What a recipe is given to train these members: their seeds, initial weights and row weights."""
    seeds = [member.seed for member in members]
    start = replace(setup, seeds=seeds, start=None).initial_stack().to(dtype=dtype)
    weights = torch.ones(len(members), len(setup.y), dtype=dtype)
    for position, member in enumerate(members):
        if member.left_out is not None:
            weights[position, member.left_out] = 0
        if member.nudged:
            _nudge(start, position, torch_generator(member.seed, "one ulp", member.number))
    return replace(setup, x=setup.x.to(dtype), seeds=seeds, row_weights=weights, start=start)


@contextmanager
def full_precision() -> Iterator[None]:
    """No TF32, and deterministic convolutions: members must differ by their rows, not by their kernels.

    Examples
    --------
    >>> with full_precision():
    ...     torch.get_float32_matmul_precision()
    'highest'
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def _each(stack: ModelStack) -> list[ModelStack]:
    return [stack.part([position]) for position in range(len(stack))]


def _items_of(member: Member, items: Tensor) -> Tensor:
    return items[items != member.left_out] if member.deleted and member.left_out is not None else items


def _nudge(stack: ModelStack, position: int, generator: torch.Generator) -> None:
    """Move one weight, drawn among those that are not zero, to the next larger float."""
    values = [tensor[position].flatten() for tensor in stack.parameters.values()]
    # The next float after zero is too small to have an effect.
    candidates = torch.cat(values).nonzero().flatten()
    chosen = int(candidates[torch.randint(len(candidates), (1,), generator=generator)])
    for value in values:
        if chosen < len(value):
            value[chosen] = torch.nextafter(value[chosen], torch.full_like(value[chosen], torch.inf))
            return
        chosen -= len(value)


def _check(members: Sequence[Member], setup: TrainingSetup) -> None:
    if not members:
        raise FairtollError("no members to train; plan_members gives those of a design")
    if setup.settings.precision != "float32":
        raise FairtollError(
            f"precision is {setup.settings.precision}; leave-one-out members are trained in full precision, since "
            "rounding would outweigh one row: give float32"
        )
    present = set(setup.items.tolist())
    for member in members:
        row = member.left_out
        if row is not None and not 0 <= row < len(setup.y):
            raise FairtollError(f"row {row} is to be left out of {len(setup.y)} rows; expected 0 to {len(setup.y) - 1}")
        if row is not None and row not in present:
            raise FairtollError(
                f"row {row} is to be left out, and is not an item of the training set; give one that is"
            )
