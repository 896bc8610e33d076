"""Certified radii of randomized smoothing: within them the vote over noise stays as it is, most likely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from fairtoll.errors import FairtollError, warn
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.models.predict import predict_logits
from fairtoll.models.smoothed import Smoothed
from fairtoll.progress import tracked

#: Draws that each row's vote is estimated from, and the probability that its radius is wrong.
DRAWS, ALPHA = 1000, 0.001
#: Numbers of noisy rows that are evaluated at once.
TOGETHER = 2**21
SETTINGS = (
    "certification with {draws} draws and an error probability of {alpha}; expected 1 or more draws and a number "
    "between 0 and 1; give such as draws=1000, alpha=0.001"
)
ALL_ABSTAIN = (
    "the smoothed model abstains on each of {rows} rows: the noise, {sigma:g} in units of the threat, is so large that "
    "no class has most of the votes; nothing is certified; train with a smaller sigma, or estimate with more draws"
)


@dataclass(frozen=True)
class Votes:
    """What the vote over noise certifies of each row, on the CPU.

    Attributes
    ----------
    classes : Tensor of int64, (N,)
        What the deployed model predicts: whose votes are counted.
    lower : Tensor of float64, (N,)
        A lower limit of that class's share of the votes over all noise.
    radius : Tensor of float64, (N,)
        In L2, in units of the threat's scale; 0 for a row that abstains.
    abstained : Tensor of bool, (N,)
        Rows whose limit is not above one half.

    Examples
    --------
    >>> Votes(torch.tensor([1]), torch.tensor([0.5]), torch.tensor([0.0]), torch.tensor([True])).classes.tolist()
    [1]
    """

    classes: Tensor
    lower: Tensor
    radius: Tensor
    abstained: Tensor


def certify(
    model: Smoothed, x: Tensor, *, generator: torch.Generator, draws: int = DRAWS, alpha: float = ALPHA
) -> Votes:
    """The certified prediction of a smoothed model for every row.

    CERTIFY of Cohen, Rosenfeld and Kolter, "Certified Adversarial Robustness via Randomized Smoothing" (ICML 2019): a
    class is chosen on some draws, its votes are counted on others, and with the one-sided Clopper-Pearson limit p of
    its share the radius is ``sigma * PhiInv(p)``. The class is that which the model predicts, which is chosen on its
    own fixed draws, so that what is certified is what is deployed. The radius is of the vote over all noise: with
    probability ``1 - alpha`` for each row, no input within it has another class there. Of the deployed mean over a few
    draws it says that much only as far as that agrees with the vote.

    Parameters
    ----------
    model : Smoothed
        As it is deployed.
    x : Tensor, (N, ...)
        Rows.
    generator : torch.Generator
        On the CPU, for the votes.
    draws : int
        Votes of each row.
    alpha : float
        Probability, for each row, that its limit is above the true share.

    Raises
    ------
    FairtollError
        For no draws, an error probability that is none, or a model that fails on these rows.

    Warns
    -----
    FairtollWarning
        If every row abstains.

    Examples
    --------
    >>> smoothed = Smoothed(torch.nn.Linear(2, 2), torch.randn(8, 2), torch.ones(2), sigma=1.0)
    >>> found = certify(smoothed, torch.randn(5, 2), generator=torch.Generator().manual_seed(0), draws=100)
    >>> bool(((found.radius == 0) == found.abstained).all())
    True
    """
    if draws < 1 or not 0 < alpha < 1:
        raise FairtollError(SETTINGS.format(draws=draws, alpha=alpha))
    classes = predict_logits(model, x).argmax(dim=1)
    counts = torch.zeros(len(x), dtype=torch.int64)
    with borrowed(model) as running, torch.no_grad():
        assert isinstance(running, Smoothed)
        device, deviation = device_of(running), running.deviation
        size = max(1, TOGETHER // max(1, draws * x[:1].numel()))
        for first in tracked(range(0, len(x), size)):
            rows = x[first : first + size].to(device)
            noise = torch.randn(len(rows), draws, *rows.shape[1:], generator=generator).to(deviation)
            noisy = (rows.unsqueeze(1) + deviation * noise).flatten(0, 1)
            voted = torch.cat([running.model(some).argmax(dim=1) for some in noisy.split(4096)]).view(len(rows), draws)
            counts[first : first + size] = (voted.cpu() == classes[first : first + size, None]).sum(dim=1)
    lower = torch.from_numpy(lower_limit(counts.numpy(), draws=draws, alpha=alpha))
    abstained = ~(lower > 0.5)
    if len(x) and abstained.all():
        warn(ALL_ABSTAIN.format(rows=len(x), sigma=model.sigma))
    return Votes(classes, lower, torch.from_numpy(radius_of(lower.numpy(), sigma=model.sigma)), abstained)


def lower_limit(votes: ArrayLike, *, draws: int, alpha: float) -> NDArray[np.float64]:
    """One-sided Clopper-Pearson limits: each share is below its own with probability at most `alpha`, (N,).

    Examples
    --------
    >>> lower_limit([0, 100], draws=100, alpha=0.001).round(4).tolist()
    [0.0, 0.9333]
    """
    from scipy import stats

    hits = np.asarray(votes, dtype=np.float64)
    limits = stats.beta.ppf(alpha, np.maximum(hits, 1), draws - hits + 1)
    return np.where(hits > 0, limits, 0.0)


def radius_of(share: ArrayLike, *, sigma: float) -> NDArray[np.float64]:
    """``sigma * PhiInv(share)``, (N,); 0 for a share of one half or less.

    Examples
    --------
    >>> radius_of([0.4, 0.5, 0.8413447], sigma=2.0).round(3).tolist()
    [0.0, 0.0, 2.0]
    """
    from scipy import stats

    shares = np.asarray(share, dtype=np.float64)
    return np.where(shares > 0.5, sigma * stats.norm.ppf(np.maximum(shares, 0.5)), 0.0)
