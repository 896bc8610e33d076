"""Grid search: an attack without gradients, for threats that touch few features."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches
from fairtoll.attacks.engine.inputs import check_inputs, finite_logits
from fairtoll.attacks.spec import AttackResult, name_of
from fairtoll.errors import FairtollError
from fairtoll.threats.any import Threat

MAXIMUM_FEATURES = 8


@dataclass(frozen=True)
class Grid:
    """The grid search as a value; see `grid` for what `patience` means.

    Examples
    --------
    >>> Grid().name, Grid(patience=128).name
    ('grid', 'grid-patience-128')
    """

    scores_only: ClassVar[bool] = True
    patience: int | None = None

    @property
    def name(self) -> str:
        """The name "grid", with a patience that is not the default."""
        return name_of(self, "grid")

    @property
    def loss(self) -> str:
        """Empty: there is no loss, only misclassification counts."""
        return ""

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
        """Run `grid` with this setting; nothing is drawn."""
        return grid(model, x, y, threat=threat, epsilon=epsilon, patience=self.patience, batch_size=batch_size)


def grid(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilon: float,
    patience: int | None = None,
    batch_size: int = 4096,
) -> AttackResult:
    """Try every combination of {lowest, unchanged, highest} of the mutable features: 3^d points a row.

    No gradient is used, so it finds adversarial examples that saturated activations hide from gradient attacks. It
    finds every success of a model that is monotone in each mutable feature.

    Parameters
    ----------
    model, x, y, threat, epsilon, batch_size
        As in `pgd`. Rows are `(N, D)`, with at most 8 mutable features.
    patience : int, optional
        Give a batch up after so many consecutive points have broken no row of it. The 2^d corners come first, the
        rest in a fixed shuffled order. Default: try them all.

    Returns
    -------
    AttackResult

    Raises
    ------
    FairtollError
        If more than 8 features may move: 3^d points would not be affordable; and as `pgd` does.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> grid(model, torch.tensor([[-0.5], [-2.0]]), torch.tensor([0, 0]), threat=LinfThreat(scale=[1.0]),
    ...      epsilon=1.0).success
    tensor([ True, False])
    """
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size, gradients=False)
    features = mutable_features(threat, x)
    if len(features) > MAXIMUM_FEATURES:
        raise FairtollError(
            f"{len(features)} features may move; a grid of 3^{len(features)} points is not affordable "
            f"(at most {MAXIMUM_FEATURES} features); use pgd or union"
        )
    order = _order(len(features))

    def attack(model: nn.Module, clean: Tensor, labels: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
        device = clean.device
        low, high = threat.bounds(clean, epsilon)
        choices = torch.stack([low, clean, high])
        success, perturbed = torch.zeros(len(clean), dtype=torch.bool, device=device), clean.clone()
        left = torch.arange(len(clean), device=device)
        in_vain = 0
        for level in order.to(device):
            points = clean[left].clone()
            points[:, features] = choices[level, :, features][:, left].T
            logits = finite_logits(model, points, where="of the grid", rows=left + batch.start)
            wrong = logits.argmax(dim=1) != labels[left]
            broken = left[wrong]
            success[broken], perturbed[broken] = True, points[wrong]
            left = left[~wrong]
            in_vain = 0 if len(broken) else in_vain + 1
            if not len(left) or in_vain == patience:
                break
        return success, perturbed

    with torch.no_grad():
        return attack_in_batches(model, x, y, attack, batch_size=batch_size)


def _order(features: int) -> Tensor:
    """All points as levels (0 lowest, 1 unchanged, 2 highest), corners first: they break most rows."""
    levels = torch.tensor(list(product([0, 1, 2], repeat=features)), dtype=torch.int64)
    levels = levels[torch.randperm(len(levels), generator=torch.Generator().manual_seed(0))]
    return levels[(levels == 1).any(dim=1).to(torch.int64).argsort(stable=True)]


def mutable_features(threat: Threat, x: Tensor) -> Tensor:
    """Positions of the features of a `(N, D)` table that may move."""
    if x.ndim != 2:
        raise FairtollError(f"rows have shape {tuple(x.shape[1:])}; a grid needs a table of shape (rows, features)")
    return (threat.radius(x[:1].detach(), 1.0) > 0).any(dim=0).cpu().nonzero().flatten()
