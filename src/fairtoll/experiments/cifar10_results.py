"""From the CIFAR-10 experiment's evidence to `results.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fairtoll.evidence.store import Evidence
from fairtoll.experiments.arms import published_accuracy
from fairtoll.experiments.cifar10_claims import judge_cifar10_claims
from fairtoll.experiments.cifar10_examples import read_examples
from fairtoll.experiments.cifar10_leave_one_out import cifar10_leave_one_out
from fairtoll.experiments.cifar10_plan import CRAFT_STEPS, EPSILON, cifar10_plan, published_values
from fairtoll.experiments.environment import kept_environment
from fairtoll.experiments.leave_one_out.results import leave_one_out_highlights, leave_one_out_notes
from fairtoll.findings import results
from fairtoll.findings.assemble import assemble
from fairtoll.runs.folder import finished_stages, read_configuration

TITLE = "Which classes pay when an image classifier is hardened?"
QUESTION = (
    "Does adversarial training make a CIFAR-10 classifier less fair between classes, as Sooksatra & Rivas report, and "
    "is it more than chance?"
)
#: A robust accuracy survives if it is no further than this below the published one.
SURVIVES = 0.05


def cifar10_results(folder: Path) -> results.Results:
    """Compute `results.json` of a run from its evidence and configuration alone.

    Raises
    ------
    FairtollError
        If the folder holds no finished evidence.
    """
    configuration = read_configuration(folder)
    evidence = Evidence.load(folder / "evidence")
    left_out = cifar10_leave_one_out(folder, configuration, evidence)
    found = assemble(
        evidence,
        cifar10_plan(configuration["protocol"]),
        title=TITLE,
        question=QUESTION,
        threat="paper",
        configuration=configuration,
        published=published_values(),
        published_accuracy=published_accuracy("cifar10", attack=f"pgd-{CRAFT_STEPS}", epsilon=EPSILON),
        judge_claims=partial(judge_cifar10_claims, leave_one_out=left_out),
        make_notes=cifar10_notes,
        make_highlights=cifar10_highlights,
        cuts=describe_cuts(configuration, evidence.about),
        examples=[results.Example(**example) for example in read_examples(folder)],
        environment=kept_environment(folder),
        times=[results.StageTime.model_validate(one, from_attributes=True) for one in finished_stages(folder)],
    )
    notes = [*leave_one_out_notes(left_out), *found.notes]
    highlights = [*found.highlights, *leave_one_out_highlights(left_out)]
    return found.model_copy(update={"leave_one_out": left_out, "notes": notes, "highlights": highlights})


def cifar10_highlights(findings: Sequence[results.Finding], accuracy: Sequence[results.Accuracy]) -> list[str]:
    """Whether the paper's robust accuracy survives a white-box attack, in one sentence."""
    found = {
        (one.arm, one.evaluation): one
        for one in accuracy
        if one.attack == f"pgd-{CRAFT_STEPS}" and one.epsilon == EPSILON
    }
    transfer, own = found.get(("static", "static-transfer")), found.get(("static", "white-box"))
    standard = found.get(("standard", "white-box"))
    if transfer is None or own is None or standard is None or transfer.published is None:
        return []
    survives = own.mean >= transfer.published - SURVIVES
    verb = "survives" if survives else "does not survive"
    return [
        f"The paper's {transfer.published:.1%} robust accuracy {verb} a white-box attack: its static recipe stands on "
        f"{transfer.mean:.1%} of images attacked by way of the standard model (static transfer), but on {own.mean:.1%} "
        f"when attacked itself (white-box PGD, {CRAFT_STEPS} steps, epsilon {EPSILON:g}), against {standard.mean:.1%} "
        "of the standard model."
    ]


def describe_cuts(configuration: Mapping[str, Any], about: Mapping[str, Any]) -> list[str]:
    """What this run did less of than the whole experiment."""
    cuts, rows = [], about["rows"]
    if configuration["train_rows"] is not None:
        cuts.append(f"Trained on {rows['train']:,} of 50,000 images for {configuration['epochs']} of 20 epochs.")
    if rows["attacked"] < rows["test"]:
        cuts.append(f"Attacked {rows['attacked']:,} of {rows['test']:,} test images, as many of each class.")
    if configuration["restarts"] < 5:
        cuts.append(f"The union of attacks starts {configuration['restarts']} instead of 5 times.")
    if configuration["seeds"] < 3:
        runs = "One training run" if configuration["seeds"] == 1 else "Two training runs"
        cuts.append(f"{runs} of each arm: another may differ, so no verdict is more than inconclusive.")
    return cuts


def cifar10_notes(findings: Sequence[results.Finding], accuracy: Sequence[results.Accuracy]) -> list[str]:
    """Remarks that the figures need to be read rightly."""
    return [
        "Where the paper is silent: convolutions of 32 and 64 filters (3 x 3, padded), dense layers of 256 and 128, "
        "pixels in [0, 1], Glorot-uniform weights, Adam 1e-3, no augmentation, PGD with 20 steps of 2.5 epsilon / 20 "
        "and no random start, the robust model trained from new weights. What was tried is in docs/calibration.md.",
        "Least epsilon is in units of a pixel's range; rows that stand at the largest radius searched count with "
        "that radius, a lower limit, and their share is shown.",
    ]
