"""The description of an experiment: what it trains, measures and compares. `engine` runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from fairtoll.attacks import PGD
from fairtoll.data import TrainTest
from fairtoll.errors import FairtollError
from fairtoll.evidence.measures import Measure
from fairtoll.experiments.claims import ClaimTest, Conclude
from fairtoll.experiments.describe import UNDESCRIBED, described_as, digest
from fairtoll.experiments.leave_one_out.options import LeaveOneOut
from fairtoll.findings import Attack, Comparison, Question, Rules
from fairtoll.findings import results as types
from fairtoll.statistics import LOOKS
from fairtoll.threats.linf import LinfThreat
from fairtoll.training import FitSettings, Recipe
from fairtoll.training.networks import DenseNetwork, Network

if TYPE_CHECKING:
    from fairtoll.experiments.workspace import Workspace

Plan = Sequence[tuple[Comparison, Question]]
#: Returns remarks for interpreting the figures, or sentences for the first screen.
Remarks = Callable[[Sequence[types.Finding], Sequence[types.Accuracy], Sequence[types.LeaveOneOut]], list[str]]
#: Returns what an adversary may change, by name, from the data.
Threats = Callable[[TrainTest], Mapping[str, LinfThreat]]
#: Returns what a run reduced compared with the whole experiment, from its configuration and `about` of its evidence.
Reductions = Callable[[Mapping[str, Any], Mapping[str, Any]], list[str]]
#: Returns what formulas say beside the measurements of a run, from its workspace.
Formulas = Callable[["Workspace"], types.Theory]
BOTH = "both"
#: Training runs until every comparison is decided, or as many as are allowed.
AUTO: Literal["auto"] = "auto"
Runs = int | Literal["auto"]
NOT_LEFT_OUT = "leave-one-out names the arm '{arm}', {why}; expected some of {known}; leave it out, or name another"


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


@dataclass(frozen=True)
class Experiment:
    """Everything that one experiment is; `describe` makes it the configuration of its runs.

    Attributes
    ----------
    name, title, question : str
        Its name, the title of its report, and its question, in one sentence.
    data : Data
        The rows.
    threats : callable
        Called with the data; gives threats by name.
    threat : str
        Name of the one that arms are trained against and alarms are read from.
    recipes : sequence of Recipe
        How the arms are trained, in the order of reports, the standard one first. Those that no comparison of the
        protocol names are not trained.
    questions : sequence of (Comparison, Question)
        Every gap of the report, in order.
    collections : sequence of Collection
        What is measured.
    epsilon : float
        Of the training adversary.
    craft : PGD
        How examples that are crafted once are crafted, to train on and to transfer.
    craft_rows : int
        How many of them at once.
    network : callable
        The architecture; see `fairtoll.training.networks`.
    networks : mapping
        The architecture of arms that have another one, by name. Examples are crafted on the first arm of the same
        architecture.
    settings : FitSettings
        The optimiser.
    runs : int or "auto"
        Training runs of each arm; "auto" for a table: as many as it takes to decide what is compared.
    max_runs : int
        The most training runs where `runs` is "auto": one of the looks, 5, 10, 20, 40 or 80. A run may be continued
        with more.
    protocol : str
        The protocol whose questions are answered: one that comparisons name, or "both" for all.
    exact : bool
        Whether questions read what is proved of every row instead of what attacks found.
    proved_instead : sequence of (Attack, Attack)
        In exact runs: whose evidence is read instead of which attack's.
    together : bool
        Whether all runs of an arm train as one stack also on a CPU; else each is a stage of its own there.
    leave_one_out : LeaveOneOut
        How members are trained, and how many.
    arm_notes : mapping
        How an arm is made, where the recipe's own note does not say it all.
    row : str
        What to call a row.
    pictures : Pictures, optional
        Which images the report shows.
    claims : sequence of callable
        The paper's claims; see `fairtoll.experiments.claim_kinds`.
    conclude : callable, optional
        Draws the paper's conclusion from them.
    published, published_accuracy : mapping
        The paper's values: of questions by ``protocol/key``, of accuracies by (arm, evaluation, ...).
    published_leave_one_out : str, optional
        How the paper's leave-one-out study, of CIFAR-10, relates to this one; None to show nothing of it.
    notes, highlights : callable, optional
        Remarks that the figures need, and sentences for the first screen.
    reductions : callable, optional
        What a run reduced compared with the whole experiment.
    theory : callable, optional
        Called with the run's workspace once every arm is trained; gives what formulas say beside its measurements.
    costs : Costs
        For the estimate of the time.
    on_device : callable, optional
        Called with the experiment and "cpu" or "cuda"; returns what a run by name is on that device.
    options : sequence of Option
        The options of its command in addition to the common ones.
    attributes : sequence of str
        The protected attributes of its rows, over which repairs may be trained.
    of_recipes : RecipesExtent
        How far it goes with any recipes instead of the paper's.
    defences : (str, int) or (str, int, list), optional
        Which recipes it has instead of the paper's, at how many strengths, and which further pairs are compared; see
        `fairtoll.experiments.defences.with_recipes`.

    Raises
    ------
    FairtollError
        For no runs, "auto" for images, an unknown protocol, arms, threats or collections that are named twice or
        not at all, or leave-one-out of an arm that is none or whose recipe does not mask rows.

    Examples
    --------
    >>> from fairtoll.experiments.registry import find_experiment
    >>> find_experiment("adult").arms("sound")
    ['standard', 'static', 'online', 'online-noise']
    """

    name: str
    title: str
    question: str
    data: Data
    threats: Threats
    recipes: tuple[Recipe, ...]
    questions: tuple[tuple[Comparison, Question], ...] = field(metadata=described_as(lambda plan: _keys(plan)))
    collections: tuple[Collection, ...]
    epsilon: float
    costs: Costs = field(metadata=UNDESCRIBED)
    threat: str = "paper"
    craft: PGD = PGD(steps=20)
    craft_rows: int = 4096
    network: Network = DenseNetwork()
    networks: Mapping[str, Network] = field(default_factory=dict, metadata=UNDESCRIBED)
    settings: FitSettings = FitSettings()
    runs: Runs = 3
    max_runs: int = field(default=10, metadata=UNDESCRIBED)
    protocol: str = BOTH
    exact: bool = False
    proved_instead: tuple[tuple[Attack, Attack], ...] = field(default=(), metadata=UNDESCRIBED)
    together: bool = True
    leave_one_out: LeaveOneOut = LeaveOneOut()
    arm_notes: Mapping[str, str] = field(default_factory=dict)
    row: str = "row"
    pictures: Pictures | None = None
    claims: tuple[ClaimTest, ...] = ()
    conclude: Conclude | None = None
    published: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict, metadata=described_as(digest))
    published_accuracy: Mapping[tuple[str, ...], float] = field(default_factory=dict, metadata=described_as(digest))
    published_leave_one_out: str | None = None
    notes: Remarks | None = None
    highlights: Remarks | None = None
    reductions: Reductions | None = None
    theory: Formulas | None = field(default=None, metadata=UNDESCRIBED)
    on_device: Callable[[Experiment, str], Experiment] | None = field(default=None, metadata=UNDESCRIBED)
    options: tuple[Option, ...] = field(default=(), metadata=UNDESCRIBED)
    attributes: tuple[str, ...] = field(default=(), metadata=UNDESCRIBED)
    of_recipes: RecipesExtent = field(default=OF_TABLES, metadata=UNDESCRIBED)
    defences: tuple[Any, ...] | None = field(default=None, metadata=UNDESCRIBED)

    def __post_init__(self) -> None:
        self._check_runs()
        if self.protocol not in (*self.protocols, BOTH):
            raise FairtollError(f"unknown protocol '{self.protocol}'; expected {', '.join(self.protocols)} or {BOTH}")
        for what, names in (
            ("recipes", [recipe.name for recipe in self.recipes]),
            ("collections", [one.name for one in self.collections]),
            ("questions", _keys(self.questions)),
        ):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise FairtollError(f"{what} of the experiment name {', '.join(twice)} twice; expected each once")
        known = {recipe.name for recipe in self.recipes}
        if unknown := sorted(set(_compared(self.questions)) - known):
            raise FairtollError(
                f"comparisons name {', '.join(unknown)}, for which there is no recipe; the recipes are "
                f"{', '.join(recipe.name for recipe in self.recipes)}"
            )
        self._check_left_out()

    def _check_left_out(self) -> None:
        by_name = {recipe.name: recipe for recipe in self.recipes}
        for arm in self.leave_one_out.arms if self.leave_one_out.count else ():
            if arm not in by_name or not by_name[arm].masks:
                why = "where a row of weight 0 has an influence" if arm in by_name else "which is none of its recipes"
                known = ", ".join(name for name, recipe in by_name.items() if recipe.masks and not recipe.is_control)
                raise FairtollError(NOT_LEFT_OUT.format(arm=arm, why=why, known=known))

    def _check_runs(self) -> None:
        if self.runs == AUTO and self.data.kept:
            raise FairtollError(
                f"runs is '{AUTO}' for {self.name}, whose rows are images; expected a number: '{AUTO}', until every "
                "comparison is decided, is for tables"
            )
        if self.runs != AUTO and (not isinstance(self.runs, int) or self.runs < 1):
            raise FairtollError(f"runs is {self.runs}; expected 1 or more training runs, or '{AUTO}'")
        if self.max_runs not in LOOKS:
            raise FairtollError(f"max_runs is {self.max_runs}; expected one of {', '.join(map(str, LOOKS))}")

    @property
    def looks(self) -> tuple[int, ...]:
        """After how many runs of each arm it is decided which arms go on; none where the number of runs is fixed."""
        return tuple(look for look in LOOKS if look < self.max_runs) if self.runs == AUTO else ()

    @property
    def rules(self) -> Rules:
        """How its differences are judged: run k of every arm has the same initial weights and order of batches."""
        return Rules(sequential=self.runs == AUTO, paired=True)

    @property
    def most_runs(self) -> int:
        """The most training runs of an arm."""
        return self.max_runs if self.runs == AUTO else self.runs

    @property
    def protocols(self) -> list[str]:
        """The protocols that its comparisons name, in order."""
        return list(dict.fromkeys(comparison.protocol for comparison, _ in self.questions))

    def plan(self, protocol: str | None = None) -> list[tuple[Comparison, Question]]:
        """The questions of a protocol; its own where none is given."""
        chosen = self.protocol if protocol is None else protocol
        plan = [one for one in self.questions if chosen in (BOTH, one[0].protocol)]
        if not self.exact:
            return plan
        instead = dict(self.proved_instead)
        return [
            (
                one,
                replace(question, attack=instead.get(question.attack, question.attack))
                if question.attack
                else question,
            )
            for one, question in plan
        ]

    def arms(self, protocol: str | None = None) -> list[str]:
        """The arms that a protocol compares, in order; its own where none is given."""
        compared = _compared(self.plan(protocol))
        return [recipe.name for recipe in self.recipes if recipe.name in compared]

    def recipe(self, arm: str) -> Recipe:
        """How an arm is trained."""
        return next(recipe for recipe in self.recipes if recipe.name == arm)

    def measured(self, collection: Collection) -> list[str]:
        """The arms that a collection measures in this run."""
        if collection.protocol is not None and self.protocol not in (BOTH, collection.protocol):
            return []
        if collection.exact not in (None, self.exact):
            return []
        of = self.arms(collection.compared_in or BOTH)
        if collection.arms is not None:
            of = [arm for arm in of if arm in collection.arms]
        return [arm for arm in self.arms() if arm in of and (collection.controls or not self.recipe(arm).is_control)]

    def network_of(self, arm: str) -> Network:
        """The architecture of an arm."""
        return self.networks.get(arm, self.network)

    def source_of(self, arm: str) -> str:
        """The arm whose models the crafted examples of an arm are crafted on: the first one of its architecture."""
        return next(one for one in self.arms() if self.network_of(one) == self.network_of(arm))

    def title_of(self, arm: str) -> str:
        """What a report calls an arm."""
        return self.recipe(arm).title.format(row=self.row, rows=f"{self.row}s")

    def note_of(self, arm: str) -> str:
        """How an arm is made."""
        return self.arm_notes.get(arm, self.recipe(arm).note).format(row=self.row, rows=f"{self.row}s")


def compare(protocol: Any, robust: Recipe, *, controls: bool = True) -> Comparison:
    """The standard arm against another one, with the controls that its recipe names.

    Examples
    --------
    >>> from fairtoll.training import RECIPES
    >>> compare("sound", RECIPES["online"]).control
    'online-noise'
    """
    if not controls:
        return Comparison(protocol, "standard", robust.name)
    return Comparison(protocol, "standard", robust.name, robust.control, robust.noise_control)


def _compared(plan: Plan) -> set[str]:
    named = {
        getattr(comparison, role)
        for comparison, _ in plan
        for role in ("standard", "robust", "control", "noise_control")
    }
    return {str(name) for name in named - {None}}


def _keys(plan: Plan) -> list[str]:
    return [f"{comparison.protocol}/{comparison.name}/{question.key}" for comparison, question in plan]
