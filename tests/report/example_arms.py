"""One arm's gap and a difference of two, made up: for the report's tests alone, no figure is real."""

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
        "corrected": max(0.0, float(per_run.mean()) - null_mean / 2),
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
    numbers = {
        "value": value,
        "interval": [low, high],
        "p_value": float(rng.uniform(0.001, 0.9)),
        "confidence": 0.9917,
        "plain": value,
        "least_detectable": half,
        "groups": f"{base['best_group']} over {base['worst_group']}",
    }
    return numbers, verdict, reason


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
