"""What the description of an experiment consists of: its rows, what it measures, its pictures, costs and options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairtoll.data import TrainTest
from fairtoll.errors import FairtollError
from fairtoll.evidence.measures import Measure
from fairtoll.experiments.describe import UNDESCRIBED

if TYPE_CHECKING:
    from fairtoll.experiments.experiment import Experiment


@dataclass(frozen=True)
class Data:
    """Where rows come from, and how many of them are used.

    Attributes
    ----------
    load : callable
        Gives training and test rows. Where they are `kept` it is called with the source that a person named, or None.
    kept : bool
        Whether the rows are images that the first stage keeps in the run's folder, independent of their source.
    train, test : int, optional
        Only so many of the first rows of each split; None for all.
    attacked : int, optional
        How many test rows are attacked, as many of each class; None for all.
    copies : sequence of int, optional
        How often a training row of each class is in the training set; None for once.
    title : str, optional
        What sentences call them; None for the experiment's name.

    Raises
    ------
    FairtollError
        For numbers below 1.

    Examples
    --------
    >>> from fairtoll.data import load_adult
    >>> Data(load_adult, train=100).kept
    False
    """

    load: Callable[..., TrainTest]
    kept: bool = False
    train: int | None = None
    test: int | None = None
    attacked: int | None = None
    copies: tuple[int, ...] | None = None
    title: str | None = field(default=None, metadata=UNDESCRIBED)

    def __post_init__(self) -> None:
        for name in ("train", "test", "attacked"):
            if (number := getattr(self, name)) is not None and number < 1:
                raise FairtollError(f"{name} is {number}; expected 1 or more rows, or None for all")


@dataclass(frozen=True)
class Collection:
    """A stage for each arm that measures it: one or more measures under one threat.

    Attributes
    ----------
    name : str
        In the names of stages and files.
    measures : sequence of Measure
        Such as ``Attacked(PGD(steps=20), epsilons=(10.0,))``.
    threat : str, optional
        Name of one of the experiment's threats; None for the one that arms are trained against.
    compared_in : str, optional
        Only arms that this protocol compares; None for all.
    protocol : str, optional
        Only in runs of this protocol; None for all.
    controls : bool
        Whether arms that are controls are measured too.
    runs : int, optional
        Only so many of the first training runs of each arm are measured; no comparison may need them. None for all.
    arms : sequence of str, optional
        Only these arms; None for all.
    exact : bool, optional
        Only in runs that are exact, or only in those that are not; None for both. See `Experiment`.
    cost : float
        Expected milliseconds for one row of one training run, on one core: of those that are measured, which without
        attacks are all test rows, and of a measure with a number of rows so many at most.
    hardened : float
        How many times longer it takes on arms whose training is attacked at every step: robust rows take all steps.

    Examples
    --------
    >>> from fairtoll.evidence import Clean
    >>> Collection("predict", (Clean(),)).controls
    True
    """

    name: str
    measures: tuple[Measure, ...]
    threat: str | None = None
    compared_in: str | None = None
    protocol: str | None = None
    controls: bool = True
    runs: int | None = None
    arms: tuple[str, ...] | None = field(default=None, metadata=UNDESCRIBED)
    exact: bool | None = None
    cost: float = field(default=1.0, metadata=UNDESCRIBED)
    hardened: float = field(default=1.0, metadata=UNDESCRIBED)

    def measures_run(self, run: int) -> bool:
        """Whether a training run, counted from 0, is measured."""
        return self.runs is None or run < self.runs


@dataclass(frozen=True)
class RecipesExtent:
    """How far a comparison of recipes goes; see `fairtoll.experiments.defences.with_recipes`.

    Attributes
    ----------
    runs : int
        Training runs of each arm where no number is given.
    rows : int
        Rows whose votes over noise are counted, and whose attacks are detected.
    votes : int
        Of each of them.
    steps : int
        Of an attack that evades the detector, each of which denoises an image anew.

    Examples
    --------
    >>> OF_TABLES.votes > OF_IMAGES.votes
    True
    """

    runs: int = 5
    rows: int = 3000
    votes: int = 1000
    steps: int = 50


OF_TABLES, OF_IMAGES = RecipesExtent(), RecipesExtent(rows=500, votes=500, steps=10)


@dataclass(frozen=True)
class Pictures:
    """Test images with an adversarial example of each, for the report; of the arms that are no controls.

    Attributes
    ----------
    each : int
        Images of the easiest and of the hardest class.

    Examples
    --------
    >>> Pictures().each
    2
    """

    each: int = 2


@dataclass(frozen=True)
class Costs:
    """What training is expected to take on one core, for the order of the stages and the estimate alone.

    Attributes
    ----------
    train_rows, items, test_rows : int
        Of the whole data.
    update : float
        Milliseconds for one row in one optimiser step.
    gradient : float
        Milliseconds for one row in one gradient step of an attack.
    member : float
        As `update`, of a leave-one-out member.
    plain : float
        Milliseconds for one row of a gradient in plain PyTorch where all of these were measured: by how much longer it
        takes on another machine, everything does (`fairtoll.experiments.costs.slower_here`).
    row : tuple of int
        The shape of a row.
    classes : int
        How many there are.

    Examples
    --------
    >>> Costs(train_rows=100, items=100, test_rows=50).update
    0.001
    """

    train_rows: int
    items: int
    test_rows: int
    update: float = 0.001
    gradient: float = 0.001
    member: float = 0.002
    plain: float = 0.0021
    row: tuple[int, ...] = (2,)
    classes: int = 2


@dataclass(frozen=True)
class Option:
    """An option that one experiment has in addition to the common ones.

    Attributes
    ----------
    name : str
        As a keyword; on the command line with dashes.
    kind : type
        bool for a switch, or int.
    help : str
        One line.
    apply : callable
        Called with the experiment and the value that was given; returns the changed experiment.

    Examples
    --------
    >>> Option("quick", bool, "Reduced run", lambda experiment, value: experiment).name
    'quick'
    """

    name: str
    kind: type
    help: str
    apply: Callable[[Experiment, Any], Experiment]
