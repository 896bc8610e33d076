"""What of leave-one-out is asked, and everything that its results depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from fairtoll.errors import FairtollError
from fairtoll.runs.folder import CONFIGURATION, read_configuration
from fairtoll.training.leave_one_out import DESIGNS, Design

#: The paper's two classifiers; the static one's twins are crafted on the standard one's member.
ARMS = ("standard", "static")
DTYPES = {"float32": torch.float32, "float64": torch.float64}
#: The designs that tell the row from rounding and from the seed.
TELLING: tuple[Design, ...] = ("masked", "one-ulp", "new-seed")
#: The part of a run's configuration that describes leave-one-out, which may grow in the same folder.
SECTION = "leave_one_out"
#: What every member depends on, and so can't grow.
FIXED = ("seed", "dtype", "craft_steps", "shared_twins", "chunk")


@dataclass(frozen=True)
class LeaveOneOutRequest:
    """What a person asks; the experiment adds how exactly.

    Attributes
    ----------
    count : int
        Training rows to leave out, one at a time; 0 for none.
    designs : sequence of str
        Of `fairtoll.training.leave_one_out.DESIGNS`; none for the experiment's choice.
    arms : sequence of {"standard", "static"}
        Which classifiers; none for the experiment's choice.
    references : int
        Full models, each with a seed of its own, that members are compared with.
    keep_weights : bool
        Whether the weights of every member are kept beside its test probabilities.

    Examples
    --------
    >>> LeaveOneOutRequest(100, designs=("masked",)).references
    1
    """

    count: int
    designs: Sequence[str] = ()
    arms: Sequence[str] = ()
    references: int = 1
    keep_weights: bool = False

    @classmethod
    def of(cls, asked: int | LeaveOneOutRequest) -> LeaveOneOutRequest:
        """A number of rows stands for all of it."""
        return asked if isinstance(asked, LeaveOneOutRequest) else cls(asked)


@dataclass(frozen=True)
class LeaveOneOutOptions:
    """How much of leave-one-out is done, and how exactly.

    Attributes
    ----------
    count : int
        Left-out rows, and as many members of every floor.
    epsilon : float
        Of the static twins.
    seed : int
        Of the first full model.
    arms : tuple of {"standard", "static"}
        Which classifiers.
    designs : tuple of str
        Of `fairtoll.training.leave_one_out.DESIGNS`.
    references : int
        Full models; each has members of its own, without the same rows.
    dtype : {"float64", "float32"}
        Precision of training.
    chunk : int
        Members of one stage: what a killed run loses at most.
    craft_steps : int
        Gradient steps of the crafting of twins.
    shared_twins : bool
        Whether every static member trains on the twins of the full model, an approximation that saves their
        crafting; else each on those of its own source model.
    keep_weights : bool
        Whether the weights of every member are kept.

    Raises
    ------
    FairtollError
        For a count, chunk or number of references below 1, or an unknown arm, design or precision.

    Examples
    --------
    >>> LeaveOneOutOptions(count=3, epsilon=0.1).designs[0]
    'masked'
    """

    count: int
    epsilon: float
    seed: int = 0
    arms: tuple[str, ...] = ARMS
    designs: tuple[Design, ...] = DESIGNS
    references: int = 1
    dtype: str = "float64"
    chunk: int = 10
    craft_steps: int = 20
    shared_twins: bool = False
    keep_weights: bool = False

    def __post_init__(self) -> None:
        if self.count < 1 or self.chunk < 1:
            raise FairtollError(f"{self.count} rows to leave out, {self.chunk} at a time; expected 1 or more of each")
        if self.references < 1:
            raise FairtollError(f"{self.references} reference models of leave-one-out; expected 1 or more")
        for kind, given, known in (
            ("arm", self.arms, ARMS),
            ("design", self.designs, DESIGNS),
            ("precision", (self.dtype,), tuple(DTYPES)),
        ):
            unknown = [one for one in given if one not in known]
            if unknown or not given:
                raise FairtollError(
                    f"unknown leave-one-out {kind} '{unknown[0] if unknown else ''}'; expected some of "
                    f"{', '.join(known)}"
                )

    @property
    def firsts(self) -> list[int]:
        """Number of the first member of each chunk."""
        return list(range(0, self.count, self.chunk))

    @property
    def trained(self) -> tuple[str, ...]:
        """Arms that are trained: a static member's twins come from the standard one."""
        return ARMS if "static" in self.arms else self.arms

    def seed_of(self, reference: int) -> int:
        """Seed of a full model, and of whatever its members share with it."""
        return self.seed + reference

    @property
    def fixed(self) -> dict[str, Any]:
        """What every member depends on, as plain JSON values."""
        return {name: getattr(self, name) for name in FIXED}

    def describe(self) -> dict[str, Any]:
        """Everything here that the results depend on, as plain JSON values."""
        return {
            "count": self.count,
            "arms": list(self.arms),
            "designs": list(self.designs),
            "references": self.references,
            "keep_weights": self.keep_weights,
            **self.fixed,
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any], *, epsilon: float) -> LeaveOneOutOptions:
        """The options that `describe` has described.

        Raises
        ------
        FairtollError
            If it is something else, perhaps of another version.
        """
        try:
            plain: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in description.items()
            }
            return cls(epsilon=epsilon, **plain)
        except (AttributeError, TypeError) as error:
            raise FairtollError(
                f"the configuration describes leave-one-out as {description!r}, which this version does not know; give "
                "another folder with --out"
            ) from error


