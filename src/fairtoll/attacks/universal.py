"""One move for all rows: universal adversarial perturbations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import needed
from fairtoll.attacks.engine.answers import Asked, ask
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.errors import FairtollError
from fairtoll.threats.any import Norm, Threat

#: Of a step of DeepFool, as its authors chose it.
OVERSHOOT = 0.02


@dataclass(frozen=True)
class Universal:
    """The attack of Moosavi-Dezfooli et al. (2017): one move, in units of the scale, that breaks many rows.

    Passes go through the rows in random order; for each row that the move does not break yet, DeepFool's shortest step
    to another class is added, and the move is projected back onto the ball of the threat, L2 or L-infinity. The move
    that broke most rows at the end of a pass is kept. Boxes and whole numbers of each row hold as everywhere; there is
    one move for each batch of rows.

    Parameters
    ----------
    passes : int
        Passes through the rows; it ends early once every row is broken.
    steps : int
        Steps of DeepFool for a row in a pass.

    Raises
    ------
    FairtollError
        For a number below 1; when called, for no generator or a threat of another norm.

    Examples
    --------
    >>> from fairtoll.threats import L2Threat
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-0.9], [-3.0]])
    >>> Universal()(model, x, torch.tensor([0, 0, 0]), threat=L2Threat(), epsilon=1.0,
    ...             generator=torch.Generator().manual_seed(0)).success
    tensor([ True,  True, False])
    """

    passes: int = 10
    steps: int = 10

    def __post_init__(self) -> None:
        if self.passes < 1 or self.steps < 1:
            raise FairtollError(f"passes is {self.passes} and steps is {self.steps}; expected 1 or more of each")

    @property
    def name(self) -> str:
        """The name "universal", with settings that are not the default."""
        return name_of(self, "universal")

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
        """Move every row by the same amount at one radius."""
        draws = needed(generator, self.name)

        def propose(asked: Asked) -> tuple[Tensor, None]:
            search = _Search(asked, asked.coordinates.length(epsilon), in_box=threat.norm == "linf")
            best, broken = search.move, 0
            for _ in range(self.passes):
                for row in torch.randperm(len(asked.clean), generator=draws).tolist():
                    search.include(row, steps=self.steps)
                now = search.count_broken()
                if now > broken:
                    best, broken = search.move, now
                if broken == len(asked.clean):
                    break
            return search.inputs(best), None

        return ask(
            propose, model, x, y, name=self.name, norms=self.norms, threat=threat, epsilon=epsilon,
            batch_size=batch_size, generator=generator, gradients=True,
        )  # fmt: skip


class _Search:
    """The move so far, in the coordinates of the threat's moves."""

    def __init__(self, asked: Asked, radius: float, *, in_box: bool) -> None:
        self.asked, self.radius, self.in_box = asked, radius, in_box
        self.every = torch.arange(len(asked.clean), device=asked.clean.device)
        self.move = torch.zeros(1, len(asked.coordinates.free), device=asked.clean.device)

    def inputs(self, move: Tensor) -> Tensor:
        return self.asked.coordinates.rows(move.expand(len(self.every), -1) + 0.5, self.every)

    def count_broken(self) -> int:
        with torch.no_grad():
            return int((self.asked.model(self.inputs(self.move)).argmax(dim=1) != self.asked.labels).sum())

    def include(self, row: int, *, steps: int) -> None:
        """Add DeepFool's way of one row out of its class, if the move does not lead there."""
        which, label, move = self.every[row : row + 1], int(self.asked.labels[row]), self.move
        for step in range(steps):
            leaf = move.detach().requires_grad_(True)
            logits = self.asked.model(self.asked.coordinates.rows(leaf + 0.5, which))[0]
            if int(logits.argmax()) != label:
                if step:
                    self.move = self._project(self.move + (1 + OVERSHOOT) * (move - self.move))
                return
            move = move + self._shortest(logits, label, leaf)

    def _shortest(self, logits: Tensor, label: int, leaf: Tensor) -> Tensor:
        """The least move to the nearest boundary of the tangents."""
        steps = []
        for other in range(self.asked.classes):
            if other != label:
                ahead = logits[label] - logits[other]
                (slope,) = torch.autograd.grad(ahead, leaf, retain_graph=True)
                # A tiny amount beyond, so that rounding does not leave it on the boundary.
                steps.append(-(ahead.detach().abs() + 1e-6) * slope / slope.square().sum().clamp(min=1e-12))
        return min(steps, key=lambda one: float(one.norm()))

    def _project(self, move: Tensor) -> Tensor:
        if self.in_box:
            return move.clamp(-self.radius, self.radius)
        share: Tensor = self.radius / move.norm().clamp(min=self.radius)
        return move * share
