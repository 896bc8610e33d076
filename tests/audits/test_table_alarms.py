"""Alarms of audits inside a threat to a table ask of gradients what gradients can find: categories have none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import fairtoll as ft
from fairtoll.data import Dataset, Feature
from fairtoll.threats import table_threat

OF_GRADIENTS = {"noise-as-strong", "black-box-adds", "zero-gradients"}


class ByJob(nn.Module):
    """The job decides the class, unless the pay is far out; its gradient in the pay is right, or hidden by rounding."""

    def __init__(self, *, hidden: bool) -> None:
        super().__init__()
        self.hidden = hidden

    def forward(self, x: Tensor) -> Tensor:
        pay = (x[:, 0] - 50) / 30
        if self.hidden:
            pay = (pay * 4).round() / 4 - 1e-6 * pay
        score = pay + 2 * (x[:, 1] == 1).to(x.dtype) - 1
        return torch.stack([-score, score], dim=1)


def fired(result: ft.Audit) -> set[str]:
    return {alarm.id for alarm in result.results.alarms if alarm.fired}


def rows() -> Dataset:
    rng = np.random.default_rng(0)
    x = np.stack([rng.uniform(0, 100, 300), rng.integers(0, 3, 300)], axis=1).astype(np.float32)
    y = ((x[:, 0] - 50) / 30 + 2 * (x[:, 1] == 1) - 1 > 0).astype(int)
    features = (
        Feature("pay", "continuous", False, 0, 100, "euro"),
        Feature("job", "categorical", True, 0, 2, "code", ("cook", "driver", "nurse")),
    )
    return Dataset(x, y, ("no", "yes"), {"side": np.where(rng.uniform(size=300) < 0.5, "a", "b")}, features)


def audited(mutable: Sequence[str], *, hidden: bool) -> ft.Audit:
    data = rows()
    model = ByJob(hidden=hidden)
    return ft.audit({"one": model, "two": model}, data, threat=table_threat(data, mutable=mutable), epsilons=[0.3])


def test_a_category_that_decides_is_no_sign_of_hidden_gradients() -> None:
    found = audited(["pay", "job"], hidden=False)
    assert not fired(found) & OF_GRADIENTS
    assert {alarm.id for alarm in found.results.alarms} >= OF_GRADIENTS
    broken = next(one.mean for one in found.results.accuracy if one.evaluation == "white-box")
    # Any row changes its class with its job, but for those whose pay decides alone.
    assert broken < 0.5


def test_gradients_that_are_hidden_are_still_told() -> None:
    assert fired(audited(["pay", "job"], hidden=True)) & OF_GRADIENTS


@pytest.mark.parametrize("mutable", [["job"]])
def test_where_only_categories_move_gradients_are_not_asked(mutable: list[str]) -> None:
    assert not fired(audited(mutable, hidden=False)) & OF_GRADIENTS
