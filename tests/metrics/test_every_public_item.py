"""What every public item of fairtoll.metrics keeps to, whatever it computes."""

import inspect
import typing

import numpy as np
import pandas as pd
import pytest
import torch

from fairtoll import metrics

ROWS = 200
DATA = {
    "y_true", "y_pred", "least_epsilon", "success", "censored", "probabilities", "full", "left_out",
    "values", "groups", "columns", "certified_radius",
}  # fmt: skip

generator = np.random.default_rng(1)
Y_TRUE = generator.integers(3, size=ROWS)
Y_PRED = generator.integers(3, size=ROWS)
SEX = generator.choice(["Female", "Male"], size=ROWS)
SUCCESS = generator.random(ROWS) < 0.6
CORRECT = generator.random(ROWS) < 0.7
CENSORED = generator.random(ROWS) < 0.2
LEAST_EPSILON = generator.random(ROWS) + 0.1
PROBABILITIES = generator.dirichlet(np.ones(3), size=ROWS)
LEFT_OUT = generator.dirichlet(np.ones(3), size=(4, ROWS))

ROBUSTNESS = {"groups": SEX, "correct": CORRECT, "censored": CENSORED, "relative": True}
SUCCESS_RATE = {"groups": SEX, "correct": CORRECT, "denominator": "correct"}
CONFIDENCE = {"sensitive": SEX, "target": 2, "label": 1}
CALLS = {
    "class_accuracy_unfairness": ((Y_TRUE, Y_PRED), {"groups": SEX}),
    "class_accuracy_unfairness_by_group": ((Y_TRUE, Y_PRED), {"groups": SEX}),
    "class_robustness_unfairness": ((Y_TRUE, LEAST_EPSILON), ROBUSTNESS),
    "class_robustness_unfairness_by_group": ((Y_TRUE, LEAST_EPSILON), ROBUSTNESS),
    "censored_share_by_group": ((Y_TRUE, CENSORED), {"groups": SEX, "correct": CORRECT}),
    "robustness_disparity_index": ((Y_TRUE, LEAST_EPSILON), {"groups": SEX}),
    "robustness_disparity_index_by_group": ((Y_TRUE, LEAST_EPSILON), {"groups": SEX}),
    "normalized_robustness_gini": ((Y_TRUE, LEAST_EPSILON), {"groups": SEX}),
    "worst_class_robustness": ((Y_TRUE, LEAST_EPSILON), {"groups": SEX}),
    "local_score": ((Y_TRUE, PROBABILITIES), {}),
    "success_rate_unfairness": ((Y_TRUE, SUCCESS), SUCCESS_RATE),
    "success_rate_unfairness_by_group": ((Y_TRUE, SUCCESS), SUCCESS_RATE),
    "leave_one_out_unfairness": ((PROBABILITIES, LEFT_OUT), {}),
    "leave_one_out_unfairness_by_row": ((PROBABILITIES, LEFT_OUT), {}),
    "changes_by_member": ((PROBABILITIES, LEFT_OUT), {}),
    "flips_by_member": ((PROBABILITIES, LEFT_OUT), {}),
    "flips_per_row": ((PROBABILITIES, LEFT_OUT), {}),
    "flips_per_model": ((PROBABILITIES, LEFT_OUT), {}),
    "flip_rate": ((PROBABILITIES, LEFT_OUT), {}),
    "equalized_odds_unfairness": ((Y_TRUE, PROBABILITIES), CONFIDENCE),
    "equalized_odds_unfairness_by_group": ((Y_TRUE, PROBABILITIES), CONFIDENCE),
    "equalized_odds_rate_gap": ((Y_TRUE, Y_PRED), CONFIDENCE),
    "equalized_odds_rate_gap_by_group": ((Y_TRUE, Y_PRED), CONFIDENCE),
    "group_means": ((LEAST_EPSILON, SEX), {"weights": LEAST_EPSILON}),
    "intersect": ((Y_TRUE, SEX), {}),
}

