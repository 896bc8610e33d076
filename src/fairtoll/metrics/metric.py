"""The record of a metric: its definition, and everything needed to compare, judge and show it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from numpy.typing import NDArray

from fairtoll.errors import FairtollError

Scale = Literal["rate", "probability", "amount"]
Unit = Literal["points", "epsilon", "ratio", "number"]
Denominator = Literal["all", "correct"]
#: Inputs that are measured under an attack, never on clean rows.
_ATTACKED = {"success", "least_epsilon", "censored"}


class NotMeasurableError(FairtollError):
    """The rows do not determine the outcome, such as least epsilons that are all limits: insufficient data."""


@dataclass(frozen=True)
class Metric:
    """A definition of unfairness: the gap between groups in the mean of an outcome.

    One record a metric, in the file of its definition, listed in `fairtoll.metrics.METRICS`. Findings compute through
    `outcome`; the verdict and the report read the rest.

    Parameters
    ----------
    name : str
        In questions, findings and files.
    symbol : str
        As the paper writes it.
    title : str
        Of the gap.
    group_title : str
        Of one group's mean.
    outcome : callable
        From keyword arrays of one model's n rows to one number a row, (n,). The names of its required parameters say
        what it is computed from: `labels` true classes, (n,) of int; `predicted` classes, (n,); `probabilities`,
        (n, C); `correct` whether the clean prediction is right, (n,) of bool; `success` under attack, (n,) of bool;
        `least_epsilon`, (n,) in the threat's units, and `censored`, (n,) of bool, its lower limits;
        `certified_radius`, (n,), claimed by others; `counted` which rows the means are over, (n,) of bool; `target`
        a class, int; `rate` a mean success rate. Raises `NotMeasurableError` where the rows do not determine it.
    ends : callable, optional
        As `outcome`, where proofs are known too: returns the smallest and the largest outcome that each row may have,
        whatever attack looks at it, each (n,). It may also take `proved_radius`, (n,), within which each row is proved
        robust, and `proved`, (n,) of bool, whether it is at the radius of the attack.
    margin : float
        The largest difference between two arms' gaps that does not matter, in the metric's unit.
    margin_is_share : bool
        The margin is a share of the standard arm's mean outcome instead.
    scale : {"rate", "probability", "amount"}
        Outcomes between 0 and 1 whose mean is a rate; numbers between 0 and 1; numbers without an upper limit.
    unit : {"points", "epsilon", "ratio", "number"}
        In which a report shows the gap: percentage points, the threat's units, multiples of a mean, plain.
    higher_is_better : bool
        Whether the group with the largest mean is the best off, as with accuracy.
    levels_down : bool
        Whether each group's mean is a benefit or a harm in itself, so that a gap can shrink because all groups lose.
        Not so for confidence in a class, nor for what is measured against the mean of all.
    denominators : tuple of {"all", "correct"}
        Which rows the means may be over: all, or those that are classified correctly before the attack.
    in_audits : bool
        Whether `fairtoll.audit` evaluates it wherever it has what the outcome is computed from.
    lead : str
        One or two sentences at the head of its section in a report.

    Raises
    ------
    FairtollError
        If the margin is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> def is_wrong(*, labels, predicted):
    ...     return predicted != labels
    >>> error = Metric("error", "Err", "Error gap", "Error rate", is_wrong, margin=0.01, higher_is_better=False)
    >>> error.needs, error.upper_limit, error.needs_attack
    (('labels', 'predicted'), 1.0, False)
    >>> error.outcome(labels=np.array([0, 1]), predicted=np.array([0, 0])).tolist()
    [False, True]
    """

    name: str
    symbol: str
    title: str
    group_title: str
    outcome: Callable[..., NDArray[Any]]
    margin: float
    margin_is_share: bool = False
    scale: Scale = "rate"
    unit: Unit = "points"
    higher_is_better: bool = True
    levels_down: bool = False
    denominators: tuple[Denominator, ...] = ()
    in_audits: bool = False
    lead: str = ""
    ends: Callable[..., tuple[NDArray[Any], NDArray[Any]]] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.margin < float("inf"):
            raise FairtollError(f"margin of {self.name} is {self.margin}; expected 0 or more, in its unit")

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """What the outcome is computed from: the required parameters of `outcome`."""
        return _required(self.outcome)

    @cached_property
    def ends_need(self) -> tuple[str, ...]:
        """What the ends of the outcome are computed from."""
        return () if self.ends is None else _required(self.ends)

    @property
    def needs_attack(self) -> bool:
        """Whether it needs attacked rows; others may be taken on clean or on attacked predictions."""
        return not _ATTACKED.isdisjoint(self.needs)

    @property
    def needs_claims(self) -> bool:
        """Whether it is of radii that others claim."""
        return "certified_radius" in self.needs

    @property
    def rates(self) -> bool | None:
        """Whether group means are rates, as `fairtoll.statistics` wants to know; None: if all outcomes are 0 or 1."""
        return {"rate": True, "probability": None, "amount": False}[self.scale]

    @property
    def upper_limit(self) -> float:
        """The largest value that a group's mean, and so a gap, can have."""
        return float("inf") if self.scale == "amount" else 1.0

    def margin_for(self, standard_mean: float) -> float:
        """The margin in the metric's unit, given the standard arm's mean outcome; 0 if that leaves none.

        Examples
        --------
        >>> from fairtoll.metrics import METRICS
        >>> METRICS["cau"].margin_for(0.5), METRICS["cru_epsilon"].margin_for(8.0)
        (0.01, 0.4)
        """
        return self.margin * max(standard_mean, 0.0) if self.margin_is_share else self.margin


def _required(function: Callable[..., Any]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    return tuple(parameter.name for parameter in parameters if parameter.default is parameter.empty)
