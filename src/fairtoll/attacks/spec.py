"""An attack as a value: a frozen dataclass with a computed name that runs when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from fairtoll.threats.any import Threat


@dataclass(frozen=True)
class AttackResult:
    """The result of an attack, on the CPU.

    Attributes
    ----------
    success : Tensor of bool, (N,)
        Rows with a misclassified admissible input; a row that is misclassified before the attack counts.
    perturbed : Tensor, (N, ...)
        That input, or the last one tried.
    broken_by : sequence of str, length N
        Of a union: the first attack that broke the row, "clean" for a row misclassified before any attack, "" for one
        that none broke. Empty for a single attack.
    attacks : sequence of str
        Of a union: the attacks that it is made of, in order, without "clean".

    Examples
    --------
    >>> AttackResult(torch.tensor([True, False]), torch.zeros(2, 3)).success.float().mean()
    tensor(0.5000)
    """

    success: Tensor
    perturbed: Tensor
    broken_by: Sequence[str] = ()
    attacks: Sequence[str] = ()


@runtime_checkable
class AttackSpec(Protocol):
    """An attack with its settings, such as ``PGD(steps=20)``: equal settings are equal values.

    Evidence keeps `name` and, where they exist, the settings `loss`, `steps` and `restarts`. An attack that asks a
    model for its scores or classes alone says so with ``scores_only = True``.

    Examples
    --------
    >>> from fairtoll.attacks import PGD
    >>> isinstance(PGD(), AttackSpec), isinstance("pgd-20", AttackSpec)
    (True, False)
    """

    @property
    def name(self) -> str:
        """Its name in evidence, findings and reports: computed from the settings, so that different settings differ."""

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        threat: Threat,
        epsilon: float,
        generator: torch.Generator | None = None,
        batch_size: int = 4096,
    ) -> AttackResult:
        """Attack every row at one radius."""


def needs_gradients(attack: AttackSpec) -> bool:
    """Whether an attack needs the gradient of a model: all do that do not say `scores_only`.

    Examples
    --------
    >>> from fairtoll.attacks import PGD, Square
    >>> needs_gradients(PGD()), needs_gradients(Square())
    (True, False)
    """
    return not getattr(attack, "scores_only", False)


def name_of(spec: Any, base: str, *, named: tuple[str, ...] = ()) -> str:
    """`base` and every setting that is not its default, except those that the base already contains.

    Examples
    --------
    >>> from fairtoll.attacks import PGD
    >>> PGD(steps=20).name, PGD(steps=20, restarts=3, random_start=True).name
    ('pgd-20', 'pgd-20-restarts-3-random-start')
    """
    parts = [base]
    for field in fields(spec):
        value = getattr(spec, field.name)
        if field.name in named or (field.default is not MISSING and value == field.default):
            continue
        words = field.name.replace("_", "-")
        if isinstance(value, bool):
            parts.append(words if value else f"no-{words}")
        else:
            parts.append(f"{words}-{value:g}" if isinstance(value, float) else f"{words}-{value}".replace("_", "-"))
    return "-".join(parts)


def describe(spec: AttackSpec) -> dict[str, Any]:
    """A spec as plain JSON values, for the configuration of a run: its name, its kind and every setting.

    Examples
    --------
    >>> from fairtoll.attacks import Grid
    >>> describe(Grid())
    {'name': 'grid', 'kind': 'Grid', 'patience': None}
    """
    return {
        "name": spec.name,
        "kind": type(spec).__name__,
        **(
            {field.name: _plain(getattr(spec, field.name)) for field in fields(spec)}
            if is_dataclass(spec)
            else {"settings": repr(spec)}
        ),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return describe(value) if isinstance(value, AttackSpec) else value
