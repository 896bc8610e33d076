"""The experiment with a table or images of one's own: its questions, what is measured, and it again from a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from fairtoll.attacks import PGD, Union
from fairtoll.errors import FairtollError
from fairtoll.evidence import Attacked, Checks, Clean, Transfer
from fairtoll.experiments.experiment import Experiment, Threats, compare
from fairtoll.experiments.own.rows import OwnRows
from fairtoll.experiments.own.threats import NUMBERS, PIXELS, NumbersMove, PixelsMove
from fairtoll.experiments.parts import OF_IMAGES, OF_TABLES, Collection, Costs, Data, Pictures
from fairtoll.findings import Attack, Question
from fairtoll.findings.plan import audit_questions
from fairtoll.training import RECIPES, FitSettings
from fairtoll.training.networks import ConvolutionalNetwork, DenseNetwork, NamedNetwork, Network, TableNetwork

#: What every partition is measured by, and what each attribute is within a true class: confidence, then errors.
OF_PARTITIONS, CONFIDENCE, RATE = ("cau", "cru_s"), "eou", "equalized_odds_rate"
#: Radii of the checks behind the alarms, in radii of training.
CHECKED = (0.25, 0.5, 1.0, 2.0, 4.0)
#: A radius, in radii of training, at which nothing of a number of a table remains.
FAR = 1000.0
#: What a configuration of such an experiment may describe, by name: nothing else is made from one.
MADE: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        OwnRows,
        NumbersMove,
        PixelsMove,
        TableNetwork,
        ConvolutionalNetwork,
        NamedNetwork,
        DenseNetwork,
        FitSettings,
        Pictures,
    )
}
CRAFT, CRAFT_ROWS = PGD(steps=20), 500
#: Black-box queries of an image, and restarts of the union: as many as an experiment in minutes allows.
QUERIES, RESTARTS = 100, 1
#: Of images, those that the checks behind the alarms are run on.
CHECKED_IMAGES = 50


def own_description(
    rows: OwnRows,
    *,
    epsilon: float,
    threats: Threats,
    network: Network = DenseNetwork(),
    settings: FitSettings = FitSettings(),
    runs: int = 5,
    attacked: int | None = None,
    costs: Costs,
    together: bool = True,
    pictures: Pictures | None = None,
) -> Experiment:
    """The experiment, from what was found in the rows and from what was chosen.

    Parameters
    ----------
    rows : OwnRows
        With their classes and partitions.
    epsilon : float
        Of the training adversary and of the attacks.
    threats, network, settings, runs, costs, together, pictures
        As of `Experiment`.
    attacked : int, optional
        How many test rows are attacked; None for all.

    Examples
    --------
    >>> from fairtoll.experiments.own.threats import NumbersMove
    >>> rows = OwnRows("people.csv", "9f86d081", "hired", ("sex",), ("no", "yes"), ("class", "sex"))
    >>> costs = Costs(train_rows=300, items=300, test_rows=100)
    >>> experiment = own_description(rows, epsilon=0.25, threats=NumbersMove(("age",)), costs=costs)
    >>> experiment.arms(), experiment.attributes
    (['standard', 'online', 'online-noise'], ('sex',))
    """
    threat = NUMBERS if rows.is_table else PIXELS
    union = Union() if rows.is_table else Union(restarts=RESTARTS, queries=QUERIES)
    plan = [
        (compare("sound", RECIPES["online"]), question)
        for question in own_questions(rows, Attack("white-box", union.name, epsilon, threat))
    ]
    return Experiment(
        name=rows.table,
        title=f"Who pays when a classifier of {rows.table} is hardened?",
        question=f"Does adversarial training make a classifier of {rows.table} less fair between its classes"
        f"{' and groups' if rows.groups else ''}, and is it more than chance?",
        data=Data(rows, attacked=attacked),
        threats=threats,
        threat=threat,
        recipes=tuple(RECIPES.values()),
        questions=tuple(plan),
        collections=_collections(union, epsilon, images=not rows.is_table),
        epsilon=epsilon,
        craft=CRAFT,
        craft_rows=4096 if rows.is_table else CRAFT_ROWS,
        network=network,
        settings=settings,
        runs=runs,
        together=together,
        row="row" if rows.is_table else "image",
        pictures=pictures,
        costs=costs,
        attributes=rows.groups,
        of_recipes=OF_TABLES if rows.is_table else OF_IMAGES,
    )


def own_questions(rows: OwnRows, attack: Attack) -> list[Question]:
    """Every gap: in accuracy and in attack success of each partition, in confidence and errors of each attribute.

    Examples
    --------
    >>> rows = OwnRows("people.csv", "9f86d081", "hired", ("sex",), ("no", "yes"), ("class", "sex"))
    >>> found = own_questions(rows, Attack("white-box", "union", 0.25))
    >>> [question.metric for question in found].count("eou"), len(found)
    (2, 9)
    """
    gaps = audit_questions(rows.partitions, class_names=rows.classes, attacks=[attack], metrics=OF_PARTITIONS)
    confidence = audit_questions(rows.groups, class_names=rows.classes, metrics=[CONFIDENCE])
    return [
        *gaps,
        Question("cru_s", "class", attack, denominator="correct"),
        *confidence,
        *(replace(question, metric=RATE) for question in confidence),
    ]


def read_description(configuration: Mapping[str, Any]) -> Experiment | None:
    """The experiment of a run's configuration, as far as results depend on it; None of another experiment.

    No file of the rows is read, and no network is made.

    Raises
    ------
    FairtollError
        If it names a network or a threat that no description of rows of one's own has.
    """
    if not is_own(configuration):
        return None
    data = configuration["data"]
    return own_description(
        _made(data["load"]),
        epsilon=float(configuration["epsilon"]),
        threats=_made(configuration["threats"]),
        network=_made(configuration["network"]),
        settings=_made(configuration["settings"]),
        runs=configuration["runs"],
        attacked=data["attacked"],
        costs=Costs(train_rows=1, items=1, test_rows=1),
        together=configuration["together"],
        pictures=None if configuration["pictures"] is None else _made(configuration["pictures"]),
    )


def is_own(configuration: Mapping[str, Any]) -> bool:
    """Whether a configuration is that of rows of one's own.

    Examples
    --------
    >>> is_own({"data": {"load": "fairtoll.data.adult.load_adult"}})
    False
    """
    data = configuration.get("data")
    load = data.get("load") if isinstance(data, Mapping) else None
    return isinstance(load, Mapping) and load.get("kind") == OwnRows.__name__


def _made(described: Mapping[str, Any]) -> Any:
    """The value that a configuration describes."""
    kind = MADE.get(str(described.get("kind")))
    if kind is None:
        raise FairtollError(
            f"the configuration holds a {described.get('kind')!r}; expected one of {', '.join(MADE)}; run it again in "
            "a new folder"
        )
    known = {one.name for one in fields(kind)}
    return kind(**{name: _plain(value) for name, value in described.items() if name in known})


def _plain(value: Any) -> Any:
    """A value of a configuration as the description had it: tuples, whose places JSON keeps as lists."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _collections(union: Union, epsilon: float, *, images: bool) -> tuple[Collection, ...]:
    """What is measured; the costs are those of the experiments of Adult and of CIFAR-10."""
    radii = tuple(share * epsilon for share in CHECKED)
    if images:
        checks = Checks(radii, large_epsilon=FAR, square_epsilon=epsilon, queries=QUERIES, rows=CHECKED_IMAGES)
        costs, hardened = (0.36, 1.0, 17.0, 80.0), 3.0
    else:
        checks = Checks(radii, large_epsilon=FAR * epsilon, square_epsilon=epsilon)
        costs, hardened = (0.002, 0.005, 0.04, 0.9), 2.5
    return (
        Collection("predict", (Clean(),), cost=costs[0]),
        Collection("transfer", (Transfer(CRAFT, (epsilon,)),), cost=costs[1]),
        Collection("union", (Attacked(union, (epsilon,)),), compared_in="sound", cost=costs[2], hardened=hardened),
        Collection("checks", (checks,), cost=costs[3]),
    )
