"""A run directory: stages are written atomically, so that a killed run can resume.

A stage is done when its record is in ``stages/``: the record names the stage's files and their
checksums, and the key of everything it depends on. Files come first and the record last, so a stage that
was interrupted has no record and runs again; its output depends only on its key, so the result is the
same as that of an uninterrupted run. `finished_run` reads a run later: only files on record, unchanged since.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fairtoll._version import __version__
from fairtoll.errors import FairtollError
from fairtoll.storage.checksums import checksum, verifying
from fairtoll.storage.files import disk_error, make_folder
from fairtoll.storage.records import CONFIGURATION as CONFIGURATION
from fairtoll.storage.records import (
    STAGES,
    read_record,
    recorded_configuration,
    recorded_files,
    stage_records,
    write_record,
)

#: Of two configurations, so many differences are named, each value in so many characters.
NAMED, SHOWN = 4, 60


class Run:
    """One run directory, of one configuration.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    configuration : mapping
        Everything the results depend on, as plain JSON values.
    growing : sequence of str
        Names of the parts of the configuration that may change in the same folder: stages depend on them only
        through their `detail`.

    Raises
    ------
    FairtollError
        If the folder cannot be made, belongs to another configuration, or holds something else.

    Examples
    --------
    >>> import tempfile
    >>> run = Run(Path(tempfile.mkdtemp()), {"seeds": 1})
    >>> made = run.stage("one", ["note.txt"], lambda: (run.folder / "note.txt").write_text("done"))
    >>> made, run.stage("one", ["note.txt"], lambda: None)
    (True, False)
    """

    def __init__(self, folder: Path, configuration: Mapping[str, Any], *, growing: Sequence[str] = ()) -> None:
        self.folder = make_folder(folder)
        self.configuration = json.loads(json.dumps({"fairtoll_version": __version__, **configuration}))
        self._growing = tuple(growing)
        path = folder / CONFIGURATION
        if path.exists():
            self._require_same()
        else:
            if any(not child.name.startswith(".") for child in folder.iterdir()):
                raise FairtollError(
                    f"the folder {folder} is not empty and holds no run; give a new or empty one with --out"
                )
            self._write_configuration()

    def _write_configuration(self) -> None:
        write_record(self.configuration, self.folder / CONFIGURATION)

    def _require_same(self) -> None:
        if different := differences(self._lasting(read_configuration(self.folder)), self._lasting(self.configuration)):
            raise FairtollError(
                f"the folder {self.folder} belongs to another configuration: {different}; "
                "give another folder with --out, or the same options"
            )

    def _lasting(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration without the parts that may grow."""
        return {key: value for key, value in configuration.items() if key not in self._growing}

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process; two runs at once would overwrite each other.

        Raises
        ------
        FairtollError
            If another process holds it.
        """
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise FairtollError(
                f"another process is writing to {self.folder}; wait for it, or give another folder with --out"
            ) from error
        except OSError as error:
            raise disk_error(error, self.folder / ".lock") from error
        with lock:
            for partial in self.folder.rglob(".*.partial"):
                partial.unlink(missing_ok=True)  # what a killed process left half written
            # Only now: another process may have ended in between.
            self._require_same()
            if read_configuration(self.folder) != self.configuration:
                self._write_configuration()
            yield

    def stage(
        self,
        name: str,
        outputs: Sequence[str],
        make: Callable[[], object],
        *,
        after: Sequence[str] = (),
        detail: Mapping[str, Any] | None = None,
        seconds: float = 0.0,
        kind: str = "other",
        arm: str | None = None,
    ) -> bool:
        """Run `make` unless its outputs are up to date.

        Parameters
        ----------
        name : str
            Of the stage.
        outputs : sequence of str
            The files it writes, relative to the folder.
        make : callable
            Writes them, each whole or not at all.
        after : sequence of str
            Stages whose outputs it reads; if one of them was made again, so is this.
        detail : mapping, optional
            The parts of the growing configuration on which it depends.
        seconds : float
            The time that it took before `make`, on another machine.
        kind, arm : str
            Of the work, for the sum of times: see `FinishedStage`.

        Returns
        -------
        bool
            Whether the stage had to run.
        """
        if self.is_up_to_date(name, outputs, after=after, detail=detail):
            return False
        key = self._key(name, after, detail)
        started = time.monotonic()
        for output in outputs:
            make_folder((self.folder / output).parent)
        try:
            make()
            record = {
                "key": key,
                # One that was not needed has no record.
                "after": [stage for stage in after if self._record(stage)],
                "seconds": round(seconds + time.monotonic() - started, 3),
                "kind": kind,
                "arm": arm,
                "ended": time.time(),
                "files": {output: checksum(self.folder / output) for output in outputs},
            }
        except OSError as error:
            raise disk_error(error, self.folder) from error
        write_record(record, make_folder(self.folder / STAGES) / f"{name}.json")
        return True

    def _key(self, name: str, after: Sequence[str], detail: Mapping[str, Any] | None) -> str:
        upstream = {stage: self._record(stage).get("files") for stage in after}
        depends = [self._lasting(self.configuration), name, upstream, detail]
        content = json.dumps(depends, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def is_up_to_date(
        self,
        name: str,
        outputs: Sequence[str],
        *,
        after: Sequence[str] = (),
        detail: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether a stage is finished, its files are whole and none of its inputs has changed since.

        It may have written more files than are needed now.
        """
        record = self._record(name)
        return record.get("key") == self._key(name, after, detail) and all(
            (self.folder / output).is_file() and checksum(self.folder / output) == record["files"].get(output)
            for output in outputs
        )

    def _record(self, name: str) -> dict[str, Any]:
        try:
            return read_record(self.folder / STAGES / f"{name}.json")
        except FairtollError:
            return {}  # made again


