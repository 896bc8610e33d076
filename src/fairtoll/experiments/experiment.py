"""The description of an experiment: what it trains, measures and compares. `engine` runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from fairtoll.attacks import PGD
from fairtoll.data import TrainTest
from fairtoll.errors import FairtollError
from fairtoll.experiments.claims import ClaimTest, Conclude
from fairtoll.experiments.describe import UNDESCRIBED, described_as, digest
from fairtoll.experiments.leave_one_out.options import LeaveOneOut
from fairtoll.experiments.parts import OF_TABLES, Collection, Costs, Data, Option, Pictures, RecipesExtent
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
