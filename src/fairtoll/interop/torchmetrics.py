"""The metrics as torchmetrics: states are counts by group that add up over batches and processes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fairtoll.errors import FairtollError

try:
    from torchmetrics import Metric
except ImportError as error:
    raise FairtollError(
        f"fairtoll.interop.torchmetrics needs the package torchmetrics, which cannot be imported here ({error}); "
        "install it with fairtoll's extra: pip install -e '.[interop]' in its folder"
    ) from error

#: Confidences are added as whole multiples of 1 / PARTS. Whole numbers add up to the same sum in any order and on any
#: number of processes, on devices without float64 too, and a sum of 2^31 rows does not overflow.
PARTS = 2**32


class _GroupMeans(Metric):  # torchmetrics takes nothing but subclasses of Metric
    """The mean of one outcome in each group, from sums."""

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    totals: Tensor
    rows: Tensor

    def __init__(self, num_groups: int, *, minimum_rows: int = 10, **settings: Any) -> None:
        super().__init__(**settings)
        if num_groups < 2:
            raise FairtollError(f"num_groups is {num_groups}; expected 2 or more, how many classes or groups there are")
        if minimum_rows < 1:
            raise FairtollError(f"minimum_rows is {minimum_rows}; expected an integer of at least 1")
        self.num_groups, self.minimum_rows = num_groups, minimum_rows
        self.add_state("totals", default=torch.zeros(num_groups, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("rows", default=torch.zeros(num_groups, dtype=torch.int64), dist_reduce_fx="sum")

    def _add(self, outcome: Tensor, groups: Tensor, counted: Tensor | None = None) -> None:
        """Add the outcomes, whole numbers, of the rows that count to their groups."""
        groups = _codes(groups, "groups", rows=len(outcome))
        if len(groups) and not 0 <= int(groups.min()) <= int(groups.max()) < self.num_groups:
            raise FairtollError(
                f"groups run from {int(groups.min())} to {int(groups.max())}; expected integers 0 to "
                f"{self.num_groups - 1}; num_groups is {self.num_groups}"
            )
        if counted is not None:
            outcome, groups = outcome[counted], groups[counted]
        self.totals.index_add_(0, groups, outcome.to(torch.int64))
        self.rows.index_add_(0, groups, torch.ones_like(groups))

    def _means(self, parts: int = 1) -> Tensor:
        """The means of the groups with enough rows, on the CPU: sums may have more digits than a device's floats."""
        totals, rows = self.totals.cpu().double(), self.rows.cpu()
        enough = rows >= self.minimum_rows
        return totals[enough] / rows[enough] / parts

    def _answer(self, value: Tensor | None) -> Tensor:
        """In float32 on the device; NaN where the groups are too few."""
        device = self.rows.device
        return torch.full((), torch.nan, device=device) if value is None else value.float().to(device)

    def _gap(self, parts: int = 1) -> Tensor:
        means = self._means(parts)
        return self._answer(means.max() - means.min() if len(means) >= 2 else None)


class ClassAccuracyUnfairness(_GroupMeans):
    """CAU: the largest difference in accuracy between two classes or groups.

    As `fairtoll.metrics.class_accuracy_unfairness`, over batches and processes.

    Parameters
    ----------
    num_groups : int
        How many classes, or groups, there are.
    minimum_rows : int
        A group with fewer rows is excluded from the gap.
    **settings
        Of `torchmetrics.Metric`.

    Examples
    --------
    >>> metric = ClassAccuracyUnfairness(2, minimum_rows=1)
    >>> metric.update(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    tensor(0.5000)
    """

    def update(self, preds: Tensor, target: Tensor, groups: Tensor | None = None) -> None:
        """Add a batch.

        Parameters
        ----------
        preds : Tensor, (N,) of int or (N, C) of scores
            Predicted classes, or what the largest of is predicted.
        target : Tensor, (N,) of int
            True classes.
        groups : Tensor, (N,) of int, optional
            The group of each row, 0 to num_groups - 1. Default: its true class.
        """
        right = _right(preds, target)
        self._add(right, target if groups is None else groups)

    def compute(self) -> Tensor:
        """The gap, a fraction; NaN if fewer than two groups have enough rows."""
        return self._gap()


class WorstClassAccuracy(_GroupMeans):
    """Accuracy of the class, or the group, that is worst off; on attacked rows: worst-class robust accuracy.

    Parameters
    ----------
    num_groups : int
        How many classes, or groups, there are.
    minimum_rows : int
        A group with fewer rows is left out.
    **settings
        Of `torchmetrics.Metric`.

    Examples
    --------
    >>> metric = WorstClassAccuracy(2, minimum_rows=1)
    >>> metric(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1]))
    tensor(0.5000)
    """

    higher_is_better = True

    def update(self, preds: Tensor, target: Tensor, groups: Tensor | None = None) -> None:
        """Add a batch, as `ClassAccuracyUnfairness.update`."""
        right = _right(preds, target)
        self._add(right, target if groups is None else groups)

    def compute(self) -> Tensor:
        """The smallest accuracy, a fraction; NaN if no group has enough rows."""
        means = self._means()
        return self._answer(means.min() if len(means) else None)


