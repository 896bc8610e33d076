"""Networks with large random weights, so that their classes have wavy borders, and rows of a box."""

from itertools import pairwise

import torch
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def dense(widths, seed, *, kind="relu", size=1.5, dtype=torch.float32):
    """Dense layers of these widths with an activation between them; entries of a layer are of order `size`."""
    draws = torch.Generator().manual_seed(seed)
    layers = []
    for before, after in pairwise(widths):
        layer = nn.Linear(before, after)
        layer.weight.data = torch.randn(after, before, generator=draws) * size / before**0.5
        layer.bias.data = torch.randn(after, generator=draws) * size / 2
        layers += [layer, ACTIVATIONS[kind]()]
    return nn.Sequential(*layers[:-1]).to(dtype).eval()


def rows_of(count, shape, seed, *, low=-1.0, high=1.0, dtype=torch.float32):
    """Uniform in a box."""
    draws = torch.Generator().manual_seed(seed)
    return (low + (high - low) * torch.rand(count, *shape, generator=draws)).to(dtype)


def predicted(model, x):
    with torch.no_grad():
        return model(x).argmax(dim=1)


def margins(model, x, y):
    """``z_y`` less the largest other logit, computed in double precision by a copy in double precision."""
    with torch.no_grad():
        logits = model(x)
    own = logits.gather(1, y[:, None]).squeeze(1)
    return own - logits.scatter(1, y[:, None], -torch.inf).amax(dim=1)
