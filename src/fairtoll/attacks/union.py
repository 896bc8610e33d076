"""A union of attacks: a row is robust only if none of them breaks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import attack_in_batches, check_starts
from fairtoll.attacks.engine.descent import BatchedModel
from fairtoll.attacks.engine.inputs import check_inputs, class_count, numbered, require_finite_rows
from fairtoll.attacks.given import as_attack
from fairtoll.attacks.least_by_scores import LeastEpsilonByScores
from fairtoll.attacks.least_epsilon import LeastEpsilon
from fairtoll.attacks.spec import AttackResult, AttackSpec, needs_gradients
from fairtoll.attacks.success_curve import SuccessCurve
from fairtoll.attacks.table_search import TableSearch
from fairtoll.attacks.usual import attacks_by_scores, usual_attacks
from fairtoll.errors import FairtollError, warn
from fairtoll.models.logit_model import LogitModel
from fairtoll.threats.any import Threat
from fairtoll.threats.inputs import check_norm

#: What runs at more than one radius, and classes in place of their values.
OTHERS = (type, SuccessCurve, LeastEpsilon, LeastEpsilonByScores)


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
    scores_only : bool
        Whether the default attacks are those that need no gradient, for models that have one too: so that models with
        and without gradients are attacked alike. Of a list it is found.

    Raises
    ------
    FairtollError
        For something that is not an attack, an attack given twice, or settings of the default attacks with a list.

    Examples
    --------
    >>> from fairtoll.attacks import PGD, Square
    >>> Union().name, Union([PGD(steps=20), Square()]).name, Union(scores_only=True).name
    ('union', 'union-pgd-20+square-1000', 'union-scores-only')
    """

    attacks: Sequence[AttackSpec] = ()
    steps: int = 50
    restarts: int = 5
    queries: int = 500
    scores_only: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "attacks", check_attacks(self.attacks))
        usual = (self.steps, self.restarts, self.queries)
        _check_usual(*usual, scores_only=self.scores_only)
        if self.attacks and usual != (Union.steps, Union.restarts, Union.queries):
            raise FairtollError(
                "steps, restarts and queries are of the default attacks, and a list of attacks was given; set them in "
                "its attacks, such as PGD(steps=20)"
            )
        if self.attacks:
            following = [attack.name for attack in self.attacks if needs_gradients(attack)]
            if self.scores_only and following:
                raise FairtollError(f"scores_only is True, and {', '.join(following)} needs gradients; leave one out")
            object.__setattr__(self, "scores_only", not following)

    @property
    def name(self) -> str:
        """The name "union", with the attacks of a list, or that scores alone are used."""
        listed = ["+".join(attack.name for attack in self.attacks)] if self.attacks else []
        return "-".join(["union", *listed, *(["scores-only"] if self.scores_only and not self.attacks else [])])

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
    scores_only: bool = False,
    batch_size: int = 4096,
) -> AttackResult:
    """Break rows by several attacks: the default ones, or any list.

    The cheapest goes first, and each attack runs only on rows that none before it broke: cross-entropy PGD from
    the clean row, a grid without gradients, Auto-PGD with cross-entropy from random starts, Auto-PGD with the
    margin, and the black-box Square attack. The grid is included where at most 8 features of a table may move; a batch
    gives it up after 128 failed points, but tries every corner. Square tries only corners, so it is included where the
    grid is not. On two classes cross-entropy and margin have the same gradient sign until the softmax underflows,
    so that Auto-PGD then uses only the margin.

    With `scores_only`, and for a model without gradients, the attacks are those that ask for scores alone: of a table
    the grid, the table search and Square, of images Square three times, once pixel by pixel; inside a
    `TableThreat` CAPGD, where there are gradients, and the table search.

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
        Evaluations of each row by Square and by the table search; 0 leaves Square out where there are gradients.
    scores_only : bool
        Whether no gradient is used.

    Returns
    -------
    AttackResult
        The default attacks are called "clean", "cross_entropy", "grid", "apgd_cross_entropy", "apgd_margin",
        "square", "square_of_pixels", "square_again", "capgd" and "table_search", those of a list by their names.

    Raises
    ------
    FairtollError
        For a negative number of queries, or none where scores are all there is, something that is not an attack or is
        given twice, and as `pgd` does.

    Warns
    -----
    FairtollWarning
        If the model has no gradient and `scores_only` was not asked for, if it seems to return probabilities, or a
        batch does not fit the device's memory.

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
    _check_usual(steps, restarts, queries, scores_only=scores_only)
    model, x, y = check_inputs(
        model, x, y, threat=threat, epsilon=epsilon, batch_size=batch_size, gradients=not (chosen or scores_only),
        required=False,
        # The attacks of a list check themselves whether they need gradients, and what norms they can keep.
        norms=None if chosen else TableSearch.norms,
    )  # fmt: skip
    shared: dict[str, Any] = {"threat": threat, "batch_size": batch_size}
    parts: Mapping[str, AttackSpec] = {attack.name: attack for attack in chosen}
    if not chosen and (scores_only or not _has_gradients(model)):
        _check_usual(steps, restarts, queries, scores_only=True)
        parts = attacks_by_scores(x, threat, queries=queries)
    elif not chosen:
        classes = class_count(model)
        parts = usual_attacks(x, threat, classes=classes, steps=steps, restarts=restarts, queries=queries)
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


def _has_gradients(model: LogitModel) -> bool:
    if model.probed.gradients != "absent":
        return True
    warn(
        "the model's logits have no gradient in its input: the attacks use scores only, and what they do not break is "
        "known less well; expected a model that autograd can follow, or a call that asks for scores_only=True"
    )
    return False


def check_attacks(attacks: Sequence[AttackSpec], *, threat: Threat | None = None) -> tuple[AttackSpec, ...]:
    """The attacks as a tuple, or an error for no attack, one given twice, or one that cannot keep the threat's norm."""
    given = tuple(as_attack(one) for one in (attacks if isinstance(attacks, (list, tuple)) else (attacks,)))
    for attack in given:
        at_one_radius = isinstance(attack, AttackSpec) and not isinstance(
            attack, (type, SuccessCurve, LeastEpsilon, LeastEpsilonByScores)
        )
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


def _check_usual(steps: int, restarts: int, queries: int, *, scores_only: bool) -> None:
    check_starts(steps, restarts)
    if queries < 0:
        raise FairtollError(f"queries is {queries}; expected 0 or more, 0 to leave Square out")
    if scores_only and not queries:
        raise FairtollError("queries is 0 and scores are all that is used; expected 1 or more")
