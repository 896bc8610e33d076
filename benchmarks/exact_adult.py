"""Every row of Adult proved or broken: by class, sex and race, how narrow least epsilon is, and how long it takes.

    python benchmarks/exact_adult.py --run DIR [--docs docs/proofs.md]

DIR is the folder of a finished `fairtoll reproduce adult`: its models are read. Each arm is measured on one thread, its
first training run alone. Every measurement is written at once to OUT: an interrupted run continues.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fairtoll.attacks import LeastEpsilon, Union
from fairtoll.bounds import prove
from fairtoll.experiments.registry import find_experiment
from fairtoll.experiments.workspace import BLOCK, Workspace

ARMS = ("standard", "static", "online")
#: Threat, radius.
DECIDED = (("paper", 10.0), ("paper", 15.0), ("paper", 20.0), ("realistic", 1.0))
#: Threat, largest radius, tolerance, so many of the first rows.
BRACKETED = (("paper", 20.0, 0.1, None), ("realistic", 1.0, 0.01, 3000))
OUTCOMES = ("broken", "proved", "within rounding", "unknown")
BEGIN, END = "<!-- exact_adult: begin -->", "<!-- exact_adult: end -->"


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    measured: dict[str, Any] = json.loads(options.out.read_text()) if options.out.is_file() else {}
    workspace = Workspace(find_experiment("adult"), options.run)
    for arm in ARMS:
        model = workspace.arm(arm, list(range(options.runs))).models[0]
        for threat, epsilon in DECIDED:
            keep(options, measured, f"{arm}|{threat}|{epsilon:g}", partial(decide, workspace, model, threat, epsilon))
        for threat, epsilon, tolerance, rows in BRACKETED:
            name = f"{arm}|{threat}|{epsilon:g}|bracket"
            keep(options, measured, name, partial(bracket, workspace, model, threat, epsilon, tolerance, rows))
    text = "\n\n".join([decided_table(measured), group_table(measured), bracket_table(measured)])
    print(text)
    if options.docs is not None:
        page = options.docs.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        options.docs.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a finished run of adult")
    parser.add_argument("--runs", type=int, default=BLOCK, help="training runs in its first file of models")
    parser.add_argument("--rows", type=int, default=None, help="so many of the first test rows; all by default")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks/exact_adult.json"))
    parser.add_argument("--docs", type=Path, default=None, help="page to write the tables into")
    return parser.parse_args()


def keep(options: argparse.Namespace, measured: dict[str, Any], name: str, make: Any) -> None:
    if name in measured:
        return
    measured[name] = make()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(measured, indent=1))
    print(name, {key: value for key, value in measured[name].items() if key != "groups"}, flush=True)


def rows_of(workspace: Workspace, threat: str) -> tuple[Any, torch.Tensor, torch.Tensor]:
    target = workspace.target(threat)
    return target.threat, target.x, target.y


def groups_of(workspace: Workspace) -> dict[str, np.ndarray]:
    data = workspace.data.test
    found = {}
    for name in ("class", "sex", "race"):
        names, codes = data.partition(name)
        found[name] = np.array(names)[codes]
    return found


def decide(workspace: Workspace, model: torch.nn.Module, threat_name: str, epsilon: float) -> dict[str, Any]:
    threat, x, y = rows_of(workspace, threat_name)
    begun = time.perf_counter()
    attacked = Union()(model, x, y, threat=threat, epsilon=epsilon, generator=torch.Generator().manual_seed(0))
    attacking = time.perf_counter() - begun
    proof = prove(model, x, y, threat=threat, epsilon=epsilon, known=attacked.perturbed)
    outcome = np.array(proof.outcome(epsilon))
    shares = {"all": {"all": share(outcome)}}
    for partition, names in groups_of(workspace).items():
        shares[partition] = {str(name): share(outcome[names == name]) for name in np.unique(names)}
    return {
        "rows": len(x),
        "union": float(attacked.success.float().mean()),
        "seconds attack": attacking,
        "seconds proof": time.perf_counter() - begun - attacking,
        "boxes": int(proof.boxes.sum()),
        "most boxes": int(proof.boxes.max()),
        "groups": shares,
        **share(outcome),
    }


def share(outcome: np.ndarray) -> dict[str, float]:
    return {name: float((outcome == name).mean()) for name in OUTCOMES}


def bracket(
    workspace: Workspace, model: torch.nn.Module, threat_name: str, epsilon: float, tolerance: float, rows: int | None
) -> dict[str, Any]:
    threat, x, y = rows_of(workspace, threat_name)
    x, y = x[:rows], y[:rows]
    measured: dict[str, Any] = {"rows": len(x), "tolerance": tolerance}
    search = None
    if threat.integer is None:
        begun = time.perf_counter()
        search = LeastEpsilon(tolerance)(model, x, y, threat=threat, epsilon=epsilon)
        measured["seconds search"] = time.perf_counter() - begun
    begun = time.perf_counter()
    found = LeastEpsilon(tolerance, proof=True)(model, x, y, threat=threat, epsilon=epsilon)
    measured["seconds"] = time.perf_counter() - begun
    high, low = found.least_epsilon.numpy(), found.low.numpy()
    width = high - low
    means: dict[str, Any] = {}
    for partition, names in groups_of(workspace).items():
        of_rows = names[: len(x)]
        means[partition] = {
            str(name): [
                float(low[of_rows == name].mean()),
                float(high[of_rows == name].mean()),
                None if search is None else float(search.least_epsilon.numpy()[of_rows == name].mean()),
                float((width[of_rows == name] <= tolerance * 1.001).mean()),
            ]
            for name in np.unique(of_rows)
        }
    if search is not None:
        measured["search above"] = float((search.least_epsilon.numpy() > high + tolerance).mean())
        measured["search wrongly censored"] = float((search.censored & ~found.censored).float().mean())
    return measured | {
        "exact": float((width <= tolerance * 1.001).mean()),
        "within rounding": float(found.within_rounding.float().mean()),
        "censored": float(found.censored.float().mean()),
        "mean width": float(width.mean()),
        "groups": means,
    }


def percent(value: float) -> str:
    return f"{100 * value:.2f}"


def decided_table(measured: dict[str, Any]) -> str:
    lines = [
        "| arm | threat | radius | union breaks, % | broken, % | proved, % | within rounding, % | unknown, % | boxes | "
        "attack, s | proof, s |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for arm in ARMS:
        for threat, epsilon in DECIDED:
            one = measured[f"{arm}|{threat}|{epsilon:g}"]
            lines.append(
                f"| {arm} | {threat} | {epsilon:g} | {percent(one['union'])} | "
                f"{' | '.join(percent(one[name]) for name in OUTCOMES)} | {one['boxes']:,} | "
                f"{one['seconds attack']:.1f} | {one['seconds proof']:.1f} |"
            )
    return "\n".join(lines)


def group_table(measured: dict[str, Any]) -> str:
    lines = [
        "| arm | threat | radius | by | group | broken, % | proved, % | neither, % |",
        "|---|---|---:|---|---|---:|---:|---:|",
    ]
    for arm in ARMS:
        for threat, epsilon in DECIDED:
            for partition, groups in measured[f"{arm}|{threat}|{epsilon:g}"]["groups"].items():
                if partition == "all":
                    continue
                for name, one in groups.items():
                    neither = one["within rounding"] + one["unknown"]
                    lines.append(
                        f"| {arm} | {threat} | {epsilon:g} | {partition} | {name} | {percent(one['broken'])} | "
                        f"{percent(one['proved'])} | {percent(neither)} |"
                    )
    return "\n".join(lines)


def bracket_table(measured: dict[str, Any]) -> str:
    lines = [
        "| arm | threat | up to | by | group | proved mean | mean | search alone | bracket within the tolerance, % |",
        "|---|---|---:|---|---|---:|---:|---:|---:|",
    ]
    notes = []
    for arm in ARMS:
        for threat, epsilon, *_ in BRACKETED:
            one = measured[f"{arm}|{threat}|{epsilon:g}|bracket"]
            against = ""
            if "search above" in one:
                against = (
                    f"; the search alone is more than the tolerance above on {percent(one['search above'])}% and "
                    f"censors {percent(one['search wrongly censored'])}% wrongly, in {one['seconds search']:.0f} s"
                )
            notes.append(
                f"{arm}, {threat} up to {epsilon:g}, {one['rows']:,} rows: {percent(one['exact'])}% have a bracket "
                f"within the tolerance of {one['tolerance']:g}, mean width {one['mean width']:.4f}, "
                f"{percent(one['censored'])}% are not broken, {one['seconds']:.0f} s{against}."
            )
            for partition, groups in one["groups"].items():
                for name, (low, high, search, exact) in groups.items():
                    lines.append(
                        f"| {arm} | {threat} | {epsilon:g} | {partition} | {name} | {low:.4f} | {high:.4f} | "
                        f"{'–' if search is None else format(search, '.4f')} | {percent(exact)} |"
                    )
    return "\n".join(lines) + "\n\n" + "\n".join(f"- {note}" for note in notes)


if __name__ == "__main__":
    main()
