"""`fairtoll compare`: two finished audits, such as two releases of one model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtoll.cli.gate import (
    FailOnOption,
    JunitOption,
    QuestionOption,
    RequireOption,
    ThresholdOption,
    end_with,
    gate_flags,
    pass_gate,
    rules_of,
)
from fairtoll.errors import FairtollError


def compare(
    before: Annotated[Path, typer.Argument(help="Folder of the audit of the earlier model.", metavar="BEFORE")],
    after: Annotated[Path, typer.Argument(help="Folder of the audit of the later one.", metavar="AFTER")],
    before_arm: Annotated[
        str | None, typer.Option(help="Which model of BEFORE. Default: the only one.", metavar="NAME")
    ] = None,
    after_arm: Annotated[
        str | None, typer.Option(help="Which model of AFTER. Default: the only one.", metavar="NAME")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for evidence, results and report.")] = Path("runs/compare"),
    fail_on: FailOnOption = None,
    threshold: ThresholdOption = None,
    question: QuestionOption = None,
    require_decision: RequireOption = False,
    junit: JunitOption = None,
) -> None:
    """Compare two finished audits of the same rows, row by row: no model is run again."""
    from fairtoll.cli.settings_file import settings_of

    flags = gate_flags(fail_on, threshold, question, require_decision)
    given = settings_of({"gate": flags}, "the command line").gate
    rules = rules_of(given)
    if junit is not None and not rules:
        raise FairtollError("--junit writes the checks of a gate, and there is no rule; give --fail-on or --threshold")
    if out.resolve() in (before.resolve(), after.resolve()):
        raise FairtollError(f"{out} is one of the audits to compare; expected a folder of its own; give another --out")
    from fairtoll.audits.releases import compare_releases
    from fairtoll.cli.display import Progress, print_notes, show_results
    from fairtoll.progress import part, reporting_to

    with Progress() as display, reporting_to(display.track("Comparing, writing the report")):
        with part(0.7):
            recorded = given.model_dump(exclude_defaults=True)
            found = compare_releases(before, after, before_arm=before_arm, after_arm=after_arm, gate=recorded)
        with part(0.3):
            path = found.save(out)
    print_notes(found.results)
    show_results(path)
    if rules:
        end_with(pass_gate(found.results, rules, junit=junit))
