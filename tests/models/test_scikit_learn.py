"""Classifiers of scikit-learn as modules: their own predict_proba on the table is the oracle."""

import warnings

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, RepeatedStratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.svm import SVC, NuSVC
from sklearn.tree import DecisionTreeClassifier

from fairtoll import FairtollError
from fairtoll.audits.fingerprint import hash_model
from fairtoll.data import Dataset, load_frame
from fairtoll.errors import FairtollNote, FairtollWarning
from fairtoll.models import as_models, predict_probabilities, prepare, read_model

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": RNG.integers(18, 80, 300),
        "wage": RNG.normal(size=300).round(3),
        "job": RNG.choice(["nurse", "clerk", "driver"], 300),
        "owner": RNG.random(300) > 0.5,
    }
)
SCORE = FRAME["wage"] + (FRAME["job"] == "nurse") + RNG.normal(size=300)
PAID = pd.Series(np.where(SCORE > 0.4, "yes", "no"), name="paid")
ROWS = load_frame(FRAME.assign(paid=PAID), label="paid")


def prepared():
    return make_column_transformer(
        (OneHotEncoder(), ["job"]), (StandardScaler(), ["age", "wage"]), remainder="passthrough"
    )


def module(fitted, rows=ROWS):
    [found] = as_models(fitted, name="a", schema=rows.schema)
    return found


def probabilities(fitted, rows=ROWS):
    return predict_probabilities(module(fitted, rows), torch.from_numpy(rows.x)).numpy()


FITTED = {
    "forest": make_pipeline(prepared(), RandomForestClassifier(10, random_state=0)),
    "boosting": make_pipeline(prepared(), GradientBoostingClassifier(n_estimators=5)),
    "categories": HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype"),
    "calibrated": CalibratedClassifierCV(make_pipeline(prepared(), RidgeClassifier())),
    "search": make_pipeline(prepared(), GridSearchCV(DecisionTreeClassifier(), {"max_depth": [2]})),
    "bagging": make_pipeline(prepared(), BaggingClassifier(n_estimators=3, max_features=0.5)),
    "stack": StackingClassifier([("a", make_pipeline(prepared(), RandomForestClassifier(3)))]),
    "imputed": make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["job"]),
            (make_pipeline(SimpleImputer(), KBinsDiscretizer(3)), ["wage", "age"]),
        ),
        SelectKBest(k=4),
        AdaBoostClassifier(n_estimators=3),
    ),
    "logistic": make_pipeline(prepared(), LogisticRegression()),
    "network": make_pipeline(prepared(), MLPClassifier([8], max_iter=20)),
}  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they need not converge
        tables = {name: FRAME.astype({"job": "category"}) if name == "categories" else FRAME for name in FITTED}
        return {name: model.fit(tables[name], PAID) for name, model in FITTED.items()}


@pytest.mark.parametrize("name", FITTED)
def test_the_probabilities_are_its_own_from_an_object_and_from_a_file(name, fitted, tmp_path):
    table = FRAME.astype({"job": "category"}) if name == "categories" else FRAME
    expected = fitted[name].predict_proba(table)
    np.testing.assert_allclose(probabilities(fitted[name]), expected, atol=1e-6)
    skops.io.dump(fitted[name], tmp_path / "model.skops")
    np.testing.assert_allclose(probabilities(read_model(tmp_path / "model.skops")), expected, atol=1e-6)


