"""Distance-aware fair training (DAFA): a class that is confused with an easier one takes weight and radius from it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.batch import Batch
from fairtoll.training.part_policy import (
    PartPolicy,
    placed,
    repaired_parts,
    require_within,
    sums_of_parts,
    train_with_policy,
)
from fairtoll.training.recipes.recipe import RADIUS, Adversary, Recipe
from fairtoll.training.recipes.trades import BETA, STEPS
from fairtoll.training.setup import Parts, TrainingSetup

#: How much weight moves between classes: the paper's for CIFAR-10.
EXCHANGE = 1.0
#: The share of the epochs, at least one, after which it moves.
WARM_UP = 70 / 110


def distance_aware_weights(similarity: Tensor, *, exchange: float) -> Tensor:
    """Weights of classes from how alike they are (Lee et al. 2024), `(K, P)`.

    With ``p_i(j)`` the mean probability that adversarial examples of class i are given of class j, a class i with a
    smaller ``p_i(i)`` than ``p_j(j)`` takes ``exchange * p_i(j) p_j(j)`` from class j. What one gains another loses:
    the weights add up to P, unless one would fall below 0.

    Parameters
    ----------
    similarity : Tensor, (K, P, P)
        ``p_i(j)`` in row i.
    exchange : float
        With 0 all weights are 1.

    Examples
    --------
    >>> distance_aware_weights(torch.tensor([[[0.5, 0.5], [0.2, 0.8]]]), exchange=1.0)
    tensor([[1.4000, 0.6000]])
    """
    own = similarity.diagonal(dim1=1, dim2=2)
    others = 1 - torch.eye(similarity.shape[1], dtype=similarity.dtype, device=similarity.device)
    harder = (own.unsqueeze(2) < own.unsqueeze(1)).to(similarity) * others
    taken = harder * similarity * own.unsqueeze(1)
    return (1 + exchange * (taken.sum(dim=2) - taken.sum(dim=1))).clamp(min=0)


def similarity_of_cells(probabilities: Tensor, labels: Tensor, sizes: Tensor) -> Tensor:
    """How alike the cells of a class in a group are, `(K, P, P)`, as `distance_aware_weights` takes it.

    Probabilities of groups do not exist: a model says of a row how likely each class is. So groups are compared by
    their cells. The probability that a row of cell i is given of another class is shared among that class's cells by
    their numbers of rows, since nothing else is known of which of them it is taken for. Two cells of one class have
    similarity 0: no boundary of the model runs between them, so none can be moved from one to the other. With one
    group the cells are the classes, and this is the published definition.

    Parameters
    ----------
    probabilities : Tensor, (K, P, C)
        Mean probabilities of the classes over the adversarial examples of each cell.
    labels : Tensor of int64, (P,)
        The class of each cell.
    sizes : Tensor, (P,) or (K, P)
        Its rows.

    Examples
    --------
    >>> found = similarity_of_cells(torch.tensor([[[0.5, 0.5], [0.25, 0.75], [0.0, 1.0]]]), torch.tensor([0, 1, 1]),
    ...                             torch.tensor([4.0, 1.0, 3.0]))
    >>> found[0, 0].tolist()  # half of its rows look like class 1, of which a quarter is in the second cell
    [0.5, 0.125, 0.375]
    """
    of_class = functional.one_hot(labels, probabilities.shape[2]).to(probabilities)
    sizes = sizes.to(probabilities).expand(len(probabilities), -1)
    share = sizes / (sizes @ of_class @ of_class.T).clamp(min=1)
    between = probabilities[:, :, labels] * share.unsqueeze(1) * (1 - of_class @ of_class.T)
    own = probabilities.gather(2, labels.expand(len(probabilities), -1).unsqueeze(2)).squeeze(2)
    return between + torch.diag_embed(own)


def cells_of(parts: Parts, y: Tensor) -> tuple[Parts, Tensor]:
    """The classes within the groups of a partition, and the class of each, `(P,)`.

    Examples
    --------
    >>> cells, labels = cells_of(Parts("sex", ("f", "m"), torch.tensor([0, 0, 1])), torch.tensor([0, 1, 1]))
    >>> cells.names, labels.tolist()
    (('f & 0', 'f & 1', 'm & 1'), [0, 1, 1])
    """
    classes = int(y.max()) + 1
    found, codes = (parts.codes * classes + y).unique(return_inverse=True)
    labels = found % classes
    names = tuple(
        f"{parts.names[group]} & {label}"
        for group, label in zip((found // classes).tolist(), labels.tolist(), strict=True)
    )
    return Parts(parts.partition, names, codes), labels


def train_dafa(
    setup: TrainingSetup,
    *,
    threat: LinfThreat,
    epsilon: float,
    partition: str = "class",
    beta: float = BETA,
    exchange: float = EXCHANGE,
    warm_up: float = WARM_UP,
    steps: int = STEPS,
) -> ModelStack:
    """Distance-aware fair adversarial training (Lee et al. 2024) on TRADES.

    In the last epoch of the warm-up the probabilities of its adversarial examples are averaged. From then on the
    cross-entropy and the radius of each class are multiplied by its `distance_aware_weights`; agreement is not.

    Over groups, each class within each group has a weight of its own, from `similarity_of_cells`.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    threat, epsilon, steps
        The training attack's, as `fairtoll.training.train_trades` takes them.
    partition : str
        What is weighted: "class", or the classes within an attribute of the rows.
    beta : float
        Weight of agreement, as in TRADES.
    exchange : float
        How much weight moves. With 0 this is TRADES.
    warm_up : float
        The share of the epochs before it moves, at least one epoch; with 1 it never does.

    Raises
    ------
    FairtollError
        For fewer than two groups, or a parameter that cannot be.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_dafa(setup, threat=LinfThreat(), epsilon=0.1, steps=2))
    1
    """
    require_within("beta", beta, published=BETA)
    require_within("exchange", exchange, published=EXCHANGE)
    require_within("warm_up", warm_up, published=round(WARM_UP, 2), most=1.0)
    cells, labels = cells_of(repaired_parts(setup, partition)[0], setup.y)
    cells = placed(cells, setup.device)
    policy = PartPolicy.alike(cells, models=len(setup.seeds), beta=beta)
    measured = max(1, round(warm_up * setup.settings.epochs)) - 1
    seen: list[tuple[Tensor, Tensor]] = []

    def watch(stack: ModelStack, batch: Batch, moved: Tensor) -> None:
        if batch.epoch == measured:
            with torch.no_grad():
                given = stack.frozen().each(moved).to(stack.dtype).softmax(dim=-1)
            sums = [sums_of_parts(one, cells, batch) for one in given.unbind(dim=2)]
            seen.append((torch.stack([one for one, _ in sums], dim=2), sums[0][1]))

    def after_epoch(stack: ModelStack, epoch: int) -> None:
        if epoch == measured:
            total, rows = (torch.stack([one[side] for one in seen]).sum(dim=0) for side in (0, 1))
            means = (total / rows.clamp(min=1).unsqueeze(2)).cpu()
            weights = distance_aware_weights(similarity_of_cells(means, labels, rows.cpu()), exchange=exchange)
            policy.accuracy = policy.radius = weights

    return train_with_policy(
        setup, policy, threat=threat, epsilon=epsilon, steps=steps, watch=watch, after_epoch=after_epoch
    )


def _train(setup: TrainingSetup, adversary: Adversary, *, partition: str, beta: float, exchange: float) -> ModelStack:
    return train_dafa(
        setup,
        threat=adversary.threat,
        epsilon=adversary.epsilon,
        partition=partition,
        beta=beta,
        exchange=exchange,
    )


DAFA = Recipe(
    "dafa",
    "DAFA",
    "TRADES with weights and radii that move, once, from the easier to the harder of those that are confused",
    _train,
    role="repair",
    control="trades-noise",
    updates=2.0,
    gradients=float(STEPS),
    needs_adversary=True,
    parameters={"partition": "class", "beta": BETA, "exchange": EXCHANGE},
    strength=RADIUS,
    masks=True,
)
