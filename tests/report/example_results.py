"""SYNTHETIC results, shaped as a reproduction of Adult: for the report's tests alone, no figure is real."""

from typing import Any

import numpy as np
from example_arms import MARGIN, SEEDS, arm_value, changes_between, difference, levelled, models_of
from example_claims import alarms, claims
from example_leave_one_out import leave_one_out

from fairtoll.findings.results import Results
from fairtoll.findings.summary import answer

Json = dict[str, Any]

ARMS = ("standard", "static", "repeated", "noise", "online")
RACES = ("Amer-Indian-Eskimo", "Asian-Pac-Islander", "Black", "Other", "White")
SEXES = ("Female", "Male")
CLASSES = ("<=50K", ">50K")
TEST_ROWS = {
    "class": {"<=50K": 11_360, ">50K": 3_700},
    "sex": {"Female": 4_913, "Male": 10_147},
    "race": dict(zip(RACES, (149, 408, 1_411, 122, 12_970), strict=True)),
}
# Share of true >50K by group, to split D_0 from D_1.
OVER = {"Female": 0.115, "Male": 0.31, **dict(zip(RACES, (0.128, 0.275, 0.127, 0.197, 0.262), strict=True))}
PUBLISHED_RACE = {
    ("<=50K", "standard"): (0.210, 0.240, 0.203, 0.215, 0.255),
    ("<=50K", "static"): (0.148, 0.242, 0.159, 0.149, 0.233),
    (">50K", "standard"): (0.650, 0.688, 0.639, 0.657, 0.706),
    (">50K", "static"): (0.640, 0.763, 0.658, 0.642, 0.754),
}
CLEAN = {"standard": 0.805, "static": 0.795, "repeated": 0.803, "noise": 0.801, "online": 0.781}
WHITE_BOX = {
    "standard": (0.140, 0.082, 0.056),
    "static": (0.176, 0.158, 0.149),
    "repeated": (0.131, 0.079, 0.051),
    "noise": (0.162, 0.097, 0.063),
    "online": (0.780, 0.779, 0.777),
}
TRANSFER = {
    "standard": (0.140, 0.082, 0.056),
    "static": (0.985, 0.988, 0.981),
    "repeated": (0.430, 0.391, 0.362),
    "noise": (0.474, 0.420, 0.395),
    "online": (0.783, 0.782, 0.781),
}
EPSILONS = (10.0, 15.0, 20.0)


def group_rows(partition: str, label: str | None) -> dict[str, int]:
    """Number of test rows per group, given the true label."""
    if partition == "sex & race":
        return {
            f"{sex} & {race}": max(4, round(TEST_ROWS["race"][race] * (0.33 if sex == "Female" else 0.67)))
            for sex in SEXES
            for race in RACES
        }
    rows = TEST_ROWS[partition]
    if label is None:
        return dict(rows)
    return {g: max(3, round(n * (OVER[g] if label == ">50K" else 1 - OVER[g]))) for g, n in rows.items()}


def finding(
    rng: np.random.Generator,
    protocol: str,
    metric: str,
    parameters: Json,
    levels: dict[str, tuple[float, float]],
    *,
    identifier: str,
    published: Json | None = None,
    scale: float = 1.0,
    published_groups: bool = False,
) -> Json:
    """One finding; `levels` gives each arm's (centre, spread)."""
    robust = "static" if protocol == "paper" else "online"
    full = {
        **dict.fromkeys(
            (
                "partition",
                "evaluation",
                "attack",
                "denominator",
                "epsilon",
                "threat",
                "attribute",
                "label",
                "target",
            )
        ),
        **parameters,
    }
    rows = group_rows(full["partition"], full["label"])
    margin = MARGIN * scale
    arms = {}
    for arm in ("standard", robust, "repeated", "noise"):
        centre, spread = levels[arm]
        numbers = PUBLISHED_RACE.get((full["label"], arm)) if published_groups else None
        arms[arm] = arm_value(
            arm, centre, spread, rows, rng, lowest_is_worst=metric != "cru_s", published=numbers, scale=scale
        )
    against, verdict, reason = difference(arms["standard"], arms[robust], rng, margin)
    control, control_verdict, _ = difference(arms["repeated"], arms[robust], rng, margin)
    return {
        "id": f"{protocol}/{identifier}",
        "dataset": "adult",
        "protocol": protocol,
        "metric": metric,
        "parameters": full,
        "standard": arms["standard"],
        "robust": arms[robust],
        "control": arms["repeated"],
        "noise_control": arms["noise"],
        "difference": against,
        "difference_from_control": control,
        "verdict": verdict,
        "verdict_from_control": control_verdict,
        "changes": changes_between(arms["standard"], arms[robust], top=metric == "cru_s"),
        "models": models_of(arms["standard"], arms[robust]),
        "family": 2,
        "levelling_down": levelled(arms["standard"], arms[robust]) if verdict == "fairer" else None,
        "reason": reason,
        "margin": margin,
        "runs": SEEDS,
        "published": published,
    }


