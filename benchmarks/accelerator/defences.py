"""Defences and repairs at 8/255 on a ResNet-18 of CIFAR-10, one recipe a call; a stopped run resumes.

    python benchmarks/accelerator/pack.py --data-dir DIR --out build/accelerator       # where pyarrow is
    python benchmarks/accelerator/defences.py --recipe trades --data build/accelerator --out $OUT/trades --seconds 500

Trains until all epochs are done or the time is over, and writes its state after every epoch. Once all are done it
attacks the test images with weights that validation images chose, and writes `trades.json` and the row for
docs/benchmarks.md. On a CPU: `--device cpu --width 4 --rows 600 --epochs 2 --test-rows 100`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from _policies import RECIPES
from _train import CLASSES, EPSILON, VALIDATION, Plan, Run, Split, attack_classes

from _images import read_split
from fairtoll import LinfThreat
from fairtoll.attacks import union

#: Average and worst class, clean then robust (AutoAttack), in the figure of Lee et al. 2024; 110 epochs.
PUBLISHED = {
    "trades": (82.04, 65.70, 49.80, 21.31),
    "frl": (82.97, 71.94, 44.68, 25.84),
    "cfa": (79.81, 65.18, 50.78, 27.62),
    "dafa": (81.63, 67.90, 49.05, 30.53),
}
#: Room that is left for attacking the test images, of the time that is given.
ATTACK_SHARE = 0.3


def main() -> None:
    """Train, and attack once trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=[*RECIPES], required=True)
    parser.add_argument("--data", type=Path, default=Path("build/accelerator"))
    parser.add_argument("--out", type=Path, required=True, help="the state of this recipe's run")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=500.0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rows", type=int, help="only so many training images")
    parser.add_argument("--test-rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    begun = time.monotonic()
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    images = read_split(given.data / "train.npz", device=given.device, rows=given.rows)
    held_out = min(VALIDATION, len(images) // 5)
    train = Split(images.images[held_out:], images.labels[held_out:])
    validation = Split(images.images[:held_out], images.labels[:held_out])
    policy, average = RECIPES[given.recipe]
    precision = "bfloat16" if given.device == "cuda" else "float32"
    plan = Plan(given.recipe, given.epochs, given.seed, given.width, average=average, precision=precision)
    run = Run(plan, policy, given.out, device=given.device)
    if not run.train(train, validation, until=begun + (1 - ATTACK_SHARE) * given.seconds):
        print(f"{run.epoch} of {plan.epochs} epochs; the same command with the files of {given.out} goes on")
        return
    found = attack_test(run, read_split(given.data / "test.npz", device=given.device, rows=given.test_rows))
    about = {
        "plan": vars(plan),
        "images": {"train": len(train), "validation": len(validation), "test": given.test_rows},
        "pixels": "JPEG copy, not the official pixels",
        "device": torch.cuda.get_device_name() if given.device == "cuda" else "CPU",
        "torch": torch.__version__,
        "commit": _commit(),
        "seconds per epoch": float(np.median([one["seconds"] for one in run.history])),
        "accuracy": found,
        "published": PUBLISHED.get(given.recipe),
    }
    (given.out / f"{given.recipe}.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    clean, robust = found["clean"], found["union, white-box"]
    shares = [f"{one['mean']:.1%} / {one['worst']:.1%}" for one in (clean, robust)]
    print(f"| {given.recipe} | {plan.epochs} | {' | '.join(shares)} | {about['seconds per epoch']:.1f} s |")


def attack_test(run: Run, test: Split) -> dict[str, dict[str, float]]:
    """Clean and robust accuracy of the chosen weights, average and worst class."""
    network = run.deployed()
    network.load_state_dict(
        {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in run.best.items()}
    )
    network.eval()
    kept: dict[str, list[torch.Tensor]] = {"clean": [], "PGD-20, white-box": [], "union, white-box": []}
    threat = LinfThreat(box=(0.0, 1.0))
    for number, batch in enumerate(torch.arange(len(test)).split(500)):
        pixels, labels = test.rows(batch)
        with torch.no_grad():
            kept["clean"].append(network(pixels).argmax(1) == labels)
        moved = attack_classes(network, pixels, labels, steps=20)
        with torch.no_grad():
            kept["PGD-20, white-box"].append(network(moved).argmax(1) == labels)
        generator = torch.Generator().manual_seed(number)
        attack = union(network, pixels, labels, threat=threat, epsilon=EPSILON, generator=generator)
        kept["union, white-box"].append(~attack.success.to(labels.device))
    of = torch.nn.functional.one_hot(test.labels, CLASSES).double()
    found = {}
    for name, parts in kept.items():
        by_class = torch.cat(parts).double() @ of / of.sum(0)
        found[name] = {"mean": float(torch.cat(parts).double().mean()), "worst": float(by_class.min()),
                       "by class": by_class.tolist()}  # fmt: skip
    return found


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
