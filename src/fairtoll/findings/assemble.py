"""From evidence and a plan to `Results`."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtoll._version import __version__
from fairtoll.evidence.store import Evidence
from fairtoll.findings import results
from fairtoll.findings.alarms import raise_alarms
from fairtoll.findings.attacked_into import attacked_into
from fairtoll.findings.attacked_rows import class_weights, run_means
from fairtoll.findings.certificates import certified
from fairtoll.findings.compare import PublishedValues, answer_all
from fairtoll.findings.detections import detections
from fairtoll.findings.discoveries import discoveries
from fairtoll.findings.gaps import measure_gaps
from fairtoll.findings.judged import Rules
from fairtoll.findings.least_epsilon import least_epsilons
from fairtoll.findings.matched import match_recipes
from fairtoll.findings.model_alarms import model_alarms, model_notes
from fairtoll.findings.notes import notes_on
from fairtoll.findings.proofs import proofs
from fairtoll.findings.questions import Comparison, Question
from fairtoll.findings.readings import Readings
from fairtoll.findings.recipes import describe_recipes
from fairtoll.findings.spreads import stored_spread
from fairtoll.findings.summary import answer
from fairtoll.findings.summary_of_gaps import answer_of_gaps
from fairtoll.findings.summary_of_recipes import answer_of_recipes
from fairtoll.statistics import group_intervals
from fairtoll.threads import one_thread_for_products

#: Judges claims from the findings, for a reproduction.
JudgeClaims = Callable[[Sequence[results.Finding], Sequence[results.Accuracy]], list[results.Claim]]
#: Returns remarks for interpreting the figures, or sentences for the first screen.
MakeNotes = Callable[[Sequence[results.Finding], Sequence[results.Accuracy]], list[str]]


@one_thread_for_products()
def assemble(
    evidence: Evidence,
    plan: Sequence[tuple[Comparison, Question]],
    *,
    title: str,
    question: str,
    threat: str,
    configuration: Mapping[str, Any],
    published: PublishedValues | None = None,
    published_accuracy: Mapping[tuple[str, ...], float] | None = None,
    judge_claims: JudgeClaims | None = None,
    make_notes: MakeNotes | None = None,
    make_highlights: MakeNotes | None = None,
    cuts: Sequence[str] = (),
    examples: Sequence[results.Example] = (),
    environment: Mapping[str, Any] | None = None,
    times: Sequence[results.StageTime] = (),
    rules: Rules = Rules(),
    gaps: tuple[str, Sequence[Question]] | None = None,
) -> results.Results:
    """Compute everything a report shows, from evidence alone.

    Parameters
    ----------
    evidence : Evidence
        Its `about` names the data and the arms.
    plan : sequence of (Comparison, Question)
        The gaps to report.
    title, question : str
        Of the report, and what is evaluated, in one sentence.
    threat : str
        Name of the threat whose attacks alarms are read from.
    published, published_accuracy : mapping, optional
        The paper's values: of findings by key, of accuracies by (arm, evaluation).
    judge_claims : callable, optional
        Turns findings into judged claims.
    make_notes, make_highlights : callable, optional
        Turn findings into remarks, and into sentences for the first screen.
    cuts : sequence of str
        What this run left out or made smaller.
    examples : sequence of Example
        Images to show.
    rules : Rules
        How differences are judged.
    gaps : (str, sequence of Question), optional
        The gaps of one arm alone, where there is nothing to compare.

    Returns
    -------
    Results
    """
    about = evidence.about
    dataset = str(about.get("name", "data"))
    findings = answer_all(evidence, plan, dataset=dataset, published=published, rules=rules)
    own = [] if gaps is None else measure_gaps(evidence, gaps[0], gaps[1], dataset=dataset, rules=rules)
    accuracy = accuracies(evidence, published_accuracy or {})
    named = [{name: arm[name] for name in results.Arm.model_fields} for arm in about.get("arms", [])]
    named = named or [{"name": name, "title": name, "note": ""} for name in evidence.arms]
    arms = [results.Arm(**arm) for arm in named]
    readings = Readings(evidence)
    recipes = describe_recipes(evidence, readings, plan, rules=rules, times=times)
    reach, matched = match_recipes(evidence, readings, plan, recipes, rules=rules) if recipes else ([], [])
    discovered = discoveries(recipes, findings)
    return results.Results(
        fairtoll_version=__version__,
        schema_version=results.SCHEMA_VERSION,
        title=title,
        question=question,
        dataset=results.Data(
            name=dataset,
            title=str(about.get("title", dataset)),
            note=str(about.get("note", "")),
            rows={**about.get("rows", {}), "test": len(evidence.rows)},
            classes=list(evidence.class_names),
            unofficial=about.get("unofficial"),
            attributes={name: [str(v) for v in np.unique(evidence.partition(name))] for name in evidence.attributes},
        ),
        configuration=dict(configuration),
        arms=arms,
        findings=findings,
        gaps=own,
        accuracy=accuracy,
        claims=judge_claims(findings, accuracy) if judge_claims else [],
        alarms=[
            alarm
            for arm in arms
            for alarm in (*model_alarms(evidence, arm.name), *raise_alarms(evidence, arm.name, threat=threat))
        ],
        model_notes=[note for arm in arms for note in model_notes(evidence, arm.name)],
        notes=[
            *notes_on(evidence),
            *(make_notes(findings, accuracy) if make_notes else []),
        ],
        answer=answer_of_recipes(recipes, matched, findings, discovered)
        or answer(findings, arms)
        or answer_of_gaps(own, arms),
        highlights=make_highlights(findings, accuracy) if make_highlights else [],
        cuts=list(cuts),
        least_epsilon=least_epsilons(evidence),
        proofs=proofs(evidence),
        attacked_into=attacked_into(evidence),
        recipes=recipes,
        reach=reach,
        discoveries=discovered,
        matched=matched,
        certified=certified(evidence, minimum_rows=rules.minimum_rows),
        detections=detections(evidence),
        examples=list(examples),
        environment=dict(environment or describe_environment()),
        times=list(times),
    )


def accuracies(evidence: Evidence, published: Mapping[tuple[str, ...], float]) -> list[results.Accuracy]:
    """Accuracy of every arm, clean and under every attack on the rows that it covers, mean and SD over runs."""
    found = []
    for arm in evidence.arms:
        clean = evidence.probabilities(arm).argmax(axis=2) == evidence.labels
        found.append(_accuracy(arm, clean, ("clean", None, None, None), published, None))
        searches = evidence.least_epsilon_names(arm)
        for attack in evidence.attack_names(arm):
            evaluation, threat, name, epsilon = attack
            if name.startswith("check-") or attack in searches:
                continue
            address: dict[str, Any] = {"evaluation": evaluation, "threat": threat, "attack": name, "epsilon": epsilon}
            success, rows = evidence.success_of_rows(arm, **address)
            if evaluation == "proved":
                if len(rows) < len(evidence.rows):
                    # A sample is no other figure of the same rows: it says what the attacks' figure is worth.
                    continue
                # What is neither broken nor proved does not count.
                success = evidence.proved_radius(arm, **address)[0] < epsilon * (1 - 1e-9)
            source = evidence.source_arm(arm) if evaluation == "static-transfer" else None
            entry = _accuracy(arm, ~success, attack, published, class_weights(evidence, rows))
            found.append(entry.model_copy(update={"source_arm": source}))
    return found


def describe_environment() -> dict[str, Any]:
    """Versions and machine that the numbers came from."""
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "system": platform.system(),
        "threads": torch.get_num_threads(),
    }


def _accuracy(
    arm: str,
    correct: NDArray[np.bool_],
    attack: tuple[Any, Any, Any, Any],
    published: Mapping[tuple[str, ...], float],
    weights: NDArray[np.float64] | None,
) -> results.Accuracy:
    evaluation, threat, name, epsilon = attack
    runs = run_means(correct, weights)
    interval = None
    if correct.shape[1] > 1:
        (interval,) = group_intervals(
            correct, np.zeros(correct.shape[1], dtype=int), minimum_rows=2, weights=weights
        ).values()
    key = (arm, evaluation) if name is None else (arm, evaluation, threat, name, f"{epsilon:g}")
    return results.Accuracy(
        arm=arm,
        evaluation=evaluation,
        attack=name,
        threat=threat,
        epsilon=epsilon,
        mean=float(runs.mean()),
        sd=float(runs.std(ddof=1)) if len(runs) > 1 else None,
        per_run=[float(run) for run in runs],
        interval=(interval.low, interval.high) if interval else None,
        spread=stored_spread(interval.spread) if interval else None,
        published=published.get(key),
    )
