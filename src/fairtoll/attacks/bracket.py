"""What is known of each row's least epsilon: what a search found above, what is proved below."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import like
from fairtoll.bounds import NoBoundError, prove
from fairtoll.bounds.exact import moves_few
from fairtoll.models.predict import predict_logits
from fairtoll.threats.any import Threat

#: Halvings of the way from a row to an input that another attack found, in search of a nearer one.
PULLS = 12


@dataclass(frozen=True)
class LeastEpsilonResult:
    """The least epsilon found for each row, on the CPU, and its bracket.

    Attributes
    ----------
    least_epsilon : Tensor of float64, (N,)
        0 for a row that is misclassified before the attack, `epsilon_max` for a censored one.
    censored : Tensor of bool, (N,)
        Rows that no radius tried up to `epsilon_max` broke: their least epsilon is larger, or was not found.
    low, high : Tensor of float64, (N,)
        The bracket that the true least epsilon is known to lie in. At `high` a misclassified input is known (infinite
        for censored rows). Within `low` it is proved that there is none; 0 where nothing is proved.
    failed : Tensor of float64, (N,)
        The largest radius below `high` at which the search failed: no proof that there is nothing.
    within_rounding : Tensor of bool, (N,)
        Rows that are not proved up to the end only because the rounding of the model's own arithmetic decides.
    perturbed : Tensor, (N, ...)
        A misclassified input within `least_epsilon` of each row; of censored rows the last input tried.
    proof : {"exact", "linear", ""}
        How `low` was proved: boxes of inputs were split until the bracket was as narrow as the tolerance, linear
        bounds, or not at all.
    loss, steps : str, int
        The loss that was maximised, and gradient steps of a row at most (search) or at each radius (grid).

    Examples
    --------
    >>> radius, none = torch.tensor([0.2]), torch.tensor([False])
    >>> LeastEpsilonResult(radius, none, 0 * radius, radius, 0 * radius, none, torch.zeros(1, 2)).least_epsilon
    tensor([0.2000])
    """

    least_epsilon: Tensor
    censored: Tensor
    low: Tensor
    high: Tensor
    failed: Tensor
    within_rounding: Tensor
    perturbed: Tensor
    proof: Literal["exact", "linear", ""] = ""
    loss: str = ""
    steps: int = 0


def bracket(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    found: LeastEpsilonResult,
    *,
    threat: Threat,
    epsilon_max: float,
    known: Tensor | None,
    tolerance: float,
    proof: bool,
) -> LeastEpsilonResult:
    """What a search found, with what other attacks found, and where `proof` is True with proved lower ends.

    Parameters
    ----------
    model, x, y, threat, epsilon_max, known, tolerance
        As in `least_epsilon`.
    found : LeastEpsilonResult
        Of the search.
    proof : bool
        Whether the lower ends are proved.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 2))
    >>> x, y, how = torch.zeros(1, 1), torch.tensor([0]), {"threat": LinfThreat(), "epsilon_max": 1.0}
    >>> found = bracket(model, x, y, nothing_found(x, 1.0), **how, known=None, tolerance=0.01, proof=True)
    >>> found.proof, bool(found.low <= found.high)
    ('exact', True)
    """
    if known is not None:
        found = _with_known(model, x, y, found, threat, epsilon_max, known.to(x))
    if not proof:
        return found
    proved = prove(model, x, y, threat=threat, epsilon=epsilon_max, tolerance=tolerance, known=found.perturbed)
    nearer = proved.high < found.high
    high = torch.where(nearer, proved.high, found.high)
    censored = high.isinf()
    return replace(
        found,
        least_epsilon=torch.where(censored, epsilon_max, high),
        censored=censored,
        low=torch.minimum(proved.low, torch.where(censored, epsilon_max, high)),
        high=high,
        failed=torch.minimum(found.failed, high),
        within_rounding=proved.within_rounding & censored,
        perturbed=torch.where(like(nearer, found.perturbed), proved.perturbed.to(found.perturbed), found.perturbed),
        proof=proved.method,
    )


def nothing_found(x: Tensor, epsilon_max: float) -> LeastEpsilonResult:
    """The result before any search.

    Examples
    --------
    >>> nothing_found(torch.zeros(2, 3), 1.0).censored
    tensor([True, True])
    """
    zero = torch.zeros(len(x), dtype=torch.float64)
    every = torch.ones(len(x), dtype=torch.bool)
    return LeastEpsilonResult(
        zero + epsilon_max, every, zero, zero + math.inf, zero, ~every, x.detach().cpu().clone(), loss="cross_entropy"
    )


def _with_known(
    model: nn.Module, x: Tensor, y: Tensor, found: LeastEpsilonResult, threat: Threat, epsilon_max: float,
    known: Tensor,
) -> LeastEpsilonResult:  # fmt: skip
    """Count inputs that others found where they are nearer, pulled towards their rows as far as halving goes."""
    wrong = (predict_logits(model, known).argmax(dim=1) != y.cpu()) & threat.admits(x, known, epsilon_max).cpu()
    rows = (wrong & (threat.distance(x, known).cpu() < found.high)).nonzero().flatten()
    if not len(rows):
        return found
    clean, points, labels = x[rows], known[rows], y[rows].cpu()
    low, high = threat.bounds(clean, epsilon_max)
    near, far = (like(torch.full((len(rows),), end), clean).to(clean) for end in (0.0, 1.0))
    for _ in range(PULLS):
        half = (near + far) / 2
        tried = threat.project(clean + half * (points - clean), low, high)
        broken = like((predict_logits(model, tried).argmax(dim=1) != labels).to(clean.device), clean)
        near, far = torch.where(broken, near, half), torch.where(broken, half, far)
    pulled = threat.project(clean + far * (points - clean), low, high)
    broken = like((predict_logits(model, pulled).argmax(dim=1) != labels).to(clean.device), clean)
    # On the way a fraction is rounded where whole numbers are asked for, which may be further than where it was.
    broken &= like(threat.distance(clean, pulled) < threat.distance(clean, points), clean)
    best = torch.where(broken, pulled, points)
    radius = (threat.distance(clean, best).double() * (1 + 1e-15)).clamp(max=epsilon_max).cpu()
    nearer = radius < found.high[rows]
    rows, best, radius = rows[nearer], best[nearer.to(best.device)], radius[nearer]
    changed = {
        name: getattr(found, name).clone() for name in ("least_epsilon", "censored", "high", "failed", "perturbed")
    }
    changed["least_epsilon"][rows] = changed["high"][rows] = radius
    changed["censored"][rows] = False
    changed["failed"][rows] = torch.minimum(changed["failed"][rows], radius)
    changed["perturbed"][rows] = best.cpu()
    return replace(found, **changed)


def can_split(model: nn.Module, x: Tensor, threat: Threat) -> bool:
    """Whether least epsilon is bracketed to its tolerance: bounds are known, and few features may move.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> can_split(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)), torch.zeros(1, 2), LinfThreat())
    True
    """
    try:
        return moves_few(model, x, threat)
    except NoBoundError:
        return False
