"""Runs until decided: fixed looks, each with a fixed share of the error whatever the largest number of runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairtoll.statistics._groups import check_confidence, check_count
from fairtoll.statistics.difference import Difference
from fairtoll.statistics.interval import bonferroni
from fairtoll.statistics.needed import Needed, runs_or_rows_needed
from fairtoll.statistics.verdict import Verdict, VerdictKind, check_margin, state_verdict

#: Numbers of training runs after which a comparison is looked at.
LOOKS = (5, 10, 20, 40, 80)
#: The share of the error that each look has. Fixed, so that a study that is continued later keeps its error rate.
LOOK_SHARE = 1 / len(LOOKS)


@dataclass(frozen=True)
class Look:
    """A comparison after so many training runs, at its `share` of the error."""

    runs: int
    share: float
    difference: Difference
    verdict: Verdict


@dataclass(frozen=True)
class Judgement:
    """A comparison after its looks.

    `looks` up to the first with a verdict. `p_value` one-sided, of the null that the difference is at most 0, over
    all looks taken; not corrected for the family. `final` whether further runs would not be looked at. `needed`
    what an inconclusive comparison would take.
    """

    looks: tuple[Look, ...]
    p_value: float
    final: bool
    needed: Needed | None

    @property
    def last(self) -> Look:
        """The look that the verdict is of."""
        return self.looks[-1]


def judge(
    compute: Callable[[int, float], Difference | None],
    *,
    runs: int,
    margin: float,
    family: int = 1,
    sequential: bool = False,
    confidence: float = 0.95,
) -> Judgement | None:
    """Judge a comparison at its looks, stopping at the first with a verdict.

    In a sequential design a comparison is looked at after 5, 10, 20, 40 and 80 runs, each look with a fifth of the
    error, so that a false verdict has at most the error in all however far it goes (Bonferroni over looks, and over
    the `family`). It also stops where the choice of rows alone, which runs do not change, keeps it from every
    verdict. Otherwise, or with fewer than five runs, all runs are one look with the whole error.

    Parameters
    ----------
    compute
        Gives the difference of the first n runs at a confidence: ``compute(n, confidence)``; None if there are too
        few groups with enough rows.
    runs
        How many runs there are.
    margin
        The largest difference that does not matter.
    family
        How many comparisons are judged together.
    sequential
        Whether runs were added until decided. Fixed before the first look.
    confidence
        Of all verdicts of the family together.

    Returns
    -------
    Judgement, or None
        None if there are too few groups with enough rows.

    Raises
    ------
    FairtollError
        For a number of runs or of comparisons below 1, a margin below 0, or a confidence not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtoll.statistics import difference
    >>> generator = np.random.default_rng(0)
    >>> groups = np.repeat(["a", "b"], 500)
    >>> standard = generator.random((10, 1000)) < 0.8
    >>> robust = generator.random((10, 1000)) < np.where(groups == "a", 0.9, 0.6)
    >>> def compute(runs, confidence):
    ...     return difference(standard[:runs], robust[:runs], groups, confidence=confidence)
    >>> found = judge(compute, runs=10, margin=0.01, family=4, sequential=True)
    >>> found.last.runs, found.last.verdict.kind.value, found.final
    (5, 'less fair', True)
    """
    runs = check_count(runs, name="runs", least=1)
    check_confidence(confidence)
    check_margin(margin)
    in_looks = sequential and runs >= LOOKS[0]
    share = LOOK_SHARE if in_looks else 1.0
    each = 1 - (1 - bonferroni(confidence, family)) * share
    looks: list[Look] = []
    needed: Needed | None = None
    for number in [look for look in LOOKS if look <= runs] if in_looks else [runs]:
        found = compute(number, each)
        if found is None:
            return None
        verdict = state_verdict(found, margin=margin)
        looks.append(Look(number, share, found, verdict))
        decided = verdict.kind != VerdictKind.INCONCLUSIVE
        needed = None if decided else runs_or_rows_needed(found, margin=margin, at=LOOKS if in_looks else ())
        if decided or (in_looks and needed is not None and needed.hopeless):
            break
    last = looks[-1]
    final = not in_looks or needed is None or needed.hopeless or last.runs == LOOKS[-1]
    p_value = min(1.0, min(look.difference.p_value for look in looks) / share)
    return Judgement(looks=tuple(looks), p_value=p_value, final=final, needed=needed)
