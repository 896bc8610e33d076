"""Linear functions of a window's values enclose the largest of them, in both precisions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtoll.bounds.chain import MaxPool
from fairtoll.bounds.pools import pooled, through_pool

ends = st.one_of(
    st.floats(-3, 3, width=32), st.floats(-1e4, 1e4, width=32), st.sampled_from([0.0, 1.0, 1.0 + 2.0**-23])
)
WINDOW = MaxPool((2, 2), (2, 2), (0, 0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@given(pairs=st.lists(st.tuples(ends, ends), min_size=4, max_size=4), seed=st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_the_largest_lies_between_them(dtype, pairs, seed):
    first, second = torch.tensor(pairs, dtype=torch.float64).T.to(dtype)
    low, high = torch.minimum(first, second), torch.maximum(first, second)
    found = pooled(WINDOW, low.reshape(1, 1, 2, 2), high.reshape(1, 1, 2, 2))
    lower, upper = (part.double().flatten().numpy() for part in (found.lower, found.upper))
    draws = np.random.default_rng(seed)
    shares = np.concatenate([draws.random((200, 4)), draws.integers(0, 2, size=(200, 4))])
    values = low.double().numpy() + shares * (high - low).double().numpy()
    truth = values.max(axis=1)
    # The slopes of the upper function add up to 1 but for rounding, which the caller accounts for.
    slack = 16 * torch.finfo(dtype).eps * np.abs(values).max()
    assert (values @ lower <= truth + slack).all()
    assert (truth <= values @ upper + found.shift.item() + slack).all()


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (2, 1, 0), (3, 3, 0)])
def test_functions_carried_through_a_pool_stay_below(kernel, stride, padding):
    draws = torch.Generator().manual_seed(kernel + stride)
    layer = MaxPool((kernel, kernel), (stride, stride), (padding, padding))
    middle = torch.randn(2, 3, 7, 7, generator=draws, dtype=torch.float64)
    low, high = middle - 0.5, middle + 0.5
    pool = torch.nn.MaxPool2d(kernel, stride, padding)
    slope = torch.randn(2, 5, *pool(middle).shape[1:], generator=draws, dtype=torch.float64)
    below, shift = through_pool(layer, slope, low, high)
    for _ in range(200):
        values = low + torch.rand(low.shape, generator=draws, dtype=torch.float64).round() * (high - low)
        truth = (slope * pool(values).unsqueeze(1)).flatten(2).sum(2)
        assert ((below * values.unsqueeze(1)).flatten(2).sum(2) + shift <= truth + 1e-9).all()
