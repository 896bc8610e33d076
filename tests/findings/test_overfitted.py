"""The alarm for models that withstand one step alone, on numbers made by hand and on models of a known form."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fairtoll import Evidence, LinfThreat
from fairtoll.data import Dataset
from fairtoll.evidence import Checks, collect
from fairtoll.evidence.store import describe_attack, describe_predictions
from fairtoll.findings import Arm, Target
from fairtoll.findings.alarms import raise_alarms

ROWS = 200
RADIUS = 0.5


def alarm_of(rows, probabilities, attacks):
    evidence = Evidence(rows, describe_predictions(probabilities, arm="fgsm", seed=0), attacks, ("no", "yes"))
    found = {alarm.id: alarm for alarm in raise_alarms(evidence, "fgsm", threat="paper")}
    return found.get("catastrophic-overfitting")


def counted(*, clean, single, several):
    """So many of 200 rows are right clean, and stand at two radii."""
    rows = pd.DataFrame({"row": np.arange(ROWS), "label": np.ones(ROWS, dtype=int)})
    probabilities = np.where((np.arange(ROWS) < clean)[:, None], [0.2, 0.8], [0.8, 0.2])
    where = {"arm": "fgsm", "seed": 0, "evaluation": "white-box", "threat": "paper"}
    attacks = [
        describe_attack(np.arange(ROWS) >= count, **where, attack=attack, epsilon=epsilon)
        for attack, counts in (("check-single-step", single), ("check-pgd-20", several))
        for epsilon, count in zip((1.0, 2.0), counts, strict=True)
    ]
    return alarm_of(rows, probabilities, pd.concat(attacks))


def test_one_step_that_hardly_breaks_a_row_where_several_break_most():
    alarm = counted(clean=180, single=[170, 160], several=[150, 8])
    assert alarm.fired
    assert alarm.value == pytest.approx(0.76)
    assert "under a single step at 2: 80.0%, under PGD with 20 steps: 4.0%, clean: 90.0%; the model" in alarm.message
    assert [reading.value for reading in alarm.readings] == pytest.approx([0.8, 0.04, 0.9])


@pytest.mark.parametrize(
    ("single", "several"),
    [
        ([170, 160], [165, 150]),  # robust to both
        ([130, 90], [100, 20]),  # not robust, and weaker against more steps, as standard training is
        ([80, 2], [3, 0]),  # robust to neither
        ([160, 140], [85, 75]),  # more steps break more rows, but not most of what is left
    ],
)
def test_what_is_no_overfitting(single, several):
    assert not counted(clean=180, single=single, several=several).fired


def test_the_alarm_names_the_radius_where_it_fires_before_one_with_a_larger_difference():
    alarm = counted(clean=180, single=[140, 180], several=[69, 92])
    assert alarm.fired
    assert alarm.value == pytest.approx(0.355)


class Wave(nn.Module):
    """The margin of class 1 is ``cos(2 pi x / period)``: after a step of one period all is as it was."""

    def __init__(self, period):
        super().__init__()
        self.period = period

    def forward(self, x):
        margin = torch.cos(2 * math.pi * x / self.period)
        return torch.cat([-margin, margin], dim=1)


def attacked(model, x):
    data = Dataset(x, np.ones(len(x), dtype=int), ("no", "yes"))
    checks = Checks([RADIUS], large_epsilon=100.0, queries=0)
    attacks = collect(checks, Arm("fgsm", [model], [0]), Target(data, LinfThreat(), "paper")).attacks
    with torch.no_grad():
        probabilities = model(torch.from_numpy(x)).softmax(dim=1).numpy()
    return alarm_of(pd.DataFrame({"row": np.arange(len(x)), "label": data.y}), probabilities, attacks)


def test_a_model_that_fits_its_own_attack():
    """A full step ends where the margin is as large as at its start; half a step would have broken the row."""
    x = np.random.default_rng(0).uniform(0.01, 0.05, size=(ROWS, 1)).astype(np.float32)
    alarm = attacked(Wave(RADIUS), x)
    assert alarm.fired
    assert [reading.value for reading in alarm.readings] == [1.0, 0.0, 1.0]


def test_a_linear_model_has_nothing_to_overfit():
    """A single full step is the strongest attack on it."""
    x = np.random.default_rng(0).uniform(-0.2, 1.0, size=(ROWS, 1)).astype(np.float32)
    model = nn.Linear(1, 2)
    model.load_state_dict({"weight": torch.tensor([[-1.0], [1.0]]), "bias": torch.zeros(2)})
    alarm = attacked(model, x)
    assert not alarm.fired
    assert [reading.value for reading in alarm.readings] == pytest.approx([(x > RADIUS).mean()] * 2 + [(x > 0).mean()])
