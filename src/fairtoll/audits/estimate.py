"""How long an audit will take: its own measures timed on a few rows, before any attack on all of them."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fairtoll.attacks.decisions import QUERIES
from fairtoll.audits.work import PROVED_ROWS, AuditWork
from fairtoll.evidence.measures import CHECK_ROWS, DECISION_ROWS
from fairtoll.evidence.target import Arm, Target
from fairtoll.models.borrow import borrowed, device_of
from fairtoll.models.predict import predict_logits
from fairtoll.progress import reporting_to

#: An audit that passes of this number for each row and radius would not keep this busy is not worth an estimate.
PASSES, WORTH_SECONDS = 400, 120.0
#: What the estimate itself may take, roughly, and how many rows it is made from at least and at most.
PROBE_SECONDS, LEAST_ROWS, PROBE_ROWS = 45.0, 2, 16
#: A pass over so many rows says what one costs.
TIMED = 32
#: Of one pass over many rows, which says how much faster a row is among others.
BATCH_SECONDS, BATCH_ROWS = 2.0, 2048
#: What statistics, charts and report take after the attacks, at the least.
REPORT_SECONDS = 5.0


@dataclass(frozen=True)
class Estimate:
    """About how long the rest of an audit takes on this machine.

    Attributes
    ----------
    seconds : float
    rows : int
        How many rows of each arm it was measured on.
    decision_rows : int
        How many rows HopSkipJump of another library will look at, of each model that is known by its scores alone.

    Examples
    --------
    >>> Estimate(1300.0, 4).sentence
    'About 22 minutes to go, estimated from 4 rows of each model; finished parts are kept, and --rows takes fewer.'
    """

    seconds: float
    rows: int
    decision_rows: int = 0

    @property
    def sentence(self) -> str:
        """In words."""
        many = f"{self.rows} row{'' if self.rows == 1 else 's'}"
        return (
            f"About {_spoken(self.seconds)} to go, estimated from {many} of each model; finished parts are kept, and "
            "--rows takes fewer." + self._looked_at
        )

    @property
    def _looked_at(self) -> str:
        if not self.decision_rows:
            return ""
        return (
            f" HopSkipJump looks at {self.decision_rows} rows of each model without gradients, with about {QUERIES} "
            "queries a row."
        )


def estimate(work: AuditWork, *, done: Collection[str] = ()) -> Estimate | None:
    """Time every measure on a few rows of each arm that are classified correctly, and scale it to all of these.

    A row that is misclassified already costs next to nothing, and a row among many costs less than one of a few: by
    how much a single pass says. Attacks that stop at success take as long as these rows are typical.

    Parameters
    ----------
    work : AuditWork
        Its clean rows have been predicted.
    done : collection of str
        Names of parts that are finished.

    Returns
    -------
    Estimate or None
        None where the audit is too short to be worth it.
    """
    if {part.name for part in work.parts()} <= set(done):
        return None
    # What is measured here is no progress of the audit.
    with reporting_to(lambda share: None), torch.random.fork_rng(devices=[]):
        right = [_right(work, place) for place in range(len(work.arms))]
        costs = [_row_seconds(arm, work.target, rows[:TIMED]) for arm, rows in zip(work.arms, right, strict=True)]
        passes = PASSES * len(work.epsilons)
        crude = sum(
            cost * len(rows) * passes * len(arm.models) for arm, rows, cost in zip(work.arms, right, costs, strict=True)
        )
        if crude < WORTH_SECONDS:
            return None
        afford = PROBE_SECONDS / (sum(costs) * passes)
        count = int(np.clip(afford, LEAST_ROWS, PROBE_ROWS))
        seconds = sum(_of_arm(work, place, rows, count, done) for place, rows in enumerate(right))
    waits = any(part.name.startswith("decisions-") and part.name not in done for part in work.parts())
    return Estimate(seconds + REPORT_SECONDS, count, min(DECISION_ROWS, len(work.target.data)) if waits else 0)


def _of_arm(work: AuditWork, place: int, right: NDArray[np.intp], count: int, done: Collection[str]) -> float:
    """Seconds of all parts of one arm that are not done."""
    arm, standard = work.arms[place], work.arms[0]
    own = [part for part in work.parts() if part.arm == arm.name and part.table == "attacks"]
    parts = [part for part in own if part.name not in done]
    if not parts or not len(right):
        return 0.0
    # From the least confident row to the most: among many rows there is one that no attack breaks, so that every step
    # is run, and of a large model a step costs nearly as much for one row as for all.
    sure = np.argsort(work.predicted(place)[right].max(axis=1), kind="stable")
    chosen = right[sure[np.linspace(0, len(right) - 1, min(count, len(right))).astype(int)]]
    rows = work.target.data.take(chosen)
    first = [_first(standard), *([_first(arm)] if place else [])]
    few = replace(
        work, arms=first, target=Target(rows, work.target.threat, work.target.threat_name), _predicted={}, _crafted={}
    )
    gain = _gain(arm, work.target, right, len(chosen))
    kinds: dict[str, list[str]] = {}
    for part in parts:
        kinds.setdefault(part.name.rsplit("-", 2)[0], []).append(part.name)
    seconds = 0.0
    for part in few.parts():
        kind = part.name.rsplit("-", 2)[0]
        if part.arm != arm.name or kind not in kinds:
            continue
        begun = time.perf_counter()
        part.make()
        spent = time.perf_counter() - begun
        seconds += spent * gain * len(kinds[kind]) * _rows(kind, work, len(right)) / len(chosen)
    return seconds


def _rows(kind: str, work: AuditWork, right: int) -> float:
    """How many rows one part of this kind has to do with."""
    whole = len(work.target.data)
    if kind == "transfer":
        return whole
    if kind == "decisions":
        return right * min(1.0, DECISION_ROWS / whole)
    if kind == "checks" or (kind == "proof" and not work.exact):
        return right * min(1.0, (CHECK_ROWS if kind == "checks" else PROVED_ROWS) / whole)
    return right


def _first(arm: Arm) -> Arm:
    return Arm(arm.name, arm.models[:1], arm.seeds[:1])


def _right(work: AuditWork, place: int) -> NDArray[np.intp]:
    """Positions of the rows that the first model of an arm classifies correctly."""
    predicted = work.predicted(place)
    return np.flatnonzero(predicted.argmax(axis=1) == work.target.data.y)


def _gain(arm: Arm, target: Target, right: NDArray[np.intp], count: int) -> float:
    """How much less a row costs among many rows than among so few; 1 where it costs as much."""
    few = _row_seconds(arm, target, right[:count])
    many = int(np.clip(BATCH_SECONDS / few, min(count, len(right)), min(len(right), BATCH_ROWS)))
    return min(1.0, _row_seconds(arm, target, right[:many]) / few)


def _row_seconds(arm: Arm, target: Target, rows: NDArray[np.intp]) -> float:
    """Seconds a row of one pass through a model and, where there are gradients, back."""
    x, model = target.x[rows if len(rows) else [0]], arm.models[0]

    def once() -> float:
        begun = time.perf_counter()
        if arm.has_gradients:
            _there_and_back(model, x)
        else:
            predict_logits(model, x)
        return time.perf_counter() - begun

    predict_logits(model, x[:1])  # the first call of a model is slower
    return max(min(once(), once()) / len(x), 1e-9)


def _there_and_back(model: nn.Module, x: Tensor) -> None:
    """The gradient of the answers in the rows alone, as attacks follow it."""
    with borrowed(model) as running, torch.enable_grad():
        rows = x.detach().to(device_of(model)).clone().requires_grad_(True)
        torch.autograd.grad(running(rows).sum(), rows, allow_unused=True)


def _spoken(seconds: float) -> str:
    for size, unit in ((3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 1.5 * size:
            shown = seconds / size
            return f"{shown:.1f} {unit}" if shown < 10 and unit == "hours" else f"{shown:.0f} {unit}"
    return f"{max(seconds, 1):.0f} seconds"
