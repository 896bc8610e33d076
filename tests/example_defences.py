"""A comparison of recipes with known accuracies: families at three strengths, two repairs, a baseline and a control."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from fairtoll.evidence.store import Evidence
from fairtoll.evidence.tables import describe_attack, describe_predictions
from fairtoll.findings import Attack, Comparison, Question, Rules
from fairtoll.findings.assemble import assemble
from fairtoll.findings.results import Results

UNION = Attack("white-box", "union", 10.0)
STRENGTHS = (0.25, 0.5, 1.0)
ROBUST = {"weak": (0.2, 0.35, 0.45), "middle": (0.35, 0.55, 0.7), "strong": (0.55, 0.68, 0.76)}
QUESTIONS = (
    Question("cau", "class"),
    Question("cau", "sex"),
    Question("cru_s", "class", UNION, denominator="all"),
    Question("cru_s", "sex", UNION, denominator="all"),
    Question("cru_s", "class", UNION, denominator="correct"),
    Question("eou", "sex", label="low", target="high"),
)


def named_families(count):
    """So many families: their names, and how robust they are at each strength."""
    shapes = list(ROBUST.values())
    return {f"defence {place + 1}": shapes[place % 3] for place in range(count)}


def arms_of(families):
    """Every arm: its clean and robust accuracy, the toll of its worse class, and what evidence says of it."""
    arms = {"standard": (0.8, 0.1, 0.02, _about("standard", "Standard", "standard"))}
    for place, (name, levels) in enumerate(families.items()):
        for value, level in zip(STRENGTHS, levels, strict=True):
            about = _about(name, name.capitalize(), "defence", "radius", value)
            arm = name if value == 1.0 else f"{name}-radius-{value:g}"
            arms[arm] = (0.8 - 0.03 * value, level, 0.02 + (0.05 + 0.01 * place) * value, about)
    arms["averaging"] = (0.78, 0.7, 0.08, _about("averaging", "Weight averaging", "baseline"))
    arms["frl"] = (0.76, 0.68, 0.03, _about("frl", "FRL", "repair", partition="class"))
    arms["frl-sex"] = (0.77, 0.7, 0.08, _about("frl-sex", "FRL over sex", "repair", partition="sex"))
    arms["noise"] = (0.79, 0.3, 0.03, _about("noise", "Control: noise", "control"))
    return arms


def example_evidence(families=3, *, runs=5, rows=800, seed=0):
    """Evidence of 2 classes and 2 sexes; class high is worse off by an arm's toll, and Female by half of that."""
    generator = np.random.default_rng(seed)
    arms = arms_of(named_families(families))
    label = np.arange(rows) % 2
    female = np.arange(rows) % 4 < 2
    shared = generator.standard_normal(rows)
    predictions, attacks = [], []
    for arm, (clean, robust, toll, _) in arms.items():
        for run in range(runs):
            moved = 0.004 * generator.standard_normal()
            tilt = np.where(label == 1, -0.5, 0.5) * (toll + moved) + np.where(female, -0.25, 0.25) * toll
            difficulty = np.sqrt(0.6) * shared + np.sqrt(0.4) * generator.standard_normal(rows)
            right = difficulty < ndtri(np.clip(clean + tilt, 0.01, 0.99))
            stands = right & (difficulty < ndtri(np.clip(robust + moved + tilt, 0.01, 0.99)))
            confidence = np.where(right, 0.6 + 0.3 * np.clip(-difficulty, 0, 1), 0.3)
            of_high = np.where(label == 1, confidence, 1 - confidence)
            predictions.append(describe_predictions(np.stack([1 - of_high, of_high], 1), arm=arm, seed=run))
            attacks.append(
                describe_attack(
                    ~stands, arm=arm, seed=run, evaluation="white-box", threat="paper", attack="union", epsilon=10.0
                )
            )
    frame = pd.DataFrame({"row": np.arange(rows), "label": label, "sex": np.where(female, "Female", "Male")})
    about = {
        "name": "made up",
        "title": "Made-up rows",
        "arms": [
            {"name": arm, "title": _title(arm, one[3]), "note": "", "recipe": one[3]} for arm, one in arms.items()
        ],
    }
    return Evidence(frame, pd.concat(predictions), pd.concat(attacks), ("low", "high"), about)


def example_plan(families=3, pairs=()):
    """Every arm against the standard one, the middle one with a control, repairs against the baseline, and pairs."""
    arms = [
        arm for arm, one in arms_of(named_families(families)).items() if one[3]["role"] not in ("standard", "control")
    ]
    comparisons = [
        Comparison("defences", "standard", arm, control="noise" if arm == "defence 1" else None) for arm in arms
    ]
    comparisons += [Comparison("defences", "averaging", arm) for arm in ("frl", "frl-sex")]
    comparisons += [Comparison("defences", first, second) for first, second in pairs]
    return [(comparison, question) for comparison in comparisons for question in QUESTIONS]


def example_defences(families=3, *, pairs=(), **changes) -> Results:
    """The results of that evidence."""
    evidence = example_evidence(families, **changes)
    times = [
        {"stage": f"train-{arm}", "kind": "training", "arm": arm, "seconds": 10.0 * (place + 1)}
        for place, arm in enumerate(evidence.arms)
    ]
    from fairtoll.findings.results import StageTime

    return assemble(
        evidence,
        example_plan(families, pairs),
        title="Which defence costs least, and what repairs the toll?",
        question="Which of these recipes makes a classifier less fair?",
        threat="paper",
        configuration={"epsilon": 10.0},
        environment={"python": "3.11"},
        times=[StageTime(**one) for one in times],
        rules=Rules(paired=True),
    )


def _about(family, title, role, strength_name=None, strength=None, partition=None):
    return {
        "family": family,
        "family_title": title,
        "role": role,
        "strength_name": strength_name,
        "strength": strength,
        "own_strength": strength in (None, 1.0),
        "partition": partition,
    }


def _title(arm, about):
    if about["own_strength"]:
        return about["family_title"]
    return f"{about['family_title']}, {about['strength_name']} {about['strength']:g}"
