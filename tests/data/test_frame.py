"""Any table as a data set, against scikit-learn's encoders, and every way it can be wrong."""

import gzip

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import LabelEncoder, OrdinalEncoder

from fairtoll import FairtollError
from fairtoll.data import load_adult, load_frame
from fairtoll.data.adult import ATTRIBUTES
from fairtoll.errors import FairtollWarning

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
    assert [feature.name for feature in rows.features] == list(FRAME.columns[:-3])
    for column in ("job", "owner"):
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
    refused("is not a file, and a file with the suffix '.xlsx' would not be read; expected", frame=tmp_path / "a.xlsx")


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


@pytest.mark.parametrize("content", [b"", b'a,b\n1,2\n3,"4', b"\xff\xfe\x00\x01,\x80\n"])
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


def test_columns_that_are_there_twice():
    twice = pd.concat([FRAME, FRAME[["age"]]], axis=1)
    refused("column 'age' appears twice", frame=twice)
    refused("column 'age' appears twice", features=["age", "age"])


def test_a_string_where_a_list_is_due():
    refused(r"expected \['sex'\], not 'sex'", groups="sex")
    refused(r"expected \['sex'\], not 'sex'", features="age")


# An index that was written as a column


def written(frame, tmp_path, *, index=False, changes=None):
    path = tmp_path / ("indexed.csv" if index else "rows.csv")
    frame.rename(columns=changes or {}).to_csv(path, index=index)
    return path


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4], [4, 17, 2, 99, 30]])
def test_row_numbers_that_pandas_wrote_are_left_out_with_a_word(rows, tmp_path):
    path = written(FRAME.set_axis(rows), tmp_path, index=True)
    with pytest.warns(FairtollWarning, match="column 'Unnamed: 0' numbers the rows and is left out"):
        found = load(path)
    np.testing.assert_array_equal(found.x, load(written(FRAME, tmp_path)).x)
    # So it is in a table that was read before.
    with pytest.warns(FairtollWarning, match="column 'index' numbers the rows"):
        assert len(load(FRAME.reset_index()).features) == len(found.features)
    assert load(path, features=["Unnamed: 0", "age"]).x[:, 0].tolist() == rows


def test_a_column_without_a_name(tmp_path):
    refused("column 1 of the table has no name", frame=written(FRAME.set_axis(list("abcda")), tmp_path, index=True))
    refused("column 2 of the table has no name", frame=written(FRAME, tmp_path, changes={"wage": ""}))
    twice = FRAME.reset_index().rename(columns={"index": "Unnamed: 0"})
    with pytest.warns(FairtollWarning, match="numbers the rows"):
        refused("column 2 of the table has no name", frame=written(twice, tmp_path, changes={"age": ""}))


def test_an_index_that_means_something_is_a_feature():
    rows = load(FRAME.assign(index=[1.5, 2.5, 3.5, 4.5, 5.5])[["index", *FRAME.columns]])
    assert rows.features[0].name == "index"


