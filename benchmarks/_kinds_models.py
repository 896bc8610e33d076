"""Two models of every kind as files: a standard one and a hardened one, with the options that a user gives for them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_model
from torch import nn

import _kinds_nets as nets
from _kinds_networks import PIXEL_RADIUS, TABLE_RADIUS, WIDTH, about, train
from fairtoll.data import Dataset

ARMS = ("standard", "hardened")


@dataclass(frozen=True)
class Made:
    """What models are made of: the trained networks by arm, an example batch, and of a table its frames.

    Attributes
    ----------
    folder : Path
        Where the files go.
    networks : mapping
        By arm.
    rows : Tensor, (N, ...)
        Training rows as the networks take them.
    labels : Tensor, (N,)
    factory : str
        Of the networks, in `nets.py` of the folder.
    frame : DataFrame, optional
        Training rows of a table as they are, without label and groups.
    target : Series, optional
        Its label.
    test : DataFrame, optional
        Evaluation rows, with label and groups.
    data : Dataset, optional
        The training rows, coded.
    """

    folder: Path
    networks: Mapping[str, nn.Module]
    rows: torch.Tensor
    labels: torch.Tensor
    factory: str
    frame: pd.DataFrame | None = None
    target: pd.Series[Any] | None = None
    test: pd.DataFrame | None = None
    data: Dataset | None = None


def table_networks(data: Dataset, folder: Path) -> dict[str, nn.Module]:
    """Both arms, trained; `nets.py` and `network.json` are written for the factory."""
    shutil.copy(Path(nets.__file__), folder / "nets.py")
    (folder / "network.json").write_text(json.dumps(about(data)))
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    radius = torch.from_numpy(TABLE_RADIUS * data.x.std(axis=0))
    radius[[one.kind == "categorical" for one in data.features]] = 0.0
    found = {}
    for arm, moved in zip(ARMS, (None, radius), strict=True):
        torch.manual_seed(0)
        found[arm] = train(nets.TableNetwork(**about(data)), x, y, radius=moved, box=(-torch.inf, torch.inf))
    return found


def digit_networks(x: np.ndarray, y: np.ndarray, folder: Path) -> dict[str, nn.Module]:
    """Both arms of a small convolutional network, trained."""
    shutil.copy(Path(nets.__file__), folder / "nets.py")
    rows, labels = torch.from_numpy(x), torch.from_numpy(y)
    found = {}
    for arm, radius in zip(ARMS, (None, torch.tensor(PIXEL_RADIUS)), strict=True):
        torch.manual_seed(0)
        found[arm] = train(nets.digits(), rows, labels, radius=radius, box=(0.0, 1.0))
    return found


def state_dict(made: Made) -> list[str]:
    for arm, network in made.networks.items():
        save_model(network, str(made.folder / f"{arm}.safetensors"))
    return [word for arm in ARMS for word in _of(arm, made.factory, f"{arm}.safetensors")]


def state_dict_pt(made: Made) -> list[str]:
    for arm, network in made.networks.items():
        torch.save(network.state_dict(), made.folder / f"{arm}-state.pt")
    return [word for arm in ARMS for word in _of(arm, made.factory, f"{arm}-state.pt")]


def torchscript(made: Made) -> list[str]:
    def save(network: nn.Module, path: str) -> None:
        torch.jit.save(torch.jit.trace(network, made.rows[:4]), path)

    return [*_saved(made, "ts", save), "--trust-code"]


def exported(made: Made) -> list[str]:
    def save(network: nn.Module, path: str) -> None:
        rows = torch.export.Dim("rows", min=1)
        torch.export.save(torch.export.export(network, (made.rows[:4],), dynamic_shapes=({0: rows},)), path)

    return [*_saved(made, "pt2", save), "--trust-code"]


def onnx(made: Made) -> list[str]:
    def save(network: nn.Module, path: str) -> None:
        torch.onnx.export(
            network, (made.rows[:4],), path, input_names=["x"], output_names=["logits"], dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("rows", min=1)},), verbose=False, external_data=False,
        )  # fmt: skip

    return _saved(made, "onnx", save)


def keras(made: Made) -> list[str]:
    """A Keras network of its own, on coded rows; the hardened arm is trained with noise."""
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    keras.utils.set_random_seed(0)
    x, y = made.rows.numpy(), made.labels.numpy()
    rng = np.random.default_rng(0)
    for arm in ARMS:
        scale = keras.layers.Normalization()
        scale.adapt(x.reshape(len(x), -1))
        network = keras.Sequential([
            keras.layers.Input(x.shape[1:]), *([keras.layers.Flatten()] if x.ndim > 2 else []), scale,
            keras.layers.Dense(WIDTH, activation="relu"), keras.layers.Dense(int(y.max()) + 1),
        ])  # fmt: skip
        network.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        noisy = x if arm == ARMS[0] else x + 0.3 * x.std(axis=0) * rng.normal(size=x.shape).astype(np.float32)
        network.fit(noisy, y, epochs=10, batch_size=100, verbose=0)
        network.save(made.folder / f"{arm}.keras")
    return _paths("keras")


def linear(made: Made) -> list[str]:
    from sklearn.linear_model import LogisticRegression

    return _skops(made, "linear", lambda arm: LogisticRegression(C=1.0 if arm == ARMS[0] else 0.01, max_iter=2000))


def mlp(made: Made) -> list[str]:
    from sklearn.neural_network import MLPClassifier

    return _skops(
        made, "mlp",
        lambda arm: MLPClassifier((16,), alpha=1e-4 if arm == ARMS[0] else 1.0, max_iter=400, random_state=0),
    )  # fmt: skip


def forest(made: Made) -> list[str]:
    from sklearn.ensemble import RandomForestClassifier

    return _skops(
        made, "forest",
        lambda arm: RandomForestClassifier(50, min_samples_leaf=1 if arm == ARMS[0] else 20, random_state=0),
    )  # fmt: skip


def xgboost(made: Made) -> list[str]:
    from xgboost import XGBClassifier

    for arm in ARMS:
        model = XGBClassifier(n_estimators=50, max_depth=6 if arm == ARMS[0] else 2, n_jobs=1)
        model.fit(made.rows.flatten(1).numpy(), made.labels.numpy()).save_model(made.folder / f"{arm}-xgb.json")
    return _paths("json", "-xgb")


def lightgbm(made: Made) -> list[str]:
    from lightgbm import LGBMClassifier

    for arm in ARMS:
        model = LGBMClassifier(n_estimators=50, num_leaves=31 if arm == ARMS[0] else 4, n_jobs=1, verbose=-1)
        model.fit(made.rows.flatten(1).numpy(), made.labels.numpy())
        model.booster_.save_model(made.folder / f"{arm}-lgbm.txt")
    return _paths("txt", "-lgbm")


#: What a user writes to give any Python function of rows.
FUNCTION = '''"""Scores of a model that runs elsewhere: rows in, one probability a class out."""

import numpy as np

WEIGHTS = {arm: np.load(f"{arm}-weights.npy") for arm in ("standard", "hardened")}


def _scores(weights):
    def scores(rows):
        z = np.asarray(rows, dtype=float).reshape(len(rows), -1) @ weights[:-1] + weights[-1]
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)

    return scores


def standard():
    return _scores(WEIGHTS["standard"])


def hardened():
    return _scores(WEIGHTS["hardened"])
'''


def function(made: Made) -> list[str]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    (made.folder / "scores.py").write_text(FUNCTION)
    x, y = made.rows.flatten(1).numpy(), made.labels.numpy()
    for arm in ARMS:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0 if arm == ARMS[0] else 0.01, max_iter=2000))
        model.fit(x, y)
        scaler, last = model[0], model[-1]
        coefficients = np.vstack([-last.coef_ / 2, last.coef_ / 2]) if len(last.coef_) == 1 else last.coef_
        offsets = (
            np.concatenate([-last.intercept_ / 2, last.intercept_ / 2]) if len(last.coef_) == 1 else last.intercept_
        )
        weights = (coefficients / scaler.scale_).T
        np.save(made.folder / f"{arm}-weights.npy", np.vstack([weights, offsets - scaler.mean_ @ weights]))
    return [word for arm in ARMS for word in ("--model", f"{arm}=scores:{arm}")]


def _skops(made: Made, name: str, make: Callable[[str], Any]) -> list[str]:
    """A pipeline on raw rows: one-hot columns of text, scaled numbers, and the model."""
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    for arm in ARMS:
        if made.frame is None:
            model = make(arm).fit(made.rows.flatten(1).numpy(), made.labels.numpy())
        else:
            numbers = list(made.frame.select_dtypes("number").columns)
            text = [column for column in made.frame.columns if column not in numbers]
            encode = make_column_transformer(
                (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), text)
            )
            model = make_pipeline(encode, make(arm)).fit(made.frame, made.target)
        skops.io.dump(model, made.folder / f"{arm}-{name}.skops")
    return _paths("skops", f"-{name}")


def _saved(made: Made, suffix: str, save: Callable[[nn.Module, str], Any]) -> list[str]:
    for arm, network in made.networks.items():
        save(network, str(made.folder / f"{arm}.{suffix}"))
    return _paths(suffix)


def _paths(suffix: str, middle: str = "") -> list[str]:
    return [word for arm in ARMS for word in ("--model", f"{arm}={arm}{middle}.{suffix}")]


def _of(arm: str, factory: str, weights: str) -> list[str]:
    return ["--model", f"{arm}={factory}", "--weights", f"{arm}={weights}"]


#: By the name in the table; those of tables alone are not made of digits.
KINDS: dict[str, Callable[[Made], list[str]]] = {
    "torch state dict (.safetensors)": state_dict,
    "torch state dict (.pt)": state_dict_pt,
    "TorchScript": torchscript,
    "torch.export": exported,
    "ONNX": onnx,
    "Keras": keras,
    "scikit-learn, linear (skops)": linear,
    "scikit-learn, MLP (skops)": mlp,
    "scikit-learn, forest (skops)": forest,
    "XGBoost": xgboost,
    "LightGBM": lightgbm,
    "Python function": function,
}
