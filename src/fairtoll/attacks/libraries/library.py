"""What a library of attacks must answer, and what it is asked."""

from __future__ import annotations

import difflib
import importlib
import inspect
import io
import logging
import random
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fairtoll.attacks.engine.answers import Asked
from fairtoll.errors import FairtollError
from fairtoll.threats.any import Norm


@dataclass(frozen=True)
class Query:
    """One run of an attack on some rows.

    Attributes
    ----------
    asked : Asked
        The rows, all of which are classified correctly, and the model.
    radius : float, optional
        In the library's coordinates; None for an attack that looks for the smallest distance.
    norm : str
        What the radius or the distance is measured in.
    settings : mapping
        The user's.
    """

    asked: Asked
    radius: float | None
    norm: Norm
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Library:
    """A library of attacks.

    Attributes
    ----------
    module, package : str
        What is imported, and what is installed.
    attacks : str
        The module that has the attacks.
    base : str
        The class that all attacks extend, with its module.
    norm_of : callable
        The norm of an attack with these settings; None if it cannot be known.
    takes_radius : callable
        Whether an attack is run at a radius; else it looks for the smallest distance.
    filled : callable
        Settings that a run fills in itself, so that a user must not.
    run : callable
        What the attack returns, in the library's coordinates, `(N, ...)`.
    scores_only : collection of str
        Attacks that ask for scores or classes alone.
    """

    module: str
    package: str
    attacks: str
    base: str
    norm_of: Callable[[type, Mapping[str, Any]], Norm | None]
    takes_radius: Callable[[type], bool]
    filled: tuple[str, ...]
    run: Callable[[type, Query], Tensor]
    scores_only: Collection[str] = ()

    def find(self, attack: str, settings: Mapping[str, Any]) -> type:
        """The class of an attack, which takes these settings.

        Raises
        ------
        FairtollError
            If the library is not installed, has no such attack, or the attack has no such setting.
        """
        try:
            place = importlib.import_module(self.attacks)
            origin, _, kind = self.base.rpartition(".")
            base = getattr(importlib.import_module(origin), kind)
        except ImportError as error:
            raise FairtollError(
                f"{attack} needs the package {self.package}, which cannot be imported here ({error}); "
                "install it with fairtoll's extra: pip install -e '.[attacks]' in its folder"
            ) from error
        found = getattr(place, attack, None)
        if not (inspect.isclass(found) and issubclass(found, base) and found is not base):
            kinds = [name for name, one in vars(place).items() if inspect.isclass(one) and issubclass(one, base)]
            near = difflib.get_close_matches(attack, kinds, n=3, cutoff=0.4) or sorted(kinds)[:3]
            raise FairtollError(f"{self.module} has no attack '{attack}'; expected such as {', '.join(near)}")
        self._check_settings(found, settings)
        return found

    def _check_settings(self, found: type, settings: Mapping[str, Any]) -> None:
        taken = list(inspect.signature(found.__init__).parameters)[1:]  # type: ignore[misc]
        free = [name for name in taken if name not in self.filled]
        if unknown := [name for name in settings if name not in free]:
            why = "is set by fairtoll" if unknown[0] in self.filled else "does not exist"
            raise FairtollError(
                f"{self.module}'s {found.__name__} cannot be given {unknown[0]}, which {why}; its settings are "
                f"{', '.join(free) or 'none'}"
            )


@contextmanager
def quiet(seed: int) -> Iterator[None]:
    """Inside, a library draws from `seed` and says nothing; every global random state is restored."""
    state, legacy, log = random.getstate(), np.random.get_state(), logging.getLogger("art")  # noqa: NPY002
    level = log.level
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    log.setLevel(logging.ERROR)
    try:
        # Progress bars of what an attack runs inside cannot be switched off otherwise.
        with redirect_stderr(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
        random.setstate(state)
        np.random.set_state(legacy)  # noqa: NPY002
