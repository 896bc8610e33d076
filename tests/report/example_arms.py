"""One arm's gap and a difference of two, made up: for the report's tests alone, no figure is real."""

from collections import Counter
from typing import Any

import numpy as np

Json = dict[str, Any]

SEEDS = 8
MARGIN = 0.01


def arm_value(
    arm: str,
    centre: float,
    spread: float,
    rows: dict[str, int],
    rng: np.random.Generator,
    *,
    lowest_is_worst: bool,
    published: tuple[float, ...] | None = None,
    scale: float = 1.0,
) -> Json:
    """One arm's gap with groups scattered around `centre`."""
    offsets = np.linspace(-0.5, 0.5, len(rows)) * spread
    values = np.clip(centre + offsets + rng.normal(0, 0.006, len(rows)) * scale, 0.002 * scale, 0.998 * max(scale, 1))
    groups = []
    for index, (name, count) in enumerate(rows.items()):
        half = (
            2.4
            * float(np.sqrt(max(values[index] / scale * (1 - min(values[index] / scale, 0.99)), 0.01) / count))
            * scale
        )
        groups.append(
            {
                "group": name,
                "value": float(values[index]),
                "interval": [max(0.0, float(values[index]) - half), float(values[index]) + half],
                "rows": count,
                "sufficient": count >= 10,
                "published": None if published is None else published[index],
            }
        )
    enough = [g for g in groups if g["sufficient"]]
    gap = max(g["value"] for g in enough) - min(g["value"] for g in enough)
    ordered = sorted(enough, key=lambda g: g["value"], reverse=not lowest_is_worst)
    null_mean = 1.15 * float(np.mean([np.sqrt(0.2 / g["rows"]) for g in enough])) * scale
    per_run = np.abs(rng.normal(gap, 0.012 * scale, SEEDS))
    return {
        "arm": arm,
        "value": float(per_run.mean()),
        "plain": float(per_run.mean()) + null_mean / 2,
        "row_error": null_mean / 4,
        "systematic": float(per_run.mean()) * 0.9,
        "interval": [
            max(0.0, float(per_run.mean()) - 1.6 * null_mean),
            float(per_run.mean()) + 1.4 * null_mean,
        ],
        "null_mean": null_mean,
        "null_95": 1.8 * null_mean,
        "worst_group": ordered[0]["group"],
        "worst_value": ordered[0]["value"],
        "best_group": ordered[-1]["group"],
        "best_value": ordered[-1]["value"],
        "per_run": per_run.tolist(),
        "plain_per_run": (per_run + null_mean / 2).tolist(),
        "groups": groups,
    }


def difference(base: Json, robust: Json, rng: np.random.Generator, margin: float) -> tuple[Json, str, str]:
    """A difference with its verdict and reason."""
    value = robust["value"] - base["value"]
    half = max(margin * 0.6, (base["null_mean"] + robust["null_mean"]) * float(rng.uniform(0.35, 1.1)))
    low, high = value - half, value + half
    verdict = (
        "less fair"
        if low > margin
        else "fairer"
        if high < -margin
        else "equivalent"
        if low > -margin and high < margin
        else "inconclusive"
    )
    reason = {
        "less fair": "the whole interval lies above the margin",
        "fairer": "the whole interval lies below the margin",
        "equivalent": "the whole interval lies inside the margin",
        "inconclusive": f"the interval crosses the margin; the least effect these data could have shown is {half:.3f}",
    }[verdict]
    numbers = change_between(
        base, robust, half, verdict, reason, runs=SEEDS, p_value=float(rng.uniform(0.001, 0.9)), sequential=True
    )
    return numbers, verdict, reason


def change_between(
    base: Json, robust: Json, half: float, verdict: str, reason: str, *, runs: int, p_value: float, sequential: bool
) -> Json:
    """A difference that was looked at with fewer runs before, where it is sequential."""
    value = robust["value"] - base["value"]
    path = [(5, value * 1.2, 2 * half, "inconclusive")] if sequential and runs > 5 else []
    path += [(runs, value, half, verdict)]
    return {
        "standard": base["value"],
        "robust": robust["value"],
        "value": value,
        "interval": [value - half, value + half],
        "p_value": p_value,
        "confidence": 0.9917,
        "plain": robust["plain"] - base["plain"],
        "row_error": half / 4,
        "least_detectable": half,
        "runs": runs,
        "share": 0.2 if sequential else 1.0,
        "paired": True,
        "verdict": verdict,
        "reason": reason,
        "path": [
            {"runs": number, "value": at, "interval": [at - wide, at + wide], "confidence": 0.9917, "verdict": said}
            for number, at, wide, said in path
        ],
        "needed": {"runs": 40, "rows": None, "sentence": "about 40 runs of each arm would decide"}
        if verdict == "inconclusive"
        else None,
        "systematic": {
            "standard": base["systematic"],
            "robust": robust["systematic"],
            "value": robust["systematic"] - base["systematic"],
            "interval": [value - half, value + half],
            "verdict": verdict,
        },
        "groups": f"{base['best_group']} over {base['worst_group']}",
    }


def changes_between(base: Json, robust: Json, *, top: bool = False) -> list[Json]:
    """How far each group with enough rows moves, largest loss first; with `top` more is worse."""
    moved = [
        {
            "group": one["group"],
            "standard": one["value"],
            "robust": other["value"],
            "value": other["value"] - one["value"],
            "interval": [other["value"] - one["value"] - 0.01, other["value"] - one["value"] + 0.01],
        }
        for one, other in zip(base["groups"], robust["groups"], strict=True)
        if one["sufficient"]
    ]
    return sorted(moved, key=lambda change: change["value"], reverse=top)


def models_of(base: Json, robust: Json) -> Json:
    """Each run's pair of models."""
    pairs = []
    for run, (one, other) in enumerate(zip(base["per_run"], robust["per_run"], strict=True)):
        value = other - one
        verdict = "wider gap" if value > 0.03 else "narrower gap" if value < -0.03 else "unclear"
        pairs.append(
            {"run": str(run), "standard": one, "robust": other, "value": value,
             "interval": [value - 0.02, value + 0.02], "verdict": verdict, "p_value": 0.01 if value > 0.03 else 0.4}
        )  # fmt: skip
    counts = Counter(pair["verdict"] for pair in pairs)
    return {"pairs": pairs, "shown": dict(counts), "swap_p": 0.03 if len(pairs) == 1 else None}


def levelled(standard: Json, robust: Json) -> Json:
    """A record that says that the best group fell, of the groups as they are."""

    def change(name: str) -> Json:
        first, second = (
            next(group["value"] for group in arm["groups"] if group["group"] == name) for arm in (standard, robust)
        )
        return {"group": name, "standard": first, "robust": second}

    return {
        "standard_gap": standard["value"],
        "robust_gap": robust["value"],
        "best": change(standard["best_group"]),
        "worst": change(standard["worst_group"]),
        "robust_worst": change(robust["worst_group"]),
    }
