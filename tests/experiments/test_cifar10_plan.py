"""The plan of the CIFAR-10 experiment: every question once, and the paper's values where they belong."""

import numpy as np
import pytest

from fairtoll import FairtollError
from fairtoll.data import Dataset
from fairtoll.experiments.arms import arms_of, published_accuracy
from fairtoll.experiments.cifar10 import QUICK, cifar10_stages, reproduce_cifar10
from fairtoll.experiments.cifar10_plan import cifar10_plan, published_values
from fairtoll.experiments.cifar10_results import describe_cuts
from fairtoll.experiments.cifar10_workspace import Cifar10Workspace, stratified

#: Typed in from the paper's Table I.
TABLE_ONE = {0.01: (0.1343, 0.2585), 0.012: (0.0845, 0.1627), 0.014: (0.0471, 0.1056)}
PROTOCOLS = ["paper", "sound", "both"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_question_is_asked_once(protocol):
    ids = [f"{one.protocol}/{one.robust}/{question.key}" for one, question in cifar10_plan(protocol)]
    assert len(set(ids)) == len(ids) > 10


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_trains_every_arm_that_it_compares(protocol):
    for comparison, _ in cifar10_plan(protocol):
        compared = [comparison.standard, comparison.robust, comparison.control, comparison.noise_control]
        assert {arm for arm in compared if arm is not None} <= set(arms_of(protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_stages_come_after_what_they_read_and_write_no_file_twice(protocol, device, tmp_path):
    stages = cifar10_stages(Cifar10Workspace(tmp_path, None, [0, 1], arms_of(protocol), device), protocol)
    before = set()
    for stage in stages:
        assert set(stage.after) <= before
        assert stage.name not in before
        before.add(stage.name)
    outputs = [output for stage in stages for output in stage.outputs]
    assert len(set(outputs)) == len(outputs)


def test_on_an_accelerator_all_runs_train_as_one_stack(tmp_path):
    assert Cifar10Workspace(tmp_path, None, [0, 1, 2], [], "cpu").blocks == [[0], [1], [2]]
    assert Cifar10Workspace(tmp_path, None, [0, 1, 2], [], "cuda").blocks == [[0, 1, 2]]


def test_the_papers_table_one_and_its_other_values():
    values = published_values()
    asked = [question for _, question in cifar10_plan("paper") if question.metric == "cru_s"]
    assert len(asked) == 12  # three radii, two evaluations, two denominators
    for question in asked:
        entry = values[f"paper/{question.key}"]
        assert (entry["standard"], entry["robust"]) == TABLE_ONE[question.attack.epsilon]
        assert "does not say which evaluation" in entry["note"]
    least = values["paper/cru_epsilon/class/white-box/paper/least-epsilon/0.05/all"]
    assert (least["standard"], least["robust"]) == (0.0014, 0.005)
    assert values["paper/cau/class/clean"] == {"standard": 0.286, "robust": 0.344}
    assert len(values) == 14


def test_the_papers_robust_accuracy_of_the_robust_arm_is_static_transfer():
    found = published_accuracy("cifar10", attack="pgd-20", epsilon=0.01)
    assert found["static", "static-transfer", "paper", "pgd-20", "0.01"] == 0.8312
    assert found["standard", "white-box", "paper", "pgd-20", "0.01"] == 0.0424
    assert (found["standard", "clean"], found["static", "clean"]) == (0.7196, 0.7243)


def test_attacked_rows_are_as_many_of_each_class_and_the_same_each_time():
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 30))
    images = Dataset(np.zeros((300, 1)), y, tuple("abcdefghij"))
    chosen = stratified(images, 50)
    np.testing.assert_array_equal(np.bincount(y[chosen]), np.full(10, 5))
    np.testing.assert_array_equal(chosen, stratified(images, 50))
    np.testing.assert_array_equal(np.sort(chosen), chosen)
    np.testing.assert_array_equal(stratified(images, 300), np.arange(300))


def test_what_was_cut_is_said():
    whole = {"train_rows": None, "epochs": 20, "restarts": 5, "seeds": 3}
    rows = {"train": 50_000, "test": 10_000, "attacked": 10_000}
    assert describe_cuts(whole, {"rows": rows}) == []
    quick = {"train_rows": QUICK.train_rows, "epochs": 5, "restarts": QUICK.restarts, "seeds": 1}
    said = " ".join(describe_cuts(quick, {"rows": {"train": 8_000, "test": 10_000, "attacked": 300}}))
    for part in ("8,000 of 50,000", "5 of 20 epochs", "300 of 10,000", "1 instead of 5", "One training run"):
        assert part in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "fair"}, "unknown protocol 'fair'"),
        ({"seeds": 0}, "seeds is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"attacked_rows": 5}, "attacked rows are 5; expected 10 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message, tmp_path):
    with pytest.raises(FairtollError, match=message):
        reproduce_cifar10(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()
