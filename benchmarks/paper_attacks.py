"""Every attack that the paper cites, on models trained with and without adversarial examples: who breaks, how far off.

    make bench BENCH=paper_attacks ARGS="--data-dir DIR"

One training run of each arm: on Adult (600 test rows, as many of each class) standard, static and on-line, under the
paper's threat in each attack's own norm; on CIFAR-10 (150 images) the standard and the on-line CNN. Every measurement
is written at once: an interrupted run resumes where it stopped, `--table` prints what was measured so far, and
`--docs FILE` writes the tables between the marks of that file.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from _images import digest, load_images, load_model, weights_of
from _paper_tables import markdown
from _records import Records
from _tables import replace_between
from fairtoll.attacks import LBFGS, ZOO, AttackSpec, External, paper_attacks
from fairtoll.data import Dataset
from fairtoll.errors import FairtollError
from fairtoll.experiments.registry import find_experiment
from fairtoll.experiments.workspace import Workspace, stratified
from fairtoll.models import ModelStack
from fairtoll.threats import L0Threat, L2Threat, LinfThreat
from fairtoll.threats.any import Threat
from fairtoll.training import RECIPES, craft_adversarial_examples

CACHE = Path("runs/benchmarks")
ADULT_ARMS, IMAGE_ARMS = ("standard", "static", "online"), ("standard", "online")
#: By norm: the radius at which success is counted, and how far an attack for the smallest distance may look.
ADULT_RADII = {"linf": (10.0, 10.0), "l2": (10.0, 100.0), "l0": (2.0, 6.0)}
IMAGE_RADII = {"linf": (0.01, 0.01), "l2": (0.25, 3.0), "l0": (50.0, 300.0)}
#: What takes minutes a row on images with its usual settings.
FEWER = {
    "L-BFGS": LBFGS(searches=8, steps=30),
    "C&W": External("foolbox", "L2CarliniWagnerAttack", {"steps": 100, "binary_search_steps": 5, "initial_const": 1.0}),
    "ZOO": ZOO(steps=20, searches=2, coordinates=32),
}
#: And so many images for those that stay slow.
FEWER_IMAGES = {"L-BFGS": 50, "JSMA, lowering": 50, "C&W": 50, "ZOO": 50}


@dataclass(frozen=True)
class Problem:
    """Rows (fewer for some attacks), the threat of each norm, and the models of each arm."""

    rows: Dataset
    fewer: dict[str, Dataset]
    threats: dict[str, Threat]
    radii: dict[str, tuple[float, float]]
    models: dict[str, Callable[[], nn.Module]]
    attacks: dict[str, AttackSpec]


def main() -> None:
    options = parse()
    records = Records(options.out)
    if not options.table:
        measure_all(options, records)
    if not records.measured:
        raise SystemExit(f"{options.out} holds no measurement; run this without --table first")
    text = markdown(records)
    print(text)
    if options.docs is not None:
        replace_between(options.docs, "paper attacks", text)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", nargs="+", choices=("adult", "images"), default=["adult", "images"])
    parser.add_argument("--adult-rows", type=int, default=600)
    parser.add_argument("--image-rows", type=int, default=150)
    parser.add_argument("--attacks", nargs="+", default=list(paper_attacks()), metavar="NAME")
    parser.add_argument("--data-dir", help="CIFAR-10; default: the folder that FAIRTOLL_CIFAR10_DIR names")
    parser.add_argument("--weights", action="append", default=[], metavar="MODEL=FILE", help="of a CNN, else trained")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=CACHE / "paper_attacks.json")
    parser.add_argument("--fresh", action="store_true", help="discard what the output file holds")
    parser.add_argument("--table", action="store_true", help="only print what the output file holds")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the tables into FILE")
    return parser.parse_args()


def measure_all(options: argparse.Namespace, records: Records) -> None:
    torch.set_num_threads(options.threads)
    settings = {name: getattr(options, name) for name in ("adult_rows", "image_rows", "threads")}
    records.start(settings, weights={}, versions={"torch": torch.__version__}, fresh=options.fresh)
    makers = {"adult": adult_problem, "images": image_problem}
    cited = paper_attacks()
    if unknown := [name for name in options.attacks if name not in cited]:
        raise SystemExit(f"unknown attack {', '.join(unknown)}; expected some of {', '.join(cited)}")
    for title in options.problems:
        problem = makers[title](options)
        for arm, load in problem.models.items():
            model = load()
            for name in options.attacks:
                attack = problem.attacks.get(name, cited[name].attack)
                contender = f"{title}: {name}"
                if not records.holds(f"{title}: {arm}", contender, 0, attack.name):
                    rows = problem.fewer.get(name, problem.rows)
                    found = measure(problem, rows, model, attack, cited[name].norm)
                    place = {"model": f"{title}: {arm}", "contender": contender, "repeat": 0, "engine": attack.name}
                    records.add(place | {"question": title, "norm": cited[name].norm} | found)
                    print(f"{title}, {arm}: {name} {found['seconds']:.1f} s", flush=True)


def measure(problem: Problem, rows: Dataset, model: nn.Module, attack: AttackSpec, norm: str) -> dict[str, Any]:
    """One attack on one model: for each row whether it was broken within the radius, and how far away."""
    x, y = torch.from_numpy(rows.x), torch.from_numpy(rows.y)
    threat, (radius, reach) = problem.threats[norm], problem.radii[norm]
    begin = time.perf_counter()
    options: dict[str, Any] = {"threat": threat, "generator": torch.Generator().manual_seed(0)}
    found = attack(model, x, y, epsilon=reach, **options)
    seconds = time.perf_counter() - begin
    if not threat.admits(x, found.perturbed, reach).all():
        raise FairtollError(f"{attack.name} left its threat; this is a bug of fairtoll")
    distance = torch.where(found.success, threat.distance(x, found.perturbed), torch.inf)
    with torch.no_grad():
        clean_errors = model(x).argmax(dim=1) != y
    groups = {"class": np.array(rows.class_names)[rows.y], **rows.groups}
    return {
        "seconds": seconds,
        "radius": radius,
        "reach": reach,
        "wrong": clean_errors.tolist(),
        "distance": [None if one == float("inf") else one for one in distance.tolist()],
        "groups": {name: [str(one) for one in values] for name, values in groups.items()},
    }


def adult_problem(options: argparse.Namespace) -> Problem:
    """The paper's threat on the six continuous attributes; for counts of features, anything in the training range."""
    space = Workspace(find_experiment("adult"), CACHE)
    train, test = space.data.train, space.data.test
    box = ([one.low for one in train.features], [one.high for one in train.features])
    scale = space.threats["paper"].scale
    threats: dict[str, Threat] = {
        "linf": LinfThreat(scale=scale),
        "l2": L2Threat(scale=scale),
        "l0": L0Threat(scale=train.x.std(axis=0, dtype=np.float64), mutable=scale > 0, box=box),
    }
    rows = test.take(stratified(test, options.adult_rows))
    return Problem(rows, {}, threats, ADULT_RADII, {arm: partial(adult_model, space, arm) for arm in ADULT_ARMS}, {})


