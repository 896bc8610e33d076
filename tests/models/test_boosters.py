"""LightGBM and XGBoost as modules: their own predict_proba on the table is the oracle."""

import json
import re
import zipfile

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from fairtoll import FairtollError
from fairtoll.data import load_frame
from fairtoll.errors import FairtollNote, FairtollWarning
from fairtoll.models import as_models, predict_probabilities, read_model
from fairtoll.models.class_order import class_order
from fairtoll.models.xgboost_counts import require_possible_counts

RNG = np.random.default_rng(2)
N = 400
FRAME = pd.DataFrame(
    {
        "years of age": RNG.integers(18, 80, N),
        "wage": RNG.normal(size=N).round(3),
        "owner": RNG.random(N) > 0.5,
        # Not in alphabetical order, and one that no row has.
        "job": pd.Categorical(RNG.choice(["nurse", "clerk", "driver"], N), ["nurse", "driver", "clerk", "cook"]),
        "town": pd.Categorical(RNG.choice(["b", "a"], N)),
    }
)
SCORE = FRAME["wage"] + (FRAME["job"] == "nurse") + (FRAME["town"] == "b") + RNG.normal(size=N)
TWO = pd.Series(np.where(SCORE > 0.9, "yes", "no"))
THREE = pd.Series(np.where(SCORE > 1.2, "yes", np.where(SCORE < 0.3, "no", "maybe")))


def load(table=FRAME, y=TWO, **options):
    # As from a CSV file: text, not categories.
    plain = table.astype({name: str for name in table if isinstance(table[name].dtype, pd.CategoricalDtype)})
    plain = plain.mask(table.isna())
    return load_frame(plain.assign(y=y.to_numpy()), label="y", **options)


def probabilities(model, rows):
    [module] = as_models(model, name="a", schema=rows.schema)
    return predict_probabilities(module, torch.from_numpy(rows.x)).numpy()


def codes(y):
    return pd.factorize(y, sort=True)[0]


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
def test_lightgbm_from_an_object_and_from_a_file(y, tmp_path):
    fitted = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(FRAME, y)
    expected = fitted.predict_proba(FRAME)
    np.testing.assert_allclose(probabilities(fitted, load(y=y)), expected, atol=1e-12)
    turned = load(y=y, class_names=list(fitted.classes_[::-1]))
    np.testing.assert_allclose(probabilities(fitted, turned), expected[:, ::-1], atol=1e-12)
    np.testing.assert_allclose(probabilities(fitted.booster_, load(y=y)), expected, atol=1e-12)
    fitted.booster_.save_model(tmp_path / "model.txt")
    np.testing.assert_allclose(probabilities(read_model(tmp_path / "model.txt"), load(y=y)), expected, atol=1e-12)


def test_classes_that_a_file_stores_as_positions(tmp_path):
    fitted = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(FRAME, TWO)
    fitted.booster_.save_model(tmp_path / "model.txt")
    booster = read_model(tmp_path / "model.txt")
    # LightGBM numbers text alphabetically, whatever the order of the data's classes.
    with pytest.raises(FairtollError, match=r"in the order 'yes', 'no'; .*--categories LABEL=no,yes"):
        probabilities(booster, load(class_names=["yes", "no"]))
    with pytest.warns(
        FairtollNote, match="alphabetical order: 0 is 'no', 1 is 'yes'; .* give a function of its scores"
    ):
        probabilities(booster, load())
    numbers = pd.Series(codes(TWO))
    turned = load(y=numbers, class_names=["1", "0"])
    np.testing.assert_allclose(probabilities(booster, turned), fitted.predict_proba(FRAME)[:, ::-1], atol=1e-12)


