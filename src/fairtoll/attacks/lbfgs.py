"""The first attack of all: the nearest input of another class, by L-BFGS within a box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor, nn
from torch.nn import functional

from fairtoll.attacks.engine.answers import Asked, ask
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.errors import FairtollError
from fairtoll.threats.any import Norm, Threat

#: The first weight of the length, and by what it changes until one weight succeeds and another fails.
FIRST_WEIGHT, FACTOR = 1.0, 10.0
#: A smaller relative gain is lost in the rounding of a float32 model.
RELATIVE = 1e-6


@dataclass(frozen=True)
class LBFGS:
    """The attack of Szegedy et al. (2013): least ``c * |r|^2 + loss(x + r, target)`` with ``x + r`` in the box.

    For each of the likeliest wrong classes SciPy's L-BFGS-B minimises the cross-entropy of that class plus the squared
    length of the move, each feature in units of its scale. The weight c is first changed tenfold until one value ends
    in another class and a larger one does not, then halved between them on a logarithmic scale; the shortest move is
    kept. (The squared length, as in later implementations: the length itself has no gradient at the clean row.)

    It looks for the smallest L2 distance, under an `L2Threat` or inside the box that a `LinfThreat` is. One row at a
    time, and nothing is drawn.

    Parameters
    ----------
    searches : int
        Weights c that are tried for each class.
    steps : int
        Iterations of L-BFGS-B for each weight.
    targets : int
        Wrong classes that are tried.

    Raises
    ------
    FairtollError
        For a number below 1; when called, for a threat of another norm.

    Examples
    --------
    >>> from fairtoll.threats import L2Threat
    >>> model = nn.Linear(2, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0, 0.0], [3.0, 4.0]]), "bias": torch.tensor([0.0, -10.0])})
    >>> x, threat = torch.zeros(1, 2), L2Threat()  # 10 / 5 from the boundary
    >>> found = LBFGS()(model, x, torch.tensor([0]), threat=threat, epsilon=5.0)
    >>> found.success.item(), round(threat.distance(x, found.perturbed).item(), 1)
    (True, 2.0)
    """

    searches: int = 10
    steps: int = 100
    targets: int = 1

    def __post_init__(self) -> None:
        if min(self.searches, self.steps, self.targets) < 1:
            raise FairtollError(
                f"searches is {self.searches}, steps is {self.steps} and targets is {self.targets}; expected 1 or more"
            )

    @property
    def name(self) -> str:
        """The name "lbfgs", with settings that are not the default."""
        return name_of(self, "lbfgs")

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

        def propose(asked: Asked) -> tuple[Tensor, None]:
            return torch.cat([self._nearest(_Row(asked, row)) for row in range(len(asked.clean))]), None

        return ask(
            propose, model, x, y, name="L-BFGS", norms=self.norms, threat=threat, epsilon=epsilon,
            batch_size=batch_size, generator=generator, gradients=True,
        )  # fmt: skip

    def _nearest(self, row: _Row) -> Tensor:
        """The nearest input of another class that was found, else the last one tried."""
        best, shortest, point = None, np.inf, row.start
        for target in row.likeliest(self.targets):
            fails, succeeds, weight = np.inf, 0.0, FIRST_WEIGHT
            for _ in range(self.searches):
                point = row.minimise(target, weight, steps=self.steps)
                if row.misclassified(point):
                    succeeds = weight
                    if (length := float(np.square(point).sum())) < shortest:
                        best, shortest = point, length
                else:
                    fails = weight
                if np.isinf(fails):
                    weight *= FACTOR
                elif not succeeds:
                    weight /= FACTOR
                else:
                    weight = float(np.sqrt(fails * succeeds))
        return row.input_of(point if best is None else best)


class _Row:
    """One row as SciPy sees it: moves in units of the scale, divided by the furthest that any can be."""

    def __init__(self, asked: Asked, row: int) -> None:
        self.asked, self.which = asked, torch.tensor([row], device=asked.clean.device)
        lowest, highest = (end[row].double().cpu().numpy() for end in asked.coordinates.limits())
        self.bounds = optimize.Bounds(lowest, highest)
        self.start: NDArray[np.float64] = np.zeros(len(lowest))

    def input_of(self, move: NDArray[np.float64]) -> Tensor:
        values = torch.from_numpy(move).to(self.which.device)[None] + 0.5
        return self.asked.coordinates.rows(values, self.which)

    def likeliest(self, count: int) -> list[int]:
        with torch.no_grad():
            logits = self.asked.model(self.asked.clean[self.which])[0]
        order: list[int] = logits.argsort(descending=True).tolist()
        own = int(self.asked.labels[self.which])
        return [one for one in order if one != own][:count]

    def misclassified(self, move: NDArray[np.float64]) -> bool:
        with torch.no_grad():
            answer = self.asked.model(self.input_of(move)).argmax(dim=1)
        return bool(answer != self.asked.labels[self.which])

    def minimise(self, target: int, weight: float, *, steps: int) -> NDArray[np.float64]:
        wanted = torch.tensor([target], device=self.which.device)

        def value_and_gradient(move: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            values = torch.from_numpy(move).to(self.which.device)[None].requires_grad_(True)
            point = self.asked.coordinates.rows(values + 0.5, self.which)
            loss = functional.cross_entropy(self.asked.model(point).double(), wanted)
            (slope,) = torch.autograd.grad(loss, values)
            value = float(loss.detach()) + weight * float(np.square(move).sum())
            return value, slope[0].double().cpu().numpy() + 2 * weight * move

        found = optimize.minimize(
            value_and_gradient,
            self.start,
            jac=True,
            method="L-BFGS-B",
            bounds=self.bounds,
            options={"maxiter": steps, "ftol": RELATIVE},
        )
        return np.asarray(found.x, dtype=np.float64)