@pytest.mark.parametrize(
    "labels",
    [[1, -1], ["yes", "no"], [True, False], ["b", "a"], [2.0, 1.0], ["10", "9"]],
    ids=str,
)
def test_probabilities_are_in_the_order_of_the_data_s_classes(labels):
    y = pd.Series(np.where(SCORE > 0.4, *labels), name="paid").astype(type(labels[0]))
    fitted = make_pipeline(prepared(), RandomForestClassifier(5, random_state=0)).fit(FRAME, y)
    for names in (None, list(map(str, sorted(set(y.tolist()), reverse=True)))):
        names = names and [name.removesuffix(".0") for name in names]
        rows = load_frame(FRAME.assign(paid=y), label="paid", class_names=names)
        own = fitted.predict_proba(FRAME)
        place = list(fitted.classes_).index(labels[0])
        asked = rows.class_names.index(str(labels[0]).removesuffix(".0"))
        np.testing.assert_array_equal(probabilities(fitted, rows)[:, asked], own[:, place])


def test_a_model_of_codes_and_positions():
    for x in (ROWS.x, pd.DataFrame(ROWS.x, columns=FRAME.columns)):
        fitted = RandomForestClassifier(5, random_state=0).fit(x, ROWS.y)
        np.testing.assert_array_equal(probabilities(fitted), fitted.predict_proba(x))
    text = FRAME[["job", "owner"]].to_numpy()
    fitted = make_pipeline(OneHotEncoder(handle_unknown="ignore"), DecisionTreeClassifier()).fit(text, PAID)
    rows = load_frame(FRAME.assign(paid=PAID), label="paid", features=["job", "owner"])
    np.testing.assert_array_equal(probabilities(fitted, rows), fitted.predict_proba(text))
    codes = OrdinalEncoder().fit_transform(text)
    fitted = make_pipeline(OneHotEncoder(handle_unknown="ignore"), DecisionTreeClassifier()).fit(codes, PAID)
    np.testing.assert_array_equal(probabilities(fitted, rows), fitted.predict_proba(codes))


@pytest.mark.parametrize(
    "kind", [RandomForestClassifier(5, random_state=0), LogisticRegression()], ids=["trees", "torch"]
)
def test_classes_that_are_positions_are_taken_in_the_order_of_the_data_and_a_note_says_so(kind):
    """The data's classes are text, the model's 0 and 1: nothing in the model says which is which."""
    codes = (PAID == "yes").astype(int)
    fitted = make_pipeline(prepared(), kind).fit(FRAME, codes)
    for names in (["no", "yes"], ["yes", "no"]):
        rows = load_frame(FRAME.assign(paid=PAID), label="paid", class_names=names)
        with pytest.warns(
            FairtollNote, match=f"the order of the data: 0 is '{names[0]}', 1 is '{names[1]}'; .*--categ"
        ):
            np.testing.assert_allclose(probabilities(fitted, rows), fitted.predict_proba(FRAME), atol=1e-9)
    rows = load_frame(FRAME.assign(paid=codes), label="paid")
    with warnings.catch_warnings():
        warnings.simplefilter("error", FairtollNote)
        probabilities(fitted, rows)


def test_images_are_taken_flat():
    digits = load_digits()
    images, y = (digits.images[:300] / 16)[:, None].astype(np.float32), digits.target[:300]
    data = Dataset(images, y, list(map(str, range(10))))
    flat = images.reshape(300, -1)
    forest = RandomForestClassifier(10, random_state=0).fit(flat, y)
    np.testing.assert_array_equal(probabilities(forest, data), forest.predict_proba(flat))
    assert set(module(forest, data).thresholds()) <= set(range(64))
    network = make_pipeline(MinMaxScaler(), MLPClassifier([8], max_iter=20, random_state=0)).fit(flat, y)
    np.testing.assert_allclose(probabilities(network, data), network.predict_proba(flat), atol=1e-6)
    assert prepare(module(network, data), torch.from_numpy(images)).probed.gradients == "present"
    named = LogisticRegression().fit(pd.DataFrame(flat).rename(columns=str), y)
    np.testing.assert_allclose(probabilities(named, data), named.predict_proba(pd.DataFrame(flat).rename(columns=str)),
                               atol=1e-6)  # fmt: skip
    with pytest.raises(FairtollError, match=r"rows have the shape \(5, 3\); expected \(5, 64\)"):
        module(forest, data)(torch.zeros(5, 3))


