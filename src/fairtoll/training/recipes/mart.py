"""MART: adversarial training that weighs rows by how likely they are misclassified."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.models.gradients import PairSlope, one_by_class, softmax_by_class
from fairtoll.models.passes import Array
from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.attack_batch import climb, start_near
from fairtoll.training.batch import Batch
from fairtoll.training.fit import fit
from fairtoll.training.pair_loss import PairLoss, cross_entropy_of, divergence, divergence_slopes
from fairtoll.training.reach import Reach
from fairtoll.training.recipes.recipe import RADIUS, Adversary, Recipe
from fairtoll.training.setup import TrainingSetup

#: Gradient steps of the training attack.
STEPS = 10
#: Weight of agreement: 5 in the paper's experiments, 6 in the authors' code.
WEIGHT = 6.0
BAD_WEIGHT = "the weight of agreement is {weight}; expected 0 or more; give a finite number, such as 6"


def train_mart(
    setup: TrainingSetup, *, threat: LinfThreat, epsilon: float, weight: float = WEIGHT, steps: int = STEPS
) -> ModelStack:
    """MART (Wang et al. 2020): ``BCE(p(x'), y) + weight KL(p(x) || p(x')) (1 - p_y(x))``.

    BCE is ``-log p_y(x') - log(1 - max_{k != y} p_k(x'))``, computed from logits; the authors' code bounds its
    logarithms at 1e-4 instead. x' is an adversarial example: `steps` steps of PGD with cross-entropy, from a start next
    to the clean row as in TRADES.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    threat : LinfThreat
        What the adversary may change.
    epsilon : float
        Bound of the training attack.
    weight : float
        Of agreement.
    steps : int
        Gradient steps of the attack.

    Returns
    -------
    ModelStack
        One model per seed.

    Raises
    ------
    FairtollError
        For a weight below 0.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_mart(setup, threat=LinfThreat(), epsilon=0.1))
    1
    """
    if not 0 <= weight < float("inf"):
        raise FairtollError(BAD_WEIGHT.format(weight=weight))
    reach = Reach(setup, threat=threat, epsilon=epsilon)

    def perturb(stack: ModelStack, batch: Batch) -> Tensor:
        within = reach(batch)
        return climb(stack.slopes(batch.labels), start_near(batch, within), *within, threat=threat, steps=steps)

    return fit(
        setup.initial_stack(),
        setup.x,
        setup.y,
        items=setup.items,
        seeds=setup.seeds,
        settings=setup.settings,
        row_weights=setup.row_weights,
        perturb=perturb,
        loss=mart_loss(weight),
    )


def mart_loss(weight: float) -> PairLoss:
    """The loss of `train_mart`.

    Examples
    --------
    >>> from fairtoll.training.batch import BatchNoise
    >>> rows, labels = torch.zeros(1, 1, 1), torch.zeros(1, 1, dtype=torch.int64)
    >>> batch = Batch(rows, rows, labels, labels, BatchNoise([0], epoch=0), 0)
    >>> even = torch.zeros(1, 1, 2)
    >>> round(mart_loss(6.0).of_logits(even, even, batch).item(), 4)  # twice the logarithm of 2
    1.3863
    """

    def of_logits(clean: Tensor, moved: Tensor, batch: Batch) -> Tensor:
        truth = batch.labels.unsqueeze(-1)
        scores = moved.log_softmax(dim=-1)
        rival = scores.detach().scatter(-1, truth, -torch.inf).argmax(dim=-1, keepdim=True)
        # The logarithm of what all classes but the rival have, which is no difference from 1.
        margin = scores.scatter(-1, rival, -torch.inf).logsumexp(dim=-1)
        doubt = 1 - clean.softmax(dim=-1).gather(-1, truth).squeeze(-1)
        return cross_entropy_of(moved, batch.labels) - margin + weight * divergence(clean, moved) * doubt

    def slopes(batch: Batch, shares: Tensor) -> PairSlope:
        share, truth = shares.numpy(), None

        def slope(member: int, clean: Array, moved: Array) -> tuple[Array, Array]:
            nonlocal truth
            if truth is None:
                truth = one_by_class(batch.labels, clean)
            return _slopes(clean, moved, truth[member], share[member], weight)

        return slope

    return PairLoss(of_logits, slopes)


def _slopes(clean: Array, moved: Array, truth: Array, share: Array, weight: float) -> tuple[Array, Array]:
    before, after = softmax_by_class(clean), softmax_by_class(moved)
    rest = moved.copy()
    rest[np.arange(len(rest)), np.where(truth.T > 0, -np.inf, moved).argmax(axis=1)] = -np.inf
    right = (before * truth).sum(axis=0)
    agreement = weight * (1 - right)
    of_clean, of_moved = divergence_slopes(before, after, clean, moved)
    # The doubt has a gradient, too.
    of_clean = agreement * of_clean + weight * _divergences(before, clean, moved) * right * (before - truth)
    of_moved = agreement * of_moved + 2 * after - truth - softmax_by_class(rest)
    return (share * of_clean).T, (share * of_moved).T


def _divergences(before: Array, clean: Array, moved: Array) -> Array:
    """KL(p(x) || p(x')) of every row, `(N,)`."""
    totals = [np.logaddexp.reduce(logits, axis=1) for logits in (clean, moved)]
    found: Array = (before * (clean - moved).T).sum(axis=0) - (totals[0] - totals[1])
    return found


def _train(setup: TrainingSetup, adversary: Adversary, *, weight: float) -> ModelStack:
    return train_mart(setup, threat=adversary.threat, epsilon=adversary.epsilon, weight=weight)


MART = Recipe(
    "mart",
    "MART",
    f"each {{row}} under PGD-{STEPS}, and agreement with the clean one where that is likely misclassified",
    _train,
    control="trades-noise",
    updates=2.0,
    gradients=float(STEPS),
    needs_adversary=True,
    parameters={"weight": WEIGHT},
    strength=RADIUS,
    masks=True,
)