def all_findings(rng: np.random.Generator) -> list[Json]:
    """Every finding of both protocols."""
    found = []
    for protocol in ("paper", "sound"):
        for partition, spread in (("class", 0.03), ("sex", 0.11), ("race", 0.08), ("sex & race", 0.15)):
            numbers = {"standard": 0.0195, "robust": 0.0205, "note": None}
            found.append(
                finding(
                    rng,
                    protocol,
                    "cau",
                    {"partition": partition, "evaluation": "clean"},
                    {a: (CLEAN[a], spread * (0.6 + 0.2 * i)) for i, a in enumerate(ARMS)},
                    identifier=f"cau/{partition}",
                    published=numbers if (protocol, partition) == ("paper", "class") else None,
                )
            )
        for evaluation, table in (("white-box", WHITE_BOX), ("static-transfer", TRANSFER)):
            for denominator in ("all", "correct"):
                for position, epsilon in enumerate(EPSILONS):
                    for partition in ("class", "sex", "race"):
                        if partition != "class" and (denominator == "correct" or evaluation != "white-box"):
                            continue
                        numbers = {
                            "standard": (0.0611, 0.1081, 0.107)[position],
                            "robust": (0.1866, 0.2338, 0.2272)[position],
                            "note": None,
                        }
                        found.append(
                            finding(
                                rng,
                                protocol,
                                "cru_s",
                                {
                                    "partition": partition,
                                    "evaluation": evaluation,
                                    "attack": "union",
                                    "denominator": denominator,
                                    "epsilon": epsilon,
                                    "threat": "paper",
                                },
                                {a: (1 - table[a][position], 0.03 + 0.02 * i) for i, a in enumerate(ARMS)},
                                identifier=f"cru_s/{evaluation}/{denominator}/{epsilon:g}/{partition}",
                                published=numbers if protocol == "paper" and partition == "class" else None,
                            )
                        )
        for threat in ("all-14", "realistic"):
            shift = 0.4 if threat == "realistic" else -0.02
            found.append(
                finding(
                    rng,
                    protocol,
                    "cru_s",
                    {
                        "partition": "class",
                        "evaluation": "white-box",
                        "attack": "union",
                        "denominator": "all",
                        "epsilon": 10.0,
                        "threat": threat,
                    },
                    {a: (max(0.03, 1 - WHITE_BOX[a][0] - shift), 0.09) for a in ARMS},
                    identifier=f"cru_s/{threat}/white-box/all/10/class",
                )
            )
        found.append(
            finding(
                rng,
                protocol,
                "cru_epsilon",
                {"partition": "class", "evaluation": "white-box", "attack": "union", "threat": "paper"},
                {
                    "standard": (4.4, 1.1),
                    "static": (5.0, 2.0),
                    "repeated": (4.3, 1.0),
                    "noise": (5.1, 1.3),
                    "online": (41.0, 9.0),
                },
                identifier="cru_epsilon/white-box/class",
                scale=20.0,
            )
        )
        for attribute, groups in (("sex", SEXES), ("race", RACES)):
            for label in CLASSES:
                centre, spread = (0.21, 0.2 if len(groups) == 2 else 0.06) if label == "<=50K" else (0.68, 0.12)
                if attribute == "race":
                    numbers = (
                        {"standard": 0.052, "robust": 0.094}
                        if label == "<=50K"
                        else {"standard": 0.067, "robust": 0.123}
                    )
                for metric in ("eou", "equalized_odds_rate"):
                    paper = protocol == "paper" and attribute == "race" and metric == "eou"
                    found.append(
                        finding(
                            rng,
                            protocol,
                            metric,
                            {
                                "partition": attribute,
                                "evaluation": "clean",
                                "attribute": attribute,
                                "label": label,
                                "target": ">50K",
                            },
                            {a: (centre + 0.01 * i, spread * (1 + 0.15 * i)) for i, a in enumerate(ARMS)},
                            identifier=f"{metric}/{attribute}/{label}",
                            published=({**numbers, "note": "derived from Table V"} if paper else None),
                            published_groups=paper,
                        )
                    )
    return found


