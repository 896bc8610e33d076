"""The paper's network against its formulas in numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll.models.networks import Standardize, adult_network, initialise_as_keras

draw = np.random.default_rng(0)
ROWS = (draw.normal(size=(50, 6)) * [1, 10, 1000, 1e5, 1, 1] + [0, 5, -300, 2e5, 0, 7]).astype(np.float32)
ROWS[:, 5] = 7.0


def standardize():
    return Standardize(torch.from_numpy(ROWS.mean(axis=0)), torch.from_numpy(ROWS.std(axis=0, dtype=np.float64)))


def test_standardised_rows_have_mean_0_and_spread_1():
    scaled = standardize()(torch.from_numpy(ROWS)).numpy()
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), [1, 1, 1, 1, 1, 0], atol=1e-5)


def test_standardize_is_fixed_and_travels_with_the_weights():
    layer = standardize()
    assert list(layer.parameters()) == []
    assert set(layer.state_dict()) == {"mean", "spread"}


def test_the_network_is_four_tanh_layers_by_formula():
    network = adult_network(standardize(), classes=3, width=8)
    shapes = [tuple(layer.weight.shape) for layer in network if isinstance(layer, nn.Linear)]
    assert shapes == [(8, 6), (8, 8), (8, 8), (8, 8), (3, 8)]
    hidden = (ROWS - ROWS.mean(axis=0)) / np.where(ROWS.std(axis=0) > 0, ROWS.std(axis=0), 1)
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    for position, layer in enumerate(layers):
        hidden = hidden @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        if position < len(layers) - 1:
            hidden = np.tanh(hidden)
    np.testing.assert_allclose(network(torch.from_numpy(ROWS)).detach().numpy(), hidden, atol=1e-4)


@pytest.mark.parametrize(
    ("layer", "fans"), [(nn.Linear(300, 100), 400), (nn.Conv2d(8, 16, 3), 9 * (8 + 16)), (nn.Linear(50, 70), 120)]
)
def test_initial_weights_are_glorot_uniform(layer, fans):
    """Uniform on plus or minus sqrt(6 / (fan_in + fan_out)), biases zero (Glorot & Bengio 2010)."""
    initialise_as_keras(layer, torch.Generator().manual_seed(0))
    limit = (6 / fans) ** 0.5
    weights = layer.weight.detach().flatten().numpy()
    assert np.abs(weights).max() <= limit
    np.testing.assert_allclose(np.abs(weights).max(), limit, rtol=0.02)
    np.testing.assert_allclose(weights.std(), limit / 3**0.5, rtol=0.05)
    assert (layer.bias == 0).all()


def test_initial_weights_come_from_the_generator_alone():
    states = []
    for _ in range(2):
        torch.rand(1)
        network = adult_network(standardize())
        before = torch.get_rng_state()
        initialise_as_keras(network, torch.Generator().manual_seed(5))
        assert torch.equal(torch.get_rng_state(), before)
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_layer_without_bias_is_initialised_too():
    layer = nn.Linear(3, 2, bias=False)
    initialise_as_keras(layer, torch.Generator().manual_seed(0))
    assert layer.bias is None


def test_mean_and_spread_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="expected the same"):
        Standardize(torch.zeros(3), torch.ones(2))
