"""An attack of another library, run inside a threat of ours and checked row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor, nn

from fairtoll.attacks._batches import like
from fairtoll.attacks.engine.answers import Asked, ask
from fairtoll.attacks.libraries.library import Query, quiet
from fairtoll.attacks.libraries.registry import LIBRARIES
from fairtoll.attacks.spec import AttackResult
from fairtoll.errors import FairtollError, warn
from fairtoll.models.batches import is_out_of_memory
from fairtoll.threats.any import Norm, Threat

#: Libraries compute in float32: what leaves its range or radius by no more than this share has not left it.
ROUNDING = 1e-3


@dataclass(frozen=True)
class External:
    """An attack of Foolbox or of the Adversarial Robustness Toolbox as a value, for any threat of its norm.

    The library sees only the features that may move, each in units of its scale, on the cube from 0 to 1 that the
    threat's bounds span around the clean row at 0.5: so scale, box, mask and whole numbers hold whatever the library
    does, and its settings mean for a table what they mean for pixels. What it returns is brought back, confined to
    the threat and classified again; only a finite, admissible input that the model misclassifies counts. Rows for
    which it returned NaN, or left its range or its radius by more than rounding, do not count and are reported.

    An attack that looks for the smallest distance runs under a threat of its norm, where only what lies within the
    radius counts, and under any `LinfThreat`, whose ball is the box that the library is confined to. One that is run
    at a radius needs a threat of its own norm.

    Parameters
    ----------
    library : {"foolbox", "art"}
        Whose attack it is.
    attack : str
        Its class there, such as "L2DeepFoolAttack".
    settings : mapping, optional
        Of the attack, as its library documents them: numbers, strings, booleans. What the run determines, such as the
        radius, may not be set.
    norm : {"l0", "l1", "l2", "linf"}, optional
        For an attack that can minimise any distance or whose distance is not known.

    Raises
    ------
    FairtollError
        For a library that is unknown or not installed, an attack or a setting that it does not have, and a norm that is
        missing or contradicts the attack's own; when called, for a threat of another norm, NaN for every row, and an
        error inside the library.

    Warns
    -----
    FairtollWarning
        Of rows that do not count, when called.

    Examples
    --------
    >>> attack = External("foolbox", "L2DeepFoolAttack", {"steps": 20})
    >>> attack.name, attack.norm
    ('foolbox-L2DeepFoolAttack-steps-20', 'l2')
    """

    library: str
    attack: str
    settings: Any = ()
    norm: Norm | None = None

    def __post_init__(self) -> None:
        if self.library not in LIBRARIES:
            raise FairtollError(f"library is {self.library!r}; expected one of {', '.join(sorted(LIBRARIES))}")
        settings = _plain_settings(self.settings)
        object.__setattr__(self, "settings", tuple(sorted(settings.items())))
        library = LIBRARIES[self.library]
        found = library.find(self.attack, settings)
        own = _inside(self, lambda: library.norm_of(found, settings))
        if self.norm is not None and (self.norm not in get_args(Norm) or own not in (None, self.norm)):
            expected = own or "one of " + ", ".join(get_args(Norm))
            raise FairtollError(f"norm of {self._title} is {self.norm!r}; expected {expected}")
        if own is None and self.norm is None:
            raise FairtollError(
                f"the distance that {self._title} keeps small is not known; pass norm, one of "
                f"{', '.join(get_args(Norm))}"
            )
        object.__setattr__(self, "norm", own or self.norm)

    @property
    def name(self) -> str:
        """Such as "foolbox-L2DeepFoolAttack-steps-20"."""
        words = [self.library, self.attack, *(f"{key}-{_word(value)}" for key, value in self.settings)]
        known = LIBRARIES[self.library].norm_of(self._class, dict(self.settings))
        return "-".join(words if known else [*words, str(self.norm)]).replace("_", "-")

    @property
    def norms(self) -> tuple[Norm, ...]:
        """Of the threats that it can run under."""
        assert self.norm is not None
        return (self.norm,) if self.takes_radius else (self.norm, "linf")

    @property
    def takes_radius(self) -> bool:
        """Whether it is run at a radius, not for the smallest distance."""
        return LIBRARIES[self.library].takes_radius(self._class)

    @property
    def scores_only(self) -> bool:
        """Whether it asks the model for scores or classes alone."""
        return self.attack in LIBRARIES[self.library].scores_only

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        threat: Threat,
        epsilon: float,
        generator: torch.Generator | None = None,
        batch_size: int = 4096,
    ) -> AttackResult:
        """Attack every row at one radius.

        Without a generator the library's draws come from seed 0. An attack that looks for one move of all rows does so
        for each batch.
        """
        norm, refused, found_class = self.norm, _Refused(self._title), self._class
        assert norm is not None

        def propose(asked: Asked) -> tuple[Tensor, Tensor]:
            radius = asked.coordinates.length(epsilon) if self.takes_radius else None
            query = Query(asked, radius, norm, dict(self.settings))
            seed = int(torch.randint(2**31, (1,), generator=generator)) if generator is not None else 0
            with quiet(seed):
                found = _inside(self, lambda: LIBRARIES[self.library].run(found_class, query))
            values, counts = refused.sift(found.detach().to(asked.clean.device), query)
            return asked.coordinates.rows(values, torch.arange(len(values), device=values.device)), counts

        result = ask(
            propose, model, x, y, name=self._title, norms=self.norms, threat=threat, epsilon=epsilon,
            batch_size=batch_size, generator=generator, gradients=False,
        )  # fmt: skip
        refused.report(len(x))
        return result

    @property
    def _class(self) -> type:
        return LIBRARIES[self.library].find(self.attack, dict(self.settings))

    @property
    def _title(self) -> str:
        return f"{self.library}'s {self.attack}"


class _Refused:
    """How many rows a library answered with what cannot count."""

    def __init__(self, title: str) -> None:
        self.title, self.asked, self.not_finite, self.outside = title, 0, 0, 0

    def sift(self, found: Tensor, query: Query) -> tuple[Tensor, Tensor]:
        """The library's values where they count, else 0.5; and which rows count."""
        start = query.asked.coordinates.start()
        if found.shape != start.shape:
            raise FairtollError(
                f"{self.title} returned shape {tuple(found.shape)} for rows of shape {tuple(start.shape)}; expected "
                "the same; the attack does not fit these rows"
            )
        finite = torch.isfinite(found).flatten(1).all(dim=1)
        move = (found - start).flatten(1).abs().nan_to_num(nan=0.0, posinf=0.0)
        inside = move.amax(dim=1) <= 0.5 * (1 + ROUNDING)
        if query.radius is not None:
            order = {"l0": 0.0, "l1": 1.0, "l2": 2.0, "linf": torch.inf}[query.norm]
            inside &= move.double().norm(order, dim=1) <= query.radius * (1 + ROUNDING)
        self.asked += len(finite)
        self.not_finite += int((~finite).sum())
        self.outside += int((finite & ~inside).sum())
        counts = finite & inside
        return torch.where(like(counts, found), found, start), counts

    def report(self, rows: int) -> None:
        """Raise if no row had a finite answer, warn of those that do not count."""
        if self.asked and self.not_finite == self.asked:
            raise FairtollError(
                f"{self.title} returned NaN or infinity for each of the {self.asked} rows that it was given; expected "
                "inputs; try other settings, or leave the attack out"
            )
        parts = [
            f"{what} for {count}"
            for what, count in (("NaN or infinity", self.not_finite), ("inputs outside its bounds", self.outside))
            if count
        ]
        if parts:
            warn(f"{self.title} returned {' and '.join(parts)} of {rows} rows; these do not count as broken")


def _plain_settings(given: Any) -> dict[str, Any]:
    try:
        settings = dict(given)
    except (TypeError, ValueError) as error:
        raise FairtollError(f"settings is {given!r}; expected a mapping such as {{'steps': 20}}") from error
    for key, value in settings.items():
        if not isinstance(key, str) or not isinstance(value, (bool, int, float, str, type(None))):
            raise FairtollError(f"settings has {key!r}: {value!r}; expected names with numbers, strings or booleans")
    return settings


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _inside(spec: External, call: Any) -> Any:
    """What a call of the library returns; its errors name the attack."""
    try:
        return call()
    except FairtollError:
        raise
    except Exception as error:
        if isinstance(error, RuntimeError) and is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split()) or "no reason given"
        raise FairtollError(
            f"{spec.library}'s {spec.attack} failed with {type(error).__name__} ({reason[:200]}); check its settings, "
            "or leave the attack out"
        ) from error