def test_lightgbm_by_position_one_against_the_rest_and_in_a_pipeline(tmp_path):
    numbers = FRAME[["wage", "years of age"]].to_numpy()
    rows = load(y=THREE, features=["wage", "years of age"])
    fitted = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(numbers, THREE)
    np.testing.assert_allclose(probabilities(fitted, rows), fitted.predict_proba(numbers), atol=1e-12)
    ova = lightgbm.LGBMClassifier(objective="multiclassova", n_estimators=5, verbose=-1).fit(numbers, THREE)
    own = ova.booster_.predict(numbers)
    np.testing.assert_allclose(probabilities(ova, rows), own / own.sum(axis=1, keepdims=True), atol=1e-12)
    before = make_column_transformer((OneHotEncoder(), ["job", "town"]), remainder="passthrough")
    text = FRAME.astype({"job": str, "town": str})
    pipeline = make_pipeline(before, lightgbm.LGBMClassifier(n_estimators=5, verbose=-1)).fit(text, TWO)
    np.testing.assert_allclose(probabilities(pipeline, load()), pipeline.predict_proba(text), atol=1e-12)


def test_lightgbm_takes_missing_values():
    table = FRAME.astype({"wage": float})
    table.loc[::5, "wage"] = np.nan
    table.loc[::7, "job"] = np.nan
    fitted = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(table, TWO)
    rows = load(table, missing="keep")
    np.testing.assert_allclose(probabilities(fitted, rows), fitted.predict_proba(table), atol=1e-12)


def test_what_lightgbm_was_not_trained_for(tmp_path):
    known = FRAME["job"] != "driver"
    table = FRAME[known].assign(job=FRAME["job"][known].cat.remove_unused_categories())
    fitted = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(table, TWO[known])
    with pytest.warns(FairtollWarning, match="trained without the categories 'driver' of 'job'"):
        np.testing.assert_allclose(probabilities(fitted, load()), fitted.predict_proba(FRAME), atol=1e-12)
    with pytest.raises(FairtollError, match="reads the columns 'job', 'town', which are no features"):
        probabilities(fitted, load(features=["wage", "years of age", "owner"]))
    with pytest.raises(FairtollError, match="the LGBMClassifier is not fitted"):
        probabilities(lightgbm.LGBMClassifier(), load())
    regressor = lightgbm.LGBMRegressor(n_estimators=2, verbose=-1).fit(FRAME, SCORE)
    with pytest.raises(FairtollError, match="has the objective regression; expected one of classes: binary"):
        probabilities(regressor.booster_, load())
    with pytest.raises(FairtollError, match="the LGBMRegressor is no classifier"):
        probabilities(regressor, load())
    with pytest.raises(FairtollError, match="the model has the classes '0', '1' and the data 'maybe', 'no', 'yes'"):
        probabilities(fitted.booster_, load(y=THREE))


def numbers_as_categories():
    """A column of whole numbers that a booster was given as categories, and the same as a CSV file has it."""
    grade = np.random.default_rng(3).choice([5, 3, 9], N)
    y = pd.Series(np.where(2 * (grade == 5) + FRAME["wage"] > 1, "yes", "no"))
    table = FRAME[["wage"]].assign(grade=grade)
    return table.astype({"grade": "category"}), table, y


def test_whole_numbers_that_lightgbm_was_given_as_categories(tmp_path):
    table, plain, y = numbers_as_categories()
    fitted = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(table, y)
    fitted.booster_.save_model(tmp_path / "model.txt")
    for given in (fitted, read_model(tmp_path / "model.txt")):
        with pytest.raises(FairtollError, match=r"trained on 'grade' as a category, .*--categories grade=3,5,9"):
            probabilities(given, load(plain, y))
        named = load(plain, y, categories={"grade": ["9", "3", "5"]})
        np.testing.assert_allclose(probabilities(given, named), fitted.predict_proba(table), atol=1e-12)
    # Codes of their own: nothing to translate.
    codes = table.assign(grade=table["grade"].cat.rename_categories({3: 0, 5: 1, 9: 2}))
    fitted = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(codes, y)
    rows = load(codes.astype({"grade": int}), y)
    np.testing.assert_allclose(probabilities(fitted, rows), fitted.predict_proba(codes), atol=1e-12)


