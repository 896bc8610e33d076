"""Linear constraints on the means of groups, and the multipliers that enforce them: the method of multipliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fairtoll.errors import FairtollError
from fairtoll.models.stack import ModelStack

NO_SLACK = "slack is {slack}; expected a number of 0 or more; give the largest gap that is allowed"
NO_RATE = "the step of the multipliers is {rate}; expected a finite number above 0; give a smaller or larger one"


@dataclass(frozen=True, eq=False)
class Constraints:
    """C constraints, each a linear function of the means of P groups that may not exceed the slack.

    Attributes
    ----------
    names : tuple of str, length C
        What each bounds, such as "Male over Female".
    measured : Tensor of float64, (C, P)
        ``measured @ means <= slack`` is the constraint.
    pulled : Tensor of float64, (C, P)
        The part of `measured` that training may change: all of it, or without what is held fixed.
    slack : float
        Largest value that is allowed, in the unit of the means.

    Examples
    --------
    >>> gap_constraints(("a", "b"), (0, 0), slack=0.1).violations(torch.tensor([[0.75, 0.5]]).double()).tolist()
    [[0.15, -0.35]]
    """

    names: tuple[str, ...]
    measured: Tensor
    pulled: Tensor
    slack: float

    def __len__(self) -> int:
        return len(self.names)

    def violations(self, means: Tensor) -> Tensor:
        """By how much each constraint is exceeded, `(K, C)`, at the means `(K, P)` of K models; negative where met."""
        return means @ self.measured.T - self.slack

    def worst(self, means: Tensor) -> tuple[Tensor, Tensor]:
        """The largest violation of each model and the constraint that has it, both `(K,)`."""
        worst = self.violations(means).max(dim=1)
        return worst.values, worst.indices


def gap_constraints(groups: Sequence[str], blocks: Sequence[int], *, slack: float) -> Constraints:
    """No two groups of one block differ by more than the slack: a constraint for each ordered pair.

    Parameters
    ----------
    groups : sequence of str, length P
        Their names.
    blocks : sequence of int, length P
        Only groups of one block are compared.
    slack : float
        The largest gap that is allowed.

    Raises
    ------
    FairtollError
        For a slack below 0, or no two groups in any block.

    Examples
    --------
    >>> gap_constraints(("a", "b", "c"), (0, 0, 1), slack=0.1).names
    ('a over b', 'b over a')
    """
    _check_slack(slack)
    pairs = [
        (first, second)
        for first, block in enumerate(blocks)
        for second, other in enumerate(blocks)
        if first != second and block == other
    ]
    if not pairs:
        raise FairtollError(
            f"there are no two groups to compare among {', '.join(groups) or 'none'}; expected two or more; choose a "
            "partition with more groups"
        )
    eye = torch.eye(len(groups), dtype=torch.float64)
    measured = torch.stack([eye[first] - eye[second] for first, second in pairs])
    names = tuple(f"{groups[first]} over {groups[second]}" for first, second in pairs)
    return Constraints(names, measured, measured, slack)


def ceiling_constraints(groups: Sequence[str], *, slack: float) -> Constraints:
    """No group's mean exceeds the mean of the groups by more than the slack.

    The ceiling moves with the models and is held fixed in each training step: training lowers what is above it and
    never raises what is below it. Where the multipliers have converged, the models solve the problem whose ceiling is
    the last one.

    Parameters
    ----------
    groups : sequence of str, length P
        Their names.
    slack : float
        How far above the mean of the groups a group may be.

    Raises
    ------
    FairtollError
        For a slack below 0, or fewer than two groups.

    Examples
    --------
    >>> ceiling_constraints(("a", "b"), slack=0.1).violations(torch.tensor([[1.0, 0.0]]).double()).tolist()
    [[0.4, -0.6]]
    """
    _check_slack(slack)
    if len(groups) < 2:
        raise FairtollError(
            f"there are no two groups to compare among {', '.join(groups) or 'none'}; expected two or more; choose a "
            "partition with more groups"
        )
    eye = torch.eye(len(groups), dtype=torch.float64)
    return Constraints(tuple(f"{group} over the mean" for group in groups), eye - 1 / len(groups), eye, slack)


class Multipliers:
    """Multipliers of K models, one for each constraint, never below 0.

    Each step adds `rate` times the violation and projects at 0 (dual ascent). What training uses has `rate` times the
    latest violation in addition: the gradient of the augmented Lagrangian (Hestenes 1969, Powell 1969, Rockafellar
    1973), which damps the oscillation of plain ascent. A constraint that has always been met has the multiplier 0.

    Parameters
    ----------
    models : int
        K.
    constraints : Constraints
        C of P groups.
    rate : float
        Step, in units of the objective for one unit of violation squared.

    Attributes
    ----------
    values : Tensor of float64, (K, C)
        The multipliers.

    Raises
    ------
    FairtollError
        For a rate of 0 or less.

    Examples
    --------
    >>> multipliers = Multipliers(1, gap_constraints(("a", "b"), (0, 0), slack=0.25), rate=2.0)
    >>> multipliers.ascend(torch.tensor([[1.0, 0.5]]))
    >>> multipliers.values.tolist(), multipliers.pull.tolist()
    ([[0.5, 0.0]], [[1.0, -1.0]])
    """

    def __init__(self, models: int, constraints: Constraints, *, rate: float) -> None:
        if not 0 < rate < float("inf"):
            raise FairtollError(NO_RATE.format(rate=rate))
        self._constraints, self._rate = constraints, rate
        self.values = torch.zeros(models, len(constraints), dtype=torch.float64)
        self._latest = torch.zeros_like(self.values)

    def ascend(self, means: Tensor) -> None:
        """One step, from the means `(K, P)` of the groups with the present weights."""
        self._latest = self._rate * self._constraints.violations(means.double())
        self.values = (self.values + self._latest).clamp(min=0)

    @property
    def pull(self) -> Tensor:
        """What each model's training adds to its objective for each group's mean, `(K, P)`."""
        return (self.values + self._latest).clamp(min=0) @ self._constraints.pulled


class ClosestWeights:
    """The weights of each of K models that are kept: the last that meet the constraints, or else the closest to them.

    Parameters
    ----------
    constraints : Constraints
        What is to be met.

    Attributes
    ----------
    violations : Tensor of float64, (K,)
        The largest violation of the weights that are kept; 0 or less where all constraints are met.
    names : list of str, length K
        The constraint that has it.
    slack : float
        Of the constraints.

    Examples
    --------
    >>> stack = ModelStack([torch.nn.Linear(1, 2)])
    >>> kept = ClosestWeights(gap_constraints(("a", "b"), (0, 0), slack=0.25))
    >>> for means in ([[1.0, 0.5]], [[1.0, 0.25]]):
    ...     kept.offer(stack, torch.tensor(means).double())
    >>> kept.violations.tolist(), kept.names
    ([0.25], ['a over b'])
    """

    def __init__(self, constraints: Constraints) -> None:
        self._constraints, self._weights = constraints, dict[str, Tensor]()
        self.violations, self.names, self.slack = torch.empty(0, dtype=torch.float64), list[str](), constraints.slack

    def offer(self, stack: ModelStack, means: Tensor) -> None:
        """The present weights of K models, and their means `(K, P)`."""
        worst, which = self._constraints.worst(means)
        now = {name: parameter.detach().clone() for name, parameter in stack.parameters.items()}
        names = [self._constraints.names[index] for index in which.tolist()]
        if not self._weights:
            self._weights, self.violations, self.names = now, worst, names
            return
        better = (worst <= 0) | (worst < self.violations)
        for name, kept in self._weights.items():
            mask = better.to(kept.device).view(-1, *[1] * (kept.ndim - 1))
            self._weights[name] = torch.where(mask, now[name], kept)
        self.violations = torch.where(better, worst, self.violations)
        self.names = [new if one else old for new, old, one in zip(names, self.names, better.tolist(), strict=True)]

    def restore(self, stack: ModelStack) -> None:
        """Give the stack the weights that are kept."""
        stack.parameters.update(self._weights)


def _check_slack(slack: float) -> None:
    if not slack >= 0:
        raise FairtollError(NO_SLACK.format(slack=slack))
