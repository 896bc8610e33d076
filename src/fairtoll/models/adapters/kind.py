"""What a kind of model is: how to recognise it, how to read its files, and how to run it as torch modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from fairtoll.inputs.features import Schema


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
        `fairtoll.models.outputs` reads. It is given the model and the schema of the rows, which is None where they are
        no table. The probe finds models without gradients.
    suffixes : tuple of str
        Of its files, in small letters with the dot; empty for a kind that has none.
    read : callable, optional
        The model in a file, given its path. Nothing that was pickled is read, and no code in a file is run.
    runs_code : bool
        Whether a file of this kind holds a program, which is run only where the caller trusts it.

    Examples
    --------
    >>> Kind("a torch module", lambda given: isinstance(given, nn.Module), lambda given, _: [given]).accepts(3)
    False
    """

    title: str
    accepts: Callable[[Any], bool]
    modules: Callable[[Any, Schema | None], list[nn.Module]]
    suffixes: tuple[str, ...] = ()
    read: Callable[[Path], Any] | None = None
    runs_code: bool = False
