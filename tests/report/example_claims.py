"""SYNTHETIC claims and alarms of the example results: for the report's tests alone, no figure is real."""

from typing import Any

Json = dict[str, Any]


def claims() -> list[Json]:
    """The paper's claims on Adult, each judged."""
    return [
        {
            "id": "cau-adult",
            "text": "CAU is larger for the robust Adult classifier (0.0205 against 0.0195)",
            "judgement": "inconclusive",
            "reason": "the interval of the difference, -2.1 to 4.0 points, holds both signs",
            "findings": ["paper/cau/class"],
        },
        {
            "id": "cru-s-adult",
            "text": "CRU_s is larger for the robust Adult classifier at 10, 15 and 20, with no pattern over epsilon",
            "judgement": "refuted",
            "reason": "at epsilon 20 the white-box gap is equal within the margin of one point",
            "findings": [f"paper/cru_s/white-box/all/{e}/class" for e in (10, 15, 20)],
        },
        {
            "id": "female-below-male",
            "text": "mean confidence of an income over 50K is lower for female than for male rows, in D_0 and D_1",
            "judgement": "supported",
            "reason": "in both sets and every seed the female mean lies below the male one",
            "findings": ["paper/eou/sex/<=50K", "paper/eou/sex/>50K"],
        },
        {
            "id": "eou-d1-above-d0",
            "text": "EOU for sex is higher in D_1 than in D_0",
            "judgement": "refuted",
            "reason": "D_0 has the larger gap, 20.1 against 12.2 points",
            "findings": ["paper/eou/sex/<=50K", "paper/eou/sex/>50K"],
        },
        {
            "id": "eou-sex",
            "text": "EOU for sex is slightly higher for the robust classifier in D_0 and D_1",
            "judgement": "inconclusive",
            "reason": "both intervals cross zero",
            "findings": ["paper/eou/sex/<=50K"],
        },
        {
            "id": "eou-race",
            "text": "EOU for race is much higher for the robust classifier",
            "judgement": "inconclusive",
            "reason": "both arms lie inside the null band of five equal groups",
            "findings": ["paper/eou/race/<=50K", "paper/eou/race/>50K"],
        },
        {
            "id": "eou-values",
            "text": "the more values an attribute has, the larger the difference in EOU between the classifiers",
            "judgement": "inconclusive",
            "reason": "neither attribute shows a difference beyond its interval",
            "findings": [],
        },
        {
            "id": "conclusion",
            "text": "adversarial training harms all four kinds of fairness",
            "judgement": "refuted",
            "reason": "on Adult no kind of gap grows beyond both the margin and the control",
            "findings": ["paper/cau/class"],
        },
    ]


def alarms() -> list[Json]:
    """Alarms, fired and silent."""
    entries = [
        (
            "robust-above-clean",
            "Robust accuracy above clean accuracy",
            "static",
            True,
            "static transfer leaves 98.5%, clean rows only 79.5%",
            0.19,
        ),
        (
            "transfer-stronger-than-white-box",
            "A transferred attack beats the white-box one",
            "static",
            False,
            "white-box is stronger at every radius",
            None,
        ),
        (
            "zero-gradients",
            "Gradients vanish",
            "static",
            True,
            "31% of rows have a zero input gradient",
            0.31,
        ),
        (
            "single-step-stronger",
            "One step beats many",
            "standard",
            False,
            "PGD is stronger than FGSM by 22.0 points",
            None,
        ),
        (
            "large-epsilon-not-zero",
            "A huge radius does not reach 0%",
            "static",
            True,
            "at four times the radius 13.2% are not broken",
            0.132,
        ),
        (
            "not-monotone",
            "Accuracy is not monotone in epsilon",
            "static",
            False,
            "never rises by more than 0.2 points",
            None,
        ),
        (
            "noise-as-strong",
            "Random noise is as strong as the attack",
            "online",
            False,
            "noise takes 0.1 points",
            None,
        ),
    ]
    keys = ("id", "title", "arm", "fired", "message", "value")
    return [dict(zip(keys, entry, strict=True)) for entry in entries]
