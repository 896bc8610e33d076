"""The local score of GREAT and GF-Score on two CNNs, held against the nearest misclassified image that attacks find.

    make bench BENCH=local_score ARGS="--data-dir DIR"

or, in the environment that this creates (or any with the extra `attacks`),

    .venv/bin/python benchmarks/local_score.py --data-dir DIR --rows 1000 --docs docs/certificates.md

The score is claimed as an L2 radius within which the prediction does not change. Two searches of foolbox (DeepFool and
DDN) look for a nearer image of another class; what they return is checked here: inside [0, 1], misclassified, its
distance in double precision. Claims and distances go through the same evidence, alarm and measures as those of a user.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from _images import MODELS, Images, load_images, load_model, weights_of
from _tables import replace_between, table_of
from fairtoll import Evidence, FairtollError
from fairtoll.evidence import describe_certificate
from fairtoll.evidence.store import describe_least_epsilon, describe_predictions
from fairtoll.findings.alarms import raise_alarms
from fairtoll.findings.certificates import Tried, against, certified
from fairtoll.findings.results import Certified
from fairtoll.metrics import local_score
from fairtoll.models.predict import predict_logits

CACHE = Path("runs/benchmarks")
THREAT = "images"
#: Further away than any attack looks: a row that none breaks counts with it.
FAR = 10.0
#: What the papers put the logits through: a sigmoid on CIFAR-10, also at the temperature of GF-Score, or a softmax.
OUTPUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid, T = 1": torch.sigmoid,
    "sigmoid, T = 2.70": lambda logits: torch.sigmoid(logits / 2.70),
    "softmax, T = 1": lambda logits: torch.softmax(logits, dim=1),
}
#: The output whose classes are listed.
PUBLISHED = "sigmoid, T = 1"


@dataclass(frozen=True)
class Held:
    """One model's claims by output, and how they fared."""

    arm: str
    summaries: dict[str, Certified]
    tried: dict[str, Tried]
    evidence: Evidence


def main() -> None:
    options = parse()
    if not find_spec("foolbox"):
        raise SystemExit(f"{Path(__file__).name}: foolbox is not installed; expected pip install '.[attacks]'")
    torch.set_num_threads(options.threads)
    try:
        images = load_images(options.data_dir)
        given = {name: Path(path) for name, _, path in (one.partition("=") for one in options.weights)}
        x, y = images.test_rows(options.rows)
        evidence = collect(images, x, y, given, options)
    except FairtollError as error:
        raise SystemExit(f"{Path(__file__).name}: {error}") from error
    text = describe(evidence, images.title)
    print(text)
    if options.docs is not None:
        replace_between(options.docs, "local score", text)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=200, help="of DDN; DeepFool takes at most 50")
    parser.add_argument("--batch-size", type=int, default=250)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data-dir", help="CIFAR-10; default: the folder that FAIRTOLL_CIFAR10_DIR names")
    parser.add_argument("--weights", action="append", default=[], metavar="MODEL=FILE", help="instead of training one")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the tables into FILE")
    return parser.parse_args()


def collect(images: Images, x: Tensor, y: Tensor, given: dict[str, Path], options: argparse.Namespace) -> Evidence:
    """Every model's predictions, the score of every output as a claim, and what each search found."""
    predictions, attacks, claims = [], [], []
    for arm in MODELS:
        model = load_model(weights_of(arm, given, images, CACHE))
        logits = predict_logits(model, x)
        of_model = {"arm": arm, "seed": 0}
        predictions.append(describe_predictions(torch.softmax(logits.double(), dim=1), **of_model))
        for output, squash in OUTPUTS.items():
            score = local_score(y, squash(logits.double()))
            # As published, what is misclassified has none: a sigmoid may tie where the logits do not.
            score = np.where((logits.argmax(dim=1) == y).numpy(), score, 0.0)
            claims.append(describe_certificate(score, norm="l2", method=output, threat=THREAT, **of_model))
        for name, found in searches(model, x, y, steps=options.steps, batch_size=options.batch_size).items():
            attacks.append(
                describe_least_epsilon(
                    np.minimum(found, FAR), ~(found < FAR), threat=THREAT, epsilon=FAR, attack=name, **of_model
                )
            )  # fmt: skip
            print(f"{MODELS[arm]}, {name}: median distance {np.median(found):.4f}", flush=True)
    return Evidence(
        pd.DataFrame({"row": np.arange(len(y)), "label": y.numpy()}),
        pd.concat(predictions),
        pd.concat(attacks),
        images.test.class_names,
        {"norms": {THREAT: "l2"}},
        certificates=pd.concat(claims),
    )


