"""Options of leave-one-out: one value, in a description, a call and a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from fairtoll.errors import FairtollError
from fairtoll.runs.folder import CONFIGURATION, read_configuration
from fairtoll.training.leave_one_out import DESIGNS, Design

#: The arm that others are compared with, and the one whose examples are crafted on its member: the paper's two.
STANDARD, STATIC = "standard", "static"
ARMS = (STANDARD, STATIC)
DTYPES = {"float32": torch.float32, "float64": torch.float64}
#: The designs that separate the effect of the row from that of rounding and of the seed.
SEPARATING: tuple[Design, ...] = ("masked", "one-ulp", "new-seed")
#: The part of a run's configuration that describes leave-one-out, which may grow in the same folder.
SECTION = "leave_one_out"
NO_ARMS = "leave-one-out of no arms; expected one or more; name the recipes, such as standard"
#: What every member depends on, and so cannot grow.
FIXED = ("seed", "dtype", "craft_steps", "shared_examples", "chunk")


@dataclass(frozen=True)
class LeaveOneOut:
    """Options of leave-one-out: how many rows, which designs, and how members are trained.

    Attributes
    ----------
    count : int
        Left-out rows, and as many members of every floor; 0 for no leave-one-out.
    arms : tuple of str
        Which classifiers, by the names of their recipes: of those that mask rows (`fairtoll.training.Recipe.masks`).
    designs : tuple of str
        Of `fairtoll.training.leave_one_out.DESIGNS`.
    references : int
        Full models, each with its own seed and members, leaving out the same rows.
    keep_weights : bool
        Whether the weights of every member are kept with its test probabilities.
    seed : int
        Of the first full model.
    dtype : {"float64", "float32"}
        Precision of training.
    chunk : int
        Members of one stage: what a killed run loses at most.
    craft_steps : int
        Gradient steps by which the static classifier's examples are crafted.
    shared_examples : bool
        Whether every static member trains on the examples of the full model, an approximation that saves their
        crafting; else each on those of its own source model.

    Raises
    ------
    FairtollError
        For a negative count, a chunk or number of references below 1, no arm, or an unknown design or precision.

    Examples
    --------
    >>> LeaveOneOut(count=3).designs[0]
    'masked'
    """

    count: int = 0
    arms: tuple[str, ...] = ARMS
    designs: tuple[Design, ...] = DESIGNS
    references: int = 1
    keep_weights: bool = False
    seed: int = 0
    dtype: str = "float64"
    chunk: int = 10
    craft_steps: int = 20
    shared_examples: bool = False

    def __post_init__(self) -> None:
        if self.count < 0 or self.chunk < 1:
            raise FairtollError(
                f"{self.count} rows to leave out, {self.chunk} at a time; expected 0 or more, and 1 or more at a time"
            )
        if self.references < 1:
            raise FairtollError(f"{self.references} reference models of leave-one-out; expected 1 or more")
        if not self.arms:
            raise FairtollError(NO_ARMS)
        for kind, given, known in (
            ("design", self.designs, DESIGNS),
            ("precision", (self.dtype,), tuple(DTYPES)),
        ):
            unknown = [one for one in given if one not in known]
            if unknown or not given:
                raise FairtollError(
                    f"unknown leave-one-out {kind} '{unknown[0] if unknown else ''}'; expected some of "
                    f"{', '.join(known)}"
                )
        object.__setattr__(self, "arms", tuple(sorted(dict.fromkeys(self.arms), key=lambda arm: arm != STANDARD)))
        object.__setattr__(self, "designs", tuple(one for one in DESIGNS if one in self.designs))

    @property
    def firsts(self) -> list[int]:
        """Number of the first member of each chunk."""
        return list(range(0, self.count, self.chunk))

    @property
    def trained(self) -> tuple[str, ...]:
        """Arms that are trained: a static member's examples come from the standard one."""
        return tuple(dict.fromkeys((STANDARD, *self.arms))) if STATIC in self.arms else self.arms

    def seed_of(self, reference: int) -> int:
        """Seed of a full model, and of whatever its members share with it."""
        return self.seed + reference

    @property
    def fixed(self) -> dict[str, Any]:
        """What every member depends on, as plain JSON values."""
        return {name: getattr(self, name) for name in FIXED}

    def describe(self) -> dict[str, Any]:
        """Everything here, as plain JSON values."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @classmethod
    def from_description(cls, description: Any) -> LeaveOneOut:
        """What `describe` has described.

        Raises
        ------
        FairtollError
            If it is something else, perhaps of another version.
        """
        try:
            plain: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in dict(description).items()
            }
            return cls(**plain)
        except (AttributeError, TypeError, ValueError) as error:
            raise FairtollError(
                f"the configuration describes leave-one-out as {description!r}, which this version does not know; give "
                "another folder with --out"
            ) from error

    def requested(
        self,
        count: int,
        *,
        designs: Sequence[str] = (),
        references: int = 1,
        keep_weights: bool = False,
    ) -> LeaveOneOut:
        """As this one, with what a person requests: so many rows, and other designs where some are named.

        Examples
        --------
        >>> LeaveOneOut(dtype="float32").requested(5, designs=("masked",)).dtype
        'float32'
        """
        changes: dict[str, Any] = {"designs": tuple(designs)} if designs else {}
        return replace(self, count=count, references=references, keep_weights=keep_weights, **changes)


def last_requested(folder: Path) -> LeaveOneOut | None:
    """What was requested last in a folder, including none; None where there is no run yet.

    Raises
    ------
    FairtollError
        If the folder's configuration is not complete.
    """
    if not (folder / CONFIGURATION).is_file():
        return None
    configuration = read_configuration(folder)
    return LeaveOneOut.from_description(configuration[SECTION]) if SECTION in configuration else None


def require_rows(options: LeaveOneOut, *, rows: int, what: str) -> LeaveOneOut:
    """The same options, or an error where there are fewer training rows than are to be left out.

    Examples
    --------
    >>> require_rows(LeaveOneOut(count=3), rows=10, what="row").count
    3
    """
    if options.count > rows:
        raise FairtollError(f"{options.count} {what}s to leave out of {rows} training {what}s; expected {rows} at most")
    return options


def section_of(configuration: Mapping[str, Any]) -> LeaveOneOut:
    """The options that a run's configuration describes."""
    return LeaveOneOut.from_description(configuration[SECTION])
