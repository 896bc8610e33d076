"""The measurements of paper_attacks.py as Markdown tables, and what they say about the paper's findings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from _records import Record, Records
from _tables import table_of
from fairtoll.attacks import paper_attacks
from fairtoll.metrics import success_rate_unfairness, success_rate_unfairness_by_group

TITLES = {"standard": "standard", "static": "static", "online": "on-line"}
NORMS = {"linf": "L-inf", "l2": "L2", "l1": "L1", "l0": "features"}
#: Only groups with as many rows are compared.
MINIMUM_ROWS = 10
RESAMPLES = 1000


def markdown(records: Records) -> str:
    """For each problem the table of success and distance, that of gaps, and the sentence that sums them up."""
    parts = []
    for problem, title in (("adult", "Adult"), ("images", "CIFAR-10 (JPEG copy)")):
        measured = [one for one in records.measured if one["question"] == problem]
        if not measured:
            continue
        arms = [arm for arm in TITLES if any(arm_of(one) == arm for one in measured)]
        rows = max(len(one["wrong"]) for one in measured)
        head = f"**{title}**, {rows} test rows, as many of each class; one training run of each arm"
        parts += [f"{head}\n\n{main_table(measured, arms)}", gap_table(measured, arms), summary(measured, arms, title)]
    return "\n\n".join(parts) + "\n"


def arm_of(one: Record) -> str:
    return str(one["model"]).partition(": ")[2]


def distances(one: Record) -> NDArray[np.float64]:
    return np.array([np.inf if value is None else value for value in one["distance"]])


def success(one: Record) -> NDArray[np.bool_]:
    """Rows broken within the radius."""
    return np.asarray(distances(one) <= one["radius"] * (1 + 1e-9))


def by_attack(measured: list[Record]) -> dict[str, dict[str, Record]]:
    found: dict[str, dict[str, Record]] = {}
    for name in paper_attacks():
        of_arms = {arm_of(one): one for one in measured if one["contender"].endswith(f": {name}")}
        if of_arms:
            found[name] = of_arms
    return found


def main_table(measured: list[Record], arms: list[str]) -> str:
    """Success over all rows, lowest and highest of the classes, median distance of rows that were right, seconds."""
    head = ["", "reference", "norm", "radius", "rows"]
    for arm in arms:
        head += [f"{TITLES[arm]}: success", "by class", "median distance", "seconds"]
    lines = []
    for name, of_arms in by_attack(measured).items():
        any_arm = next(iter(of_arms.values()))
        line = [
            name,
            f"[{paper_attacks()[name].reference}]",
            NORMS[any_arm["norm"]],
            f"{any_arm['radius']:g}",
            f"{len(any_arm['wrong'])}",
        ]
        for arm in arms:
            line += cells(of_arms.get(arm))
        lines.append(line)
    wrong = ["no attack", "", "", "", ""]
    for arm in arms:
        of_arm = max((one for one in measured if arm_of(one) == arm), key=lambda one: len(one["wrong"]))
        rates = class_rates(of_arm, np.asarray(of_arm["wrong"]))
        wrong += [percent(float(np.mean(of_arm["wrong"]))), extremes(rates), "", ""]
    return table_of(head, [wrong, *lines])


def cells(one: Record | None) -> list[str]:
    if one is None:
        return ["", "", "", ""]
    broken, right = success(one), ~np.asarray(one["wrong"])
    middle = float(np.median(distances(one)[right])) if right.any() else float("nan")
    shown = f"{middle:.3g}" if np.isfinite(middle) else f"over {one['reach']:g}"
    return [percent(broken.mean()), extremes(class_rates(one, broken)), shown, f"{one['seconds']:.1f}"]


def class_rates(one: Record, broken: NDArray[np.bool_]) -> list[float]:
    found = success_rate_unfairness_by_group(one["groups"]["class"], broken, minimum_rows=1)
    return [float(value) for value in found.values]


def extremes(rates: list[float]) -> str:
    return f"{100 * min(rates):.0f} to {100 * max(rates):.0f}%"


def percent(share: Any) -> str:
    return f"{100 * float(share):.1f}%"


def gap(one: Record, partition: str) -> float:
    groups = None if partition == "class" else one["groups"][partition]
    fewest = 1 if partition == "class" else MINIMUM_ROWS
    return success_rate_unfairness(one["groups"]["class"], success(one), groups=groups, minimum_rows=fewest)


def gap_table(measured: list[Record], arms: list[str]) -> str:
    """CRU_s of every attack, arm and partition, at the attack's radius."""
    partitions = list(measured[0]["groups"])
    lines = [
        [name, *(f"{gap(of_arms[arm], part):.3f}" if arm in of_arms else "" for part in partitions for arm in arms)]
        for name, of_arms in by_attack(measured).items()
    ]
    return table_of(["CRU_s by", *(f"{part}: {TITLES[arm]}" for part in partitions for arm in arms)], lines)


def summary(measured: list[Record], arms: list[str], title: str) -> str:
    """Which attacks show the paper's finding, a wider gap between classes in the hardened arm."""
    lines = []
    for arm in arms[1:]:
        found: dict[str, list[str]] = {"rises": [], "falls": [], "unclear": []}
        for name, of_arms in by_attack(measured).items():
            if arm in of_arms and arms[0] in of_arms:
                change, low, high = gap_change(of_arms[arms[0]], of_arms[arm])
                which = "rises" if low > 0 else "falls" if high < 0 else "unclear"
                found[which].append(f"{name} ({change:+.3f}, {low:+.3f} to {high:+.3f})")
        parts = [f"{which} under {', '.join(names)}" for which, names in found.items() if names]
        lines.append(f"{title}, CRU_s between classes, {TITLES[arm]} minus standard: {'; '.join(parts)}.")
    return "\n\n".join(lines)


def gap_change(standard: Record, hardened: Record) -> tuple[float, float, float]:
    """The change of the gap between classes, and its 95% interval over the rows of each class, given these models."""
    draw = np.random.default_rng(0)
    classes = np.array(standard["groups"]["class"])
    outcomes = np.stack([success(standard), success(hardened)]).astype(np.float64)
    rates = []
    for one in np.unique(classes):
        of_class = outcomes[:, classes == one]
        count = of_class.shape[1]
        # The same rows in both arms, so that what they share cancels.
        rates.append(of_class[:, draw.integers(count, size=(RESAMPLES, count))].mean(axis=2))
    gaps = np.ptp(np.stack(rates), axis=0)
    low, high = np.quantile(gaps[1] - gaps[0], [0.025, 0.975])
    return gap(hardened, "class") - gap(standard, "class"), float(low), float(high)
