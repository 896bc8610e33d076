"""The plan of the Adult experiment: every question once, and the paper's values where they belong."""

import pytest
import torch

from fairtoll.data import load_adult
from fairtoll.experiments import find_experiment
from fairtoll.experiments.adult import adult_threats
from fairtoll.experiments.costs import slower_here
from fairtoll.experiments.published import published_accuracy
from fairtoll.experiments.registry import EXPERIMENTS

#: Typed in from the paper's Tables II and V; groups as the paper orders them.
TABLE_TWO = {10: (0.0611, 0.1866), 15: (0.1081, 0.2338), 20: (0.107, 0.2272)}
RACES = ("White", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Black", "Other")
TABLE_FIVE = {
    ("<=50K", "standard"): (0.255, 0.24, 0.21, 0.203, 0.215),
    (">50K", "standard"): (0.706, 0.688, 0.65, 0.639, 0.657),
    ("<=50K", "robust"): (0.233, 0.242, 0.148, 0.159, 0.149),
    (">50K", "robust"): (0.754, 0.763, 0.64, 0.658, 0.642),
}
ADULT = find_experiment("adult")


def test_the_papers_table_two():
    values = ADULT.published
    found = 0
    for comparison, question in ADULT.plan("paper"):
        if question.metric != "cru_s" or question.partition != "class":
            continue
        standard, robust = TABLE_TWO[question.attack.epsilon]
        entry = values[f"{comparison.protocol}/{question.key}"]
        assert (entry["standard"], entry["robust"]) == (standard, robust)
        assert "does not say which evaluation" in entry["note"]
        found += 1
    assert found == 12  # three radii, two evaluations, two denominators


def test_the_papers_table_five():
    for (label, role), confidences in TABLE_FIVE.items():
        entry = ADULT.published[f"paper/eou/race/clean/label-{label}/target->50K"]
        assert [entry[role, race] for race in RACES] == list(confidences)
        assert entry[role] == pytest.approx(max(confidences) - min(confidences))


def test_the_papers_accuracies():
    assert published_accuracy("adult", attack="pgd-20", epsilon=10.0) == {
        ("standard", "clean"): 0.7953,
        ("static", "clean"): 0.7937,
        ("standard", "white-box", "paper", "pgd-20", "10"): 0.143,
        ("static", "static-transfer", "paper", "pgd-20", "10"): 0.9637,
    }


def test_what_each_threat_may_touch():
    names = [feature.name for feature in load_adult().train.features]
    movable = {
        name: {names[place] for place in range(14) if threat.mutable[place]}
        for name, threat in adult_threats(load_adult()).items()
    }
    continuous = {"age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"}
    assert movable == {"paper": continuous, "all-14": set(names), "realistic": continuous - {"age"}}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_speed_of_a_machine_is_read_from_the_experiment_s_network(name):
    before = torch.get_num_threads()
    assert 0 < slower_here(find_experiment(name)) < float("inf")
    assert torch.get_num_threads() == before
