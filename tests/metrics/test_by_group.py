"""Groups that are too small, names, intersections, and what a result carries."""

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from fairtoll import metrics


def two_large_one_small(small=9):
    y_true = np.repeat(["cat", "dog", "emu"], [10, 20, small])
    y_pred = np.where(np.arange(len(y_true)) % 2 == 0, y_true, "cat")
    y_pred[-small:] = "cat"
    return y_true, y_pred


def test_a_small_group_keeps_its_value_and_leaves_the_gap():
    result = metrics.class_accuracy_unfairness_by_group(*two_large_one_small())
    assert result.groups == ("cat", "dog", "emu")
    assert result.values.tolist() == [1.0, 0.5, 0.0]
    assert result.rows.tolist() == [10, 20, 9]
    assert result.sufficient.tolist() == [True, True, False]
    assert result.gap == 0.5
    assert (result.highest, result.lowest) == ("cat", "dog")


def test_the_least_size_is_inclusive_and_can_be_set():
    assert metrics.class_accuracy_unfairness(*two_large_one_small(10)) == 1.0
    assert metrics.class_accuracy_unfairness(*two_large_one_small(1), minimum_rows=1) == 1.0
    assert math.isnan(metrics.class_accuracy_unfairness(*two_large_one_small(), minimum_rows=20))


@pytest.mark.parametrize("minimum_rows", [11, 1000])
def test_fewer_than_two_sufficient_groups_have_no_gap(minimum_rows):
    result = metrics.class_accuracy_unfairness_by_group(*two_large_one_small(), minimum_rows=minimum_rows)
    assert math.isnan(result.gap)
    only = "dog" if minimum_rows == 11 else None
    assert result.highest == result.lowest == only


def test_a_lone_group_has_no_gap():
    assert math.isnan(metrics.class_accuracy_unfairness([1] * 20, [1] * 20))


def test_a_group_with_no_counted_row_is_not_zero():
    result = metrics.success_rate_unfairness_by_group(
        [0] * 10 + [1] * 10 + [2] * 10,
        [True] * 30,
        denominator="correct",
        correct=[True] * 10 + [False] * 10 + [True] * 10,
    )
    assert math.isnan(result.values[1])
    assert result.rows.tolist() == [10, 0, 10]
    assert result.sufficient.tolist() == [True, False, True]
    assert result.gap == 0.0


def test_a_label_that_a_group_lacks_is_insufficient():
    probabilities = np.tile([0.5, 0.5], (30, 1))
    result = metrics.equalized_odds_unfairness_by_group(
        [1] * 20 + [0] * 10,
        probabilities,
        sensitive=["a"] * 10 + ["b"] * 10 + ["c"] * 10,
        target=1,
        label=1,
        minimum_rows=1,
    )
    assert result.sufficient.tolist() == [True, True, False]
    assert math.isnan(result.values[2])


def test_nothing_is_known_relative_to_zero():
    result = metrics.class_robustness_unfairness_by_group([0, 1] * 10, [0.0] * 20, relative=True)
    assert not result.sufficient.any()
    assert math.isnan(result.gap)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(
    ("radius", "censored"),
    [
        ([0.0] * 20, None),  # all misclassified
        ([0.0] * 20, [False] * 20),
        ([1.0] * 20, [True] * 20),  # all limits
        ([0.0, 1.0] * 10, [False, True] * 10),  # some of either
        ([0.0] * 10 + [1.0] * 10, [False] * 10 + [True] * 10),  # a gap of 1 that is up to the largest radius tried
    ],
)
def test_least_epsilons_that_say_nothing_have_no_gap(radius, censored, relative):
    y_true = [0] * 10 + [1] * 10
    result = metrics.class_robustness_unfairness_by_group(y_true, radius, censored=censored, relative=relative)
    assert not result.sufficient.any()
    gap = metrics.class_robustness_unfairness(y_true, radius, censored=censored, relative=relative)
    assert math.isnan(gap)


