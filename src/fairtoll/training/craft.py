"""Adversarial examples crafted once, to train on or to evaluate other models on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fairtoll.attacks.pgd import pgd
from fairtoll.models.borrow import device_of
from fairtoll.models.stack import ModelStack
from fairtoll.progress import tracked
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.fit import Precision


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
    """An adversarial example of every row against each source model, crafted once, `(K, N, ...)`.

    PGD with cross-entropy, all steps taken, from the clean row unless `random_start` gives a generator for each
    model. Rows to train on may be crafted in the precision of the training; rows to evaluate on may not.

    Examples
    --------
    >>> sources = ModelStack([torch.nn.Linear(3, 2)])
    >>> craft_adversarial_examples(sources, torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64),
    ...             threat=LinfThreat(), epsilon=0.5).shape
    torch.Size([1, 4, 3])
    """
    examples = []
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
        examples.append(attack.perturbed)
    return torch.stack(examples)
