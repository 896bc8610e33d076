"""SYNTHETIC results, shaped as a reproduction of CIFAR-10: for the report's tests alone, no figure is real."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from example_arms import change_between, changes_between, levelled, models_of
from example_images import examples

from fairtoll.findings.results import Results

Json = dict[str, Any]

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARMS = {
    "standard": ("Standard", "trained on clean rows"),
    "static": ("Static adversarial", "the paper's robust arm"),
    "repeated": ("Control: each row twice", "as many updates, no adversary"),
    "noise": ("Control: sign noise", "each row with a noisy copy"),
    "online": ("On-line adversarial", "min-max training, 7 steps"),
    "online-noise": ("Control: on-line noise", "on-line training on random noise"),
}
ROLES = {"paper": ("standard", "static", "repeated", "noise"), "sound": ("standard", "online", "online-noise", None)}
ACCURACY = dict(zip(CLASSES, (0.74, 0.81, 0.57, 0.50, 0.65, 0.60, 0.79, 0.75, 0.82, 0.77), strict=True))
CLEAN = {"standard": 0.70, "static": 0.66, "repeated": 0.69, "noise": 0.70, "online": 0.63, "online-noise": 0.70}
# Scale of the least epsilon of rows that are right.
SCALE = {
    "standard": 0.0058,
    "static": 0.0063,
    "repeated": 0.0055,
    "noise": 0.0064,
    "online": 0.021,
    "online-noise": 0.0068,
}
EPSILONS = (0.01, 0.012, 0.014)
EPSILON_MAX = 0.032
ROWS = 1_000
PUBLISHED = {
    "cau": [(0.286, 0.344)],
    "cru_epsilon": [(0.0014, 0.005)],
    "cru_s": [(0.1343, 0.2585), (0.0845, 0.1627), (0.0471, 0.1056)],
}
PARAMETERS = ("attack", "denominator", "epsilon", "threat", "attribute", "label", "target", "matched_rate")


def class_accuracy(arm: str) -> np.ndarray:
    """Each class's clean accuracy in an arm."""
    spread = 1.15 if arm == "static" else 1.0
    values = np.array(list(ACCURACY.values()))
    return np.clip(CLEAN[arm] + spread * (values - values.mean()), 0.05, 0.98)


def class_scale(arm: str) -> np.ndarray:
    """Each class's scale of least epsilon: hard classes fall first."""
    return SCALE[arm] * (0.55 + 0.65 * class_accuracy(arm))


def broken(arm: str, epsilon: float) -> np.ndarray:
    """The share of each class's rows with a least epsilon of at most `epsilon`."""
    right = class_accuracy(arm)
    return 1 - right * np.exp(-((epsilon / class_scale(arm)) ** 1.4))


def mean_least(arm: str) -> np.ndarray:
    """Each class's mean least epsilon, censored rows at the largest radius."""
    grid = np.linspace(0, EPSILON_MAX, 400)
    return np.array([1 - broken(arm, radius) for radius in grid]).mean(axis=0) * EPSILON_MAX


def arm_value(arm: str, values: np.ndarray, half: float, rng: np.random.Generator, seeds: int, top: bool) -> Json:
    """One arm's gap over the classes; `half` is a class's half interval, `top` says that high is worst."""
    order = np.argsort(values)[::-1] if top else np.argsort(values)
    gap = float(values.max() - values.min())
    per_run = np.abs(rng.normal(gap, half / 2, seeds))
    mean = float(per_run.mean())
    return {
        "arm": arm,
        "value": mean,
        "plain": mean + half / 2,
        "row_error": half / 3,
        "systematic": mean * 0.9,
        "interval": [max(0.0, mean - 1.5 * half), mean + 1.5 * half],
        "null_mean": 1.3 * half,
        "null_95": 1.9 * half,
        "worst_group": CLASSES[order[0]],
        "worst_value": float(values[order[0]]),
        "best_group": CLASSES[order[-1]],
        "best_value": float(values[order[-1]]),
        "per_run": per_run.tolist(),
        "plain_per_run": (per_run + half / 2).tolist(),
        "groups": [
            {
                "group": name,
                "value": float(value),
                "interval": [max(0.0, float(value) - half), float(value) + half],
                "rows": ROWS,
                "sufficient": True,
                "published": None,
            }
            for name, value in zip(CLASSES, values, strict=True)
        ],
    }


