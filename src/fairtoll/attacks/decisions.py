"""HopSkipJump of whichever library is installed: an independent look that asks for classes alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.attacks.engine.inputs import check_inputs
from fairtoll.attacks.external import External
from fairtoll.attacks.libraries.registry import LIBRARIES
from fairtoll.attacks.success_curve import check_epsilons
from fairtoll.errors import FairtollError
from fairtoll.models.logit_model import LogitModel
from fairtoll.models.predict import predict_logits
from fairtoll.threats.any import Norm, Threat
from fairtoll.threats.linf import LinfThreat
from fairtoll.threats.table_threat import TableThreat

#: Of the threats that it keeps.
NORMS: tuple[Norm, ...] = ("linf", "table")
#: In each library, the one that asks for whole batches first. With these settings a row takes about 700 queries.
CHOICES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    (
        "foolbox",
        "HopSkipJumpAttack",
        {"constraint": "linf", "steps": 10, "initial_gradient_eval_steps": 20, "max_gradient_eval_steps": 100},
    ),
    ("art", "HopSkipJump", {"norm": "inf", "max_iter": 10, "init_eval": 20, "max_eval": 100, "init_size": 50}),
)
QUERIES = 700
#: It searches so many of the largest radii around a row, since it goes from a misclassified input towards the row.
AROUND = 4.0


def find_hop_skip_jump() -> External | None:
    """HopSkipJump (Chen et al. 2020) of Foolbox or the Adversarial Robustness Toolbox; None where neither is installed.

    Examples
    --------
    >>> found = find_hop_skip_jump()
    >>> found is None or found.scores_only
    True
    """
    for library, attack, settings in CHOICES:
        if find_spec(LIBRARIES[library].module) is None:
            continue
        try:
            return External(library, attack, settings)
        except FairtollError:  # another package of that name, or a version without it
            continue
    return None


def hop_skip_jump(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    attack: External,
    threat: Threat,
    epsilons: Sequence[float],
    generator: torch.Generator,
    batch_size: int = 4096,
) -> Tensor:
    """Which rows HopSkipJump breaks at each radius, `(E, N)` of bool; one run serves all radii.

    It starts at a misclassified input somewhere around the row, and goes towards the row along the border of the
    class, asking for classes alone (Chen et al. 2020). What it finds is confined to the threat at each radius,
    classified again, and counts only where the threat admits it. Whole numbers are rounded before the model is asked.
    Of a `TableThreat` the numbers move; categories stay.

    Parameters
    ----------
    model, x, y, threat, batch_size
        As in `pgd`; the model needs no gradient.
    attack : External
        From `find_hop_skip_jump`.
    epsilons : sequence of float
        Radii, ascending.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Tensor of bool, (E, N)
        A row that is misclassified before the attack counts as broken.

    Raises
    ------
    FairtollError
        For radii out of order, and as `External` does.

    Examples
    --------
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> attack, seed = find_hop_skip_jump(), torch.Generator().manual_seed(0)
    >>> if attack is not None:
    ...     rows, epsilons = torch.tensor([[-0.5], [-2.0]]), [0.4, 1.0]
    ...     found = hop_skip_jump(model, rows, torch.tensor([0, 0]), attack=attack, threat=LinfThreat(),
    ...                           epsilons=epsilons, generator=seed)
    ...     assert found.tolist() == [[False, False], [True, False]]
    """
    check_epsilons(epsilons)
    prepared, rows, labels = check_inputs(
        model, x, y, threat=threat, epsilon=max(epsilons), batch_size=batch_size, gradients=False, norms=NORMS
    )
    around = _numbers_of(threat)
    rounded = LogitModel(_Rounded(prepared.model, around), prepared.probed)
    far = attack(
        rounded, rows, labels, threat=around, epsilon=AROUND * max(epsilons), generator=generator, batch_size=batch_size
    )
    broken = predict_logits(prepared, rows, batch_size=batch_size).argmax(dim=1).cpu() != labels
    found = []
    for epsilon in epsilons:
        points = threat.confine(rows, far.perturbed, epsilon)
        wrong = predict_logits(prepared, points, batch_size=batch_size).argmax(dim=1).cpu() != labels
        # What breaks a row within one radius does so within every larger one.
        broken = broken | (wrong & threat.admits(rows, points, epsilon))
        found.append(broken)
    return torch.stack(found)


def _numbers_of(threat: Threat) -> LinfThreat:
    """The box in which numbers may move."""
    if isinstance(threat, TableThreat):
        numbers = threat.numbers_only()
        return LinfThreat(numbers.scale, numbers.box, numbers.mutable, numbers.integer)
    assert isinstance(threat, LinfThreat)
    return threat


class _Rounded(nn.Module):
    """A model that is asked about rows whose whole numbers are whole, so that the search sees what will count."""

    def __init__(self, model: nn.Module, threat: LinfThreat) -> None:
        super().__init__()
        self.model = model
        self.whole = None if threat.integer is None else threat.integer & threat.mutable

    def forward(self, x: Tensor) -> Any:
        return self.model(x if self.whole is None else torch.where(self.whole.to(x.device), x.round(), x))