def all_accuracies(rng: np.random.Generator) -> list[Json]:
    """Clean, white-box and static-transfer accuracy of every arm."""
    entries = []

    def add(arm: str, evaluation: str, mean: float, epsilon: float | None, threat: str | None, **more: Any) -> None:
        sd = 0.005 if evaluation == "clean" else 0.018 if mean < 0.9 else 0.003
        seeds = np.clip(rng.normal(mean, sd, SEEDS), 0, 1)
        entries.append(
            {
                "arm": arm,
                "evaluation": evaluation,
                "attack": None,
                "threat": threat,
                "epsilon": epsilon,
                "mean": float(seeds.mean()),
                "sd": float(seeds.std(ddof=1)),
                "per_run": seeds.tolist(),
                "interval": [max(0.0, mean - 2 * sd), min(1.0, mean + 2 * sd)],
                "published": None,
                "source_arm": None,
                **more,
            }
        )

    for arm in ARMS:
        add(arm, "clean", CLEAN[arm], None, None, published={"standard": 0.7953, "static": 0.7937}.get(arm))
        for position, epsilon in enumerate(EPSILONS):
            first = epsilon == EPSILONS[0]
            add(
                arm,
                "white-box",
                WHITE_BOX[arm][position],
                epsilon,
                "paper",
                attack="union",
                published=0.143 if arm == "standard" and first else None,
            )
            add(
                arm,
                "static-transfer",
                TRANSFER[arm][position],
                epsilon,
                "paper",
                attack="pgd-20",
                source_arm="standard",
                published=0.9637 if arm == "static" and first else None,
            )
        add(arm, "white-box", max(0.01, WHITE_BOX[arm][0] - 0.06), 10.0, "all-14", attack="union")
        add(arm, "white-box", min(0.76, WHITE_BOX[arm][0] + 0.4), 0.1, "realistic", attack="union")
    return entries


def example_results() -> Results:
    """Return the whole synthetic reproduction, the same on every call."""
    rng = np.random.default_rng(7)
    document = {
        "fairtoll_version": "0.1.0",
        "schema_version": 3,
        "title": "SYNTHETIC EXAMPLE, no figure is real: Adult reproduction",
        "question": "",
        "dataset": {
            "name": "adult",
            "title": "Adult (Census Income)",
            "note": "1994 US census extract; rows with missing values are left out.",
            "rows": {"train": 30_162, "test": 15_060},
            "classes": list(CLASSES),
            "attributes": {"sex": list(SEXES), "race": list(RACES)},
        },
        "configuration": {"seeds": SEEDS, "epsilons": list(EPSILONS), "attack": {"steps": 50, "restarts": 5}},
        "findings": all_findings(rng),
        "accuracy": all_accuracies(rng),
        "claims": claims(),
        "alarms": alarms(),
        "arms": [
            {"name": "standard", "title": "Standard", "note": "trained on clean rows"},
            {"name": "static", "title": "Static adversarial", "note": "the paper's robust arm"},
            {
                "name": "repeated",
                "title": "Repeated rows",
                "note": "each row twice, clean: same number of updates",
            },
            {"name": "noise", "title": "Sign noise", "note": "each row with a noisy copy"},
            {"name": "online", "title": "On-line adversarial", "note": "min-max training, 7 steps"},
        ],
        "leave_one_out": leave_one_out(),
        "environment": {"python": "3.11.9", "torch": "2.13.0", "device": "cpu", "threads": 2},
        "times": [
            {"stage": "train-static", "kind": "training", "arm": "static", "seconds": 74.2},
            {"stage": "craft", "kind": "attacks", "arm": None, "seconds": 100.0},
            {"stage": "realistic-static", "kind": "attacks", "arm": "static", "seconds": 21.9},
            {"stage": "results", "kind": "statistics", "arm": None, "seconds": 20.3},
        ],
        "notes": ["no figure of this example is real"],
    }
    made = Results.model_validate(document)
    return made.model_copy(update={"answer": answer(made.findings, made.arms)})
