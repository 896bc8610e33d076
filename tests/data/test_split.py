"""A split keeps every row once, and the shares of classes and groups."""

import numpy as np
import pytest

from fairtoll import FairtollError
from fairtoll.data import Dataset
from fairtoll.data.split import LEAST, SHARE, TOO_FEW, split_rows


def rows(counts):
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.arange(len(y), dtype=np.float32)[:, None]
    return Dataset(x, y, tuple("abcdef"[: len(counts)]), {"sex": np.where(np.arange(len(y)) % 3 == 0, "f", "m")})


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_every_row_is_in_one_part_and_classes_keep_their_share(share):
    whole = rows([300, 150])
    train, test = split_rows(whole, share, seed=3)
    assert sorted([*train, *test]) == list(range(450))
    for label, count in enumerate((300, 150)):
        assert abs((whole.y[test] == label).sum() - share * count) <= 1
        for group, third in (("f", 1 / 3), ("m", 2 / 3)):
            drawn = ((whole.y[test] == label) & (whole.groups["sex"][test] == group)).sum()
            assert abs(drawn - share * count * third) <= 1


def test_it_is_the_seed_s():
    whole = rows([300, 150])
    first, same, other = (split_rows(whole, 0.25, seed=seed)[1].tolist() for seed in (0, 0, 1))
    assert first == same
    assert first != other


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, float("nan")])
def test_no_share(share):
    with pytest.raises(FairtollError) as raised:
        split_rows(rows([50, 50]), share)
    assert str(raised.value) == SHARE.format(share=share)


def test_a_class_of_few_rows():
    with pytest.raises(FairtollError) as raised:
        split_rows(rows([400, 20]), 0.25)
    assert str(raised.value) == TOO_FEW.format(name="b", train=15, test=5, least=LEAST)
