"""Columns of 0 and 1 are those of pandas, and a step of an attack changes no category."""

import numpy as np
import pandas as pd
import pytest
import torch

from fairtoll import FairtollError
from fairtoll.models.encode import Coded, Encode


def test_categories_are_pandas_indicators_and_numbers_stay():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=40), "b": rng.integers(0, 4, 40), "c": rng.integers(0, 2, 40)})
    found = Encode([Coded(), Coded(codes=4), Coded(codes=2)])(torch.from_numpy(frame.to_numpy(np.float32)))
    expected = pd.concat([frame["a"], pd.get_dummies(frame["b"]), pd.get_dummies(frame["c"])], axis=1)
    np.testing.assert_array_equal(found.numpy(), expected.to_numpy(np.float32))


def test_a_missing_number_is_filled_and_said():
    found = Encode([Coded(missing=-90.0, filled=5.0)])(torch.tensor([[3.0], [-90.0]]))
    assert found.tolist() == [[3.0, 0.0], [5.0, 1.0]]


def test_only_numbers_that_are_there_have_a_gradient():
    x = torch.tensor([[3.0, -90.0, 1.0]], requires_grad=True)
    Encode([Coded(), Coded(missing=-90.0), Coded(codes=3)])(x).sum().backward()
    assert x.grad.tolist() == [[1.0, 0.0, 0.0]]


def test_rows_of_other_columns_are_refused():
    with pytest.raises(FairtollError, match="rows have 3 columns; expected 1, one for each feature; give the features"):
        Encode([Coded()])(torch.zeros(2, 3))