def difference(base: Json, robust: Json, margin: float, half: float, seeds: int) -> tuple[Json, str]:
    """A difference of gaps with its verdict."""
    value = robust["value"] - base["value"]
    low, high = value - half, value + half
    verdict = "less fair" if low > margin else "fairer" if high < -margin else "inconclusive"
    if -margin < low and high < margin:
        verdict = "equivalent"
    p_value = 0.004 if verdict in ("less fair", "fairer") else 0.31
    verdict = verdict if seeds > 2 else "inconclusive"
    reason = "one training run" if seeds < 3 else f"the interval is set against a margin of {margin:.3g}"
    return change_between(base, robust, half, verdict, reason, runs=seeds, p_value=p_value, sequential=False), verdict


def finding(
    rng: np.random.Generator,
    seeds: int,
    protocol: str,
    metric: str,
    values: dict[str, np.ndarray],
    half: float,
    *,
    published: tuple[float, float] | None = None,
    margin: float = 0.01,
    **parameters: Any,
) -> Json:
    """One finding; `values` gives each arm's classes."""
    full = {"partition": "class", "evaluation": "clean", **dict.fromkeys(PARAMETERS), **parameters}
    made = [
        arm_value(arm, values[arm], half, rng, seeds, metric.startswith("cru_s")) if arm else None
        for arm in ROLES[protocol]
    ]
    against, verdict = difference(made[0], made[1], margin, 1.6 * half, seeds)
    control, control_verdict = difference(made[2], made[1], margin, 1.6 * half, seeds)
    parts = [full[key] for key in ("evaluation", "denominator", "epsilon", "matched_rate")]
    return {
        "id": "/".join([protocol, metric, *(str(part) for part in parts if part is not None), "class"]),
        "dataset": "cifar10",
        "protocol": protocol,
        "metric": metric,
        "parameters": full,
        **dict(zip(("standard", "robust", "control", "noise_control"), made, strict=True)),
        "difference": against,
        "difference_from_control": control,
        "verdict": verdict,
        "verdict_from_control": control_verdict,
        "changes": changes_between(made[0], made[1], top=metric.startswith("cru_s")),
        "models": models_of(made[0], made[1]),
        "family": 2,
        "levelling_down": levelled(made[0], made[1]) if verdict == "fairer" else None,
        "reason": "one training run" if seeds < 3 else f"the interval is set against a margin of {margin:.3g}",
        "margin": margin,
        "runs": seeds,
        "published": published
        and {"standard": published[0], "robust": published[1], "note": "Figure and Table as printed"},
    }