def test_lightgbm_trained_on_codes_is_given_the_codes(tmp_path):
    _, plain, y = numbers_as_categories()
    fitted = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(plain, y, categorical_feature=["grade"])
    expected = fitted.predict_proba(plain)
    fitted.booster_.save_model(tmp_path / "model.txt")
    for given in (fitted, read_model(tmp_path / "model.txt")):
        np.testing.assert_allclose(probabilities(given, load(plain, y)), expected, atol=1e-12)
        named = load(plain, y, categories={"grade": ["9", "3", "5"]})
        np.testing.assert_allclose(probabilities(given, named), expected, atol=1e-12)
        words = plain.assign(grade=plain["grade"].map({3: "low", 5: "middle", 9: "high"}))
        with pytest.raises(FairtollError, match=r"trained on codes of 'grade' .* has text in it \('high', 'low'"):
            probabilities(given, load(words, y))


def test_categories_that_lightgbm_could_not_use_do_not_move_the_others(tmp_path):
    table = FRAME[["job", "wage", "town"]].copy()
    table.insert(0, "year", pd.Categorical(np.full(N, 7)))
    fitted = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(table, TWO)
    assert len(fitted.booster_.pandas_categorical) == 3
    rows = load(table.astype({"year": int}))
    np.testing.assert_allclose(probabilities(fitted, rows), fitted.predict_proba(table), atol=1e-12)
    # A column of text in front that was left out of training has no list.
    fitted = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(table.assign(year=np.zeros(N)), TWO)
    rows = load(table.assign(year=np.where(FRAME["owner"], "a", "b")))
    np.testing.assert_allclose(
        probabilities(fitted, rows), fitted.predict_proba(table.assign(year=np.zeros(N))), atol=1e-12
    )


def test_lists_of_categories_that_fit_several_columns_are_refused():
    table = FRAME[["town", "wage"]].copy()
    table.insert(0, "spare", pd.Categorical(np.full(N, "a"), ["b", "a"]))
    fitted = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(table, TWO)
    rows = load(table)
    np.testing.assert_allclose(probabilities(fitted, rows), fitted.predict_proba(table), atol=1e-12)
    fitted.booster_.pandas_categorical = [["x"], ["y"]]
    with pytest.raises(FairtollError, match="stores 2 lists of categories, and none may be those of 'town'"):
        probabilities(fitted, rows)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    fitted = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(FRAME, TWO)
    path = tmp_path_factory.mktemp("lightgbm") / "model.txt"
    fitted.booster_.save_model(path)
    return path.read_text()


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97])
def test_a_truncated_lightgbm_file_does_not_reach_its_library(keep, text, tmp_path):
    """It aborts the process on most of these."""
    (tmp_path / "model.txt").write_text(text[: int(len(text) * keep)])
    with pytest.raises(FairtollError, match=r"cannot be read as a LightGBM (model|classifier)") as raised:
        read_model(tmp_path / "model.txt")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("left_child", "9999", "points outside of itself"),
        ("right_child", "-9999", "points outside of itself"),
        ("split_feature", "77", "a column that there is not"),
        ("cat_boundaries", "5", "a set of categories outside"),
        ("num_leaves", "2", "as many leaves as it says"),
        ("leaf_value", "x", ""),
        ("tree_sizes", "99999999", "other sizes than it says"),
        ("num_tree_per_iteration", "0", "other numbers of trees and classes"),
        ("num_class", "2000000", "other numbers of trees and classes"),
        ("max_feature_idx", "2000000", "another number of columns"),
    ],
)
def test_a_forged_lightgbm_file(field, value, message, text, tmp_path):
    lines = text.split("\n")
    at = next(place for place, line in enumerate(lines) if line.startswith(f"{field}="))
    lines[at] = " ".join([f"{field}={value}", *lines[at].split(" ")[1:]])
    (tmp_path / "model.txt").write_text("\n".join(lines))
    with pytest.raises(FairtollError, match=f"cannot be read as a LightGBM model .*{message}"):
        read_model(tmp_path / "model.txt")


