"""Which rows are broken, proved robust, or neither, arm by arm and group by group."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll.evidence.store import Evidence
from fairtoll.findings import results
from fairtoll.findings.alarm_checks import share_interval

#: Where evidence says in `about` why nothing is proved of an arm.
UNPROVED = "unproved"
ALL = "all"
#: A bracket of at most this share of the largest radius is as good as one number.
NARROW = 0.01


def proofs(evidence: Evidence) -> list[results.Proof]:
    """Describe every proof of the evidence.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> proofs(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}))
    []
    """
    return [_describe(evidence, arm, name) for arm in evidence.arms for name in evidence.proof_names(arm)]


def unproved_notes(evidence: Evidence) -> list[str]:
    """Why nothing is proved, arm by arm; arms with the same reason together.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> unproved_notes(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}))
    []
    """
    by_reason: dict[str, list[str]] = {}
    for arm, reason in evidence.about.get(UNPROVED, {}).items():
        by_reason.setdefault(str(reason), []).append(str(arm))
    return [
        f"Nothing is proved of {', '.join(arms)}: {reason}. A row that no attack broke may be broken by a stronger one."
        for reason, arms in by_reason.items()
    ]


def _describe(evidence: Evidence, arm: str, name: tuple[str, str, str, float]) -> results.Proof:
    evaluation, threat, attack, epsilon = name
    address: dict[str, Any] = {"evaluation": evaluation, "threat": threat, "attack": attack, "epsilon": epsilon}
    low, rounding, rows = evidence.proved_radius(arm, **address)
    searched = name in evidence.least_epsilon_names(arm)
    high: NDArray[np.float64] | None = None
    if searched:
        high, censored, _ = evidence.least_epsilon(arm, **address)
        broken = ~censored
    else:
        broken, _ = evidence.success_of_rows(arm, **address)
    proved = (low >= epsilon * (1 - 1e-9)) & ~broken
    near = rounding & ~proved & ~broken
    parts = {ALL: {ALL: np.ones(len(rows), dtype=np.bool_)}}
    for partition in ("class", *evidence.attributes):
        names = evidence.partition(partition)[rows]
        parts[partition] = {str(group): names == group for group in np.unique(names)}
    left = ~broken
    settled = float(proved.sum() / left.sum()) if left.any() else None
    sampled = len(rows) < len(evidence.rows)
    return results.Proof(
        arm=arm,
        **address,
        rows=len(rows),
        of=len(evidence.rows),
        runs=len(low),
        least_epsilon=searched,
        narrow=None if high is None else float((high - low <= NARROW * epsilon).mean()),
        settled=settled,
        settled_interval=share_interval(float(proved[0].sum() / left[0].sum()), int(left[0].sum()))
        if sampled and left[0].any()
        else None,
        groups=[
            results.ProofGroup(
                partition=partition,
                group=group,
                rows=int(member.sum()),
                broken=_share(broken, member),
                proved=_share(proved, member),
                within_rounding=_share(near, member),
                unknown=_share(~(broken | proved | near), member),
                low=None if high is None else float(np.minimum(low, high)[:, member].mean()),
                high=None if high is None else float(high[:, member].mean()),
            )
            for partition, groups in parts.items()
            for group, member in groups.items()
        ],
    )


def _share(what: NDArray[np.bool_], member: NDArray[np.bool_]) -> float:
    return float(what[:, member].mean())
