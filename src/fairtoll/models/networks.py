"""The paper's two networks, and the layer that standardises a table's input."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardize(nn.Module):
    """First layer: ``(x - mean) / spread``, fixed, so that attacks use the data's units.

    Parameters
    ----------
    mean, spread : Tensor, one row's shape
        Of the training rows. A feature that never varies is only centred.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> layer = Standardize(torch.tensor([1.0]), torch.tensor([2.0]))
    >>> layer(torch.tensor([[5.0]]))
    tensor([[2.]])
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        if mean.shape != spread.shape:
            raise ValueError(f"mean has shape {tuple(mean.shape)}, spread {tuple(spread.shape)}; expected the same")
        self.register_buffer("mean", mean.clone().float())
        self.register_buffer("spread", torch.where(spread > 0, spread, 1.0).float())

    def forward(self, x: Tensor) -> Tensor:
        """Standardised rows, the shape of `x`."""
        return (x - self.mean) / self.spread


def adult_network(standardize: Standardize, *, classes: int = 2, width: int = 64, depth: int = 4) -> nn.Sequential:
    """The paper's Adult classifier: four hidden dense layers with tanh, logits out.

    Source: paper, section IV.A.2 (it does not give the width; 64 is ours).

    Examples
    --------
    >>> network = adult_network(Standardize(torch.zeros(14), torch.ones(14)))
    >>> network(torch.zeros(3, 14)).shape
    torch.Size([3, 2])
    """
    layers: list[nn.Module] = [standardize]
    inputs = standardize.mean.numel()
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.Tanh()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


def image_network(
    *, classes: int = 10, side: int = 32, channels: int = 3, widths: tuple[int, int, int, int] = (32, 64, 256, 128)
) -> nn.Sequential:
    """The paper's CIFAR-10 classifier: two convolutions with max pooling and ReLU, two dense layers, logits out.

    Source: paper, section IV.A.1 (it does not give widths or kernel; docs/calibration.md says what was tried).
    Pixels are taken in [0, 1] as they are.

    Parameters
    ----------
    classes, side, channels : int
        Of the images, which are square; `side` is a multiple of 4.
    widths : tuple of int
        Filters of the two 3 x 3 convolutions, then units of the two dense layers.

    Examples
    --------
    >>> image_network()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    first, second, third, fourth = widths
    layers: list[nn.Module] = []
    for before, after in ((channels, first), (first, second)):
        # ReLU after pooling gives the same numbers as before it, for a quarter of the work.
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
    layers.append(nn.Flatten())
    inputs = second * (side // 4) ** 2
    for width in (third, fourth):
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


def initialise_as_keras(model: nn.Module, generator: torch.Generator) -> None:
    """The paper's framework's defaults, in place: Glorot-uniform weights and zero biases.

    With torch's own defaults the Adult figures differ visibly (docs/methods.md).

    Examples
    --------
    >>> layer = nn.Linear(2, 2)
    >>> initialise_as_keras(layer, torch.Generator().manual_seed(0))
    >>> layer.bias.tolist()
    [0.0, 0.0]
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
