"""Leave-one-out numbers against brute force, scipy and algebra."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fairtoll import FairtollError, metrics
from fairtoll.experiments.leave_one_out.numbers import changes_of, ever_flipped_curve, luf_curve
from fairtoll.experiments.leave_one_out.options import LeaveOneOut
from fairtoll.experiments.leave_one_out.results import leave_one_out_highlights, leave_one_out_notes
from fairtoll.experiments.leave_one_out.summary import summarise

few = settings(max_examples=40, deadline=None)
draw = np.random.default_rng(0)


@st.composite
def studies(draw):
    """Probabilities of a full model and of its members."""
    members, rows, classes = draw(st.tuples(st.integers(1, 7), st.integers(1, 9), st.integers(2, 4)))
    weight = draw(arrays.arrays(np.float64, (1 + members, rows, classes), elements=st.floats(0.001, 1)))
    probabilities = weight / weight.sum(axis=-1, keepdims=True)
    return probabilities[0], probabilities[1:]


def summary(full, members, *, design="masked"):
    rows = len(full)
    return summarise(
        [changes_of(full, members)],
        arm="standard",
        design=design,
        options=LeaveOneOut(count=len(members)),
        left_out=pd.DataFrame({"row": range(100, 100 + len(members)), "class": "dog", "sex": "f"}),
        rows={"class": np.array(["cat", "dog"])[np.arange(rows) % 2]},
        wrong=np.arange(rows)[None] % 3 == 0,
    )


@few
@given(studies())
def test_one_flip_rate_carries_both_counts_and_luf_is_a_share(study):
    full, members = study
    found = summary(full, members)
    assert found.flips_per_row * found.rows == pytest.approx(found.flips_per_model * found.members)
    assert found.flip_rate == pytest.approx(found.flips_per_row / found.members)
    assert found.flip_rate == pytest.approx(found.flips_per_model / found.rows)
    assert 0 <= found.luf <= 1
    assert 0 <= found.flip_rate <= 1


@few
@given(studies())
def test_they_are_the_metrics_of_the_same_probabilities(study):
    full, members = study
    found = summary(full, members)
    assert found.luf == pytest.approx(metrics.leave_one_out_unfairness(full, members))
    assert found.flips_per_row == pytest.approx(metrics.flips_per_row(full, members))
    assert found.flips_per_model == pytest.approx(metrics.flips_per_model(full, members))
    assert found.flip_rate == pytest.approx(metrics.flip_rate(full, members))
    by_row = metrics.leave_one_out_unfairness_by_row(full, members)
    assert [found.luf_quantiles[place] for place in (0, 3, 6)] == pytest.approx(
        [by_row.min(), np.median(by_row), by_row.max()]
    )


@few
@given(studies(), st.randoms(use_true_random=False))
def test_the_order_of_members_changes_nothing(study, random):
    full, members = study
    order = random.sample(range(len(members)), len(members))
    one, other = summary(full, members).model_dump(), summary(full, members[order]).model_dump()
    for name in ("luf", "luf_quantiles", "flips_per_row", "flips_per_model", "flip_rate"):
        assert one[name] == pytest.approx(other[name])
    for name in ("luf_interval", "flip_rate_interval"):
        assert one[name] == (None if other[name] is None else pytest.approx(other[name]))
    for mine, theirs in zip(one["curve"], other["curve"], strict=True):
        assert mine == pytest.approx(theirs)
    assert sorted(one["per_member"]) == pytest.approx(sorted(other["per_member"]))


@few
@given(studies())
def test_luf_does_not_fall_as_more_rows_are_left_out(study):
    full, members = study
    change = changes_of(full, members).change
    curve = luf_curve(change, range(1, len(members) + 1))
    assert all(later >= earlier - 1e-12 for earlier, later in itertools.pairwise(curve))
    assert curve[0] == pytest.approx(change.mean())
    assert curve[-1] == pytest.approx(metrics.leave_one_out_unfairness(full, members))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_the_curve_is_the_mean_over_all_choices(size):
    change = draw.random((6, 11))
    choices = [change[list(chosen)].max(axis=0).mean() for chosen in itertools.combinations(range(6), size)]
    assert luf_curve(change, [size]) == pytest.approx([np.mean(choices)])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_the_share_ever_flipped_is_the_mean_over_all_choices(size):
    flips = draw.random((6, 11)) < 0.3
    choices = [flips[list(chosen)].any(axis=0).mean() for chosen in itertools.combinations(range(6), size)]
    assert ever_flipped_curve(flips, [size]) == pytest.approx([np.mean(choices)])


@few
@given(studies())
def test_the_share_ever_flipped_starts_at_the_flip_rate_and_does_not_fall(study):
    full, members = study
    flips = changes_of(full, members).flips
    curve = ever_flipped_curve(flips, range(1, len(members) + 1))
    assert all(later >= earlier - 1e-12 for earlier, later in itertools.pairwise(curve))
    assert curve[0] == pytest.approx(flips.mean())
    assert curve[-1] == pytest.approx(flips.any(axis=0).mean())
    with pytest.raises(FairtollError, match="expected 1 to"):
        ever_flipped_curve(flips, [0])


def test_the_curve_of_many_members_and_rows_is_near_that_of_random_choices():
    change = draw.random((100, 5000)) ** 3
    chosen = [change[draw.permutation(100)[:10]].max(axis=0).mean() for _ in range(200)]
    assert luf_curve(change, [10])[0] == pytest.approx(np.mean(chosen), abs=0.003)


def test_curves_are_drawn_at_the_usual_sizes_and_at_all_members():
    full = np.array([[0.6, 0.4]])
    members = np.full((30, 1, 2), 0.5)
    assert [point.members for point in summary(full, members).curve] == [5, 10, 25, 30]
    assert [point.members for point in summary(full, members[:3]).curve] == [3]


def test_groups_and_the_rows_most_felt():
    full = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    members = np.stack([full, 1 - full, full])
    members[2, 1] = [0.4, 0.6]
    found = summary(full, members)
    assert [(group.group, group.rows, group.sufficient) for group in found.groups] == [
        ("cat", 2, False),
        ("dog", 2, False),
    ]
    assert [group.flip_rate for group in found.groups] == pytest.approx([2 / 6, 3 / 6])
    assert [group.luf for group in found.groups] == pytest.approx([(0.8 + 0.4) / 2, (0.2 + 0.6) / 2])
    assert [group.error for group in found.groups] == [0.5, 0.5]
    assert [(row.row, row.flips, row.class_name) for row in found.most_influential] == [
        (101, 4, "dog"),
        (102, 1, "dog"),
        (100, 0, "dog"),
    ]
    assert found.most_influential[0].groups == {"sex": "f"}
    assert found.most_influential[0].largest_change == pytest.approx(0.8)
    floor = summary(full, members, design="new-seed")
    assert floor.floor
    assert [row.row for row in floor.most_influential] == [None] * 3


def test_a_sentence_for_each_arm_puts_the_row_beside_the_floors():
    full = np.tile([0.9, 0.1], (4, 1))
    members = np.tile(full, (2, 1, 1))
    one = members.copy()
    one[0, 0] = [0.2, 0.8]
    entries = [
        summary(full, one),
        summary(full, members, design="one-ulp"),
        summary(full, 1 - members, design="new-seed"),
    ]
    assert leave_one_out_notes(entries) == [
        "Leave-one-out, standard arm, 2 rows: leaving one training row out, all else fixed, flips 12.500% (0.000% to "
        "100.000%) of test predictions; rounding alone flips 0.000%; a new seed on all rows flips 100.000%."
    ]
    assert leave_one_out_notes(entries[1:]) == []
    # No row of two: with chance 0.05 or more as long as at most 1 - sqrt(0.05) = 78% of all rows flip any.
    (none,) = leave_one_out_notes([summary(full, members)])
    assert "flips 0.000% (95% sure: fewer than 78% of rows flip any) of test predictions" in none


def test_the_papers_flips_are_held_against_the_rows_and_the_seeds():
    full = np.tile([0.9, 0.1], (4, 1))
    members = np.tile(full, (2, 1, 1))
    one = members.copy()
    one[0, 0] = [0.2, 0.8]
    two = members.copy()
    two[:, 0] = [0.2, 0.8]
    (said,) = leave_one_out_highlights([summary(full, one), summary(full, two, design="new-seed")])
    assert said == (
        "The paper's 29.26% of predictions flipped by leaving one row out are nearer to what a new seed flips (25.00%) "
        "here than to what a left-out row flips (12.50%), over 2 members each, too few to include a rare row with a "
        "larger effect."
    )
    (said,) = leave_one_out_highlights([summary(full, two), summary(full, one, design="new-seed")])
    assert "nearer to what a left-out row flips (25.00%)" in said
    designs = {"masked": two, "one-ulp": one, "new-seed": 1 - members}
    (said,) = leave_one_out_highlights([summary(full, found, design=design) for design, found in designs.items()])
    assert "a left-out row flips (25.00%, rounding alone 12.50%)" in said
    assert leave_one_out_highlights([summary(full, one)]) == []


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: changes_of(np.full((3, 2), 0.5), np.full((2, 4, 2), 0.5)), "members of shape"),
        (lambda: changes_of(np.full((3, 2), 0.5), np.full((3, 2), 0.5)), "left_out has shape"),
        (lambda: luf_curve(np.ones((3, 2)), [4]), "4 members of 3; expected 1 to 3"),
        (lambda: luf_curve(np.ones((3, 2)), [0]), "0 members of 3"),
    ],
)
def test_what_does_not_fit(attempt, message):
    with pytest.raises(FairtollError, match=message):
        attempt()
