"""What is proved of each of the paper's findings: a table to read beside docs/theory.md, which has the proofs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sign = Literal["cau", "cru_s", "cru_epsilon"]


@dataclass(frozen=True)
class Known:
    """One finding: which measures show it, and what is proved of it (docs/theory.md).

    Attributes
    ----------
    claims : sequence of str
        Ids in `published.json`.
    finding : str
        In a few words.
    general : sequence of str
        Where it is proved, and where it is reversed; of rules with the least error unless the loss is named.
    metric, partition : str
        Of the gaps that show it; no metric: these rows show nothing of it.
    groups : bool
        Whether the groups' own values show it, not their gap.
    sign : {"cau", "cru_s", "cru_epsilon"}, optional
        Which sign of a place it is.
    elsewhere : str
        What to say of places without one.
    """

    claims: tuple[str, ...]
    finding: str
    general: tuple[str, ...]
    metric: str | None = None
    partition: str = "class"
    groups: bool = False
    sign: Sign | None = None
    elsewhere: str = ""


OF_FEATURES = "not read from spreads: it depends on which features groups differ in"
KNOWN = (
    Known(
        ("cau-adult", "cau-cifar10"),
        "CAU rises",
        (
            "Proved where covariances are proportional and classes equally frequent (Theorem 1); of rules with the "
            "least loss where features are alike and the threshold falls (Theorem 10).",
            "Reversed where classes differ in spread only on features that a robust rule drops, or, where features are "
            "alike, the narrow class has a share below 1/(K + 1) and classes lie far apart (Theorem 7c).",
        ),
        "cau",
        sign="cau",
    ),
    Known(
        ("easy-hard",),
        "Hard classes lose accuracy, easy ones gain",
        (
            "Proved for the hard class, under the conditions of Theorem 1.",
            "Under a condition for the easy one: where all features are alike, or the threshold moves farther than the "
            "distance shrinks.",
            "Reversed where much of the easy class's accuracy came from weak features.",
        ),
        "cau",
        groups=True,
        elsewhere="the hard class loses wherever a rule is robust",
    ),
    Known(
        ("cru-s-adult", "cru-s-cifar10"),
        "CRU_s rises",
        (
            "Proved of the signed gap, hard minus easy, at every radius up to that of training (Theorem 2).",
            "Under a condition the gap itself: where both signed gaps add up to more than 0.",
            "Reversed where classes lie far apart: under attack the standard rule then breaks more of the easy class. "
            "With the least loss that is so of nearer ones, too.",
        ),
        "cru_s",
        sign="cru_s",
    ),
    Known(
        ("cru-s-shrinks",),
        "The rise of CRU_s shrinks with the radius of the attack",
        (
            "Under a condition, of the signed gap: where features are alike, at radii that break more than half of "
            "each class (Theorem 2e).",
            "The signed one grows at radii that break less than half of each class; CRU_s itself may do either there.",
        ),
        "cru_s",
        elsewhere="depends on the radii, not on the data alone",
    ),
    Known(
        ("least-epsilon",),
        "CRU_ε rises",
        (
            "Proved of rules with the least error where classes are closer than about one spread, and features alike "
            "(Theorem 3).",
            "Reversed farther apart: the hard class, more spread out, has the larger mean least epsilon, and robust "
            "training gives the easy class what it takes from the hard one; unless the sign of the gap changes.",
            "Reversed of rules with the least loss at every distance, where features are alike and the threshold falls "
            "(Theorem 10).",
            "A robust rule that drops features makes both classes harder to break, so that the gap can rise, the hard "
            "class gaining more; or fall, if they were few (Theorem 3d).",
        ),
        "cru_epsilon",
        sign="cru_epsilon",
    ),
    Known(
        ("luf",),
        "LUF, LUF_t and LUF_l rise",
        (
            "Under a condition, in least squares: an exact criterion for static copies (Theorem 5).",
            "Reversed in a problem of four rows; with noise on the features, LUF rises from 0 and falls to 0 again.",
        ),
        elsewhere="depends on single rows",
    ),
    Known(
        ("female-below-male",),
        "One group's mean confidence is lower in both classes",
        (
            "Proved for equal covariances and shifts that do not depend on the class: the order of two groups is the "
            "same in both (Theorem 4a).",
            "Which group is lower is the sign of one number, which robust training can change.",
        ),
        "eou",
        partition="group",
        groups=True,
        elsewhere=OF_FEATURES,
    ),
    Known(
        ("eou-d1-above-d0",),
        "EOU is higher in D_1, the class whose confidence is averaged",
        (
            "Under a condition, and exactly then: where the middle of the groups lies on the other class's side of the "
            "threshold (Theorem 4b).",
            "Reversed otherwise.",
        ),
        "eou",
        partition="group",
        elsewhere=OF_FEATURES,
    ),
    Known(
        ("eou-sex", "eou-race"),
        "EOU rises",
        (
            "Under a condition: where groups differ on strong features, which robust training weighs more (Theorem 4).",
            "Reversed where they differ on weak features, which it drops.",
        ),
        "eou",
        partition="group",
        elsewhere=OF_FEATURES,
    ),
    Known(
        ("eou-values",),
        "The more values an attribute has, the larger the change of EOU",
        (
            "Proved of EOU itself: it cannot fall when a value is added; of its change on average over random shifts, "
            "if the robust rule weighs them more.",
            "Reversed: a third value can turn a rise into a fall.",
        ),
        elsewhere=OF_FEATURES,
    ),
    Known(
        ("conclusion",),
        "Adversarial training harms all four kinds of fairness",
        ("Reversed for each kind under some condition above: it is not a consequence of robustness as such.",),
        elsewhere="the rows above, together",
    ),
)
