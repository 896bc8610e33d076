"""Against the functions of `fairtoll.metrics` and fairlearn's MetricFrame, over batches and over processes."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score
from torchmetrics import Accuracy, MetricCollection

from fairtoll import metrics
from fairtoll.errors import FairtollError
from fairtoll.interop.torchmetrics import (
    ClassAccuracyUnfairness,
    EqualizedOddsUnfairness,
    SuccessRateUnfairness,
    WorstClassAccuracy,
)

ROWS = 500
DRAW = torch.Generator().manual_seed(0)
TARGET = torch.randint(3, (ROWS,), generator=DRAW)
SCORES = (torch.randn(ROWS, 3, generator=DRAW) + 1.5 * torch.eye(3)[TARGET]).softmax(dim=1)
PREDS = SCORES.argmax(dim=1)
GROUPS = torch.randint(4, (ROWS,), generator=DRAW)
SUCCESS = torch.rand(ROWS, generator=DRAW) < 0.2 + 0.1 * TARGET
RIGHT = PREDS == TARGET


def made():
    """Each metric, what it is given, and what fairlearn finds."""

    def of(values, groups):
        return MetricFrame(
            metrics=lambda _, one: float(np.mean(one)), y_true=values, y_pred=values, sensitive_features=groups
        )

    by_class = MetricFrame(metrics=accuracy_score, y_true=TARGET, y_pred=PREDS, sensitive_features=TARGET.numpy())
    by_group = MetricFrame(metrics=accuracy_score, y_true=TARGET, y_pred=PREDS, sensitive_features=GROUPS.numpy())
    success = SUCCESS.double().numpy()
    confidence, ones = SCORES[:, 1].double().numpy(), (TARGET == 1).numpy()
    return {
        "cau": (ClassAccuracyUnfairness(3), (PREDS, TARGET), by_class.difference()),
        "cau of scores": (ClassAccuracyUnfairness(3), (SCORES, TARGET), by_class.difference()),
        "cau of groups": (ClassAccuracyUnfairness(4), (PREDS, TARGET, GROUPS), by_group.difference()),
        "worst class": (WorstClassAccuracy(3), (PREDS, TARGET), by_class.group_min()),
        "worst group": (WorstClassAccuracy(4), (PREDS, TARGET, GROUPS), by_group.group_min()),
        "cru_s": (SuccessRateUnfairness(3), (SUCCESS, TARGET), of(success, TARGET.numpy()).difference()),
        "cru_s of correct": (
            SuccessRateUnfairness(4),
            (SUCCESS, TARGET, GROUPS, RIGHT),
            of(success[RIGHT], GROUPS.numpy()[RIGHT]).difference(),
        ),
        "eou": (
            EqualizedOddsUnfairness(4, target_class=1, label=1),
            (SCORES, TARGET, GROUPS),
            of(confidence[ones], GROUPS.numpy()[ones]).difference(),
        ),
    }


@pytest.mark.parametrize("name", made())
@pytest.mark.parametrize("size", [ROWS, 64, 1])
def test_batches_give_what_fairlearn_finds_of_all_rows(name, size):
    metric, given, expected = made()[name]
    for start in range(0, ROWS, size):
        metric.update(*(one[start : start + size] for one in given))
    assert metric.compute().item() == pytest.approx(expected, abs=1e-6)


def test_a_reset_metric_has_no_rows():
    metric, given, _ = made()["cau"]
    metric.update(*given)
    metric.reset()
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert math.isnan(metric.compute().item())


def test_the_same_as_the_functions_of_metrics():
    metric, given, _ = made()["eou"]
    function = metrics.equalized_odds_unfairness(TARGET, SCORES, sensitive=GROUPS, target=1, label=1)
    assert metric(*given).item() == pytest.approx(function, abs=1e-6)
    metric, given, _ = made()["cru_s of correct"]
    function = metrics.success_rate_unfairness(TARGET, SUCCESS, groups=GROUPS, denominator="correct", correct=RIGHT)
    assert metric(*given).item() == pytest.approx(function, abs=1e-6)


def _process(rank: int, folder: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    found = {}
    for name, (metric, given, _) in made().items():
        # Shares of unequal size, so that a mean over processes is wrong.
        share = slice(0, 100) if rank == 0 else slice(100, ROWS)
        metric.update(*(one[share] for one in given))
        found[name] = metric.compute().item()
    torch.save(found, Path(folder) / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.skipif(not torch.distributed.is_available() or not hasattr(os, "fork"), reason="no processes to gather")
def test_two_processes_give_the_gap_of_all_rows(tmp_path):
    torch.multiprocessing.start_processes(_process, args=(str(tmp_path),), nprocs=2, start_method="fork")
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt")
        for name, (_, _, expected) in made().items():
            assert found[name] == pytest.approx(expected, abs=1e-6)


def test_sums_of_confidences_do_not_depend_on_the_order():
    one, other = (EqualizedOddsUnfairness(4, target_class=1) for _ in range(2))
    shuffled = torch.randperm(ROWS, generator=DRAW)
    one.update(SCORES, TARGET, GROUPS)
    for row in shuffled.split(7):
        other.update(SCORES[row], TARGET[row], GROUPS[row])
    assert torch.equal(one.totals, other.totals)


def test_small_groups_are_left_out():
    metric = WorstClassAccuracy(3)
    metric.update(torch.tensor([0] * 20 + [1] * 20 + [0]), torch.tensor([0] * 20 + [1] * 20 + [2]))
    assert metric.compute() == 1
    assert math.isnan(ClassAccuracyUnfairness(2)(torch.tensor([0]), torch.tensor([0])).item())


def test_inside_a_collection_with_others():
    collection = MetricCollection(
        [Accuracy(task="multiclass", num_classes=3), WorstClassAccuracy(3), ClassAccuracyUnfairness(3)]
    )
    collection.update(SCORES, TARGET)
    found = collection.compute()
    assert found["WorstClassAccuracy"] <= found["MulticlassAccuracy"]
    assert set(found) == {"MulticlassAccuracy", "WorstClassAccuracy", "ClassAccuracyUnfairness"}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: WorstClassAccuracy(1), "num_groups is 1"),
        (lambda: WorstClassAccuracy(2, minimum_rows=0), "minimum_rows is 0"),
        (lambda: WorstClassAccuracy(2).update(PREDS, TARGET), "run from 0 to 2; expected integers 0 to 1"),
        (lambda: WorstClassAccuracy(3).update(SCORES[:, 0], TARGET), "preds has .* of integers"),
        (lambda: WorstClassAccuracy(3).update(PREDS[:5], TARGET), "target has shape"),
        (lambda: SuccessRateUnfairness(3).update(SUCCESS.int(), TARGET), "success has .* of bool"),
        (
            lambda: EqualizedOddsUnfairness(4, target_class=0).update(SCORES.log(), TARGET, GROUPS),
            "pass logits through a softmax",
        ),
        (lambda: EqualizedOddsUnfairness(4, target_class=3).update(SCORES, TARGET, GROUPS), "a column of it"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(FairtollError, match=says):
        call()
