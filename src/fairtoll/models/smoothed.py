"""A classifier that answers with the mean over noisy copies of a row: randomized smoothing as it is deployed."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from fairtoll.errors import FairtollError
from fairtoll.models.dense import quick

#: Numbers of noisy rows that are evaluated at once: an image's draws one after another, a table's together.
TOGETHER = 2**22


class Smoothed(nn.Module):
    """The mean of a model's class probabilities over fixed noise: the same rows give the same answer.

    Cohen, Rosenfeld and Kolter, "Certified Adversarial Robustness via Randomized Smoothing" (ICML 2019), predict the
    class that most noisy copies have; the mean of the probabilities has gradients as well, and an attack that follows
    them follows the expectation over the noise (Salman et al., NeurIPS 2019).

    Parameters
    ----------
    model : Module
        Returns logits.
    noise : Tensor, (n, ...)
        Draws that are added to every row, in the data's units.
    deviation : Tensor, one row's shape
        Standard deviation of the noise of each feature, in the data's units; 0 where there is none.
    sigma : float
        Standard deviation in the units of a threat: what certified radii are multiples of.

    Raises
    ------
    FairtollError
        For no draws, or a standard deviation that is not above 0.

    Examples
    --------
    >>> one = Smoothed(nn.Linear(3, 2), torch.randn(8, 3), torch.ones(3), sigma=1.0)
    >>> bool((one(torch.zeros(5, 3)).exp().sum(dim=1) - 1).abs().max() < 1e-6)
    True
    """

    noise: Tensor
    deviation: Tensor

    def __init__(self, model: nn.Module, noise: Tensor, deviation: Tensor, *, sigma: float) -> None:
        super().__init__()
        if not len(noise) or not sigma > 0 or not math.isfinite(sigma):
            raise FairtollError(
                f"smoothing has {len(noise)} draws and a standard deviation of {sigma}; expected 1 or more draws and a "
                "finite number above 0; raise sigma, or train without smoothing"
            )
        self.model, self.sigma = model, sigma
        self.register_buffer("noise", noise)
        self.register_buffer("deviation", deviation)

    def forward(self, x: Tensor) -> Tensor:
        """Logarithms of the mean probabilities, `(N, C)`."""
        each = max(1, TOGETHER // max(1, x.numel()))
        parts = [self._evaluated(x, draws) for draws in self.noise.split(each)]
        return torch.cat(parts).logsumexp(dim=0) - math.log(len(self.noise))

    def _evaluated(self, x: Tensor, draws: Tensor) -> Tensor:
        if len(draws) == len(self.noise) or not (torch.is_grad_enabled() and x.requires_grad):
            return self._log_probabilities(x, draws)
        # What a backward pass needs of many noisy images would fill the memory: it is computed again there.
        found: Tensor = checkpoint(self._log_probabilities, x, draws, use_reentrant=False, preserve_rng_state=False)
        return found

    def _log_probabilities(self, x: Tensor, draws: Tensor) -> Tensor:
        """`(n, N, C)`."""
        noisy = (x + draws.unsqueeze(1)).flatten(0, 1)
        logits: Tensor = self.model(noisy)
        return logits.log_softmax(dim=1).view(len(draws), len(x), -1)

    def quick_form(self) -> nn.Module:
        """The same for a model that does not change; see `fairtoll.models.dense.quick`."""
        return Smoothed(quick(self.model), self.noise, self.deviation, sigma=self.sigma)

    def naive_form(self) -> nn.Module:
        """The same answers with the gradient of the model at the row itself, as if there were no noise."""
        return _WithoutNoise(self)


class _WithoutNoise(nn.Module):
    def __init__(self, smoothed: Smoothed) -> None:
        super().__init__()
        self.smoothed = smoothed

    def forward(self, x: Tensor) -> Tensor:
        own = self.smoothed.model(x).log_softmax(dim=1)
        return AnotherValue.apply(own, self.smoothed(x.detach()))  # type: ignore[no-any-return, no-untyped-call]


class AnotherValue(torch.autograd.Function):
    """The second argument's value with the first one's gradient."""

    @staticmethod
    def forward(ctx: object, x: Tensor, value: Tensor) -> Tensor:
        """The value."""
        return value.clone()

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> tuple[Tensor, None]:
        """To the first argument, unchanged."""
        return gradients[0], None
