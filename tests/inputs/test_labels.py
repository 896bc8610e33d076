"""The one rule for labels: what is one label, what is two, what cannot be distinguished and what is missing."""

import decimal
import enum
import math
import unicodedata

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtoll import FairtollError
from fairtoll.inputs.labels import as_label, as_labels, check_same_classes, name_of


class Sex(enum.StrEnum):
    female = "f"
    male = "m"


def read(values, **options):
    found = as_labels(values, name="groups", **options)
    return found.names, found.codes.tolist()


@pytest.mark.parametrize(
    ("values", "names", "codes"),
    [
        ([1, 1.0, np.int8(1), decimal.Decimal(1), np.float32(1)], (1,), [0] * 5),
        ([2.0, 1.0], (1, 2), [1, 0]),
        (np.array([2, 1, 2], dtype=np.uint64), (1, 2), [1, 0, 1]),
        ([2**63 + 1, -1, 2**63], (-1, 2**63, 2**63 + 1), [2, 0, 1]),
        ([2**64, 2**64 + 1], (2**64, 2**64 + 1), [0, 1]),
        ([2**53, 2**53 + 1], (2**53, 2**53 + 1), [0, 1]),
        ([True, False], (False, True), [1, 0]),
        ([True, 5], (True, 5), [0, 1]),
        (["b", "a"], ("a", "b"), [1, 0]),
        ([Sex.male, "m", Sex.female], ("f", "m"), [1, 1, 0]),
        ([0.5, 1.5, 0.5], (0.5, 1.5), [0, 1, 0]),
        ([-0.0, 0.0], (0,), [0, 0]),
        ([[1], [2]], (1, 2), [0, 1]),
        (["1", 2], (2, "1"), [1, 0]),
        (pd.Categorical(["b", "a"], categories=["b", "a", "unused"]), ("a", "b"), [1, 0]),
        (pd.Series([1, 2], dtype="Int64"), (1, 2), [0, 1]),
        (pd.Series(["a", "b"], dtype="string"), ("a", "b"), [0, 1]),
        (torch.tensor([3, 1]), (1, 3), [1, 0]),
        ([torch.tensor(3), torch.tensor(1)], (1, 3), [1, 0]),
        (np.ma.array([1, 2], mask=False), (1, 2), [0, 1]),
        (np.array(["2020-01-02", "2020-01-01"], dtype="datetime64[D]"), ("2020-01-01", "2020-01-02"), [1, 0]),
    ],
)
def test_what_is_one_label(values, names, codes):
    found, places = read(values)
    assert (found, places) == (names, codes)
    assert list(map(type, found)) == list(map(type, names))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, "1"),
        (True, 1),
        (0, False),
        (True, 1.0),
        (True, "True"),
        (0.5, "0.5"),
        (2**64, str(2**64)),
        ("a", "a\0"),
        ("caf\u00e9", "cafe\u0301"),
    ],
)
def test_what_cannot_be_told_apart(first, second):
    for values in ([first, second], [second, first, "other"], np.array([first, second, first], dtype=object)):
        with pytest.raises(FairtollError, match=r"groups holds both .*, which cannot be distinguished; expected"):
            read(values)


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, pd.NA, pd.NaT, np.datetime64("NaT")], ids=repr)
@pytest.mark.parametrize("other", ["a", 1, 0.5, True])
def test_what_is_missing(missing, other):
    with pytest.raises(FairtollError, match="groups has missing or infinite entries, the first in row 1; expected"):
        read([other, missing, other])
    with pytest.raises(FairtollError, match="groups has missing or infinite entries, the first in row 1; expected"):
        read(pd.Series([other, missing, other], dtype=object))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", None], dtype="string"),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([True, None], dtype="boolean"),
        pd.Series([0.5, None]),
        pd.to_datetime(pd.Series(["2020-01-01", None])),
        pd.Series(["a", None], dtype="category"),
        np.array(["a", math.nan]),
    ],
    ids=lambda column: str(column.dtype),
)
def test_what_is_missing_in_pandas(column):
    with pytest.raises(FairtollError, match="groups has missing or infinite entries, the first in row 1"):
        read(column)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ma.array([1, 2], mask=[False, True]), "groups has 1 masked entries; expected a value in every entry"),
        ([b"a"], "groups is b'a' in row 0; expected text or a whole number; decode it"),
        (np.array([b"a", b"b"]), "groups is b'a' in row 0"),
        (
            pd.MultiIndex.from_tuples([("a", 1)]),
            r"groups is \('a', 1\) in row 0; .* combine several columns with inter",
        ),
        ([1j, 2], "groups is 1j in row 0; expected text or a whole number; convert it"),
        ([{}, {}], "groups cannot be read as an array"),
        ("text", r"groups has shape \(\); expected \(N,\)"),
        ({1, 2}, r"groups has shape \(\); expected \(N,\)"),
        ([], r"groups has shape \(0,\), which is empty"),
        (pd.DataFrame([["f", "f"]], columns=["sex", "sex"]), r"groups has shape \(1, 2\); expected \(N,\)"),
        (np.array([2.0**53, 1]), r"groups holds 9\.0072e\+15 as float64, which neighbouring whole numbers share"),
        (np.array([2**24], dtype=np.float32), "as float32, which neighbouring whole numbers share"),
        (["a", 2.0**60], "as float, which neighbouring whole numbers share"),
    ],
)
def test_what_is_no_label(values, message):
    with pytest.raises(FairtollError, match=message):
        read(values)


@pytest.mark.parametrize("values", [[0.2, 0.7], [0, 0.7], np.array([0.2, 0.7], dtype=np.float32), ["a", 0.5]])
def test_a_class_is_never_a_fraction(values):
    with pytest.raises(FairtollError, match=r"groups is 0\.\d in row \d; expected classes, text or whole numbers"):
        read(values, fractions=False)
    assert len(read(values)[0]) == 2


