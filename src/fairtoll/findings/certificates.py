"""Radii that others claim: their distribution over the classes, and the witnesses that contradict them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence.measures import CHECK, NO_ATTACKS
from fairtoll.evidence.store import Evidence
from fairtoll.findings import results
from fairtoll.findings.alarm_kinds import Checked, Seen
from fairtoll.findings.arm_values import arm_value
from fairtoll.findings.outcomes import Outcomes
from fairtoll.findings.questions import Certificate
from fairtoll.findings.shares import partitions, share_of
from fairtoll.metrics import RDI, normalized_robustness_gini

#: A radius in single precision may lie so far from the one that it stands for.
ROUNDING = 1e-6
UNATTACKED = "no attack at all"
ALL_ABSTAIN = (
    "The certified prediction of {arm} abstains on every one of {rows:,} rows: its noise is so large that no class has "
    "most of the votes, and nothing is certified of it; a smaller sigma certifies more."
)


@dataclass(frozen=True, eq=False)
class Tried:
    """The claims of one method about one arm, with what contradicts them.

    Attributes
    ----------
    radius : ndarray, (S, n)
        What is claimed.
    witness : ndarray, (S, n)
        Radius of the nearest misclassified input known; infinite where there is none.
    attack : ndarray of int, (S, n)
        Place in `attacks` of what found it.
    tested : ndarray of bool, (S, n)
        Claims with an attack below their radius, or a search from radius 0.
    rows : ndarray of int, (n,)
    runs : list
        Names of the S training runs.
    attacks : list of str
    """

    radius: NDArray[np.float64]
    witness: NDArray[np.float64]
    attack: NDArray[np.intp]
    tested: NDArray[np.bool_]
    rows: NDArray[np.int64]
    runs: list[Any]
    attacks: list[str]

    @property
    def broken(self) -> NDArray[np.bool_]:
        """Claims with a misclassified input nearer than the radius, (S, n); one just at the radius breaks none."""
        return np.asarray(self.witness * (1 + ROUNDING) < self.radius)

    @property
    def words(self) -> str:
        """How many claims are broken, and which one by most."""
        claims, broken = int((self.radius > 0).sum()), int(self.broken.sum())
        if not claims:
            return "no radius above 0 is claimed"
        tested = f"{int(self.tested.sum()):,} of them were attacked below their radius"
        if not broken:
            return f"none of {claims:,} claims is broken ({tested})"
        short = np.where(self.broken, self.radius - self.witness, -np.inf)
        run, place = np.unravel_index(int(short.argmax()), short.shape)
        named = self.attacks[self.attack[run, place]]
        how = (
            "is misclassified as it is"
            if named == UNATTACKED
            else f"is misclassified at {self.witness[run, place]:.4g} by {named}"
        )
        which = f" (training run {self.runs[run]})" if len(self.runs) > 1 else ""
        verb = "is" if broken == 1 else "are"
        return (
            f"{broken:,} of {claims:,} claims {verb} broken: row {self.rows[place]}, claimed to "
            f"{self.radius[run, place]:.4g}, {how}{which} ({tested})"
        )


def certified(evidence: Evidence, *, minimum_rows: int) -> list[results.Certified]:
    """Describe every certificate in the evidence, arm by arm.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> certified(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}), minimum_rows=10)
    []
    """
    return [
        _describe(evidence, arm, *name, minimum_rows=minimum_rows)
        for arm in evidence.arms
        for name in evidence.certificate_names(arm)
    ]


def broken_certificates(checked: Checked) -> Seen | None:
    """Whether any claim about the arm, under whatever threat, has a witness against it."""
    found = {
        Certificate(method, norm, threat).text: against(checked.evidence, checked.arm, threat, norm, method)
        for threat, norm, method in checked.evidence.certificate_names(checked.arm)
    }
    if not found:
        return None
    shares = {name: float(one.broken.sum() / max((one.radius > 0).sum(), 1)) for name, one in found.items()}
    return Seen(
        max(shares.values()),
        any(one.broken.any() for one in found.values()),
        "; ".join(f"{name}: {one.words}" for name, one in found.items()) + ".",
        {f"of the claims are broken ({name})": share for name, share in shares.items()},
    )


def against(evidence: Evidence, arm: str, threat: str, norm: str, method: str) -> Tried:
    """The claims of one method about one arm, held against all attacks of the same threat and norm.

    A row that is misclassified as it is contradicts every claim about it.
    """
    radius, rows, runs = evidence.certified_radius(arm, threat=threat, norm=norm, method=method)
    witness = np.full(radius.shape, np.inf)
    attack = np.zeros(radius.shape, dtype=np.intp)
    tested = np.zeros(radius.shape, dtype=np.bool_)
    attacks: list[str] = []

    def add(name: str, found: NDArray[np.float64], known: list[Any], covered: NDArray[np.int64], least: float) -> None:
        """Where training runs and rows are among the claims: what an attack found, and that it was run."""
        attacks.append(name)
        _, ours, theirs = np.intersect1d(rows, covered, assume_unique=True, return_indices=True)
        for place, run in enumerate(runs):
            if run not in known:
                continue
            new = found[known.index(run), theirs]
            nearer = ours[new < witness[place, ours]]
            witness[place, ours] = np.minimum(witness[place, ours], new)
            attack[place, nearer] = len(attacks) - 1
            tested[place, ours] |= least < radius[place, ours]

    wrong = evidence.probabilities(arm).argmax(axis=2) != evidence.labels
    everything = np.arange(len(evidence.rows))
    # It is no attack: a row that is classified correctly is not tested by it.
    add(UNATTACKED, np.where(wrong, 0.0, np.inf), evidence.training_runs(arm), everything, math.inf)
    searches = evidence.least_epsilon_names(arm)
    for evaluation, of_threat, name, epsilon in evidence.attack_names(arm):
        if of_threat != threat or evidence.norm_of(threat) != norm or name in NO_ATTACKS:
            continue
        where: dict[str, Any] = {"evaluation": evaluation, "threat": threat, "attack": name, "epsilon": epsilon}
        if (evaluation, of_threat, name, epsilon) in searches:
            values, censored, covered = evidence.searched_least_epsilon(arm, **where)
            found, least = np.where(censored, np.inf, values), 0.0
        else:
            success, covered = evidence.success_of_rows(arm, **where)
            found, least = np.where(success, epsilon, np.inf), epsilon
        said = name if evaluation == "white-box" else f"{name}, {evaluation}"
        add(said, found, evidence.training_runs(arm, **where), covered, least)
    return Tried(radius, witness, attack, tested, rows, runs, attacks)


def _describe(
    evidence: Evidence, arm: str, threat: str, norm: str, method: str, *, minimum_rows: int
) -> results.Certified:
    tried = against(evidence, arm, threat, norm, method)
    names, of_every_row = evidence.groups("class")
    groups = of_every_row[tried.rows]
    abstained = evidence.abstained(arm, threat=threat, norm=norm, method=method)
    radii = _radii(evidence, arm, threat)
    of_runs = [normalized_robustness_gini(groups, run, minimum_rows=minimum_rows) for run in tried.radius]
    return results.Certified(
        arm=arm,
        method=method,
        norm=norm,
        threat=threat,
        rows=len(tried.rows),
        runs=len(tried.runs),
        mean=float(tried.radius.mean()),
        classes=arm_value(
            arm,
            Outcomes(tried.radius, None, tried.rows, runs=tuple(tried.runs)),
            groups,
            names,
            metric=RDI,
            published={},
            minimum_rows=minimum_rows,
        ),
        nrgc=None if any(map(math.isnan, of_runs)) else float(np.mean(of_runs)),
        claims=int((tried.radius > 0).sum()),
        tested=int(tried.tested.sum()),
        broken=int(tried.broken.sum()),
        abstained=None if abstained is None else float(abstained.mean()),
        radii=radii,
        groups=[
            _group(partition, group, member, tried.radius, abstained, radii)
            for partition, group, member in partitions(evidence, tried.rows)
        ],
    )


def _radii(evidence: Evidence, arm: str, threat: str) -> list[float]:
    """At which the report has figures of attacks."""
    names = evidence.attack_names(arm)
    return sorted({one[3] for one in names if one[1] == threat and not one[2].startswith(CHECK) and one[3] > 0})


def _group(
    partition: str,
    group: str,
    member: NDArray[np.bool_],
    radius: NDArray[np.float64],
    abstained: NDArray[np.bool_] | None,
    radii: Sequence[float],
) -> results.CertifiedGroup:
    certified = share_of(radius > 0, member)
    left = None if abstained is None else share_of(abstained, member)
    return results.CertifiedGroup(
        partition=partition,
        group=group,
        rows=certified.rows,
        certified=certified.value or 0.0,
        interval=certified.interval,
        within=[float((radius[:, member] >= one).mean()) for one in radii],
        abstained=None if left is None else left.value,
        abstained_interval=None if left is None else left.interval,
    )


def abstention_notes(evidence: Evidence) -> list[str]:
    """Where no row at all is certified, because every prediction abstains.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> abstention_notes(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}))
    []
    """
    notes = []
    for arm in evidence.arms:
        for threat, norm, method in evidence.certificate_names(arm):
            abstained = evidence.abstained(arm, threat=threat, norm=norm, method=method)
            if abstained is not None and abstained.all():
                notes.append(ALL_ABSTAIN.format(arm=arm, rows=abstained.shape[1]))
    return notes
