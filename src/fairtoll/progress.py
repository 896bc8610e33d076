"""Progress of nested work, reported to one listener without passing a parameter through.

Whoever shows progress wraps the work in `reporting_to`. The work reports its progress with `advance`, a share
of the whole. A caller of several pieces of work gives each its share with `part`, or loops with `tracked`.
Without a listener nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Report = Callable[[float], None]
Item = TypeVar("Item")


def _to_nobody(share: float) -> None:
    """Drop the report."""


_listener: ContextVar[Report] = ContextVar("listener", default=_to_nobody)


@contextmanager
def reporting_to(report: Report) -> Iterator[None]:
    """Call `report` with each finished share of the work inside; the shares sum to at most 1.

    Examples
    --------
    >>> shares = []
    >>> with reporting_to(shares.append):
    ...     for _ in tracked(["a", "b"]):
    ...         advance(0.5)
    >>> shares
    [0.25, 0.25, 0.25, 0.25]
    """
    token = _listener.set(report)
    try:
        yield
    finally:
        _listener.reset(token)


def advance(share: float) -> None:
    """Report that a share of the present part of the work is done.

    Examples
    --------
    >>> advance(0.5)  # nobody listens
    """
    _listener.get()(share)


@contextmanager
def part(share: float) -> Iterator[None]:
    """The work inside is `share` of the work outside; any unreported remainder is reported at the end.

    Examples
    --------
    >>> shares = []
    >>> with reporting_to(shares.append), part(0.5):
    ...     advance(0.5)
    >>> shares
    [0.25, 0.25]
    """
    outer, done = _listener.get(), 0.0

    def scaled(inner: float) -> None:
        nonlocal done
        inner = min(inner, 1.0 - done)
        done += inner
        outer(inner * share)

    with reporting_to(scaled):
        yield
    if done < 1.0:
        outer((1.0 - done) * share)


def tracked(items: Sequence[Item], *, weights: Sequence[float] | None = None) -> Iterator[Item]:
    """Iterate over `items`, each an equal part of the work, or parts in the proportions of `weights`.

    Examples
    --------
    >>> shares = []
    >>> with reporting_to(shares.append):
    ...     letters = list(tracked("ab", weights=[1, 3]))
    >>> letters, shares
    (['a', 'b'], [0.25, 0.75])
    """
    sizes = [1.0] * len(items) if weights is None else list(weights)
    total = sum(sizes)
    for item, size in zip(items, sizes, strict=True):
        with part(size / total):
            yield item


def _say_nothing(line: str) -> None:
    """Drop the line."""


_hearer: ContextVar[Callable[[str], None]] = ContextVar("hearer", default=_say_nothing)


@contextmanager
def saying_to(hear: Callable[[str], None]) -> Iterator[None]:
    """Call `hear` with each line that the work inside has for its user, such as how long it will take.

    Examples
    --------
    >>> lines = []
    >>> with saying_to(lines.append):
    ...     say("about two minutes")
    >>> lines
    ['about two minutes']
    """
    token = _hearer.set(hear)
    try:
        yield
    finally:
        _hearer.reset(token)


def say(line: str) -> None:
    """Tell the user something in the middle of the work.

    Examples
    --------
    >>> say("nobody listens")
    """
    _hearer.get()(line)
