"""A union of attacks: a row is robust only if it stands under all of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..threat import LinfThreat
from ._inputs import check_inputs
from .grid import MAXIMUM_FEATURES, grid, mutable_features
from .pgd import pgd


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

    Examples
    --------
    >>> UnionResult(torch.tensor([True]), ["margin"], torch.zeros(1, 2)).broken_by
    ['margin']
    """

    success: Tensor
    broken_by: list[str]
    perturbed: Tensor


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
    batch_size: int = 4096,
) -> UnionResult:
    """PGD with cross-entropy, PGD with the margin (both with restarts), then a gradient-free grid.

    The cheapest goes first and each attack meets only the rows that still stand. The grid joins where
    at most 8 features of a table may move. On two classes cross-entropy and margin have the same
    gradient sign until the softmax underflows; the margin's restarts then draw other starts.

    Parameters
    ----------
    model, x, y, threat, epsilon, steps, restarts, batch_size
        As in `pgd`; the first start of each loss is the clean row.
    generator : torch.Generator
        For the random starts.

    Returns
    -------
    UnionResult

    Raises
    ------
    FairtollError
        As `pgd` does.

    Examples
    --------
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0], [1.0]])
    >>> union(model, x, torch.tensor([0, 0, 0]), threat=LinfThreat(), epsilon=1.0,
    ...       generator=torch.Generator().manual_seed(0)).broken_by
    ['cross_entropy', '', 'clean']
    """
    check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size)
    perturbed = x.detach().cpu().clone()
    broken_by = [""] * len(x)
    standing = torch.arange(len(x))
    few = x.ndim == 2 and len(mutable_features(threat, x)) <= MAXIMUM_FEATURES
    for name in ["clean", "cross_entropy", "margin"] + ["grid"] * few:
        if not len(standing):
            break
        rows, labels = x[standing], y[standing]
        if name == "grid":
            attack = grid(model, rows, labels, threat=threat, epsilon=epsilon, batch_size=batch_size)
        else:
            attack = pgd(
                model,
                rows,
                labels,
                threat=threat,
                epsilon=0.0 if name == "clean" else epsilon,
                steps=1 if name == "clean" else steps,
                restarts=1 if name == "clean" else restarts,
                loss="cross_entropy" if name == "clean" else name,
                generator=generator,
                batch_size=batch_size,
            )
        for row in standing[attack.success].tolist():
            broken_by[row] = name
        perturbed[standing] = attack.perturbed
        standing = standing[~attack.success]
    success = torch.tensor([bool(name) for name in broken_by], dtype=torch.bool)
    return UnionResult(success, broken_by, perturbed)