def test_what_a_lightgbm_file_says_of_its_classes_twice(tmp_path):
    """More classes than trees would be memory for as many, and minutes."""
    fitted = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(FRAME, THREE)
    whole = fitted.booster_.model_to_string()
    assert "num_class:3" in whole
    for said, forged in (("num_class:3", "num_class:2000000"), ("num_class=3", "num_class=2000000")):
        (tmp_path / "model.txt").write_text(whole.replace(said, forged))
        with pytest.raises(FairtollError, match="it has other numbers of trees and classes than it says"):
            read_model(tmp_path / "model.txt")


def test_a_model_of_many_classes_is_refused_by_their_number_alone():
    message = "the model has the classes '0', '1', '2', '3', '4' and 1999999999995 more and the data 'no', 'yes'"
    with pytest.raises(FairtollError, match=message):
        class_order(range(2_000_000_000_000), ("no", "yes"))


def test_a_forged_lightgbm_model_inside_a_skops_file(tmp_path):
    path = tmp_path / "model.skops"
    fitted = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(FRAME[["wage"]], TWO)
    skops.io.dump(fitted, path)
    rows = load(FRAME[["wage"]])
    np.testing.assert_allclose(probabilities(read_model(path), rows), fitted.predict_proba(FRAME[["wage"]]))
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for field, value in (("left_child", "9999999"), ("tree_sizes", "99999999999"), ("split_feature", "1")):
        forged = re.sub(rf"({field}=)\S+? ", rf"\g<1>{value} ", files["schema.json"].decode())
        assert forged.encode() != files["schema.json"]
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (files | {"schema.json": forged.encode()}).items():
                archive.writestr(name, content)
        with pytest.raises(FairtollError, match=r"model\.skops (cannot be read as a skops file|holds a damaged tree)"):
            read_model(path)


@pytest.mark.parametrize(
    ("program", "message"),
    [("import os; os.abort()", "ends the process that reads it, with status -6"), ("while True: pass", "within 0.5 s")],
)
def test_a_file_that_ends_the_process_that_reads_it(program, message, text, tmp_path, monkeypatch):
    """The library itself stands for one that a damaged file breaks."""
    (tmp_path / "lightgbm.py").write_text(program)
    (tmp_path / "model.txt").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("fairtoll.models.first_read.TIMEOUT", 0.5 if "while" in program else 120)
    with pytest.raises(FairtollError, match=f"cannot be read as a LightGBM model .*{message}") as raised:
        read_model(tmp_path / "model.txt")
    assert "\n" not in str(raised.value)


# XGBoost, which `make test-all` installs


@pytest.fixture
def xgboost():
    return pytest.importorskip("xgboost")


@pytest.mark.slow
@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
def test_xgboost_from_an_object_and_from_a_file(y, xgboost, tmp_path):
    fitted = xgboost.XGBClassifier(n_estimators=8, enable_categorical=True).fit(FRAME, codes(y))
    expected = fitted.predict_proba(FRAME)
    np.testing.assert_allclose(probabilities(fitted, load(y=y)), expected, atol=1e-6)
    np.testing.assert_allclose(probabilities(fitted.get_booster(), load(y=y)), expected, atol=1e-6)
    for suffix in ("json", "ubj"):
        fitted.save_model(tmp_path / f"model.{suffix}")
        found = probabilities(read_model(tmp_path / f"model.{suffix}"), load(y=y))
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.slow
def test_whole_numbers_that_xgboost_was_given_as_categories(xgboost, tmp_path):
    table, plain, y = numbers_as_categories()
    fitted = xgboost.XGBClassifier(n_estimators=8, enable_categorical=True).fit(table, codes(y))
    fitted.save_model(tmp_path / "model.json")
    for given in (fitted, read_model(tmp_path / "model.json")):
        with pytest.raises(FairtollError, match=r"trained on 'grade' as a category, .*--categories grade=3,5,9"):
            probabilities(given, load(plain, y))
        named = load(plain, y, categories={"grade": ["9", "3", "5"]})
        np.testing.assert_allclose(probabilities(given, named), fitted.predict_proba(table), atol=1e-6)


