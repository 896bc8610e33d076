"""What an adversary may do to a row of Adult: three readings, by name."""

from __future__ import annotations

import numpy as np

from fairtoll.data import TrainTest
from fairtoll.threats.linf import LinfThreat

#: Attributes that no one changes by misreporting; nominal categories are fixed besides, since a
#: distance between their codes means nothing.
FIXED = ("age", "race", "sex", "native-country")
PAPER_EPSILONS = (10.0, 15.0, 20.0)
REALISTIC_EPSILONS = (0.25, 0.5, 1.0)


def adult_threats(data: TrainTest) -> dict[str, LinfThreat]:
    """The threats of the Adult experiment.

    - "paper": epsilon in raw units on the six continuous attributes, no box. The paper's 14.3%
      standard robust accuracy at epsilon 10 is met by this reading.
    - "all-14": the literal reading, epsilon in raw units on all fourteen coded attributes.
    - "realistic": epsilon is a share of each attribute's standard deviation; whole numbers stay whole,
      values stay inside the training range, and age, race, sex, native country and nominal categories
      do not move.

    Examples
    --------
    >>> from fairtoll.data import load_adult
    >>> threats = adult_threats(load_adult())
    >>> [int(threats[name].mutable.sum()) for name in ("paper", "all-14", "realistic")]
    [6, 14, 5]
    """
    features = data.train.features
    continuous = np.array([feature.kind == "continuous" for feature in features])
    movable = np.array([feature.name not in FIXED for feature in features]) & continuous
    return {
        "paper": LinfThreat(scale=continuous.astype(np.float32)),
        "all-14": LinfThreat(scale=np.ones(len(features), dtype=np.float32)),
        "realistic": LinfThreat(
            scale=data.spread,
            box=([feature.low for feature in features], [feature.high for feature in features]),
            mutable=movable,
            integer=[feature.integer for feature in features],
        ),
    }
