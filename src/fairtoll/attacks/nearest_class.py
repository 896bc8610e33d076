"""The search for the nearest boundary, at one radius."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, check_starts
from fairtoll.attacks.engine.descent import BatchedModel
from fairtoll.attacks.engine.inputs import check_inputs
from fairtoll.attacks.engine.least_search import AIM, LeastSearch
from fairtoll.attacks.engine.start import begin
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.errors import FairtollError
from fairtoll.threats.any import Threat


@dataclass(frozen=True)
class NearestClass:
    """The search of `least_epsilon`, asked only whether a row can be broken within one radius.

    It takes the place of FAB (Croce and Hein 2020, "Minimally distorted adversarial examples with a fast adaptive
    boundary attack") in a union. Both differ from attacks that maximise a loss in the same way: they compare how far
    the tangents of several classes say the boundaries are, go to the nearest one, then to the next ones, and turn the
    step to what the distance asks for. FAB starts at random or from the row and projects onto the linearised boundary;
    ours starts from the row and follows the margin to that class inside the ball. Nothing is drawn.

    Attributes
    ----------
    steps : int
        Gradient steps of a row at most.
    targets : int
        Wrong classes whose tangents are compared, likeliest first.

    Raises
    ------
    FairtollError
        For no steps or targets; when called, for features that must stay whole numbers, and as `pgd` does.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> NearestClass().name
    'nearest-class-100'
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0]])  # class 0 where x < 0: distances 0.5 and 2
    >>> NearestClass()(model, x, torch.tensor([0, 0]), threat=LinfThreat(), epsilon=1.0).success
    tensor([ True, False])
    """

    steps: int = 100
    targets: int = 9

    def __post_init__(self) -> None:
        check_starts(self.steps, 1)
        if self.targets < 1:
            raise FairtollError(f"targets is {self.targets}; expected 1 or more")

    @property
    def name(self) -> str:
        """Such as "nearest-class-100", with what else is not the default."""
        return name_of(self, f"nearest-class-{self.steps}", named=("steps",))

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
        """Attack every row at one radius; nothing is drawn."""
        if threat.integer is not None and bool(threat.integer.any()):
            raise FairtollError(
                "the threat has features that must stay whole numbers, which the search cannot follow; use APGD or "
                "PGD, or a threat without them"
            )
        model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size)

        def attack(model: nn.Module, clean: Tensor, labels: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
            batched = BatchedModel(model, clean)
            at = begin(lambda rows: batched.logits(batched.layout.pack(rows)), clean, labels, batch)
            if not len(at.left) or not epsilon:
                return at.success, at.perturbed
            # With a tolerance of a whole radius a row is done at its first success.
            search = LeastSearch(batched, at.clean, threat=threat, epsilon_max=epsilon, tolerance=epsilon / AIM)
            found = search.run(at.labels, at.numbers, steps=self.steps, targets=self.targets)
            at.perturbed[at.left] = batched.layout.show(found.point.reshape(search.shape)).contiguous()
            at.success[at.left] = found.radius.isfinite()
            return at.success, at.perturbed

        return attack_in_batches(model, x, y, attack, batch_size=batch_size)
