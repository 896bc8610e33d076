"""The threat against interval arithmetic in exact fractions, and against what a user may get wrong."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fairtoll import FairtollError, LinfThreat

VALUES = st.floats(-1e6, 1e6, width=32)
RADII = st.floats(0, 1e6)


@settings(max_examples=300, deadline=None)
@given(value=VALUES, epsilon=RADII, scale=st.floats(0, 100))
# Too small for float64 to tell its distance to the end from the radius.
@example(value=1.8590382128903759e-37, epsilon=1.0, scale=1.0)
@example(value=-1e-30, epsilon=1000.0, scale=0.001)
@example(value=float(np.float32(1e-20)), epsilon=3.0, scale=37.0)
def test_the_ends_are_the_outermost_floats_of_the_ball(value, epsilon, scale):
    """In exact fractions: inside, and the next float is outside."""
    x = torch.tensor([[value]])
    low, high = LinfThreat(scale=scale).bounds(x, epsilon)
    radius = Fraction(epsilon * scale)
    for end, outwards in ((low, -np.inf), (high, np.inf)):
        inside = np.float32(end.item())
        assert abs(Fraction(float(inside)) - Fraction(value)) <= radius
        beyond = np.nextafter(inside, np.float32(outwards))
        # Rounding x + radius to float64 first may cost one more float, far below float32's step.
        assert abs(Fraction(float(beyond)) - Fraction(value)) > radius * (1 - Fraction(1, 2**50))


@settings(max_examples=200, deadline=None)
@given(
    value=VALUES,
    epsilons=st.tuples(RADII, RADII).map(sorted),
    integer=st.none() | st.booleans(),
    box=st.none() | st.tuples(VALUES, VALUES).map(sorted),
)
def test_bounds_are_nested_in_epsilon(value, epsilons, integer, box):
    x = torch.tensor([[value]])
    threat = LinfThreat(integer=integer, box=box)
    (low, high), (wider_low, wider_high) = (threat.bounds(x, epsilon) for epsilon in epsilons)
    assert wider_low <= low <= x <= high <= wider_high


def test_a_box_mask_and_whole_numbers_by_hand():
    threat = LinfThreat(
        scale=[1.0, 2.0, 1.0, 1.0, 1.0],
        box=(0.0, [10.0, 10.0, 10.0, 10.0, 1.0]),
        mutable=[True, True, False, True, True],
        integer=[False, False, False, True, False],
    )
    low, high = threat.bounds(torch.tensor([[0.5, 9.0, 5.0, 3.0, 7.0]]), 1.5)
    assert low.tolist() == [[0.0, 6.0, 5.0, 2.0, 5.5]]
    # The last value lies outside its box, and may stay but not go further.
    assert high.tolist() == [[2.0, 10.0, 5.0, 4.0, 7.0]]


def test_a_whole_feature_that_starts_as_a_fraction():
    threat = LinfThreat(integer=True)
    x = torch.tensor([[2.4]])
    assert [end.item() for end in threat.bounds(x, 0.3)] == [x.item(), x.item()]
    assert [end.item() for end in threat.bounds(x, 0.5)] == [2.0, x.item()]
    assert [end.item() for end in threat.bounds(x, 1.0)] == [2.0, 3.0]
    low, high = threat.bounds(x, 1.0)
    assert threat.project(torch.tensor([[2.6]]), low, high).item() == 3.0


def test_one_bound_for_each_row():
    threat = LinfThreat(scale=[1.0, 10.0])
    x = torch.zeros(3, 2)
    epsilons = torch.tensor([0.0, 1.0, 2.0])
    low, high = threat.bounds(x, epsilons)
    assert high.tolist() == [[0.0, 0.0], [1.0, 10.0], [2.0, 20.0]]
    assert torch.equal(low, -high)
    for row, epsilon in enumerate(epsilons.tolist()):
        assert torch.equal(threat.bounds(x[row : row + 1], epsilon)[1][0], high[row])


def test_a_scale_for_each_channel_of_an_image():
    high = LinfThreat(scale=torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1)).bounds(torch.zeros(2, 3, 4, 4), 0.5)[1]
    assert high[:, :, 0, 0].tolist() == [[0.5, 1.0, 1.5]] * 2


def test_half_a_byte_is_not_exceeded():
    """8/255 rounds up in float32."""
    high = LinfThreat().bounds(torch.zeros(1, 1), 8 / 255)[1].double()
    assert float(np.float32(8 / 255)) > 8 / 255
    assert 8 / 255 - 1e-8 < high.item() <= 8 / 255


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_the_rows_keep_their_type(dtype):
    threat = LinfThreat(scale=0.1, box=(0.0, 1.0), integer=[False, True])
    x = torch.tensor([[0.5, 1.0]], dtype=dtype)
    low, high = threat.bounds(x, 0.7)
    assert low.dtype == high.dtype == threat.radius(x, 0.7).dtype == threat.project(x, low, high).dtype == dtype


def test_as_plain_lists():
    threat = LinfThreat(scale=[0.1, 2.0], box=(0.0, 0.3), mutable=[True, False], integer=[False, True])
    assert threat.to_dict() == {"scale": [0.1, 0.0], "box": [0.0, 0.3], "integer": [False, True]}
    assert LinfThreat().to_dict() == {"scale": 1.0, "box": None, "integer": None}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": -1.0}, "scale holds a negative"),
        ({"scale": [1.0, float("nan")]}, "scale holds a negative or non-finite"),
        ({"scale": float("inf")}, "scale holds a negative or non-finite"),
        ({"box": (1.0, 0.0)}, "lower end above its upper end"),
        ({"box": ([0.0, 2.0], 1.0)}, "lower end above its upper end"),
        ({"box": (float("nan"), 1.0)}, "or a NaN"),
        ({"scale": [1.0, 1.0], "mutable": [True] * 3}, "mutable has shape"),
        ({"mutable": [2]}, "mutable holds int64; expected True or False for each feature of a row, not positions"),
        ({"mutable": [0]}, "mutable holds int64"),
        ({"mutable": np.array([0.0, 1.0, 1.0])}, "mutable holds float64"),
        ({"mutable": torch.tensor([1, 0, 1])}, "mutable holds int64"),
        ({"mutable": ["age"]}, "mutable is .*'age'.*; expected True or False for each feature"),
        ({"integer": [2]}, "integer holds int64"),
        ({"integer": [None, True]}, "integer is .*; expected True or False"),
        ({"integer": 1}, "integer holds int64"),
        ({"scale": "wide"}, "scale is 'wide'; expected numbers"),
        ({"box": 1.0}, "box is 1.0; expected a pair"),
        ({"box": ("low", 1.0)}, "box is 'low'; expected numbers"),
        ({"fixed_where": [0, 1]}, r"fixed_where is \[0, 1\]; expected positions of features by position, such as"),
        ({"fixed_where": {"age": 1}}, "fixed_where is {'age': 1}; expected positions of features by position"),
        ({"fixed_where": {0: True}}, "fixed_where is {0: True}; expected positions"),
    ],
)
def test_a_threat_that_cannot_be(options, message):
    with pytest.raises(FairtollError, match=message):
        LinfThreat(**options)


@pytest.mark.parametrize("epsilon", [-1.0, float("nan"), float("inf"), torch.tensor([0.1, -0.1])])
def test_an_epsilon_that_cannot_be(epsilon):
    with pytest.raises(FairtollError, match="expected a finite number of 0 or more"):
        LinfThreat().bounds(torch.zeros(2, 3), epsilon)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": [1.0, 2.0]}, r"scale has shape \(2,\) and a row has shape \(3,\)"),
        ({"scale": torch.ones(2, 3)}, "scale has shape"),
        ({"box": ([0.0, 0.0], 1.0)}, "box has shape"),
        ({"integer": [True, False]}, "integer has shape"),
        # Broadcasting would take one boolean in a list for all features, and columns of pixels for an image's rows.
        ({"mutable": [True]}, r"mutable has shape \(1,\) and a row has shape \(3,\); expected one boolean"),
        ({"mutable": [True, False]}, "mutable has shape|scale has shape"),
        ({"integer": [True]}, r"integer has shape \(1,\) and a row has shape \(3,\)"),
        (
            {"fixed_where": {0: 3}},
            r"fixed_where has position 3 and a row has shape \(3,\); expected pos",
        ),
    ],
)
def test_a_threat_that_does_not_fit_the_rows(options, message):
    with pytest.raises(FairtollError, match=message):
        LinfThreat(**options).bounds(torch.zeros(2, 3), 0.1)


def test_a_feature_is_fixed_in_the_rows_whose_indicator_says_so():
    """By hand: the first feature may not move where the second one is 1, whatever it holds."""
    threat = LinfThreat(scale=[2.0, 0.0, 1.0], box=(-9.0, 9.0), fixed_where={0: 1})
    x = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    low, high = threat.bounds(x, 0.5)
    assert low.tolist() == [[0.0, 0.0, -0.5], [1.0, 1.0, -0.5]]
    assert high.tolist() == [[2.0, 0.0, 0.5], [1.0, 1.0, 0.5]]
    moved = x + torch.tensor([1.0, 0.0, 0.25])
    assert threat.admits(x, moved, 0.5).tolist() == [True, False]
    assert threat.distance(x, moved).tolist() == [0.5, float("inf")]
    assert threat.distance(x, x + torch.tensor([0.0, 0.0, 0.25])).tolist() == [0.25, 0.25]
    assert threat.confine(x, x + 1.0, 0.5).tolist() == [[2.0, 0.0, 0.5], [1.0, 1.0, 0.5]]
    far = torch.tensor([[10.0, 0.0, 0.0], [10.0, 1.0, 0.0]])
    assert threat.outside_box(far)[:, 0].tolist() == [True, False]
    assert threat.to_dict()["fixed_where"] == [[0, 1]]
    assert not LinfThreat(fixed_where={0: 1}).frees_every_feature(x)


def test_masks_of_an_image_are_of_all_its_pixels():
    images = torch.zeros(2, 3, 4, 4)
    for options in ({"mutable": [True] * 4}, {"integer": np.ones((4, 4), dtype=bool)}):
        with pytest.raises(FairtollError, match=r"has shape .* and a row has shape"):
            LinfThreat(**options).bounds(images, 0.1)
    mask = np.zeros((3, 4, 4), dtype=bool)
    mask[0, 1, 2] = True
    high = LinfThreat(mutable=mask).bounds(images, 0.1)[1]
    assert np.array_equal(high[0].numpy() > 0, mask)


def test_values_outside_the_box_are_named():
    threat = LinfThreat(box=(0.0, [1.0, 1.0, 5.0]), mutable=[True, True, False])
    x = torch.tensor([[0.5, 1.5, 9.0], [0.0, 1.0, 5.0]])
    assert threat.outside_box(x).tolist() == [[False, True, False], [False, False, False]]
    assert not LinfThreat().outside_box(x).any()


def test_whether_every_feature_may_move():
    x = torch.zeros(2, 3)
    assert LinfThreat(box=(0.0, 1.0)).frees_every_feature(x)
    assert not LinfThreat(mutable=[True, True, False]).frees_every_feature(x)
    assert not LinfThreat(scale=[1.0, 0.0, 1.0]).frees_every_feature(x)


def test_a_bound_too_few():
    with pytest.raises(FairtollError, match="epsilon has shape"):
        LinfThreat().bounds(torch.zeros(2, 3), torch.tensor([0.1, 0.2, 0.3]))
