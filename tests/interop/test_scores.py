"""Against fairlearn's MetricFrame and scikit-learn's own loops."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_validate

from fairtoll.errors import FairtollError
from fairtoll.interop import accuracy_difference, attack_success_difference, confidence_difference, worst_accuracy

RNG = np.random.default_rng(0)
ROWS = 600
SEX = RNG.choice(["f", "m"], size=ROWS)
RACE = RNG.choice(["a", "b", "c"], size=ROWS)
X = RNG.normal(size=(ROWS, 3))
Y = np.where(X[:, 0] + np.where(SEX == "f", 1.5, 0.3) * RNG.normal(size=ROWS) > 0, "yes", "no")
GUESS = np.where(X[:, 0] > 0, "yes", "no")
ATTACKED = np.where(X[:, 0] > 0.3, "yes", "no")


def frame(values, groups):
    return MetricFrame(metrics=lambda _, one: one.mean(), y_true=values, y_pred=values, sensitive_features=groups)


@pytest.mark.parametrize(
    ("given", "groups"),
    [
        (SEX, SEX),
        (None, Y),
        (pd.DataFrame({"sex": SEX, "race": RACE}), pd.DataFrame({"sex": SEX, "race": RACE})),
        ({"sex": SEX, "race": RACE}, pd.DataFrame({"sex": SEX, "race": RACE})),
        (np.column_stack([SEX, RACE]), pd.DataFrame({"sex": SEX, "race": RACE})),
        (SEX[:, None], SEX),
    ],
)
def test_accuracy_is_what_fairlearn_finds(given, groups):
    theirs = MetricFrame(metrics=accuracy_score, y_true=Y, y_pred=GUESS, sensitive_features=groups)
    ours = {"sensitive_features": given} if given is not None else {}
    assert accuracy_difference(Y, GUESS, **ours) == pytest.approx(theirs.difference(), abs=1e-12)
    assert worst_accuracy(Y, GUESS, **ours) == pytest.approx(theirs.group_min(), abs=1e-12)


def test_attack_success_is_the_share_of_wrong_predictions():
    wrong = (Y != ATTACKED).astype(float)
    assert attack_success_difference(Y, ATTACKED, sensitive_features=SEX) == pytest.approx(
        frame(wrong, SEX).difference()
    )
    right = Y == GUESS
    assert attack_success_difference(Y, ATTACKED, sensitive_features=SEX, clean=GUESS) == pytest.approx(
        frame(wrong[right], SEX[right]).difference()
    )


def test_confidence_of_one_column_or_of_each_class():
    score = 1 / (1 + np.exp(-X[:, 0]))
    truth = (Y == "yes").astype(int)
    among = truth == 1
    expected = frame(score[among], SEX[among]).difference()
    both = np.column_stack([1 - score, score])
    for scores in (score, both):
        found = confidence_difference(truth, scores, sensitive_features=SEX, label=1)
        assert found == pytest.approx(expected, abs=1e-12)


def test_inside_a_metric_frame():
    found = MetricFrame(
        metrics={"gap between classes": accuracy_difference, "worst class": worst_accuracy},
        y_true=Y,
        y_pred=GUESS,
        sensitive_features=SEX,
    )
    for sex in ("f", "m"):
        here = sex == SEX
        by_class = MetricFrame(metrics=accuracy_score, y_true=Y[here], y_pred=GUESS[here], sensitive_features=Y[here])
        assert found.by_group["worst class"][sex] == pytest.approx(by_class.group_min())
        assert found.by_group["gap between classes"][sex] == pytest.approx(by_class.difference())


def test_sample_parameters_of_a_metric_frame():
    found = MetricFrame(
        metrics=worst_accuracy, y_true=Y, y_pred=GUESS, sensitive_features=SEX,
        sample_params={"sensitive_features": RACE},
    )  # fmt: skip
    both = MetricFrame(metrics=accuracy_score, y_true=Y, y_pred=GUESS, sensitive_features=SEX, control_features=RACE)
    assert found.by_group["f"] == pytest.approx(both.by_group.xs("f", level="sensitive_feature_0").min())


def test_a_scorer_of_classes_searches_parameters():
    search = GridSearchCV(LogisticRegression(), {"C": [1e-4, 1.0]}, scoring=make_scorer(worst_accuracy), cv=3)
    assert search.fit(X, Y).best_score_ > 0.5


def test_a_scorer_of_groups_is_given_those_of_each_fold():
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_scorer(accuracy_difference, greater_is_better=False)
        scorer.set_score_request(sensitive_features=True)
        found = cross_validate(
            LogisticRegression(), X, Y, scoring=scorer, cv=3, params={"sensitive_features": SEX}, return_indices=True,
            return_estimator=True,
        )  # fmt: skip
    for fold, model in enumerate(found["estimator"]):
        rows = found["indices"]["test"][fold]
        theirs = MetricFrame(
            metrics=accuracy_score, y_true=Y[rows], y_pred=model.predict(X[rows]), sensitive_features=SEX[rows]
        )
        assert found["test_score"][fold] == pytest.approx(-theirs.difference())


def test_a_scorer_of_probabilities():
    truth = (Y == "yes").astype(int)
    model = LogisticRegression().fit(X, truth)
    scorer = make_scorer(confidence_difference, response_method="predict_proba", sensitive_features=SEX)
    assert scorer(model, X, truth) == pytest.approx(frame(model.predict_proba(X)[:, 1], SEX).difference())


def test_bad_input():
    with pytest.raises(FairtollError, match="sensitive_features is None"):
        confidence_difference([0, 1], [0.5, 0.5], sensitive_features=None)
    with pytest.raises(FairtollError, match="y_pred has 3 rows"):
        worst_accuracy([0, 1], [0, 1, 1])
    with pytest.raises(FairtollError, match="'No' where y_true has 'no'"):
        attack_success_difference(["yes", "no"], ["Yes", "No"])
    assert np.isnan(worst_accuracy([0, 1], [0, 1]))
    assert np.isnan(accuracy_difference([0, 1], [0, 1]))
