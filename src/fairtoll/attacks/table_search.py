"""A search over the raw features of a table by scores alone, for trees, pipelines and services as for networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, needed
from fairtoll.attacks.engine.choices import TRIED, Choices
from fairtoll.attacks.engine.inputs import check_inputs
from fairtoll.attacks.engine.start import begin
from fairtoll.attacks.engine.table_walk import Walk, enumerated
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.errors import FairtollError
from fairtoll.models.cells import thresholds_of
from fairtoll.models.predict import checked_logits
from fairtoll.threats.any import Norm, Threat
from fairtoll.threats.linf import LinfThreat
from fairtoll.threats.table_threat import TableThreat

#: Values that are held at once: rows times columns times values of each.
HELD = 4_000_000


@dataclass(frozen=True)
class TableSearch:
    """The search as a value; see `table_search` for what `queries` means.

    Examples
    --------
    >>> TableSearch(queries=200).name
    'table-search-200'
    """

    #: Of the threats that it keeps.
    norms: ClassVar[tuple[Norm, ...]] = ("linf", "table")
    #: It takes no gradient.
    scores_only: ClassVar[bool] = True

    queries: int = 1000

    def __post_init__(self) -> None:
        _check_queries(self.queries)

    @property
    def name(self) -> str:
        """Such as "table-search-1000"."""
        return name_of(self, f"table-search-{self.queries}", named=("queries",))

    @property
    def loss(self) -> str:
        """The quantity that the search maximises."""
        return "margin"

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
        """Run `table_search` with these settings."""
        shared: dict[str, Any] = {"generator": needed(generator, self.name), "batch_size": batch_size}
        return table_search(model, x, y, threat=threat, epsilon=epsilon, queries=self.queries, **shared)


def table_search(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilon: float | Tensor,
    generator: torch.Generator,
    queries: int = 1000,
    start: Tensor | None = None,
    batch_size: int = 4096,
) -> AttackResult:
    """Break rows of a table by changing features one at a time, by the margin of the scores; no gradient is used.

    Every input it tries is confined to the threat. Where the inputs that differ to the model can be counted out within
    `queries`, all of them are tried: categories, one-hot groups, whole numbers, and of a model of trees the cells
    between its thresholds (`fairtoll.models.cells.thresholds_of`); then a row that is not broken has no adversarial
    input, as long as no relation ties numbers together. Elsewhere every feature is tried alone, then the rest in the
    order of what each gains (and gains for its cost, where costs add up), the best value of each kept, until no feature
    gains; then again from the best input with some features drawn anew. Coordinate search after Kireev et al. (2023),
    repairs after Simonetto et al. (2022). A misclassified row never enters, and a row leaves at its first success.

    Parameters
    ----------
    model, x, y, epsilon, batch_size
        As in `pgd`; rows are `(N, D)`, and the model needs no gradient.
    threat : LinfThreat or TableThreat
        What may change.
    generator : torch.Generator
        On the CPU, for the order of features and for values of numbers.
    queries : int
        Evaluations of each row, after the one of the clean row.
    start : Tensor, (N, D), optional
        Inputs from which the search begins, confined to the threat, before it begins at the clean rows.

    Returns
    -------
    AttackResult
        Of a row that is not broken, the input with the largest margin.

    Raises
    ------
    FairtollError
        For no queries, rows that are no table, and as `pgd` does.

    Examples
    --------
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> table_search(model, torch.tensor([[-0.5], [-2.0]]), torch.tensor([0, 0]), threat=LinfThreat(), epsilon=1.0,
    ...              generator=torch.Generator().manual_seed(0)).success
    tensor([ True, False])
    """
    _check_queries(queries)
    if isinstance(x, Tensor) and x.ndim != 2:
        raise FairtollError(
            f"rows have shape {tuple(x.shape[1:])}; a table search needs a table of shape (rows, features); use square"
        )
    model, x, y = check_inputs(
        model, x, y, threat=threat, epsilon=_largest(epsilon), batch_size=batch_size, gradients=False,
        norms=TableSearch.norms,
    )  # fmt: skip
    assert isinstance(threat, LinfThreat | TableThreat)
    thresholds = thresholds_of(model)
    radii = torch.as_tensor(epsilon, dtype=torch.float64).cpu().expand(len(x))

    def work(model: nn.Module, clean: Tensor, labels: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
        at = begin(lambda rows: checked_logits(model, rows), clean, labels, batch, counted="query")
        if len(at.left):
            choices = Choices(threat, at.clean, radii[batch].to(clean.device)[at.left], thresholds)
            walk = Walk(model, choices, at.labels, at.numbers, at.logits, queries, generator)
            if choices.coordinates:
                enumerated(walk)
                walk.run(start=None if start is None else start[batch].to(clean)[at.left])
            at.success[at.left], at.perturbed[at.left] = walk.broken, walk.best
        return at.success, at.perturbed

    with torch.no_grad():
        cells = 2 * sum(len(values) for values in thresholds.values())
        rows = max(1, min(batch_size, HELD // max(1, cells + TRIED * x.shape[1])))
        return attack_in_batches(model, x, y, work, batch_size=rows, generator=generator)


def _largest(epsilon: float | Tensor) -> float:
    return float(torch.as_tensor(epsilon).max()) if torch.as_tensor(epsilon).numel() else 0.0


def _check_queries(queries: int) -> None:
    if isinstance(queries, bool) or not isinstance(queries, int) or queries < 1:
        raise FairtollError(f"queries is {queries!r}; expected 1 or more")
