"""Which objects are models, and the module behind each training run."""

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, ModelStack
from fairtoll.models import as_models


def models(count):
    return [nn.Linear(2, 2) for _ in range(count)]


def test_a_module_a_sequence_and_a_stack_are_training_runs():
    one, two = models(2)
    assert as_models(one, name="a") == [one]
    assert as_models([one, two], name="a") == [one, two]
    assert as_models((model for model in (two, one)), name="a") == [two, one]
    members = as_models(ModelStack([one, two]), name="a")
    x = torch.randn(5, 2)
    assert [torch.equal(member(x), given(x)) for member, given in zip(members, (one, two), strict=True)] == [True, True]
    assert len(as_models([one, ModelStack([one, two])], name="a")) == 3


def test_a_sequence_of_layers_is_one_model():
    chain = nn.Sequential(*models(3))
    assert as_models(chain, name="a") == [chain]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("weights.pt", "holds a str; expected .*a torch module, .*a ModelStack, or a sequence"),
        (None, "holds a NoneType"),
        (nn.Linear, "holds the class Linear, not a model of it"),
        ({"seed 0": nn.Linear(2, 2)}, "holds a dict"),
        (nn.Linear(2, 2).state_dict(), "holds a OrderedDict"),
        ([nn.Linear(2, 2), "weights.pt"], "holds a str"),
        ([[nn.Linear(2, 2)]], "holds a list"),
        ([], "holds no model; expected one, or one for each training run"),
    ],
)
def test_what_is_no_model(given, message):
    with pytest.raises(FairtollError, match=f"arm 'hardened' {message}"):
        as_models(given, name="hardened")
