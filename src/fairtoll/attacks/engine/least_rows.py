"""What the search for the least epsilon knows of each row."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor

#: Phases of a row: closing in; trying another class; walking there in small steps; closing in to the last tolerance.
COARSE, TRYING, WALKING, FINE = 0, 1, 2, 3


@dataclass
class Found:
    """What was found for each row of a batch.

    Parameters
    ----------
    radius : Tensor, (N,)
        Of the smallest ball found; infinite where there is none.
    failed : Tensor, (N,)
        The largest radius below it at which the search failed; 0 where there is none.
    point : Tensor, (N, D)
        The input that the ball is the smallest around, or the last one tried.
    """

    radius: Tensor
    failed: Tensor
    point: Tensor

    def record(self, rows: Rows) -> None:
        """Keep what is known of `rows`."""
        self.radius[rows.number] = rows.found
        self.failed[rows.number] = rows.failed
        hit = rows.found.isfinite().unsqueeze(1)
        self.point[rows.number] = rows.best.where(hit, rows.point)


@dataclass
class Rows:
    """The rows still searched, a field for each quantity; `(N,)` where nothing else is said.

    Parameters
    ----------
    number, y : Tensor of int64
        Position in the batch, true class.
    x, low, high, point, best, direction : Tensor, (N, D)
        The clean row, the ends of its range at the largest radius, where the search is, the nearest misclassified
        point, and the average of the last gradients.
    radius, step, shrink : Tensor
        Of the ball that the point is kept in; the step's size in such radii; how far inside what was found the next
        ball lies, in shares of it.
    found, failed : Tensor
        The bracket: infinite and 0 where nothing is known.
    vain, ahead, stuck : Tensor
        Steps without success at this radius, the last one's margin, and whether it changed nothing.
    phase, ended, closed, done : Tensor
        How far the row is: the phase, whether the largest radius has failed, whether the last ball was within the
        tolerance of what was found, and whether the row is finished.
    target, home : Tensor of int64
        The class that is driven at, and the one that what was found belongs to.
    rivals, rival_radius : Tensor, (N, R + 1)
        The classes next nearest by their tangents, then the home class for a walk; and what was found must exceed this
        for them to be tried: infinite once they were.
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
        """Rows that try another way than the one by which they closed in."""
        return (self.phase == TRYING) | (self.phase == WALKING)

    def take(self, rows: slice | Tensor) -> Rows:
        """Some of them: views for a slice, copies for an index."""
        return Rows(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})
