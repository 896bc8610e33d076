"""Fair robust learning: constraints on the clean and the boundary validation error of each class or group."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training.part_errors import PartErrors, part_errors
from fairtoll.training.part_policy import PartPolicy, repaired_parts, require_within, train_with_policy
from fairtoll.training.recipes.recipe import RADIUS, Adversary, Recipe
from fairtoll.training.recipes.trades import STEPS
from fairtoll.training.setup import VALIDATION, TrainingSetup

#: Weight of agreement against accuracy.
BETA = 1.5
#: By how much a group's error may exceed the average without consequence: of reweighting, and with remargining.
TOLERANCE, TOLERANCE_BOTH = 0.1, 0.07
#: How fast the multipliers of the clean and of the boundary errors rise, and the logarithms of the radii.
CLEAN_RATE, BOUNDARY_RATE, RADIUS_RATE = 0.05, 0.1, 0.2
#: The most that the multipliers of all groups' errors of one kind add up to.
MOST = 0.5
#: The radius of a group is ``exp(RADIUS_SCALE * phi)`` times the adversary's, within these bounds.
RADIUS_SCALE, SMALLEST, LARGEST = 2.0, 0.98, 3.0


def raised(multipliers: Tensor, excess: Tensor, *, rate: float) -> Tensor:
    """Multipliers after a step along the excess of each group's error, `(K, P)`: none negative, the sum at most 0.5.

    Examples
    --------
    >>> raised(torch.tensor([[0.3, 0.1]]), torch.tensor([[2.0, -4.0]]), rate=0.05).tolist()
    [[0.4000000059604645, 0.0]]
    """
    stepped = (multipliers + rate * excess).clamp(min=0)
    total = stepped.sum(dim=1, keepdim=True)
    return torch.where(total > MOST, stepped * (MOST / total), stepped)


def cost_weights(multipliers: Tensor, shares: Tensor) -> Tensor:
    """Weights of the rows of each group that minimise the Lagrangian of FRL (Xu et al. 2021), `(K, P)`.

    With phi the multipliers and the overall error the mean of the groups' by their shares s, ``err + sum_i phi_i
    (err_i - err - tolerance)`` is ``sum_i (s_i + phi_i - s_i sum_j phi_j) err_i``; a row of group i has the
    coefficient divided by s_i. For ten classes of equal size that is ten times the published code's ``0.1 + 0.9 phi_i -
    0.1 sum_{j != i} phi_j``.

    Examples
    --------
    >>> cost_weights(torch.tensor([[0.25, 0.0]]), torch.tensor([0.5, 0.5])).tolist()
    [[1.25, 0.75]]
    """
    return 1 + multipliers / torch.where(shares > 0, shares, 1) - multipliers.sum(dim=1, keepdim=True)


@dataclass(eq=False)
class _Multipliers:
    """Of the K models' P groups."""

    clean: Tensor
    boundary: Tensor
    radius: Tensor

    def update(
        self, errors: PartErrors, shares: Tensor, *, tolerance: float, rates: tuple[float, float, float]
    ) -> None:
        excess = []
        for error in (errors.clean, errors.boundary):
            # A group without rows has no error, and no part in the average.
            measured = (shares > 0) & ~error.isnan()
            known = torch.where(measured, error, 0)
            # Rows that are weighted give each run shares of its own.
            overall = known @ shares if shares.ndim == 1 else (known * shares).sum(dim=1)
            excess.append(torch.where(measured, known - overall.unsqueeze(1) - tolerance, 0))
        self.clean = raised(self.clean, excess[0], rate=rates[0])
        self.boundary = raised(self.boundary, excess[1], rate=rates[1])
        self.radius = self.radius + rates[2] * excess[1]

    def apply(self, policy: PartPolicy, shares: Tensor, *, beta: float) -> None:
        policy.accuracy = cost_weights(self.clean, shares)
        policy.agreement = beta * cost_weights(self.boundary, shares)
        policy.radius = (RADIUS_SCALE * self.radius).exp().clamp(SMALLEST, LARGEST)


