"""Squeezers against scipy, and against loops over every pixel."""

import numpy as np
import torch
from scipy import ndimage

from fairtoll.models.squeezers import Levels, Median, NonLocalMeans

IMAGES = np.random.default_rng(0).uniform(0, 1, (2, 3, 7, 6))


def test_the_median_filter_is_that_of_scipy():
    expected = ndimage.median_filter(IMAGES, size=(1, 1, 2, 2), mode="reflect")
    np.testing.assert_array_equal(Median()(torch.from_numpy(IMAGES)).numpy(), expected)


def denoised(image, *, search, patch, strength):
    """Non-local means of one image (C, H, W), pixel by pixel."""
    reach, half = search // 2, patch // 2
    channels, height, width = image.shape
    wide = np.pad(image, ((0, 0), *[(reach + half, reach + half)] * 2), mode="reflect")
    found = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            top, left = row + reach, column + reach
            own = wide[:, top : top + patch, left : left + patch]
            weights, total = 0.0, np.zeros(channels)
            for down in range(-reach, reach + 1):
                for right in range(-reach, reach + 1):
                    other = wide[:, top + down : top + down + patch, left + right : left + right + patch]
                    weight = np.exp(-((own - other) ** 2).mean() / strength**2)
                    weights += weight
                    total += weight * other[:, half, half]
            found[:, row, column] = total / weights
    return found


def test_non_local_means_is_the_loop_over_pixels():
    settings = {"search": 5, "patch": 3, "strength": 0.4}
    found = NonLocalMeans(**settings)(torch.from_numpy(IMAGES)).numpy()
    for one, image in zip(found, IMAGES, strict=True):
        np.testing.assert_allclose(one, denoised(image, **settings), rtol=1e-10)


def test_colour_depth_is_numpys_rounding():
    x = torch.from_numpy(IMAGES)
    for bits in (1, 4, 7):
        steps = 2**bits - 1
        found = Levels(torch.zeros(3, 7, 6).double(), torch.ones(3, 7, 6).double(), bits=bits)(x)
        np.testing.assert_allclose(found.numpy(), np.round(IMAGES * steps) / steps, rtol=1e-12)


def test_values_outside_the_range_and_features_without_one():
    squeeze = Levels(torch.tensor([0.0, 3.0]), torch.tensor([10.0, 3.0]), bits=2)
    x = torch.tensor([[-5.0, 1.5], [25.0, 9.0], [4.0, 3.0]])
    np.testing.assert_allclose(squeeze(x), [[0.0, 1.5], [10.0, 9.0], [10 / 3, 3.0]], rtol=1e-6)
