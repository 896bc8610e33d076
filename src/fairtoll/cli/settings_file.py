"""Reading settings: a TOML file, flags over it, and one line that says what is wrong with either."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from fairtoll.cli.settings import SETTINGS_FILE, Settings
from fairtoll.errors import FairtollError

#: Settings that name a file or a folder: relative to the settings file, as in other projects' files.
PATHS = {"rows", "train", "predictions", "file", "weights", "preprocess", "out"}
#: What the flag of a setting is called, where it is not its name with hyphens.
FLAGS = {
    "data.rows": "--data", "data.limit": "--rows", "data.groups": "--group", "data.features": "--feature",
    "data.probabilities": "--probability", "models": "--model", "threat.epsilons": "--epsilon",
    "threat.relations": "--relation", "threat.costs": "--cost", "audit.attacks": "--attack",
    "audit.metrics": "--metric", "audit.partitions": "--partition", "audit.margins": "--margin",
    "gate.thresholds": "--threshold",
}  # fmt: skip
#: How pydantic calls the members of a union.
MEMBERS = ("list[", "literal[")


def read_settings(
    file: Path | None, flags: Mapping[str, Any], *, trust_code: bool = False
) -> tuple[Settings, Path | None]:
    """The settings of an audit, and the file that they are from, if there is one.

    Parameters
    ----------
    file : Path, optional
        Default: `audit.toml` in this folder, where there is one.
    flags : mapping
        Settings as sections of names, which take the place of those in the file; None for a flag that is not given.
        Models replace all of the file's, weights and the like those of the model that they name.
    trust_code : bool
        Whether programs in model files may be run, of all models.

    Raises
    ------
    FairtollError
        For a file that is missing or no TOML, a name that there is not, or a value of another kind.

    Examples
    --------
    >>> settings, _ = read_settings(None, {"data": {"label": "income"}, "out": "runs/one"})
    >>> settings.data.label, settings.audit.minimum_rows
    ('income', 10)
    """
    path = file if file is not None else Path(SETTINGS_FILE)
    if file is None and not path.is_file():
        return _trusting(settings_of(flags, "the command line"), trust_code), None
    written, given = _read_toml(path), _without_none(flags)
    settings_of(written, str(path))  # its own errors before those of the whole
    settings_of(given, "the command line")
    models = given.get("models", {})
    if any("file" in one or "factory" in one for one in models.values()):
        written.pop("models", None)
    return _trusting(settings_of(_merged(_relative_to(path.parent, written), given), str(path)), trust_code), path


def settings_of(given: Mapping[str, Any], source: str) -> Settings:
    """The settings that sections of names hold; of the command line None is an option that is not given.

    Raises
    ------
    FairtollError
        For a name that there is not, or a value of another kind, naming the source.

    Examples
    --------
    >>> settings_of({"gate": {"fail_on": ["alarm"], "question": None}}, "the command line").gate.fail_on
    ['alarm']
    """
    from_file = source != "the command line"
    try:
        return Settings.model_validate(dict(given) if from_file else _without_none(given))
    except ValidationError as error:
        # A union reports each of its members.
        raise FairtollError(f"{source}: {_said(error.errors()[0], from_file=from_file)}") from error


def _trusting(settings: Settings, trust_code: bool) -> Settings:
    if not trust_code:
        return settings
    models = {name: one.model_copy(update={"trust_code": True}) for name, one in settings.models.items()}
    return settings.model_copy(update={"models": models})


def flag_of(setting: str) -> str:
    """The flag of a setting such as "data.label".

    Examples
    --------
    >>> flag_of("data.label"), flag_of("data.groups"), flag_of("threat.monotone.age"), flag_of("models.plain.file")
    ('--label', '--group', "--monotone of 'age'", '--model')
    """
    section, _, rest = setting.partition(".")
    name, _, of = rest.partition(".")
    flag = FLAGS.get(section) or FLAGS.get(f"{section}.{name}") or f"--{(name or section).replace('_', '-')}"
    return f"{flag} of '{of}'" if of and section not in FLAGS else flag


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FairtollError(f"no file {path}; expected settings; `fairtoll audit init DATA` writes some") from error
    except OSError as error:
        raise FairtollError(f"cannot read {path}: {error.strerror or error}; check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FairtollError(f"{path} is not TOML ({error}); correct it there") from error


def _without_none(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not given, nor sections of nothing."""
    kept = {key: _without_none(one) if isinstance(one, Mapping) else one for key, one in value.items()}
    return {key: one for key, one in kept.items() if one is not None and one != {}}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = _merged(found[key], value) if both else value
    return found


def _relative_to(folder: Path, value: Any, key: str = "") -> Any:
    """The same settings with paths as seen from this folder."""
    if isinstance(value, dict):
        return {name: _relative_to(folder, one, name) for name, one in value.items()}
    if key in PATHS and isinstance(value, list):
        return [_relative_to(folder, one, key) for one in value]
    if key in PATHS and isinstance(value, str):
        return os.path.normpath(folder / value)
    return value


def _said(error: Any, *, from_file: bool) -> str:
    # The members of a union have places of their own.
    names = [
        name for one in error["loc"] if not (name := str(one)).startswith(MEMBERS) and name not in ("str", "float")
    ]
    if error["type"] == "extra_forbidden":
        *above, last = names
        known = _known(above)
        where = f"in [{'.'.join(above)}]" if above else "at the top"
        return f"there is no setting '{last}' {where}; {_close(last, known)}expected one of {', '.join(known)}"
    setting = ".".join(name for name in names if not name.isdigit())
    shown = setting if from_file else flag_of(setting)
    if error["type"] == "literal_error":
        known = _literals(error)
        return f"{shown} is {error['input']!r}; {_close(str(error['input']), known)}expected {' or '.join(known)}"
    if any(isinstance(one, str) and one.startswith("literal[") for one in error["loc"]):
        return f"{shown} is {error['input']!r}; expected a list of names, or 'all'; correct it"
    expected = error["msg"].removeprefix("Input should be ").replace("greater than or equal to", "at least")
    return f"{shown} is {error['input']!r}; expected {expected}; correct it"


def _literals(error: Any) -> list[str]:
    return [one.strip(" '") for one in error["ctx"]["expected"].replace(" or ", ",").split(",")]


def _close(given: str, known: list[str]) -> str:
    found = get_close_matches(given, known, n=1, cutoff=0.5)
    return f"did you mean '{found[0]}'? " if found else ""


def _known(above: list[str]) -> list[str]:
    """The names of a section."""
    fields = Settings.model_fields
    if above:
        kind: Any = fields[above[0]].annotation
        if above[0] == "models":
            kind = get_args(kind)[1]
        fields = kind.model_fields
    return list(fields)
