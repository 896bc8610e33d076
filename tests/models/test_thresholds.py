"""Values between two neighbouring thresholds are all alike to a model of trees, and those on its sides are not."""

import lightgbm
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import RFE
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from fairtoll.data import load_frame
from fairtoll.models import as_models
from fairtoll.models.cells import thresholds_of

RNG = np.random.default_rng(3)
N = 300
FRAME = pd.DataFrame(
    {
        "year": RNG.integers(1900, 2020, N),
        "wage": RNG.normal(scale=1e4, size=N).round(2),
        "share": RNG.random(N).round(4),
        "job": RNG.choice(["nurse", "clerk", "driver"], N),
    }
)
SCORE = FRAME["wage"] / 1e4 + FRAME["share"] + (FRAME["job"] == "nurse") + (FRAME["year"] - 1960) / 60
CLASS = np.where(SCORE + RNG.normal(size=N) > 0.9, "yes", "no")
ROWS = load_frame(FRAME.assign(y=CLASS), label="y")
NUMBERS = [0, 1, 2]


def scaled(*, turned=False):
    turn = FunctionTransformer() if not turned else MinMaxScaler()
    before = make_column_transformer(
        (OneHotEncoder(), ["job"]),
        (StandardScaler(), ["wage", "year"]),
        (turn, ["share"]),
        verbose_feature_names_out=False,
    )
    return make_pipeline(before, RobustScaler(with_centering=False))


def boosted_by_category():
    return HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype")


MODELS = {
    "tree": make_pipeline(scaled(), DecisionTreeClassifier()),
    "forest": make_pipeline(scaled(turned=True), RandomForestClassifier(10, random_state=0)),
    "extra": make_pipeline(scaled(), ExtraTreesClassifier(5, random_state=0)),
    "boosting": make_pipeline(scaled(), GradientBoostingClassifier(n_estimators=10)),
    "histogram": make_pipeline(scaled(turned=True), HistGradientBoostingClassifier(max_iter=10)),
    "categories": boosted_by_category(),
    "adaboost": make_pipeline(scaled(), AdaBoostClassifier(n_estimators=5)),
    "bagging": make_pipeline(scaled(), BaggingClassifier(n_estimators=5, max_features=0.9, random_state=0)),
    "calibrated": CalibratedClassifierCV(make_pipeline(scaled(), DecisionTreeClassifier(max_depth=4)), cv=2),
    "voting": VotingClassifier(
        [(name, make_pipeline(scaled(), DecisionTreeClassifier(max_depth=5))) for name in "ab"],
        voting="soft",
    ),
    "search": make_pipeline(scaled(), GridSearchCV(DecisionTreeClassifier(), {"max_depth": [4]})),
    "lightgbm": make_pipeline(scaled(), lightgbm.LGBMClassifier(n_estimators=10, verbose=-1)),
    "lightgbm alone": lightgbm.LGBMClassifier(n_estimators=10, verbose=-1),
    "xgboost": None,
    "xgboost alone": None,
}  # fmt: skip


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.slow if "xgb" in name else []) for name in MODELS])
def fitted(request):
    name, y = request.param, CLASS
    if "xgboost" in name:
        xgboost, y = pytest.importorskip("xgboost"), (CLASS == "yes").astype(int)
        last = xgboost.XGBClassifier(n_estimators=10, enable_categorical=True)
        model = last if "alone" in name else make_pipeline(scaled(), last)
    else:
        model = MODELS[name]
    return model.fit(FRAME.astype({"job": "category"}) if "alone" in name or name == "categories" else FRAME, y)


def module_of(fitted):
    [module] = as_models(fitted, name="a", schema=ROWS.schema)
    return module


def test_nothing_changes_between_two_thresholds(fitted):
    module = module_of(fitted)
    thresholds = module.thresholds()
    assert set(thresholds) == set(NUMBERS)
    random = np.random.default_rng(0)
    for place, cuts in thresholds.items():
        assert cuts.dtype == np.float32
        assert (np.diff(cuts) > 0).all()
        # Two values of one interval: its last one, its first one, or any between.
        own = ROWS.x[:, place]
        interval = np.searchsorted(cuts, own)
        last = np.append(cuts, own.max() * 2)[interval]
        first = np.append(own.min() * 2, np.nextafter(cuts, np.float32(np.inf)))[interval]
        first = np.minimum(first, own)
        between = (first + (last - first) * random.random(len(own))).astype(np.float32)
        between = np.clip(between, first, np.maximum(last, own))
        expected = module(torch.from_numpy(ROWS.x))
        for values in (np.where(interval < len(cuts), last, own), first, between):
            x = ROWS.x.copy()
            x[:, place] = values
            assert torch.equal(module(torch.from_numpy(x)), expected)


