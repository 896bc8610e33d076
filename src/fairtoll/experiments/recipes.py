"""How each arm of an experiment is trained; the same recipes for every data set."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from fairtoll.models.stack import ModelStack
from fairtoll.threats.linf import LinfThreat
from fairtoll.training import TrainingSetup, add_sign_noise, train_on_pairs, train_online, train_standard


def train_arm(
    arm: str,
    setup: TrainingSetup,
    *,
    threat: LinfThreat,
    epsilon: float,
    crafted: Callable[[], Tensor],
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

    Returns
    -------
    ModelStack
        One model per seed.
    """
    twofold = arm in ("static", "repeated", "noise")
    if arm == "standard":
        return train_standard(setup)
    if twofold:
        makers: dict[str, Callable[[], Tensor]] = {
            "static": crafted,
            "repeated": lambda: setup.x,
            "noise": lambda: add_sign_noise(setup, threat=threat, epsilon=epsilon),
        }
        return train_on_pairs(setup, makers[arm]())
    steps = {"online": 7, "online-noise": 0}[arm]
    return train_online(setup, threat=threat, epsilon=epsilon, steps=steps)
