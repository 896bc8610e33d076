"""The plan of the CIFAR-10 experiment: every question once, and the paper's values where they belong."""

import numpy as np
import pytest

from fairtoll import FairtollError
from fairtoll.data import Dataset
from fairtoll.experiments import find_experiment, reproduce
from fairtoll.experiments.engine import build_run, configuration_of
from fairtoll.experiments.published import published_accuracy
from fairtoll.experiments.running import prepare
from fairtoll.experiments.workspace import stratified
from fairtoll.runs.stages import expected_seconds

CIFAR10 = find_experiment("cifar10")
#: Typed in from the paper's Table I.
TABLE_ONE = {0.01: (0.1343, 0.2585), 0.012: (0.0845, 0.1627), 0.014: (0.0471, 0.1056)}


def test_the_papers_table_one_and_its_other_values():
    values = CIFAR10.published
    asked = [question for _, question in CIFAR10.plan("paper") if question.metric == "cru_s"]
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


def test_what_was_reduced_is_said():
    def said(**options):
        whole = prepare("cifar10", device="cpu", **options)
        return CIFAR10.reductions(configuration_of(whole, "cpu"), {"rows": rows})

    rows = {"train": 50_000, "test": 10_000, "attacked": 10_000}
    assert said() == []
    rows = {"train": 3_000, "test": 4_000, "attacked": 200}
    together = " ".join(said(quick=True))
    for part in (
        "3,000 of 50,000",
        "5 of 20 epochs",
        "batches of 100 instead of 250",
        "4,000 of 10,000 test images",
        "200 of 4,000",
        "1 instead of 5",
        "30 instead of 500",
        "One training run",
    ):
        assert part in together


SIX = "online,trades,smoothing,frl,dafa"


def test_six_recipes_are_compared_quickly_by_two_runs(tmp_path):
    quick = prepare("cifar10", device="cpu", quick=True, recipes=SIX, strengths=1)
    assert quick.runs == 2
    assert prepare("cifar10", device="cpu", quick=True, recipes=SIX, strengths=1, runs=5).runs == 5
    assert prepare("cifar10", device="cpu", recipes=SIX, strengths=1).runs == 5
    # Less than 20 minutes on two cores as fast as those that the costs were measured on.
    _, stages = build_run(quick, tmp_path / "run", "cpu", None)
    assert expected_seconds(stages, workers=2) < 20 * 60


def test_what_was_reduced_of_recipes_is_said():
    def said(names, **options):
        whole = prepare("cifar10", device="cpu", recipes=names, strengths=1, **options)
        return " ".join(whole.reductions(configuration_of(whole, "cpu"), {"rows": rows}))

    rows = {"train": 50_000, "test": 10_000, "attacked": 10_000}
    assert said("smoothing,squeezing") == ""
    rows = {"train": 3_000, "test": 10_000, "attacked": 400}
    both = said("smoothing,squeezing", quick=True)
    for part in (
        "Two training runs",
        "far wider than from five",
        "Certified radii are of 200 instead of 500 images, by 200 instead of 500 votes",
        "Detectors are attacked on 200 instead of 500 images, by 5 instead of 10 steps",
    ):
        assert part in both
    neither = said("online", quick=True)
    assert "Two training runs" in neither
    assert "votes" not in neither
    assert "Detectors" not in neither


def test_what_a_device_and_options_change():
    whole = prepare("cifar10", device="cuda")
    assert (whole.data.attacked, whole.leave_one_out.chunk) == (10_000, 10)
    quick = prepare("cifar10", device="cuda", quick=True)
    assert (quick.data.attacked, quick.data.train, quick.runs, quick.settings.epochs) == (400, 3_000, 1, 5)
    assert prepare("cifar10", device="cpu", quick=True, attacked_rows=50, runs=2).data.attacked == 50
    assert prepare("cifar10", device="cpu", quick=True, runs=2).runs == 2
    # A description that is given as a value is run as it is.
    assert prepare(CIFAR10, device="cuda") == CIFAR10
    with pytest.raises(FairtollError, match="adult has no option quick; it has exact"):
        prepare("adult", device="cpu", quick=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "fair"}, "unknown protocol 'fair'"),
        ({"runs": 0}, "runs is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"attacked_rows": 5}, "attacked rows are 5; expected 10 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message, tmp_path):
    with pytest.raises(FairtollError, match=message):
        reproduce("cifar10", tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()
