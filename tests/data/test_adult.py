"""Adult against the counts its documentation and the paper give."""

from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from fairtoll.data import load_adult


@pytest.fixture(scope="module")
def adult():
    return load_adult()


@pytest.fixture(scope="module")
def table():
    """The bundled file as text, in its own order."""
    return pd.read_parquet(files("fairtoll.data") / "adult.parquet")


@pytest.mark.parametrize(("split", "counts"), [("train", [22_654, 7_508]), ("test", [11_360, 3_700])])
def test_rows_and_classes(adult, split, counts):
    """adult.names of the source: 30,162 and 15,060 rows without missing values."""
    rows = getattr(adult, split)
    assert len(rows) == sum(counts)
    assert np.bincount(rows.y).tolist() == counts
    assert rows.class_names == ("<=50K", ">50K")
    assert rows.x.shape == (sum(counts), 14)
    assert np.isfinite(rows.x).all()


def test_the_small_groups_of_the_rich_test_rows(adult):
    race = adult.test.groups["race"][adult.test.y == 1]
    assert (race == "Amer-Indian-Eskimo").sum() == 19
    assert (race == "Other").sum() == 24
    assert set(adult.test.groups["sex"]) == {"Female", "Male"}


@pytest.mark.parametrize("split", ["train", "test"])
def test_codes_decode_to_the_original_strings(adult, table, split):
    rows, source = getattr(adult, split), table[table["split"] == split]
    assert [feature.name for feature in rows.features] == [c for c in table.columns if c not in ("income", "split")]
    for column, feature in enumerate(rows.features):
        if feature.kind == "categorical":
            assert list(feature.categories) == sorted(table[feature.name].unique())
            decoded = np.array(feature.categories)[rows.x[:, column].astype(int)]
            np.testing.assert_array_equal(decoded, source[feature.name].to_numpy(dtype=str))
        else:
            np.testing.assert_array_equal(rows.x[:, column], source[feature.name])
    np.testing.assert_array_equal(np.array(rows.class_names)[rows.y], source["income"].to_numpy(dtype=str))
    for name in ("sex", "race"):
        np.testing.assert_array_equal(rows.groups[name], source[name].to_numpy(dtype=str))


def test_the_schema(adult):
    features = {feature.name: feature for feature in adult.train.features}
    assert sum(feature.kind == "continuous" for feature in features.values()) == 6
    assert (features["age"].low, features["age"].high) == (17, 90)
    assert (features["capital-gain"].low, features["capital-gain"].high) == (0, 99_999)
    assert all(feature.integer and feature.unit for feature in features.values())
    assert len(features["native-country"].categories) == 41
    assert adult.train.features == adult.test.features


def test_float32_holds_every_number_exactly(adult, table):
    assert np.abs(table["fnlwgt"]).max() < 2**24
    assert adult.train.x.dtype == np.float32