def all_findings(rng: np.random.Generator, seeds: int, protocols: Sequence[str]) -> list[Json]:
    """Every finding of these protocols."""
    found = []
    attack = {"threat": "paper", "attack": "union"}
    for protocol in protocols:
        paper = protocol == "paper"
        clean = {arm: class_accuracy(arm) for arm in ARMS}
        printed = {key: value if paper else [None] * 3 for key, value in PUBLISHED.items()}
        found.append(finding(rng, seeds, protocol, "cau", clean, 0.022, published=printed["cau"][0]))
        least = {arm: mean_least(arm) for arm in ARMS}
        more = {"evaluation": "white-box", **attack, "attack": "least-epsilon", "epsilon": EPSILON_MAX}
        margin = 0.05 * float(least["standard"].mean())
        found.append(
            finding(
                rng,
                seeds,
                protocol,
                "cru_epsilon",
                least,
                0.00021,
                published=printed["cru_epsilon"][0],
                margin=margin,
                **more,
            )
        )
        relative = {arm: values / values.mean() for arm, values in least.items()}
        found.append(finding(rng, seeds, protocol, "cru_epsilon_relative", relative, 0.05, margin=0.05, **more))
        for evaluation in ("white-box", "static-transfer"):
            for denominator in ("all", "correct"):
                for place, epsilon in enumerate(EPSILONS):
                    success = {arm: broken(arm, epsilon) for arm in ARMS}
                    if evaluation == "static-transfer":
                        success = {
                            arm: 1 - (1 - rate) ** (1 if arm == "standard" else 0.2) for arm, rate in success.items()
                        }
                        success = {arm: np.maximum(rate, 1 - class_accuracy(arm)) for arm, rate in success.items()}
                    if denominator == "correct":
                        success = {arm: 1 - (1 - rate) / class_accuracy(arm) for arm, rate in success.items()}
                    found.append(
                        finding(
                            rng,
                            seeds,
                            protocol,
                            "cru_s",
                            success,
                            0.018,
                            published=printed["cru_s"][place],
                            evaluation=evaluation,
                            denominator=denominator,
                            epsilon=epsilon,
                            **attack,
                        )
                    )
        radius = {arm: next(r for r in np.linspace(0, 0.1, 4000) if broken(arm, r).mean() >= 0.8) for arm in ARMS}
        matched = {arm: broken(arm, radius[arm]) for arm in ARMS}
        del more["epsilon"]
        found.append(
            finding(rng, seeds, protocol, "cru_s_matched", matched, 0.02, matched_rate=0.8, denominator="all", **more)
        )
    return found


def all_accuracies(rng: np.random.Generator, seeds: int) -> list[Json]:
    """Clean, white-box and static-transfer accuracy of every arm."""
    entries = []

    def add(arm: str, evaluation: str, mean: float, **more: Any) -> None:
        values = np.clip(rng.normal(mean, 0.006, seeds), 0, 1)
        entries.append(
            {
                **dict.fromkeys(("attack", "threat", "epsilon", "published", "source_arm")),
                "arm": arm,
                "evaluation": evaluation,
                "mean": float(values.mean()),
                "sd": float(values.std(ddof=1)) if seeds > 1 else None,
                "per_run": values.tolist(),
                **more,
            }
        )

    for arm in ARMS:
        add(arm, "clean", CLEAN[arm], published={"standard": 0.7196, "static": 0.7243}.get(arm))
        for epsilon in EPSILONS:
            stands = float(1 - broken(arm, epsilon).mean())
            first = epsilon == EPSILONS[0]
            under = {"threat": "paper", "epsilon": epsilon}
            add(arm, "white-box", stands + 0.01, attack="pgd-50", **under)
            published = 0.0424 if arm == "standard" and first else None
            add(arm, "white-box", stands, attack="union", published=published, **under)
            moved = stands if arm == "standard" else max(CLEAN[arm] - 2.5 * epsilon, stands)
            published = 0.8312 if arm == "static" and first else None
            add(arm, "static-transfer", moved, attack="pgd-20", published=published, source_arm="standard", **under)
    return entries


def all_least(rng: np.random.Generator, seeds: int) -> list[Json]:
    """The distribution of least epsilon in every arm."""
    grid = np.linspace(0, EPSILON_MAX, 49)
    entries = []
    for arm in ARMS:
        shares = np.array([broken(arm, radius) for radius in grid])
        means = mean_least(arm)
        columns = {"all": shares.mean(axis=1), **dict(zip(CLASSES, shares.T, strict=True))}
        averages = [float(means.mean()), *means.tolist()]
        per_run = rng.normal(means.mean(), 0.0001, seeds).tolist()
        entries.append(
            {
                "arm": arm,
                "evaluation": "white-box",
                "attack": "least-epsilon",
                "threat": "paper",
                "partition": "class",
                "epsilon_max": EPSILON_MAX,
                "epsilons": grid.tolist(),
                "rows": 10_000,
                "mean": float(np.mean(per_run)),
                "sd": float(np.std(per_run, ddof=1)) if seeds > 1 else None,
                "per_run": per_run,
                "groups": [
                    {
                        "group": name,
                        "mean": average,
                        "median": float(np.interp(0.5, share, grid)),
                        "censored": float(1 - share[-1]),
                        "broken": share.tolist(),
                    }
                    for (name, share), average in zip(columns.items(), averages, strict=True)
                ],
            }
        )
    return entries


