"""What is measured on an arm, as values: clean predictions, transferred examples, attacks, proofs, checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from fairtoll.attacks import (
    CAPGD,
    PGD,
    AttackSpec,
    External,
    LeastEpsilon,
    LeastEpsilonByScores,
    RandomNoise,
    Square,
    SuccessCurve,
    TableSearch,
    Union,
)
from fairtoll.attacks.success_curve import check_epsilons
from fairtoll.bounds.proof import BOXES
from fairtoll.errors import FairtollError
from fairtoll.evidence.certify import Certify
from fairtoll.evidence.detect import Detect
from fairtoll.threats.any import Norm

#: How an attack on the model itself is called in evidence.
OwnEvaluation = Literal["white-box", "scores-only"]
WHITE_BOX: Final = "white-box"
SCORES_ONLY: Final = "scores-only"
#: Rows that the independent attacks behind the alarms are run on.
CHECK_ROWS = 500
#: The same of the one that asks for classes alone, about 700 times a row.
DECISION_ROWS = 20
#: The names that checks have in evidence: only alarms use them, no figure of a report.
CHECK = "check-"
NOISE, SINGLE_STEP, STEEPEST = "check-noise", "check-single-step", "check-pgd-20"
LARGE, WITH_GRADIENTS, SQUARE, ZERO_GRADIENT = "check-large", "check-white-box", "check-square", "check-zero-gradient"
OUTSIDE_BOX, DECISION = "check-outside-box", "check-decision"
#: PGD by someone who does not know the defence that is deployed.
NAIVE = "check-naive"
#: The name that proofs have in evidence.
PROOF = "proof"
#: Checks whose outcomes are of the rows or the model, not of an attack that broke them.
NO_ATTACKS = (ZERO_GRADIENT, OUTSIDE_BOX)
#: Those from which no other figure is made: whether there is one depends on what is installed.
NO_FIGURES = (*NO_ATTACKS, DECISION)


@dataclass(frozen=True)
class Clean:
    """Every model's class probabilities of every row, with no attack.

    Examples
    --------
    >>> Clean() == Clean()
    True
    """


@dataclass(frozen=True)
class Attacked:
    """An attack on each model itself, at each radius.

    Attributes
    ----------
    attack : AttackSpec, SuccessCurve or LeastEpsilon
        What is run. A curve takes all radii at once; least epsilon is searched up to each.
    epsilons : sequence of float
        Radii, ascending.
    keep_probabilities_at : sequence of float
        Radii at which the class probabilities of the attacked rows are kept too.
    evaluation : {"white-box", "scores-only"}
        How evidence calls it: whether the attack knows the model, or asks it for scores alone.

    Raises
    ------
    FairtollError
        For radii out of order, or probabilities of a curve or of a radius that is not measured.

    Examples
    --------
    >>> Attacked(PGD(steps=20), epsilons=[0.1, 0.2]).attack.name
    'pgd-20'
    """

    attack: AttackSpec | SuccessCurve | LeastEpsilon | LeastEpsilonByScores
    epsilons: Sequence[float]
    keep_probabilities_at: Sequence[float] = ()
    evaluation: OwnEvaluation = WHITE_BOX

    def __post_init__(self) -> None:
        _check_radii(self)
        if self.keep_probabilities_at and isinstance(self.attack, SuccessCurve):
            raise FairtollError(
                f"{self.attack.name} keeps no attacked rows; expected an attack at one radius at a time"
            )


@dataclass(frozen=True)
class Transfer:
    """Static transfer: examples crafted once on the models of another arm, evaluated on each model.

    Attributes
    ----------
    attack : AttackSpec
        How the examples were crafted.
    epsilons : sequence of float
        Radii, ascending.
    source : str
        Name of the arm they were crafted on.
    keep_probabilities_at : sequence of float
        Radii at which the class probabilities of the examples are kept too.

    Raises
    ------
    FairtollError
        For radii out of order, or probabilities of a radius that is not measured.

    Examples
    --------
    >>> Transfer(PGD(steps=20), epsilons=[0.1], source="standard").epsilons
    (0.1,)
    """

    attack: AttackSpec
    epsilons: Sequence[float]
    source: str = "standard"
    keep_probabilities_at: Sequence[float] = ()

    def __post_init__(self) -> None:
        _check_radii(self)


@dataclass(frozen=True)
class Checks:
    """Independent attacks on some rows, for alarms.

    Noise, a single step and 20-step PGD, independently at each radius; where the threat frees every feature, a union at
    a radius so large that nothing remains of the row; at one radius the black-box Square attack alone and a
    union without it; which rows have no gradient at all; of a model that is defended when it is deployed the same PGD
    with the gradients of one who does not know it; and of a threat with a box, which rows lie outside it. Of a
    model without gradients noise and Square, at each radius, an attack by scores at that large one, and the box. Inside
    a `TableThreat` CAPGD takes the place of PGD, and the table search that of Square.

    Attributes
    ----------
    epsilons : sequence of float
        Radii, ascending.
    large_epsilon : float
        A radius beyond every reachable value.
    square_epsilon : float, optional
        Where Square is tried. Default: the largest of `epsilons`.
    queries : int
        Square's evaluations of each row; 0 leaves it out.
    rows : int
        How many rows, drawn from the attacked ones.
    by_scores : AttackSpec, optional
        The attack by scores that is tried at the large radius on a model without gradients.

    Raises
    ------
    FairtollError
        For radii out of order, no rows, or a negative number of queries.

    Examples
    --------
    >>> checks = Checks(epsilons=[0.1], large_epsilon=10.0, queries=0)
    >>> [name for name, _, _ in checks.attacks(everything_free=True, gradients=True)]
    ['check-noise', 'check-single-step', 'check-pgd-20', 'check-large']
    """

    epsilons: Sequence[float]
    large_epsilon: float
    square_epsilon: float | None = None
    queries: int = 500
    rows: int = CHECK_ROWS
    by_scores: AttackSpec | None = None

    def __post_init__(self) -> None:
        check_epsilons(self.epsilons)
        object.__setattr__(self, "epsilons", tuple(self.epsilons))
        if self.rows < 1 or self.queries < 0:
            raise FairtollError(f"rows is {self.rows} and queries is {self.queries}; expected 1 or more, and 0 or more")

    def attacks(
        self, *, everything_free: bool, gradients: bool, norm: Norm = "linf"
    ) -> list[tuple[str, AttackSpec, float]]:
        """Name in the evidence, attack and radius, in the order in which they are run.

        Where the threat leaves features fixed, some rows cannot be broken however large the radius: nothing is read
        from that they are not.
        """
        if not gradients:
            return self._by_scores(everything_free=everything_free, norm=norm)
        single: AttackSpec = PGD(steps=1, relative_step=1.0)
        steepest: AttackSpec = PGD(steps=20)
        if norm == "table":
            single, steepest = (CAPGD(steps=steps, restarts=1, queries=0) for steps in (1, 20))
        plan: list[tuple[str, AttackSpec, float]] = []
        for epsilon in self.epsilons:
            plan += [
                (NOISE, RandomNoise(), epsilon),
                (SINGLE_STEP, single, epsilon),
                (STEEPEST, steepest, epsilon),
            ]
        if everything_free:
            # Without Square: this check is to show that gradients fail although nothing bounds them.
            plan.append((LARGE, Union(queries=0), self.large_epsilon))
        if self.queries:
            at = max(self.epsilons) if self.square_epsilon is None else self.square_epsilon
            plan += [(WITH_GRADIENTS, Union(restarts=1, queries=0), at), (SQUARE, self._random(norm), at)]
        return plan

    def _random(self, norm: Norm) -> AttackSpec:
        return TableSearch(queries=self.queries) if norm == "table" else Square(queries=self.queries)

    def _by_scores(self, *, everything_free: bool, norm: Norm) -> list[tuple[str, AttackSpec, float]]:
        plan: list[tuple[str, AttackSpec, float]] = []
        for epsilon in self.epsilons:
            plan.append((NOISE, RandomNoise(), epsilon))
            plan += [(SQUARE, self._random(norm), epsilon)] if self.queries else []
        if everything_free and self.by_scores is not None:
            plan.append((LARGE, self.by_scores, self.large_epsilon))
        return plan


@dataclass(frozen=True)
class Decisions:
    """HopSkipJump of another library on a few rows, for an alarm: it asks for classes alone.

    Attributes
    ----------
    attack : External
        From `fairtoll.attacks.find_hop_skip_jump`.
    epsilons : sequence of float
        Radii, ascending; one run serves all.
    rows : int
        How many rows, drawn from the attacked ones.

    Raises
    ------
    FairtollError
        For radii out of order, or no rows.

    Examples
    --------
    >>> from fairtoll.attacks import External
    >>> Decisions(External("art", "HopSkipJump", {"norm": "inf"}), epsilons=[0.1]).rows
    20
    """

    attack: External
    epsilons: Sequence[float]
    rows: int = DECISION_ROWS

    def __post_init__(self) -> None:
        check_epsilons(self.epsilons)
        object.__setattr__(self, "epsilons", tuple(self.epsilons))
        if self.rows < 1:
            raise FairtollError(f"rows is {self.rows}; expected 1 or more")


@dataclass(frozen=True)
class Proofs:
    """Which rows are broken, and which are proved robust, at each radius: attacks first, then `fairtoll.bounds.prove`.

    Attributes
    ----------
    epsilons : sequence of float
        Radii, ascending.
    attack : AttackSpec
        What is run first. Default: a union.
    rows : int, optional
        How many rows, as large a share of each class; None for all.
    boxes : int
        Boxes of one row, before it is left unknown.

    Raises
    ------
    FairtollError
        For radii out of order, or no rows.

    Examples
    --------
    >>> Proofs(epsilons=[0.1]).rows
    """

    epsilons: Sequence[float]
    attack: AttackSpec = Union()
    rows: int | None = None
    boxes: int = BOXES

    def __post_init__(self) -> None:
        check_epsilons(self.epsilons)
        object.__setattr__(self, "epsilons", tuple(self.epsilons))
        if self.rows is not None and self.rows < 1:
            raise FairtollError(f"rows is {self.rows}; expected 1 or more, or None for all")


#: Whatever `collect` can measure.
Measure = Clean | Attacked | Transfer | Checks | Decisions | Proofs | Certify | Detect


def _check_radii(measure: Any) -> None:
    check_epsilons(measure.epsilons)
    for name in ("epsilons", "keep_probabilities_at"):
        object.__setattr__(measure, name, tuple(getattr(measure, name)))
    if unknown := [radius for radius in measure.keep_probabilities_at if radius not in measure.epsilons]:
        raise FairtollError(f"keep_probabilities_at holds {unknown}; expected radii of epsilons, {measure.epsilons}")
