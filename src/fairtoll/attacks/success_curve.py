"""Success at several radii, each answered once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from fairtoll.attacks._inputs import check_inputs
from fairtoll.attacks.pgd import pgd
from fairtoll.errors import FairtollError
from fairtoll.threat import LinfThreat


def success_curve(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: LinfThreat,
    epsilons: Sequence[float],
    steps: int = 50,
    restarts: int = 1,
    loss: str = "cross_entropy",
    generator: torch.Generator | None = None,
    batch_size: int = 4096,
) -> Tensor:
    """Which rows are broken at each radius, in ascending order.

    A row broken at one radius is broken at every larger one and is not attacked again; the others
    start from where the smaller radius left them. The curve is therefore monotone by construction:
    the alarm "not monotone" must rest on independent attacks at each radius (`pgd`).

    Parameters
    ----------
    model, x, y, threat, steps, restarts, loss, generator, batch_size
        As in `pgd`.
    epsilons : sequence of float, length E
        Radii, ascending.

    Returns
    -------
    Tensor of bool, (E, N)

    Raises
    ------
    FairtollError
        If the radii are empty or not ascending, and as `pgd` does.

    Examples
    --------
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0]])
    >>> success_curve(model, x, torch.tensor([0, 0]), threat=LinfThreat(), epsilons=[0.1, 1.0, 3.0]).tolist()
    [[False, False], [True, False], [True, True]]
    """
    check_epsilons(epsilons)
    check_inputs(model, x, y, threat=threat, epsilon=epsilons[0], batch_size=batch_size)
    success = torch.zeros(len(epsilons), len(x), dtype=torch.bool)
    start = x.detach().cpu().clone()
    standing = torch.arange(len(x))
    for position, epsilon in enumerate(epsilons):
        attack = pgd(
            model,
            x[standing],
            y[standing],
            threat=threat,
            epsilon=epsilon,
            steps=steps,
            restarts=restarts,
            loss=loss,
            start=start[standing],
            generator=generator,
            batch_size=batch_size,
        )
        start[standing] = attack.perturbed
        success[position:, standing[attack.success]] = True
        standing = standing[~attack.success]
        if not len(standing):
            break
    return success


def check_epsilons(epsilons: Sequence[float]) -> None:
    """Raise unless the radii are at least one, 0 or more, and ascending."""
    given = list(epsilons)
    if not given or not given[0] >= 0 or not all(one < other for one, other in pairwise(given)):
        raise FairtollError(f"epsilons is {given}; expected radii of 0 or more, each once, in ascending order")
