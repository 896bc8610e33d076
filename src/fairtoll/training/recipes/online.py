"""On-line PGD adversarial training: every batch is attacked with the current weights."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.attack_batch import RELATIVE_STEP, climb, start_anywhere
from fairtoll.training.batch import Batch
from fairtoll.training.fit import Loss, cross_entropy, fit
from fairtoll.training.reach import Reach
from fairtoll.training.recipes.recipe import RADIUS, Adversary, Recipe
from fairtoll.training.setup import TrainingSetup

#: Gradient steps of the training attack.
STEPS = 7


def train_online(
    setup: TrainingSetup,
    *,
    threat: LinfThreat,
    epsilon: float,
    steps: int = STEPS,
    loss: Loss = cross_entropy,
    relative_step: float = RELATIVE_STEP,
    after_step: Callable[[ModelStack], None] | None = None,
) -> ModelStack:
    """PGD adversarial training (Madry et al. 2018): each batch is replaced by adversarial examples of it.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    threat : LinfThreat
        What the adversary may change.
    epsilon : float
        Bound of the training attack.
    steps : int
        Its gradient steps. With 0 each batch is moved at random inside the threat: the control that separates the
        effect of the adversary from that of noise.
    loss : callable
        Of the adversarial examples, as `fit` takes it; repairs weigh rows by it.
    relative_step : float
        Its steps together, in radii.
    after_step : callable, optional
        As in `fairtoll.training.fit`.

    Returns
    -------
    ModelStack
        One model per seed.

    Examples
    --------
    >>> import torch
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_online(setup, threat=LinfThreat(), epsilon=0.1, steps=2))
    1
    """
    reach = Reach(setup, threat=threat, epsilon=epsilon)

    def perturb(stack: ModelStack, batch: Batch) -> Tensor:
        within = reach(batch)
        start = start_anywhere(batch, within)
        slopes = stack.slopes(batch.labels)
        return climb(slopes, start, *within, threat=threat, steps=steps, relative_step=relative_step)

    return fit(
        setup.initial_stack(),
        setup.x,
        setup.y,
        items=setup.items,
        seeds=setup.seeds,
        settings=setup.settings,
        row_weights=setup.row_weights,
        perturb=perturb,
        loss=loss,
        after_step=after_step,
    )


def _train(setup: TrainingSetup, adversary: Adversary) -> ModelStack:
    return train_online(setup, threat=adversary.threat, epsilon=adversary.epsilon, steps=STEPS)


ONLINE = Recipe(
    "online",
    "On-line adversarial",
    f"PGD adversarial training: each batch attacked by PGD-{STEPS} with the current weights",
    _train,
    control="online-noise",
    gradients=float(STEPS),
    needs_adversary=True,
    strength=RADIUS,
    masks=True,
)
