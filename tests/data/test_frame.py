"""Any table as a data set, against scikit-learn's encoders, and every way it can be wrong."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import LabelEncoder, OrdinalEncoder

from fairtoll import FairtollError
from fairtoll.data import load_adult, load_frame
from fairtoll.data.adult import ATTRIBUTES

FRAME = pd.DataFrame(
    {
        "age": [30, 41, 52, 63, 30],
        "wage": [1.5, 2.5, 3.5, 4.5, 5.5],
        "job": ["nurse", "Clerk", "nurse", "driver", "clerk"],
        "size": pd.Categorical(["M", "S", "M", "L", "S"], categories=["S", "M", "L", "XL"], ordered=True),
        "owner": [True, False, False, True, True],
        "sex": ["f", "m", "f", "m", "m"],
        "decade": [1.0, 2.0, 1.0, 2.0, 1.0],
        "paid": ["yes", "no", "no", "yes", "no"],
    }
)


def load(frame=FRAME, **options):
    return load_frame(frame, **({"label": "paid", "groups": ["sex", "decade"]} | options))


def refused(message, *, frame=FRAME, **options):
    with pytest.raises(FairtollError, match=message) as raised:
        load(frame, **options)
    assert "\n" not in str(raised.value)


def test_codes_are_those_of_scikit_learn():
    rows = load()
    assert [feature.name for feature in rows.features] == list(FRAME.columns[:-1])
    for column in ("job", "owner", "sex"):
        expected = OrdinalEncoder().fit_transform(FRAME[[column]].to_numpy())[:, 0]
        np.testing.assert_array_equal(rows.x[:, FRAME.columns.get_loc(column)], expected)
    np.testing.assert_array_equal(rows.y, LabelEncoder().fit_transform(FRAME["paid"]))
    np.testing.assert_array_equal(rows.x[:, :2], FRAME[["age", "wage"]])
    assert rows.x.dtype == np.float32
    assert rows.y.dtype == np.int64


def test_the_schema_decodes_to_the_original_strings():
    rows = load()
    for column, feature in enumerate(rows.features):
        if feature.categories:
            decoded = [feature.categories[int(code)] for code in rows.x[:, column]]
            assert decoded == FRAME[feature.name].astype(str).tolist()
            assert feature.integer
            assert (feature.low, feature.high) == (0, len(feature.categories) - 1)
    assert [(f.kind, f.integer, f.low, f.high) for f in rows.features[:2]] == [
        ("continuous", True, 30, 63),
        ("continuous", False, 1.5, 5.5),
    ]
    assert rows.features[3].categories == ("L", "M", "S", "XL")
    assert [rows.class_names[code] for code in rows.y] == FRAME["paid"].tolist()


def test_groups_are_strings():
    groups = load().groups
    assert groups["sex"].tolist() == FRAME["sex"].tolist()
    assert groups["decade"].tolist() == ["1", "2", "1", "2", "1"]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([1, 0, 0, 1, 2], ("0", "1", "2")),
        ([10, 9, 9, 10, 9], ("9", "10")),
        ([1.0, 0.0, 0.0, 1.0, 0.0], ("0", "1")),
        (np.array([1.0, 0.0, 0.0, 1.0, 0.0], dtype=np.float32), ("0", "1")),
        ([True, False, False, True, False], ("False", "True")),
        (pd.Categorical(["b", "a", "a", "b", "a"]), ("a", "b")),
        (pd.array([1, 0, 0, 1, 0], dtype="Int64"), ("0", "1")),
        (np.array(["b", 1, 1, "b", 1], dtype=object), ("1", "b")),
    ],
)
def test_a_label_of_any_type(labels, classes):
    rows = load(FRAME.assign(paid=labels))
    assert rows.class_names == classes
    assert [rows.class_names[code] for code in rows.y] == [
        str(int(value)) if isinstance(value, float | np.floating) else str(value) for value in labels
    ]


def test_names_and_orders_can_be_given():
    rows = load(features=["size", "age"], categories={"size": ["S", "M", "L", "XL"]}, class_names=["yes", "no"])
    assert rows.x[:, 0].tolist() == [1, 0, 1, 2, 0]
    assert rows.x[:, 1].tolist() == FRAME["age"].tolist()
    assert rows.class_names == ("yes", "no")
    assert rows.y.tolist() == [0, 1, 1, 0, 1]
    assert (load().name, load(name="mine").name) == ("data", "mine")


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".pq", ".CSV"])
def test_a_file_is_the_table_it_holds(suffix, tmp_path):
    path = tmp_path / f"my.rows{suffix}"
    write = FRAME.to_csv if "csv" in suffix.lower() else FRAME.to_parquet
    write(path, index=False)
    expected = load(FRAME.astype({"size": str}) if "csv" in suffix.lower() else FRAME)
    for source in (path, str(path)):
        rows = load(source)
        np.testing.assert_array_equal(rows.x, expected.x)
        np.testing.assert_array_equal(rows.y, expected.y)
        assert rows.features == expected.features
        assert rows.name == "my.rows"


def test_adult_again():
    """Its bundled file read as any other table gives the rows and codes of the official loader."""
    from importlib.resources import files

    frame = pd.read_parquet(files("fairtoll.data") / "adult.parquet")
    rows = load_frame(frame, label="income", groups=["sex", "race"], features=ATTRIBUTES)
    train = rows.take(np.flatnonzero(frame["split"] == "train"))
    expected = load_adult().train
    np.testing.assert_array_equal(train.x, expected.x)
    np.testing.assert_array_equal(train.y, expected.y)
    assert train.class_names == expected.class_names
    assert [f.categories for f in train.features] == [f.categories for f in expected.features]
    assert all((train.groups[name] == expected.groups[name]).all() for name in ("sex", "race"))


def test_the_table_stays_as_it_was():
    frame = FRAME.copy(deep=True)
    load(frame)
    pd.testing.assert_frame_equal(frame, FRAME)


def test_a_missing_file(tmp_path):
    refused("is not a file; expected a table in CSV or Parquet", frame=tmp_path / "none.csv")
    refused("is not a file", frame=tmp_path)


@pytest.mark.parametrize("suffix", [".pkl", ".xlsx", "", ".gz", ".tar.gz"])
def test_an_unknown_suffix(suffix, tmp_path):
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(b"anything")
    refused("expected .csv, .csv.gz, .parquet or .pq", frame=path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all" * 20])
def test_a_parquet_file_of_garbage(content, tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    refused("cannot be read as .parquet", frame=path)


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_a_truncated_parquet_file(keep, tmp_path):
    path = tmp_path / "rows.parquet"
    FRAME.to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    refused("cannot be read as .parquet", frame=path)


@pytest.mark.parametrize("content", [b"", b'a,b\n1,2\n3,4,5,6\n"', b"\xff\xfe\x00\x01,\x80\n"])
def test_a_damaged_csv_file(content, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    refused("cannot be read as .csv", frame=path)


def test_missing_columns_list_what_exists():
    refused("no column 'income'; the table has: age, wage, job", label="income")
    refused("no column 'race', 'religion'", groups=["race", "sex", "religion"])
    refused("no column 'height'", features=["age", "height"])
    refused("no column 'colour'", categories={"colour": ["red"]})


def test_rows_with_missing_values_are_counted():
    frame = FRAME.assign(age=[30, None, 52, None, 30], job=["a", None, "b", "b", "a"])
    refused("2 of 5 rows have a missing value, in 'age', 'job'", frame=frame)
    assert len(load(frame, features=["wage"])) == 5
    refused("1 of 5 rows have a missing value, in 'sex'", frame=FRAME.assign(sex=["f", None, "f", "m", "m"]))
    refused("in 'paid'", frame=FRAME.assign(paid=["yes", None, "no", "yes", "no"]))


def test_an_empty_table(tmp_path):
    refused("the table has no rows", frame=FRAME.iloc[:0])
    (tmp_path / "rows.csv").write_text("age,paid,sex,decade\n")
    refused("the table has no rows", frame=tmp_path / "rows.csv")
    refused("no column is left as a feature", frame=FRAME[["paid"]], groups=[])


def test_a_label_with_one_class_or_none():
    refused("has one class, 'yes'; expected two or more", frame=FRAME.assign(paid="yes"))
    refused("has one class, 'yes'", frame=FRAME.assign(paid="yes"), class_names=["no", "yes"])
    refused("the label 'paid' is 0.5 in row 0; expected classes", frame=FRAME.assign(paid=[0.5, 1, 2, 0, 1]))
    refused("the label 'paid' holds 'no'; class_names has only yes", class_names=["yes"])
    refused("a class is named 'no' more than once", class_names=["yes", "no", "no"])


def test_the_label_is_no_feature():
    refused("the label 'paid' is among the features", features=["age", "paid"])


@pytest.mark.parametrize(
    "values",
    [
        pd.date_range("2020-01-01", periods=5),
        [[1], [2], [3], [4], [5]],
        [1, "a", 2, "b", 3],
        [1j, 2j, 3j, 4j, 5j],
        pd.to_timedelta([1, 2, 3, 4, 5]),
    ],
)
def test_a_column_that_is_neither_number_nor_category(values):
    frame = FRAME.assign(odd=pd.Series(values))
    refused("column 'odd' is of type .*expected numbers, text, categories or bool", frame=frame)
    load(frame, features=["age"])


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e300])
def test_a_number_too_large(bad):
    refused("column 'wage' holds infinity, or more than float32 can, in 1 rows", frame=FRAME.assign(
        wage=[1.0, 2.0, bad, 3.0, 4.0]))  # fmt: skip


def test_a_value_outside_the_categories_given():
    refused(r"column 'job' holds 'driver', 'nurse'; categories has only", categories={"job": ["Clerk", "clerk"]})


def test_columns_that_stand_twice():
    twice = pd.concat([FRAME, FRAME[["age"]]], axis=1)
    refused("column 'age' stands twice", frame=twice)
    refused("column 'age' stands twice", features=["age", "age"])


def test_a_string_where_a_list_is_due():
    refused(r"expected \['sex'\], not 'sex'", groups="sex")
    refused(r"expected \['sex'\], not 'sex'", features="age")
