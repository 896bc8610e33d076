"""Evidence of what is deployed: who is certified, who abstains, and whom a detector flags."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import nn

from fairtoll import Evidence, FairtollError, LinfThreat
from fairtoll.attacks import PGD
from fairtoll.bounds.smoothing import certify
from fairtoll.data import Dataset
from fairtoll.evidence import Arm, Certify, Clean, Detect, Target, collect, describe_detection
from fairtoll.evidence.store import NO_ATTACKS, describe_predictions, describe_rows
from fairtoll.findings.certificates import abstention_notes, certified
from fairtoll.findings.detections import detections
from fairtoll.models.smoothed import Smoothed
from fairtoll.models.squeezed import Squeezed
from fairtoll.models.squeezers import Levels

ROWS = 300
X = np.random.default_rng(0).normal(size=(ROWS, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
DATA = Dataset(X, Y, ("no", "yes"), groups={"sex": np.where(np.arange(ROWS) % 3 == 0, "f", "m")})
TARGET = Target(DATA, LinfThreat(), "paper")


def linear():
    model = nn.Linear(4, 2)
    weight = torch.tensor([[-3.0, 0.0, 0.0, 0.0], [3.0, 0.0, 0.0, 0.5]])
    model.load_state_dict({"weight": weight, "bias": torch.zeros(2)})
    return model


def smoothed(sigma=0.3):
    noise = sigma * torch.randn(32, 4, generator=torch.Generator().manual_seed(1))
    return Smoothed(linear(), noise, torch.full((4,), sigma), sigma=sigma)


def squeezed():
    levels = Levels(torch.full((4,), -3.0), torch.full((4,), 3.0), bits=3)
    return Squeezed(linear(), levels, [levels], clean=torch.randn(999, 4, generator=torch.Generator().manual_seed(2)))


def evidence_of(*, tables, predictions):
    return Evidence(describe_rows(DATA), predictions, NO_ATTACKS, DATA.class_names, None, **tables)


def of_smoothed(models, tmp_path, measure=Certify(draws=400)):
    arm = Arm("smoothing", models, list(range(len(models))))
    made = collect(measure, arm, TARGET).certificates
    whole = evidence_of(tables={"certificates": made}, predictions=collect(Clean(), arm, TARGET).predictions)
    whole.save(tmp_path)
    return made, Evidence.load(tmp_path)


def test_certificates_are_those_of_the_votes_and_of_right_predictions_alone(tmp_path):
    made, found = of_smoothed([smoothed()], tmp_path)
    radius, rows, _ = found.certified_radius("smoothing", threat="paper", norm="l2", method="smoothing")
    abstained = found.abstained("smoothing", threat="paper", norm="l2", method="smoothing")
    assert np.array_equal(rows, np.arange(ROWS))
    again = collect(Certify(draws=400), Arm("smoothing", [smoothed()], [0]), TARGET).certificates
    pd.testing.assert_frame_equal(made, again)
    right = smoothed()(TARGET.x).argmax(dim=1).numpy() == Y
    assert (radius[0][~right] == 0).all()
    assert np.array_equal(radius[0] > 0, right & ~abstained[0])
    other = certify(smoothed(), TARGET.x, generator=torch.Generator().manual_seed(99), draws=400)
    assert np.corrcoef(radius[0], other.radius.numpy() * right)[0, 1] > 0.95


def test_shares_of_classes_and_groups(tmp_path):
    _, found = of_smoothed([smoothed(), smoothed(0.4)], tmp_path)
    (one,) = certified(found, minimum_rows=10)
    radius, _, _ = found.certified_radius("smoothing", threat="paper", norm="l2", method="smoothing")
    abstained = found.abstained("smoothing", threat="paper", norm="l2", method="smoothing")
    assert [(group.partition, group.group) for group in one.groups] == [
        ("all", "all"), ("class", "no"), ("class", "yes"), ("sex", "f"), ("sex", "m"),
    ]  # fmt: skip
    for group, member in zip(
        one.groups, (slice(None), Y == 0, Y == 1, np.arange(ROWS) % 3 == 0, np.arange(ROWS) % 3 != 0), strict=True
    ):
        assert group.certified == pytest.approx((radius[:, member] > 0).mean())
        assert group.abstained == pytest.approx(abstained[:, member].mean())
        assert group.interval[0] < group.certified < group.interval[1]
    assert one.abstained == pytest.approx(abstained.mean())
    assert abstention_notes(found) == []


def test_noise_so_large_that_all_abstain_is_said(tmp_path):
    with pytest.warns(UserWarning, match="abstains on each of 300 rows"):
        _, found = of_smoothed([smoothed(1000.0)], tmp_path, Certify(draws=60, alpha=1e-6))
    (one,) = certified(found, minimum_rows=10)
    assert one.abstained == 1.0
    assert one.mean == 0.0
    assert abstention_notes(found) == [
        "The certified prediction of smoothing abstains on every one of 300 rows: its noise is so large that no class "
        "has most of the votes, and nothing is certified of it; a smaller sigma certifies more."
    ]


def test_a_detector_is_asked_about_clean_rows_and_about_those_that_the_attack_broke():
    model, arm = squeezed(), Arm("squeezing", [squeezed()], [0])
    made = collect(Detect(epsilon=0.3), arm, TARGET).detections
    found = evidence_of(tables={"detections": made}, predictions=collect(Clean(), arm, TARGET).predictions)
    clean, evaded, attacked = (found.detected("squeezing", name) for name in found.detection_names("squeezing"))
    assert clean.counted.all()
    assert np.array_equal(clean.flagged[0], model.flags(TARGET.x).numpy())
    # Set on other rows of the same distribution: within the binomial interval, widened by the draw of the threshold.
    low, high = stats.betabinom(ROWS, 50, 950).interval(0.99)
    assert low <= clean.flagged.sum() <= high
    right = model(TARGET.x).argmax(dim=1) == TARGET.y
    broken = PGD(steps=20)(model, TARGET.x, TARGET.y, threat=TARGET.threat, epsilon=0.3)
    assert np.array_equal(attacked.counted[0], (right & broken.success).numpy())
    assert np.array_equal(attacked.flagged[0], model.flags(broken.perturbed).numpy())
    # What knows the detector finds what the other attack found unflagged, and more.
    missed, known = (one.counted[0] & ~one.flagged[0] for one in (attacked, evaded))
    assert not (missed & ~known).any()
    assert known.sum() > missed.sum()
    assert not (attacked.counted[0] & ~evaded.counted[0]).any()


def test_rates_by_class_and_group_count_what_counts_alone(tmp_path):
    rows, flagged = np.arange(ROWS), np.arange(ROWS) % 10 == 0
    counted = Y == 1
    parts = [
        describe_detection(flagged, counted, arm="a", seed=seed, rows=rows, evaluation="white-box", threat="paper",
                           attack="pgd-20", epsilon=0.3)
        for seed in (0, 1)
    ]  # fmt: skip
    chances = np.eye(2)[Y] * 0.8 + 0.1
    predictions = [
        describe_predictions(chances + 0.01 * seed * np.array([1, -1]), arm="a", seed=seed) for seed in (0, 1)
    ]
    found = evidence_of(tables={"detections": pd.concat(parts)}, predictions=pd.concat(predictions))
    found.save(tmp_path)
    (one,) = detections(Evidence.load(tmp_path))
    by_group = {(group.partition, group.group): group for group in one.groups}
    assert by_group["class", "no"].flagged is None
    assert by_group["class", "no"].rows == 0
    assert by_group["class", "yes"].flagged == pytest.approx(flagged[Y == 1].mean())
    female = (rows % 3 == 0) & counted
    assert by_group["sex", "f"].flagged == pytest.approx(flagged[female].mean())
    assert by_group["sex", "f"].rows == female.sum()
    assert one.runs == 2


def test_a_sample_is_as_large_a_share_of_each_class():
    made = collect(Certify(draws=20, rows=60), Arm("smoothing", [smoothed()], [0]), TARGET).certificates
    assert np.bincount(Y[made["row"]]).tolist() == [np.ceil((label == Y).sum() / 5) for label in (0, 1)]
    some = collect(Detect(0.3, rows=60), Arm("squeezing", [squeezed()], [0]), TARGET).detections
    assert sorted(set(some["row"])) == sorted(set(made["row"]))


def test_bad_input():
    with pytest.raises(FairtollError, match=r"arm 'plain' has models of type Linear; expected smoothed ones.*; give"):
        collect(Certify(), Arm("plain", [linear()], [0]), TARGET)
    with pytest.raises(FairtollError, match=r"arm 'plain' has models of type Linear; expected models with a detector"):
        collect(Detect(0.3), Arm("plain", [linear()], [0]), TARGET)
    with pytest.raises(FairtollError, match="rows is 0; expected 1 or more, or None for all; give more rows"):
        Certify(rows=0)
    with pytest.raises(FairtollError, match="rows is 0; expected 1 or more"):
        Detect(0.3, rows=0)
    with pytest.raises(FairtollError, match="certification with 0 draws"):
        Certify(draws=0)
    with pytest.raises(FairtollError, match=r"flagged has shape \(1,\), counted \(2,\)"):
        describe_detection([True], [True, False], arm="a", seed=0, rows=[0])