def standing_options(
    folder: Path, *, epsilon: float, otherwise: LeaveOneOutOptions | None
) -> LeaveOneOutOptions | None:
    """What was asked last in the same folder, be it nothing, which is None; `otherwise` where nobody has asked yet.

    Raises
    ------
    FairtollError
        If the folder's configuration is not whole.
    """
    if not (folder / CONFIGURATION).is_file():
        return otherwise
    configuration = read_configuration(folder)
    if SECTION not in configuration:
        return otherwise
    described = configuration[SECTION]
    return None if described is None else LeaveOneOutOptions.from_description(described, epsilon=epsilon)


def chosen_options(
    asked: LeaveOneOutRequest, *, rows: int, what: str, base: LeaveOneOutOptions, brief: bool
) -> LeaveOneOutOptions | None:
    """The experiment's options for what a person asks; None for no rows.

    Parameters
    ----------
    asked : LeaveOneOutRequest
        By a person.
    rows : int
        Of the training set.
    what : str
        What a row is called.
    base : LeaveOneOutOptions
        How the experiment trains members.
    brief : bool
        Whether, where no arms or no designs are named, the standard classifier and masked, one-ulp and new-seed are
        enough.

    Raises
    ------
    FairtollError
        If there are fewer rows than are to be left out, or for what `LeaveOneOutOptions` refuses.

    Examples
    --------
    >>> base = LeaveOneOutOptions(count=1, epsilon=1.0)
    >>> chosen_options(LeaveOneOutRequest(5), rows=9, what="rows", base=base, brief=True).arms
    ('standard',)
    """
    if asked.count == 0:
        return None
    if asked.count > rows:
        raise FairtollError(f"{asked.count} {what} to leave out of {rows} training {what}; expected {rows} at most")
    arms, designs = (("standard",), TELLING) if brief else (ARMS, DESIGNS)
    return replace(
        base,
        count=asked.count,
        arms=_in_order(asked.arms or arms, ARMS),
        designs=_in_order(asked.designs or designs, DESIGNS),
        references=asked.references,
        keep_weights=asked.keep_weights,
    )


def _in_order(given: Sequence[str], known: Sequence[str]) -> tuple[Any, ...]:
    """Each once, as they are known; what is not known comes last, and is refused."""
    return (*(one for one in known if one in given), *(one for one in given if one not in known))
