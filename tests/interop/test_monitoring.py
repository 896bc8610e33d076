"""On linear models, whose worst point within a radius is known in closed form."""

import lightning.pytorch
import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import LinfThreat
from fairtoll.attacks import Square
from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.interop import robust_accuracies
from fairtoll.interop.lightning import RobustAccuracy

RNG = np.random.default_rng(0)
X = RNG.normal(size=(800, 2)).astype(np.float32)
SITE = np.where(RNG.random(800) < 0.5, "north", "south")
Y = (X[:, 0] + 0.5 * X[:, 1] + np.where(SITE == "south", 0.8, 0.2) * RNG.normal(size=800) > 0).astype(int)
DATA = Dataset(X, Y, ("low", "high"), groups={"site": SITE})
EPSILON = 0.2


def linear():
    model = nn.Linear(2, 2)
    model.load_state_dict({"weight": torch.tensor([[0.0, 0.0], [1.0, 0.5]]), "bias": torch.zeros(2)})
    return model


def held(rows):
    """Whether no move of at most epsilon a feature changes sign(x0 + x1 / 2) to the wrong side."""
    return (X[rows, 0] + 0.5 * X[rows, 1]) * np.where(Y[rows] == 1, 1, -1) > 1.5 * EPSILON


def test_the_closed_form_on_all_rows():
    found = robust_accuracies(linear(), DATA, threat=LinfThreat(), epsilon=EPSILON, rows=800)
    every = held(slice(None))
    assert found["robust_accuracy"] == pytest.approx(every.mean())
    assert found["robust_accuracy_worst_class"] == pytest.approx(min(every[one == Y].mean() for one in (0, 1)))
    assert found["robust_accuracy_worst_site"] == pytest.approx(
        min(every[one == SITE].mean() for one in ("north", "south"))
    )
    right = (X[:, 0] + 0.5 * X[:, 1] > 0) == (Y == 1)
    assert found["accuracy"] == pytest.approx(right.mean())
    assert found["accuracy_worst_class"] == pytest.approx(min(right[one == Y].mean() for one in (0, 1)))


def test_the_same_few_rows_at_each_call_and_a_model_left_as_it_was():
    model = nn.Sequential(nn.Dropout(0.5), linear()).train()
    one, other = (
        robust_accuracies(model, DATA, threat=LinfThreat(), epsilon=EPSILON, rows=100, partitions=["class & site"])
        for _ in range(2)
    )
    assert one == other
    assert set(one) == {
        "accuracy", "robust_accuracy", "accuracy_worst_class_and_site", "robust_accuracy_worst_class_and_site"
    }  # fmt: skip
    assert model.training
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())


def test_any_attack_of_one_radius():
    found = robust_accuracies(
        linear(), DATA, threat=LinfThreat(), epsilon=EPSILON, rows=800, attack=Square(queries=200)
    )
    # On a linear model a corner of the box is the worst point, and the square attack tries corners.
    assert found["robust_accuracy"] == pytest.approx(held(slice(None)).mean())


def test_bad_input():
    for settings, says in (
        ({"rows": 0}, "rows is 0"),
        ({"rows": 12}, "largest group by class has"),
        ({"partitions": ["age"]}, "age"),
        ({"attack": "pgd"}, "attacks holds 'pgd'"),
    ):
        with pytest.raises(FairtollError, match=says):
            robust_accuracies(linear(), DATA, threat=LinfThreat(), epsilon=0.1, **settings)
    with pytest.raises(FairtollError, match="every is 0"):
        RobustAccuracy(DATA, threat=LinfThreat(), epsilon=0.1, every=0)


class Lit(lightning.pytorch.LightningModule):
    def __init__(self):
        super().__init__()
        self.inner = linear()

    def forward(self, x):
        return self.inner(x)

    def training_step(self, batch, _):
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def test_a_trainer_logs_it_and_checkpoints_by_it(tmp_path):
    seen = []

    class Keep(lightning.pytorch.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            seen.append({name: value.item() for name, value in trainer.callback_metrics.items()})

    best = lightning.pytorch.callbacks.ModelCheckpoint(tmp_path, monitor="robust_accuracy_worst_class", mode="max")
    watch = RobustAccuracy(DATA, threat=LinfThreat(), epsilon=EPSILON, rows=300)
    rows = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    trainer = lightning.pytorch.Trainer(
        max_epochs=2, callbacks=[watch, Keep(), best], logger=False, accelerator="cpu", enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Lit(), torch.utils.data.DataLoader(rows, batch_size=400))
    expected = robust_accuracies(linear(), DATA, threat=LinfThreat(), epsilon=EPSILON, rows=300)
    assert [{name: one[name] for name in expected} for one in seen] == [pytest.approx(expected)] * 2
    assert best.best_model_score.item() == pytest.approx(expected["robust_accuracy_worst_class"])
