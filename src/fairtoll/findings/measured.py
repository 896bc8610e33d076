"""Weighted sums of group means from evidence: one group below another, or how far groups move between two arms."""

from __future__ import annotations

from collections.abc import Mapping

from fairtoll.evidence.store import Evidence
from fairtoll.findings.judged import Rules
from fairtoll.findings.outcomes import metric_of, outcomes_of
from fairtoll.findings.questions import Question
from fairtoll.findings.readings import Readings
from fairtoll.statistics import Estimate, InsufficientDataError, contrast


class Measured:
    """One evidence, for estimates beyond its findings.

    Parameters
    ----------
    evidence : Evidence
    rules : Rules
        As the findings are judged.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"y": ["a", "b"] * 20, "p": [0.9, 0.2] * 20, "sex": ["f"] * 20 + ["m"] * 20})
    >>> evidence = Evidence.from_frame(frame, label="y", probabilities={"a": "p"}, groups=["sex"])
    >>> Measured(evidence, Rules()).contrast(Question("cau", "sex"), {"f": 1.0, "m": -1.0}, arm="model").value
    0.0
    """

    def __init__(self, evidence: Evidence, rules: Rules) -> None:
        self._readings, self._rules = Readings(evidence), rules

    def contrast(
        self,
        question: Question,
        weights: Mapping[str, float],
        *,
        arm: str,
        minus: str | None = None,
        runs: int | None = None,
        only: int | None = None,
        confidence: float = 0.95,
    ) -> Estimate | None:
        """The sum of group means times their weights, in one arm or in one minus another.

        Parameters
        ----------
        runs : int, optional
            Of the first so many training runs; all when not given.
        only : int, optional
            Of this training run alone, by position: of that model, over rows.

        Returns
        -------
        Estimate or None
            None where a group has too few rows.
        """
        metric = metric_of(question)
        found = [outcomes_of(self._readings, one, question) for one in (arm, minus) if one is not None]
        if any(one.missing for one in found):
            return None
        count = min(len(one.values) for one in found)
        positions = [only] if only is not None else list(range(count if runs is None else min(runs, count)))
        found = [one.take(positions) for one in found]
        names, of_every_row = self._readings.groups(question.partition)
        groups = of_every_row[found[0].rows]
        try:
            return contrast(
                found[0].values,
                groups,
                {names.index(name): weight for name, weight in weights.items()},
                minus=found[1].values if len(found) > 1 else None,
                included=found[0].included,
                minus_included=found[1].included if len(found) > 1 else None,
                paired=self._rules.paired and len(found) > 1,
                confidence=confidence,
                minimum_rows=self._rules.minimum_rows,
                rates=metric.rates,
            )
        except InsufficientDataError:
            return None