def searches(model: nn.Module, x: Tensor, y: Tensor, *, steps: int, batch_size: int) -> dict[str, NDArray[np.float64]]:
    """The distance at which each search finds a misclassified image, (N,); infinite where it finds none."""
    import foolbox

    attacks = {
        "DeepFool": foolbox.attacks.L2DeepFoolAttack(steps=50),
        "DDN": foolbox.attacks.DDNAttack(steps=steps),
    }
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    found = {}
    for name, attack in attacks.items():
        parts = []
        for rows, labels in zip(x.split(batch_size), y.split(batch_size), strict=True):
            parts.append(distance(model, rows, labels, attack(wrapped, rows, labels, epsilons=None)[0]))
        found[name] = np.concatenate(parts)
    return found


def distance(model: nn.Module, x: Tensor, y: Tensor, tried: Tensor) -> NDArray[np.float64]:
    """How far `tried` is in L2 where it is an image that the model misclassifies, else infinite; 0 for a wrong row."""
    with torch.no_grad():
        broken = (model(tried).argmax(dim=1) != y) & ((tried >= 0) & (tried <= 1)).flatten(1).all(dim=1)
        wrong = model(x).argmax(dim=1) != y
    away = (tried.double() - x.double()).flatten(1).norm(dim=1)
    return np.where(wrong.numpy(), 0.0, np.where(broken.numpy(), away.numpy(), np.inf))


def describe(evidence: Evidence, title: str) -> str:
    """The tables of every model, with the alarm that they set off."""
    found = certified(evidence, minimum_rows=10)
    parts = [f"{title}, {len(evidence.rows):,} test rows."]
    for arm, name in MODELS.items():
        tried = {output: against(evidence, arm, THREAT, "l2", output) for output in OUTPUTS}
        held = Held(arm, {one.method: one for one in found if one.arm == arm}, tried, evidence)
        (alarm,) = (one for one in raise_alarms(evidence, arm, threat=THREAT) if one.id == "certificate-broken")
        parts += [
            f"**{name}**",
            table_of(*outputs_table(held)),
            f"By class, {PUBLISHED}:",
            table_of(*class_table(held)),
            f"The alarm: {'fired' if alarm.fired else 'silent'}. {alarm.message}",
        ]
    return "\n\n".join(parts) + "\n"


def outputs_table(held: Held) -> tuple[list[str], list[list[str]]]:
    """How many claims of each output are refuted, and by how much."""
    head = ["output", "claims", "refuted", "mean score", "mean distance found", "largest excess", "largest ratio"]
    head += ["RDI", "NRGC", "WCR"]
    rows = []
    for output, tried in held.tried.items():
        one, broken = held.summaries[output], tried.broken
        excess = np.where(broken, tried.radius - tried.witness, 0.0)
        ratio = np.where(broken, tried.radius / np.maximum(tried.witness, 1e-12), 0.0)
        rows.append(
            [
                output,
                f"{one.claims:,}",
                f"{one.broken:,} ({one.broken / max(one.claims, 1):.1%})",
                f"{one.mean:.3f}",
                f"{tried.witness.mean():.3f}",
                f"{excess.max():.3f}",
                f"{ratio.max():.1f}",
                number(one.classes.plain),
                number(one.nrgc),
                f"{number(one.classes.worst_value)} ({one.classes.worst_group})",
            ]
        )
    return head, rows


def number(value: float | None) -> str:
    """A dash where the classes have too few rows."""
    return "–" if value is None else f"{value:.3f}"


def class_table(held: Held) -> tuple[list[str], list[list[str]]]:
    """Each class's mean score beside the mean distance at which its rows are misclassified."""
    tried, labels = held.tried[PUBLISHED], held.evidence.labels
    head = ["class", "claims", "refuted", "mean score", "mean distance found", "largest excess"]
    rows = []
    for label, name in enumerate(held.evidence.class_names):
        of_class = labels[tried.rows] == label
        radius, witness, broken = (part[0, of_class] for part in (tried.radius, tried.witness, tried.broken))
        claims = int((radius > 0).sum())
        rows.append(
            [
                name,
                f"{claims}",
                f"{int(broken.sum())} ({broken.sum() / max(claims, 1):.1%})",
                f"{radius.mean():.3f}",
                f"{witness.mean():.3f}",
                f"{np.where(broken, radius - witness, 0.0).max():.3f}",
            ]
        )
    return head, rows


if __name__ == "__main__":
    main()