def test_columns_are_found_by_name_and_those_it_lacks_are_named():
    fitted = make_pipeline(prepared(), DecisionTreeClassifier(max_depth=4)).fit(FRAME, PAID)
    turned = load_frame(
        FRAME.assign(more=1.5, paid=PAID), label="paid", features=["wage", "more", "owner", "job", "age"]
    )
    np.testing.assert_array_equal(probabilities(fitted, turned), fitted.predict_proba(FRAME))
    few = load_frame(FRAME.assign(paid=PAID), label="paid", features=["age", "owner"])
    with pytest.raises(FairtollError, match="the model reads the columns 'wage', 'job', which are no features"):
        module(fitted, few)
    with pytest.raises(FairtollError, match="fitted on 4 columns without names and the table has 2: age, owner"):
        module(DecisionTreeClassifier().fit(ROWS.x, PAID), few)


def test_decision_values_are_logits():
    fitted = make_pipeline(prepared(), SVC(random_state=0)).fit(FRAME, PAID)
    with pytest.warns(FairtollWarning, match="gives decision values and no probabilities"):
        found = probabilities(fitted)
    np.testing.assert_allclose(np.log(found[:, 1] / found[:, 0]), fitted.decision_function(FRAME), atol=1e-6)
    assert [ROWS.class_names[place] for place in found.argmax(axis=1)] == fitted.predict(FRAME).tolist()


def test_missing_values_reach_those_that_take_them(fitted):
    frame = FRAME.astype({"wage": float, "job": object})
    frame.loc[::7, "wage"] = np.nan
    frame.loc[::5, "job"] = np.nan
    rows = load_frame(frame.assign(paid=PAID), label="paid", missing="keep")
    filled = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["job"]),
        (SimpleImputer(), ["wage"]),
        remainder="passthrough",
    )
    for model in (make_pipeline(filled, RandomForestClassifier(5)), HistGradientBoostingClassifier(max_iter=5)):
        table = frame if hasattr(model, "steps") else frame.drop(columns="job")
        model.fit(table, PAID)
        np.testing.assert_array_equal(probabilities(model, rows), model.predict_proba(table))
    with pytest.raises(FairtollError, match=r"the model takes no missing values, .* 'wage', 'job' .*add an imputer"):
        module(fitted["boosting"], rows)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (LogisticRegression(), "the LogisticRegression is not fitted; .* call its fit first"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "the Pipeline is not fitted"),
        (LinearRegression().fit([[0.0], [1.0]], [0, 1]), "the LinearRegression is no classifier"),
        (DecisionTreeClassifier().fit(ROWS.x, np.stack([ROWS.y, ROWS.y], axis=1)), "predicts 2 outputs"),
        (DecisionTreeClassifier().fit(ROWS.x, ROWS.y + 5), "the classes '5', '6' and the data 'no', 'yes'"),
        (DecisionTreeClassifier().fit(ROWS.x, np.arange(300) % 3), "the classes '0', '1', '2' and the data"),
    ],
)  # fmt: skip
def test_what_cannot_be_audited(given, message):
    with pytest.raises(FairtollError, match=message) as raised:
        module(given)
    assert "\n" not in str(raised.value)


def test_votes_of_pairs_of_classes_are_no_scores():
    y = np.array(["no", "yes", "odd"])[np.arange(300) % 3]
    rows = load_frame(FRAME.assign(paid=y), label="paid")
    with pytest.raises(FairtollError, match=r"compares pairs of classes .* set decision_function_shape='ovr'"):
        module(SVC(decision_function_shape="ovo").fit(rows.x, y), rows)


def test_labels_alone_are_no_scores():
    centroid = NearestCentroid(metric="manhattan").fit(ROWS.x, PAID)
    if not hasattr(centroid, "predict_proba"):
        with pytest.raises(FairtollError, match="gives labels alone; expected predict_proba or decision_function"):
            module(centroid)


