"""Stages that predict and attack the test rows of Adult."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from fairtoll.attacks import PGD, SuccessCurve, Union
from fairtoll.evidence import Checks, Clean, Transfer, WhiteBox, collect
from fairtoll.evidence.store import describe_rows, write_about
from fairtoll.experiments.adult_plan import ARMS, EPSILON, REALISTIC_EPSILON
from fairtoll.experiments.adult_threats import PAPER_EPSILONS, REALISTIC_EPSILONS
from fairtoll.experiments.adult_training import CRAFT_STEPS
from fairtoll.experiments.adult_workspace import AdultWorkspace
from fairtoll.files import write_parquet
from fairtoll.progress import part
from fairtoll.runs.stages import Stage

CHECK_EPSILONS = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 40.0)
#: Far beyond every attribute's range.
LARGE_EPSILON = 1e6

#: Arms of the sound protocol. The paper's controls are asked under the paper's own attack alone.
UNION_ARMS = ("standard", "static", "online", "online-noise")
#: Arms that the other threats are shown for; the controls add nothing there.
OTHER_THREATS = ("standard", "static", "online")

#: Makes tables by the prefix of their file: "attacks-pgd", "predictions-pgd".
Collect = Callable[[AdultWorkspace, str], dict[str, pd.DataFrame]]


def evidence_stages(workspace: AdultWorkspace) -> list[Stage]:
    """Predictions and attacks of every arm."""
    scale = len(workspace.seeds) / 5
    stages = [
        Stage(
            "rows",
            "Rows",
            ("evidence/rows.parquet", "evidence/about.json"),
            lambda: _write_rows(workspace),
            seconds=0.2,
        )
    ]
    for arm in workspace.arms:
        # Rows of hardened arms stand longest, and only a broken row leaves an attack early.
        union = 18.0 if arm.startswith("online") else 5.0
        plans: dict[str, tuple[Collect, tuple[str, ...], float]] = {
            "predict": (_predict, ("predictions-clean",), 0.5),
            # On the standard arm these are its own examples, as the paper has it.
            "transfer": (_transfer, ("attacks-transfer", "predictions-transfer"), 0.4),
            "pgd": (_pgd, ("attacks-pgd", "predictions-pgd"), 3.5),
            "checks": (_checks, ("attacks-checks",), 2.5),
        }
        if arm in UNION_ARMS:
            plans["union"] = (_union, ("attacks-union",), union)
        if arm in OTHER_THREATS:
            plans["all-14"] = (_all_fourteen, ("attacks-all-14",), 0.3)
            plans["realistic"] = (_realistic, ("attacks-realistic",), 3.5)
        for kind, (make, parts, seconds) in plans.items():
            stages.append(_stage(workspace, arm, kind, make, parts, seconds * scale))
    return stages


def _stage(
    workspace: AdultWorkspace, arm: str, kind: str, measure: Collect, parts: Sequence[str], seconds: float
) -> Stage:
    def make() -> None:
        tables = measure(workspace, arm)
        for name in parts:
            write_parquet(tables[name], workspace.folder / f"evidence/{name}-{arm}.parquet")

    after = (f"train-{arm}", "craft") if kind == "transfer" else (f"train-{arm}",)
    outputs = tuple(f"evidence/{part}-{arm}.parquet" for part in parts)
    verb = "Predict" if kind == "predict" else f"Attack ({kind})"
    return Stage(f"{kind}-{arm}", f"{verb}: {ARMS[arm][0]}", outputs, make, after, seconds)


def _write_rows(workspace: AdultWorkspace) -> None:
    data, folder = workspace.data, workspace.folder / "evidence"
    write_parquet(describe_rows(data.test), folder / "rows.parquet")
    about = {
        "name": "adult",
        "title": data.title,
        "note": data.note,
        "unofficial": data.unofficial,
        "rows": {"train": len(data.train), "test": len(data.test)},
        "arms": [{"name": arm, "title": ARMS[arm][0], "note": ARMS[arm][1]} for arm in workspace.arms],
    }
    write_about(folder, data.test.class_names, about)


def _predict(workspace: AdultWorkspace, arm: str) -> dict[str, pd.DataFrame]:
    return {"predictions-clean": collect(Clean(), workspace.arm(arm), workspace.target("paper")).predictions}


def _transfer(workspace: AdultWorkspace, arm: str) -> dict[str, pd.DataFrame]:
    examples = {epsilon: workspace.examples(epsilon) for epsilon in PAPER_EPSILONS}
    measure = Transfer(PGD(steps=CRAFT_STEPS), PAPER_EPSILONS, keep_probabilities_at=[EPSILON])
    found = collect(measure, workspace.arm(arm), workspace.target("paper"), examples=examples)
    return {"attacks-transfer": found.attacks, "predictions-transfer": found.predictions}


def _pgd(workspace: AdultWorkspace, arm: str) -> dict[str, pd.DataFrame]:
    measure = WhiteBox(PGD(steps=CRAFT_STEPS), PAPER_EPSILONS, keep_probabilities_at=[EPSILON])
    found = collect(measure, workspace.arm(arm), workspace.target("paper"))
    return {"attacks-pgd": found.attacks, "predictions-pgd": found.predictions}


def _union(workspace: AdultWorkspace, arm: str) -> dict[str, pd.DataFrame]:
    found = collect(WhiteBox(Union(), [EPSILON]), workspace.arm(arm), workspace.target("paper"))
    return {"attacks-union": found.attacks}


def _checks(workspace: AdultWorkspace, arm: str) -> dict[str, pd.DataFrame]:
    measure = Checks(CHECK_EPSILONS, large_epsilon=LARGE_EPSILON, square_epsilon=EPSILON)
    return {"attacks-checks": collect(measure, workspace.arm(arm), workspace.target("paper")).attacks}


def _all_fourteen(workspace: AdultWorkspace, arm: str) -> dict[str, pd.DataFrame]:
    first, target = workspace.first_run(arm), workspace.target("all-14")
    return {"attacks-all-14": collect(WhiteBox(SuccessCurve(steps=50), PAPER_EPSILONS), first, target).attacks}


def _realistic(workspace: AdultWorkspace, arm: str) -> dict[str, pd.DataFrame]:
    first, target = workspace.first_run(arm), workspace.target("realistic")
    with part(0.5):
        curve = collect(WhiteBox(SuccessCurve(steps=50), REALISTIC_EPSILONS), first, target)
    with part(0.5):
        found = collect(WhiteBox(Union(restarts=1), [REALISTIC_EPSILON]), first, target)
    return {"attacks-realistic": pd.concat([curve.attacks, found.attacks], ignore_index=True)}