# Rows that are longer or shorter than the header


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,y\n1,2,3,no\n4,5,6,yes\n", "line 2 of .*rows.csv.* has 4 fields and the header has 3"),
        ("a,b,y\n1,2,no,\n4,5,yes,\n", "line 2 of .* has 4 fields"),
        ("a,b,y\n1,2,no\n4,5,6,yes\n", "line 3 of .* has 4 fields"),
        ("a,b,y\n1,2,no\n4,yes\n", "line 3 of .* has 2 fields"),
        ('a,b,y\n1,"2\n3",no\n4,5,6,yes\n', "line 4 of .* has 4 fields"),
        ("a,a,y\n1,2,no\n4,5,yes\n", "the header of .* names 'a' twice"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_rows_that_do_not_fit_the_header(content, message, suffix, tmp_path):
    path = tmp_path / f"rows{suffix}"
    with gzip.open(path, "wt") if suffix.endswith("gz") else open(path, "w") as handle:
        handle.write(content)
    refused(message, frame=path, label="y", groups=[], features=["a"])


def test_blank_lines_quotes_and_a_byte_order_mark_are_no_fault(tmp_path):
    (tmp_path / "rows.csv").write_text('\ufeffa,job,y\n1,"x, ""z""",no\n\n   \n2,"x\nz",yes\n', encoding="utf-8")
    rows = load(tmp_path / "rows.csv", label="y", groups=[])
    assert rows.x[:, 0].tolist() == [1, 2]
    assert rows.features[1].categories == ("x\nz", 'x, "z"')


# Text that means missing


NA = "age,job,sex,paid\n30,NA,f,no\n31,clerk,m,yes\n,None,f,no\n33,null,m,yes\n"


def test_text_that_was_read_as_missing_is_named(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(NA)
    refused(
        "3 of 4 rows have a missing value, in 'job'; .* the text 'NA' and 'None' and 'null' was read as missing: where "
        r"it is a value, name the column with keep_na \(--keep-na\)",
        frame=path, groups=["sex"], features=["job"],
    )  # fmt: skip
    refused("1 of 4 rows have a missing value, in 'age'; expected none; drop or fill them first, or keep ", frame=path,
            groups=["sex"], features=["age"])  # fmt: skip


def test_text_that_means_missing_elsewhere_can_be_kept(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(NA)
    rows = load(path, groups=["job"], features=["job"], keep_na=["job"])
    assert rows.features[0].categories == ("NA", "None", "clerk", "null")
    assert rows.groups["job"].tolist() == ["NA", "clerk", "None", "null"]
    # A number that is missing stays missing, and so does an empty field.
    refused("1 of 4 rows have a missing value, in 'age'", frame=path, groups=["sex"], keep_na=["job"])
    path.write_text(NA.replace("clerk", ""))
    refused("1 of 4 rows have a missing value, in 'job'", frame=path, groups=["job"], features=["job"], keep_na=["job"])
    refused("keep_na names 'jobs'; the table has: age, job, sex, paid", frame=path, keep_na=["jobs"])
    refused("keep_na is given for a DataFrame", keep_na=["job"])
    FRAME.to_parquet(tmp_path / "rows.parquet")
    refused("keep_na is given for .*rows.parquet", frame=tmp_path / "rows.parquet", keep_na=["job"])


# Whole numbers that float32 cannot tell apart


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2, 3, 4, 16777217], "column 'wage' holds 16777217, which float32 turns into 16777216"),
        ([1.0, 2.0, 3.0, 4.0, 16777217.0], "holds 16777217"),
        ([-33554433, 2, 3, 4, 5], "holds -33554433"),
        ([2**53 + 1, 2, 3, 4, 5], "column 'wage' holds 9007199254740992"),
    ],
)
def test_a_whole_number_that_float32_would_change(values, message):
    refused(message, frame=FRAME.assign(wage=values))


def test_numbers_that_float32_keeps_or_that_are_measurements():
    exact = [16777216, 16777218, -(2**30), 3 * 2**28, 0]
    assert load(FRAME.assign(wage=exact)).x[:, 1].tolist() == exact
    measured = [16777217.0, 0.1, 2.5, 1e20, 4.0]
    np.testing.assert_array_equal(load(FRAME.assign(wage=measured)).x[:, 1], np.float32(measured))


# Groups are no inputs unless named


def test_groups_are_features_where_they_are_named():
    assert [feature.name for feature in load().features] == ["age", "wage", "job", "size", "owner"]
    assert [feature.name for feature in load(groups=[]).features] == list(FRAME.columns[:-1])
    assert [feature.name for feature in load(features=["sex", "age"]).features] == ["sex", "age"]
    few = FRAME[["paid", "sex", "decade"]]
    refused("no column is left as a feature besides the label 'paid' and the groups", frame=few)


# Another table of the same data


TRAIN = pd.DataFrame(
    {
        "km": [3, 9, 5, 20],
        "way": ["bus", "business", "car", "train"],
        "flag": [True, False, True, False],
        "speed": [1.0, 2.0, 2.5, 4.0],
        "late": ["always", "never", "often", "never"],
    }
)
TEST = pd.DataFrame(
    {"km": [4, 5], "way": ["car", "train"], "flag": [True, True], "speed": [1, 2], "late": ["often", "never"]}
)


