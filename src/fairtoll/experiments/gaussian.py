"""Two Gaussian classes of unequal spread, where every measure of a linear model is a formula: not in the paper.

The classes of Xu et al. 2021, "To be Robust or to be Fair: Towards Fairness in Adversarial Training": robust training
moves the boundary towards the class that is spread less, so that it costs the class that is spread more. Some features
tell the classes apart well, others hardly but differ between two groups of rows. The paper's recipes and two others are
trained on a linear model and on a small network; what is measured is shown beside what the formulas give.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fairtoll.attacks import PGD, LeastEpsilon, Union
from fairtoll.data import Dataset, TrainTest
from fairtoll.errors import FairtollError
from fairtoll.evidence import Attacked, Checks, Clean, Transfer
from fairtoll.experiments.closed_form.curves import curves
from fairtoll.experiments.closed_form.line import on_a_line
from fairtoll.experiments.closed_form.places import adult_map, cifar10_map, far_map, own_map
from fairtoll.experiments.closed_form.rules import rules_of
from fairtoll.experiments.closed_form.values import exact_values, is_linear, trained_against
from fairtoll.experiments.experiment import Experiment
from fairtoll.experiments.parts import Collection, Costs, Data
from fairtoll.experiments.workspace import Workspace
from fairtoll.findings import Attack, Comparison, Question
from fairtoll.findings.results import Theory
from fairtoll.inputs.features import Feature
from fairtoll.theory import Gaussians, Group
from fairtoll.threats.linf import LinfThreat
from fairtoll.training import RECIPES, FitSettings, Recipe
from fairtoll.training.networks import DenseNetwork

CLASSES, GROUPS = ("wide", "narrow"), ("a", "b")
NO_MODEL = "rows come from {given}; expected a TwoGaussians, whose model is known; give one as the data's load"
THREAT, EPSILON, EPSILONS, EPSILON_MAX = "every feature", 0.2, (0.1, 0.2, 0.3), 2.0


@dataclass(frozen=True)
class TwoGaussians:
    """Rows of two classes around opposite means; calling it draws them.

    Attributes
    ----------
    strong, weak : int
        How many features tell the classes apart well, and how many hardly. All are independent of each other.
    means : (float, float)
        Of a strong and of a weak feature in the narrow class; the wide one has the opposite.
    spread : (float, float)
        Standard deviation of every feature in the wide and in the narrow class.
    shift : float
        How much larger every weak feature is in group "b".
    share : float
        Of group "b", in both classes.
    train, test : int
        Rows of each split.
    seed : int
        Of the draw.

    Examples
    --------
    >>> rows = TwoGaussians(train=400, test=200)()
    >>> len(rows.train), rows.test.x.shape
    (400, (200, 14))
    """

    strong: int = 10
    weak: int = 4
    means: tuple[float, float] = (0.5, 0.18)
    spread: tuple[float, float] = (2.0, 1.0)
    shift: float = 1.0
    share: float = 0.3
    train: int = 4000
    test: int = 10_000
    seed: int = 0

    @property
    def model(self) -> Gaussians:
        """What rows are drawn from; the wide class is -1, the narrow one +1."""
        features = np.arange(self.strong + self.weak)
        shift = np.where(features < self.strong, 0.0, self.shift)
        return Gaussians(
            theta=np.where(features < self.strong, *self.means),
            covariances=(self.spread[0] ** 2, self.spread[1] ** 2),
            groups=(
                Group(GROUPS[0], share=1 - self.share, shift=np.zeros(len(features))),
                Group(GROUPS[1], share=self.share, shift=shift),
            ),
        )

    def __call__(self) -> TrainTest:
        """Training and test rows."""
        generator = np.random.default_rng(self.seed)
        splits = [self._draw(rows, generator) for rows in (self.train, self.test)]
        (strong, weak), (wide, narrow) = self.means, self.spread
        note = f"{self.strong} strong features with means {-strong:g} and {strong:g}, {self.weak} weak ones with means "
        note += f"{-weak:g} and {weak:g}; standard deviations {wide:g} and {narrow:g}; weak features {self.shift:g} "
        note += "more in group b"
        return TrainTest(splits[0], splits[1], title="Two Gaussian classes", note=note)

    def _draw(self, rows: int, generator: np.random.Generator) -> Dataset:
        x, y, second = self.model.sample(rows, generator)
        features = tuple(
            Feature(f"x{place}", "continuous", integer=False, low=column.min(), high=column.max(), unit="")
            for place, column in enumerate(x.T)
        )
        groups = {"group": np.asarray(GROUPS)[second]}
        labels = (np.asarray(y) > 0).astype(np.int64)
        return Dataset(x.astype(np.float32), labels, CLASSES, groups=groups, features=features, name="gaussian")


def gaussian_threats(data: TrainTest) -> dict[str, LinfThreat]:
    """Every feature may move by epsilon, anywhere."""
    return {THREAT: LinfThreat()}


#: The recipes of the report; on-line training also with half and with one and a half times the radius, linear alone.
TRAINED = tuple(RECIPES[name] for name in ("standard", "static", "online", "trades", "smoothing"))
AT_RADII = tuple(
    replace(RECIPES["online"].at(share), title=f"On-line, {words}")
    for share, words in ((0.5, "half the radius"), (1.5, "1.5 radii"))
)
SMALL = DenseNetwork(width=32, depth=1)


def on_small(recipe: Recipe) -> Recipe:
    """The same recipe on the small network, as an arm of its own.

    Examples
    --------
    >>> on_small(RECIPES["online"]).title
    'On-line adversarial, small'
    """
    note = f"{recipe.note}; a network of {SMALL.depth} hidden layer with {SMALL.width} units"
    return replace(recipe, name=f"{recipe.name}-small", title=f"{recipe.title}, small", note=note)


LINEAR_ARMS, SMALL_ARMS = (*TRAINED, *AT_RADII), tuple(on_small(recipe) for recipe in TRAINED)
#: Without controls: how far a model is from the best rule is known.
COMPARISONS = tuple(
    Comparison("sound", arms[0].name, arm.name) for arms in (LINEAR_ARMS, SMALL_ARMS) for arm in arms[1:]
)

CRAFT, SEARCH = PGD(steps=20), LeastEpsilon(tolerance=0.002)
COLLECTIONS = (
    Collection("predict", (Clean(),), cost=0.001),
    # Crafted on the standard linear models.
    Collection("transfer", (Transfer(CRAFT, EPSILONS),), arms=tuple(arm.name for arm in LINEAR_ARMS), cost=0.001),
    Collection("pgd", (Attacked(CRAFT, EPSILONS),), cost=0.02),
    Collection("union", (Attacked(Union(), (EPSILON,)),), cost=0.08, hardened=2.0),
    Collection("least-epsilon", (Attacked(SEARCH, (EPSILON_MAX,)),), cost=0.04),
    Collection("checks", (Checks(EPSILONS, large_epsilon=100.0, square_epsilon=EPSILON),), runs=1, cost=0.2),
)

UNION = Attack("white-box", Union().name, EPSILON, THREAT)
LEAST = Attack("white-box", SEARCH.name, EPSILON_MAX, THREAT)
QUESTIONS = [
    *[Question("cau", partition) for partition in ("class", "group")],
    *[Question("cru_s", partition, UNION, denominator="all") for partition in ("class", "group")],
    *[Question("cru_epsilon", partition, LEAST, denominator="all") for partition in ("class", "group")],
    *[Question("eou", "group", label=label, target=CLASSES[1]) for label in CLASSES],
]

#: The gaps between the classes, whose curves are drawn over the radius of training.
CURVES = [question for question in QUESTIONS if question.partition == "class"]
LARGEST = 0.35
#: How the change of CRU_s goes on with the radius: of the linear models, on which PGD is as strong as any attack.
FURTHER = [
    (
        COMPARISONS[[arm.name for arm in LINEAR_ARMS[1:]].index("online")],
        Question("cru_s", "class", Attack("white-box", CRAFT.name, epsilon, THREAT), denominator="all"),
    )
    for epsilon in EPSILONS
    if epsilon != EPSILON
]


def gaussian_formulas(workspace: Workspace) -> Theory:
    """What formulas say beside the measurements of a run: its rows are those of a `TwoGaussians`.

    Raises
    ------
    FairtollError
        For rows from elsewhere.
    """
    experiment, rows = workspace.experiment, workspace.experiment.data.load
    if not isinstance(rows, TwoGaussians):
        raise FairtollError(NO_MODEL.format(given=getattr(rows, "__name__", type(rows).__name__)))
    model, classes = rows.model, workspace.data.train.class_names
    radii = {arm: trained_against(experiment, arm) for arm in experiment.arms() if is_linear(experiment, arm)}
    trained = {
        arm: (radius, [one[0] for one in rules_of(workspace, arm)])
        for arm, radius in radii.items()
        if radius in (0.0, experiment.epsilon)
    }
    return Theory(
        values=exact_values(workspace, model),
        curves=curves(model, CURVES, classes, largest=LARGEST),
        line=on_a_line(model, trained, classes, experiment.epsilon),
        maps=[adult_map(), cifar10_map(), own_map(model, experiment.epsilon), far_map()],
    )


GAUSSIAN = Experiment(
    name="gaussian",
    title="Who pays when two Gaussian classes are separated robustly?",
    question="Does adversarial training widen the gaps between a class of small and a class of large spread, and "
    "between two groups that differ in weak features, and is what is measured what the formulas give?",
    data=Data(TwoGaussians(), attacked=3000, title="two Gaussian classes"),
    threats=gaussian_threats,
    threat=THREAT,
    recipes=(*RECIPES.values(), *AT_RADII, *SMALL_ARMS),
    questions=(*((comparison, question) for comparison in COMPARISONS for question in QUESTIONS), *FURTHER),
    collections=COLLECTIONS,
    epsilon=EPSILON,
    craft=CRAFT,
    network=DenseNetwork(depth=0),
    networks={arm.name: SMALL for arm in SMALL_ARMS},
    settings=FitSettings(learning_rate=0.01),
    runs=5,
    theory=gaussian_formulas,
    costs=Costs(train_rows=4000, items=4000, test_rows=10_000, update=0.001, gradient=0.0005, plain=0.0002),
)
