"""The state of each row in the search for the least epsilon."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor

#: Phases of a row: coarse search; trying another class; small steps towards it; fine search to the tolerance.
COARSE, TRYING, WALKING, FINE = 0, 1, 2, 3


@dataclass
class Found:
    """The result for each row of a batch.

    Parameters
    ----------
    radius : Tensor, (N,)
        Of the smallest ball found; infinite where there is none.
    failed : Tensor, (N,)
        The largest radius below it at which the search failed; 0 where there is none.
    point : Tensor, (N, D)
        The input with the smallest ball, or the last one tried.
    """

    radius: Tensor
    failed: Tensor
    point: Tensor

    def record(self, rows: Rows) -> None:
        """Store the results of `rows`."""
        self.radius[rows.number] = rows.found
        self.failed[rows.number] = rows.failed
        hit = rows.found.isfinite().unsqueeze(1)
        self.point[rows.number] = rows.best.where(hit, rows.point)


@dataclass
class Rows:
    """The rows still searched, a field for each quantity; `(N,)` unless stated otherwise.

    Parameters
    ----------
    number, y : Tensor of int64
        Position in the batch, true class.
    x, low, high, point, best, direction : Tensor, (N, D)
        The clean row, the ends of its range at the largest radius, the current point, the nearest misclassified
        point, and the average of the last gradients.
    radius, step, shrink : Tensor
        Of the ball that contains the point; the step size in such radii; how far inside the best radius the next
        ball is, as a share of it.
    found, failed : Tensor
        The bracket: infinity and 0 where nothing is known.
    vain, ahead, stuck : Tensor
        Steps without success at this radius, the last one's margin, and whether it changed nothing.
    phase, ended, closed, done : Tensor
        The row's progress: the phase, whether the largest radius has failed, whether the last ball was within the
        tolerance of the best radius, and whether the row is finished.
    target, home : Tensor of int64
        The target class, and the class of the best point.
    rivals, rival_radius : Tensor, (N, R + 1)
        The classes next nearest by their tangents, then the nearest class for a walk; and the best radius must exceed
        this for them to be tried: infinity once they were.
    """

    number: Tensor
    y: Tensor
    x: Tensor
    low: Tensor
    high: Tensor
    point: Tensor
    best: Tensor
    direction: Tensor
    radius: Tensor
    step: Tensor
    shrink: Tensor
    found: Tensor
    failed: Tensor
    vain: Tensor
    ahead: Tensor
    stuck: Tensor
    phase: Tensor
    ended: Tensor
    closed: Tensor
    done: Tensor
    target: Tensor
    home: Tensor
    rivals: Tensor
    rival_radius: Tensor

    @property
    def away(self) -> Tensor:
        """Rows that try another class, or a walk."""
        return (self.phase == TRYING) | (self.phase == WALKING)

    def take(self, rows: slice | Tensor) -> Rows:
        """A subset: views for a slice, copies for an index."""
        return Rows(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})
