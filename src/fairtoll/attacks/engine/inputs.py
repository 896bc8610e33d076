"""Checks that every attack makes before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from fairtoll.models.logit_model import LogitModel
from fairtoll.models.predict import checked_logits, require_finite
from fairtoll.threats.inputs import check_inputs as check_inputs

#: The caller's numbers of the attacked rows; None: their positions.
_numbers: ContextVar[Tensor | None] = ContextVar("numbers", default=None)


@contextmanager
def numbered(rows: Tensor) -> Iterator[None]:
    """Inside, errors give row i of an attack the caller's number ``rows[i]``.

    For an attack that passes some of its rows to another; nested levels compose.
    """
    around = _numbers.get()
    token = _numbers.set(rows if around is None else around[rows])
    try:
        yield
    finally:
        _numbers.reset(token)


def class_count(model: LogitModel) -> int:
    """The number of classes of a prepared model."""
    return model.probed.classes


def finite_logits(model: nn.Module, points: Tensor, *, where: str, rows: Tensor) -> Tensor:
    """Logits of `points`, or an error that names the first of `rows` for which they are not finite (see `numbered`)."""
    logits = checked_logits(model, points)
    require_finite_rows(logits.detach(), where=where, rows=rows)
    return logits


class FiniteWatch:
    """Keeps logits until they are checked for non-finite values, so that no step waits for an accelerator.

    Parameters
    ----------
    numbers : Tensor, (N,)
        Of the batch's rows.
    """

    def __init__(self, numbers: Tensor) -> None:
        self.numbers = numbers
        self.noted: list[tuple[Tensor, Tensor, int]] = []

    def note(self, logits: Tensor, rows: Tensor, step: int) -> None:
        """Keep the model's logits for `rows` of the batch at `step`."""
        self.noted.append((logits, rows, step))

    def raise_if_bad(self) -> None:
        """Raise, naming row and step, if any kept logit was not finite; then drop them."""
        for logits, rows, step in self.noted:
            require_finite_rows(logits, where=f"at step {step} of the attack", rows=self.numbers[rows])
        self.noted.clear()


def require_finite_rows(logits: Tensor, *, where: str, rows: Tensor) -> None:
    """Raise, naming the first of `rows` by the caller's number, if any logit is NaN or infinite."""
    if not torch.isfinite(logits.sum()):
        rows, numbers = rows.cpu(), _numbers.get()
        require_finite(logits.cpu(), where=where, rows=rows if numbers is None else numbers[rows])