def test_a_category_that_the_model_does_not_know():
    known = FRAME["job"] != "driver"
    fitted = make_pipeline(prepared(), LogisticRegression()).fit(FRAME[known], PAID[known])
    with pytest.raises(FairtollError, match=r"the model fails on .* rows .*unknown categories .*driver"):
        module(fitted)


def test_a_category_that_the_model_takes_for_none():
    known = FRAME["job"] != "driver"
    before = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["job"]), remainder="passthrough")
    fitted = make_pipeline(before, DecisionTreeClassifier(max_depth=3)).fit(FRAME[known], PAID[known])
    with pytest.warns(FairtollWarning, match="the OneHotEncoder does not know 'driver' of column 'job'"):
        np.testing.assert_array_equal(probabilities(fitted), fitted.predict_proba(FRAME))


def test_a_threshold_of_its_own_is_said_not_to_count():
    tuned = FixedThresholdClassifier(DecisionTreeClassifier(max_depth=2), threshold=0.01, pos_label="yes")
    tuned.fit(FRAME[["wage", "age"]], PAID)
    with pytest.warns(FairtollWarning, match="predict of the FixedThresholdClassifier is not the class of its largest"):
        module(tuned)


def test_an_audit_tells_two_fits_of_one_class_apart():
    one, two, again = (
        make_pipeline(prepared(), RandomForestClassifier(5, random_state=seed, n_jobs=2)).fit(FRAME, PAID)
        for seed in (0, 1, 0)
    )
    hashes = [hash_model(module(fitted)) for fitted in (one, two, again)]
    assert hashes[0] == hashes[2] != hashes[1]
    asked = module(one)
    assert asked.thresholds()
    assert hash_model(asked) == hashes[0]


