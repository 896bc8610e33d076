"""A radius within which each row is proved robust, for models of many features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fairtoll.bounds.chain import Affine, Chain, read_chain
from fairtoll.bounds.interval import interval_bounds
from fairtoll.bounds.linear import linear_floors
from fairtoll.errors import FairtollError
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.models.predict import predict_logits
from fairtoll.progress import tracked
from fairtoll.threats.any import Threat
from fairtoll.threats.inputs import check_inputs

#: "linear" is CROWN; "interval" is interval bound propagation: a thousand times as fast, and far smaller radii.
Method = Literal["linear", "interval"]
#: Halvings of the largest radius.
HALVINGS = 8
#: Bounds in single precision are of no use for a model that rounds to less than this.
FINEST = 1e-12


@dataclass(frozen=True)
class Certified:
    """Radii that are proved, on the CPU.

    Attributes
    ----------
    epsilon : Tensor of float64, (N,)
        No admissible input within this radius is misclassified, the model's own rounding included; 0 where nothing is
        proved, as for a row that is misclassified itself.
    within_rounding : Tensor of bool, (N,)
        Rows whose next larger radius would be proved if the model computed without rounding.

    Examples
    --------
    >>> Certified(torch.tensor([0.5, 0.0]), torch.tensor([False, False])).epsilon.mean()
    tensor(0.2500)
    """

    epsilon: Tensor
    within_rounding: Tensor


def certified_epsilon(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilon_max: float | Tensor,
    method: Method = "linear",
    halvings: int = HALVINGS,
    batch_size: int = 64,
) -> Certified:
    """The largest radius within which each row can be proved robust, by bounds on the margin alone.

    The radius is halved in until it is within ``epsilon_max / 2 ** halvings`` of what the bounds can prove. Networks
    with convolutions are bounded in single precision, and again in double where only rounding is in the way. The
    bounds are far from tight on models that were trained without them: what is not proved may well be robust.

    Parameters
    ----------
    model : Module
        A chain of layers that bounds are known for; see `fairtoll.bounds.read_chain`.
    x, y, threat
        As in `fairtoll.attacks.pgd`.
    epsilon_max : float or Tensor, (N,)
        The largest radius of interest, above 0: one for all rows, or one for each, such as that at which an attack
        succeeds; 0 for a row of which nothing is asked.
    method : {"linear", "interval"}
        Bounds by CROWN, or by intervals.
    halvings : int
        See above; 0: only the largest radius.
    batch_size : int
        Rows that are bounded together.

    Returns
    -------
    Certified

    Raises
    ------
    NoBoundError
        For a model with layers that no bound is known for: it names them.
    FairtollError
        For an `epsilon_max` that is not above 0 or of another length, an unknown method, a negative number of
        halvings, and as `pgd` does.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0], [1.0]])  # class 0 where x < 0
    >>> certified_epsilon(model, x, torch.tensor([0, 0, 0]), threat=LinfThreat(), epsilon_max=1.0).epsilon.tolist()
    [0.49609375, 1.0, 0.0]
    """
    if method not in ("linear", "interval"):
        raise FairtollError(f"method is '{method}'; expected linear or interval")
    if halvings < 0:
        raise FairtollError(f"halvings is {halvings}; expected 0 or more")
    limits = _limits(epsilon_max, len(x))
    # A limit of each row's own is a radius at which it is broken, as a rule: not worth a try until all below is proved.
    ends_last = isinstance(epsilon_max, Tensor)
    most = float(limits.max()) if len(limits) else 0.0
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=most, batch_size=batch_size, gradients=False)
    epsilon, within_rounding = torch.zeros(len(x), dtype=torch.float64), torch.zeros(len(x), dtype=torch.bool)
    if not len(x):
        return Certified(epsilon, within_rounding)
    device, chains = device_of(model), _chains(model, x, method)
    # Of a misclassified row nothing can be proved.
    correct = ((predict_logits(model, x).argmax(dim=1) == y.cpu()) & (limits > 0)).nonzero().flatten()
    with borrowed(model), torch.no_grad():
        for batch in tracked(correct.split(batch_size) if len(correct) else ()):
            rows, labels = x[batch.to(x.device)].to(device), y[batch.to(y.device)].to(device)
            found = _bisect(
                chains, rows, labels, threat, limits[batch].to(device), method, halvings, ends_last=ends_last
            )
            epsilon[batch], within_rounding[batch] = found.epsilon.cpu(), found.within_rounding.cpu()
    return Certified(epsilon, within_rounding)


def _limits(epsilon_max: float | Tensor, rows: int) -> Tensor:
    if not isinstance(epsilon_max, Tensor):
        if not (math.isfinite(epsilon_max) and epsilon_max > 0):
            raise FairtollError(f"epsilon_max is {epsilon_max}; expected a finite number above 0")
        return torch.full((rows,), epsilon_max, dtype=torch.float64)
    if epsilon_max.shape != (rows,):
        raise FairtollError(
            f"epsilon_max has shape {tuple(epsilon_max.shape)} for {rows} rows; expected one for each, or a number"
        )
    limits = epsilon_max.detach().cpu().double()
    if not (limits.isfinite() & (limits >= 0)).all():
        raise FairtollError("epsilon_max holds a value that is negative or not finite; expected 0 or more for each row")
    return limits


def _chains(model: nn.Module, x: Tensor, method: Method) -> tuple[Chain, ...]:
    """The precisions in which bounds are tried, the fastest first.

    The bounds' own rounding counts against them; where that decides, double precision has the last word.
    """
    double = read_chain(model, x)
    convolves = any(isinstance(layer, Affine) and layer.local is not None for layer in double.layers)
    if method == "interval" or double.unit < FINEST or not convolves:
        return (double,)
    return read_chain(model, x, dtype=torch.float32), double


def _bisect(
    chains: Sequence[Chain],
    x: Tensor,
    y: Tensor,
    threat: Threat,
    most: Tensor,
    method: Method,
    halvings: int,
    *,
    ends_last: bool,
) -> Certified:
    proved, failed, blurred = torch.zeros_like(most), most.clone(), torch.zeros_like(most, dtype=torch.bool)

    def attempt(rows: Tensor, radius: Tensor) -> None:
        certain, near = _proves(chains, *threat.bounds(x[rows], radius), y[rows], method)
        proved[rows[certain]], failed[rows[~certain]] = radius[certain], radius[~certain]
        blurred[rows] = torch.where(certain, blurred[rows], near)

    everything = torch.arange(len(x), device=x.device)
    if not ends_last:
        attempt(everything, most)
    for _ in range(halvings):
        rows = (proved < failed).nonzero().flatten()
        if len(rows):
            attempt(rows, (proved[rows] + failed[rows]) / 2)
    rows = (failed == most).nonzero().flatten()
    if ends_last and len(rows):
        attempt(rows, most[rows])
    return Certified(proved, blurred & (proved < most))


def _proves(chains: Sequence[Chain], low: Tensor, high: Tensor, y: Tensor, method: Method) -> tuple[Tensor, Tensor]:
    """Whether no input between two ends is misclassified, and whether that would be so without rounding."""
    certain = torch.zeros(len(y), dtype=torch.bool, device=low.device)
    near = torch.ones_like(certain)
    for chain in chains:
        rows = (near & ~certain).nonzero().flatten()
        if len(rows):
            floor, rounding = _floors(chain, low[rows], high[rows], y[rows], method)
            certain[rows], near[rows] = floor > rounding, floor > 0
    return certain, near


def _floors(chain: Chain, low: Tensor, high: Tensor, y: Tensor, method: Method) -> tuple[Tensor, Tensor]:
    if method == "linear":
        return linear_floors(chain, low, high, y)
    least, most = interval_bounds(chain, low, high)[-1]
    mine = least.gather(1, y.unsqueeze(1)).squeeze(1)
    rival = most.scatter(1, y.unsqueeze(1), -torch.inf).amax(dim=1)
    # Its rounding is inside the intervals already.
    return mine - rival, torch.zeros_like(mine)
