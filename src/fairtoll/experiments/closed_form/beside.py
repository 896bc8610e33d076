"""Measurements joined to formulas."""

from __future__ import annotations

from collections.abc import Sequence

from fairtoll.experiments.closed_form.claims import theory_claims
from fairtoll.experiments.closed_form.values import beside, trained_against
from fairtoll.experiments.experiment import Experiment
from fairtoll.findings.results import CurvePoint, ExactCurve, ExactValue, Finding, Theory


def beside_measured(theory: Theory, experiment: Experiment, findings: Sequence[Finding]) -> Theory:
    """The formulas of a run with what was measured in it.

    Parameters
    ----------
    theory : Theory
        Made from the trained models.
    experiment : Experiment
        Of the run.
    findings : sequence of Finding
        Of the run.
    """
    values = [beside(value, findings) for value in theory.values]
    curves = [one.model_copy(update={"points": _points(one, values, experiment)}) for one in theory.curves]
    joined = theory.model_copy(update={"values": values, "curves": curves})
    return joined.model_copy(update={"claims": theory_claims(joined, findings)})


def _points(curve: ExactCurve, values: Sequence[ExactValue], experiment: Experiment) -> list[CurvePoint]:
    return [
        CurvePoint(arm=value.arm, radius=radius, value=value.measured, interval=value.interval)
        for value in values
        if value.question == curve.question and value.group is None and value.measured is not None
        if (radius := trained_against(experiment, value.arm)) is not None
    ]
