"""A Lightning callback that logs robust accuracy of the worst class and group at the end of each epoch."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from fairtoll.attacks import PGD, AttackSpec
from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.interop.monitoring import robust_accuracies
from fairtoll.threats.linf import LinfThreat

#: Lightning under its two names, each with a `Callback` of its own: a trainer of one refuses a callback of the other.
NAMES = ("lightning.pytorch", "pytorch_lightning")


def _library() -> Any:
    """Lightning, under the name that is loaded already, else under one that is installed."""
    installed = [name for name in NAMES if find_spec(name.partition(".")[0])]
    if not installed:
        raise FairtollError(
            "fairtoll.interop.lightning needs the package lightning, which is not installed; "
            "install it with fairtoll's extra: pip install -e '.[interop]' in its folder"
        )
    return importlib.import_module(next((name for name in NAMES if name in sys.modules), installed[0]))


class RobustAccuracy(_library().Callback):  # type: ignore[misc]
    """Log `fairtoll.interop.robust_accuracies` at the end of each training epoch.

    The metrics are logged under their names, so that `ModelCheckpoint(monitor="robust_accuracy_worst_class")` and
    `EarlyStopping` can read them. The module's `forward` must return logits `(N, C)`. Every process measures the same
    rows and draws, and logs the same numbers.

    Parameters
    ----------
    data : Dataset
        Validation rows.
    threat : LinfThreat
        What an adversary may touch.
    epsilon : float
        The radius.
    attack : AttackSpec
        Default: PGD with 10 steps.
    partitions : sequence of str, optional
        Default: the classes and each attribute.
    rows : int
        How many rows are attacked.
    every : int
        Measured after each so many epochs.
    seed : int
        Of the drawn rows and of the attack's draws.

    Raises
    ------
    FairtollError
        For fewer than one epoch; at the end of an epoch, as `robust_accuracies` does.

    Examples
    --------
    >>> import numpy as np
    >>> data = Dataset(np.zeros((40, 2)), np.arange(40) % 2, ("no", "yes"))
    >>> RobustAccuracy(data, threat=LinfThreat(), epsilon=0.1).every
    1
    """

    def __init__(
        self,
        data: Dataset,
        *,
        threat: LinfThreat,
        epsilon: float,
        attack: AttackSpec = PGD(steps=10),
        partitions: Sequence[str] | None = None,
        rows: int = 512,
        every: int = 1,
        seed: int = 0,
    ) -> None:
        if every < 1:
            raise FairtollError(f"every is {every}; expected 1 or more, a number of epochs")
        self.data, self.every = data, every
        self.settings: dict[str, Any] = {
            "threat": threat, "epsilon": epsilon, "attack": attack, "partitions": partitions, "rows": rows,
            "seed": seed,
        }  # fmt: skip

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure and log, as Lightning calls it."""
        if (trainer.current_epoch + 1) % self.every == 0:
            pl_module.log_dict(robust_accuracies(pl_module, self.data, **self.settings))
