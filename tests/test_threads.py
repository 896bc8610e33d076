"""How many threads torch and numpy are given, and that they get back what they had."""

import subprocess
import sys

import pytest
import torch
from threadpoolctl import threadpool_info
from torch import nn

from fairtoll.threads import one_thread_for_products, threads_for

SMALL, LARGE, IMAGES = nn.Linear(4, 2), nn.Linear(1000, 1001), nn.Conv2d(1, 2, 3)


def of_numpy():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize(("models", "one"), [([SMALL], True), ([SMALL, LARGE], False), ([IMAGES], False)])
def test_small_dense_networks_get_one_thread(models, one):
    torch.set_num_threads(2)
    before = of_numpy()
    with threads_for(*models):
        assert torch.get_num_threads() == (1 if one else 2)
        assert of_numpy() == ({1} if one and before else before)
    assert torch.get_num_threads() == 2
    assert of_numpy() == before


def test_products_of_statistics_get_one_thread_and_torch_keeps_its_own():
    torch.set_num_threads(2)
    before = of_numpy()
    with one_thread_for_products():
        assert torch.get_num_threads() == 2
        assert of_numpy() == ({1} if before else before)
    assert of_numpy() == before


def test_also_after_an_error():
    torch.set_num_threads(2)
    before = of_numpy()
    with pytest.raises(ZeroDivisionError), threads_for(SMALL):
        raise ZeroDivisionError
    assert (torch.get_num_threads(), of_numpy()) == (2, before)


def test_a_worker_process_keeps_to_one():
    code = (
        "import torch; from threadpoolctl import threadpool_info; from fairtoll.threads import use_one_thread; "
        "use_one_thread(); print({one['num_threads'] for one in threadpool_info()} | {torch.get_num_threads()})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "{1}"
