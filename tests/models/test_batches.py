"""A batch that does not fit is halved and retried, with one warning and the same numbers."""

import warnings

import pytest
import torch
from torch import nn

from fairtoll import FairtollError, FairtollWarning
from fairtoll.attacks.engine.inputs import finite_logits, numbered
from fairtoll.models.batches import in_batches


class Device:
    """Work that fails on more than `capacity` rows, and remembers what it was asked."""

    def __init__(self, capacity, *, error=None, generator=None):
        self.capacity, self.generator = capacity, generator
        self.error = torch.OutOfMemoryError("full") if error is None else error
        self.asked = []

    def __call__(self, batch):
        count = batch.stop - batch.start
        self.asked.append(count)
        drawn = None if self.generator is None else torch.rand(count, generator=self.generator)
        if count > self.capacity:
            raise self.error
        return list(range(batch.start, batch.stop)) if drawn is None else drawn


def joined(results):
    return [row for part in results for row in part]


@pytest.mark.parametrize(("rows", "size"), [(0, 4), (1, 4), (4, 4), (10, 4), (10, 1), (3, 100)])
def test_rows_come_in_order_each_once(rows, size):
    device = Device(1000)
    assert joined(in_batches(rows, size, device)) == list(range(rows))
    assert all(count <= size for count in device.asked)
    assert len(device.asked) == -(-rows // size)


def test_a_batch_that_fits_draws_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        in_batches(10, 4, Device(4))


@pytest.mark.parametrize("capacity", [1, 2, 3, 7, 20])
def test_a_batch_that_does_not_fit_is_halved(capacity):
    device = Device(capacity)
    with pytest.warns(FairtollWarning, match="batches of 32 rows do not fit .* rows at a time") as caught:
        assert joined(in_batches(50, 32, device)) == list(range(50))
    assert len(caught) == 1
    # Halved until it fits, and never larger again.
    assert device.asked == sorted(device.asked, reverse=True)
    assert device.asked[-2] <= capacity


@pytest.mark.parametrize(
    "message", ["CUDA error: out of memory", "MPS backend out of memory (3 GiB)", "CUBLAS_STATUS_ALLOC_FAILED when"]
)
def test_other_backends_say_it_in_words(message):
    with pytest.warns(FairtollWarning, match="2 rows at a time"):
        assert joined(in_batches(4, 4, Device(2, error=RuntimeError(message)))) == [0, 1, 2, 3]


def test_other_errors_pass():
    device = Device(2, error=RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        in_batches(4, 4, device)
    assert device.asked == [4]


def test_a_single_row_that_does_not_fit():
    with pytest.raises(FairtollError, match=r"one row does not fit the device's memory \(full\); expected .*; free"):
        in_batches(5, 4, Device(0))


def test_a_failed_attempt_costs_no_draws():
    generator = torch.Generator().manual_seed(3)
    with pytest.warns(FairtollWarning):
        found = in_batches(16, 16, Device(2, generator=generator), generator=generator)
    again = torch.Generator().manual_seed(3)
    assert torch.equal(torch.cat(found), torch.cat([torch.rand(2, generator=again) for _ in range(8)]))
    assert torch.equal(generator.get_state(), again.get_state())


def test_rows_keep_the_callers_numbers_through_every_level():
    class Nan(nn.Module):
        def forward(self, x):
            return torch.cat([x, torch.where(x == 7, torch.nan, x)], dim=1)

    x = torch.tensor([[6.0], [7.0], [8.0]])

    def named():
        with pytest.raises(FairtollError, match="at a step, the first is row") as caught:
            finite_logits(Nan(), x, where="at a step", rows=torch.arange(3))
        return int(str(caught.value).split("row ")[1].split(";")[0])

    assert named() == 1
    with numbered(torch.tensor([10, 20, 30, 40])):
        assert named() == 20
        with numbered(torch.tensor([0, 3, 2])):
            assert named() == 40
        assert named() == 20
        with pytest.raises(ZeroDivisionError), numbered(torch.tensor([0, 3, 2])):
            _ = 1 / 0
        assert named() == 20
    assert named() == 1
