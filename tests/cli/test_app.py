"""The command line: results or one line that says what to do, and never a traceback."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import typer
from rich.text import Text
from typer.testing import CliRunner

import fairtoll
from fairtoll.cli.app import app
from fairtoll.runs.folder import Run

START = [sys.executable, "-c", "from fairtoll.cli.app import main; main()"]


def one_line(text):
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert text.startswith("fairtoll: ")
    return text


def test_the_version(command):
    assert command("--version") == (0, f"fairtoll {fairtoll.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["reproduce", "report", "audit", "--version", "fairtoll reproduce adult", "--install-completion"]),
        (["-h"], ["audit", "compare", "gate"]),
        (["audit", "-h"], ["Models", "Rows", "Gate", "--fail-on", "init", "Exit status: 0 done, 1 the gate fails"]),
        (["audit", "init", "-h"], ["DATA", "--train", "--force"]),
        (["compare", "-h"], ["BEFORE", "AFTER", "--junit"]),
        (["gate", "-h"], ["FOLDER", "--threshold", "[gate]", "take the place of all"]),
        (["reproduce", "adult", "--help"], ["--out", "--runs", "auto", "--max-runs", "--device", "paper", "sound"]),
        (["train", "-h"], ["TABLE", "--recipes", "--epsilon", "Adversary", "Examples:", "frl-sex"]),
        (["reproduce", "--help"], ["adult", "cifar10", "gaussian", "generated"]),
        (["report", "--help"], ["FOLDER", "evidence"]),
        (["audit", "--help"], ["--model", "--weights", "--data", "--label", "--epsilon", "--group", "--out"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_help(arguments, words):
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0
    for word in words:
        assert word in result.output


def test_no_word_of_the_help_is_eaten_as_markup():
    found = list(commands(typer.main.get_command(app)))
    texts = [text for one in found for text in (one.help, one.epilog, *(option.help for option in one.params)) if text]
    assert len(found) > 8
    assert any("\\[gate]" in text for text in texts)
    for text in texts:
        assert Text.from_markup(text).plain == text.replace("\\[", "[")


def commands(of):
    """A command, and all below it."""
    yield of
    for one in getattr(of, "commands", {}).values():
        yield from commands(one)


def test_no_command_shows_the_help(command):
    status, out, error = command()
    assert status == 2
    assert "Usage: fairtoll" in out + error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reproduce", "adult", "--runs", "0"], "'--runs'.*see fairtoll reproduce adult --help"),
        (["reproduce", "adult", "--max-runs", "15"], "max_runs is 15; expected one of 5, 10, 20, 40, 80"),
        (["reproduce", "adult", "--runs", "3", "--max-runs", "10"], "max_runs is 10, and runs is 3; expected one of"),
        (
            ["reproduce", "cifar10", "--runs", "auto"],
            "runs is 'auto' for cifar10, whose rows are images; expected",
        ),
        (["reproduce", "adult", "--runs", "many"], "'--runs'.*see fairtoll reproduce adult --help"),
        (["reproduce", "adult", "--runs", "9" * 20], "'--runs'.*see fairtoll reproduce adult --help"),
        (["reproduce", "adult", "--protocol", "loose"], "'--protocol'.*'loose' is not one of 'paper', 'sound', 'both'"),
        (["reproduce", "adult", "--device", "tpu"], "'--device'.*'tpu' is not one of 'auto', 'cpu', 'cuda'"),
        (["reproduce", "adult", "--epochs", "3"], "No such option.*--epochs.*; see fairtoll reproduce adult --help"),
        (["reproduce", "adult", "--leave-one-out", "-1"], "'--leave-one-out'.*see fairtoll reproduce adult --help"),
        (["reproduce", "adult", "--leave-one-out", "9", "--design", "odd"], "'--design'.*'odd' is not one of 'masked'"),
        (["reproduce", "adult", "--design", "masked"], "give the number of rows with --leave-one-out N"),
        (["reproduce", "cifar10", "--references", "3"], "give the number of rows with --leave-one-out N"),
        (
            ["reproduce", "adult", "--leave-one-out", "0", "--keep-weights"],
            "give the number of rows with --leave-one-out N",
        ),
        (["reproduce", "adult", "--leave-one-out", "30163"], "30163 rows to leave out of 30162 training rows"),
        (["reproduce", "mnist"], "unknown experiment 'mnist'; expected adult or "),
        (["repoduce"], r"Did you mean 'reproduce'\? See fairtoll --help"),
        (["report"], "Missing argument '?FOLDER'?.*; see fairtoll report --help"),
        (["report", "a", "b"], "unexpected extra argument.*; see fairtoll report --help"),
        (["audit", "--label", "y"], "no radius; expected how far .*; give --epsilon RADIUS"),
    ],
)
def test_a_command_that_is_wrong(command, arguments, message):
    status, out, error = command(*arguments)
    assert (status, out) == (2, "")
    assert re.search(message, one_line(error), re.IGNORECASE)


def test_no_accelerator(command, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    status, _, error = command("reproduce", "adult", "--device", "cuda", "--out", tmp_path)
    assert status == 2
    assert "torch sees no accelerator here; use --device cpu" in one_line(error)


@pytest.mark.parametrize("below", ["note.txt", "note.txt/runs/adult"])
def test_a_run_below_a_file(command, tmp_path, below):
    (tmp_path / "note.txt").write_text("")
    status, _, error = command("reproduce", "adult", "--out", tmp_path / below)
    assert status == 2
    assert "cannot create the folder" in one_line(error)


def test_a_run_whose_data_are_nowhere_leaves_no_folder(command, tmp_path):
    status, _, error = command("reproduce", "cifar10", "--data-dir", tmp_path / "nowhere", "--out", tmp_path / "run")
    assert status == 2
    assert "nowhere; check the path, or leave it out to download the data" in one_line(error)
    assert list(tmp_path.iterdir()) == []


def test_completion_of_commands_and_options():
    for line, place, expected in (
        ("fairtoll rep", 1, ["report", "reproduce"]),
        ("fairtoll audit --thr", 2, ["--threshold"]),
    ):
        environment = os.environ | {
            "COMP_WORDS": line, "COMP_CWORD": str(place), "_FAIRTOLL_COMPLETE": "complete_bash",
        }  # fmt: skip
        done = subprocess.run(START, capture_output=True, text=True, env=environment)
        assert sorted(done.stdout.split()) == expected


def test_a_run_in_a_folder_of_something_else(command, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    status, _, error = command("reproduce", "adult", "--out", tmp_path)
    assert status == 2
    assert "is not empty and holds no run; give a new or empty one with --out" in one_line(error)


def test_a_run_in_a_folder_of_another_configuration(command, mini_copy):
    status, _, error = command("reproduce", "adult", "--runs", 7, "--out", mini_copy)
    assert status == 2
    assert "belongs to another configuration" in one_line(error)
    assert len(one_line(error)) < 700
    assert "runs is 2 there and 7 here" in error


def test_a_run_in_the_folder_of_another_experiment(command, tmp_path):
    Run(tmp_path, {"experiment": "adult", "runs": 1})
    status, _, error = command("reproduce", "gaussian", "--out", tmp_path)
    assert status == 2
    assert (
        "belongs to another configuration: experiment is 'adult' there and 'gaussian' here; give another with --out"
        in one_line(error)
    )


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def forget(path):
    frame = pd.read_parquet(path)
    frame.loc[3, "probability_0"] = np.nan
    frame.to_parquet(path, index=False)


SPOILT = [
    (
        lambda run: forget(run / "evidence/predictions-clean-static-0.parquet"),
        "clean-static-0.parquet has changed since",
    ),
    (lambda run: shutil.rmtree(run / "evidence"), "holds no evidence"),
    (lambda run: (run / "configuration.json").write_text('{"experiment": "ad'), "configuration.json is not a complete"),
    (lambda run: (run / "configuration.json").write_text("[1]"), "configuration.json is not a complete record"),
    (lambda run: (run / "configuration.json").write_text("{}"), "configuration.json holds no checksum"),
    (lambda run: cut(run / "stages/results.json"), "results.json is not a complete record"),
    (lambda run: cut(run / "evidence/about.json"), "about.json has changed since it was written"),
    (lambda run: cut(run / "evidence/rows.parquet"), "rows.parquet has changed since it was written"),
    (lambda run: cut(run / "evidence/attacks-pgd-static-0.parquet"), "attacks-pgd-static-0.parquet has changed since"),
    (lambda run: (run / "evidence/predictions-clean-static-0.parquet").unlink(), "clean-static-0.parquet is missing"),
]


@pytest.mark.parametrize(("spoil", "message"), SPOILT, ids=[message for _, message in SPOILT])
def test_a_report_of_a_run_that_is_not_whole(command, mini_copy, spoil, message):
    spoil(mini_copy)
    status, out, error = command("report", mini_copy)
    assert (status, out) == (2, "")
    assert message in one_line(error)


@pytest.mark.parametrize("below", ["", "nowhere"])
def test_a_report_of_no_run(command, tmp_path, below):
    status, _, error = command("report", tmp_path / below)
    assert status == 2
    assert "is no run folder (it holds no configuration.json); give the folder of a run" in one_line(error)


def test_a_report_of_results_alone(command, mini_run, tmp_path):
    """Results are computed from evidence, and never taken from an earlier report."""
    shutil.copy(mini_run / "results.json", tmp_path)
    status, _, error = command("report", tmp_path)
    assert status == 2
    assert "is no run folder (it holds no configuration.json); give the folder of a run" in one_line(error)


def test_the_designs_on_offer_are_those_there_are():
    from fairtoll.cli.options import Design
    from fairtoll.training.leave_one_out import DESIGNS

    assert tuple(design.value for design in Design) == DESIGNS


def test_starting_loads_nothing_heavy():
    heavy = ("torch", "pandas", "altair", "pydantic", "scipy", "pyarrow", "safetensors")
    code = f"import sys, fairtoll.cli.app; print([name for name in {heavy!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_progress_without_a_terminal_and_an_end_from_outside(tmp_path, number, status):
    """Plain lines on standard error; Ctrl-C, or a request to end, leaves one line more and the finished stages."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    process = subprocess.Popen(
        [*START, "reproduce", "adult", "--runs", "1", "--out", str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # Whoever runs the tests in the background makes them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    lines = [process.stderr.readline()]
    assert "stages" in lines[0]
    process.send_signal(number)
    out, rest = process.communicate(timeout=60)
    lines += rest.splitlines(keepends=True)
    assert (process.returncode, out) == (status, "")
    # Standard error is read to its end: the processes that share it have ended, and said nothing after this.
    assert lines[-1] == "fairtoll: stopped; run the same command again to resume after the last finished stage\n"
    assert not any(word in line for line in lines for word in ("\x1b", "Traceback", "resource_tracker"))
    assert not list(Path(tmp_path / "run").rglob("*.partial"))


def program(*arguments, encoding="utf-8", **options):
    environment = os.environ | {
        "PYTHONIOENCODING": encoding,
        "PYTHONUTF8": "0",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "80",
    }
    return subprocess.run(
        [sys.executable, "-m", "fairtoll", *map(str, arguments)], capture_output=True, env=environment, **options
    )


def test_the_package_is_the_program():
    result = program("--version")
    assert (result.returncode, result.stdout.decode()) == (0, f"fairtoll {fairtoll.__version__}\n")
    assert program("report", "nowhere").stderr.decode().startswith("fairtoll: nowhere is no run folder")


@pytest.mark.parametrize("command_line", [[], ["audit"], ["report"], ["reproduce"], ["reproduce", "adult"], ["data"]])
def test_a_short_option_for_help(command_line):
    short, long = (CliRunner().invoke(app, [*command_line, option]) for option in ("-h", "--help"))
    assert (short.exit_code, short.output) == (0, long.output)
    assert "Usage: " in short.output


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
@pytest.mark.parametrize(
    "command_line", [["--help"], ["audit", "-h"], ["report", "北京"], ["report", "naïve 🙂"], ["données"]]
)
def test_any_console_takes_any_name(encoding, command_line, tmp_path):
    result = program(*command_line, encoding=encoding, cwd=tmp_path)
    text = (result.stdout + result.stderr).decode(encoding)
    assert "Traceback" not in text
    assert result.returncode == (0 if command_line[-1] in ("--help", "-h") else 2)
    if command_line[-1] == "北京":
        assert ("北京" if encoding == "utf-8" else r"\u5317\u4eac") in text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_summary_with_names_that_the_console_lacks(encoding, tmp_path):
    """After the work no letter of a class, group or file may end the program."""
    code = (
        "import sys; from fairtoll.cli.app import _write_any_name; _write_any_name();"
        "from fairtoll.cli.display import Progress, print_summary;"
        "from types import SimpleNamespace as Of;"
        "alarm = Of(fired=True, title='北京', message='groupe « été » → 🙂', arm='ä', values={});"
        "found = Of(verdict='less fair', models=None, runs=1);"
        "print_summary(Of(answer=['京 pays'], claims=[], gaps=[], findings=[found], alarms=[alarm], recipes=[]));"
        "display = Progress(); display.message('Note: ö → 京'); display.track('東')(1.0)"
    )
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert (result.returncode, b"Traceback" in result.stderr) == (0, False)
    assert rb"\u5317\u4eac" in result.stdout
    assert rb"\u4eac" in result.stderr
