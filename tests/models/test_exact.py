"""Linear models and multilayer perceptrons of scikit-learn in torch: their own predict_proba is the oracle."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import LinearSVC
from torch import nn

from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import pgd
from fairtoll.bounds import certified_epsilon
from fairtoll.data import load_frame
from fairtoll.errors import FairtollWarning
from fairtoll.models import TableModel, as_models, prepare, with_preprocessing
from fairtoll.models.dense import dense_chain

RNG = np.random.default_rng(1)
N = 200
FRAME = pd.DataFrame(
    {
        "year": RNG.integers(1950, 2020, N),
        "wage": RNG.normal(scale=30, size=N).round(2),
        "job": RNG.choice(["nurse", "clerk", "driver", "cook"], N, p=[0.4, 0.3, 0.28, 0.02]),
        "owner": RNG.random(N) > 0.5,
    }
)
SCORE = FRAME["wage"] / 30 + (FRAME["job"] == "nurse") + RNG.normal(size=N)
TWO = np.where(SCORE > 0.4, "yes", "no")
THREE = np.where(SCORE > 1, "yes", np.where(SCORE < -0.3, "no", "maybe"))
GAPS = FRAME.astype({"wage": float, "job": object})
GAPS.loc[::5, "wage"] = np.nan
GAPS.loc[::7, "job"] = np.nan

PREPROCESSORS = {
    "one-hot": (
        make_column_transformer(
            (OneHotEncoder(drop="if_binary", min_frequency=8), ["job", "owner"]),
            (StandardScaler(), ["year", "wage"]),
        ),
        FRAME,
    ),
    "gaps": (
        make_column_transformer(
            (
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(drop="first")),
                make_column_selector(dtype_exclude=np.number),
            ),
            (make_pipeline(SimpleImputer(add_indicator=True), RobustScaler()), ["wage"]),
            (MinMaxScaler(), ["year"]),
        ),
        GAPS,
    ),
    "numbers": (make_pipeline(make_column_transformer((MaxAbsScaler(), ["wage", "year"])), StandardScaler()), FRAME),
    "codes": (
        make_pipeline(
            make_column_transformer(
                (OrdinalEncoder(), ["job", "owner"]), ("drop", ["wage"]), remainder="passthrough"
            ),
            FeatureUnion([("plain", "passthrough"), ("best", SelectKBest(k=2))]),
            FunctionTransformer(),
            StandardScaler(),
        ),
        FRAME,
    ),
}  # fmt: skip
CLASSIFIERS = {
    "logistic": LogisticRegression(),
    "svc": LinearSVC(),
    "ridge": RidgeClassifier(),
    "sgd": SGDClassifier(loss="log_loss"),
    "perceptron": Perceptron(),
    "lda": LinearDiscriminantAnalysis(),
    "ovr": OneVsRestClassifier(LogisticRegression()),
    "search": GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2),
    **{name: MLPClassifier([7, 5], activation=name, max_iter=3) for name in ("relu", "tanh", "logistic", "identity")},
}


def fit(model, table, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they need not converge
        return model.fit(table, y)


def scores_of(fitted, table):
    """What the logits must be up to a constant in each row: log probabilities, or decision values."""
    if hasattr(fitted, "predict_proba"):
        return fitted.predict_proba(table), True
    found = fitted.decision_function(table)
    return (np.stack([0 * found, found], axis=1) if found.ndim == 1 else found), False


@pytest.mark.parametrize("classes", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("preprocessor", PREPROCESSORS)
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_logits_equal_those_of_scikit_learn_and_have_a_gradient(classifier, preprocessor, classes):
    before, table = PREPROCESSORS[preprocessor]
    fitted = fit(make_pipeline(before, CLASSIFIERS[classifier]), table, classes)
    # In another order than scikit-learn's.
    names = sorted(set(classes))[::-1]
    rows = load_frame(table.assign(y=classes), label="y", missing="keep", class_names=names)
    [module] = as_models(fitted, name="a", schema=rows.schema)
    x = torch.from_numpy(rows.x)
    prepared = prepare(module, x)
    assert prepared.probed.gradients == "present"
    expected, are_probabilities = scores_of(fitted, table)
    expected = expected[:, ::-1]
    # As the table has them, and as float32 has them.
    for given, tolerance in ((as_decimal(x, table), 1e-9), (x, 1e-5)):
        logits = prepared(given).detach().numpy()
        if are_probabilities:
            found = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
            np.testing.assert_allclose(found, expected, atol=tolerance)
        else:
            centred = expected - expected.mean(axis=1, keepdims=True)
            np.testing.assert_allclose(
                logits - logits.mean(axis=1, keepdims=True), centred, atol=tolerance * np.abs(centred).max()
            )


def as_decimal(x, table):
    found = x.double()
    present = table["wage"].notna().to_numpy()
    found[present, 1] = torch.from_numpy(table["wage"].to_numpy()[present])
    return found


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_the_gradient_is_that_of_finite_differences(activation):
    before, table = PREPROCESSORS["one-hot"]
    fitted = fit(make_pipeline(before, CLASSIFIERS[activation]), table, TWO)
    rows = load_frame(table.assign(y=TWO), label="y")
    [module] = as_models(fitted, name="a", schema=rows.schema)
    x = as_decimal(torch.from_numpy(rows.x), table).requires_grad_(True)
    slope = torch.autograd.grad(module(x).softmax(dim=1)[:, 1].sum(), x)[0].numpy()
    step = 1e-4
    higher, lower = table.assign(wage=table["wage"] + step), table.assign(wage=table["wage"] - step)
    expected = (fitted.predict_proba(higher) - fitted.predict_proba(lower))[:, 1] / (2 * step)
    # A step across a kink of ReLU is no derivative: all but a few rows.
    assert np.isclose(slope[:, 1], expected, atol=1e-8).mean() > 0.97
    assert not slope[:, 2:].any()


def test_an_encoder_of_the_target_is_asked_for_each_category():
    before = make_column_transformer((TargetEncoder(cv=2), ["job"]), (StandardScaler(), ["wage"]))
    fitted = make_pipeline(before, LogisticRegression()).fit(FRAME, TWO)
    rows = load_frame(FRAME.assign(y=TWO), label="y")
    [module] = as_models(fitted, name="a", schema=rows.schema)
    x = torch.from_numpy(rows.x)
    assert prepare(module, x).probed.gradients == "present"
    np.testing.assert_allclose(module(x).softmax(dim=1).detach(), fitted.predict_proba(FRAME), atol=1e-5)


def test_a_table_of_numbers_is_a_chain_of_dense_layers():
    before, table = PREPROCESSORS["numbers"]
    fitted = fit(make_pipeline(before, CLASSIFIERS["relu"]), table, TWO)
    [module] = as_models(fitted, name="a", schema=load_frame(table.assign(y=TWO), label="y").schema)
    kinds, _ = dense_chain(module)
    assert kinds == ["linear", "relu", "linear", "relu", "linear"]


def test_a_table_of_numbers_can_be_proved():
    """The least epsilon of a linear model is its margin over the sum of what each feature moves it."""
    numbers = FRAME[["year", "wage"]]
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(numbers, TWO)
    rows = load_frame(numbers.assign(y=TWO), label="y")
    [module] = as_models(fitted, name="a", schema=rows.schema)
    x, y = torch.from_numpy(rows.x), torch.from_numpy(rows.y)
    # One unit of epsilon is one standard deviation, which the scaler makes one.
    threat = LinfThreat(scale=fitted[0].scale_)
    found = certified_epsilon(prepare(module, x), x, y, threat=threat, epsilon_max=5.0)
    margin = np.abs(fitted.decision_function(numbers)) / np.abs(fitted[1].coef_).sum()
    expected = np.where(fitted.predict(numbers) == TWO, margin, 0)
    np.testing.assert_allclose(found.epsilon, expected, atol=2e-2)


def test_an_attack_on_the_module_succeeds_on_the_model_itself():
    before, table = PREPROCESSORS["one-hot"]
    fitted = fit(make_pipeline(before, LogisticRegression()), table, TWO)
    rows = load_frame(table.assign(y=TWO), label="y")
    [module] = as_models(fitted, name="a", schema=rows.schema)
    threat = LinfThreat(scale=rows.x.std(axis=0), mutable=[True, True, False, False])
    result = pgd(module, torch.from_numpy(rows.x), torch.from_numpy(rows.y), threat=threat, epsilon=0.5, steps=10)
    attacked = table.assign(year=result.perturbed[:, 0].numpy(), wage=result.perturbed[:, 1].numpy())
    wrong = fitted.predict(attacked) != TWO
    assert (wrong == result.success.numpy()).mean() > 0.99
    assert wrong.mean() > (fitted.predict(table) != TWO).mean()


@pytest.mark.parametrize(
    "fitted",
    [
        make_pipeline(PREPROCESSORS["numbers"][0], GaussianNB()),
        make_pipeline(PREPROCESSORS["numbers"][0], PolynomialFeatures(), LogisticRegression()),
        make_pipeline(PREPROCESSORS["numbers"][0], KBinsDiscretizer(), LogisticRegression()),
        make_pipeline(PREPROCESSORS["numbers"][0], SGDClassifier(loss="modified_huber")),
        make_pipeline(
            make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["year"])), LogisticRegression()
        ),
    ],
    ids=["bayes", "polynomial", "bins", "huber", "years"],
)
def test_others_are_asked_for_their_scores(fitted):
    fit(fitted, FRAME, TWO)
    rows = load_frame(FRAME.assign(y=TWO), label="y")
    [module] = as_models(fitted, name="a", schema=rows.schema)
    assert isinstance(module, TableModel)
    np.testing.assert_allclose(module(torch.from_numpy(rows.x)), fitted.predict_proba(FRAME), atol=1e-12)


def test_a_model_that_fails_between_the_values_it_knows_is_said_to():
    fitted = make_pipeline(make_column_transformer((OneHotEncoder(), ["year"])), LogisticRegression()).fit(FRAME, TWO)
    rows = load_frame(FRAME.assign(y=TWO), label="y")
    with pytest.warns(FairtollWarning, match="within the ranges of the table the model fails .* unknown categories"):
        as_models(fitted, name="a", schema=rows.schema)


# Preprocessing in front of a network


def network(width):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(width, 6), nn.Tanh(), nn.Linear(6, 2))


@pytest.mark.parametrize("name", ["one-hot", "gaps", "numbers"])
def test_a_network_behind_a_linear_preprocessor_keeps_its_gradient(name):
    before, table = PREPROCESSORS[name]
    made = before.fit_transform(table, TWO)
    behind = network(made.shape[1])
    rows = load_frame(table.assign(y=TWO), label="y", missing="keep")
    module = with_preprocessing(before, behind, rows.schema)
    assert as_models(module, name="a", schema=rows.schema) == [module]
    expected = behind(torch.from_numpy(np.asarray(made, dtype=np.float32)))
    torch.testing.assert_close(module(torch.from_numpy(rows.x)), expected, atol=1e-5, rtol=1e-5)
    assert prepare(module, torch.from_numpy(rows.x)).probed.gradients == "present"


def test_a_network_behind_another_preprocessor_is_scored_and_said_so():
    before = make_pipeline(PREPROCESSORS["numbers"][0], PCA(1)).fit(FRAME)
    behind = network(1)
    rows = load_frame(FRAME.assign(y=TWO), label="y")
    module = with_preprocessing(before, behind, rows.schema)
    x = torch.from_numpy(rows.x)
    expected = behind(torch.from_numpy(before.transform(FRAME).astype(np.float32)))
    torch.testing.assert_close(module(x), expected.detach(), atol=1e-5, rtol=1e-5)
    with pytest.warns(FairtollWarning, match="not linear in each column, so that it is attacked by its scores only"):
        assert prepare(module, x, gradients=False).probed.gradients is None
    with pytest.warns(FairtollWarning), pytest.raises(FairtollError, match="no gradient"):
        prepare(module, x)


def test_preprocessors_that_do_not_fit():
    before = PREPROCESSORS["one-hot"][0].fit(FRAME)
    schema = load_frame(FRAME.assign(y=TWO), label="y").schema
    with pytest.raises(FairtollError, match="the network fails on the 7 columns of the preprocessor"):
        with_preprocessing(before, network(3), schema)
    with pytest.raises(FairtollError, match="of type LinearSVC; expected a fitted transformer"):
        with_preprocessing(LinearSVC(), network(3), schema)
    with pytest.raises(FairtollError, match=r"is not fitted yet|not fitted"):
        with_preprocessing(StandardScaler(), network(3), schema)
    few = load_frame(FRAME.assign(y=TWO), label="y", features=["year", "job"]).schema
    with pytest.raises(FairtollError, match=r"the model reads the columns 'wage', 'owner', which are no features"):
        with_preprocessing(before, network(3), few)
    gaps = load_frame(GAPS.assign(y=TWO), label="y", missing="keep").schema
    with pytest.raises(FairtollError, match=r"missing values, and the table has some in 'wage', 'job'"):
        with_preprocessing(before, network(7), gaps)