PUBLIC = {name: item for name, item in vars(metrics).items() if callable(item) and not name.startswith("_")}
FUNCTIONS = sorted(name for name, item in PUBLIC.items() if inspect.isfunction(item))


def as_torch(array):
    if array.dtype.kind == "U":
        return array
    tensor = torch.from_numpy(array.copy())
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def as_pandas(array):
    if array.ndim == 3:
        return [as_pandas(member) for member in array]
    index = np.arange(len(array))[::-1]
    return pd.DataFrame(array, index=index) if array.ndim == 2 else pd.Series(array, index=index)


def as_categorical(array):
    return pd.Categorical(array) if array.dtype.kind in "iU" and array.ndim == 1 else array


KINDS = {
    "list": lambda array: array.tolist(),
    "tuple": lambda array: tuple(array.tolist()),
    "object": lambda array: array.astype(object),
    "torch": as_torch,
    "list of tensors": lambda array: list(as_torch(array)),
    "pandas": as_pandas,
    "categorical": as_categorical,
    "column": lambda array: array[:, None] if array.ndim == 1 else array,
}


def call(name, convert=lambda array: array):
    arrays, options = CALLS[name]
    return PUBLIC[name](
        *(convert(array) for array in arrays),
        **{key: convert(value) if isinstance(value, np.ndarray) else value for key, value in options.items()},
    )


def assert_same(result, expected):
    if isinstance(expected, metrics.ByGroup):
        assert result.groups == expected.groups
        for name in ("values", "rows", "sufficient", "censored"):
            np.testing.assert_array_equal(getattr(result, name), getattr(expected, name))
    else:
        np.testing.assert_array_equal(result, expected)


def test_every_public_function_is_called_here():
    assert set(CALLS) == set(FUNCTIONS)
    assert set(PUBLIC) - set(FUNCTIONS) == {"ByGroup", "Metric"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_data_is_positional(name):
    for parameter in inspect.signature(PUBLIC[name]).parameters.values():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            assert parameter.name in DATA
            assert parameter.default is parameter.empty


@pytest.mark.parametrize("name", FUNCTIONS)
def test_everything_has_a_type(name):
    function = PUBLIC[name]
    assert set(typing.get_type_hints(function)) == {*inspect.signature(function).parameters, "return"}


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_the_docstring_says_all(name):
    docstring = inspect.getdoc(PUBLIC[name])
    headings = ["Parameters", "Raises", "Examples"] + ["Returns"] * (name in FUNCTIONS)
    for heading in headings:
        assert f"\n{heading}\n{'-' * len(heading)}\n" in docstring
    for parameter in inspect.signature(PUBLIC[name]).parameters:
        assert f"{parameter} : " in docstring
    assert ">>> " in docstring


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_kind_of_array_does_not_matter(name, kind):
    assert_same(call(name, KINDS[kind]), call(name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_read_only_input_is_enough_and_stays_as_it_was(name):
    arrays = []

    def frozen(array):
        copy = array.copy()
        copy.setflags(write=False)
        arrays.append((copy, array))
        return copy

    assert_same(call(name, frozen), call(name))
    for copy, original in arrays:
        np.testing.assert_array_equal(copy, original)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if f"{name}_by_group" in FUNCTIONS])
def test_the_short_function_is_the_gap_of_its_sibling(name):
    gap, by_group = PUBLIC[name], PUBLIC[f"{name}_by_group"]
    assert call(name) == call(f"{name}_by_group").gap
    given, expected = inspect.signature(by_group).parameters, inspect.signature(gap).parameters
    assert {key: (item.kind, item.default) for key, item in given.items()} == {
        key: (item.kind, item.default) for key, item in expected.items()
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_tensors_of_any_precision(dtype):
    values = torch.tensor([0.25, 0.5, 0.75, 1.0], dtype=dtype, requires_grad=True)
    assert metrics.group_means(values, torch.tensor([0, 0, 1, 1]), minimum_rows=1).values.tolist() == [
        0.375,
        0.875,
    ]