def test_one_row_that_an_attack_broke_is_enough_unless_it_does_not_count():
    y_true, radius = [0] * 10 + [1] * 10, [0.5] + [1.0] * 19
    censored, correct = [False] + [True] * 19, [False] + [True] * 19
    call = metrics.class_robustness_unfairness
    assert call(y_true, radius, censored=censored) == pytest.approx(0.05)
    assert math.isnan(call(y_true, radius, censored=censored, correct=correct, minimum_rows=5))


def test_censoring_is_reported_and_leaves_the_number():
    y_true, radius = [0] * 10 + [1] * 10, [0.5] * 10 + [1.0] * 10
    censored = [False] * 10 + [True] * 4 + [False] * 6
    result = metrics.class_robustness_unfairness_by_group(y_true, radius, censored=censored)
    assert result.censored.tolist() == [0.0, 0.4]
    assert result.gap == metrics.class_robustness_unfairness(y_true, radius) == 0.5
    assert metrics.censored_share_by_group(y_true, censored).values.tolist() == [0.0, 0.4]


def test_a_misclassified_row_is_a_success_among_all_rows():
    y_true, success, correct = [0] * 10, [False] * 10, [True] * 7 + [False] * 3
    plain = metrics.success_rate_unfairness_by_group(y_true, success)
    known = metrics.success_rate_unfairness_by_group(y_true, success, correct=correct)
    among = metrics.success_rate_unfairness_by_group(
        y_true, success, correct=correct, denominator="correct", minimum_rows=7
    )
    assert [plain.values[0], known.values[0], among.values[0]] == [0.0, 0.3, 0.0]
    assert [plain.rows[0], known.rows[0], among.rows[0]] == [10, 10, 7]


@pytest.mark.parametrize(
    ("groups", "names"),
    [
        (np.array([7, -3, 7, 900_000]), (-3, 7, 900_000)),
        (np.array([2, 0, 2, 5], dtype=np.uint8), (0, 2, 5)),
        (np.array([True, False, True, False]), (False, True)),
        (np.array([0.5, 2.0, 0.5, -1.0]), (-1, 0.5, 2)),
        (np.array([2**63, 2**63 + 1, 2**63, 0], dtype=np.uint64), (0, 2**63, 2**63 + 1)),
        (["b", "a", "b", "ä"], ("a", "b", "ä")),
        ([1, "b", 1, "a"], (1, "a", "b")),
        (pd.Series(["b", "a", "b", "a"], dtype="category").cat.set_categories(["z", "b", "a"]), ("a", "b")),
        (pd.array([3, 1, 3, 1], dtype="Int64"), (1, 3)),
    ],
    ids=str,
)
def test_names_are_sorted_python_scalars(groups, names):
    result = metrics.group_means([1.0, 2.0, 1.0, 2.0], groups, minimum_rows=1)
    assert result.groups == names
    assert [type(name) for name in result.groups] == [type(name) for name in names]
    assert result.rows.sum() == 4


def test_weights_count_and_zero_weight_does_not():
    result = metrics.group_means([1.0, 4.0, 9.0], ["a", "a", "a"], weights=[1.0, 2.0, 0.0], minimum_rows=3)
    assert result.values.tolist() == [3.0]
    assert result.rows.tolist() == [2]
    assert not result.sufficient[0]


def test_intersections_are_the_cells_that_occur():
    cells = metrics.intersect(["f", "m", "f"], pd.Categorical(["x", "y", "x"]), [True, False, False])
    assert cells.tolist() == ["f & x & True", "m & y & False", "f & x & False"]


def test_many_columns_do_not_overflow():
    generator = np.random.default_rng(0)
    columns = generator.integers(1000, size=(12, 50))
    expected = [" & ".join(map(str, row)) for row in columns.T]
    assert metrics.intersect(*columns).tolist() == expected


def test_nothing_heavy_is_imported():
    code = "import sys, fairtoll.metrics; print({'torch', 'pandas', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_predicted_class_that_no_row_has_is_an_error_of_the_model():
    result = metrics.class_accuracy_unfairness_by_group([0, 0, 1, 1, 2], [2, 2, 1, 3, 2], minimum_rows=1)
    assert result.values.tolist() == [0.0, 0.5, 1.0]
