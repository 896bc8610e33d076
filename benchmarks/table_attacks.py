"""Attacks on the raw rows of a table at an equal budget: ours, the Adversarial Robustness Toolbox's, and MOEVA.

    make bench BENCH=table_attacks
    python benchmarks/table_attacks.py --rows 60 --queries 1000

Rows like those of German credit are drawn here: 7 numbers, a monthly rate that two of them decide, 13 categories. The
adversary may change 5 numbers and 9 categories, at a cost of 1 for a standard deviation and 0.5 for a category, 0.8 in
all, and has to keep four relations. Of a forest and a network (an MLPClassifier, with its gradient) every attack has as
many evaluations of each row; the table says how many rows that were classified correctly it breaks within the threat.

MOEVA needs pymoo 0.6.1 (`pip install pymoo`) and is left out without it; TabularBench is on no registry. Attacks of the
Toolbox know neither categories nor relations: they move the numbers within the radius, and what they find is repaired.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import Tensor, nn

from _table_peers import Case, moeva, universal_greedy
from fairtoll.attacks import CAPGD, External, RandomNoise, TableSearch
from fairtoll.data import Dataset, load_frame
from fairtoll.models import as_models, prepare
from fairtoll.threats import LinfThreat, TableThreat, table_threat

NUMBERS = ["duration", "amount", "installment", "residence", "age", "existing", "liable", "monthly"]
CATEGORIES = {
    "status": 4, "history": 5, "purpose": 10, "savings": 5, "employment": 5, "personal": 4, "other": 3, "property": 4,
    "plans": 3, "housing": 3, "job": 4, "telephone": 2, "foreign": 2,
}  # fmt: skip
MUTABLE = [
    "duration", "amount", "monthly", "installment", "existing", "status", "purpose", "savings", "employment",
    "property", "plans", "housing", "job", "telephone",
]  # fmt: skip
RELATIONS = [
    "monthly == amount / duration",
    "amount <= 400 * duration",
    "if job == 'job0' then employment == 'employment0'",
    "if housing == 'housing2' then property != 'property0'",
]
PRICE, EPSILON = 0.5, 0.8


def credit(count: int, seed: int) -> pd.DataFrame:
    """Rows like those of German credit, with a label that most features have a share in."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({name: draw.integers(0, size, count) for name, size in CATEGORIES.items()})
    frame["employment"] = np.where(frame["job"] == 0, 0, frame["employment"])
    frame["property"] = np.where((frame["housing"] == 2) & (frame["property"] == 0), 1, frame["property"])
    frame["duration"] = draw.choice([6, 9, 12, 15, 18, 24, 30, 36, 48, 60], count)
    frame["amount"] = np.minimum(draw.gamma(2.0, 1600.0, count) + 250, 400 * frame["duration"]).round()
    frame["monthly"] = frame["amount"] / frame["duration"]
    for name, high in (("installment", 4), ("residence", 4), ("existing", 4), ("liable", 2)):
        frame[name] = draw.integers(1, high + 1, count)
    frame["age"] = draw.integers(19, 76, count)
    score = 0.7 * frame["status"] - 0.04 * frame["duration"] - 0.00012 * frame["amount"] + 0.3 * frame["savings"]
    score += 0.25 * frame["history"] + 0.2 * frame["employment"] - 0.2 * frame["installment"] + 0.01 * frame["age"]
    score += np.array([0.6, -0.4, 0.2, 0, -0.8, 0.3, 0, 0.5, -0.2, 0.1])[frame["purpose"]]
    noisy = score + draw.normal(0, 0.6, count)
    for name in CATEGORIES:
        frame[name] = [f"{name}{code}" for code in frame[name]]
    frame["sex"] = np.where(frame["personal"].isin(["personal0", "personal2"]), "male", "female")
    return frame.assign(credit=np.where(noisy > np.median(noisy), "good", "bad"))


