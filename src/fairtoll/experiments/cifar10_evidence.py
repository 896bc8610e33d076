"""Stages that predict and attack the test images of CIFAR-10."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from fairtoll.attacks import PGD, LeastEpsilon, SuccessCurve, Union
from fairtoll.evidence import Checks, Clean, Transfer, WhiteBox, collect
from fairtoll.evidence.store import describe_rows, write_about
from fairtoll.experiments.cifar10_plan import ARMS, CRAFT_STEPS, CURVE_STEPS, EPSILON, EPSILON_MAX, PAPER_EPSILONS
from fairtoll.experiments.cifar10_training import expected, name_of, title_of
from fairtoll.experiments.cifar10_workspace import Cifar10Workspace
from fairtoll.files import write_parquet
from fairtoll.runs.stages import Stage

CHECK_EPSILONS = (0.002, 0.005, 0.01, 0.02, 0.05)
#: The whole range of a pixel.
LARGE_EPSILON = 1.0
TOLERANCE = 1e-4
#: Arms of the sound protocol. The paper's controls are asked under the paper's own attack alone.
SOUND_ARMS = ("standard", "static", "online", "online-noise")

#: Makes tables by the prefix of their file.
Collect = Callable[[Cifar10Workspace, str, Sequence[int]], dict[str, pd.DataFrame]]


def evidence_stages(workspace: Cifar10Workspace, protocol: str) -> list[Stage]:
    """Predictions and attacks of every arm."""
    rows = workspace.scale.attacked_rows
    stages = [
        Stage(
            "rows",
            "Rows",
            ("evidence/rows.parquet", "evidence/about.json"),
            lambda: _write_rows(workspace),
            ("images",),
            1.0,
        )
    ]
    for seeds in workspace.blocks:
        for arm in workspace.arms:
            # Rows of a hardened arm stand longest, and only a broken row leaves an attack early.
            hard = 3.0 if arm == "online" else 1.0
            # Milliseconds a row.
            plans: dict[str, tuple[Collect, tuple[str, ...], float]] = {
                "predict": (_predict, ("predictions-clean",), 3.0),
                "transfer": (_transfer, ("attacks-transfer",), 1.0),
                "pgd": (_pgd, ("attacks-pgd",), 12.0 * hard),
                "least-epsilon": (_least_epsilon, ("attacks-least-epsilon",), 8.0 * hard),
                "checks": (_checks, ("attacks-checks",), 40.0 * hard),
            }
            if arm in SOUND_ARMS and protocol != "paper":
                plans["curve"] = (_curve, ("attacks-curve",), 20.0 * hard)
                plans["union"] = (_union, ("attacks-union",), 14.0 * (1 + workspace.scale.restarts) * hard)
            for kind, (make, parts, milliseconds) in plans.items():
                seconds = expected(workspace, milliseconds * rows, seeds=seeds)
                stages.append(_stage(workspace, arm, seeds, kind, make, parts, seconds))
    return stages


def _stage(
    workspace: Cifar10Workspace,
    arm: str,
    seeds: Sequence[int],
    kind: str,
    measure: Collect,
    parts: Sequence[str],
    seconds: float,
) -> Stage:
    def make() -> None:
        tables = measure(workspace, arm, seeds)
        for part in parts:
            write_parquet(tables[part], workspace.folder / f"evidence/{part}-{arm}-{seeds[0]}.parquet")

    after = ["images", name_of(f"train-{arm}", seeds)]
    if kind == "transfer":
        after.append(name_of("craft", seeds))
    outputs = tuple(f"evidence/{part}-{arm}-{seeds[0]}.parquet" for part in parts)
    verb = "Predict" if kind == "predict" else f"Attack ({kind})"
    title = title_of(f"{verb}: {ARMS[arm][0]}", seeds)
    return Stage(name_of(f"{kind}-{arm}", seeds), title, outputs, make, tuple(after), seconds)


def _write_rows(workspace: Cifar10Workspace) -> None:
    data, folder = workspace.data, workspace.folder / "evidence"
    write_parquet(describe_rows(data.test), folder / "rows.parquet")
    about = {
        "name": "cifar10",
        "title": data.title,
        "note": data.note,
        "unofficial": data.unofficial,
        "rows": {"train": len(data.train), "test": len(data.test), "attacked": len(workspace.attacked)},
        "arms": [{"name": arm, "title": ARMS[arm][0], "note": ARMS[arm][1]} for arm in workspace.arms],
    }
    write_about(folder, data.test.class_names, about)


def _predict(workspace: Cifar10Workspace, arm: str, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    return {"predictions-clean": collect(Clean(), workspace.arm(arm, seeds), workspace.target).predictions}


def _transfer(workspace: Cifar10Workspace, arm: str, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    examples = {epsilon: workspace.examples(epsilon, seeds) for epsilon in PAPER_EPSILONS}
    measure = Transfer(PGD(steps=CRAFT_STEPS), PAPER_EPSILONS)
    found = collect(measure, workspace.arm(arm, seeds), workspace.target, examples=examples)
    return {"attacks-transfer": found.attacks}


def _pgd(workspace: Cifar10Workspace, arm: str, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    measure = WhiteBox(PGD(steps=CRAFT_STEPS), PAPER_EPSILONS)
    return {"attacks-pgd": collect(measure, workspace.arm(arm, seeds), workspace.target).attacks}


def _least_epsilon(workspace: Cifar10Workspace, arm: str, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    measure = WhiteBox(LeastEpsilon(TOLERANCE), [EPSILON_MAX])
    return {"attacks-least-epsilon": collect(measure, workspace.arm(arm, seeds), workspace.target).attacks}


def _curve(workspace: Cifar10Workspace, arm: str, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    measure = WhiteBox(SuccessCurve(steps=CURVE_STEPS), PAPER_EPSILONS)
    return {"attacks-curve": collect(measure, workspace.arm(arm, seeds), workspace.target).attacks}


def _union(workspace: Cifar10Workspace, arm: str, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    scale = workspace.scale
    measure = WhiteBox(Union(restarts=scale.restarts, queries=scale.queries), [EPSILON])
    return {"attacks-union": collect(measure, workspace.arm(arm, seeds), workspace.target).attacks}


def _checks(workspace: Cifar10Workspace, arm: str, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    measure = Checks(
        CHECK_EPSILONS,
        large_epsilon=LARGE_EPSILON,
        square_epsilon=EPSILON,
        queries=workspace.scale.queries,
        rows=workspace.scale.check_rows,
    )
    return {"attacks-checks": collect(measure, workspace.arm(arm, seeds), workspace.target).attacks}
