"""Two Gaussian classes of unequal spread and two groups of unequal means: generated rows, not in the paper.

The classes of Xu et al. 2021, "To be Robust or to be Fair: Towards Fairness in Adversarial Training": robust training
moves the boundary towards the class that is spread less, so that it costs the class that is spread more. Their
classifiers are linear, and so is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairtoll.attacks import PGD, LeastEpsilon, Union
from fairtoll.data import Dataset, TrainTest
from fairtoll.evidence import Attacked, Checks, Clean, Transfer
from fairtoll.experiments.experiment import Collection, Costs, Data, Experiment, compare
from fairtoll.findings import Attack, Question
from fairtoll.inputs.features import Feature
from fairtoll.threats.linf import LinfThreat
from fairtoll.training import RECIPES, FitSettings
from fairtoll.training.networks import DenseNetwork

CLASSES, GROUPS = ("narrow", "wide"), ("a", "b")
THREAT, EPSILON, EPSILONS, EPSILON_MAX = "every feature", 0.2, (0.1, 0.2, 0.3), 2.0


@dataclass(frozen=True)
class TwoGaussians:
    """Rows of two classes around opposite means; calling it draws them.

    Attributes
    ----------
    features : int
        Of a row, independent of each other.
    mean : float
        Of every feature in the second class; the first has the opposite.
    spread : (float, float)
        Standard deviation of the features in each class.
    shift : float
        How much larger every feature is in group "b".
    share : float
        Of group "b".
    train, test : int
        Rows of each split, as many of each class.
    seed : int
        Of the draw.

    Examples
    --------
    >>> rows = TwoGaussians(train=400, test=200)()
    >>> len(rows.train), rows.test.x.shape, rows.test.y.mean().item()
    (400, (200, 10), 0.5)
    """

    features: int = 10
    mean: float = 0.4
    spread: tuple[float, float] = (1.0, 2.0)
    shift: float = 0.3
    share: float = 0.3
    train: int = 4000
    test: int = 2000
    seed: int = 0

    def __call__(self) -> TrainTest:
        """Training and test rows."""
        generator = np.random.default_rng(self.seed)
        splits = [self._draw(rows, generator) for rows in (self.train, self.test)]
        note = f"{self.features} independent features, means {-self.mean:g} and {self.mean:g}, standard deviations "
        note += f"{self.spread[0]:g} and {self.spread[1]:g}; {self.shift:g} more in group b"
        return TrainTest(splits[0], splits[1], title="Two Gaussian classes", note=note)

    def _draw(self, rows: int, generator: np.random.Generator) -> Dataset:
        y: NDArray[np.int64] = np.arange(rows) % 2
        second = generator.random(rows) < self.share
        centre = np.where(y == 1, self.mean, -self.mean) + np.where(second, self.shift, 0.0)
        spread = np.asarray(self.spread)[y]
        x = centre[:, None] + spread[:, None] * generator.normal(size=(rows, self.features))
        features = tuple(
            Feature(f"x{place}", "continuous", integer=False, low=column.min(), high=column.max(), unit="")
            for place, column in enumerate(x.T)
        )
        groups = {"group": np.asarray(GROUPS)[second.astype(int)]}
        return Dataset(x.astype(np.float32), y, CLASSES, groups=groups, features=features, name="gaussian")


def gaussian_threats(data: TrainTest) -> dict[str, LinfThreat]:
    """Every feature may move by epsilon, anywhere."""
    return {THREAT: LinfThreat()}


CRAFT, SEARCH = PGD(steps=20), LeastEpsilon(tolerance=0.002)
COLLECTIONS = (
    Collection("predict", (Clean(),), cost=0.001),
    Collection("transfer", (Transfer(CRAFT, EPSILONS),), cost=0.001),
    Collection("pgd", (Attacked(CRAFT, EPSILONS),), cost=0.02),
    Collection("union", (Attacked(Union(), (EPSILON,)),), cost=0.08, hardened=2.0),
    Collection("least-epsilon", (Attacked(SEARCH, (EPSILON_MAX,)),), cost=0.04),
    Collection("checks", (Checks(EPSILONS, large_epsilon=100.0, square_epsilon=EPSILON),), cost=0.2),
)

UNION = Attack("white-box", Union().name, EPSILON, THREAT)
LEAST = Attack("white-box", SEARCH.name, EPSILON_MAX, THREAT)
QUESTIONS = [
    *[Question("cau", partition) for partition in ("class", "group")],
    *[Question("cru_s", partition, UNION, denominator="all") for partition in ("class", "group")],
    *[Question("cru_epsilon", partition, LEAST, denominator="all") for partition in ("class", "group")],
    *[Question("eou", "group", label=label, target=CLASSES[1]) for label in CLASSES],
]

GAUSSIAN = Experiment(
    name="gaussian",
    title="Who pays when two Gaussian classes are separated robustly?",
    question="Does adversarial training of a linear classifier widen the gaps between a class of small and a class of "
    "large spread, and between two groups whose means differ?",
    data=Data(TwoGaussians(), title="two Gaussian classes"),
    threats=gaussian_threats,
    threat=THREAT,
    recipes=tuple(RECIPES.values()),
    questions=tuple(
        (compare("sound", RECIPES[name]), question) for name in ("online", "static") for question in QUESTIONS
    ),
    collections=COLLECTIONS,
    epsilon=EPSILON,
    craft=CRAFT,
    network=DenseNetwork(depth=0),
    settings=FitSettings(learning_rate=0.01),
    runs=5,
    costs=Costs(train_rows=4000, items=4000, test_rows=2000, update=0.001, gradient=0.0005, plain=0.0002),
)
