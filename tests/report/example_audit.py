"""A SYNTHETIC audit of a user's own two models, with hostile names and too few rows. No figure is real."""

import numpy as np
from example_arms import MARGIN, Json, arm_value, changes_between, difference, models_of

from fairtoll.findings.results import Results


def audit_results() -> Results:
    """Return an audit of a user's own two models, with hostile names and too few rows."""
    rng = np.random.default_rng(11)
    classes = ["</script><script>alert(1)</script>", "<b>&\"'", "plain_50%"]
    groups = ["a & b", "$x_1$"]

    def value(arm: str, names: list[str], *, sufficient: bool = True) -> Json:
        entry = arm_value(arm, 0.7, 0.1, dict.fromkeys(names, 400), rng, lowest_is_worst=True)
        entry["per_run"], entry["plain_per_run"] = entry["per_run"][:1], entry["plain_per_run"][:1]
        if not sufficient:
            entry.update(value=None, plain=None, interval=None, null_mean=None, null_95=None, row_error=None)
            entry.update(worst_group=None, worst_value=None, best_group=None, best_value=None)
            entry.update(per_run=[], plain_per_run=[], systematic=None)
            for group in entry["groups"]:
                group.update(sufficient=False, rows=3, interval=None)
        return entry

    def case(metric: str, parameters: Json, names: list[str], *, sufficient: bool = True) -> Json:
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
        standard, robust = (
            value("plain", names, sufficient=sufficient),
            value("hard<i>ened", names, sufficient=sufficient),
        )
        numbers, _, _ = difference(standard, robust, rng, MARGIN) if sufficient else (None, "", "")
        return {
            "id": f"audit/{metric}/{full['partition']}",
            "dataset": "loans",
            "protocol": "audit",
            "metric": metric,
            "parameters": full,
            "standard": standard,
            "robust": robust,
            "control": None,
            "noise_control": None,
            "difference": numbers,
            "difference_from_control": None,
            "verdict": "inconclusive" if sufficient else "insufficient data",
            "verdict_from_control": None,
            "changes": changes_between(standard, robust),
            "models": models_of(standard, robust) if sufficient else None,
            "family": 1,
            "levelling_down": None,
            "reason": "one training run" if sufficient else "fewer than two groups have ten rows",
            "margin": MARGIN,
            "runs": 1,
            "published": None,
        }

    attack = {"evaluation": "white-box", "attack": "union", "denominator": "all", "threat": "declared"}
    document = {
        "fairtoll_version": "0.1.0",
        "schema_version": 3,
        "title": 'SYNTHETIC audit <of> my "own" models',
        "question": "",
        "notes": [],
        "dataset": {
            "name": "loans",
            "title": "Loans & co.",
            "note": "",
            "rows": {"test": 1_200},
            "classes": classes,
            "attributes": {"gro</script>up": groups},
        },
        "configuration": {
            "seed": 7,
            "epsilons": [0.1],
            "threat": {"scale": [1.0] * 20, "mutable": ["a", "<b>"], "integer": None},
            "attacks": [{"name": "union", "queries": 500}, {"name": "pgd-20", "steps": 20}],
            "hashes": {"rows": "ab" * 32, "models": {"plain": ["cd" * 32]}},
        },
        "findings": [
            case("cau", {"partition": "class", "evaluation": "clean"}, classes),
            case("cru_s", {"partition": "class", "epsilon": 0.1, **attack}, classes),
            case("cau", {"partition": "gro</script>up", "evaluation": "clean"}, groups, sufficient=False),
        ],
        "accuracy": [
            {
                "arm": arm,
                "evaluation": evaluation,
                "attack": None,
                "threat": None if evaluation == "clean" else "declared",
                "epsilon": None if evaluation == "clean" else 0.1,
                "mean": mean,
                "sd": None,
                "per_run": [mean],
                "published": None,
                "source_arm": None,
            }
            for arm, evaluation, mean in (
                ("plain", "clean", 0.81),
                ("hard<i>ened", "clean", 0.79),
                ("plain", "white-box", 0.12),
                ("hard<i>ened", "white-box", 0.55),
            )
        ],
        "claims": [],
        "alarms": [],
        "arms": [
            {"name": "plain", "title": "plain", "note": ""},
            {"name": "hard<i>ened", "title": "hard<i>ened", "note": ""},
        ],
        "environment": {"python": "3.11.9"},
    }
    return Results.model_validate(document)