@pytest.mark.slow
def test_xgboost_whose_file_does_not_say_what_its_categories_are(xgboost, tmp_path):
    table = FRAME[["wage", "job", "town"]]
    path = tmp_path / "model.json"
    fitted = xgboost.XGBClassifier(n_estimators=8, enable_categorical=True).fit(table, codes(TWO))
    fitted.save_model(path)
    content = json.loads(path.read_text())
    # As version 2 wrote it.
    del content["learner"]["gradient_booster"]["model"]["cats"]
    path.write_text(json.dumps(content | {"version": [2, 1, 4]}))
    old = "splits 'job', 'town' by category and does not store which values its codes stand for"
    with pytest.raises(FairtollError, match=old):
        probabilities(read_model(path), load(table))
    # Where no tree asks for a category, none need be known.
    weights = {"colsample_bytree": 0.34, "feature_weights": [1, 0, 0]}
    fitted = xgboost.XGBClassifier(n_estimators=2, enable_categorical=True, max_depth=1, **weights)
    fitted.fit(table, (FRAME["wage"] > 0).astype(int))
    fitted.save_model(path)
    content = json.loads(path.read_text())
    del content["learner"]["gradient_booster"]["model"]["cats"]
    path.write_text(json.dumps(content | {"version": [2, 1, 4]}))
    np.testing.assert_allclose(probabilities(read_model(path), load(table)), fitted.predict_proba(table), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
def test_xgboost_takes_the_number_that_its_classifier_takes_for_missing(y, xgboost):
    table = FRAME[["wage"]].assign(count=np.random.default_rng(4).integers(0, 4, N))
    fitted = xgboost.XGBClassifier(n_estimators=8, missing=0.0).fit(table, codes(y))
    np.testing.assert_allclose(probabilities(fitted, load(table, y)), fitted.predict_proba(table), atol=1e-6)


@pytest.mark.slow
def test_an_xgboost_classifier_whose_probabilities_are_not_its_booster_s(xgboost):
    class Turned(xgboost.XGBClassifier):
        def predict_proba(self, *given, **options):
            return super().predict_proba(*given, **options)[:, ::-1]

    Turned.__module__, Turned.__name__ = "xgboost.sklearn", "XGBClassifier"
    fitted = Turned(n_estimators=3).fit(FRAME[["wage"]], codes(TWO))
    with pytest.raises(FairtollError, match="predict_proba of the XGBClassifier differs from its booster's scores"):
        probabilities(fitted, load(FRAME[["wage"]]))


@pytest.mark.slow
def test_xgboost_stops_where_its_classifier_stops(xgboost, tmp_path):
    half = N // 2
    numbers = FRAME[["wage", "years of age"]]
    fitted = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=3, learning_rate=1.0)
    fitted.fit(numbers[:half], codes(TWO)[:half], eval_set=[(numbers[half:], codes(TWO)[half:])], verbose=False)
    assert fitted.best_iteration < fitted.get_booster().num_boosted_rounds() - 1
    rows = load(features=["wage", "years of age"])
    fitted.save_model(tmp_path / "model.json")
    for given in (fitted, read_model(tmp_path / "model.json")):
        np.testing.assert_allclose(probabilities(given, rows), fitted.predict_proba(numbers), atol=1e-6)
    booster = fitted.get_booster()
    booster.set_attr(scikit_learn=None)
    own = booster.predict(xgboost.DMatrix(numbers))
    np.testing.assert_allclose(probabilities(booster, rows)[:, 1], own, atol=1e-6)


