"""Rows come in once: copied, contiguous, in float32, sharing nothing with the caller; a mask is an error."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from fairtoll import FairtollError
from fairtoll.data import Dataset
from fairtoll.inputs.rows import own_rows

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def read_only():
    rows = ROWS.copy()
    rows.flags.writeable = False
    return rows


FORMS = {
    "as they are": lambda: ROWS.copy(),
    "negative strides": lambda: ROWS[::-1, ::-1].copy()[::-1, ::-1],
    "every other column": lambda: np.repeat(ROWS, 2, axis=1)[:, ::2],
    "column by column": lambda: np.asfortranarray(ROWS),
    "read only": read_only,
    "broadcast and added to": lambda: np.broadcast_to(np.float64(0), (4, 3)) + ROWS,
    "big-endian": lambda: ROWS.astype(">f4"),
    "whole numbers": lambda: ROWS.astype(np.int8),
    "half precision": lambda: ROWS.astype(np.float16),
    "a matrix": lambda: np.asmatrix(ROWS),
    "lists": lambda: ROWS.tolist(),
    "a frame": lambda: pd.DataFrame(ROWS),
    "a tensor": lambda: torch.from_numpy(ROWS.copy()),
    "a tensor with a gradient": lambda: torch.from_numpy(ROWS.copy()).requires_grad_(True),
    "a bfloat16 tensor": lambda: torch.from_numpy(ROWS.copy()).bfloat16(),
    "a transposed tensor": lambda: torch.from_numpy(ROWS.T.copy()).T,
    "a negated view": lambda: torch.from_numpy(-ROWS) * -1,
    "no value masked": lambda: np.ma.masked_array(ROWS.copy(), mask=np.zeros((4, 3), dtype=bool)),
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_in_whatever_form_are_the_same_rows(form):
    given = FORMS[form]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = Dataset(given, [0, 1, 0, 1], ("no", "yes"))
        tensor = torch.from_numpy(data.x)
    assert type(data.x) is np.ndarray
    assert data.x.dtype == np.float32
    assert data.x.flags.c_contiguous
    assert data.x.flags.writeable
    assert np.array_equal(data.x, ROWS)
    tensor.zero_()
    values = given.detach() if isinstance(given, torch.Tensor) else given
    assert np.array_equal(np.asarray(values.float() if isinstance(values, torch.Tensor) else values), ROWS)


@pytest.mark.parametrize(
    "given",
    [
        np.ma.masked_array(ROWS, mask=np.eye(4, 3, dtype=bool)),
        np.ma.masked_equal(ROWS, 11),
        np.ma.masked_all((4, 3)),
        torch.masked.masked_tensor(torch.from_numpy(ROWS), torch.from_numpy(ROWS) > 3),
    ],
)
def test_a_mask_is_an_error(given):
    with pytest.raises(FairtollError, match="masked entries; expected a value in every entry; remove those rows"):
        Dataset(given, [0, 1, 0, 1], ("no", "yes"))


@pytest.mark.parametrize("given", [ROWS + 1j, [["a", "b"]], [[1, 2], [3]], torch.zeros(2, 3, device="meta")])
def test_what_cannot_be_read(given):
    with pytest.raises(FairtollError, match="x cannot be read as"):
        own_rows(given)


@pytest.mark.parametrize("number", [2**24 + 1, -(2**24) - 1, 2**63 + 1])
def test_whole_numbers_beside_other_types(number):
    """A table of several types comes as an array of Python's numbers."""
    with pytest.raises(FairtollError, match=f"x holds {number}, which float32 turns into"):
        own_rows(np.array([[number, 0.5], [True, 2]], dtype=object))
    assert own_rows(np.array([[2**24, 0.5], [True, 2]], dtype=object)).tolist() == [[2**24, 0.5], [1, 2]]
