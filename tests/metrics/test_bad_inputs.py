"""Every way to misuse a metric, and the message that says what to do about it."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from fairtoll import metrics
from fairtoll.errors import FairtollError
from fairtoll.inputs import columns, labels, names
from fairtoll.metrics import messages

Y = [0, 1, 0, 1]
HALVES = [[0.5, 0.5]] * 4
GROUPS = ["a", "b", "a", "b"]


def says(template, **fields):
    """The whole message, and that it leaves nothing to fill in."""
    text = template.format(**fields)
    assert "{" not in text
    return text


def refused(call, message):
    with pytest.raises(FairtollError) as raised:
        call()
    assert str(raised.value) == message


TEMPLATES = {
    f"{module.__name__}.{name}": text
    for module in (messages, labels, columns, names)
    for name, text in vars(module).items()
    if name.isupper() and not name.startswith("_") and isinstance(text, str) and "{" in text
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_message_has_three_parts(template):
    given, expected, remedy = TEMPLATES[template].split("; ", maxsplit=2)
    assert given
    assert expected.startswith("expected ")
    assert remedy


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: metrics.class_accuracy_unfairness(Y, [0, 1]), "y_pred"),
        (lambda: metrics.class_accuracy_unfairness(Y, Y, groups=[0, 1]), "groups"),
        (lambda: metrics.class_robustness_unfairness(Y, [0.1, 0.2]), "least_epsilon"),
        (lambda: metrics.class_robustness_unfairness(Y, [0.1] * 4, censored=[1, 1]), "censored"),
        (lambda: metrics.class_robustness_unfairness(Y, [0.1] * 4, correct=[1, 1]), "correct"),
        (lambda: metrics.censored_share_by_group(Y, [1, 1]), "censored"),
        (lambda: metrics.success_rate_unfairness(Y, [1, 1]), "success"),
        (
            lambda: metrics.equalized_odds_unfairness(Y, HALVES[:2], sensitive=GROUPS, target=1),
            "probabilities",
        ),
        (
            lambda: metrics.equalized_odds_unfairness(Y, HALVES, sensitive=GROUPS[:2], target=1),
            "sensitive",
        ),
        (lambda: metrics.equalized_odds_rate_gap(Y, Y[:2], sensitive=GROUPS, target=1, label=1), "y_pred"),
    ],
)
def test_lengths_that_differ(call, name):
    refused(call, says(columns.LENGTHS_DIFFER, name=name, given=2, expected=4, reference="y_true"))


def test_lengths_that_differ_outside_the_metrics():
    fields = {"given": 2, "expected": 4}
    refused(
        lambda: metrics.group_means([1.0] * 4, [0, 1]),
        says(columns.LENGTHS_DIFFER, name="groups", reference="values", **fields),
    )
    refused(
        lambda: metrics.group_means([1.0] * 4, Y, weights=[1.0, 1.0]),
        says(columns.LENGTHS_DIFFER, name="weights", reference="values", **fields),
    )
    refused(
        lambda: metrics.intersect(Y, [0, 1]),
        says(columns.LENGTHS_DIFFER, name="column 1", reference="column 0", **fields),
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite(bad):
    refused(
        lambda: metrics.group_means([1.0, bad, bad, 0.0], Y),
        says(messages.NOT_FINITE, name="values", count=2, row=1),
    )
    refused(
        lambda: metrics.class_robustness_unfairness(Y, [0.1, 0.2, bad, 0.3]),
        says(messages.LEAST_EPSILON_NOT_FINITE, count=1, row=2),
    )
    refused(
        lambda: metrics.leave_one_out_unfairness(HALVES, [HALVES, [*HALVES[:3], [bad, 0.5]]]),
        says(messages.NOT_FINITE, name="left_out[1]", count=1, row=3),
    )
    refused(
        lambda: metrics.equalized_odds_unfairness(Y, [*HALVES[:3], [0.5, bad]], sensitive=GROUPS, target=1),
        says(messages.NOT_FINITE, name="probabilities", count=1, row=3),
    )


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, pd.NA, pd.NaT], ids=str)
@pytest.mark.parametrize("make", [list, lambda values: np.array(values, dtype=object)])
def test_missing_labels(missing, make):
    wrong = make([missing, "b", "a", missing])
    refused(
        lambda: metrics.class_accuracy_unfairness(Y, Y, groups=wrong),
        says(labels.MISSING, name="groups", row=0),
    )
    refused(
        lambda: metrics.class_accuracy_unfairness(wrong, Y),
        says(labels.MISSING, name="y_true", row=0),
    )


def test_missing_labels_among_numbers_and_categories():
    refused(
        lambda: metrics.class_accuracy_unfairness(Y, [0.0, 1.0, math.nan, 1.0]),
        says(labels.MISSING, name="y_pred", row=2),
    )
    refused(
        lambda: metrics.intersect(Y, pd.Categorical(["a", "b", None, "b"])),
        says(labels.MISSING, name="column 1", row=2),
    )


def test_probabilities_out_of_range():
    for wrong in (1.5, -0.5):
        refused(
            lambda wrong=wrong: metrics.equalized_odds_unfairness(
                Y, [*HALVES[:3], [wrong, 1 - wrong]], sensitive=GROUPS, target=1
            ),
            says(
                messages.PROBABILITY_RANGE,
                name="probabilities",
                given=np.array([wrong, 1 - wrong])[np.argmax(np.abs([wrong - 0.5, 0.5 - wrong]))],
                row=3,
            ),
        )


def test_probabilities_that_do_not_sum_to_one():
    refused(
        lambda: metrics.flip_rate([[0.5, 0.25], [0.5, 0.5]], [[[0.5, 0.5]] * 2]),
        says(messages.PROBABILITY_SUM, name="full", given=0.75, row=0),
    )


def test_half_precision_softmax_is_near_enough():
    logits = torch.randn(50, 10, generator=torch.Generator().manual_seed(0))
    rounded = logits.softmax(dim=1).to(torch.float16)
    assert metrics.flip_rate(rounded, rounded[None]) == 0.0


def test_unknown_names():
    refused(
        lambda: metrics.success_rate_unfairness(Y, Y, denominator="half"),
        says(messages.UNKNOWN_DENOMINATOR, given="'half'"),
    )
    refused(lambda: metrics.success_rate_unfairness(Y, Y, denominator="correct"), says(messages.CORRECT_NEEDED))
    for label in (2, "1", -1, np.array([0, 1])):
        refused(
            lambda label=label: metrics.equalized_odds_unfairness(Y, HALVES, sensitive=GROUPS, target=1, label=label),
            says(messages.UNKNOWN_LABEL, given=repr(label), expected=[0, 1]),
        )
    for target in (2, -1, 1.5, "1", None):
        refused(
            lambda target=target: metrics.equalized_odds_unfairness(Y, HALVES, sensitive=GROUPS, target=target),
            says(messages.UNKNOWN_TARGET_COLUMN, given=repr(target), last=1),
        )
    refused(
        lambda: metrics.equalized_odds_rate_gap(Y, [0, 3, 0, 1], sensitive=GROUPS, target=2, label=1),
        says(messages.UNKNOWN_TARGET, given="2", expected=[0, 1, 3]),
    )


def test_a_class_that_no_row_has():
    refused(
        lambda: metrics.equalized_odds_rate_gap([0] * 4, Y, sensitive=GROUPS, target=1, label=1),
        says(messages.UNKNOWN_LABEL, given="1", expected=[0]),
    )


def test_a_prediction_that_nobody_made_is_a_rate_of_zero():
    rates = metrics.equalized_odds_rate_gap_by_group(
        Y, [0] * 4, sensitive=["a", "a", "b", "b"], target=1, label=1, minimum_rows=1
    )
    assert rates.values.tolist() == [0.0, 0.0]


def test_text_against_numbers():
    refused(
        lambda: metrics.class_accuracy_unfairness(Y, ["0", "1", "0", "1"]),
        says(
            labels.KINDS_DIFFER,
            name="y_pred",
            given="text",
            reference="y_true",
            expected="numbers",
        ),
    )


def test_empty_input():
    empty = np.empty(0)
    for call, name in [
        (lambda: metrics.class_accuracy_unfairness(empty, empty), "y_true"),
        (lambda: metrics.success_rate_unfairness(Y, []), "success"),
        (lambda: metrics.group_means([], []), "values"),
        (lambda: metrics.intersect([]), "column 0"),
    ]:
        refused(call, says(columns.EMPTY, name=name, shape=(0,)))
    refused(
        lambda: metrics.flip_rate(np.empty((0, 2)), np.empty((1, 0, 2))),
        says(columns.EMPTY, name="full", shape=(0, 2)),
    )
    refused(
        lambda: metrics.flip_rate(HALVES, np.empty((0, 4, 2))),
        says(columns.EMPTY, name="left_out", shape=(0, 4, 2)),
    )
    refused(metrics.intersect, says(messages.NO_COLUMNS))


@pytest.mark.parametrize(
    ("call", "name", "shape", "expected"),
    [
        (lambda: metrics.class_accuracy_unfairness(Y, HALVES), "y_pred", (4, 2), "(N,)"),
        (lambda: metrics.class_accuracy_unfairness(0, 0), "y_true", (), "(N,)"),
        (lambda: metrics.class_accuracy_unfairness(Y, Y, groups=HALVES), "groups", (4, 2), "(N,)"),
        (lambda: metrics.success_rate_unfairness(Y, [Y, Y]), "success", (2, 4), "(N,)"),
        (
            lambda: metrics.equalized_odds_unfairness(Y, [0.5] * 4, sensitive=GROUPS, target=1),
            "probabilities",
            (4,),
            "(N, C) with C of at least 2",
        ),
        (
            lambda: metrics.flip_rate([[1.0]], [[[1.0]]]),
            "full",
            (1, 1),
            "(N, C) with C of at least 2",
        ),
        (lambda: metrics.flip_rate(HALVES, HALVES), "left_out", (4, 2), "(L, N, C)"),
    ],
)
def test_wrong_dimensions(call, name, shape, expected):
    with pytest.raises(FairtollError) as raised:
        call()
    start = says(columns.WRONG_DIMENSIONS, name=name, shape=shape, expected=expected, remedy="")
    assert str(raised.value).startswith(start)
    assert len(str(raised.value)) > len(start)


@pytest.mark.parametrize("shape", [(2, 3, 2), (2, 4, 3)])
def test_members_of_another_shape(shape):
    refused(
        lambda: metrics.leave_one_out_unfairness(HALVES, np.full(shape, 1 / shape[2])),
        says(messages.SHAPES_DIFFER, given=shape[1:], expected=(4, 2)),
    )


def test_outcomes_that_are_not_outcomes():
    refused(
        lambda: metrics.success_rate_unfairness(Y, [0, 1, 0.5, 1]),
        says(messages.NOT_ZERO_ONE, name="success", given=0.5, row=2),
    )
    refused(
        lambda: metrics.censored_share_by_group(Y, [0, math.nan, 1, 1]),
        says(messages.NOT_ZERO_ONE, name="censored", given=math.nan, row=1),
    )


@pytest.mark.parametrize(
    ("values", "given"),
    [(["0.1"] * 4, "<U3"), (np.array(["x"] * 4, dtype=object), "text"), ([1j] * 4, "complex128")],
)
def test_values_that_are_not_numbers(values, given):
    refused(
        lambda: metrics.class_robustness_unfairness(Y, values),
        says(messages.NOT_NUMBERS, name="least_epsilon", given=given),
    )


def test_objects_that_are_not_numbers():
    refused(
        lambda: metrics.class_robustness_unfairness(Y, [{}, {}, {}, {}]),
        says(messages.NOT_NUMBERS, name="least_epsilon", given="object"),
    )


def test_what_is_no_array():
    with pytest.raises(FairtollError, match="y_true cannot be read as an array"):
        metrics.class_accuracy_unfairness([[0], [1, 2]], Y)
    with pytest.raises(FairtollError, match="groups cannot be read as an array"):
        metrics.class_accuracy_unfairness(Y, Y, groups=[{}, {}, {}, {}])


def test_impossible_radii():
    refused(
        lambda: metrics.class_robustness_unfairness(Y, [0.1, -0.2, 0.1, 0.1]),
        says(messages.NEGATIVE, name="least_epsilon", given=-0.2, row=1),
    )
    refused(
        lambda: metrics.group_means([1.0] * 4, Y, weights=[1, 1, 1, -1]),
        says(messages.NEGATIVE, name="weights", given=-1.0, row=3),
    )
    refused(
        lambda: metrics.class_robustness_unfairness(Y, [0.1, 0.0, 0.1, 0.1], censored=[0, 1, 0, 0]),
        says(messages.CENSORED_AT_ZERO, row=1),
    )


@pytest.mark.parametrize("minimum_rows", [0, -1, 1.5, None, "10"])
def test_impossible_sizes(minimum_rows):
    refused(
        lambda: metrics.class_accuracy_unfairness(Y, Y, minimum_rows=minimum_rows),
        says(messages.MINIMUM_ROWS, given=minimum_rows),
    )


def test_intersections_with_one_name():
    refused(
        lambda: metrics.intersect(["a & b", "a"], ["c", "b & c"]),
        says(names.SAME_CELLS, given="'a & b & c'"),
    )


def test_a_result_with_an_entry_too_few():
    refused(
        lambda: metrics.ByGroup(
            groups=("a", "b"), values=np.ones(2), rows=np.ones(1, dtype=int), sufficient=np.ones(2, bool)
        ),
        says(messages.BY_GROUP_SHAPES, name="rows", given=1, expected=2),
    )


TABLE = pd.DataFrame(
    {
        "y": [0, 0, 1, 1, 1, 0],
        "p": [0, 1, 1, 1, 0, 0],
        "sex": ["m", "f", "m", "f", "m", "f"],
        "radius": [0.0, 0.1, 0.2, 0.3, 0.1, 0.2],
        "hit": [True, False, True, False, True, True],
    }
)
SORTED = TABLE.sort_values("sex")
CHANCES = pd.DataFrame({"no": 1 - TABLE.p * 0.5, "yes": TABLE.p * 0.5})


@pytest.mark.parametrize(
    ("call", "name", "reference"),
    [
        (lambda: metrics.class_accuracy_unfairness(TABLE.y, TABLE.p, groups=SORTED.sex), "groups", "y_true"),
        (lambda: metrics.class_accuracy_unfairness(TABLE.y, SORTED.p), "y_pred", "y_true"),
        (lambda: metrics.class_robustness_unfairness(SORTED.y, TABLE.radius), "least_epsilon", "y_true"),
        (
            lambda: metrics.class_robustness_unfairness(Y * 3, TABLE.radius, correct=SORTED.hit),
            "correct",
            "least_epsilon",
        ),
        (lambda: metrics.class_robustness_unfairness(TABLE.y, [1] * 6, censored=SORTED.hit), "censored", "y_true"),
        (lambda: metrics.censored_share_by_group(TABLE.y, SORTED.hit), "censored", "y_true"),
        (lambda: metrics.success_rate_unfairness(TABLE.y, SORTED.hit), "success", "y_true"),
        (
            lambda: metrics.equalized_odds_unfairness(TABLE.y, CHANCES, sensitive=SORTED.sex, target=1),
            "sensitive",
            "y_true",
        ),
        (
            lambda: metrics.equalized_odds_unfairness(SORTED.y, CHANCES, sensitive=SORTED.sex, target=1),
            "probabilities",
            "y_true",
        ),
        (
            lambda: metrics.equalized_odds_rate_gap(SORTED.y, TABLE.p, sensitive=SORTED.sex, target=1, label=1),
            "y_pred",
            "y_true",
        ),
        (lambda: metrics.group_means(TABLE.radius, SORTED.sex), "groups", "values"),
        (lambda: metrics.group_means([1.0] * 6, TABLE.sex, weights=SORTED.radius), "weights", "groups"),
        (lambda: metrics.intersect(TABLE.sex, SORTED.y), "column 1", "column 0"),
        (lambda: metrics.leave_one_out_unfairness(CHANCES, [CHANCES, CHANCES[::-1]]), "left_out[1]", "full"),
        (lambda: metrics.flip_rate(CHANCES, [CHANCES[::-1]]), "left_out[0]", "full"),
    ],
)
def test_pandas_indexes_that_differ(call, name, reference):
    with pytest.raises(FairtollError) as raised:
        call()
    assert str(raised.value).startswith(f"{name} has another pandas index than {reference}, first in row ")


def test_equal_indexes_and_plain_arrays_are_joined_by_position():
    expected = metrics.class_accuracy_unfairness(
        TABLE.y.tolist(), TABLE.p.tolist(), groups=TABLE.sex.tolist(), minimum_rows=1
    )
    shuffled = TABLE.sample(frac=1, random_state=0)
    for frame, groups in ((TABLE, TABLE.sex), (shuffled, shuffled.sex), (SORTED, SORTED.sex.to_numpy())):
        found = metrics.class_accuracy_unfairness(frame.y, frame.p, groups=groups, minimum_rows=1)
        assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        (
            [0, 1, 0, 1],
            [0.2, 0.7, 0.1, 0.9],
            "y_pred is 0.2 in row 0; expected classes, text or whole numbers; turn scor",
        ),
        ([0, 1, 0, 1], np.float32([0, 0.5, 1, 1]), "y_pred is 0.5 in row 1; expected classes"),
        ([0.5, 1, 0, 1], [0, 1, 0, 1], "y_true is 0.5 in row 0; expected classes"),
        (["Cat", "Dog"] * 2, ["cat", "dog"] * 2, "y_pred has 'cat' where y_true has 'Cat'; expected the same labels"),
        ([0, 1] * 2, [-1, 1] * 2, "y_pred has the labels -1, 1 and y_true has 0, 1; expected the same labels in both"),
        ([1, 2] * 2, [0, 1] * 2, "y_pred has the labels 0, 1 and y_true has 1, 2"),
        ([True, False] * 2, ["True", "False"] * 2, "y_pred holds text and y_true holds numbers"),
    ],
)
def test_predictions_in_other_terms_than_the_truth(y_true, y_pred, message):
    for call in (
        lambda: metrics.class_accuracy_unfairness(y_true, y_pred, minimum_rows=1),
        lambda: metrics.equalized_odds_rate_gap(y_true, y_pred, sensitive=GROUPS, target=1, label=1),
    ):
        with pytest.raises(FairtollError, match=message):
            call()


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [([True, False, True, False], [1, 0, 0, 0]), ([1.0, 0.0, 1.0, 0.0], [1, 0, 0, 0]), ([2, 1, 2, 1], [2.0, 1, 1, 1])],
)
def test_numbers_are_compared_by_value(y_true, y_pred):
    assert metrics.class_accuracy_unfairness(y_true, y_pred, minimum_rows=1) == 0.5


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(
    "given",
    [
        {"least_epsilon": [0.3] * 4, "censored": [True] * 4},
        {"least_epsilon": [0.0] * 4},
        {"least_epsilon": [0.0, 0.3, 0.0, 0.3], "censored": [False, True, False, True]},
        {"least_epsilon": [0.1, 0.3, 0.1, 0.3], "censored": [False, True, False, True], "correct": [0, 1, 0, 1]},
    ],
)
def test_radii_that_say_nothing_have_no_gap(given, relative):
    found = metrics.class_robustness_unfairness_by_group(
        Y, given["least_epsilon"], groups=["a", "a", "b", "b"], relative=relative, minimum_rows=1,
        censored=given.get("censored"), correct=given.get("correct"),
    )  # fmt: skip
    assert math.isnan(found.gap)
    assert not found.sufficient.any()
