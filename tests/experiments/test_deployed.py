"""Defences that change what is deployed, from the name of a recipe to the page: certificates, detector, alarms."""

from dataclasses import replace

import numpy as np
import pytest

from fairtoll import Evidence
from fairtoll.experiments import find_experiment, reproduce
from fairtoll.experiments.defences import with_recipes
from fairtoll.experiments.gaussian import EPSILON, THREAT, TwoGaussians
from fairtoll.findings.results import Results
from fairtoll.report.sections.certificates import certificates
from fairtoll.report.sections.detection import detection
from fairtoll.training import FitSettings

FEATURES, ROWS = 3, 200


def small(names, *, strengths=1):
    gaussian = find_experiment("gaussian")
    data = replace(gaussian.data, attacked=None, load=TwoGaussians(strong=2, weak=1, train=600, test=ROWS))
    settings = FitSettings(epochs=3, learning_rate=0.01)
    return with_recipes(replace(gaussian, data=data, settings=settings), names, strengths=strengths)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Without the search for least epsilon, and what reads it."""
    folder, experiment = tmp_path_factory.mktemp("defences") / "run", small("smoothing,squeezing")
    quick = replace(
        experiment,
        collections=tuple(one for one in experiment.collections if one.name != "least-epsilon"),
        questions=tuple(one for one in experiment.questions if one[1].metric in ("cau", "cru_s")),
    )
    reproduce(quick, folder, runs=1, workers=1)
    return folder


@pytest.fixture(scope="module")
def results(run):
    return Results.read(run / "results.json")


def test_what_is_measured_on_whom():
    experiment = small("smoothing,squeezing,online")
    by_name = {collection.name: experiment.measured(collection) for collection in experiment.collections}
    assert by_name["certificates"] == ["smoothing"]
    assert by_name["detection"] == ["squeezing"]
    assert by_name["transfer"] == ["smoothing", "squeezing"]
    # Whatever a question reads is measured on every arm.
    for name in ("predict", "checks", "union", "least-epsilon"):
        assert set(by_name[name]) == set(experiment.arms())
    assert not {"certificates", "detection", "transfer"} & {one.name for one in small("online").collections}
    at_three = small("smoothing", strengths=3)
    certified = next(one for one in at_three.collections if one.name == "certificates")
    assert at_three.measured(certified) == ["smoothing-sigma-0.25", "smoothing-sigma-0.5", "smoothing"]


def test_certificates_of_the_smoothed_arm_hold_against_what_was_run(run, results):
    (certified,) = results.certified
    assert (certified.arm, certified.method, certified.norm) == ("smoothing", "smoothing", "l2")
    everyone = certified.groups[0]
    accuracy = next(one for one in results.accuracy if one.arm == "smoothing" and one.evaluation == "clean")
    assert 0 < everyone.certified <= accuracy.mean
    assert everyone.certified + everyone.abstained <= 1
    assert certified.claims == round(everyone.certified * ROWS)
    # Radii are in L2: a row certified to sqrt(features) times epsilon withstands every attack at epsilon. Of a linear
    # model the mean over pairs of draws decides as the vote over all noise does.
    evidence = Evidence.load(run / "evidence")
    radius, rows, _ = evidence.certified_radius("smoothing", threat=THREAT, norm="l2", method="smoothing")
    safe = rows[radius[0] > np.sqrt(FEATURES) * 0.5 * EPSILON]
    assert len(safe) > 10
    where = {"evaluation": "white-box", "threat": THREAT, "epsilon": 0.5 * EPSILON}
    broken, covered = evidence.success_of_rows("smoothing", attack="check-pgd-20", **where)
    assert broken.any()
    assert not broken[0, np.isin(covered, safe)].any()


def test_the_detector_flags_about_its_share_of_clean_rows(results):
    clean, evaded, attacked = results.detections
    assert (evaded.evades, attacked.evades) == (True, False)
    assert evaded.groups[0].flagged <= attacked.groups[0].flagged
    assert (clean.arm, clean.evaluation, attacked.evaluation) == ("squeezing", "clean", "white-box")
    assert clean.groups[0].rows == ROWS
    assert attacked.groups[0].rows < ROWS
    assert clean.groups[0].flagged < 0.2  # its threshold is that of 60 rows
    assert {group.partition for group in clean.groups} == {"all", "class", "group"}


def test_alarms_compare_each_defence_with_a_naive_attack_and_with_transfer(results):
    by_arm = {}
    for alarm in results.alarms:
        by_arm.setdefault(alarm.arm, {})[alarm.id] = alarm
    for arm in ("smoothing", "squeezing"):
        assert {"gradients-hidden", "transfer-adds", "transfer-stronger-than-white-box"} <= set(by_arm[arm])
    assert by_arm["squeezing"]["gradients-hidden"].fired
    assert not by_arm["smoothing"]["gradients-hidden"].fired
    assert "gradients-hidden" not in by_arm["standard"]
    assert not any(alarms["black-box-adds"].fired for alarms in by_arm.values())


def test_the_sections_say_who_is_certified_and_who_is_flagged(results):
    *_, groups = certificates(results).tables
    assert groups.name == "certificates-groups"
    assert [row[:4] for row in groups.rows[:2]] == [
        ["Randomized smoothing", "smoothing, L2", "all", "all"],
        ["Randomized smoothing", "smoothing, L2", "class", groups.rows[1][3]],
    ]
    (flagged,) = detection(results).tables
    assert {row[1] for row in flagged.rows} == {
        "clean", "broken by pgd-20 at ε = 0.2", "broken by attacks that know the detector at ε = 0.2",
    }  # fmt: skip
    assert len(flagged.rows) == 3 * len(results.detections[0].groups)
