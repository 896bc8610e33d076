"""The attacks of a union that is given none: chosen by the data, the threat and whether there are gradients."""

from __future__ import annotations

from torch import Tensor

from fairtoll.attacks.apgd import APGD
from fairtoll.attacks.capgd import CAPGD
from fairtoll.attacks.grid import MAXIMUM_FEATURES, Grid, mutable_features
from fairtoll.attacks.pgd import PGD
from fairtoll.attacks.spec import AttackSpec
from fairtoll.attacks.square import Square
from fairtoll.attacks.table_search import TableSearch
from fairtoll.threats.any import Threat

#: On one training run of five Adult arms this found what the whole grid finds but for one row of 30,936, in a
#: quarter of the time.
GRID_PATIENCE = 128


def usual_attacks(
    x: Tensor, threat: Threat, *, classes: int, steps: int, restarts: int, queries: int
) -> dict[str, AttackSpec]:
    """For a model with gradients, by their names in `broken_by`, in order.

    Examples
    --------
    >>> import torch
    >>> from fairtoll import LinfThreat
    >>> list(usual_attacks(torch.zeros(1, 3), LinfThreat(), classes=2, steps=50, restarts=5, queries=500))
    ['cross_entropy', 'grid', 'apgd_margin']
    """
    if threat.norm == "table":
        climb: dict[str, AttackSpec] = {"capgd": CAPGD(steps=steps, restarts=restarts, queries=queries // 2)}
        return climb | (attacks_by_scores(x, threat, queries=queries) if queries else {})
    features = _mutable(x, threat)
    usual: dict[str, AttackSpec] = {"cross_entropy": PGD(steps=steps)}
    if features <= MAXIMUM_FEATURES:
        usual["grid"] = _grid(features)
    if restarts > 1 and classes > 2:
        usual["apgd_cross_entropy"] = APGD(steps=steps, random_start=True, restarts=restarts - 1)
    usual["apgd_margin"] = APGD(steps=steps, restarts=restarts, loss="margin")
    if features > MAXIMUM_FEATURES and queries:
        usual["square"] = Square(queries=queries)
    return usual


def attacks_by_scores(x: Tensor, threat: Threat, *, queries: int) -> dict[str, AttackSpec]:
    """Those that need no gradient, by their names in `broken_by`: the cheapest first.

    One search of an image leaves rows to the next: of 150 digits, with a forest, one of 500 queries breaks 80% and two
    85%, and pixel by pixel others than square by square. So there are three, each of the rows that are left.

    Examples
    --------
    >>> import torch
    >>> from fairtoll import LinfThreat
    >>> [list(attacks_by_scores(torch.zeros(shape), LinfThreat(), queries=500)) for shape in ((1, 3), (1, 3, 8, 8))]
    [['grid', 'table_search', 'square'], ['square', 'square_of_pixels', 'square_again']]
    """
    found: dict[str, AttackSpec] = {}
    if threat.norm != "table" and (features := _mutable(x, threat)) <= MAXIMUM_FEATURES:
        found["grid"] = _grid(features)
    if x.ndim == 2:
        found["table_search"] = TableSearch(queries=queries)
    if threat.norm != "table":
        found["square"] = Square(queries=queries)
    if x.ndim == 4:
        found["square_of_pixels"] = Square(queries=queries, pixels=True)
        found["square_again"] = Square(queries=queries)
    return found


def _mutable(x: Tensor, threat: Threat) -> int:
    """How many features of a table may move; of other rows more than a grid can take."""
    return len(mutable_features(threat, x)) if x.ndim == 2 else MAXIMUM_FEATURES + 1


def _grid(features: int) -> Grid:
    return Grid(patience=max(GRID_PATIENCE, 2**features))
