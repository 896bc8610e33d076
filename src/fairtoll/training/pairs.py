"""Training on every row and a changed copy of it: static adversarial training and its two controls."""

from __future__ import annotations

import torch
from torch import Tensor

from fairtoll.models.stack import ModelStack
from fairtoll.training.fit import fit
from fairtoll.training.setup import TrainingSetup


def train_on_pairs(setup: TrainingSetup, examples: Tensor) -> ModelStack:
    """Train on every item and its example, merged and shuffled: twice the updates of standard training.

    With `craft_adversarial_examples` this is the paper's adversarial training (section IV.A); with `add_sign_noise`, or
    with the rows themselves, it is the control that separates the effect of the adversary from that of twice the
    training.

    Parameters
    ----------
    setup : TrainingSetup
        N rows, K seeds.
    examples : Tensor, (K, N, ...) or (N, ...)
        One a row, for each model or shared.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_on_pairs(setup, setup.x))
    1
    """
    axis = examples.ndim - setup.x.ndim
    rows = torch.cat([setup.x.expand_as(examples), examples], dim=axis)
    return fit(
        setup.initial_stack(),
        rows,
        torch.cat([setup.y, setup.y]),
        items=torch.cat([setup.items, setup.items + len(setup.y)], dim=-1),
        seeds=setup.seeds,
        settings=setup.settings,
        # A row that is masked is masked with its example.
        row_weights=None if setup.row_weights is None else torch.cat([setup.row_weights] * 2, dim=1),
    )
