"""What holds for any data at all."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fairtoll import metrics

few = settings(max_examples=60, deadline=None)
rounding = 1e-12


@st.composite
def labelled(draw):
    """True and predicted labels, groups, outcomes and probabilities of the same rows."""
    classes = draw(st.integers(2, 5))
    rows = draw(st.integers(classes, 40))
    column = arrays.arrays(np.int64, rows, elements=st.integers(0, classes - 1))
    y_true = draw(column)
    y_true[:classes] = draw(st.permutations(range(classes)))  # no class is without rows
    return {
        "y_true": y_true,
        "y_pred": draw(column),
        "groups": draw(arrays.arrays(np.int64, rows, elements=st.integers(0, 6))),
        "success": draw(arrays.arrays(np.bool_, rows)),
        "correct": draw(arrays.arrays(np.bool_, rows)),
        "radius": draw(arrays.arrays(np.float64, rows, elements=st.floats(0, 100))),
        "probabilities": draw(distributions((rows, classes))),
    }


@st.composite
def distributions(draw, shape):
    weight = draw(arrays.arrays(np.float64, shape, elements=st.floats(0.001, 1)))
    return weight / weight.sum(axis=-1, keepdims=True)


@st.composite
def leave_one_out(draw):
    models, rows, classes = draw(st.tuples(st.integers(1, 5), st.integers(1, 8), st.integers(2, 4)))
    return draw(distributions((rows, classes))), draw(distributions((models, rows, classes)))


def results(data):
    """Every metric over a partition, by name."""
    label = data["y_true"][0]
    shared = {"groups": data["groups"], "minimum_rows": 1}
    odds = {"sensitive": data["groups"], "target": 1, "label": label, "minimum_rows": 1}
    success = metrics.success_rate_unfairness_by_group
    return {
        "cau": metrics.class_accuracy_unfairness_by_group(data["y_true"], data["y_pred"], **shared),
        "cru_s": success(data["y_true"], data["success"], **shared),
        "cru_s correct": success(
            data["y_true"], data["success"], denominator="correct", correct=data["correct"], **shared
        ),
        "eou": metrics.equalized_odds_unfairness_by_group(data["y_true"], data["probabilities"], **odds),
        "rate": metrics.equalized_odds_rate_gap_by_group(data["y_true"], data["y_pred"], **{**odds, "target": label}),
        "cru_eps": metrics.class_robustness_unfairness_by_group(data["y_true"], data["radius"], **shared),
    }


def assert_close(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@few
@given(labelled())
def test_rates_and_their_gaps_lie_between_zero_and_one(data):
    for name, result in results(data).items():
        if name == "cru_eps":
            continue
        known = result.values[result.sufficient]
        assert np.all((known >= 0) & (known <= 1 + rounding))
        assert np.isnan(result.gap) if len(known) < 2 else 0 <= result.gap <= 1 + rounding


@few
@given(labelled(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(data, random):
    order = list(range(len(data["y_true"])))
    random.shuffle(order)
    # The label that conditions is that of the first row, so it stays in front.
    order.remove(0)
    order.insert(0, 0)
    shuffled = results({name: values[order] for name, values in data.items()})
    for name, result in results(data).items():
        assert shuffled[name].groups == result.groups
        assert_close(shuffled[name].values, result.values)
        assert_close(shuffled[name].gap, result.gap)


@few
@given(labelled(), st.permutations(["north", "east", "south", "west", "up", "down", "here"]))
def test_the_names_of_groups_do_not_matter(data, names):
    renamed = results({**data, "groups": np.array(names)[data["groups"]]})
    for name, result in results(data).items():
        again = dict(zip(renamed[name].groups, renamed[name].values, strict=True))
        assert_close([again[names[group]] for group in result.groups], result.values)
        assert_close(renamed[name].gap, result.gap)


@few
@given(labelled())
def test_doubling_every_row_changes_no_value(data):
    doubled = results({name: np.concatenate([values, values]) for name, values in data.items()})
    for name, result in results(data).items():
        assert_close(doubled[name].values, result.values)
        assert (doubled[name].rows == 2 * result.rows).all()


@few
@given(labelled(), st.floats(0.01, 100))
def test_the_relative_gap_has_no_unit(data, unit):
    def relative(radius):
        return metrics.class_robustness_unfairness(
            data["y_true"], radius, groups=data["groups"], relative=True, minimum_rows=1
        )

    radius = data["radius"] + 0.1
    assert_close(relative(radius * unit), relative(radius))


@few
@given(leave_one_out())
def test_one_flip_rate_carries_both_counts(data):
    full, left_out = data
    models, rows, _ = left_out.shape
    assert_close(metrics.flips_per_row(full, left_out) * rows, metrics.flips_per_model(full, left_out) * models)
    assert_close(metrics.flip_rate(full, left_out) * models, metrics.flips_per_row(full, left_out))


@few
@given(leave_one_out())
def test_leave_one_out_unfairness_lies_between_zero_and_one(data):
    assert 0 <= metrics.leave_one_out_unfairness(*data) <= 1
    assert 0 <= metrics.flip_rate(*data) <= 1
    assert metrics.leave_one_out_unfairness(data[0], data[0][None]) == 0


@few
@given(leave_one_out(), st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(data, random):
    full, left_out = data
    order = list(range(len(left_out)))
    random.shuffle(order)
    for metric in (metrics.leave_one_out_unfairness, metrics.flips_per_row, metrics.flips_per_model):
        assert metric(full, left_out[order]) == metric(full, left_out)


@few
@given(leave_one_out())
def test_more_members_never_lower_it(data):
    full, left_out = data
    by_count = [metrics.leave_one_out_unfairness_by_row(full, left_out[: count + 1]) for count in range(len(left_out))]
    assert all((later >= earlier).all() for earlier, later in itertools.pairwise(by_count))
