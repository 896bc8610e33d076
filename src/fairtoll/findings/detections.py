"""How many rows detectors of attacks flag: all rows, and each class and group."""

from __future__ import annotations

from fairtoll.evidence.detect import EVADING
from fairtoll.evidence.store import Evidence
from fairtoll.findings import results
from fairtoll.findings.shares import partitions, share_of


def detections(evidence: Evidence) -> list[results.Detection]:
    """Describe every detector of the evidence, arm by arm, clean rows first.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"], "p": [0.9, 0.4]})
    >>> detections(Evidence.from_frame(frame, label="y", probabilities={"a": "p"}))
    []
    """
    return [_describe(evidence, arm, name) for arm in evidence.arms for name in evidence.detection_names(arm)]


def _describe(evidence: Evidence, arm: str, name: tuple[str, str, str, float]) -> results.Detection:
    evaluation, threat, attack, epsilon = name
    found = evidence.detected(arm, name)
    groups = []
    for partition, group, member in partitions(evidence, found.rows):
        share = share_of(found.flagged, member, counted=found.counted)
        groups.append(
            results.DetectionGroup(
                partition=partition, group=group, rows=share.rows, flagged=share.value, interval=share.interval
            )
        )
    return results.Detection(
        arm=arm, evaluation=evaluation, threat=threat, attack=attack, epsilon=epsilon,
        evades=attack == EVADING, runs=len(found.flagged), groups=groups,
    )  # fmt: skip
