"""Errors that a user can cause and fix, and warnings that point to the user's own line."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

#: Code in these folders is not the caller's.
_INSIDE = (str(Path(__file__).parent), str(Path(warnings.__file__).parent / "contextlib.py"))


class FairtollError(ValueError):
    """An error of use: the message says what was given, what was expected and what to do.

    The command line prints it as one line and exits with status 2.

    Examples
    --------
    >>> from fairtoll.errors import FairtollError
    >>> raise FairtollError("epsilon is -1; expected 0 or more; give a radius in the data's units")
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: epsilon is -1; expected 0 or more; give a radius in the data's units
    """


class FairtollWarning(UserWarning):
    """Something in the input looks wrong, and the result should be interpreted with care."""


class FairtollNote(FairtollWarning):
    """Something that a reader of the result must know, where nothing is wrong; the command line prints it as a note."""


def note(message: str) -> None:
    """Issue a `FairtollNote`, as `warn` a warning.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     note("this model is attacked by its scores only")
    >>> caught[0].category.__name__
    'FairtollNote'
    """
    _issue(message, FairtollNote)


def print_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Print a warning of this package as one line, and no other: `warnings.showwarning` of the command line.

    Examples
    --------
    >>> print_warning(FairtollNote("scores only"), FairtollNote, "models.py", 1)  # to the standard error stream
    """
    if issubclass(category, FairtollWarning):
        kind = "note" if issubclass(category, FairtollNote) else "warning"
        print(f"fairtoll: {kind}: {' '.join(str(message).split())}", file=sys.stderr)


_heard: ContextVar[tuple[list[str], ...]] = ContextVar("heard", default=())


@contextmanager
def hearing_warnings() -> Iterator[list[str]]:
    """The messages of the warnings that the work inside issues, so that its results can keep them.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True), hearing_warnings() as heard:
    ...     warn("look at this")
    >>> heard
    ['look at this']
    """
    messages: list[str] = []
    token = _heard.set((*_heard.get(), messages))
    try:
        yield messages
    finally:
        _heard.reset(token)


def warn(message: str) -> None:
    """Issue a `FairtollWarning` at the first line of the stack that is neither this package's nor torch's.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("look at this")
    >>> caught[0].category.__name__, str(caught[0].message)
    ('FairtollWarning', 'look at this')
    """
    _issue(message, FairtollWarning)


def _issue(message: str, category: type[FairtollWarning]) -> None:
    for messages in _heard.get():
        messages.append(message)
    torch = getattr(sys.modules.get("torch"), "__file__", None)
    inside = (*_INSIDE, str(Path(torch).parent)) if torch else _INSIDE
    level, frame = 3, sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(inside):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
