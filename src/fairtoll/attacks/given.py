"""An attack object of another library as an attack of ours."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from fairtoll.attacks.external import External
from fairtoll.attacks.libraries.foolbox import NORMS
from fairtoll.attacks.libraries.registry import LIBRARIES
from fairtoll.errors import FairtollError
from fairtoll.threats.any import Norm

#: What a setting may be, and so what is compared.
PLAIN = (bool, int, float, str, type(None))
#: Lengths of steps in the units of a radius that a Foolbox object does not have.
WITHOUT_RADIUS = ("abs_stepsize",)


def as_attack(given: Any) -> Any:
    """An attack object of Foolbox or ART as the `External` with its settings; anything else as it is.

    The radius, the model and what is printed are the run's: those of the object are not read. ART's `eps_step` keeps
    its share of the object's `eps`.

    Parameters
    ----------
    given : object
        Such as ``foolbox.attacks.LinfPGD(steps=20)`` or ``art.attacks.evasion.DeepFool(classifier)``.

    Returns
    -------
    External, or what was given

    Raises
    ------
    FairtollError
        For an object whose settings are not numbers, strings or booleans, or cannot be read from it.

    Examples
    --------
    >>> import foolbox
    >>> as_attack(foolbox.attacks.LinfPGD(steps=20)).name, as_attack("pgd")
    ('foolbox-LinfProjectedGradientDescentAttack-steps-20', 'pgd')
    """
    library = _library_of(given)
    if library is None:
        return given
    name = type(given).__name__
    LIBRARIES[library].find(name, {})
    settings = _settings(given, library)
    attack = External(library, name, settings, norm=_norm(given) if library == "foolbox" else None)
    _require_same(given, _made_again(given, settings), title=f"{library}'s {name}")
    return attack


def _library_of(given: Any) -> str | None:
    modules = {kind.__module__.partition(".")[0] for kind in type(given).__mro__}
    found = modules & set(LIBRARIES)
    return None if isinstance(given, type) or not found else found.pop()


def _settings(given: Any, library: str) -> dict[str, Any]:
    """What the object has other than by default, of what its class takes."""
    title, settings = f"{library}'s {type(given).__name__}", {}
    for name, parameter in _parameters(given).items():
        if name in LIBRARIES[library].filled:
            continue
        value = _value(given, name, parameter.default)
        if not isinstance(value, PLAIN):
            raise FairtollError(
                f"{name} of the object {title} is a {type(value).__name__}; expected a number, a string or a boolean; "
                "make the object without it"
            )
        if name in WITHOUT_RADIUS and value is not None:
            raise FairtollError(
                f"{name} of the object {title} is {value}, in the units of a radius that is not its own; expected a "
                "step relative to the radius; give rel_stepsize"
            )
        if name == "eps_step" and "eps" in _parameters(given):
            # The radius is half of what lies between 0 and 1 there.
            value = 0.5 * _share(value, getattr(given, "eps", None), title)
        if value != parameter.default:
            settings[name] = value
    return settings


def _share(step: Any, radius: Any, title: str) -> float:
    if isinstance(step, (int, float)) and isinstance(radius, (int, float)) and radius > 0:
        return float(step) / float(radius)
    raise FairtollError(f"the object {title} has eps {radius!r} and eps_step {step!r}; expected two numbers above 0")


def _parameters(given: Any) -> Mapping[str, inspect.Parameter]:
    taken = inspect.signature(type(given).__init__).parameters
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {name: one for name, one in list(taken.items())[1:] if one.kind not in kinds}


def _value(given: Any, name: str, default: Any) -> Any:
    """A setting as the object keeps it: under its name, as private, or in what it hands its work to."""
    for place in (given, getattr(given, "_attack", None)):
        for key in (name, f"_{name}_arg", f"_{name}"):
            if place is not None and key in vars(place):
                return vars(place)[key]
    return default


def _norm(given: Any) -> Norm | None:
    """Of a Foolbox attack that was made for one distance of several."""
    try:
        return NORMS.get(given.distance.p)
    except (AttributeError, ValueError):
        return None


def _made_again(given: Any, settings: dict[str, Any]) -> Any:
    """The same attack from its settings, to see whether they are all."""
    kept = {name: value for name, value in settings.items() if name != "eps_step"}
    taken = _parameters(given)
    for name in ("eps", "eps_step", "verbose"):
        if name in taken and name in vars(given):
            kept[name] = vars(given)[name]
    if "distance" in taken:
        kept["distance"] = next((vars(given)[key] for key in ("distance", "_distance") if key in vars(given)), None)
    first = [given.estimator] if hasattr(given, "estimator") else []
    return type(given)(*first, **kept)


def _require_same(given: Any, again: Any, *, title: str) -> None:
    for one, other in ((given, again), (getattr(given, "_attack", None), getattr(again, "_attack", None))):
        if one is None or other is None:
            continue
        mine, theirs = _plain(one), _plain(other)
        for name in sorted(mine.keys() | theirs.keys()):
            if mine.get(name) != theirs.get(name):
                raise FairtollError(
                    f"{name.strip('_')} of the object {title} is {mine.get(name)!r}, where its settings give "
                    f"{theirs.get(name)!r}; expected settings that can be read from the object and no target; name "
                    f"the attack instead: External({title.partition(chr(39))[0]!r}, {type(given).__name__!r}, {{...}})"
                )


def _plain(one: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(one).items() if isinstance(value, PLAIN)}
