"""Exact answers where few features may move: branch and bound over the inputs that a threat admits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtoll.bounds.chain import NoBoundError, read_chain
from fairtoll.bounds.zonotope import DenseChain, dense_chain, floors
from fairtoll.models.borrow import device_of
from fairtoll.models.predict import checked_logits, require_finite
from fairtoll.threats.any import Threat

#: With more features than these that may move, boxes are halved too often to get anywhere.
MAXIMUM_FEATURES = 8
#: Values that the largest array of a bound holds on a CPU: more are allocated anew from the system each time, which
#: made a box of a 64-wide network four times as expensive. And boxes at once on an accelerator.
VALUES, ON_ACCELERATOR = 400_000, 8192
#: Halvings of the way from a row to a misclassified input, in search of a nearer one.
PULLS = 12


def moves_few(model: nn.Module, x: Tensor, threat: Threat) -> bool:
    """Whether boxes of inputs can be split: the layers are dense, and at most 8 features may move.

    Raises
    ------
    NoBoundError
        For a model with layers that no bound is known for.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> moves_few(nn.Sequential(nn.Linear(9, 4), nn.ReLU(), nn.Linear(4, 2)), torch.zeros(1, 9), LinfThreat())
    False
    """
    if threat.norm != "linf":
        return False
    read_chain(model, x)
    try:
        few_features(model, x, threat)
    except NoBoundError:
        return False
    return True


def few_features(model: nn.Module, x: Tensor, threat: Threat) -> tuple[DenseChain, Tensor]:
    """The model as dense layers and the features that may move, or an error that says why boxes cannot be split.

    Raises
    ------
    NoBoundError
        For other layers, or more features.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Sequential(nn.Linear(9, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> few_features(model, torch.zeros(1, 9), LinfThreat(mutable=[True] + 8 * [False]))[1]
    tensor([0])
    """
    chain = read_chain(model, x)
    # Single precision is twice as fast; a model in double precision needs bounds that are.
    dense = dense_chain(chain, dtype=torch.float32 if chain.unit > 1e-12 else torch.float64)
    features = (threat.radius(x[:1].double(), 1.0) > 0).any(dim=0).nonzero().flatten()
    if len(features) > MAXIMUM_FEATURES:
        raise NoBoundError(
            f"{len(features)} features may move; exact answers need at most {MAXIMUM_FEATURES}: expected a threat with "
            "fewer mutable features, or certified_epsilon"
        )
    # Where nothing may move, one feature that stays: a box that is the row itself.
    return dense, (features if len(features) else torch.zeros(1, dtype=torch.int64)).to(device_of(model))


@dataclass(frozen=True, eq=False)
class Found:
    """What is known of each row of a batch; see `fairtoll.bounds.proof.Proof`."""

    low: Tensor
    high: Tensor
    within_rounding: Tensor
    perturbed: Tensor
    boxes: Tensor


@dataclass(eq=False)
class BoxSearch:
    """The rows of one batch: what is known of them, and the boxes that are still open.

    Attributes
    ----------
    model : Module
        Borrowed; its own answers decide whether an input is misclassified.
    dense : DenseChain
        The same model, for bounds.
    x, y : Tensor
        The rows and their classes.
    threat : LinfThreat
    features : Tensor of int64
        Which may move.
    epsilon : float
        The largest radius.
    tolerance : float, optional
        Of the bracket; None: rows are only decided at `epsilon`.
    """

    model: nn.Module
    dense: DenseChain
    x: Tensor
    y: Tensor
    threat: Threat
    features: Tensor
    epsilon: float
    tolerance: float | None

    def run(self, known: Tensor | None, budget: int, *, offset: int) -> Found:
        """Search every row of the batch; `offset` is the caller's number of the first."""
        x, count = self.x, len(self.x)
        self.exact, self.scale = x.double(), self.threat.radius(x.double(), 1.0)[:, self.features]
        self.whole = self._whole_features()
        self.point, self.offset = x.clone(), offset
        self.high = torch.full((count,), math.inf, dtype=torch.float64, device=x.device)
        self.target = torch.full_like(self.high, self.epsilon)
        # The nearest box that was given up, and whether only because of rounding.
        self.left, self.blurred = self.high.clone(), torch.ones(count, dtype=torch.bool, device=x.device)
        self.used = torch.zeros(count, dtype=torch.int64, device=x.device)
        wrong = self._wrong(x, torch.arange(count, device=x.device))
        self._note(wrong.nonzero().flatten(), x[wrong])
        if known is not None:
            self._start(known)
        self.low, self.high_end = self._ball(torch.arange(count, device=x.device))
        open_rows = (self.target > 0).nonzero().flatten()
        rows, low, high = open_rows, self.low[open_rows], self.high_end[open_rows]
        at_once = self.dense.boxes_of(VALUES) if x.device.type == "cpu" else ON_ACCELERATOR
        while len(rows):
            chosen, rest = self._nearest(rows, low, high, at_once)
            children = self._treat(rows[chosen], low[chosen], high[chosen], budget)
            rows, low, high = (
                torch.cat([new, old[rest]]) for new, old in zip(children, (rows, low, high), strict=True)
            )
        return self._result()

    def _whole_features(self) -> Tensor:
        """Where a feature of a row goes from whole number to whole number; a fraction is bounded as a real number."""
        values = self.exact[:, self.features]
        if self.threat.integer is None:
            return torch.zeros_like(values, dtype=torch.bool)
        whole = torch.broadcast_to(self.threat.integer.to(self.x.device), self.x.shape[1:])[self.features]
        return whole & (values == values.round())

    def _ball(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The ends of the movable features within each row's target."""
        low, high = self.threat.bounds(self.x[rows], self.target[rows].clamp(min=0))
        return low[:, self.features].double(), high[:, self.features].double()

    def _start(self, known: Tensor) -> None:
        """Take over what an attack found, where it is admissible and misclassified."""
        inside = self.threat.admits(self.x, known, self.epsilon)
        rows = (inside & (self.target > 0)).nonzero().flatten()
        rows = rows[self._wrong(known[rows], rows)]
        self._note(rows, known[rows])

    def _nearest(self, rows: Tensor, low: Tensor, high: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Positions of the boxes to treat next, and of the others."""
        if len(rows) <= count:
            everything = torch.arange(len(rows), device=rows.device)
            return everything, everything[:0]
        share = self._distance(rows, low, high) / self.target[rows].clamp(min=1e-300)
        order = share.argsort(stable=True)
        return order[:count], order[count:].sort().values

    def _distance(self, rows: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """The radius at which a box begins."""
        x, scale = self.exact[rows][:, self.features], self.scale[rows]
        gap = torch.maximum(low - x, x - high).clamp(min=0)
        return torch.where(scale > 0, gap / scale, 0).amax(dim=1)

    def _treat(self, rows: Tensor, low: Tensor, high: Tensor, budget: int) -> tuple[Tensor, Tensor, Tensor]:
        """Bound some boxes; returns the halves of those that remain."""
        low, high = torch.maximum(low, self.low[rows]), torch.minimum(high, self.high_end[rows])
        there = (low <= high).all(dim=1) & (self.target[rows] > 0)
        rows, low, high = rows[there], low[there], high[there]
        if not len(rows):
            return rows, low, high
        found = floors(self.dense, self.exact[rows], self.features, low, high, self.y[rows])
        # NaN, as of weights that are not finite, proves nothing.
        proved = found.floor > found.rounding
        self.used += torch.bincount(rows, minlength=len(self.used))
        open_boxes = (~proved).nonzero().flatten()
        self._try(rows[open_boxes], low[open_boxes], high[open_boxes], found.slope[open_boxes])
        # Halves of the box would hold no input whose class is certain either.
        blurred = (found.spread <= found.rounding) & (found.floor + found.spread >= -2 * found.rounding)
        width = high - low
        blurred |= (width <= 0).all(dim=1)
        spent = self.used[rows] >= budget
        given_up = ~proved & (blurred | spent) & (self.target[rows] > 0)
        self._give_up(rows[given_up], low[given_up], high[given_up], (blurred | ~spent)[given_up])
        split = ~proved & ~given_up & (self.target[rows] > 0)
        return self._halves(rows[split], low[split], high[split], found.blame[split].double())

    def _give_up(self, rows: Tensor, low: Tensor, high: Tensor, blurred: Tensor) -> None:
        self.left.scatter_reduce_(0, rows, self._distance(rows, low, high), "amin")
        self.blurred[rows[~blurred]] = False

    def _halves(self, rows: Tensor, low: Tensor, high: Tensor, blame: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        width = high - low
        # Where nothing is to blame, as between saturated values, the widest in its own units.
        share = blame + 1e-9 * width / self.scale[rows].clamp(min=1e-300) / self.target[rows].unsqueeze(1)
        place = torch.where(width > 0, share, -1.0).argmax(dim=1, keepdim=True)
        start, end = low.gather(1, place), high.gather(1, place)
        middle = (start + end) / 2
        whole = self.whole[rows].gather(1, place)
        upper = high.scatter(1, place, torch.where(whole, middle.floor(), middle))
        lower = low.scatter(1, place, torch.where(whole, middle.floor() + 1, middle))
        return torch.cat([rows, rows]), torch.cat([low, lower]), torch.cat([upper, high])

    def _try(self, rows: Tensor, low: Tensor, high: Tensor, slope: Tensor) -> None:
        """Look for counterexamples: the middle of each box, and the corner where the bound is smallest."""
        if not len(rows):
            return
        middle = (low + high) / 2
        middle = torch.where(self.whole[rows], middle.floor(), middle)
        corner = torch.where(slope > 0, low, high)
        twice = torch.cat([rows, rows])
        points = self.x[twice].clone()
        points[:, self.features] = torch.cat([torch.maximum(middle, low), corner]).to(points.dtype)
        if self.threat.integer is not None:
            # The box of a row that is a fraction itself holds other fractions, which the threat does not admit.
            points = self.threat.project(points, *self.threat.bounds(self.x[twice], self.epsilon))
        wrong = self._wrong(points, twice)
        if wrong.any():
            hit = twice[wrong]
            # Both: on the way back a fraction is rounded, which may be further than where it was.
            self._note(hit, points[wrong])
            self._note(hit, self._pulled(hit, points[wrong]))
            changed = hit.unique()
            self.low[changed], self.high_end[changed] = self._ball(changed)

    def _pulled(self, rows: Tensor, points: Tensor) -> Tensor:
        """Misclassified inputs on the way from the rows to these points, as near as halving finds them."""
        if self.tolerance is None:
            return points
        x, near, far = self.x[rows], torch.zeros(len(rows), 1), torch.ones(len(rows), 1)
        near, far = near.to(points), far.to(points)
        low, high = self.threat.bounds(x, self.epsilon)
        for _ in range(PULLS):
            half = (near + far) / 2
            tried = self.threat.project(x + half * (points - x), low, high)
            # A step of whole numbers may lead nowhere nearer.
            wrong = self._wrong(tried, rows).unsqueeze(1)
            near, far = torch.where(wrong, near, half), torch.where(wrong, half, far)
        pulled = self.threat.project(x + far * (points - x), low, high)
        return torch.where(self._wrong(pulled, rows).unsqueeze(1), pulled, points)

    def _note(self, rows: Tensor, points: Tensor) -> None:
        """Keep misclassified inputs that are nearer than what is known."""
        if not len(rows):
            return
        move = (points.double() - self.exact[rows]).abs()[:, self.features]
        scale = self.scale[rows]
        # Slightly more, so that the threat's own bounds admit the input.
        distance = torch.where(scale > 0, move / scale, 0).amax(dim=1) * (1 + 1e-15)
        distance = distance.clamp(max=self.epsilon)
        order = distance.argsort(descending=True, stable=True)
        for row, place in zip(rows[order].tolist(), order.tolist(), strict=True):
            if distance[place] < self.high[row]:
                self.high[row], self.point[row] = distance[place], points[place]
        nearest = self.high[rows]
        # A row that is only to be decided is done; otherwise what is nearer by the tolerance is still to be proved.
        self.target[rows] = 0.0 if self.tolerance is None else (nearest - self.tolerance).clamp(min=0)

    def _wrong(self, points: Tensor, rows: Tensor) -> Tensor:
        """Whether the model misclassifies each of the points."""
        if not len(points):
            return torch.zeros(0, dtype=torch.bool, device=points.device)
        logits = checked_logits(self.model, points)
        if not torch.isfinite(logits.sum()):
            require_finite(logits.cpu(), where="of a proof", rows=rows.cpu() + self.offset)
        return logits.argmax(dim=1) != self.y[rows]

    def _result(self) -> Found:
        # Less than where a box begins that was given up: its nearest input lies just there.
        proved = torch.minimum(self.target, self.left * (1 - 1e-15))
        if self.tolerance is None:
            proved = torch.where(self.high.isfinite(), 0.0, proved)
        whole = proved >= self.target
        blurred = self.blurred & ~whole & self.high.isinf()
        return Found(torch.minimum(proved, self.high), self.high, blurred, self.point, self.used)
