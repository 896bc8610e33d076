"""From the evidence of a run to its results, as the description of its experiment has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence
from fairtoll.experiments.claims import judge_claims
from fairtoll.experiments.closed_form.answer import answer_of_theory
from fairtoll.experiments.closed_form.beside import beside_measured
from fairtoll.experiments.environment import kept_environment
from fairtoll.experiments.experiment import Experiment, Remarks
from fairtoll.experiments.leave_one_out.options import SECTION, section_of
from fairtoll.experiments.leave_one_out.recipes import not_masked_note
from fairtoll.experiments.leave_one_out.results import leave_one_out_notes, leave_one_out_results
from fairtoll.experiments.own.adversary import ADVERSARY
from fairtoll.experiments.pictures import EXAMPLES
from fairtoll.experiments.training_remarks import training_remarks
from fairtoll.findings import results as types
from fairtoll.findings.assemble import assemble
from fairtoll.findings.measured import Measured
from fairtoll.runs.folder import finished_stages, read_configuration
from fairtoll.storage.files import read_json

#: File of what formulas say of the trained models, relative to the run's folder.
THEORY = "evidence/theory.json"


def compute_results(experiment: Experiment, folder: Path) -> types.Results:
    """Everything that a report shows, from a run's evidence and configuration alone.

    Parameters
    ----------
    experiment : Experiment
        The description; runs, protocol and leave-one-out are those of the run.
    folder : Path
        The run's.

    Raises
    ------
    FairtollError
        If the folder holds no finished evidence.
    """
    configuration = read_configuration(folder)
    if missing := [name for name in ("runs", "protocol", SECTION) if name not in configuration]:
        raise FairtollError(f"the configuration in {folder} has no {', '.join(missing)}; give the folder of a run")
    experiment = replace(
        experiment,
        runs=configuration["runs"],
        protocol=configuration["protocol"],
        exact=configuration.get("exact", False),
        leave_one_out=section_of(configuration),
    )
    evidence = Evidence.load(folder / "evidence")
    left_out = _left_out(experiment, folder, evidence)

    def remarks(
        make: Remarks | None, findings: Sequence[types.Finding], accuracy: Sequence[types.Accuracy]
    ) -> list[str]:
        return [] if make is None else make(findings, accuracy, left_out)

    paper = [question for comparison, question in experiment.plan() if comparison.protocol == "paper"]
    found = assemble(
        evidence,
        experiment.plan(),
        rules=experiment.rules,
        title=experiment.title,
        question=experiment.question,
        threat=experiment.threat,
        configuration=configuration,
        published=experiment.published,
        published_accuracy=experiment.published_accuracy,
        judge_claims=lambda findings, _: judge_claims(
            experiment.claims,
            findings,
            conclude=experiment.conclude,
            questions=paper,
            measured=Measured(evidence, experiment.rules),
            leave_one_out=left_out,
        ),
        make_notes=partial(remarks, experiment.notes),
        make_highlights=partial(remarks, experiment.highlights),
        cuts=experiment.reductions(configuration, evidence.about) if experiment.reductions else [],
        examples=_pictures(experiment, folder),
        environment=kept_environment(folder),
        times=[
            types.StageTime.model_validate(one, from_attributes=True)
            for one in finished_stages(folder, before="results")
        ],
    )
    masked = not_masked_note(experiment)
    theory = _theory(experiment, folder, found.findings)
    # Where formulas answer who pays, what is counted follows.
    said = [] if theory is None else answer_of_theory(theory)
    return found.model_copy(
        update={
            "leave_one_out": left_out,
            "notes": [*leave_one_out_notes(left_out), *([masked] if masked else []), *found.notes],
            "model_notes": [*training_remarks(experiment, folder), *found.model_notes],
            "adversary": _adversary(evidence),
            "theory": theory,
            "answer": [*said, *found.answer[1:]] if said else found.answer,
        }
    )


def _left_out(experiment: Experiment, folder: Path, evidence: Evidence) -> list[types.LeaveOneOut]:
    if experiment.leave_one_out.count == 0:
        return []
    return leave_one_out_results(
        folder,
        experiment.leave_one_out,
        {name: evidence.partition(name) for name in ("class", *evidence.attributes)},
        class_names=evidence.class_names,
        published_note=experiment.published_leave_one_out,
        baseline=next((arm for arm in experiment.arms() if experiment.recipe(arm).role == "baseline"), None),
    )


def _adversary(evidence: Evidence) -> types.Adversary | None:
    described = evidence.about.get(ADVERSARY)
    return None if described is None else types.Adversary.model_validate(described)


def _theory(experiment: Experiment, folder: Path, findings: Sequence[types.Finding]) -> types.Theory | None:
    if experiment.theory is None:
        return None
    return beside_measured(types.Theory.model_validate(read_json(folder / THEORY)), experiment, findings)


def _pictures(experiment: Experiment, folder: Path) -> list[types.Example]:
    if experiment.pictures is None:
        return []
    return [types.Example(**example) for example in read_json(folder / EXAMPLES)]
