"""Streams: the same for the same purpose, apart for any other, and blind to the global state."""

from itertools import combinations

import numpy as np
import pytest
import torch

from fairtoll.randomness import derive_seed, torch_generator

PURPOSES = [
    (),
    ("batches",),
    ("batches", 0),
    ("batches", 0, 0),
    ("batches", 1),
    ("batches", 1, 0),
    ("noise", 0),
    (0,),
    (0, "batches"),
    (1, 2, 3, 4, 5),
    (1, 2, 3, 4, 5, 0),
]


def test_no_two_purposes_or_seeds_share_a_stream():
    keys = [(seed, *purpose) for seed in (0, 1, 2**32, 2**40 + 1) for purpose in PURPOSES]
    for one, other in combinations(keys, 2):
        assert derive_seed(*one) != derive_seed(*other), (one, other)


def test_a_seed_is_a_positive_63_bit_integer_and_the_same_each_time():
    seeds = [derive_seed(seed, "weights") for seed in range(500)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 2**61
    assert seeds == [derive_seed(seed, "weights") for seed in range(500)]


def test_a_stream_neither_reads_nor_moves_the_global_state():
    before = torch.get_rng_state()
    first = torch.rand(5, generator=torch_generator(3, "noise"))
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    assert torch.equal(torch.rand(5, generator=torch_generator(3, "noise")), first)


def test_streams_are_uncorrelated():
    draws = np.stack([torch.rand(20_000, generator=torch_generator(seed, "noise", 0)).numpy() for seed in range(8)])
    correlation = np.corrcoef(draws) - np.eye(8)
    assert np.abs(correlation).max() < 5 / np.sqrt(20_000)


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="non-negative"):
        derive_seed(-1, "weights")