def adult_model(space: Workspace, arm: str) -> nn.Module:
    """One training run of an arm, kept for later runs of this benchmark."""
    path = CACHE / f"adult-{arm}.safetensors"
    network = space.experiment.network(space.data.train)()
    if not path.exists():
        print(f"Training one run of the arm '{arm}' on Adult, kept as {path}", flush=True)
        setup, adversary = space.setup([0]), space.adversary
        if RECIPES[arm].needs_crafted:
            standard = ModelStack([adult_model(space, "standard")])
            crafted = craft_adversarial_examples(
                standard, setup.x, setup.y, threat=adversary.threat, epsilon=adversary.epsilon
            )
            adversary = replace(adversary, crafted=lambda: crafted)
        CACHE.mkdir(parents=True, exist_ok=True)
        RECIPES[arm](setup, adversary).save(path)
    return ModelStack.load(path, network).member(0).eval()


def image_problem(options: argparse.Namespace) -> Problem:
    images = load_images(options.data_dir)
    given = {name: Path(path) for name, _, path in (one.partition("=") for one in options.weights)}
    kinds: dict[str, type[Threat]] = {"linf": LinfThreat, "l2": L2Threat, "l0": L0Threat}
    threats: dict[str, Threat] = {norm: kind(box=(0.0, 1.0)) for norm, kind in kinds.items()}
    rows, *few = (
        images.test.take(stratified(images.test, min(count, options.image_rows)))
        for count in (options.image_rows, *FEWER_IMAGES.values())
    )
    fewer = dict(zip(FEWER_IMAGES, few, strict=True))
    models = {arm: partial(image_model, arm, given, images) for arm in IMAGE_ARMS}
    return Problem(rows, fewer, threats, IMAGE_RADII, models, FEWER)


def image_model(arm: str, given: dict[str, Path], images: Any) -> nn.Module:
    path = weights_of(arm, given, images, CACHE)
    print(f"images, {arm}: weights {digest(path.read_bytes())}", flush=True)
    return load_model(path)


if __name__ == "__main__":
    main()
