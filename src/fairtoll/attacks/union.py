"""A union of attacks: a row is robust only if it stands under all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.attacks._inputs import check_inputs, class_count, numbered
from fairtoll.attacks.apgd import apgd
from fairtoll.attacks.grid import MAXIMUM_FEATURES, grid, mutable_features
from fairtoll.attacks.pgd import AttackResult, pgd
from fairtoll.attacks.square import square
from fairtoll.errors import FairtollError
from fairtoll.threats.linf import LinfThreat

#: On one training run of five Adult arms this found what the whole grid finds but for one row of 30,936, in a
#: quarter of the time.
GRID_PATIENCE = 128


@dataclass(frozen=True)
class UnionResult:
    """What a union found.

    Attributes
    ----------
    success : Tensor of bool, (N,)
        Rows that some attack broke.
    broken_by : list of str, length N
        The first attack that broke the row, "clean" for a misclassified row, "" for one that stands.
    perturbed : Tensor, (N, ...)
        The adversarial inputs.
    attacks : list of str
        The attacks it is made of, in order, without "clean".

    Examples
    --------
    >>> UnionResult(torch.tensor([True]), ["square"], torch.zeros(1, 2)).broken_by
    ['square']
    """

    success: Tensor
    broken_by: list[str]
    perturbed: Tensor
    attacks: list[str] = field(default_factory=list)


def union(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: LinfThreat,
    epsilon: float,
    generator: torch.Generator,
    steps: int = 50,
    restarts: int = 5,
    queries: int = 500,
    batch_size: int = 4096,
) -> UnionResult:
    """PGD, a grid, Auto-PGD with both losses and restarts, then Square: robust is only what stands under all.

    The cheapest goes first and each attack meets only the rows that still stand: cross-entropy PGD from
    the clean row, a grid without gradients, Auto-PGD with cross-entropy from random starts, Auto-PGD with the
    margin, and the black-box Square attack. The grid joins where at most 8 features of a table may move; a batch
    gives it up after 128 points in vain, but tries every corner. Square tries corners alone, so it joins where the
    grid did not. On two classes cross-entropy and margin have the same gradient sign until the softmax underflows,
    so that Auto-PGD then takes the margin alone.

    Parameters
    ----------
    model, x, y, threat, epsilon, batch_size
        As in `pgd`.
    generator : torch.Generator
        For the random starts and for Square.
    steps : int
        Gradient steps of each start.
    restarts : int
        Starts of each loss, the first of them the clean row.
    queries : int
        Square's questions a row; 0 leaves it out.

    Returns
    -------
    UnionResult
        Attacks are called "clean", "cross_entropy", "grid", "apgd_cross_entropy", "apgd_margin" and "square".

    Raises
    ------
    FairtollError
        For a negative number of queries, and as `pgd` does.

    Warns
    -----
    FairtollWarning
        If the model seems to return probabilities, or a batch does not fit the device's memory.

    Examples
    --------
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0], [1.0]])
    >>> union(model, x, torch.tensor([0, 0, 0]), threat=LinfThreat(), epsilon=1.0,
    ...       generator=torch.Generator().manual_seed(0)).broken_by
    ['cross_entropy', '', 'clean']
    """
    if steps < 1 or restarts < 1:
        raise FairtollError(f"steps is {steps} and restarts is {restarts}; expected 1 or more of each")
    if queries < 0:
        raise FairtollError(f"queries is {queries}; expected 0 or more, 0 to leave Square out")
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size)
    classes = class_count(model)
    shared: dict[str, Any] = {"threat": threat, "epsilon": epsilon, "batch_size": batch_size}
    descent: dict[str, Any] = {**shared, "steps": steps, "generator": generator}
    features = len(mutable_features(threat, x)) if x.ndim == 2 else MAXIMUM_FEATURES + 1
    attacks: list[tuple[str, Callable[[Tensor, Tensor], AttackResult]]] = [
        ("clean", lambda rows, labels: pgd(model, rows, labels, **{**shared, "epsilon": 0.0}, steps=1)),
        ("cross_entropy", lambda rows, labels: pgd(model, rows, labels, **descent)),
    ]
    if features <= MAXIMUM_FEATURES:
        patience = max(GRID_PATIENCE, 2**features)
        attacks.append(("grid", lambda rows, labels: grid(model, rows, labels, **shared, patience=patience)))
    if classes > 2 and restarts > 1:
        again = {**descent, "random_start": True, "restarts": restarts - 1}
        attacks.append(("apgd_cross_entropy", lambda rows, labels: apgd(model, rows, labels, **again)))
    margin = {**descent, "restarts": restarts, "loss": "margin"}
    attacks.append(("apgd_margin", lambda rows, labels: apgd(model, rows, labels, **margin)))
    if features > MAXIMUM_FEATURES and queries:
        search = {**shared, "generator": generator, "queries": queries}
        attacks.append(("square", lambda rows, labels: square(model, rows, labels, **search)))

    perturbed = x.detach().cpu().clone()
    broken_by = [""] * len(x)
    standing = torch.arange(len(x))
    for name, attack in attacks:
        if not len(standing):
            break
        with numbered(standing):
            found = attack(x[standing], y[standing])
        for row in standing[found.success].tolist():
            broken_by[row] = name
        perturbed[standing] = found.perturbed
        standing = standing[~found.success]
    success = torch.tensor([bool(name) for name in broken_by], dtype=torch.bool)
    return UnionResult(success, broken_by, perturbed, [name for name, _ in attacks[1:]])