def like(**changes):
    return load_frame(TEST.assign(**changes), label="late", like=load_frame(TRAIN, label="late"))


def test_another_table_is_coded_as_the_training_rows():
    rows, train = like(), load_frame(TRAIN, label="late")
    encoder = OrdinalEncoder().fit(TRAIN[["way", "flag"]])
    np.testing.assert_array_equal(rows.x[:, 1:3], encoder.transform(TEST[["way", "flag"]]))
    assert rows.y.tolist() == LabelEncoder().fit(TRAIN["late"]).transform(TEST["late"]).tolist()
    assert (rows.features, rows.class_names) == (train.features, train.class_names)
    # Its own order of columns does not count.
    np.testing.assert_array_equal(load_frame(TEST[TEST.columns[::-1]], label="late", like=train).x, rows.x)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"way": ["car", "plane"]}, "column 'way' holds 'plane'; the training rows' column has only bus, business"),
        ({"way": ["car", "Train"]}, "holds 'Train'"),
        ({"flag": ["yes", "no"]}, "column 'flag' holds 'no', 'yes'"),
        ({"late": ["often", "seldom"]}, "the label 'late' holds 'seldom'"),
        ({"km": ["4", "5"]}, "column 'km' is of type .*expected numbers, as in the training rows"),
        ({"km": [True, False]}, "column 'km' is of type bool"),
        ({"km": [4.5, 5.0]}, "column 'km' holds fractions such as 4.5; expected whole numbers, as in"),
    ],
)
def test_a_value_that_the_training_rows_do_not_have(changes, message):
    with pytest.raises(FairtollError, match=message):
        like(**changes)


def test_columns_that_the_training_rows_do_not_have():
    train = load_frame(TRAIN, label="late")
    with pytest.raises(FairtollError, match="no column 'way'; the table has: km, flag, speed, late"):
        load_frame(TEST.drop(columns="way"), label="late", like=train)
    with pytest.raises(FairtollError, match="column 'new' is not a feature of the training rows, which have: km, way"):
        load_frame(TEST.assign(new=1), label="late", like=train, features=["km", "new"])
    # More columns than the training rows had are no inputs.
    assert load_frame(TEST.assign(new=1), label="late", like=train).x.shape == (2, 4)


def test_labels_and_groups_are_read_by_the_one_rule():
    frame = FRAME.assign(paid=[1.0, 0.0, 1.0, 0.0, 1.0], sex=[1.0, 2.0, 1.0, 2.0, 2.0])
    rows = load_frame(frame, label="paid", groups=["sex"])
    assert (rows.class_names, rows.y.tolist()) == (("0", "1"), [1, 0, 1, 0, 1])
    assert rows.groups["sex"].tolist() == ["1", "2", "1", "2", "2"]
    refused(
        "the label 'paid' holds both 1 and '1', which cannot be distinguished",
        frame=FRAME.assign(paid=[1, "1", 0, 0, 1]),
    )
    refused("holds both True and 1", frame=FRAME.assign(paid=np.array([True, 1, 0, 0, 1], dtype=object)))
    refused("attribute 'sex' holds both", frame=FRAME.assign(sex=[1, "1", 2, 2, 2]), groups=["sex"], features=["age"])
    refused("which neighbouring whole numbers share", frame=FRAME.assign(paid=[2.0**53, 2.0**53 + 2, 0, 0, 1]))


@pytest.mark.parametrize("name", ["class", "row", "label"])
def test_attributes_that_would_stand_for_something_else(name):
    refused(f"an attribute is called '{name}'", frame=FRAME.assign(**{name: FRAME["sex"]}), groups=[name])


def test_columns_of_two_levels():
    frame = FRAME.copy()
    frame.columns = pd.MultiIndex.from_tuples([(name, "") for name in FRAME.columns])
    refused("the table's columns have 2 levels; expected one name for each column", frame=frame)


def test_a_class_that_no_row_has_keeps_its_place():
    paid = pd.Categorical(FRAME["paid"], categories=["no", "perhaps", "yes"])
    rows = load_frame(FRAME.assign(paid=paid), label="paid")
    assert rows.class_names == ("no", "perhaps", "yes")
    assert set(rows.y.tolist()) == {0, 2}
