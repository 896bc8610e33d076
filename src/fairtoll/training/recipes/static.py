"""The paper's static adversarial training, and the two controls with the same number of updates."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fairtoll.attacks.pgd import pgd
from fairtoll.models.borrow import device_of
from fairtoll.models.stack import ModelStack
from fairtoll.progress import tracked
from fairtoll.randomness import torch_generator
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.fit import Precision, fit
from fairtoll.training.setup import TrainingSetup

NOISE_ROWS = 4096


def craft_adversarial_examples(
    sources: ModelStack,
    x: Tensor,
    y: Tensor,
    *,
    threat: LinfThreat,
    epsilon: float,
    steps: int = 20,
    relative_step: float = 2.5,
    random_start: Sequence[torch.Generator] | None = None,
    precision: Precision = "float32",
    batch_size: int = 4096,
) -> Tensor:
    """An adversarial twin of every row against each source model, crafted once, `(K, N, ...)`.

    PGD with cross-entropy, all steps taken, from the clean row unless `random_start` gives a generator for each
    model. Rows to train on may be crafted in the precision of the training; rows to evaluate on may not.

    Examples
    --------
    >>> sources = ModelStack([torch.nn.Linear(3, 2)])
    >>> craft_adversarial_examples(sources, torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64),
    ...             threat=LinfThreat(), epsilon=0.5).shape
    torch.Size([1, 4, 3])
    """
    twins = []
    for index, model in enumerate(tracked(sources.members())):
        with torch.autocast(device_of(model).type, torch.bfloat16, enabled=precision == "bfloat16"):
            attack = pgd(
                model,
                x,
                y,
                threat=threat,
                epsilon=epsilon,
                steps=steps,
                relative_step=relative_step,
                random_start=random_start is not None,
                generator=None if random_start is None else random_start[index],
                stop_at_success=False,
                batch_size=batch_size,
            )
        twins.append(attack.perturbed)
    return torch.stack(twins)


def add_sign_noise(setup: TrainingSetup, *, threat: LinfThreat, epsilon: float) -> Tensor:
    """A twin of every row for each seed, each mutable feature moved by plus or minus its radius, `(K, N, ...)`.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(2, 1), torch.tensor([0, 1]), torch.arange(2), [0],
    ...                       lambda: torch.nn.Linear(1, 2))
    >>> add_sign_noise(setup, threat=LinfThreat(scale=2.0), epsilon=0.5).abs().unique()
    tensor([1.])
    """
    twins = setup.x.new_empty(len(setup.seeds), *setup.x.shape)
    generators = [torch_generator(seed, "noise twins") for seed in setup.seeds]
    # Some rows at a time: bounds are made in float64, of which a whole set of images would take gigabytes.
    for first in range(0, len(setup.x), NOISE_ROWS):
        rows = setup.x[first : first + NOISE_ROWS]
        low, high = threat.bounds(rows, epsilon)
        for run, generator in zip(twins, generators, strict=True):
            up = torch.rand(rows.shape, generator=generator) < 0.5
            run[first : first + NOISE_ROWS] = torch.where(up, high, low)
    return twins


def train_on_pairs(
    setup: TrainingSetup,
    twins: Tensor,
    *,
    start: ModelStack | None = None,
) -> ModelStack:
    """Train on every item and its twin, merged and shuffled: twice the updates of standard training.

    With `craft_adversarial_examples` this is the paper's adversarial training (section IV.A); with `add_sign_noise`, or
    with the rows themselves, it is the control that tells the adversary's part from twice the training.

    Parameters
    ----------
    setup : TrainingSetup
        N rows, K seeds.
    twins : Tensor, (K, N, ...) or (N, ...)
        One twin a row, of each model or shared.
    start : ModelStack, optional
        Trained models to go on from, which are left as they are. Default: initial weights.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_on_pairs(setup, setup.x))
    1
    """
    axis = twins.ndim - setup.x.ndim
    rows = torch.cat([setup.x.expand_as(twins), twins], dim=axis)
    return fit(
        setup.initial_stack() if start is None else ModelStack(start.members()).to(setup.device),
        rows,
        torch.cat([setup.y, setup.y]),
        items=torch.cat([setup.items, setup.items + len(setup.y)]),
        seeds=setup.seeds,
        settings=setup.settings,
    )
