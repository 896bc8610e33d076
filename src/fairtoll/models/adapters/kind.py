"""What a kind of model is: how to recognise it, and how to run it as torch modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Kind:
    """One kind of model that a caller may give.

    Attributes
    ----------
    title : str
        Its name in errors.
    accepts : callable
        Whether an object is of this kind.
    modules : callable
        Its training runs as modules that take a tensor of rows `(N, ...)` and return anything that
        `fairtoll.models.outputs` reads. The probe finds models without gradients.

    Examples
    --------
    >>> Kind("a torch module", lambda given: isinstance(given, nn.Module), lambda given: [given]).accepts(3)
    False
    """

    title: str
    accepts: Callable[[Any], bool]
    modules: Callable[[Any], list[nn.Module]]
