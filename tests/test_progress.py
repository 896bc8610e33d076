"""Progress of nested work: shares that sum to one, whoever reports them, and a listener that goes when it should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtoll.progress import advance, part, reporting_to, tracked


def test_nobody_needs_to_listen():
    advance(0.5)
    assert list(tracked([1, 2])) == [1, 2]


@given(outer=st.lists(st.floats(0.1, 10), min_size=1, max_size=5), inner=st.integers(1, 5), rounds=st.integers(0, 4))
def test_nested_parts_sum_to_one_whatever_is_reported_inside(outer, inner, rounds):
    shares = []
    with reporting_to(shares.append):
        for _ in tracked(outer, weights=outer):
            for _ in tracked(range(inner)):
                for _ in range(rounds):
                    advance(0.4)  # too much in all where there are three or more
    assert sum(shares) == pytest.approx(1)
    assert min(shares) >= 0


def test_shares_are_in_proportion_to_the_weights():
    shares = []
    with reporting_to(shares.append):
        for _ in tracked("abc", weights=[1, 2, 5]):
            pass
    assert shares == pytest.approx([1 / 8, 2 / 8, 5 / 8])


def test_a_part_is_scaled_into_the_whole():
    shares = []
    with reporting_to(shares.append):
        with part(0.25):
            advance(0.5)
        advance(0.75)
    assert shares == pytest.approx([0.125, 0.125, 0.75])


def test_after_an_error_the_listener_outside_is_back_and_nothing_is_made_up():
    shares = []
    with reporting_to(shares.append):
        with pytest.raises(ValueError, match="stop"), part(0.5):
            raise ValueError("stop")
        advance(0.1)
    assert shares == [0.1]


def test_a_loop_that_is_left_early_reports_to_the_listener_outside_again():
    shares = []
    with reporting_to(shares.append):
        loop = tracked(range(4))
        next(loop)
        loop.close()
        advance(0.5)
    assert shares == [0.5]


def test_weights_and_items_are_as_many():
    with pytest.raises(ValueError, match="zip"):
        list(tracked([1, 2], weights=[1.0]))


def test_outside_nothing_is_reported():
    shares = []
    with reporting_to(shares.append):
        pass
    advance(1.0)
    assert shares == []
