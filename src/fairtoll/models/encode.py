"""The columns that a network of a table reads: numbers as they are, each category as columns of 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtoll.errors import FairtollError


@dataclass(frozen=True)
class Coded:
    """How one feature of a table is coded, as `fairtoll.data.load_frame` codes it.

    Attributes
    ----------
    codes : int
        Of a category, how many codes it has, the one of a missing value included; 0 for a number.
    missing : float, optional
        Of a number, what stands for a missing value.
    filled : float
        Of a number, what takes the place of a missing value.

    Examples
    --------
    >>> Coded(codes=3).missing is None
    True
    """

    codes: int = 0
    missing: float | None = None
    filled: float = 0.0


class Encode(nn.Module):
    """Rows `(N, D)` with codes of categories to rows `(N, M)` of numbers and columns of 0 and 1.

    A number stays as it is, with its gradient, and a category becomes one column for each code; a number that may be
    missing is followed by a column that is 1 where it is. There is no gradient in a code, and none between codes: no
    step of an attack that moves numbers changes a category.

    Parameters
    ----------
    features : sequence of Coded, (D,)
        In the order of the columns.

    Examples
    --------
    >>> Encode([Coded(), Coded(codes=3)])(torch.tensor([[0.5, 2.0]]))
    tensor([[0.5000, 0.0000, 0.0000, 1.0000]])
    """

    #: A missing value is filled.
    reads_missing = True

    def __init__(self, features: Sequence[Coded]) -> None:
        super().__init__()
        self.features = tuple(features)

    def extra_repr(self) -> str:
        """Its features, which no tensor says."""
        return ", ".join(str(one.codes or "number") for one in self.features)

    def forward(self, x: Tensor) -> Tensor:
        """The encoded rows, `(N, M)`."""
        if x.shape[-1] != len(self.features):
            raise FairtollError(
                f"rows have {x.shape[-1]} columns; expected {len(self.features)}, one for each feature; give the "
                "features that the network was trained on, in their order"
            )
        return torch.cat([_columns(x[..., k : k + 1], one) for k, one in enumerate(self.features)], dim=-1)


def _columns(value: Tensor, feature: Coded) -> Tensor:
    if feature.codes:
        return (value.detach() == torch.arange(feature.codes, device=value.device)).to(value.dtype)
    if feature.missing is None:
        return value
    absent = value.detach() == torch.tensor(feature.missing, dtype=value.dtype, device=value.device)
    filled = torch.full_like(value, feature.filled)
    return torch.cat([torch.where(absent, filled, value), absent.to(value.dtype)], dim=-1)
