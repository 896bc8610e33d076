"""What the training of an experiment's models warned of, kept beside them for the report."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from fairtoll.experiments.experiment import Experiment
from fairtoll.findings.results import ModelNote
from fairtoll.storage.files import read_json, write_text

ENDING = ".remarks.json"
TITLE = "Training warned of something"


def write_remarks(messages: Sequence[str], path: Path) -> None:
    """Keep what the training of one block of an arm warned of.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "online-0.remarks.json"
    >>> write_remarks(["the constraint is not met"], path)
    >>> read_json(path)
    ['the constraint is not met']
    """
    write_text(json.dumps(list(messages)), path)


def training_remarks(experiment: Experiment, folder: Path) -> list[ModelNote]:
    """A note on its arm for each thing that training warned of, in the order of the arms and blocks.

    Examples
    --------
    >>> from fairtoll.experiments.registry import find_experiment
    >>> training_remarks(find_experiment("adult"), Path("nowhere"))
    []
    """
    found = []
    for arm in experiment.arms():
        own = re.compile(rf"{re.escape(arm)}-(\d+){re.escape(ENDING)}")
        blocks = {int(match[1]): path for path in folder.glob("models/*") if (match := own.fullmatch(path.name))}
        messages = dict.fromkeys(message for _, path in sorted(blocks.items()) for message in read_json(path))
        found += [ModelNote(id="training", title=TITLE, arm=arm, text=f"{message}.") for message in messages]
    return found
