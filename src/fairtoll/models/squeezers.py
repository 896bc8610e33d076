"""Feature squeezers: maps of rows to coarser rows (Xu, Evans and Qi, "Feature Squeezing", NDSS 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtoll.errors import FairtollError

BITS = "bits is {given}; expected a whole number from 1 to 16; give the number of bits that a value keeps"


class Levels(nn.Module):
    """Each feature rounded to the nearest of ``2 ** bits`` equal steps of its range.

    Of images it is the reduction of the colour depth. A value outside the range becomes the nearer end of it.

    Parameters
    ----------
    low, high : Tensor, one row's shape
        The range of each feature; one that is empty leaves the feature as it is, as for codes of categories.
    bits : int
        Of each value.

    Raises
    ------
    FairtollError
        For a number of bits that is none.

    Examples
    --------
    >>> squeeze = Levels(torch.zeros(1), torch.full((1,), 3.0), bits=1)
    >>> squeeze(torch.tensor([[1.4], [1.6], [7.0]])).flatten().tolist()
    [0.0, 3.0, 3.0]
    """

    low: Tensor
    high: Tensor

    def __init__(self, low: Tensor, high: Tensor, *, bits: float) -> None:
        super().__init__()
        if bits != int(bits) or not 1 <= bits <= 16:
            raise FairtollError(BITS.format(given=bits))
        self.steps = 2 ** int(bits) - 1
        self.register_buffer("low", low)
        self.register_buffer("high", high)

    def forward(self, x: Tensor) -> Tensor:
        """Rows of the same shape."""
        width = self.high - self.low
        varies = width > 0
        step = torch.where(varies, width, 1) / self.steps
        places = ((x - self.low) / step).round().clamp(0, self.steps)
        return torch.where(varies, torch.where(places == self.steps, self.high, self.low + places * step), x)


class Median(nn.Module):
    """The median of each pixel and its neighbours above and to the left: a 2 x 2 filter, each channel by itself.

    Of the four the third smallest, and the border repeated, as ``scipy.ndimage.median_filter`` has it.

    Examples
    --------
    >>> Median()(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).flatten().tolist()
    [1.0, 2.0, 3.0, 3.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """Images of the same shape, `(N, C, H, W)`."""
        wide = functional.pad(x, (1, 0, 1, 0), mode="replicate")
        around = [wide[..., 1:, 1:], wide[..., 1:, :-1], wide[..., :-1, 1:], wide[..., :-1, :-1]]
        return torch.stack(around).sort(dim=0).values[2]


class NonLocalMeans(nn.Module):
    """Each pixel as a mean of the pixels around it whose surroundings are alike.

    Buades, Coll and Morel, "A non-local algorithm for image denoising" (CVPR 2005): the weight of another pixel is
    ``exp(-d / strength**2)``, d being the mean squared difference of the two patches over all channels. Borders are
    mirrored.

    Parameters
    ----------
    search, patch : int
        Sides of the square that is searched and of the patches that are compared; odd.
    strength : float
        In the units of the pixels.

    Examples
    --------
    >>> flat = torch.full((1, 3, 8, 8), 0.5)
    >>> torch.allclose(NonLocalMeans(search=5)(flat), flat)
    True
    """

    def __init__(self, *, search: int = 13, patch: int = 3, strength: float = 2 / 255) -> None:
        super().__init__()
        self.search, self.patch, self.strength = search, patch, strength

    def forward(self, x: Tensor) -> Tensor:
        """Images of the same shape, `(N, C, H, W)`."""
        reach, half = self.search // 2, self.patch // 2
        height, width = x.shape[-2:]
        wide = functional.pad(x, (reach + half,) * 4, mode="reflect")
        # With the patches' own border, so that patches at the edge of the image are whole.
        own = wide[..., reach : reach + height + 2 * half, reach : reach + width + 2 * half]
        total, weights = torch.zeros_like(x), x.new_zeros(len(x), 1, height, width)
        for down in range(self.search):
            for right in range(self.search):
                other = wide[..., down : down + height + 2 * half, right : right + width + 2 * half]
                apart = (own - other).square().mean(dim=1, keepdim=True)
                weight = (-functional.avg_pool2d(apart, self.patch, stride=1) / self.strength**2).exp()
                total += weight * other[..., half : half + height, half : half + width]
                weights += weight
        return total / weights
