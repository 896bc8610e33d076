"""What every attack checks before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError
from fairtoll.models.predict import borrowed, checked_logits, device_of, require_finite, warn_if_probabilities
from fairtoll.threats.linf import LinfThreat

#: Rows on which the model is tried first, so that a wrong one fails at once.
PROBE_ROWS = 64

#: The caller's numbers of the rows that an attack was handed; none: they are numbered as they come.
_numbers: ContextVar[Tensor | None] = ContextVar("numbers", default=None)


@contextmanager
def numbered(rows: Tensor) -> Iterator[None]:
    """Inside, errors call row i of an attack ``rows[i]``: its number where the caller counts.

    For an attack that hands some of its rows to another; nests, each level counting in the one around it.
    """
    around = _numbers.get()
    token = _numbers.set(rows if around is None else around[rows])
    try:
        yield
    finally:
        _numbers.reset(token)


def check_inputs(
    model: nn.Module, x: Tensor, y: Tensor, *, threat: LinfThreat, epsilon: float, batch_size: int
) -> None:
    """Raise for rows, labels, a threat or a model that no attack can work with; warn of probabilities."""
    if not isinstance(x, Tensor) or not x.is_floating_point() or x.ndim < 2:
        raise FairtollError(f"x is {_describe(x)}; expected a tensor of floats of shape (rows, ...)")
    if not isinstance(y, Tensor) or y.dtype != torch.int64 or y.ndim != 1:
        raise FairtollError(f"y is {_describe(y)}; expected a tensor of int64 of shape (rows,)")
    if len(x) != len(y):
        raise FairtollError(f"x has {len(x)} rows and y has {len(y)}; expected the same")
    if batch_size < 1:
        raise FairtollError(f"batch_size is {batch_size}; expected 1 or more")
    threat.bounds(x[:1].detach(), epsilon)
    if not len(x):
        return
    with borrowed(model) as model, torch.no_grad():
        logits = checked_logits(model, x[:PROBE_ROWS].detach().to(device_of(model)))
    if y.min() < 0 or y.max() >= logits.shape[1]:
        raise FairtollError(
            f"labels run from {int(y.min())} to {int(y.max())} and the model has {logits.shape[1]} classes; "
            f"expected 0 to {logits.shape[1] - 1}"
        )
    warn_if_probabilities(logits, stacklevel=4)


def class_count(model: nn.Module, x: Tensor) -> int:
    """How many classes the model tells apart."""
    with borrowed(model) as model, torch.no_grad():
        return checked_logits(model, x[:1].detach().to(device_of(model))).shape[1]


def finite_logits(model: nn.Module, points: Tensor, *, where: str, rows: Tensor) -> Tensor:
    """Logits of `points`, or an error that names the first of `rows` for which they are not finite (see `numbered`)."""
    logits = checked_logits(model, points)
    require_finite_rows(logits.detach(), where=where, rows=rows)
    return logits


class FiniteWatch:
    """Remembers logits that are not finite until it is asked, so that an accelerator is not waited for at each step.

    Parameters
    ----------
    numbers : Tensor, (N,)
        Of the batch's rows.
    """

    def __init__(self, numbers: Tensor) -> None:
        self.numbers = numbers
        self.noted: list[tuple[Tensor, Tensor, int]] = []

    def note(self, logits: Tensor, rows: Tensor, step: int) -> None:
        """Keep what the model said of `rows` of the batch at `step`."""
        self.noted.append((logits, rows, step))

    def raise_if_bad(self) -> None:
        """Raise, naming row and step, if anything noted was not finite; then forget it."""
        for logits, rows, step in self.noted:
            require_finite_rows(logits, where=f"at step {step} of the attack", rows=self.numbers[rows])
        self.noted.clear()


def require_finite_rows(logits: Tensor, *, where: str, rows: Tensor) -> None:
    """Raise, naming the first of `rows` by the caller's number, if any logit is NaN or infinite."""
    if not torch.isfinite(logits.sum()):
        rows, numbers = rows.cpu(), _numbers.get()
        require_finite(logits.cpu(), where=where, rows=rows if numbers is None else numbers[rows])


def _describe(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {value.dtype} of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"