def test_both_sides_of_each_threshold_of_a_tree_are_told_apart():
    tree = MODELS["tree"].fit(FRAME, CLASS)
    module = module_of(tree)
    inner = tree[-1].tree_.children_left != -1
    splits = set(zip(tree[-1].tree_.feature[inner].tolist(), tree[-1].tree_.threshold[inner].tolist(), strict=True))
    #: Columns of the preprocessor that are two of the numbers.
    for column, place in {3: 1, 5: 2}.items():
        cuts = module.thresholds()[place]
        limits = np.array(sorted(limit for at, limit in splits if at == column))
        sides = []
        for values in (cuts, np.nextafter(cuts, np.float32(np.inf))):
            # A float32 stands for the decimal that it holds.
            decimals = np.array([float(f"{value:.7g}") for value in values])
            decimals = np.where(decimals.astype(np.float32) == values, decimals, values)
            table = FRAME.iloc[[0] * len(cuts)].assign(**{FRAME.columns[place]: decimals})
            moved = tree[:-1].transform(table)[:, column].astype(np.float32).astype(np.float64)
            sides.append(np.searchsorted(limits, moved))
        # Each step passes one limit or more, and together all of them.
        assert (sides[1] > sides[0]).all()
        assert (sides[1] - sides[0]).sum() == len(limits)


def test_a_scale_below_zero_turns_the_sides():
    numbers = FRAME[["share"]]
    scaler = StandardScaler().fit(numbers)
    scaler.scale_ = -scaler.scale_
    tree = DecisionTreeClassifier(max_depth=3).fit(scaler.transform(numbers), CLASS)
    rows = load_frame(numbers.assign(y=CLASS), label="y")
    [module] = as_models(make_pipeline(scaler, tree), name="a", schema=rows.schema)
    cuts = module.thresholds()[0]
    assert len(cuts) == (tree.tree_.children_left != -1).sum()
    grid = np.sort(np.concatenate([cuts, np.nextafter(cuts, np.float32(9))]))
    scores = module(torch.from_numpy(grid[:, None]))[:, 0].numpy()
    # Each pair is two sides; from one pair to the next nothing changes.
    np.testing.assert_array_equal(scores[1:-1:2], scores[2::2])
    assert (scores[::2] != scores[1::2]).sum() >= len(cuts) - 1


TREE = DecisionTreeClassifier(max_depth=3)


@pytest.mark.parametrize(
    "last",
    [
        KNeighborsClassifier(),
        LogisticRegression(),
        VotingClassifier([("a", TREE), ("b", LogisticRegression())], voting="soft"),
        StackingClassifier([("a", TREE)], passthrough=True, cv=2),
        GradientBoostingClassifier(init=LogisticRegression(), n_estimators=2),
        AdaBoostClassifier(LogisticRegression(), n_estimators=2),
        RFE(TREE, n_features_to_select=2),
        lightgbm.LGBMClassifier(n_estimators=2, linear_tree=True, verbose=-1),
    ],
    ids=lambda last: type(last).__name__,
)
def test_of_what_is_not_made_of_trees_alone_nothing_is_told(last):
    before = make_column_transformer((RobustScaler(), ["share"]), (StandardScaler(), ["wage", "year"]))
    assert thresholds_of(module_of(make_pipeline(before, last).fit(FRAME, CLASS))) == {}


def test_nothing_is_told_behind_a_transformer_that_is_not_known():
    before = make_column_transformer((FunctionTransformer(np.sqrt), ["share"]), (StandardScaler(), ["wage"]))
    assert module_of(make_pipeline(before, TREE).fit(FRAME, CLASS)).thresholds() == {}


def test_of_a_number_that_is_split_by_sets_nothing_is_told():
    numbers = FRAME[["year", "wage"]].assign(year=FRAME["year"] % 10)
    rows = load_frame(numbers.assign(y=CLASS), label="y")
    for last in (
        HistGradientBoostingClassifier(max_iter=5, categorical_features=["year"], min_samples_leaf=5),
        lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, min_data_per_group=1, cat_smooth=0),
    ):
        options = {"categorical_feature": ["year"]} if isinstance(last, lightgbm.LGBMClassifier) else {}
        [module] = as_models(last.fit(numbers, CLASS, **options), name="a", schema=rows.schema)
        assert set(module.thresholds()) == {1}


def test_stacked_trees_are_trees():
    stack = StackingClassifier([("a", make_pipeline(scaled(), TREE))], cv=2).fit(FRAME, CLASS)
    alone = module_of(stack.estimators_[0]).thresholds()
    assert alone
    assert {place: cuts.tolist() for place, cuts in module_of(stack).thresholds().items()} == {
        place: cuts.tolist() for place, cuts in alone.items()
    }
