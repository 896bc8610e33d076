"""TRADES: clean rows, and agreement of what is predicted of them and of their worst neighbours."""

from __future__ import annotations

from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.attack_batch import attack_agreement
from fairtoll.training.batch import Batch
from fairtoll.training.fit import fit
from fairtoll.training.pair_loss import agreement_loss
from fairtoll.training.reach import Reach
from fairtoll.training.recipes.recipe import Adversary, Recipe, Strength
from fairtoll.training.setup import TrainingSetup

#: Gradient steps of the training attack.
STEPS = 10
#: Weight of agreement against accuracy, as published for CIFAR-10.
BETA = 6.0
#: Far enough apart to differ in robust accuracy: on 10,000 rows of Adult 50, 72 and 74% at radius 10 (PGD-20).
BETAS = (0.1, 1.0, BETA)
BAD_BETA = "beta is {beta}; expected 0 or more; give the weight of agreement, such as 6"


def train_trades(
    setup: TrainingSetup, *, threat: LinfThreat, epsilon: float, beta: float = BETA, steps: int = STEPS
) -> ModelStack:
    """TRADES (Zhang et al. 2019): the mean of ``CE(x, y) + beta KL(p(x) || p(x'))``.

    x' raises the divergence: `steps` gradient steps of ``2.5 radius / steps`` from a start at 0.001 N(0, 1) where the
    radius is 8/255, and as large a share of another radius. The weights' gradient goes through both predictions, as in
    the authors' code.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    threat : LinfThreat
        What the adversary may change.
    epsilon : float
        Bound of the training attack.
    beta : float
        Weight of agreement; with 0 this is standard training, bit for bit.
    steps : int
        Gradient steps of the attack. With 0 each x' is random inside the threat: the control without an adversary.

    Returns
    -------
    ModelStack
        One model per seed.

    Raises
    ------
    FairtollError
        For a beta below 0.

    Examples
    --------
    >>> import torch
    >>> setup = TrainingSetup(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), torch.arange(4), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_trades(setup, threat=LinfThreat(), epsilon=0.1, beta=1.0))
    1
    """
    if not 0 <= beta < float("inf"):
        raise FairtollError(BAD_BETA.format(beta=beta))
    reach = Reach(setup, threat=threat, epsilon=epsilon)

    def perturb(stack: ModelStack, batch: Batch) -> Tensor:
        return attack_agreement(stack, batch, reach(batch), threat=threat, steps=steps)

    return fit(
        setup.initial_stack(),
        setup.x,
        setup.y,
        items=setup.items,
        seeds=setup.seeds,
        settings=setup.settings,
        row_weights=setup.row_weights,
        perturb=perturb,
        loss=agreement_loss(lambda batch: (1.0, beta)),
    )


def _train(setup: TrainingSetup, adversary: Adversary, *, beta: float) -> ModelStack:
    return train_trades(setup, threat=adversary.threat, epsilon=adversary.epsilon, beta=beta)


TRADES = Recipe(
    "trades",
    "TRADES",
    f"clean {{rows}}, and agreement with the neighbour of each that PGD-{STEPS} finds to be predicted most differently",
    _train,
    control="trades-noise",
    updates=2.0,
    gradients=float(STEPS),
    needs_adversary=True,
    parameters={"beta": BETA},
    strength=Strength("beta", BETAS),
    masks=True,
)