def test_single_precision_means_the_number_that_was_written():
    assert read(np.array([0.1, 0.25], dtype=np.float32)) == ((0.1, 0.25), [0, 1])
    assert as_label(np.float32(0.1)) == 0.1


SCALARS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.booleans(),
    st.text(max_size=3),
    st.sampled_from([0.0, 1.0, 2.0, 0.5, -0.0]),
    st.sampled_from(["0", "1", "True", "0.5"]),
    st.sampled_from([np.int8(1), np.uint8(0), np.float32(2), np.bool_(True), np.str_("a")]),
)


def separable(values):
    """Whether Python's equality and the texts agree on which entries are one label."""
    texts = [str(int(one)) if isinstance(one, float) and one == int(one) else str(one) for one in map(plain, values)]
    texts = [unicodedata.normalize("NFC", text).rstrip("\0") for text in texts]
    pairs = [(i, j) for i in range(len(values)) for j in range(i)]
    return all((plain(values[i]) == plain(values[j])) == (texts[i] == texts[j]) for i, j in pairs)


def plain(value):
    return value.item() if isinstance(value, np.generic) and not isinstance(value, str) else value


@settings(deadline=None)
@given(st.lists(SCALARS, min_size=1, max_size=8))
def test_equal_labels_share_a_code_and_no_others_do(values):
    if not separable(values):
        with pytest.raises(FairtollError, match="cannot be distinguished"):
            as_labels(values, name="groups")
        return
    found = as_labels(values, name="groups")
    for i, one in enumerate(map(plain, values)):
        for j, other in enumerate(map(plain, values)):
            assert (found.codes[i] == found.codes[j]) == (one == other)
    assert len(set(found.texts)) == len(found.names) == len(set(found.codes.tolist()))


@settings(deadline=None)
@given(st.lists(SCALARS, min_size=1, max_size=6))
def test_a_list_and_an_array_of_objects_are_one(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    results = []
    for given_values in (values, array, tuple(values), pd.Series(array, dtype=object)):
        try:
            results.append(read(given_values))
        except FairtollError as error:
            results.append(str(error))
    assert all(result == results[0] for result in results)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_every_type_of_number_gives_the_same_labels(values):
    names, codes = read(np.array(values, dtype=np.int64))
    assert (names, codes) == read(values) == read(np.array(values, dtype=object))
    small = [value % 100 for value in values]
    expected = read(small)
    for dtype in (np.int8, np.uint64, np.float16, np.float64):
        assert read(np.array(small, dtype=dtype)) == expected


def classes(predicted, truth):
    check_same_classes(as_labels(predicted, name="y_pred"), as_labels(truth, name="y_true"))


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([0, 1, 2], [1, 1, 1]),  # a constant prediction
        ([0, 0, 0], [1, 2, 1]),  # rows of one class, all misclassified
        ([0, 1], [0, 1, 2]),  # a class without rows
        ([0, 1, 2, 3], [0, 1, 2, 4]),
        ([True, False], [1, 0]),
        ([0, 1], [0.0, 1.0]),
        (["a", "b"], ["b", "b"]),
    ],
)
def test_predictions_in_the_terms_of_the_truth(truth, predicted):
    classes(predicted, truth)


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([0, 1], [-1, 1], "y_pred has the labels -1, 1 and y_true has 0, 1; expected .*, and they share too few"),
        ([1, 2], [0, 1], "they share too few"),
        ([0, 1], [2, 3], "they share too few"),
        (["a", "b"], ["c"], "they share too few"),
        (["Cat", "Dog"], ["cat", "dog"], "y_pred has 'cat' where y_true has 'Cat'"),
        ([" <=50K", " >50K"], ["<=50K", ">50K"], "y_pred has '<=50K' where y_true has ' <=50K'"),
        (["Cat", "dog", "emu"], ["cat", "dog", "emu"], "y_pred has 'cat' where y_true has 'Cat'"),
        (["Cat"], ["cat"], "y_pred has 'cat' where y_true has 'Cat'"),
        ([1, "a"], ["1", "a"], "y_pred has '1' where y_true has 1"),
        ([0, 1], ["0", "1"], "y_pred holds text and y_true holds numbers"),
        (["True"], [True], "y_pred holds numbers and y_true holds text"),
    ],
)
def test_predictions_in_other_terms(truth, predicted, message):
    with pytest.raises(FairtollError, match=message):
        classes(predicted, truth)


def test_names():
    assert [name_of(value) for value in (1, 1.0, np.int64(1), True, "a", 0.5)] == ["1", "1", "1", "True", "a", "0.5"]


@pytest.mark.parametrize("shift", [1, -1, 5])
def test_whole_numbers_that_are_all_moved(shift):
    """A model that is right in all rows, and in nine of ten, whose classes are counted from another number."""
    truth = np.arange(100) % 10
    good = np.where(np.arange(100) % 11, truth, (truth + 3) % 10)
    for predicted in (truth, good):
        with pytest.raises(FairtollError, match=rf"{shift} apart|share too few"):
            classes(predicted + shift, truth)


def test_a_class_that_is_never_predicted_beside_one_without_rows():
    """The labels are those of a shift by one, and the predictions are good as they are."""
    truth = np.array([0, 1, 2, 1, 2, 1, 2, 2, 1])
    classes(np.where(truth == 0, 3, truth), truth)


@pytest.mark.parametrize(("truth", "predicted"), [(["1", "2"], ["1.0", "2.0"]), (["01", "2"], ["1", "2"])])
def test_one_whole_number_given_in_two_ways(truth, predicted):
    with pytest.raises(FairtollError, match="where y_true has"):
        classes(predicted, truth)
