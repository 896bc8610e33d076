"""How each arm of an experiment is trained; the same recipes for every data set."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from fairtoll.experiments.stages import Advance
from fairtoll.stack import ModelStack
from fairtoll.threat import LinfThreat
from fairtoll.training import TrainingSetup, noise_twins, train_online, train_standard, train_with_twins
from fairtoll.training.fit import steps_of


def train_arm(
    arm: str,
    setup: TrainingSetup,
    *,
    threat: LinfThreat,
    epsilon: float,
    crafted: Callable[[], Tensor],
    advance: Advance,
) -> ModelStack:
    """Train the models of one arm.

    Parameters
    ----------
    arm : {"standard", "static", "repeated", "noise", "online", "online-noise"}
        The paper's standard and robust classifiers, the robust one's two controls with as many updates, on-line
        adversarial training, and its control without the attack's steps.
    setup : TrainingSetup
        N rows, K seeds.
    threat, epsilon
        Of the training adversary.
    crafted : callable
        Gives the adversarial twins `(K, N, ...)` that "static" is trained on.
    advance : callable
        Told the share of the training that a step was.

    Returns
    -------
    ModelStack
        One model per seed.
    """
    twofold = arm in ("static", "repeated", "noise")
    total = steps_of(len(setup.items) * (2 if twofold else 1), setup.settings)

    def step(done: int) -> None:
        advance(done / total)

    if arm == "standard":
        return train_standard(setup, advance=step)
    if twofold:
        makers: dict[str, Callable[[], Tensor]] = {
            "static": crafted,
            "repeated": lambda: setup.x,
            "noise": lambda: noise_twins(setup, threat=threat, epsilon=epsilon),
        }
        return train_with_twins(setup, makers[arm](), advance=step)
    steps = {"online": 7, "online-noise": 0}[arm]
    return train_online(setup, threat=threat, epsilon=epsilon, steps=steps, advance=step)
