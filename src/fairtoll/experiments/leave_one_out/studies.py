"""The changes of members, read from their files: for each arm and design, and row by row as a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairtoll.errors import FairtollError
from fairtoll.experiments.leave_one_out.files import FULL, Chunk, read_members
from fairtoll.experiments.leave_one_out.numbers import Changes, changes_of
from fairtoll.experiments.leave_one_out.options import LeaveOneOut
from fairtoll.storage.files import write_parquet
from fairtoll.training.leave_one_out import Design

BY_ROW = "members/by-row.parquet"


class Study(NamedTuple):
    """One arm under one design.

    Attributes
    ----------
    arm, design : str
        Which.
    full : list of ndarray, (N, C)
        Test probabilities of each reference model.
    changes : list of Changes
        What its members change, for each reference model.
    """

    arm: str
    design: Design
    full: list[NDArray[np.floating[Any]]]
    changes: list[Changes]


def read_studies(folder: Path, options: LeaveOneOut) -> Iterator[Study]:
    """Every arm and design of a run, one at a time.

    Raises
    ------
    FairtollError
        If a member file is missing, truncated or from another configuration, or there are more or fewer members.
    """
    for arm in options.arms:
        full: list[NDArray[np.floating[Any]]] = [
            read_members(folder, [Chunk(arm, FULL, reference, 0)])[0] for reference in range(options.references)
        ]
        for design in options.designs:
            changes = []
            for number, one in enumerate(full):
                members = read_members(folder, [Chunk(arm, design, number, first) for first in options.firsts])
                if len(members) != options.count:
                    raise FairtollError(
                        f"{folder} holds {len(members)} members of {arm}, {design}, and {options.count} were "
                        "requested; run the command again: finished members are kept"
                    )
                changes.append(changes_of(one, members))
            yield Study(arm, design, full, changes)


def write_by_row(folder: Path, options: LeaveOneOut) -> None:
    """LUF and flips of every test row, as a long table: arm, design, row, luf, flips.

    `luf` is LUF(F, D, x), the largest change of any confidence by any member; `flips` the members that predict another
    class than the full model. With several reference models both are means over them.
    """
    tables = [
        pd.DataFrame(
            {
                "arm": study.arm,
                "design": study.design,
                "row": np.arange(study.changes[0].flips.shape[1]),
                "luf": np.mean([one.luf for one in study.changes], axis=0),
                "flips": np.mean([one.flips.sum(axis=0) for one in study.changes], axis=0),
            }
        )
        for study in read_studies(folder, options)
    ]
    write_parquet(pd.concat(tables, ignore_index=True), folder / BY_ROW)
