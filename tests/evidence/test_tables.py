"""Tables of evidence whose rows, labels, groups and names are not what they seem."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtoll import Evidence, FairtollError
from fairtoll.evidence.store import describe_attack, describe_predictions

LABELS = [0, 1, 1, 0]
SITES = ["n", "s", "n", "s"]
PERFECT = np.eye(2)[LABELS] * 0.8 + 0.1


def rows(**columns):
    return pd.DataFrame({"row": range(4), "label": LABELS, "site": SITES} | columns)


def evidence(table=None, *, predictions=None, attacks=None, names=("no", "yes")):
    predictions = describe_predictions(PERFECT, arm="plain", seed=0) if predictions is None else predictions
    attacks = attack() if attacks is None else attacks
    return Evidence(rows() if table is None else table, predictions, attacks, names)


def attack(success=(True, False, False, False)):
    return describe_attack(
        success, arm="plain", seed=0, evaluation="white-box", threat="audit", attack="union", epsilon=0.5
    )


@settings(deadline=None)
@given(st.permutations(range(4)), st.permutations(range(4)), st.permutations(range(4)))
def test_tables_are_joined_by_row_in_whatever_order_they_come(first, second, third):
    parts = describe_predictions(PERFECT, arm="plain", seed=0).iloc[second], attack().iloc[third]
    found = evidence(rows().iloc[list(first)], predictions=parts[0], attacks=parts[1])
    assert found.labels.tolist() == LABELS
    assert found.partition("site").tolist() == SITES
    assert (found.probabilities("plain")[0].argmax(axis=1) == found.labels).all()
    where = {"evaluation": "white-box", "threat": "audit", "attack": "union", "epsilon": 0.5}
    assert found.success("plain", **where).tolist() == [[True, False, False, False]]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"row": [0, 0, 0, 0]}, "1 different row numbers from 0 to 0 for 4 rows; expected 0 to 3, each once"),
        ({"row": [1, 2, 3, 4]}, "4 different row numbers from 1 to 4 for 4 rows"),
        ({"row": [0, 1, 2, 2]}, "3 different row numbers from 0 to 2 for 4 rows"),
        ({"row": [0, 1, 2, 2.5]}, r"the table of rows: row is 2\.5 in entry 3; expected a whole number"),
        ({"row": ["0", "1", "2", "3"]}, "the table of rows: row is '0' in entry 0; expected a whole number"),
        ({"row": [0, 1, 2, None]}, "the table of rows: row has missing or infinite entries, the first in row 3"),
        ({"label": [0, 1, 1, 0.5]}, r"the table of rows: label is 0\.5 in entry 3; expected a whole number"),
        ({"label": ["no", "yes", "yes", "no"]}, "the table of rows: label is 'no' in entry 0"),
        ({"label": [False, True, True, False]}, "the table of rows: label is False in entry 0"),
        ({"label": [0, 1, 2, 0]}, "labels run from 0 to 2; expected integers 0 to 1"),
        ({"label": [0, 1, -1, 0]}, "labels run from -1 to 1"),
        ({"site": ["north", None, "north", "south"]}, "attribute 'site' has missing or infinite entries, .* row 1"),
        ({"site": [1.0, np.nan, 1.0, 2.0]}, "attribute 'site' has missing or infinite entries, the first in row 1"),
        ({"site": ["n", pd.NA, "n", "s"]}, "attribute 'site' has missing"),
        ({"site": pd.to_datetime(["2020-01-01", None, "2020-01-01", "2020-01-02"])}, "attribute 'site' has missing"),
        ({"site": [1, "1", 2, "2"]}, "attribute 'site' holds both 1 and '1', which cannot be distinguished"),
        ({"class": SITES}, "an attribute is called 'class'"),
        ({0: SITES, "0": SITES}, "an attribute's name holds both 0 and '0', which cannot be distinguished"),
        ({" ": SITES}, "an attribute is called ' '; expected a name"),
    ],
)
def test_rows_that_are_none(columns, message):
    table = rows()
    for name, values in columns.items():
        table[name] = values
    with pytest.raises(FairtollError, match=message):
        evidence(table)


def test_whole_numbers_in_any_type_are_whole():
    found = evidence(rows(row=[0.0, 1.0, 2.0, 3.0], label=np.array(LABELS, dtype=np.int8), site=[1.0, 2.0, 1.0, 2.0]))
    assert found.labels.tolist() == LABELS
    assert found.partition("site").tolist() == ["1", "2", "1", "2"]


def test_long_names_are_not_cut():
    found = evidence(rows(site=np.array(["north of here", "s", "north of here", "s"], dtype=object)))
    assert found.groups("site")[0] == ("north of here", "s")


@pytest.mark.parametrize(
    ("table", "column", "values", "message"),
    [
        ("predictions", "arm", [None, "plain", "plain", "plain"], "table of predictions has no arm in 1 of 4 entries"),
        ("predictions", "seed", [0, 0, None, None], "table of predictions has no seed in 2 of 4 entries"),
        ("predictions", "row", [0, 1, 2, 2.5], r"the table of predictions: row is 2\.5 in entry 3"),
        (
            "predictions",
            "row",
            [0, 1, 2, -1],
            "the table of predictions has a row -1; expected row numbers from 0 to 3",
        ),
        ("attacks", "row", [0, 1, 2, 4], "the table of attacks has a row 4"),
        ("attacks", "threat", ["audit", None, "audit", "audit"], "table of attacks has no threat in 1 of 4 entries"),
        ("attacks", "success", [True, None, False, False], "the table of attacks: success has missing"),
        ("attacks", "success", [1, 0, 2, 0], "the table of attacks: success is 2; expected True or False"),
        ("attacks", "success", ["True", "False"] * 2, "the table of attacks: success is True; expected True or False"),
    ],
)
def test_outcomes_that_are_none(table, column, values, message):
    part = {"predictions": describe_predictions(PERFECT, arm="plain", seed=0), "attacks": attack()}[table]
    with pytest.raises(FairtollError, match=message):
        evidence(**{table: part.assign(**{column: values})})


def test_doubled_columns():
    part = describe_predictions(PERFECT, arm="plain", seed=0)
    with pytest.raises(FairtollError, match="column 'row' appears more than once"):
        evidence(predictions=pd.concat([part, part[["row"]]], axis=1))
    with pytest.raises(FairtollError, match="column 'site' appears more than once"):
        evidence(pd.concat([rows(), rows()[["site"]]], axis=1))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("no", "no"), "a class is named 'no' more than once"),
        ((1, "1"), "a class's name holds both 1 and '1', which cannot be distinguished"),
        ((None, "yes"), "a class is called None; expected a name"),
    ],
)
def test_names_of_classes(names, message):
    with pytest.raises(FairtollError, match=message):
        evidence(names=names)


def test_arms_and_seeds_that_are_numbers_or_text():
    parts = [describe_predictions(PERFECT + 0.01 * run * np.array([1, -1]), arm=0, seed=run) for run in (0.0, 1.0)]
    found = evidence(predictions=pd.concat(parts), attacks=attack().assign(arm=0, source_arm=0))
    assert found.arms == ["0"]
    assert found.probabilities("0").shape == (2, 4, 2)
    named = [part.assign(seed=name) for part, name in zip(parts, ["first", "second"], strict=True)]
    assert evidence(predictions=pd.concat(named)).probabilities("0").shape == (2, 4, 2)
    mixed = [part.assign(seed=name) for part, name in zip(parts, ["first", 2], strict=True)]
    assert evidence(predictions=pd.concat(mixed)).probabilities("0").shape == (2, 4, 2)
    alike = [part.assign(seed=name) for part, name in zip(parts, ["2", 2], strict=True)]
    with pytest.raises(FairtollError, match=r"column 'seed' holds both .* cannot be distinguished"):
        evidence(predictions=pd.concat(alike))


def frame(labels, **columns):
    return pd.DataFrame({"y": labels, "p": np.linspace(0.55, 0.95, len(labels))} | columns)


def accuracy(table, **options):
    found = Evidence.from_frame(table, **({"label": "y"} | options))
    return float((found.probabilities("model")[0].argmax(axis=1) == found.labels).mean())


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        ([1.0] * 20, 1),
        ([1] * 20, 1.0),
        ([1] * 20, "1"),
        ([1.0] * 20, np.int64(1)),
        ([True] * 20, True),
        ([True] * 20, 1),
        (["yes"] * 20, "yes"),
        (pd.Categorical(["yes"] * 20, categories=["no", "yes"]), "yes"),
        (pd.array([1] * 20, dtype="Int64"), 1),
    ],
)
def test_the_class_of_one_probability_column_is_the_label_it_equals(labels, key):
    assert accuracy(frame(labels), probabilities={key: "p"}) == 1.0


@pytest.mark.parametrize(
    ("labels", "key"), [([0] * 20, 1), ([-1.0] * 20, 1), ([False] * 20, True), (["no"] * 20, "yes")]
)
def test_rows_of_the_other_class_alone(labels, key):
    assert accuracy(frame(labels), probabilities={key: "p"}) == 0.0


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (["yes"] * 4, {"probabilities": {"Yes": "p"}}, "the class 'Yes' of `probabilities` is 'yes' among the labels"),
        (["yes", "no"] * 2, {"probabilities": {" yes": "p"}}, "the class ' yes' of `probabilities` is 'yes' among"),
        ([True] * 4, {"probabilities": {"1": "p"}}, "the class '1' of `probabilities` is True among the labels"),
        (["1.0"] * 4, {"probabilities": {1: "p"}}, "the class '1' of `probabilities` is '1.0' among the labels"),
        (["01"] * 4, {"probabilities": {1.0: "p"}}, "the class '1' of `probabilities` is '01' among the labels"),
        ([0, 1] * 2, {"probabilities": {1: "p", "1": "p"}}, "holds both 1 and '1', which cannot be distinguished"),
        ([0.5, 1, 0, 1], {"probabilities": {1: "p"}}, r"column 'y' is 0\.5 in row 0; expected classes"),
        ([0, "0", 1, 1], {"probabilities": {1: "p"}}, "column 'y' holds both 0 and '0'"),
        ([0, 1, 2, 1], {"probabilities": {1: "p"}}, "one probability column, for class '1', and the labels"),
        ([0, 1] * 2, {"probabilities": {1: "p"}, "groups": ["class"]}, "an attribute is called 'class'"),
        ([0, 1] * 2, {"probabilities": {1: "p"}, "groups": ["label"]}, "an attribute is called 'label'"),
        ([0, 1] * 2, {"probabilities": {1: "p"}, "groups": ["g", "g"]}, "an attribute is named 'g' more than once"),
        ([0, 1] * 2, {"probabilities": {1: "p"}, "row": "id"}, "column 'id' holds both 1 and '1'"),
        (
            [0, 1] * 2,
            {"probabilities": {1: "p"}, "row": "big"},
            "column 'big' holds .* which neighbouring whole numbers",
        ),
    ],
)
def test_frames_that_are_not_what_they_seem(labels, options, message):
    table = frame(labels, **{"class": SITES, "label": SITES, "g": SITES, "id": [1, "1", 2, 3]})
    table["big"] = [2.0**53, 2.0**53 + 2, 1.0, 2.0]
    with pytest.raises(FairtollError, match=message):
        accuracy(table, **options)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"frame": "predictions.csv"}, "the frame is of type str .* expected a DataFrame"),
        ({"probabilities": ["p"]}, "probabilities of type list; expected a DataFrame and {class: its column}"),
        ({"probabilities": "p"}, "probabilities of type str"),
        ({"label": ["y"]}, r"no column \['y'\]; expected columns of the table"),
        ({"groups": "sex"}, "the names of an attribute are given as 'sex'; expected a list of names"),
        ({"groups": ["sex", "sex"]}, "an attribute is named 'sex' more than once"),
    ],
)
def test_what_is_no_frame(given, message):
    with pytest.raises(FairtollError, match=message):
        Evidence.from_frame(**({"frame": frame(LABELS), "label": "y", "probabilities": {1: "p"}} | given))


def test_rows_are_told_apart_by_ids_of_any_size():
    ids = [2**63 + 1, -1, 2**63, 2**64]
    table = pd.concat([frame(LABELS, id=ids, model="a"), frame(LABELS, id=ids, model="b").iloc[::-1]])
    found = Evidence.from_frame(table, label="y", probabilities={1: "p"}, arm="model", row="id")
    np.testing.assert_array_equal(found.probabilities("a"), found.probabilities("b"))
    assert found.labels.tolist() == [1, 1, 0, 0]  # in order of the ids: -1, 2**63, 2**63 + 1, 2**64


def test_columns_that_are_numbers():
    table = pd.DataFrame({0: [0, 1, 1, 0] * 2, 1: np.linspace(0.1, 0.9, 8), 2: SITES * 2, 3: [7] * 4 + [8] * 4})
    found = Evidence.from_frame(table, label=0, probabilities={1: 1}, groups=[2], arm=3)
    assert (found.arms, found.attributes, len(found.rows)) == (["7", "8"], ["2"], 4)


def test_doubled_columns_and_columns_of_two_levels():
    table = frame(LABELS)
    with pytest.raises(FairtollError, match="column 'p' appears more than once"):
        accuracy(pd.concat([table, table[["p"]]], axis=1), probabilities={1: "p"})
    with pytest.raises(FairtollError, match="column 'y' appears more than once"):
        accuracy(pd.concat([table, table[["y"]]], axis=1), probabilities={1: "p"})
    table.columns = pd.MultiIndex.from_tuples([("y", "a"), ("p", "a")])
    with pytest.raises(FairtollError, match="the table's columns have 2 levels; expected one name for each column"):
        accuracy(table, probabilities={1: "p"})
