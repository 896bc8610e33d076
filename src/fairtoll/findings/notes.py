"""Notes on reading the figures: copies of models, what is not proved, figures from scores alone, rows outside a box."""

from __future__ import annotations

from collections.abc import Mapping

from fairtoll.evidence.copies import describe_copies
from fairtoll.evidence.measures import CHECK, DECISION, SCORES_ONLY, WHITE_BOX
from fairtoll.evidence.store import Evidence
from fairtoll.findings.box import box_notes
from fairtoll.findings.certificates import abstention_notes
from fairtoll.findings.proofs import unproved_notes

#: Where evidence says in `about` which library's HopSkipJump looks at an arm; "" if none is installed.
DECISIONS = "decisions"


def notes_on(evidence: Evidence) -> list[str]:
    """Every note on an evidence.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> notes_on(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}))
    []
    """
    return [
        *_by_scores(evidence),
        *_unchecked(evidence),
        *(_of_copies(evidence, arm) for arm in evidence.copies),
        *unproved_notes(evidence),
        *abstention_notes(evidence),
        *box_notes(evidence),
    ]


def _unchecked(evidence: Evidence) -> list[str]:
    """Which arms no attack of another library has looked at, where one should have."""
    asked: Mapping[str, str] = evidence.about.get(DECISIONS, {})
    without = [arm for arm in asked if DECISION not in {name for _, _, name, _ in evidence.attack_names(arm)}]
    if not without:
        return []
    why = (
        "it failed, as a warning said"
        if any(asked[arm] for arm in without)
        else "it needs Foolbox or the Adversarial Robustness Toolbox (pip install -e '.[attacks]')"
    )
    return [
        f"HopSkipJump, an attack by classes alone, was not run as an independent check of {', '.join(without)}: {why}."
    ]


def _by_scores(evidence: Evidence) -> list[str]:
    """What figures from scores alone mean, where an arm has no other."""
    used = {arm: _evaluations(evidence, arm) for arm in evidence.arms}
    alone = [arm for arm, how in used.items() if SCORES_ONLY in how and WHITE_BOX not in how]
    if not alone:
        return []
    beside = [arm for arm, how in used.items() if {SCORES_ONLY, WHITE_BOX} <= how]
    said = (
        f"Robustness of {', '.join(alone)} is measured by scores only: attacks that ask the model for its scores and "
        "know nothing else of it. A stronger attack may exist, so that fewer rows may be robust than are shown."
    )
    if beside:
        said += (
            f" Gaps under attack are compared by scores only in every arm; the white-box figures of {', '.join(beside)}"
            " are shown beside, and compared with none of these."
        )
    return [said]


def _evaluations(evidence: Evidence, arm: str) -> set[str]:
    return {how for how, _, name, _ in evidence.attack_names(arm) if not name.startswith(CHECK)}


def _of_copies(evidence: Evidence, arm: str) -> str:
    said = describe_copies(arm, evidence.copies[arm])
    if len(evidence.training_runs(arm)) > 1:
        return said
    return f"{said} This recipe is deterministic; vary the training rows between runs to compare recipes."
