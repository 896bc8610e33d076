"""Interval bounds, and the rounding of a layer."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from fairtoll.bounds.chain import Activation, Affine, Chain, Kind, Layer, MaxPool

Ends = tuple[Tensor, Tensor]


def interval_bounds(chain: Chain, low: Tensor, high: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Ends of the inputs of every layer, then of the logits, for all rows between `low` and `high`.

    Interval bound propagation (Gowal et al., 2018). Rounding is included, of the model in its precision and of the
    bounds in theirs.

    Parameters
    ----------
    low, high : Tensor, (N, ...)

    Returns
    -------
    list of pair of Tensor
        Each `(N, ...)`.

    Examples
    --------
    >>> from fairtoll.bounds import read_chain
    >>> layer = torch.nn.Linear(1, 2); _ = layer.load_state_dict(
    ...     {"weight": torch.tensor([[1.0], [-2.0]]), "bias": torch.zeros(2)})
    >>> chain = read_chain(layer, torch.zeros(1, 1))
    >>> low, high = interval_bounds(chain, torch.tensor([[-1.0]]), torch.tensor([[1.0]]))[-1]
    >>> low.round(decimals=5).tolist(), high.round(decimals=5).tolist()
    ([[-1.0, -2.0]], [[1.0, 2.0]])
    """
    found = [(low.to(chain.dtype), high.to(chain.dtype))]
    for layer in chain.layers:
        found.append(step(chain, layer, *found[-1]))
    return found


def step(chain: Chain, layer: Layer, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Ends of a layer's output."""
    match layer:
        case Activation(kind):
            return _grown(activate(kind, low), -1.0, chain, kind), _grown(activate(kind, high), 1.0, chain, kind)
        case MaxPool():
            return pool(layer, low), pool(layer, high)
        case Affine(terms=0):
            # Nothing is computed: values are only passed on, or left out.
            return layer.apply(low), layer.apply(high)
        case Affine():
            middle, half = (low + high) / 2, (high - low) / 2
            moved = layer.apply(middle) + layer.bias
            sums = layer.magnitude(middle.abs() + half) + layer.bias_size
            around = layer.magnitude(half) + rounding_of(layer, chain) * sums
            return moved - around, moved + around


def rounding_of(layer: Affine, chain: Chain) -> float:
    """Relative to the sum of the products' sizes: of the model's sums, in any order, and of those here.

    A sum of n products is within ``n u`` times the sum of their sizes of the exact one, u being half a unit in the
    last place (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1).
    """
    return (layer.terms + 3) * (chain.unit + torch.finfo(chain.dtype).eps) if layer.terms else 0.0


def model_rounding(layer: Affine, chain: Chain) -> float:
    """As `rounding_of`, of the model's sums alone."""
    return (layer.terms + 3) * chain.unit if layer.terms else 0.0


def unit_of(chain: Chain) -> float:
    """Half a unit in the last place, of the precision in which bounds are computed."""
    return float(torch.finfo(chain.dtype).eps) / 2


def largest(ends: Ends) -> Tensor:
    """The largest size of a value between two ends."""
    return torch.maximum(ends[0].abs(), ends[1].abs())


def rounding_of_activation(chain: Chain, kind: Kind) -> float:
    """Of a value up to 1 in size: a tanh is within 4 units in the last place, a ReLU is exact."""
    return 0.0 if kind == "relu" else 8 * (chain.unit + torch.finfo(chain.dtype).eps)


def activate(kind: Kind, x: Tensor) -> Tensor:
    """The activation of each value."""
    return {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[kind](x)


def pool(layer: MaxPool, x: Tensor) -> Tensor:
    """The largest value of each window."""
    return functional.max_pool2d(x, layer.kernel, layer.stride, layer.padding)


def _grown(value: Tensor, sign: float, chain: Chain, kind: Kind) -> Tensor:
    return value + sign * rounding_of_activation(chain, kind)