def violation(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much rows violate the relations, in the manner of MOEVA: 0 for those that do not."""
    at = {name: rows[:, place] for place, name in enumerate([*NUMBERS, *CATEGORIES])}
    rate = at["amount"] / at["duration"]
    return (
        np.abs(at["monthly"] - rate) / 100
        + np.maximum(0, at["amount"] - 400 * at["duration"]) / 1000
        + ((at["job"] == 0) & (at["employment"] != 0))
        + ((at["housing"] == 2) & (at["property"] == 0))
    )


def fix(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The monthly rate of the amount and the duration."""
    rows[:, NUMBERS.index("monthly")] = rows[:, NUMBERS.index("amount")] / rows[:, NUMBERS.index("duration")]
    return rows


def models(train: Dataset, frame: pd.DataFrame) -> dict[str, nn.Module]:
    """A forest and a network of scikit-learn on one-hot columns, as torch modules of raw rows."""
    columns = [*NUMBERS, *CATEGORIES]
    found: dict[str, nn.Module] = {}
    for name, numbers, last in (
        ("forest", "passthrough", RandomForestClassifier(100, min_samples_leaf=3, random_state=0)),
        ("network", StandardScaler(), MLPClassifier((32, 32), alpha=0.1, max_iter=150, random_state=0)),
    ):
        encode = make_column_transformer((OneHotEncoder(), list(CATEGORIES)), (numbers, NUMBERS))
        fitted = make_pipeline(encode, last).fit(frame[columns], frame["credit"])
        found[name] = as_models(fitted, name=name, schema=train.schema)[0]
    return found


class Counted(nn.Module):
    """A model that counts the rows it is asked for."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.rows = model, 0

    def forward(self, x: Tensor) -> Tensor:
        """Its scores."""
        self.rows += len(x)
        answer: Tensor = self.model(x)
        return answer

    def thresholds(self) -> object:
        """Those of a forest."""
        told = getattr(self.model, "thresholds", None)
        return told() if told is not None else {}


#: Of a model, rows, classes, threat: inputs that the attack proposes, `(n, D)`.
Contender = Callable[[nn.Module, Tensor, Tensor, TableThreat, int], Tensor]


def ours(spec: Callable[[int], object], model: nn.Module, x: Tensor, y: Tensor, threat: TableThreat, q: int) -> Tensor:
    """One of this library's attacks."""
    draws = torch.Generator().manual_seed(0)
    found: Tensor = spec(q)(model, x, y, threat=threat, epsilon=EPSILON, generator=draws).perturbed  # type: ignore[operator]
    return found


def of_toolbox(
    name: str, settings: Callable[[int], dict[str, object]], model: nn.Module, x: Tensor, y: Tensor,
    threat: TableThreat, queries: int,
) -> Tensor:  # fmt: skip
    """An attack of the Toolbox on the numbers alone, each within the whole radius; what it finds is repaired."""
    numbers = threat.numbers_only()
    around = LinfThreat(numbers.scale, numbers.box, numbers.mutable, numbers.integer)
    spec = External("art", name, settings=settings(queries))
    found = spec(model, x, y, threat=around, epsilon=EPSILON, generator=torch.Generator().manual_seed(0)).perturbed
    return threat.confine(x, found, EPSILON)


def one_by_one(
    attack: Callable[..., Tensor | None], model: nn.Module, x: Tensor, y: Tensor, threat: TableThreat, queries: int
) -> Tensor:
    """An attack of `_table_peers` on every row."""
    found = x.clone()
    for row in range(len(x)):
        case = Case(model, x[[row]], int(y[row]), threat, EPSILON, violation, fix)
        point = attack(case, queries=queries, seed=row)
        found[row] = x[row] if point is None else point[0]
    return found


def contenders(*, gradients: bool) -> dict[str, Contender]:
    """By their names; what follows gradients where there are some."""
    found: dict[str, Contender] = {"table search": partial(ours, lambda q: TableSearch(q))}
    if gradients:
        found["CAPGD, then the search"] = partial(ours, lambda q: CAPGD(30, 2, q - 61))
        found["CAPGD alone"] = partial(ours, lambda q: CAPGD(q // 10, 10, 0))
    if importlib.util.find_spec("pymoo"):
        found["MOEVA"] = partial(one_by_one, moeva)
    found["universal greedy"] = partial(one_by_one, universal_greedy)
    found["random, repaired"] = partial(ours, lambda q: RandomNoise(q))
    found["ART HopSkipJump"] = partial(
        of_toolbox,
        "HopSkipJump",
        lambda q: {"max_iter": max(1, q // 150), "max_eval": 100, "init_eval": 20, "init_size": 30},
    )
    found["ART ZOO"] = partial(
        of_toolbox, "ZooAttack", lambda q: {"max_iter": q // 8, "nb_parallel": 5, "use_resize": False,
                                            "use_importance": False, "binary_search_steps": 2},
    )  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--queries", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--models", nargs="+", default=["forest", "network"])
    parser.add_argument("--attacks", nargs="+", help="such as 'ART ZOO'; default: all of them")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    frame = credit(1000, 0)
    columns = [*NUMBERS, *CATEGORIES]
    train = load_frame(frame, label="credit", groups=["sex"], features=columns)
    test = load_frame(credit(400, 1), label="credit", groups=["sex"], like=train)
    price = {name: PRICE for name in MUTABLE if name in CATEGORIES}
    threat = table_threat(train, mutable=MUTABLE, relations=RELATIONS, costs=price, cost_norm="sum")
    assert isinstance(threat, TableThreat)
    x, y = torch.from_numpy(test.x), torch.from_numpy(test.y)
    columns_of = " | ".join(f"broken, {q} queries | asked a row | processor s" for q in options.queries)
    print(f"| model | attack | {columns_of} |")
    print("|---|---|" + "---:|---:|---:|" * len(options.queries))
    fitted = models(train, frame)
    for title, model in ((title, fitted[title]) for title in options.models):
        prepared = prepare(model, x, required=False)
        with torch.no_grad():
            right = (prepared(x).argmax(dim=1) == y).nonzero().flatten()[: options.rows]
        rows, labels = x[right], y[right]
        gradients = prepared.probed.gradients == "present"
        for name, attack in contenders(gradients=gradients).items():
            if options.attacks and name not in options.attacks:
                continue
            cells = []
            for queries in options.queries:
                counted = Counted(model)
                start = time.process_time()
                found = attack(counted, rows, labels, threat, queries)
                seconds = time.process_time() - start
                with torch.no_grad():
                    wrong = prepared(found).argmax(dim=1) != labels
                broken = (wrong & threat.admits(rows, found, EPSILON)).double().mean()
                cells.append(f"{100 * broken:.1f}% | {counted.rows / len(rows):.0f} | {seconds:.1f}")
            print(f"| {title} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
