"""Names of arms, classes and attributes, and partitions by what their names join."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtoll import FairtollError
from fairtoll.inputs.names import as_attribute_names, as_names, join_cells, partition_rows, parts_of


def test_numbers_are_names():
    assert as_names([0, 1.0, "b", np.int64(7)], what="an arm") == ("0", "1", "b", "7")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "a"], "an arm is named 'a' more than once; expected each name once"),
        ([0, 0.0], "an arm is named '0' more than once"),
        ([0, "0"], "an arm's name holds both 0 and '0', which cannot be distinguished"),
        ([True, 1], "an arm's name holds both True and 1"),
        ([""], "an arm is called ''; expected a name"),
        (["  "], "an arm is called '  '; expected a name"),
        ([None], "an arm is called None; expected a name"),
        ([math.nan], "an arm is called nan; expected a name"),
        ([pd.NA], "an arm is called <NA>; expected a name"),
        ([0.5], "an arm is called 0.5; expected a name"),
        ([("a", "b")], r"an arm is called \('a', 'b'\); expected a name"),
    ],
)
def test_what_is_no_name(names, message):
    with pytest.raises(FairtollError, match=message):
        as_names(names, what="an arm")


@pytest.mark.parametrize("name", ["class", "row", "label"])
def test_names_that_the_tables_have_already(name):
    with pytest.raises(
        FairtollError, match=f"an attribute is called '{name}', .* expected another name than class, row"
    ):
        as_attribute_names(["sex", name])


KNOWN = ["class", "sex", "age", "race"]


@pytest.mark.parametrize(
    ("partition", "known", "parts"),
    [
        ("sex", KNOWN, ("sex",)),
        ("sex & race", KNOWN, ("sex", "race")),
        ("class & sex & race", KNOWN, ("class", "sex", "race")),
        ("sex & age", [*KNOWN, "sex & age"], ("sex & age",)),
        ("sex & age & race", [*KNOWN[:1], "sex & age", "race"], ("sex & age", "race")),
        ("sex&age", [*KNOWN, "sex&age"], ("sex&age",)),
    ],
)
def test_what_a_partition_is_made_of(partition, known, parts):
    assert parts_of(partition, known=known) == parts


@pytest.mark.parametrize(
    ("partition", "known", "message"),
    [
        ("ses", KNOWN, "unknown attribute 'ses'; expected one of: class, sex, age, race"),
        ("sex & ages", KNOWN, "unknown attribute 'ages'"),
        ("sex & sex", KNOWN, "in the partition 'sex & sex' an attribute is named 'sex' more than once"),
        (
            "sex & age & race",
            [*KNOWN, "sex & age"],
            "can be read as 'sex' with 'age' with 'race' or as 'sex & age' with",
        ),
        ("", KNOWN, "unknown attribute ''"),
        (3, KNOWN, "a partition is called 3"),
    ],
)
def test_partitions_that_are_none(partition, known, message):
    with pytest.raises(FairtollError, match=message):
        parts_of(partition, known=known)


def test_cells_that_would_share_a_name():
    with pytest.raises(FairtollError, match="two different intersections are both called 'a & b & c'"):
        join_cells([["a & b", "a"], ["c", "b & c"]])
    with pytest.raises(FairtollError, match="column 1 has 1 rows; expected 2, as many as column 0"):
        join_cells([["a", "b"], ["c"]])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("fm"), st.integers(0, 2), st.sampled_from("xyz")), min_size=1, max_size=30))
def test_a_partition_is_the_plain_loop(rows):
    columns = dict(zip(("sex", "age", "race"), zip(*rows, strict=True), strict=True))
    names, codes = partition_rows(
        "sex & age & race", known=list(columns), column=lambda name: np.array([str(one) for one in columns[name]])
    )
    assert [names[code] for code in codes] == [f"{sex} & {age} & {race}" for sex, age, race in rows]
    assert list(names) == sorted(set(names))
