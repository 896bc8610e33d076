"""Zeroth-order optimisation: the attack of Carlini and Wagner with derivatives from differences of scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import needed
from fairtoll.attacks.engine.answers import Asked, ask
from fairtoll.attacks.loss import margin
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.errors import FairtollError
from fairtoll.models.batches import chunk_rows
from fairtoll.threats.any import Norm, Threat

#: Of Adam, as usual, and half the distance of the two points of a difference; moves reach from -0.5 to 0.5.
MEMORY, STABLE, DIFFERENCE = (0.9, 0.999), 1e-8, 1e-3
#: The first weight of the margin, and by what it grows until it breaks the row.
FIRST_WEIGHT, FACTOR = 0.01, 10.0


@dataclass(frozen=True)
class ZOO:
    """The attack of Chen et al. (2017), which uses scores alone: least ``|r|^2 + c * margin``, some features a step.

    In each step the derivatives in a few features, drawn anew for all rows of a batch, come from symmetric differences,
    so that a step asks the model for two inputs a feature. Each feature has an Adam of its own. The weight c is found
    by binary search, as Carlini and Wagner do, and the shortest move that broke the row is kept. (The authors'
    hierarchy of resized images, made for 299 x 299 pixels, is left out.)

    It looks for the smallest L2 distance, under an `L2Threat` or inside the box that a `LinfThreat` is.

    Parameters
    ----------
    steps : int
        Steps for each weight.
    searches : int
        Weights c that are tried.
    coordinates : int
        Features whose derivatives a step estimates, at most.
    rate : float
        Adam's, as a share of how far any feature can move from end to end.

    Raises
    ------
    FairtollError
        For a number below 1 or a rate of 0 or less; when called, for no generator or a threat of another norm.

    Examples
    --------
    >>> from fairtoll.threats import L2Threat
    >>> model = nn.Linear(2, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0, 0.0], [3.0, 4.0]]), "bias": torch.tensor([0.0, -10.0])})
    >>> x, threat = torch.zeros(1, 2), L2Threat()  # 10 / 5 from the boundary
    >>> found = ZOO()(model, x, torch.tensor([0]), threat=threat, epsilon=5.0, generator=torch.Generator())
    >>> found.success.item(), round(threat.distance(x, found.perturbed).item(), 1)
    (True, 2.0)
    """

    scores_only: ClassVar[bool] = True
    steps: int = 100
    searches: int = 6
    coordinates: int = 128
    rate: float = 0.01

    def __post_init__(self) -> None:
        if min(self.steps, self.searches, self.coordinates) < 1 or not self.rate > 0:
            raise FairtollError(
                f"steps is {self.steps}, searches is {self.searches}, coordinates is {self.coordinates} and rate is "
                f"{self.rate}; expected 1 or more, and a rate above 0"
            )

    @property
    def name(self) -> str:
        """The name "zoo", with settings that are not the default."""
        return name_of(self, "zoo")

    @property
    def norms(self) -> tuple[Norm, ...]:
        """Of the threats that it can run under."""
        return "l2", "linf"

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
        """Attack every row; what lies within the radius counts."""
        draws = needed(generator, self.name)

        def propose(asked: Asked) -> tuple[Tensor, None]:
            with torch.no_grad():
                return _Search(asked, self, draws).run(), None

        return ask(
            propose, model, x, y, name=self.name, norms=self.norms, threat=threat, epsilon=epsilon,
            batch_size=batch_size, generator=generator, gradients=False,
        )  # fmt: skip


class _Search:
    """All rows of a batch at once; a move is measured from 0, in the coordinates of the threat."""

    def __init__(self, asked: Asked, settings: ZOO, draws: torch.Generator) -> None:
        self.asked, self.settings, self.draws = asked, settings, draws
        self.low, self.high = (end.float() for end in asked.coordinates.limits())
        rows, features = self.low.shape
        self.every = torch.arange(rows, device=self.low.device)
        self.count = min(settings.coordinates, features)
        self.best, self.shortest = torch.zeros_like(self.low), torch.full_like(self.low[:, 0], torch.inf)

    def run(self) -> Tensor:
        weight = torch.full_like(self.shortest, FIRST_WEIGHT)
        fails, succeeds = torch.zeros_like(weight), torch.full_like(weight, torch.inf)
        for _ in range(self.settings.searches):
            broken = self._descend(weight)
            succeeds, fails = torch.where(broken, weight, succeeds), torch.where(broken, fails, weight)
            weight = torch.where(succeeds.isinf(), weight * FACTOR, (fails + succeeds) / 2)
        return self.asked.coordinates.rows(self.best + 0.5, self.every)

    def _descend(self, weight: Tensor) -> Tensor:
        """Adam from the clean rows with one weight each; which rows were broken on the way."""
        move, mean, square = (torch.zeros_like(self.low) for _ in range(3))
        done, broken = torch.zeros_like(self.low[0]), torch.zeros_like(self.every, dtype=torch.bool)
        for _ in range(self.settings.steps):
            chosen = torch.randperm(self.low.shape[1], generator=self.draws)[: self.count].to(self.low.device)
            slope = self._slopes(move, chosen, weight)
            done[chosen] += 1
            for state, memory, value in ((mean, MEMORY[0], slope), (square, MEMORY[1], slope.square())):
                state[:, chosen] = memory * state[:, chosen] + (1 - memory) * value
            first, second = (
                state[:, chosen] / (1 - memory ** done[chosen])
                for state, memory in zip((mean, square), MEMORY, strict=True)
            )
            move[:, chosen] -= self.settings.rate * first / (second.sqrt() + STABLE)
            move = move.clamp(self.low, self.high)
            length = move.square().sum(dim=1)
            wrong = self._margins(move, self.every) > 0
            closer = wrong & (length < self.shortest)
            self.best[closer], self.shortest[closer] = move[closer], length[closer]
            broken |= wrong
        return broken

    def _slopes(self, move: Tensor, chosen: Tensor, weight: Tensor) -> Tensor:
        """Derivatives of the loss in the chosen features, `(n, chosen)`."""
        steps = torch.zeros(len(chosen), move.shape[1], device=move.device)
        steps[torch.arange(len(chosen)), chosen] = DIFFERENCE
        which = self.every.repeat_interleave(len(chosen))
        ahead, behind = (
            self._loss((move[:, None] + sign * steps).flatten(0, 1), which, weight) for sign in (1.0, -1.0)
        )
        return ((ahead - behind) / (2 * DIFFERENCE)).reshape(len(move), -1)

    def _loss(self, move: Tensor, which: Tensor, weight: Tensor) -> Tensor:
        return move.square().sum(dim=1) + weight[which] * (-self._margins(move, which)).clamp(min=0)

    def _margins(self, move: Tensor, which: Tensor) -> Tensor:
        """How far the best wrong logit is ahead."""
        size, parts = chunk_rows(self.asked.clean), []
        for some, rows in zip(move.split(size), which.split(size), strict=True):
            logits = self.asked.model(self.asked.coordinates.rows(some + 0.5, rows))
            parts.append(margin(logits, self.asked.labels[rows]).float())
        return torch.cat(parts)