def read_configuration(folder: Path) -> dict[str, Any]:
    """The configuration of the run in a folder.

    Raises
    ------
    FairtollError
        If there is none, or it has changed since it was written.

    Examples
    --------
    >>> import tempfile
    >>> run = Run(Path(tempfile.mkdtemp()), {"seeds": 1})
    >>> read_configuration(run.folder)["seeds"]
    1
    """
    path = folder / CONFIGURATION
    if not path.exists():
        raise _no_run(folder)
    return read_record(path)


@contextmanager
def finished_run(folder: Path) -> Iterator[dict[str, Any]]:
    """Read a run that was made earlier: inside, each file of its folder is read only as its stage wrote it.

    Parameters
    ----------
    folder : Path
        The run's.

    Yields
    ------
    dict
        Its configuration.

    Raises
    ------
    FairtollError
        If there is no run, or its configuration or the record of a stage has changed since it was written; inside, if a
        file is not.

    Examples
    --------
    >>> import tempfile
    >>> run = Run(Path(tempfile.mkdtemp()), {"runs": 1})
    >>> made = run.stage("one", ["note.json"], lambda: write_record({"rows": 3}, run.folder / "note.json"))
    >>> with finished_run(run.folder) as configuration:
    ...     configuration["runs"]
    1
    """
    configuration = recorded_configuration(folder)
    if configuration is None:
        raise _no_run(folder)
    files = recorded_files(folder)
    if not files:
        raise FairtollError(f"{folder} has no finished stage; run the command that made it again")
    with verifying(folder, files):
        yield configuration


def _no_run(folder: Path) -> FairtollError:
    return FairtollError(f"{folder} is no run folder (it holds no {CONFIGURATION}); give the folder of a run")


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Say in words where two configurations differ, in one line however many there are; nothing where they do not.

    Examples
    --------
    >>> differences({"runs": 1, "settings": {"epochs": 2}}, {"runs": 1, "settings": {"epochs": 3}})
    'settings.epochs is 2 there and 3 here'
    """
    found = [
        f"{place} is {_short(one)} there and {_short(other)} here" for place, one, other in _different(there, here)
    ]
    more = [f"{len(found) - NAMED} more differences"] if len(found) > NAMED else []
    return "; ".join([*found[:NAMED], *more])


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _different(there: Any, here: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The deepest places at which two JSON values differ."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for key in sorted({*there, *here}):
            yield from _different(there.get(key), here.get(key), f"{place}.{key}" if place else str(key))
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for number, (one, other) in enumerate(zip(there, here, strict=True)):
            yield from _different(one, other, f"{place}[{number}]")
    elif there != here or type(there) is not type(here):
        yield place, there, here


@dataclass(frozen=True)
class FinishedStage:
    """What a finished stage did, a kind of work such as "training", for which arm if for one, and how long it took."""

    stage: str
    kind: str
    arm: str | None
    seconds: float


def finished_stages(folder: Path, *, before: str | None = None) -> list[FinishedStage]:
    """The finished stages of a run, in the order they ended; without `before`, a stage's name, and what reads from it.

    Examples
    --------
    >>> finished_stages(Path("nowhere"))
    []
    """
    return [
        FinishedStage(name, record.get("kind", "other"), record.get("arm"), float(record["seconds"]))
        for name, record in stage_records(folder).items()
        if before is None or (name != before and before not in record["after"])
    ]
