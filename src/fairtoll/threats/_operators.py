"""What the language of relations computes: comparisons up to rounding, arithmetic, and a few functions."""

from __future__ import annotations

import ast
from collections.abc import Callable

import torch
from torch import Tensor

#: How far two sides may differ and still be equal, as a share of the larger one: what float32 rounds.
TOLERANCE = 1e-6


def equal(a: Tensor, b: Tensor) -> Tensor:
    """Whether two numbers are equal but for the rounding of float32."""
    return (a == b) | ((a - b).abs() <= TOLERANCE * torch.maximum(a.abs(), b.abs()))


COMPARE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "==": equal,
    "!=": lambda a, b: ~equal(a, b),
    "<=": lambda a, b: (a <= b) | equal(a, b),
    ">=": lambda a, b: (a >= b) | equal(a, b),
    "<": lambda a, b: (a < b) & ~equal(a, b),
    ">": lambda a, b: (a > b) & ~equal(a, b),
}
TURNED = {"==": "==", "!=": "!=", "<=": ">=", ">=": "<=", "<": ">", ">": "<"}
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.LtE: "<=", ast.GtE: ">=", ast.Lt: "<", ast.Gt: ">",
}  # fmt: skip
OPERATORS: dict[type[ast.operator], Callable[[Tensor, Tensor], Tensor]] = {
    ast.Add: torch.add,
    ast.Sub: torch.sub,
    ast.Mult: torch.mul,
    ast.Div: torch.div,
    ast.Mod: torch.remainder,
    ast.Pow: torch.pow,
}


def _smallest(*values: Tensor) -> Tensor:
    return torch.stack(values).amin(dim=0)


def _largest(*values: Tensor) -> Tensor:
    return torch.stack(values).amax(dim=0)


def _divide(a: Tensor, b: Tensor, otherwise: Tensor) -> Tensor:
    return torch.where(b == 0, otherwise, a / torch.where(b == 0, 1.0, b))


def _months(date: Tensor) -> Tensor:
    """Months since year 0 of a date written as YYYYMM."""
    return (date / 100).floor() * 12 + torch.remainder(date, 100)


#: Least and most arguments, and the function.
FUNCTIONS: dict[str, tuple[int, int, Callable[..., Tensor]]] = {
    "abs": (1, 1, torch.abs),
    "min": (2, 99, _smallest),
    "max": (2, 99, _largest),
    "floor": (1, 1, torch.floor),
    "round": (1, 1, torch.round),
    "log": (1, 1, torch.log),
    "exp": (1, 1, torch.exp),
    "divide": (3, 3, _divide),
    "months": (1, 1, _months),
}
KNOWN = (*FUNCTIONS, "count", "clean", "lookup")