def train_frl(
    setup: TrainingSetup,
    *,
    threat: LinfThreat,
    epsilon: float,
    partition: str = "class",
    beta: float = BETA,
    tolerance: float = TOLERANCE_BOTH,
    clean_rate: float = CLEAN_RATE,
    boundary_rate: float = BOUNDARY_RATE,
    radius_rate: float = RADIUS_RATE,
    steps: int = STEPS,
) -> ModelStack:
    """Fair robust learning (Xu et al. 2021): TRADES with no group's error far above the average.

    A tenth of the rows of each class in each group is held out. After each epoch the clean and the boundary error of
    each group on them (wrong clean; right clean and wrong attacked) are compared with the average of all training
    rows. Groups that exceed it by more than the tolerance get a larger weight (reweight) and a larger radius
    (remargin), as the authors' code has them; only that the errors of groups of unequal size are weighted by their
    shares, see `cost_weights`, and that all epochs are trained so, where the code starts from a robust model.

    Parameters
    ----------
    setup : TrainingSetup
        Rows, seeds, optimiser.
    threat, epsilon, steps
        The training attack's, as `fairtoll.training.train_trades` takes them; PGD with as many steps attacks the rows
        held out.
    partition : str
        Whose errors are constrained: "class", or an attribute of the rows.
    beta : float
        Weight of agreement, as in TRADES.
    tolerance : float
        By how much an error may exceed the average, between 0 and 1.
    clean_rate, boundary_rate, radius_rate : float
        Of the multipliers of both errors and of the radii. With all at 0 this is TRADES on the rows that are left.

    Raises
    ------
    FairtollError
        For fewer than two groups, a class of a group with fewer than two rows, or a negative parameter.

    Examples
    --------
    >>> setup = TrainingSetup(torch.zeros(8, 3), torch.arange(8) % 2, torch.arange(8), [0],
    ...                       lambda: torch.nn.Linear(3, 2))
    >>> len(train_frl(setup, threat=LinfThreat(), epsilon=0.1, steps=2))
    1
    """
    require_within("beta", beta, published=BETA)
    require_within("tolerance", tolerance, published=TOLERANCE_BOTH, most=1.0)
    rates = (clean_rate, boundary_rate, radius_rate)
    require_within("clean_rate", clean_rate, published=CLEAN_RATE)
    require_within("boundary_rate", boundary_rate, published=BOUNDARY_RATE)
    require_within("radius_rate", radius_rate, published=RADIUS_RATE)
    smaller, held_out = setup.hold_out(partition=partition)
    parts, sizes = repaired_parts(smaller, partition)
    shares = sizes / sizes.sum(dim=-1, keepdim=True)
    policy = PartPolicy.alike(parts, models=len(setup.seeds), beta=beta)
    zeros = torch.zeros_like(policy.accuracy)
    multipliers = _Multipliers(zeros, zeros, zeros)

    def after_epoch(stack: ModelStack, epoch: int) -> None:
        if epoch + 1 == setup.settings.epochs:
            return
        errors = part_errors(
            stack, setup, held_out, parts, threat=threat, epsilon=epsilon, steps=steps, epoch=epoch, seeds=setup.seeds
        )
        multipliers.update(errors, shares, tolerance=tolerance, rates=rates)
        multipliers.apply(policy, shares, beta=beta)

    return train_with_policy(smaller, policy, threat=threat, epsilon=epsilon, steps=steps, after_epoch=after_epoch)


def _train(setup: TrainingSetup, adversary: Adversary, **parameters: float | str) -> ModelStack:
    return train_frl(setup, threat=adversary.threat, epsilon=adversary.epsilon, **parameters)  # type: ignore[arg-type]


def _recipe(name: str, title: str, note: str, *, tolerance: float, rates: tuple[float, float, float]) -> Recipe:
    return Recipe(
        name,
        title,
        f"TRADES that gives {note} where a validation error exceeds the average by over {tolerance:g}",
        _train,
        role="repair",
        control="held-out-noise",
        updates=2.0 * (1 - VALIDATION),
        # Of the rows that are trained on, and of those held out.
        gradients=float(STEPS),
        needs_adversary=True,
        parameters={
            "partition": "class",
            "beta": BETA,
            "tolerance": tolerance,
            "clean_rate": rates[0],
            "boundary_rate": rates[1],
            "radius_rate": rates[2],
        },
        strength=RADIUS,
        masks=True,
    )


FRL_REWEIGHT = _recipe(
    "frl-reweight", "FRL, reweight", "a larger weight", tolerance=TOLERANCE, rates=(CLEAN_RATE, BOUNDARY_RATE, 0.0)
)
#: As published, it also weighs the clean rows.
FRL_REMARGIN = _recipe(
    "frl-remargin", "FRL, remargin", "a larger radius", tolerance=TOLERANCE, rates=(CLEAN_RATE, 0.0, RADIUS_RATE)
)
FRL = _recipe(
    "frl",
    "FRL",
    "a larger weight and radius",
    tolerance=TOLERANCE_BOTH,
    rates=(CLEAN_RATE, BOUNDARY_RATE, RADIUS_RATE),
)
