"""Settings that the paper leaves open about its CIFAR-10 classifier, tried one after another: a Markdown table.

Each setting trains a standard and a static model and measures clean, white-box and static-transfer accuracy. Settings
that are in the output file already are not run again. Example:

    python benchmarks/calibrate_cifar10.py --data-dir DIR --out docs/calibration.json
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from fairtoll import LinfThreat
from fairtoll.attacks import pgd
from fairtoll.data import load_cifar10
from fairtoll.models.predict import predict_logits
from fairtoll.randomness import torch_generator
from fairtoll.storage.files import write_text
from fairtoll.training import FitSettings, TrainingSetup, craft_adversarial_examples, train_on_pairs, train_standard
from fairtoll.training.networks import ConvolutionalNetwork

EPSILON, SEED, ATTACKED = 0.01, 0, 1000
PAPER = {"clean": 0.7196, "white-box": 0.0424, "static clean": 0.7243, "static transfer": 0.8312}


@dataclass(frozen=True)
class Setting:
    """One choice of what the paper leaves open."""

    name: str
    rows: int = 10_000
    epochs: int = 20
    widths: tuple[int, int, int, int] = (32, 64, 256, 128)
    #: Pixels run from 0 to this; epsilon stays 0.01.
    pixels: float = 1.0
    steps: int = 20
    relative_step: float = 2.5
    random_start: bool = False
    #: Whether train and test examples are crafted with the same random numbers.
    shared_start: bool = False
    #: Whether the static model continues from the standard one, and for how many epochs.
    warm: bool = False
    static_epochs: int = 20


SETTINGS = (
    Setting("as run, a fifth of the images"),
    Setting("pixels from 0 to 0.25, so that 0.01 is four times as far", pixels=0.25),
    Setting("pixels from 0 to 0.5, so that 0.01 is twice as far", pixels=0.5),
    Setting("pixels from 0 to 0.5, all images", rows=50_000, pixels=0.5),
    Setting("pixels from 0 to 0.5, goes on from the standard model", pixels=0.5, warm=True),
    Setting("goes on from the standard model", warm=True),
    Setting("twice the widths", widths=(64, 128, 512, 256)),
    Setting("one step of the full radius", steps=1, relative_step=1.0),
    Setting("random start shared by train and test", random_start=True, shared_start=True),
    Setting("40 epochs", epochs=40, static_epochs=40),
)


def measure(setting: Setting, folder: str | None) -> dict[str, float]:
    data = load_cifar10(folder)
    train, test = data.train.take(np.arange(setting.rows)), data.test
    for split in (train, test):
        object.__setattr__(split, "x", split.x * np.float32(setting.pixels))
    threat = LinfThreat(box=(0.0, setting.pixels))
    settings = FitSettings(epochs=setting.epochs, precision="bfloat16")
    setup = TrainingSetup.for_rows(train, seeds=[SEED], network=ConvolutionalNetwork(setting.widths), settings=settings)
    standard = train_standard(setup)

    def craft(x: torch.Tensor, y: torch.Tensor, what: str) -> torch.Tensor:
        key = "shared" if setting.shared_start else what
        return craft_adversarial_examples(
            standard,
            x,
            y,
            threat=threat,
            epsilon=EPSILON,
            steps=setting.steps,
            relative_step=setting.relative_step,
            random_start=[torch_generator(SEED, key)] if setting.random_start else None,
            precision="bfloat16",
            batch_size=500,
        )

    static_setup = TrainingSetup.for_rows(
        train,
        seeds=[SEED],
        network=ConvolutionalNetwork(setting.widths),
        settings=FitSettings(epochs=setting.static_epochs, precision="bfloat16"),
    )
    static = train_on_pairs(
        replace(static_setup, start=standard if setting.warm else None), craft(setup.x, setup.y, "train")
    )
    x, y = torch.from_numpy(test.x), torch.from_numpy(test.y)
    few_x, few_y = x[:ATTACKED], y[:ATTACKED]
    found = {
        "static transfer": accuracy(static.member(0), craft(few_x, few_y, "test")[0], few_y),
        "clean": accuracy(standard.member(0), x, y),
        "static clean": accuracy(static.member(0), x, y),
    }
    for name, stack in (("white-box", standard), ("static white-box", static)):
        attack = pgd(stack.member(0), few_x, few_y, threat=threat, epsilon=EPSILON, steps=20, batch_size=500)
        found[name] = 1.0 - float(attack.success.float().mean())
    return found


def accuracy(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    return float((predict_logits(model, x, batch_size=500).argmax(dim=1) == y).float().mean())


def table(found: list[dict[str, object]]) -> str:
    columns = ["clean", "white-box", "static clean", "static transfer", "static white-box"]
    lines = [
        "| setting | training rows | " + " | ".join(columns) + " |",
        "|---|---:|" + "---:|" * len(columns),
        "| the paper | 50,000 | " + " | ".join(percent(PAPER.get(column)) for column in columns) + " |",
    ]
    for one in found:
        values, setting = one["found"], one["setting"]
        assert isinstance(values, dict)
        assert isinstance(setting, dict)
        shown = " | ".join(percent(values[column]) for column in columns)
        lines.append(f"| {setting['name']} | {setting['rows']:,} | {shown} |")
    return "\n".join(lines)


def percent(value: float | None) -> str:
    return "not reported" if value is None else f"{100 * value:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--out", type=Path, default=Path("runs/calibration.json"))
    parser.add_argument("--table", action="store_true", help="only print what the output file holds")
    arguments = parser.parse_args()
    found = json.loads(arguments.out.read_text()) if arguments.out.exists() else []
    if not arguments.table:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        for setting in SETTINGS:
            described = json.loads(json.dumps(asdict(setting)))
            if any(one["setting"] == described for one in found):
                continue
            started = time.monotonic()
            values = measure(setting, arguments.data_dir)
            found.append({"setting": described, "found": values, "seconds": round(time.monotonic() - started)})
            write_text(json.dumps(found, indent=1) + "\n", arguments.out)
            print(setting.name, {key: round(value, 4) for key, value in values.items()}, flush=True)
    print(table(found))


if __name__ == "__main__":
    main()