@pytest.mark.slow
def test_what_xgboost_was_not_trained_for(xgboost, tmp_path):
    numbers = FRAME[["wage", "years of age"]]
    table = numbers.astype({"wage": float})
    table.loc[::5, "wage"] = np.nan
    fitted = xgboost.XGBClassifier(n_estimators=3).fit(table, codes(TWO))
    rows = load(table, missing="keep")
    np.testing.assert_allclose(probabilities(fitted, rows), fitted.predict_proba(table), atol=1e-6)
    regressor = xgboost.XGBRegressor(n_estimators=2).fit(numbers, SCORE)
    with pytest.raises(FairtollError, match="has the objective reg:squarederror; expected one of classes"):
        probabilities(regressor.get_booster(), rows)
    with pytest.raises(FairtollError, match="the XGBClassifier is not fitted"):
        probabilities(xgboost.XGBClassifier(), rows)
    with pytest.raises(FairtollError, match="reads the columns 'years of age', which are no features"):
        probabilities(fitted, load(features=["wage"]))
    fitted.save_model(tmp_path / "model.json")
    whole = (tmp_path / "model.json").read_bytes()
    for keep in (0.0, 0.5, 0.99):
        (tmp_path / "model.json").write_bytes(whole[: int(len(whole) * keep)])
        with pytest.raises(FairtollError, match=r"cannot be read as an XGBoost (model|classifier)") as raised:
            read_model(tmp_path / "model.json")
        assert "\n" not in str(raised.value)
    for change in (
        lambda model: model["trees"][0]["left_children"].__setitem__(0, 9999),
        lambda model: model["tree_info"].__setitem__(0, 99),
    ):
        forged = json.loads(whole)
        change(forged["learner"]["gradient_booster"]["model"])
        (tmp_path / "model.json").write_text(json.dumps(forged))
        with pytest.raises(FairtollError, match="cannot be read as an XGBoost model"):
            read_model(tmp_path / "model.json")
    forged = json.loads(whole)
    forged["learner"]["learner_model_param"]["num_target"] = "50"
    (tmp_path / "model.json").write_text(json.dumps(forged))
    with pytest.raises(FairtollError, match="it says that it has 50 classes, and has trees for fewer"):
        read_model(tmp_path / "model.json")


@pytest.mark.parametrize("field", ["num_class", "num_target", "num_feature"])
def test_an_xgboost_file_that_says_it_has_room_for_more_than_it_has(field, tmp_path):
    """As the library writes it, in JSON and in UBJSON, whose texts stand behind their length of eight bytes."""
    for kind, digits in ((".json", b"3"), (".json", b"2000000000"), (".ubj", b"3"), (".ubj", b"2000000000")):
        path, key = tmp_path / f"model{kind}", field.encode()
        packed = b"L" + len(key).to_bytes(8) + key + b"SL" + len(digits).to_bytes(8) + digits
        path.write_bytes(b'{"%b": "%b"}' % (key, digits) if kind == ".json" else b"{" + packed + b"}")
        if digits == b"3":
            require_possible_counts(path)
            continue
        with pytest.raises(FairtollError, match=r"bytes and says that it has 2,000,000,000 (classes|targets|columns);"):
            require_possible_counts(path)


@pytest.mark.slow
def test_every_way_that_xgboost_counts_its_trees_is_read(xgboost, tmp_path):
    """One tree a class, several in parallel, and trees whose leaves are vectors."""
    numbers = FRAME[["wage", "years of age"]]
    rows = load(features=["wage", "years of age"], y=THREE)
    for options in ({}, {"booster": "dart", "num_parallel_tree": 2}, {"multi_strategy": "multi_output_tree"}):
        fitted = xgboost.XGBClassifier(n_estimators=2, max_depth=2, **options).fit(numbers, codes(THREE))
        for name in ("model.json", "model.ubj"):
            fitted.save_model(tmp_path / name)
            np.testing.assert_allclose(
                probabilities(read_model(tmp_path / name), rows), fitted.predict_proba(numbers), atol=1e-6
            )
