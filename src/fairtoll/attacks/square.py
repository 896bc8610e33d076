"""Square attack: random search that uses only scores, so no gradient can mislead it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, check_patience, like, needed
from fairtoll.attacks.engine.descent import BatchedModel, EarlyStopping
from fairtoll.attacks.engine.inputs import check_inputs, require_finite_rows
from fairtoll.attacks.engine.start import begin
from fairtoll.attacks.loss import margin
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.errors import FairtollError
from fairtoll.threats.any import Threat

#: Share of an input that the first proposals change, and after which queries of 10,000 it is halved.
FIRST_SHARE = 0.8
HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


@dataclass(frozen=True)
class Square:
    """The Square attack as a value; see `square` for what its settings mean.

    Examples
    --------
    >>> Square(queries=500).name
    'square-500'
    """

    scores_only: ClassVar[bool] = True
    queries: int = 1000
    patience: int | None = None
    pixels: bool = False

    def __post_init__(self) -> None:
        _check_queries(self.queries)
        check_patience(self.patience)

    @property
    def name(self) -> str:
        """Such as "square-500"."""
        return name_of(self, f"square-{self.queries}", named=("queries",))

    @property
    def loss(self) -> str:
        """The quantity that the search maximises."""
        return "margin"

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        threat: Threat,
        epsilon: float,
        generator: torch.Generator | None = None,
        batch_size: int = 4096,
    ) -> AttackResult:
        """Run `square` with these settings."""
        shared: dict[str, Any] = {"generator": needed(generator, self.name), "batch_size": batch_size}
        return square(model, x, y, threat=threat, epsilon=epsilon, **shared, **vars(self))


def square(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilon: float,
    generator: torch.Generator,
    queries: int = 1000,
    patience: int | None = None,
    pixels: bool = False,
    batch_size: int = 4096,
) -> AttackResult:
    """Break rows by the Square attack (Andriushchenko et al. 2020), which never takes a gradient.

    Images `(N, C, H, W)` start from vertical stripes; each query sets a random square, one sign a
    channel, to its lowest or highest admissible values and keeps it if the margin rises. The squares
    shrink by the authors' schedule, stretched to `queries`. Rows of any other shape start from a random
    corner, and a query sets as large a share of the features that may move, one sign each. A
    misclassified row never enters, and a row leaves at its first success.

    Parameters
    ----------
    model, x, y, threat, epsilon, batch_size
        As in `pgd`.
    generator : torch.Generator
        On the CPU, for the proposals.
    queries : int
        Evaluations of each row, after the one of the clean row. The authors use 5,000 to 10,000.
    patience : int or None
        Give a row up once it would not be broken even if every remaining query gained three times as much margin as the
        last `patience` ones did on average. None, as the authors have it: never.
    pixels : bool
        Whether an image is searched as rows of any other shape are, pixel by pixel instead of square by square: on
        small images, or models that do not know which pixels are neighbours, it breaks other rows.

    Returns
    -------
    AttackResult
        Of a row that is not broken, the input with the largest margin.

    Raises
    ------
    FairtollError
        For no queries, and as `pgd` does.

    Warns
    -----
    FairtollWarning
        If the model seems to return probabilities, or a batch does not fit the device's memory.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0]])  # class 0 where x < 0: distances 0.5 and 2
    >>> square(model, x, torch.tensor([0, 0]), threat=LinfThreat(), epsilon=1.0, queries=10,
    ...        generator=torch.Generator().manual_seed(0)).success
    tensor([ True, False])
    """
    _check_queries(queries)
    check_patience(patience)
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size, gradients=False)

    def attack(model: nn.Module, clean: Tensor, labels: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
        batched = BatchedModel(model, clean)
        if batched.layout.channels_last:
            clean = clean.contiguous(memory_format=torch.channels_last)
        at = begin(lambda rows: batched.logits(batched.layout.pack(rows)), clean, labels, batch, counted="query")
        if len(at.left):
            search = _Search(batched, at.clean, at.labels, at.numbers, threat, epsilon, generator, pixels)
            at.success[at.left], at.perturbed[at.left] = search.run(queries, patience)
        return at.success, at.perturbed.contiguous()

    with torch.no_grad():
        return attack_in_batches(model, x, y, attack, batch_size=batch_size, generator=generator)


def _check_queries(queries: int) -> None:
    if queries < 1:
        raise FairtollError(f"queries is {queries}; expected 1 or more")


def share_at(query: int, queries: int) -> float:
    """Share of an input that query `query` of `queries` changes: 0.8, halved nine times on the way.

    Examples
    --------
    >>> share_at(1, 10_000), share_at(11, 10_000), share_at(10_000, 10_000)
    (0.8, 0.4, 0.0015625)
    """
    at = query * 10_000 // queries
    return FIRST_SHARE / 2.0 ** sum(at > after for after in HALVED_AFTER)


class _Search:
    """The remaining rows of one batch, and the best input found for each."""

    def __init__(
        self, batched: BatchedModel, clean: Tensor, y: Tensor, numbers: Tensor, threat: Threat, epsilon: float,
        generator: torch.Generator, pixels: bool,
    ) -> None:  # fmt: skip
        self.batched, self.y, self.numbers, self.generator = batched, y, numbers, generator
        self.low, self.high = threat.bounds(clean, epsilon)
        self.propose = _Squares() if clean.ndim == 4 and not pixels else _Features(_mutable(threat, clean))
        self.best = clean
        self.value = torch.full((len(clean),), -torch.inf, dtype=clean.dtype, device=clean.device)

    def run(self, queries: int, patience: int | None) -> tuple[Tensor, Tensor]:
        """Whether each row was broken, and the input that did it or the best found."""
        success = torch.zeros(len(self.y), dtype=torch.bool, device=self.y.device)
        found, position = self.best.clone(), torch.arange(len(self.y), device=self.y.device)
        pace = EarlyStopping(queries, patience)
        for query in range(1, queries + 1):
            points = self._points(share_at(query, queries), first=query == 1)
            logits = self.batched.logits(self.batched.layout.pack(points))
            require_finite_rows(logits, where=f"at query {query} of the attack", rows=self.numbers)
            value = margin(logits, self.y).to(self.value.dtype)
            better = value > self.value
            self.best = torch.where(like(better, points), points, self.best)
            self.value = torch.where(better, value, self.value)
            # Not "margin above 0": where two logits tie, argmax decides.
            wrong = logits.argmax(dim=1) != self.y
            given_up = torch.zeros_like(wrong) if patience is None else pace.short(self.value, query)
            if wrong.any() or given_up.any():
                success[position[wrong]], found[position[wrong]] = True, points[wrong]
                left = ~wrong & given_up
                found[position[left]] = self.best[left]
                keep = torch.nonzero(~(wrong | given_up)).flatten()
                position = position[keep]
                self._take(keep)
                pace.keep(keep)
                if not len(position):
                    break
        found[position] = self.best
        return success, found

    def _points(self, share: float, *, first: bool) -> Tensor:
        """Proposals: the best inputs with a part of each at its lowest or highest values."""
        if first:
            return torch.where(self.propose.start(self.best, self.generator), self.high, self.low)
        changed, up = self.propose.next(self.best, share, self.generator)
        points = torch.where(changed, torch.where(up, self.high, self.low), self.best)
        # A query that changes nothing gives no information: the opposite one does.
        idle = like((points == self.best).flatten(1).all(dim=1), points)
        return torch.where(idle & changed, torch.where(up, self.low, self.high), points)

    def _take(self, keep: Tensor) -> None:
        for name in ("y", "numbers", "low", "high", "best", "value"):
            setattr(self, name, getattr(self, name)[keep])


class _Squares:
    """Which pixels of images change, and which of them to their highest value."""

    def start(self, best: Tensor, generator: torch.Generator) -> Tensor:
        rows, channels, _, width = best.shape
        return _coins((rows, channels, 1, width), best, generator)

    def next(self, best: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        rows, channels, height, width = best.shape
        side = min(max(round(sqrt(share * height * width)), 1), height, width)
        inside = []
        for length in (height, width):
            first = torch.randint(length - side + 1, (rows, 1), generator=generator).to(best.device)
            steps = torch.arange(length, device=best.device) - first
            inside.append((steps >= 0) & (steps < side))
        down, across = inside
        return down[:, None, :, None] & across[:, None, None, :], _coins((rows, channels, 1, 1), best, generator)


@dataclass
class _Features:
    """The same for rows of any shape; `mutable` holds the positions of features that may move."""

    mutable: Tensor

    def start(self, best: Tensor, generator: torch.Generator) -> Tensor:
        return _coins(tuple(best.shape), best, generator)

    def next(self, best: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        count = min(max(round(share * len(self.mutable)), 1), len(self.mutable))
        order = torch.rand(len(best), len(self.mutable), generator=generator).argsort(dim=1)[:, :count]
        changed = torch.zeros(len(best), best[0].numel(), dtype=torch.bool, device=best.device)
        changed.scatter_(1, self.mutable[order.to(best.device)], True)
        return changed.reshape(best.shape), _coins(tuple(best.shape), best, generator)


def _mutable(threat: Threat, x: Tensor) -> Tensor:
    """Positions of the mutable features in a flattened row."""
    return (threat.radius(x[:1], 1.0) > 0).flatten().nonzero().flatten()


def _coins(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=generator) < 0.5).to(like.device)
