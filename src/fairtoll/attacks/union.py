"""A union of attacks: a row is robust only if none of them breaks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, check_starts
from fairtoll.attacks.apgd import APGD
from fairtoll.attacks.engine.descent import BatchedModel
from fairtoll.attacks.engine.inputs import check_inputs, class_count, numbered, require_finite_rows
from fairtoll.attacks.given import as_attack
from fairtoll.attacks.grid import MAXIMUM_FEATURES, Grid, mutable_features
from fairtoll.attacks.least_epsilon import LeastEpsilon
from fairtoll.attacks.pgd import PGD
from fairtoll.attacks.spec import AttackResult, AttackSpec, needs_gradients
from fairtoll.attacks.square import Square
from fairtoll.attacks.success_curve import SuccessCurve
from fairtoll.errors import FairtollError
from fairtoll.models.logit_model import LogitModel
from fairtoll.threats.any import Threat
from fairtoll.threats.inputs import check_norm

#: On one training run of five Adult arms this found what the whole grid finds but for one row of 30,936, in a
#: quarter of the time.
GRID_PATIENCE = 128


@dataclass(frozen=True)
class Union:
    """A union as a value: of the default attacks, or of any list.

    Attributes
    ----------
    attacks : sequence of AttackSpec, optional
        Its attacks, in order, those of Foolbox and ART as objects too. Default: the default attacks, chosen by the
        data and the threat; see `union`.
    steps, restarts, queries : int
        Of the default attacks; leave them out if you give a list.

    Raises
    ------
    FairtollError
        For something that is not an attack, an attack given twice, or settings of the default attacks with a list.

    Examples
    --------
    >>> Union().name, Union([PGD(steps=20), Square()]).name
    ('union', 'union-pgd-20+square-1000')
    """

    attacks: Sequence[AttackSpec] = ()
    steps: int = 50
    restarts: int = 5
    queries: int = 500

    def __post_init__(self) -> None:
        object.__setattr__(self, "attacks", check_attacks(self.attacks))
        usual = (self.steps, self.restarts, self.queries)
        _check_usual(*usual)
        if self.attacks and usual != (Union.steps, Union.restarts, Union.queries):
            raise FairtollError(
                "steps, restarts and queries are of the default attacks, and a list of attacks was given; set them in "
                "its attacks, such as PGD(steps=20)"
            )

    @property
    def name(self) -> str:
        """The name "union", with the attacks of a list."""
        return "-".join(["union", *(["+".join(attack.name for attack in self.attacks)] if self.attacks else [])])

    @property
    def scores_only(self) -> bool:
        """Whether each attack of its list uses scores alone; the default attacks follow gradients."""
        return bool(self.attacks) and not any(map(needs_gradients, self.attacks))

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
        """Run `union` with these settings."""
        shared: dict[str, Any] = {"generator": generator, "batch_size": batch_size}
        return union(model, x, y, threat=threat, epsilon=epsilon, **shared, **vars(self))


def union(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    epsilon: float,
    generator: torch.Generator | None = None,
    attacks: Sequence[AttackSpec] = (),
    steps: int = 50,
    restarts: int = 5,
    queries: int = 500,
    batch_size: int = 4096,
) -> AttackResult:
    """Break rows by several attacks: the default ones, or any list.

    The cheapest goes first, and each attack runs only on rows that none before it broke: cross-entropy PGD from
    the clean row, a grid without gradients, Auto-PGD with cross-entropy from random starts, Auto-PGD with the
    margin, and the black-box Square attack. The grid is included where at most 8 features of a table may move; a batch
    gives it up after 128 failed points, but tries every corner. Square tries only corners, so it is included where the
    grid is not. On two classes cross-entropy and margin have the same gradient sign until the softmax underflows,
    so that Auto-PGD then uses only the margin.

    Parameters
    ----------
    model, x, y, threat, epsilon, batch_size
        As in `pgd`.
    generator : torch.Generator, optional
        For random starts and for Square; needed where there are any, as in the default attacks.
    attacks : sequence of AttackSpec, optional
        Attacks to run instead of the default ones, in order.
    steps : int
        Gradient steps of each start.
    restarts : int
        Starts of each loss, the first of them the clean row.
    queries : int
        Square's evaluations of each row; 0 leaves it out.

    Returns
    -------
    AttackResult
        The default attacks are called "clean", "cross_entropy", "grid", "apgd_cross_entropy", "apgd_margin" and
        "square", those of a list by their names.

    Raises
    ------
    FairtollError
        For a negative number of queries, something that is not an attack or is given twice, and as `pgd` does.

    Warns
    -----
    FairtollWarning
        If the model seems to return probabilities, or a batch does not fit the device's memory.

    Examples
    --------
    >>> from fairtoll import LinfThreat
    >>> model = nn.Linear(1, 2); _ = model.load_state_dict(
    ...     {"weight": torch.tensor([[0.0], [1.0]]), "bias": torch.zeros(2)})
    >>> x = torch.tensor([[-0.5], [-2.0], [1.0]])
    >>> union(model, x, torch.tensor([0, 0, 0]), threat=LinfThreat(), epsilon=1.0,
    ...       generator=torch.Generator().manual_seed(0)).broken_by
    ['cross_entropy', '', 'clean']
    """
    chosen = check_attacks(attacks)
    _check_usual(steps, restarts, queries)
    # The attacks of a list check themselves whether they need gradients, and what norms they can keep.
    needs: dict[str, Any] = {"gradients": False, "norms": None} if chosen else {}
    model, x, y = check_inputs(model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size, **needs)
    shared: dict[str, Any] = {"threat": threat, "batch_size": batch_size}
    parts: Mapping[str, AttackSpec] = {attack.name: attack for attack in chosen} or _usual_attacks(
        model, x, threat, steps=steps, restarts=restarts, queries=queries
    )
    with torch.no_grad():
        found = attack_in_batches(model, x, y, _misclassified, batch_size=batch_size)
    perturbed = found.perturbed
    broken_by = ["clean" if broken else "" for broken in found.success.tolist()]
    left = torch.nonzero(~found.success).flatten()
    for name, attack in parts.items():
        if not len(left):
            break
        with numbered(left):
            found = attack(model, x[left], y[left], epsilon=epsilon, generator=generator, **shared)
        for row in left[found.success].tolist():
            broken_by[row] = name
        perturbed[left] = found.perturbed
        left = left[~found.success]
    success = torch.tensor([bool(name) for name in broken_by], dtype=torch.bool)
    return AttackResult(success, perturbed, broken_by, list(parts))


def _misclassified(model: nn.Module, clean: Tensor, labels: Tensor, batch: slice) -> tuple[Tensor, Tensor]:
    batched, rows = BatchedModel(model, clean), torch.arange(batch.start, batch.stop)
    logits = batched.logits(batched.layout.pack(clean))
    require_finite_rows(logits, where="at step 0 of the attack", rows=rows)
    return logits.argmax(dim=1) != labels, clean.clone()


def _usual_attacks(
    model: LogitModel, x: Tensor, threat: Threat, *, steps: int, restarts: int, queries: int
) -> dict[str, AttackSpec]:
    """The default attacks of a union, by their names."""
    features = len(mutable_features(threat, x)) if x.ndim == 2 else MAXIMUM_FEATURES + 1
    usual: dict[str, AttackSpec] = {"cross_entropy": PGD(steps=steps)}
    if features <= MAXIMUM_FEATURES:
        usual["grid"] = Grid(patience=max(GRID_PATIENCE, 2**features))
    if restarts > 1 and class_count(model) > 2:
        usual["apgd_cross_entropy"] = APGD(steps=steps, random_start=True, restarts=restarts - 1)
    usual["apgd_margin"] = APGD(steps=steps, restarts=restarts, loss="margin")
    if features > MAXIMUM_FEATURES and queries:
        usual["square"] = Square(queries=queries)
    return usual


def check_attacks(attacks: Sequence[AttackSpec], *, threat: Threat | None = None) -> tuple[AttackSpec, ...]:
    """The attacks as a tuple, or an error for no attack, one given twice, or one that cannot keep the threat's norm."""
    given = tuple(as_attack(one) for one in (attacks if isinstance(attacks, (list, tuple)) else (attacks,)))
    for attack in given:
        at_one_radius = isinstance(attack, AttackSpec) and not isinstance(attack, (type, SuccessCurve, LeastEpsilon))
        if not at_one_radius:
            raise FairtollError(
                f"attacks holds {attack!r}; expected attacks at one radius with their settings, such as PGD(steps=20)"
            )
    names = [attack.name for attack in given]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FairtollError(f"attacks holds {', '.join(twice)} more than once; give each attack once")
    if threat is not None:
        for attack in given:
            for one in getattr(attack, "attacks", ()) or (attack,):
                check_norm(threat, getattr(one, "norms", ("linf",)))
    return given


def _check_usual(steps: int, restarts: int, queries: int) -> None:
    check_starts(steps, restarts)
    if queries < 0:
        raise FairtollError(f"queries is {queries}; expected 0 or more, 0 to leave Square out")
