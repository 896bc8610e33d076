"""AutoAttack's standard form, of attacks of ours."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import check_starts, needed
from fairtoll.attacks.apgd import APGD
from fairtoll.attacks.nearest_class import NearestClass
from fairtoll.attacks.spec import AttackResult, AttackSpec, name_of
from fairtoll.attacks.square import Square
from fairtoll.attacks.targeted import TargetedAPGD
from fairtoll.attacks.union import union
from fairtoll.threats.any import Threat

#: Steps and queries after which rows that will not be broken are given up. Neither cost a row where it was tried, on 50
#: images of two networks and 200 of one (docs/benchmarks.md).
STEPS_OF_PATIENCE, QUERIES_OF_PATIENCE = 10, 200


@dataclass(frozen=True)
class AutoAttack:
    """The standard form of AutoAttack (Croce and Hein 2020): four attacks, each on the rows that none before it broke.

    Auto-PGD with cross-entropy from a random start, the search for the nearest class in the place of FAB (see
    `NearestClass`), Auto-PGD towards each of nine classes, and Square. The original asks every row for every step and
    query; here a row leaves an attack at its first success, and once it would not be broken even if each remaining step
    gained three times what the last ones did (`patience`). Square's patience looks at its own progress, never at a
    gradient, so that it still sees what gradients hide. The search comes before the targeted attack because it is
    cheaper. Unlike the original it runs on two and three classes, on tables, and under every `LinfThreat`; where
    features must stay whole numbers the search is left out.

    Attributes
    ----------
    steps : int
        Of Auto-PGD's starts, and at most of the search.
    targets : int
        Wrong classes that are aimed at, at most.
    queries : int
        Of Square.
    every_step : bool
        True: no row is given up before its last step and query.

    Raises
    ------
    FairtollError
        For no steps, targets or queries; when called, without a generator, and as `pgd` does.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> AutoAttack().name, AutoAttack(queries=1000).name
    ('autoattack', 'autoattack-queries-1000')
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0], [1.0]])  # class 0 where x < 0: distances 0.5 and 2
    >>> found = AutoAttack(queries=100)(model, x, torch.tensor([0, 0, 0]), threat=LinfThreat(), epsilon=1.0,
    ...                                 generator=torch.Generator().manual_seed(0))
    >>> found.success, found.broken_by[2]
    (tensor([ True, False,  True]), 'clean')
    """

    steps: int = 100
    targets: int = 9
    queries: int = 5000
    every_step: bool = False

    def __post_init__(self) -> None:
        check_starts(self.steps, 1)
        self.attacks(whole_numbers=False)

    @property
    def name(self) -> str:
        """The name "autoattack", with what is not the default."""
        return name_of(self, "autoattack")

    def attacks(self, *, whole_numbers: bool) -> list[AttackSpec]:
        """The attacks in order; without the search where features must stay whole numbers."""
        patience, queries = (None, None) if self.every_step else (STEPS_OF_PATIENCE, QUERIES_OF_PATIENCE)
        return [
            APGD(self.steps, random_start=True, patience=patience),
            *([] if whole_numbers else [NearestClass(self.steps, self.targets)]),
            TargetedAPGD(self.steps, self.targets, patience),
            Square(self.queries, queries),
        ]

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
        """Attack every row at one radius; the result says which attack broke each row."""
        attacks = self.attacks(whole_numbers=threat.integer is not None and bool(threat.integer.any()))
        return union(
            model, x, y, threat=threat, epsilon=epsilon, attacks=attacks, generator=needed(generator, self.name),
            batch_size=batch_size,
        )  # fmt: skip
