"""Projected gradient descent that stops, row by row, where the question is answered."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtoll.attacks._descent import Descent
from fairtoll.attacks._inputs import check_inputs
from fairtoll.attacks.loss import get_loss
from fairtoll.errors import FairtollError
from fairtoll.models.batches import in_batches
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.threats.linf import LinfThreat


@dataclass(frozen=True)
class AttackResult:
    """What an attack found, on the CPU.

    Attributes
    ----------
    success : Tensor of bool, (N,)
        Rows with a misclassified admissible input; a row that is misclassified as it stands counts.
    perturbed : Tensor, (N, ...)
        That input, or the last one tried.

    Examples
    --------
    >>> AttackResult(torch.tensor([True, False]), torch.zeros(2, 3)).success.float().mean()
    tensor(0.5000)
    """

    success: Tensor
    perturbed: Tensor


def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: LinfThreat,
    epsilon: float,
    steps: int = 50,
    restarts: int = 1,
    random_start: bool = False,
    loss: str = "cross_entropy",
    relative_step: float = 2.5,
    stop_at_success: bool = True,
    start: Tensor | None = None,
    generator: torch.Generator | None = None,
    batch_size: int = 4096,
) -> AttackResult:
    """Projected gradient descent under an L-infinity threat (Madry et al. 2018).

    Each step moves every mutable feature by ``relative_step * epsilon * scale / steps`` along the sign
    of the loss's gradient, then projects. Only the input's gradient is computed. A row leaves the batch
    at its first success, or once a step no longer moves it; a misclassified row never enters.

    Parameters
    ----------
    model : Module
        Returns logits `(N, C)`; left as it was.
    x : Tensor, (N, ...)
        Clean rows in the data's units.
    y : Tensor of int64, (N,)
        True classes.
    threat : LinfThreat
        What may move, and how far per unit of epsilon.
    epsilon : float
        Bound, 0 or more.
    steps : int
        Gradient steps of each start.
    restarts : int
        Starts; all after the first are random.
    random_start : bool
        Whether the first start is random too, uniform over the admissible inputs.
    loss : {"cross_entropy", "margin"}
        What is climbed.
    relative_step : float
        Step size times `steps`, in radii.
    stop_at_success : bool
        False runs every step and returns the last iterate, as examples for training are crafted.
    start : Tensor, (N, ...), optional
        Where the first start begins instead of at `x`.
    generator : torch.Generator, optional
        On the CPU, for random starts; needed where there are any.
    batch_size : int
        Rows held at once.

    Returns
    -------
    AttackResult

    Raises
    ------
    FairtollError
        For a negative epsilon, no steps or restarts, a random start without a generator, an unknown
        loss, labels outside the model's classes, or a model that returns the wrong shape or NaN (naming
        the row and the step).

    Warns
    -----
    FairtollWarning
        If the model seems to return probabilities.

    Examples
    --------
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0]])  # class 0 where x < 0: distances 0.5 and 2
    >>> pgd(model, x, torch.tensor([0, 0]), threat=LinfThreat(), epsilon=1.0).success
    tensor([ True, False])
    """
    if steps < 1 or restarts < 1:
        raise FairtollError(f"steps is {steps} and restarts is {restarts}; expected 1 or more of each")
    if generator is None and (random_start or restarts > 1):
        raise FairtollError("random starts need a generator; pass generator=torch.Generator().manual_seed(...)")
    climb = get_loss(loss)
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size)
    if start is not None and start.shape != x.shape:
        raise FairtollError(f"start has shape {tuple(start.shape)} and x {tuple(x.shape)}; expected the same")
    device, climb = device_of(model), get_loss(loss)

    def attack(batch: slice) -> tuple[Tensor, Tensor]:
        search = Descent(
            model, x[batch].detach().to(device), y[batch].to(device), threat=threat, loss=climb, offset=batch.start
        )
        if stop_at_success:
            search.settle(search.clean, search.standing, step=0)
        for restart in range(restarts):
            if not len(search.standing):
                break
            bounds = search.bounds(epsilon, search.standing)
            if restart or random_start:
                begin = search.random_points(bounds, generator)
            elif start is not None:
                begin = search.layout.pack(start[batch].detach().to(device))[search.standing]
            else:
                begin = search.clean[search.standing]
            run = search.descend if stop_at_success else search.run_out
            run(begin, bounds, steps=steps, relative_step=relative_step)
        return search.success.cpu(), search.found()

    with borrowed(model) as model:
        parts = in_batches(len(x), batch_size, attack, generator=generator)
    if not parts:
        return AttackResult(torch.zeros(0, dtype=torch.bool), x.detach().cpu().clone())
    return AttackResult(torch.cat([success for success, _ in parts]), torch.cat([found for _, found in parts]))
