"""The command line: thin, and fast to start (torch loads only when a command runs)."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer

from fairtoll._version import __version__
from fairtoll.cli.audit import audit
from fairtoll.cli.card import card
from fairtoll.cli.compare import compare
from fairtoll.cli.data import data
from fairtoll.cli.gate import gate
from fairtoll.cli.report import report
from fairtoll.cli.reproduce import reproduce
from fairtoll.cli.train import EPILOG as TRAIN_EXAMPLES
from fairtoll.cli.train import train
from fairtoll.errors import FairtollError, print_warning

#: The exit status of a program that was interrupted, and of one that was sent SIGTERM, by convention.
INTERRUPTED, TERMINATED = 130, 128 + signal.SIGTERM
#: Characters of an unexpected error's message.
SHOWN = 200
UTF8_MODE = "PYTHONUTF8"
NO_TEXT = "the argument '{given}' holds bytes that are no UTF-8; expected names of files and columns in it; rename them"
#: click's errors; some versions of typer bundle click under another name.
UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")


class _Terminated(BaseException):
    """The program was sent SIGTERM: its worker processes are ended first, and what they share is given back."""


app = typer.Typer(
    name="fairtoll",
    help="Measure the fairness toll of adversarial robustness: who pays when a classifier is hardened, by how much, "
    "and is it more than chance?",
    epilog="Start with: fairtoll reproduce adult",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(audit, name="audit")
app.command(epilog=TRAIN_EXAMPLES)(train)
app.command()(compare)
app.command()(gate)
app.command()(report)
app.command()(card)
app.add_typer(reproduce, name="reproduce")
app.add_typer(data, name="data")


def main() -> None:
    """Run the program: a usage error ends it with one line and status 2.

    Examples
    --------
    >>> from unittest import mock
    >>> with mock.patch("sys.argv", ["fairtoll", "--version"]):  # doctest: +ELLIPSIS
    ...     main()
    Traceback (most recent call last):
    SystemExit: 0
    """
    _read_any_name()
    _write_any_name()
    warnings.showwarning = print_warning
    try:
        _require_text(sys.argv)
        with _terminable():
            code = app(prog_name="fairtoll", standalone_mode=False)
    except FairtollError as error:
        _end(str(error), code=2)
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # the help text itself
            sys.exit(2)
        command = error.ctx.command_path if error.ctx else "fairtoll"
        message = error.format_message().rstrip(".")
        _end(f"{message}{' See' if message.endswith('?') else '; see'} {command} --help", code=2)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except _Terminated:
        code = TERMINATED
    except Exception as error:
        _end(f"unexpected {_named(error)}; its traceback is in {_keep_traceback(error)}; please report it", code=4)
    if code in (INTERRUPTED, TERMINATED):
        _end("stopped; run the same command again to resume after the last finished stage", code=code)
    sys.exit(code)


@contextmanager
def _terminable() -> Iterator[None]:
    """Raise where the program is asked to end, instead of ending at once; only a main thread can."""

    def end(*_: object) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _read_any_name() -> None:
    """Start again in UTF-8 mode where Python takes every name for ASCII, as under LC_ALL=C with PYTHONUTF8=0.

    Names of files, columns and classes are text in UTF-8 whatever the locale, and the libraries that read them have no
    other setting.
    """
    own = sys.orig_argv[len(sys.orig_argv) - len(sys.argv) + 1 :]
    if sys.getfilesystemencoding() == "ascii" and os.environ.get(UTF8_MODE) != "1" and own == sys.argv[1:]:
        os.environ[UTF8_MODE] = "1"  # for processes of this one, too
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _require_text(arguments: Sequence[str]) -> None:
    """Raise for an argument that is no text: nothing that names it could be written down."""
    for one in arguments:
        if any("\ud800" <= character <= "\udfff" for character in one):
            raise FairtollError(NO_TEXT.format(given=one))


def _write_any_name() -> None:
    """Escape characters that the console's encoding lacks: a name may hold any character."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _named(error: Exception) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said[:SHOWN]}" if said else type(error).__name__


def _keep_traceback(error: Exception) -> str:
    """Write the traceback to a file of its own; returns its path."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="fairtoll-error-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        file.write(f"fairtoll {__version__}, Python {sys.version}\n\n")
        file.write("".join(traceback.format_exception(error)))
    return file.name


def _end(message: str, *, code: int) -> NoReturn:
    print(f"fairtoll: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"fairtoll {__version__}")
        raise typer.Exit()
