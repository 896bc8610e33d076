"""Leave-one-out numbers, made up: for the report's tests alone, no figure is real."""

from typing import Any

import numpy as np

Json = dict[str, Any]

MEMBERS, TEST_ROWS = 25, 15_060
SIZES = (5, 10, 25)
#: Mean flip rate, LUF, whether it is a floor; in the order of the results.
DESIGNS: dict[str, tuple[float, float, bool, str]] = {
    "masked": (0.0002, 0.0011, False, "Row masked: weights, schedule and noise shared"),
    "independent-seeds": (0.056, 0.13, False, "Row masked, a separate seed for each member"),
    "re-permuted": (0.046, 0.076, False, "Row deleted: same seed, schedule redrawn"),
    "rerun": (0.0, 0.0, True, "Floor: the same training again"),
    "one-ulp": (0.0, 0.0, True, "Floor: one initial weight moved to the next float"),
    "new-seed": (0.057, 0.126, True, "Floor: all rows, a new seed"),
}
PAPER = {
    "standard": {"luf": 0.7694, "luf_t": 29.26, "luf_l": 2926.1},
    "robust": {"luf": 0.7945, "luf_t": 29.35, "luf_l": 2934.89},
}
ERRORS = {
    "class": {"<=50K": (0.2, 11_360), ">50K": (0.17, 3_700)},
    "sex": {"Female": (0.08, 4_913), "Male": (0.25, 10_147)},
    "race": {
        "Amer-Indian-Eskimo": (0.15, 149),
        "Asian-Pac-Islander": (0.21, 408),
        "Black": (0.1, 1_411),
        "Other": (0.11, 6),
        "White": (0.2, 12_970),
    },
}


def mean_interval(values: np.ndarray) -> list[float]:
    """About what a t interval would be, never below zero."""
    half = 2.06 * float(values.std(ddof=1)) / np.sqrt(len(values))
    return [max(float(values.mean()) - half, 0.0), float(values.mean()) + half]


def entry(rng: np.random.Generator, arm: str, design: str) -> Json:
    """One arm under one design."""
    rate, luf, floor, title = DESIGNS[design]
    scale = 1.0 if arm == "standard" else 1.3
    per_member = np.round(rng.gamma(2.0, scale * rate / 2, MEMBERS) * TEST_ROWS) / TEST_ROWS
    if rate > 0.01:
        per_member = np.round(np.clip(rng.normal(scale * rate, 0.006, MEMBERS), 0, 1) * TEST_ROWS) / TEST_ROWS
    mean, luf = float(per_member.mean()), luf * scale
    order = np.argsort(-per_member)[:10]
    return {
        "arm": arm,
        "design": design,
        "title": title,
        "floor": floor,
        "members": MEMBERS,
        "rows": TEST_ROWS,
        "precision": "float64",
        "adversarial_examples": None if arm == "standard" else "own",
        "luf": luf,
        "luf_interval": [0.8 * luf, 1.2 * luf],
        "luf_quantiles": [luf * factor for factor in (0.0, 0.01, 0.2, 0.8, 1.5, 3.2, 6.0)],
        "flips_per_row": mean * MEMBERS,
        "flips_per_model": mean * TEST_ROWS,
        "flip_rate": mean,
        "flip_rate_interval": mean_interval(per_member),
        "per_member": per_member.tolist(),
        "curve": [
            {
                "members": size,
                "luf": luf * (size / MEMBERS) ** 0.4,
                "flips_per_row": mean * size,
                "flips_per_model": mean * TEST_ROWS,
                "ever_flipped": 1 - (1 - mean) ** size,
            }
            for size in SIZES
        ],
        "above_floor": None,
        "above_standard": None,
        "groups": [
            {
                "partition": partition,
                "group": group,
                "rows": rows,
                "flip_rate": mean * float(rng.uniform(0.5, 1.6)),
                "luf": luf * float(rng.uniform(0.7, 1.4)),
                "error": error,
                "sufficient": rows >= 10,
            }
            for partition, groups in ERRORS.items()
            for group, (error, rows) in groups.items()
        ],
        "most_influential": [
            {
                "row": None if floor else int(100 * member + 7),
                "class_name": None if floor else ("<=50K", ">50K")[member % 2],
                "groups": {} if floor else {"sex": ("Female", "Male")[member % 2], "race": "White"},
                "flips": round(per_member[member] * TEST_ROWS),
                "largest_change": float(luf * 8 / (place + 1)),
            }
            for place, member in enumerate(map(int, order))
        ],
        "published": PAPER["standard" if arm == "standard" else "robust"],
        "published_note": "the paper measures leave-one-out on CIFAR-10 alone: 100 left-out rows, 10,000 test images",
    }


def contrast(mine: Json, theirs: Json, *, paired: bool) -> Json:
    """How much more is flipped in the first."""
    apart = np.array(mine["per_member"]) - np.array(theirs["per_member"])
    half = 2.06 * float(apart.std(ddof=1)) / np.sqrt(len(apart))
    mean = float(apart.mean())
    return {
        "arm": theirs["arm"],
        "design": theirs["design"],
        "flip_rate": mean,
        "interval": [mean - half, mean + half],
        "paired": paired,
        "luf": mine["luf"] - theirs["luf"],
    }


def leave_one_out() -> list[Json]:
    """Both arms under every design, the same on every call."""
    rng = np.random.default_rng(11)
    made = {(arm, design): entry(rng, arm, design) for arm in ("standard", "static") for design in DESIGNS}
    for (arm, design), one in made.items():
        floor = {"masked": "one-ulp", "independent-seeds": "new-seed"}.get(design)
        if floor:
            one["above_floor"] = contrast(one, made[arm, floor], paired=design == "independent-seeds")
        if arm != "standard":
            one["above_standard"] = contrast(one, made["standard", design], paired=True)
    return list(made.values())
