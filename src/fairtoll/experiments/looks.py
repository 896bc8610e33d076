"""Looks: after 5, 10, 20 and 40 training runs of each arm it is decided which arms go on, from the evidence alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fairtoll.errors import FairtollError
from fairtoll.evidence.store import Evidence
from fairtoll.experiments.workspace import Workspace
from fairtoll.findings import open_arms
from fairtoll.runs.stages import Condition, Stage
from fairtoll.storage.files import read_json, reading, write_text


@dataclass(frozen=True)
class Look:
    """What was decided after so many training runs.

    Attributes
    ----------
    runs : int
        Training runs of each arm that was looked at.
    arms : tuple of str
        Those that go on, in order; none once every comparison is final.
    final, comparisons : int
        How many comparisons need no more runs, of how many.

    Examples
    --------
    >>> Look(5, ("standard", "static"), 12, 48).sentence(next_runs=10)
    'After 5 runs 12 of 48 comparisons need no more; standard, static go on to 10.'
    """

    runs: int
    arms: tuple[str, ...]
    final: int
    comparisons: int

    def sentence(self, *, next_runs: int) -> str:
        """The look in one sentence, for the user."""
        done = f"After {self.runs} runs {self.final} of {self.comparisons} comparisons need no more"
        return f"{done}; {', '.join(self.arms)} go on to {next_runs}." if self.arms else f"{done}."


def look_path(runs: int) -> str:
    """File of a look, relative to the run's folder."""
    return f"looks/{runs}.json"


def look_name(runs: int) -> str:
    """Name of the stage of a look."""
    return f"look-{runs}"


def read_look(folder: Path, runs: int) -> Look | None:
    """What was decided after so many runs; None where nothing was, because no arm went on to them.

    Raises
    ------
    FairtollError
        If the file is damaged.
    """
    path = folder / look_path(runs)
    if not path.is_file():
        return None
    content = read_json(path)
    with reading(path, "a look at so many runs", verified=False):
        return Look(**{**content, "arms": tuple(content["arms"])})


def look_before(workspace: Workspace, seeds: Sequence[int]) -> int | None:
    """After how many runs it is decided whether a block is needed; None for one that always is.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from fairtoll.experiments.registry import find_experiment
    >>> workspace = Workspace(replace(find_experiment("adult"), max_runs=40), Path("runs/adult"))
    >>> [look_before(workspace, seeds) for seeds in workspace.blocks]
    [None, 5, 10, 10, 20, 20, 20, 20]
    """
    return max((look for look in workspace.experiment.looks if look <= seeds[0]), default=None)


def condition_of(workspace: Workspace, arm: str, seeds: Sequence[int]) -> Condition | None:
    """On which the stages of a block of an arm are made; None for those that always are."""
    look = look_before(workspace, seeds)
    return None if look is None else Condition(look_name(look), partial(_goes_on, workspace.folder, look, arm))


def look_stage(workspace: Workspace, runs: int, evidence: Sequence[Stage]) -> Stage:
    """The stage that decides which arms go on.

    Parameters
    ----------
    workspace : Workspace
        The run's.
    runs : int
        After how many of each arm.
    evidence : sequence of Stage
        Those whose tables the comparisons read, of these runs and no more.
    """
    experiment, folder = workspace.experiment, workspace.folder
    looks = experiment.looks
    before = looks[looks.index(runs) - 1] if runs != looks[0] else None
    following = next((look for look in looks if look > runs), experiment.max_runs)

    def make() -> None:
        # Whatever other runs have left in the folder is not read: the decision is that of these runs.
        parts = {Path(output).name for stage in evidence for output in stage.outputs}
        evidence_so_far = Evidence.load(folder / "evidence", parts=parts)
        arms, final, comparisons = open_arms(evidence_so_far, experiment.plan(), rules=experiment.rules)
        last = None if before is None else read_look(folder, before)
        going = [arm for arm in arms if last is None or arm in last.arms]
        if going:
            # The others are compared with it, run by run, and trained and attacked on what is crafted on it.
            going = [arm for arm in experiment.arms() if arm in (experiment.arms()[0], *going)]
        content = {"runs": runs, "arms": going, "final": final, "comparisons": comparisons}
        write_text(json.dumps(content, indent=1) + "\n", folder / look_path(runs))

    def say() -> str:
        look = read_look(folder, runs)
        if look is None:
            raise FairtollError(f"no file {folder / look_path(runs)}; run the same command again")
        return look.sentence(next_runs=following)

    condition = None if before is None else Condition(look_name(before), partial(_goes_on, folder, before, None))
    return Stage(
        look_name(runs),
        f"Decide which arms train more than {runs} times",
        (look_path(runs),),
        make,
        ("rows", *(stage.name for stage in evidence)),
        10.0,
        kind="statistics",
        condition=condition,
        says=say,
    )


def _goes_on(folder: Path, runs: int, arm: str | None) -> bool:
    """Whether an arm trains more often than so many times; without one, whether any does."""
    look = read_look(folder, runs)
    return look is not None and (arm in look.arms if arm is not None else bool(look.arms))
