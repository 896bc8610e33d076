"""Where the scores of a model of trees may jump, asked of any model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fairtoll.models.logit_model import LogitModel


def thresholds_of(model: nn.Module) -> dict[int, Tensor]:
    """What a model tells of its thresholds: by feature position, in the data's units, float64, sorted.

    A threshold is the last float32 of its interval: values above one and up to the next are all alike to the model.
    Empty for a model without a method ``thresholds()``; of a feature that is not there nothing is known.

    Examples
    --------
    >>> class Stump(nn.Module):
    ...     def thresholds(self): return {0: np.array([2.5, 0.5])}
    >>> thresholds_of(Stump()), thresholds_of(nn.Linear(2, 2))
    ({0: tensor([0.5000, 2.5000], dtype=torch.float64)}, {})
    """
    inner = model.model if isinstance(model, LogitModel) else model
    told: Callable[[], Any] | None = getattr(inner, "thresholds", None)
    if not callable(told):
        return {}
    return {
        int(place): torch.from_numpy(np.unique(np.asarray(values, dtype=np.float64)))
        for place, values in told().items()
        if len(values)
    }
