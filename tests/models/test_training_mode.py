"""What acts in training alone, such as dropout, is refused by training, and is no matter where a model is only used."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fairtoll import FairtollError, ModelStack
from fairtoll.models.training_mode import require_no_training_mode
from fairtoll.training import FitSettings, fit

X = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
Y = torch.arange(30) % 2


class Functional(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.layer, self.act = nn.Linear(4, 2), act

    def forward(self, x):
        return self.act(self.layer(x), self.training)


class Attention(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.attend, self.out = nn.MultiheadAttention(4, 2, dropout=dropout, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        rows = x.unsqueeze(1)
        return self.out(self.attend(rows, rows, rows, need_weights=False)[0].squeeze(1))


def chain(layer):
    return nn.Sequential(nn.Linear(4, 4), layer, nn.Linear(4, 2))


NAMED = [
    chain(nn.Dropout(0.5)),
    chain(nn.Dropout(0.001)),
    chain(nn.AlphaDropout(0.2)),
    chain(nn.FeatureAlphaDropout(0.2)),
    chain(nn.RReLU()),
    nn.Sequential(nn.Linear(4, 2), nn.Sequential(nn.Sequential(nn.Dropout(0.1)))),
    Attention(0.1),
]
FOUND = [
    Functional(lambda x, training: functional.dropout(x, 0.5, training)),
    Functional(lambda x, training: x + torch.randn_like(x) if training else x),
    Functional(lambda x, training: x / 2 if training else x),
    Functional(lambda x, training: functional.batch_norm(x, torch.zeros(2), torch.ones(2), training=training)),
]
HARMLESS = [
    chain(nn.Tanh()),
    chain(nn.Dropout(0.0)),
    chain(nn.LayerNorm(4)),
    Functional(lambda x, training: x),
]


def train(model):
    return fit(ModelStack([model]), X, Y, items=torch.arange(30), seeds=[0], settings=FitSettings(epochs=1))


@pytest.mark.parametrize("model", NAMED)
def test_a_layer_that_acts_in_training_is_named(model):
    state = torch.get_rng_state()
    with pytest.raises(FairtollError, match=r"the network's layer '.*' is .*, which acts in training only"):
        train(model)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("model", FOUND)
def test_a_forward_that_looks_at_its_mode_is_found(model):
    state, modes = torch.get_rng_state(), [module.training for module in model.modules()]
    with pytest.raises(FairtollError, match="behaves differently in training mode than in eval mode"):
        train(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes


@pytest.mark.parametrize("model", HARMLESS)
def test_what_is_the_same_in_both_modes_trains(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    require_no_training_mode(model, X)
    trained = train(model).member(0).state_dict()
    assert any(not torch.equal(before[name], tensor) for name, tensor in trained.items())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_attention_without_dropout_is_the_same_in_both_modes():
    require_no_training_mode(Attention(0.0), X)


@pytest.mark.parametrize("model", NAMED + FOUND)
def test_a_trained_model_with_dropout_is_used_in_eval_mode_as_ever(model):
    torch.testing.assert_close(ModelStack([model]).member(0)(X), model.eval()(X))
