"""The arms that every experiment trains, how they are compared, and the paper's accuracies of two of them."""

from __future__ import annotations

from fairtoll.experiments.published import load_published
from fairtoll.findings import Comparison

PAPER = Comparison("paper", "standard", "static", control="repeated", noise_control="noise")
SOUND = Comparison("sound", "standard", "online", control="online-noise")
STATIC_UNDER_UNION = Comparison("sound", "standard", "static", control=None)
#: The protocol that needs each arm, in the order of reports.
NEEDED_BY = {
    "standard": "both",
    "static": "both",
    "repeated": "paper",
    "noise": "paper",
    "online": "sound",
    "online-noise": "sound",
}


def arms_of(protocol: str) -> list[str]:
    """Arms that a protocol ("paper", "sound" or "both") needs, in order.

    Examples
    --------
    >>> arms_of("sound")
    ['standard', 'static', 'online', 'online-noise']
    """
    return [name for name, needed in NEEDED_BY.items() if protocol == "both" or needed in ("both", protocol)]


def describe_arms(*, row: str, rows: str, standard: str) -> dict[str, tuple[str, str]]:
    """Title of each arm, and how it was made.

    Parameters
    ----------
    row, rows : str
        What to call one of the data, and several.
    standard : str
        How the standard arm was made.

    Examples
    --------
    >>> describe_arms(row="row", rows="rows", standard="clean rows")["repeated"]
    ('Control: each row twice', 'as many updates as the static arm, all on clean rows')
    """
    return {
        "standard": ("Standard", standard),
        "static": (
            "Static adversarial",
            f"the paper's adversarial training: clean {rows} and twins crafted once on the standard model of the same "
            "seed",
        ),
        "repeated": (f"Control: each {row} twice", f"as many updates as the static arm, all on clean {rows}"),
        "noise": (
            "Control: noise twins",
            "as the static arm, with a random plus or minus epsilon in the adversary's place",
        ),
        "online": (
            "On-line adversarial",
            "PGD adversarial training: each batch attacked by PGD-7 as the model stands",
        ),
        "online-noise": (
            "Control: on-line noise",
            "as the on-line arm without its attack steps: each batch is moved at random inside the threat",
        ),
    }


def published_accuracy(dataset: str, *, attack: str, epsilon: float) -> dict[tuple[str, ...], float]:
    """The paper's accuracies by (arm, evaluation, ...).

    Its "robust accuracy" of the robust classifier is static transfer; that of the standard one was
    crafted on that model itself.

    Examples
    --------
    >>> published_accuracy("adult", attack="pgd-20", epsilon=10.0)["standard", "clean"]
    0.7953
    """
    accuracy = load_published()[dataset]["accuracy"]
    at = ("paper", attack, f"{epsilon:g}")
    return {
        ("standard", "clean"): accuracy["standard"]["clean"],
        ("static", "clean"): accuracy["robust"]["clean"],
        ("standard", "white-box", *at): accuracy["standard"]["robust"],
        ("static", "static-transfer", *at): accuracy["robust"]["robust"],
    }