def all_claims() -> list[Json]:
    """The paper's claims on CIFAR-10, each judged."""
    rows = (
        ("accuracy", "the robust CIFAR-10 classifier keeps 83.12% under attack", "refuted", []),
        (
            "cau",
            "CAU is larger for the robust CIFAR-10 classifier (0.344 against 0.286)",
            "inconclusive",
            ["cau/clean"],
        ),
        ("cru-epsilon", "CRU_eps is larger for the robust classifier", "supported", ["cru_epsilon/white-box/0.032"]),
        ("cru-s", "CRU_s is larger at 0.01, 0.012 and 0.014", "inconclusive", ["cru_s/white-box/all/0.01"]),
        ("cru-s-shrinks", "the difference in CRU_s shrinks as epsilon grows", "inconclusive", []),
    )
    return [
        {
            "id": name,
            "text": text,
            "judgement": judgement,
            "reason": "a made-up reason: the change is +5.8 points (interval -1.1 to +12.7)",
            "findings": [f"paper/{found}/class" for found in ids],
        }
        for name, text, judgement, ids in rows
    ]


def cifar10_results(*, seeds: int = 3, protocols: Sequence[str] = tuple(ROLES)) -> Results:
    """Return the whole synthetic reproduction, the same on every call; with one seed all is inconclusive."""
    rng = np.random.default_rng(5)
    quick = seeds < 3
    document = {
        "fairtoll_version": "0.1.0",
        "schema_version": 3,
        "title": "SYNTHETIC EXAMPLE, no figure is real: CIFAR-10 reproduction",
        "question": "Does adversarial training make a CIFAR-10 classifier less fair between its ten classes?",
        "dataset": {
            "name": "cifar10",
            "title": "CIFAR-10 (JPEG copy)",
            "note": "JPEG copy, not the official pixels; drawn for a test, from no data set at all.",
            "rows": {"train": 50_000, "test": 10_000},
            "classes": list(CLASSES),
            "attributes": {},
            "unofficial": "not the official pixels",
        },
        "configuration": {"seeds": seeds, "epsilons": list(EPSILONS)},
        "findings": all_findings(rng, seeds, protocols),
        "accuracy": all_accuracies(rng, seeds),
        "claims": all_claims(),
        "alarms": [
            {
                "id": "transfer-stronger-than-white-box",
                "title": "A transferred attack beats the white-box one",
                "arm": "static",
                "fired": fired,
                "message": "robust accuracy 10.2% under its own attack, 62.1% under transfer",
                "value": 0.5,
                "meaning": "Its white-box figure is too high.",
                "readings": [
                    {"label": "under transfer", "value": 0.621},
                    {"label": "under its own attack", "value": 0.102},
                ],
            }
            for fired in (True, False)
        ],
        "arms": [{"name": name, "title": title, "note": note} for name, (title, note) in ARMS.items()],
        "notes": ["no figure of this example is real"],
        "highlights": [
            "The paper's 83.12% does not survive: attacked itself at epsilon 0.01, the static arm keeps 5.6%, "
            "next to 63.5% by static transfer.",
        ],
        "cuts": ["one training run per arm, the paper's quantities from 2,000 test rows", "Square with 500 queries"]
        if quick
        else [],
        "least_epsilon": all_least(rng, seeds),
        "examples": examples(rng),
        "environment": {"python": "3.11.9", "torch": "2.13.0", "device": "cpu"},
        "times": [
            {"stage": "train-static", "kind": "training", "arm": "static", "seconds": 740.2},
            {"stage": "least-epsilon-static", "kind": "attacks", "arm": "static", "seconds": 100.0},
            {"stage": "results", "kind": "statistics", "arm": None, "seconds": 20.3},
        ],
    }
    return Results.model_validate(document)
