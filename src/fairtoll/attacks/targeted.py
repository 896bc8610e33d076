"""Targeted Auto-PGD: towards each of the likeliest wrong classes in turn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, check_patience, check_starts, needed
from fairtoll.attacks.engine.ascent import Ascent
from fairtoll.attacks.engine.inputs import check_inputs
from fairtoll.attacks.engine.start import PackedStart
from fairtoll.attacks.loss import lead, targeted_ratio
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.errors import FairtollError
from fairtoll.threats.any import Threat


@dataclass(frozen=True)
class TargetedAPGD:
    """Auto-PGD with the targeted difference-of-logits ratio (Croce and Hein 2020, section 4).

    One random start towards each of the `targets` wrong classes that are likeliest for the clean row, likeliest first;
    each on the rows that are not broken yet. Reaching any wrong class is success. The ratio needs four classes: with
    two or three the difference of the two logits is maximised, so that it runs there too, unlike the original.

    Attributes
    ----------
    steps : int
        Gradient steps towards each class.
    targets : int
        Wrong classes that are tried, at most; the authors take nine.
    patience : int or None
        As in `success_curve`, by the lead of the class aimed at. None, as the authors have it: never.

    Raises
    ------
    FairtollError
        For no steps, no targets or a patience below 1; when called, as `pgd` does, and without a generator.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> TargetedAPGD().name, TargetedAPGD(steps=50, targets=3).name
    ('apgd-targeted-100', 'apgd-targeted-50-targets-3')
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0]])  # class 0 where x < 0: distances 0.5 and 2
    >>> draws = torch.Generator().manual_seed(0)
    >>> TargetedAPGD()(model, x, torch.tensor([0, 0]), threat=LinfThreat(), epsilon=1.0, generator=draws).success
    tensor([ True, False])
    """

    steps: int = 100
    targets: int = 9
    patience: int | None = None

    def __post_init__(self) -> None:
        check_starts(self.steps, 1)
        check_patience(self.patience)
        if self.targets < 1:
            raise FairtollError(f"targets is {self.targets}; expected 1 or more")

    @property
    def name(self) -> str:
        """Such as "apgd-targeted-100", with what else is not the default."""
        return name_of(self, f"apgd-targeted-{self.steps}", named=("steps",))

    @property
    def loss(self) -> str:
        """The quantity that the ascent maximises."""
        return "targeted ratio"

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
        """Attack every row at one radius."""
        draws = needed(generator, self.name)
        model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size)

        def attack(model: nn.Module, clean: Tensor, labels: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
            at = PackedStart(model, clean, labels, batch, threat=threat, epsilon=epsilon)
            success, found = at.success, at.origin.clone()
            wrong = at.logits.scatter(1, labels.unsqueeze(1), -torch.inf)
            likeliest = wrong.topk(min(self.targets, wrong.shape[1] - 1), dim=1).indices
            ascent = Ascent(at.batched, threat, targeted_ratio, lead, self.steps, self.patience)
            for target in likeliest.unbind(dim=1):
                left = torch.nonzero(~success).flatten()
                if not len(left):
                    break
                aim = torch.stack([labels, target], dim=1)
                rows = (at.numbers, labels, at.low, at.high, at.radius, at.drawn(draws), aim)
                success[left], found[left] = ascent.run(*(value[left] for value in rows))
            return success, at.batched.layout.show(found).contiguous()

        return attack_in_batches(model, x, y, attack, batch_size=batch_size, generator=draws)
