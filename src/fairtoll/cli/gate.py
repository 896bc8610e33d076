"""`fairtoll gate`, and the options of a gate that other commands have too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairtoll.cli.pairs import read_pairs
from fairtoll.errors import FairtollError

if TYPE_CHECKING:
    from fairtoll.cli.settings import GateSettings
    from fairtoll.findings.gate import GateRules
    from fairtoll.findings.results import Results

GATE = "Gate"
FailOnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        help="less-fair: a gap is wider than the first model's by more than its margin; alarm: an alarm fires, "
        "of all models but the first if there are several. Repeat for both.",
        metavar="RULE",
        rich_help_panel=GATE,
    ),
]
ThresholdOption = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        help="cau/sex=0.05: a gap, at most; accuracy, worst-class, worst-group/sex=0.8: at least, under attack with "
        "robust- before and @RADIUS after. Of several models all but the first are judged. Repeat for more.",
        metavar="NAME=NUMBER",
        rich_help_panel=GATE,
    ),
]
QuestionOption = Annotated[
    str | None,
    typer.Option(
        "--question",
        help="Judge these trained models (default), or the recipes that they are drawn from: models or recipes.",
        metavar="WORD",
        rich_help_panel=GATE,
    ),
]
RequireOption = Annotated[
    bool,
    typer.Option("--require-decision", help="End with status 3 where a check stays undecided.", rich_help_panel=GATE),
]
JunitOption = Annotated[
    Path | None, typer.Option("--junit", help="Write the checks as JUnit XML.", metavar="FILE", rich_help_panel=GATE)
]


def gate(
    run: Annotated[Path, typer.Argument(help="Folder of a finished audit.", metavar="FOLDER")],
    settings: Annotated[
        Path | None,
        # A bracket without the backslash is markup.
        typer.Option(
            help="A file whose \\[gate] is used in place of the audit's own rules; no other file of settings is read.",
            metavar="FILE",
        ),
    ] = None,
    fail_on: FailOnOption = None,
    threshold: ThresholdOption = None,
    question: QuestionOption = None,
    require_decision: RequireOption = False,
    junit: JunitOption = None,
) -> None:
    """Judge a finished audit by rules: exit status 0, 1 (fails) or 3 (undecided where a decision is required).

    The rules are those that the audit ran with, which its folder records. With --fail-on or --threshold the options
    of this command take the place of all of them; --question and --require-decision alone are added to them.
    """
    from fairtoll.cli.settings_file import read_settings, settings_of
    from fairtoll.findings.results import Results

    flags = gate_flags(fail_on, threshold, question, require_decision)
    given = settings_of({"gate": flags}, "the command line").gate
    written = None if settings is None else read_settings(settings, {})[0].gate
    found = Results.read(run / "results.json")
    base, source = (_recorded(found, run), run) if written is None else (written, settings)
    rules = rules_of(given)
    if not rules:
        rules = rules_of(base.model_copy(update={name: getattr(given, name) for name in given.model_fields_set}))
    if not rules:
        raise FairtollError(
            f"no rule to judge {run} by, nor one in {source}; expected --fail-on less-fair, --threshold NAME=NUMBER, "
            "or --settings FILE with [gate]"
        )
    end_with(pass_gate(found, rules, junit=junit))


def gate_flags(
    fail_on: list[str] | None, threshold: list[str] | None, question: str | None, require_decision: bool
) -> dict[str, Any]:
    """The options of a gate as settings; None for what is not given."""
    return {
        "fail_on": fail_on,
        "thresholds": read_pairs(threshold, "--threshold", "NAME=NUMBER", float),
        "question": question,
        "require_decision": require_decision or None,
    }


def rules_of(settings: GateSettings) -> GateRules:
    """The rules that settings hold."""
    from fairtoll.findings.gate import GateRules

    return GateRules(settings.fail_on, settings.thresholds, settings.question, settings.require_decision)


def pass_gate(found: Results, rules: GateRules, *, junit: Path | None) -> int:
    """Judge results, and say how they came through: returns the exit status.

    Markdown goes to standard output and to the file that GITHUB_STEP_SUMMARY names, annotations to standard output
    where GITHUB_ACTIONS is set.
    """
    from fairtoll.findings.gate import judge_gate
    from fairtoll.report.gate import gate_annotations, gate_junit, gate_markdown
    from fairtoll.storage.files import disk_error, make_folder, write_text

    judged = judge_gate(found, rules)
    text = gate_markdown(judged)
    print(text)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with open(summary, "a", encoding="utf-8") as file:
                file.write(f"{text}\n\n")
        except OSError as error:
            raise disk_error(error, Path(summary)) from error
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in gate_annotations(judged):
            print(line)
    if junit is not None:
        make_folder(junit.parent)
        write_text(gate_junit(judged), junit)
    return judged.status


def end_with(status: int) -> None:
    """End the command with an exit status that is not 0."""
    if status:
        raise typer.Exit(status)


def _recorded(found: Results, run: Path) -> GateSettings:
    """The rules that stand in the results."""
    from fairtoll.cli.settings_file import settings_of

    settings = found.configuration.get("settings", {})
    kept = settings.get("gate", {}) if isinstance(settings, Mapping) else {}
    return settings_of({"gate": kept}, str(run / "results.json")).gate
