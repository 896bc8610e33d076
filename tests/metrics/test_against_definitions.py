"""The definitions written out, pair by pair and row by row, as the oracle."""

import itertools

import numpy as np
import pytest

from fairtoll import metrics

CLOSE = {"rel": 1e-12, "abs": 1e-12}


@pytest.fixture(params=range(5))
def case(request):
    generator = np.random.default_rng(request.param)
    classes, rows, models = 2 + request.param, 150, 6
    y_true = np.append(np.arange(classes), generator.integers(classes, size=rows - classes))
    y_pred = np.where(generator.random(rows) < 0.6, y_true, generator.integers(classes, size=rows))
    full = generator.dirichlet(np.ones(classes), size=rows)
    noise = generator.dirichlet(np.ones(classes), size=(models, rows))
    return {
        "y_true": y_true,
        "y_pred": y_pred,
        "correct": y_true == y_pred,
        "attacked": generator.random(rows) < 0.5,
        "radius": generator.gamma(2.0, size=rows) * (y_true == y_pred),
        "group": np.append(["a", "b", "c"], generator.choice(["a", "b", "c"], size=rows - 3)),
        "full": full,
        "left_out": 0.8 * full + 0.2 * noise,
    }


def largest_difference(rows_by_group, value):
    """The maximum over pairs of groups of the absolute difference, as the paper writes it."""
    pairs = itertools.product(rows_by_group.values(), repeat=2)
    return max(abs(value(one) - value(other)) for one, other in pairs)


def partition(labels, rows):
    groups = {}
    for row in rows:
        groups.setdefault(labels[row], []).append(row)
    return groups


def everyone(case):
    return range(len(case["y_true"]))


@pytest.mark.parametrize("over", ["y_true", "group"])
def test_class_accuracy_unfairness(case, over):
    def accuracy(rows):
        return sum(int(case["y_true"][row] == case["y_pred"][row]) for row in rows) / len(rows)

    ours = metrics.class_accuracy_unfairness(case["y_true"], case["y_pred"], groups=case[over], minimum_rows=1)
    assert ours == pytest.approx(largest_difference(partition(case[over], everyone(case)), accuracy), **CLOSE)


@pytest.mark.parametrize("over", ["y_true", "group"])
@pytest.mark.parametrize("only_correct", [False, True])
@pytest.mark.parametrize("relative", [False, True])
def test_class_robustness_unfairness(case, over, only_correct, relative):
    def least_epsilon(rows):
        return sum(case["radius"][row] for row in rows) / len(rows)

    rows = [row for row in everyone(case) if case["correct"][row] or not only_correct]
    expected = largest_difference(partition(case[over], rows), least_epsilon)
    ours = metrics.class_robustness_unfairness(
        case["y_true"],
        case["radius"],
        groups=case[over],
        correct=case["correct"] if only_correct else None,
        relative=relative,
        minimum_rows=1,
    )
    assert ours == pytest.approx(expected / least_epsilon(rows) if relative else expected, **CLOSE)


def test_success_rate_of_all_rows_is_one_less_robust_accuracy(case):
    def robust_accuracy(rows):
        return sum(int(case["correct"][row] and not case["attacked"][row]) for row in rows) / len(rows)

    groups = partition(case["group"], everyone(case))
    ours = metrics.success_rate_unfairness_by_group(
        case["y_true"], case["attacked"], groups=case["group"], correct=case["correct"], minimum_rows=1
    )
    assert ours.values.tolist() == pytest.approx([1 - robust_accuracy(groups[name]) for name in ours.groups], **CLOSE)
    assert ours.gap == pytest.approx(largest_difference(groups, robust_accuracy), **CLOSE)


def test_success_rate_of_correct_rows(case):
    def success_rate(rows):
        return sum(int(case["attacked"][row]) for row in rows) / len(rows)

    rows = [row for row in everyone(case) if case["correct"][row]]
    ours = metrics.success_rate_unfairness(
        case["y_true"], case["attacked"], denominator="correct", correct=case["correct"], minimum_rows=1
    )
    assert ours == pytest.approx(largest_difference(partition(case["y_true"], rows), success_rate), **CLOSE)


def test_leave_one_out_unfairness(case):
    full, left_out = case["full"], case["left_out"]
    models, rows, classes = left_out.shape
    by_row = [
        max(abs(full[row, y] - left_out[i, row, y]) for i in range(models) for y in range(classes))
        for row in range(rows)
    ]
    assert metrics.leave_one_out_unfairness_by_row(full, left_out).tolist() == pytest.approx(by_row, **CLOSE)
    assert metrics.leave_one_out_unfairness(full, left_out) == pytest.approx(sum(by_row) / rows, **CLOSE)


def test_flips(case):
    full, left_out = case["full"], case["left_out"]
    models, rows, _ = left_out.shape
    flipped = [[int(np.argmax(full[row]) != np.argmax(left_out[i, row])) for row in range(rows)] for i in range(models)]
    total = sum(map(sum, flipped))
    assert total > 0
    per_row = sum(sum(flipped[i][row] for i in range(models)) for row in range(rows)) / rows
    per_model = sum(sum(flipped[i]) for i in range(models)) / models
    assert metrics.flips_per_row(full, left_out) == pytest.approx(per_row, **CLOSE)
    assert metrics.flips_per_model(full, left_out) == pytest.approx(per_model, **CLOSE)
    assert metrics.flip_rate(full, left_out) == pytest.approx(total / (rows * models), **CLOSE)


@pytest.mark.parametrize("label", [None, 0, 1])
def test_equalized_odds_unfairness_of_every_class(case, label):
    rows = [row for row in everyone(case) if label is None or case["y_true"][row] == label]
    for target in range(case["full"].shape[1]):

        def confidence(among, target=target):
            return sum(case["full"][row, target] for row in among) / len(among)

        ours = metrics.equalized_odds_unfairness(
            case["y_true"], case["full"], sensitive=case["group"], target=target, label=label, minimum_rows=1
        )
        expected = largest_difference(partition(case["group"], rows), confidence)
        assert ours == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("target", [0, 1])
def test_equalized_odds_rate_gap(case, label, target):
    def rate(rows):
        return sum(int(case["y_pred"][row] == target) for row in rows) / len(rows)

    rows = [row for row in everyone(case) if case["y_true"][row] == label]
    ours = metrics.equalized_odds_rate_gap(
        case["y_true"], case["y_pred"], sensitive=case["group"], target=target, label=label, minimum_rows=1
    )
    assert ours == pytest.approx(largest_difference(partition(case["group"], rows), rate), **CLOSE)


def test_the_papers_race_table_gives_its_gap():
    """Table V, standard model on D_1: confidences of five groups, White highest and Black lowest."""
    confidence = {"White": 0.706, "Asian": 0.688, "Indian american": 0.65, "Black": 0.639, "Other": 0.657}
    race = np.repeat(list(confidence), 10)
    above = np.repeat(list(confidence.values()), 10)
    ours = metrics.equalized_odds_unfairness_by_group(
        np.ones(50, dtype=int), np.stack([1 - above, above], axis=1), sensitive=race, target=1, label=1
    )
    assert (ours.highest, ours.lowest) == ("White", "Black")
    assert ours.gap == pytest.approx(0.067, abs=1e-12)
