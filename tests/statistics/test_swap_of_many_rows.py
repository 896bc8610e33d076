"""The swap test of many rows draws sums of coins as normal numbers: as a simulation of the coins says."""

import numpy as np
import pytest

from fairtoll.statistics import swap_test

ROWS = 12_000


@pytest.mark.parametrize("shift", [0.0, 0.004])
def test_many_rows_are_swapped_as_their_coins_would(shift):
    generator = np.random.default_rng(3)
    groups = np.repeat([0, 1], ROWS)
    standard = generator.random(2 * ROWS) + 0.1 * groups
    robust = standard + 0.1 * generator.normal(size=2 * ROWS) + shift * groups
    found = swap_test(standard, robust, groups)
    change = robust - standard
    means = [np.array([one[groups == group].mean() for group in (0, 1)]) for one in (standard, robust)]
    value = abs(np.ptp(means[1]) - np.ptp(means[0]))
    as_large = 0
    for _ in range(2000):
        coins = generator.integers(0, 2, 2 * ROWS)
        moved = np.array([(coins * change)[groups == group].mean() for group in (0, 1)])
        as_large += abs(np.ptp(means[1] - moved) - np.ptp(means[0] + moved)) >= value
    share = as_large / 2000
    # Two shares of 2,000 draws each.
    assert found.p_value == pytest.approx(share, abs=4 * np.sqrt(2 * max(share * (1 - share), 0.001) / 2000))
