"""Lines and bands enclose the activation over any interval, in both precisions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtoll.bounds.lines import band, lines

#: The activations in double precision, by numpy and scipy.
TRUTH = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "sigmoid": lambda z: (1 + np.tanh(z / 2)) / 2}
KINDS = pytest.mark.parametrize("kind", TRUTH)
TYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])

ends = st.one_of(
    st.floats(-5, 5, width=32),
    st.floats(-(2.0**-20), 2.0**-20, width=32),
    st.floats(-1e4, 1e4, width=32),
    st.sampled_from([0.0, -0.0, 1.0, 1e-38, -1e-38, 20.0, -20.0, 1e30, -1e30]),
)
widths = st.sampled_from([0.0, 1e-12, 1e-7, 9e-4, 1.1e-3, 0.1])


def intervals(draw_from):
    return st.lists(draw_from, min_size=1, max_size=8)


def inside(low, high):
    """Points of each interval, `(points, intervals)` in double precision: even, near the ends, near 0."""
    shares = np.concatenate([np.linspace(0, 1, 101), np.logspace(-12, -2, 6), 1 - np.logspace(-12, -2, 6)])
    low, high = low.double().numpy(), high.double().numpy()
    points = low + shares[:, None] * (high - low)
    extra = np.array([0.0, 0.5, -0.5, 0.881, -0.881])[:, None] + 0 * low
    return np.clip(np.concatenate([points, extra]), low, high)


def check(kind, low, high):
    z = inside(low, high)
    truth = TRUTH[kind](z)
    found = lines(kind, low, high)
    each = [part.double().numpy() for part in (found.low_slope, found.low_shift, found.high_slope, found.high_shift)]
    # A line's value is computed in double precision here; what is left is its rounding.
    slack = 1e-15 * np.maximum(1e-20, np.abs(truth))
    assert (each[0] * z + each[1] <= truth + slack).all()
    assert (truth <= each[2] * z + each[3] + slack).all()
    slope, middle, half = (part.double().numpy() for part in band(kind, low, high))
    assert np.isfinite(slope + middle + half).all()
    assert (half >= 0).all()
    assert (np.abs(truth - slope * z - middle) <= half + slack).all()


@KINDS
@TYPES
@given(pairs=intervals(st.tuples(ends, ends)))
@settings(max_examples=60, deadline=None)
def test_over_any_interval(kind, dtype, pairs):
    first, second = torch.tensor(pairs, dtype=torch.float64).T.to(dtype)
    check(kind, torch.minimum(first, second), torch.maximum(first, second))


@KINDS
@TYPES
@given(pairs=intervals(st.tuples(ends, widths)))
@settings(max_examples=60, deadline=None)
def test_over_narrow_intervals_and_single_points(kind, dtype, pairs):
    low, width = torch.tensor(pairs, dtype=torch.float64).T.to(dtype)
    check(kind, low, low + width)


@KINDS
@TYPES
@given(pairs=intervals(st.tuples(ends, ends)))
@settings(max_examples=60, deadline=None)
def test_a_band_is_as_narrow_as_its_slope_allows(kind, dtype, pairs):
    first, second = torch.tensor(pairs, dtype=torch.float64).T.to(dtype)
    low, high = torch.minimum(first, second), torch.maximum(first, second)
    slope, _, half = (part.double().numpy() for part in band(kind, low, high))
    z = inside(low, high)
    rest = TRUTH[kind](z) - slope * z
    # Between the points of the grid the function moves by less than the grid's spacing.
    needed = (rest.max(axis=0) - rest.min(axis=0)) / 2
    size = 1 + np.abs(slope) * np.maximum(np.abs(low.double().numpy()), np.abs(high.double().numpy()))
    assert (
        half <= needed + 0.02 * np.minimum(1, z.max(axis=0) - z.min(axis=0)) + 40 * torch.finfo(dtype).eps * size
    ).all()


def test_lines_of_a_relu_that_does_not_switch_are_exact():
    low, high = torch.tensor([1.0, -3.0]), torch.tensor([2.0, -1.0])
    found = lines("relu", low, high)
    assert found.low_slope.tolist() == found.high_slope.tolist() == [1.0, 0.0]
    assert found.low_shift.tolist() == found.high_shift.tolist() == [0.0, 0.0]