class SuccessRateUnfairness(_GroupMeans):
    """CRU_s: the largest difference in attack success between two classes or groups.

    As `fairtoll.metrics.success_rate_unfairness`, over batches and processes.

    Parameters
    ----------
    num_groups : int
        How many classes, or groups, there are.
    minimum_rows : int
        A group with fewer counted rows is excluded from the gap.
    **settings
        Of `torchmetrics.Metric`.

    Examples
    --------
    >>> metric = SuccessRateUnfairness(2, minimum_rows=1)
    >>> metric(torch.tensor([True, False, True, True]), torch.tensor([0, 0, 1, 1]))
    tensor(0.5000)
    """

    def update(
        self, success: Tensor, target: Tensor, groups: Tensor | None = None, counted: Tensor | None = None
    ) -> None:
        """Add a batch.

        Parameters
        ----------
        success : Tensor, (N,) of bool
            Whether the row is misclassified under attack, such as `fairtoll.attacks.AttackResult.success`.
        target : Tensor, (N,) of int
            True classes.
        groups : Tensor, (N,) of int, optional
            The group of each row, 0 to num_groups - 1. Default: its true class.
        counted : Tensor, (N,) of bool, optional
            Which rows count, such as those that are classified correctly without an attack. Default: all.
        """
        target = _codes(target, "target", rows=len(success))
        self._add(_flags(success, "success", rows=len(target)), target if groups is None else groups,
                  None if counted is None else _flags(counted, "counted", rows=len(target)))  # fmt: skip

    def compute(self) -> Tensor:
        """The gap, a fraction; NaN if fewer than two groups have enough counted rows."""
        return self._gap()


class EqualizedOddsUnfairness(_GroupMeans):
    """EOU: the largest difference in mean confidence of one class between two groups.

    As `fairtoll.metrics.equalized_odds_unfairness`, over batches and processes.

    Parameters
    ----------
    num_groups : int
        How many groups there are.
    target_class : int
        The class whose confidence is averaged.
    label : int, optional
        Count only rows with this true class, as the paper does. Default: all rows.
    minimum_rows : int
        A group with fewer counted rows is excluded from the gap.
    **settings
        Of `torchmetrics.Metric`.

    Examples
    --------
    >>> metric = EqualizedOddsUnfairness(2, target_class=1, label=1, minimum_rows=1)
    >>> probabilities = torch.tensor([[0.5, 0.5], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]])
    >>> metric(probabilities, torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1]))
    tensor(0.2500)
    """

    def __init__(
        self,
        num_groups: int,
        *,
        target_class: int,
        label: int | None = None,
        minimum_rows: int = 10,
        **settings: Any,
    ) -> None:
        super().__init__(num_groups, minimum_rows=minimum_rows, **settings)
        self.target_class, self.label = target_class, label

    def update(self, probabilities: Tensor, target: Tensor, groups: Tensor) -> None:
        """Add a batch.

        Parameters
        ----------
        probabilities : Tensor, (N, C)
            Of each class.
        target : Tensor, (N,) of int
            True classes.
        groups : Tensor, (N,) of int
            The group of each row, 0 to num_groups - 1.
        """
        target = _codes(target, "target", rows=len(probabilities))
        if probabilities.ndim != 2 or not 0 <= self.target_class < probabilities.shape[1]:
            raise FairtollError(
                f"probabilities have shape {tuple(probabilities.shape)} and target_class is {self.target_class}; "
                "expected (N, C) and a column of it"
            )
        confidence = probabilities[:, self.target_class].detach()
        if len(confidence) and not 0 <= float(confidence.min()) <= float(confidence.max()) <= 1:
            raise FairtollError(
                f"confidences run from {float(confidence.min()):g} to {float(confidence.max()):g}; expected "
                "probabilities between 0 and 1; pass logits through a softmax"
            )
        if confidence.dtype in (torch.float16, torch.bfloat16):
            confidence = confidence.float()
        self._add((confidence * PARTS).round(), groups, None if self.label is None else target == self.label)

    def compute(self) -> Tensor:
        """The gap, in probability; NaN if fewer than two groups have enough counted rows."""
        return self._gap(PARTS)


def _right(preds: Tensor, target: Tensor) -> Tensor:
    if preds.ndim == 2:
        preds = preds.argmax(dim=1)
    target = _codes(target, "target", rows=len(preds))
    return _codes(preds, "preds", rows=len(target)) == target


def _codes(values: Tensor, name: str, *, rows: int) -> Tensor:
    if values.shape != (rows,) or values.is_floating_point() or values.is_complex() or values.dtype == torch.bool:
        raise FairtollError(
            f"{name} has shape {tuple(values.shape)} and type {values.dtype}; expected ({rows},) of integers, one a row"
        )
    return values.to(torch.int64)


def _flags(values: Tensor, name: str, *, rows: int) -> Tensor:
    if values.shape != (rows,) or values.dtype != torch.bool:
        raise FairtollError(
            f"{name} has shape {tuple(values.shape)} and type {values.dtype}; expected ({rows},) of bool, one a row"
        )
    return values