# Files


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib"])
def test_a_pickle_is_never_read(suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(
        FairtollError, match=r"is a pickle, .* never read; .* write skops.io.dump\(model, 'model.skops'\)"
    ):
        read_model(path)


def test_a_search_with_its_scorer_and_its_folds_is_data(tmp_path):
    search = GridSearchCV(
        LogisticRegression(), {"C": [1, 2]}, scoring="roc_auc", cv=RepeatedStratifiedKFold(n_splits=2)
    )
    search.fit(ROWS.x, PAID)
    skops.io.dump(search, tmp_path / "model.skops")
    found = probabilities(read_model(tmp_path / "model.skops"))
    np.testing.assert_allclose(found, search.predict_proba(ROWS.x), atol=1e-6)


def test_types_that_may_run_code_are_listed(tmp_path):
    fitted = make_pipeline(FunctionTransformer(warnings.warn), LogisticRegression())
    skops.io.dump(fitted, tmp_path / "model.skops")
    with pytest.raises(
        FairtollError, match=r"holds _?warnings.*warn, which may run code .* skops.io.load\(path, trusted"
    ):
        read_model(tmp_path / "model.skops")
    skops.io.dump(KNeighborsClassifier(algorithm="kd_tree").fit(ROWS.x, PAID), tmp_path / "near.skops")
    with pytest.raises(FairtollError, match=r"holds sklearn\.metrics\._dist_metrics"):
        read_model(tmp_path / "near.skops")


@pytest.mark.parametrize("keep", [0.0, 0.4, 0.99])
def test_a_truncated_file(keep, fitted, tmp_path):
    whole = skops.io.dumps(fitted["forest"])
    (tmp_path / "model.skops").write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(FairtollError, match=r"cannot be read as a (skops file|fitted classifier)") as raised:
        read_model(tmp_path / "model.skops")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", ["forest", "boosting", "categories", "search"])
@pytest.mark.parametrize("field", ["left", "feature"])
def test_a_forged_tree_is_not_run(kind, field, fitted, tmp_path):
    """Nodes are written over in the file itself, which skops and scikit-learn read without a word."""
    fields = {"left": ("left_child", "left"), "feature": ("feature", "feature_idx")}[field]
    path = forged(skops.io.dumps(fitted[kind]), fields, tmp_path / "model.skops")
    with pytest.raises(FairtollError, match="holds a damaged tree, whose nodes point outside of it"):
        read_model(path)


def bad_machine(name, change):
    fitted = {"SVC": SVC(probability=True), "NuSVC": NuSVC(nu=0.1, probability=True)}[name].fit(ROWS.x[:, :3], PAID)
    vars(fitted).update(change)
    return fitted


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of scikit-learn, on probabilities of support vector machines
@pytest.mark.parametrize("name", ["SVC", "NuSVC"])
@pytest.mark.parametrize(
    "change",
    [
        {"support_": np.arange(100_000, dtype=np.int32)},
        {"_n_support": np.array([10, 10_000], dtype=np.int32)},
        {"_n_support": np.array([10, 10, 10], dtype=np.int32)},
        {"_dual_coef_": np.zeros((1, 2))},
        {"_intercept_": np.zeros(0)},
        {"_probA": np.zeros(2)},
        {"_impl": "epsilon_svr"},
        {"kernel": "precomputed", "support_": np.full(10, 2_000_000_000, dtype=np.int32)},
    ],
    ids=str,
)
def test_a_forged_support_vector_machine_is_not_run(name, change, tmp_path):
    """Its library reads as many support vectors as the file says, wherever they lie: most of these end the process."""
    skops.io.dump(bad_machine(name, {}), tmp_path / "sound.skops")
    read_model(tmp_path / "sound.skops")
    skops.io.dump(bad_machine(name, change), tmp_path / "model.skops")
    with pytest.raises(FairtollError, match="holds a damaged support vector machine, whose numbers do not fit each ot"):
        read_model(tmp_path / "model.skops")


@pytest.mark.parametrize("start", [None, "zero", LogisticRegression()], ids=str)
def test_gradient_boosting_with_more_trees_than_classes_is_not_run(start, tmp_path):
    """Its library adds each to a number of its own, beyond those that there are, and overwrites memory."""
    fitted = GradientBoostingClassifier(n_estimators=2, init=start).fit(ROWS.x[:, :3], PAID)
    skops.io.dump(fitted, tmp_path / "model.skops")
    expected = fitted.predict_proba(ROWS.x[:, :3])
    np.testing.assert_array_equal(read_model(tmp_path / "model.skops").predict_proba(ROWS.x[:, :3]), expected)
    fitted.estimators_ = np.hstack([fitted.estimators_] * 1000)
    skops.io.dump(make_pipeline(StandardScaler().fit(ROWS.x[:, :3]), fitted), tmp_path / "model.skops")
    with pytest.raises(FairtollError, match="holds a damaged GradientBoostingClassifier, which has other trees than"):
        read_model(tmp_path / "model.skops")


def forged(content, fields, path):
    import io
    import zipfile

    changed = 0
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name.endswith(".npy"):
                array = np.load(io.BytesIO(part), allow_pickle=False)
                for one in fields:
                    if one in (array.dtype.names or ()):
                        array[one][0] = 10_000
                        changed += 1
                buffer = io.BytesIO()
                np.save(buffer, array)
                part = buffer.getvalue()
            new.writestr(name, part)
    assert changed
    return path


def test_a_network_that_gives_one_score_for_two_classes():
    """As of a damaged file: it says that it has more outputs than its last layer."""
    fitted = MLPClassifier((3,), max_iter=3).fit(FRAME[["age"]], PAID)
    fitted.n_outputs_ = 2_000_000
    with pytest.raises(FairtollError, match="MLPClassifier gives 1 scores for 2 classes; expected one a class; fit it"):
        module(fitted, load_frame(FRAME[["age"]].assign(y=PAID), label="y"))
