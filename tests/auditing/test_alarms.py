"""Each alarm fires on numbers made by hand to set it off, and on nothing else."""

import numpy as np
import pandas as pd
import pytest

from fairtoll import Evidence
from fairtoll.auditing.alarms import TITLES, raise_alarms
from fairtoll.evidence import describe_attack, describe_predictions

ROWS = 1000
RADII = (1.0, 2.0, 4.0)


def evidence(*, clean=900, radii=RADII, seeds=1, transfer=None, source="plain", **standing):
    """One arm whose first `n` rows stand, n by check or attack, at each radius.

    Quiet by default: accuracy 0.9 clean, 0.5, 0.3 and 0.1 under PGD, more under weaker attacks.
    """
    stands = {
        "pgd-20": [500, 300, 100],
        "check-pgd-20": [500, 300, 100],
        "check-single-step": [600, 400, 200],
        "check-noise": [850, 800, 700],
        "check-large": [0],
        "check-zero-gradient": [1000],
    } | {name.replace("_", "-"): values for name, values in standing.items()}
    right = np.arange(ROWS) < clean
    chances = np.where(right[:, None], [0.2, 0.8], [0.8, 0.2])
    predictions, attacks = [], []
    for seed in range(seeds):
        predictions.append(describe_predictions(chances, arm="hardened", seed=seed))
        for name, counts in stands.items():
            where = {"arm": "hardened", "seed": seed, "evaluation": "white-box", "threat": "paper", "attack": name}
            at = {"check-large": (1e6,), "check-zero-gradient": (0.0,)}.get(name, radii)
            attacks += [
                describe_attack(np.arange(ROWS) >= count if np.ndim(count) == 0 else count, **where, epsilon=epsilon)
                for count, epsilon in zip(counts, at, strict=True)
            ]
        for count, epsilon in zip(transfer or [], radii, strict=False):
            where = {"arm": "hardened", "seed": seed, "evaluation": "static-transfer", "threat": "paper"}
            attacks.append(
                describe_attack(
                    np.arange(ROWS) >= count, **where, attack="pgd-20", epsilon=epsilon, source_arm=source
                )
            )  # fmt: skip
    rows = pd.DataFrame({"row": np.arange(ROWS), "label": np.ones(ROWS, dtype=int)})
    return Evidence(rows, pd.concat(predictions), pd.concat(attacks), ("no", "yes"))


def alarms(found):
    return {alarm.id: alarm for alarm in raise_alarms(found, "hardened", threat="paper")}


def fired(found):
    return {name for name, alarm in alarms(found).items() if alarm.fired}


def only(*rows):
    """Which rows are broken: those named."""
    return np.isin(np.arange(ROWS), np.concatenate([np.arange(*pair) for pair in rows]))


def test_nothing_fires_on_a_plain_evaluation():
    found = alarms(evidence(transfer=[800, 700, 600]))
    assert set(found) == set(TITLES)
    assert not any(alarm.fired for alarm in found.values())
    assert {alarm.title for alarm in found.values()} == set(TITLES.values())
    assert all(alarm.arm == "hardened" and alarm.message.startswith("hardened: ") for alarm in found.values())


def test_robust_above_clean():
    found = evidence(transfer=[950, 700, 600])
    assert fired(found) == {"robust-above-clean"}
    alarm = alarms(found)["robust-above-clean"]
    assert alarm.value == pytest.approx(0.05)
    assert "95.0% under static-transfer pgd-20 at 1, 90.0% clean" in alarm.message
    # Up to 0.2 points are rounding.
    assert fired(evidence(transfer=[901, 700, 600])) == set()
    assert fired(evidence(transfer=[903, 700, 600])) == {"robust-above-clean"}


def test_transfer_stronger_than_white_box():
    found = evidence(transfer=[800, 250, 600])
    assert fired(found) == {"transfer-stronger-than-white-box"}
    alarm = alarms(found)["transfer-stronger-than-white-box"]
    assert alarm.value == pytest.approx(0.05)
    assert "at 2: 25.0% against 30.0%" in alarm.message
    assert fired(evidence(transfer=[800, 299, 600])) == set()


def test_an_arms_own_examples_are_no_transfer():
    assert "transfer-stronger-than-white-box" not in alarms(evidence(transfer=[800, 250, 600], source="hardened"))


def test_vanished_gradients():
    assert fired(evidence(check_zero_gradient=[980])) == {"zero-gradients"}
    assert fired(evidence(check_zero_gradient=[995])) == set()
    assert alarms(evidence(check_zero_gradient=[980]))["zero-gradients"].value == pytest.approx(0.02)


def test_a_single_step_that_is_stronger():
    found = evidence(check_single_step=[600, 280, 200])
    assert fired(found) == {"single-step-stronger"}
    alarm = alarms(found)["single-step-stronger"]
    assert alarm.value == pytest.approx(0.02)
    assert "28.0% standing at 2, PGD with 20 steps 30.0%" in alarm.message
    assert fired(evidence(check_single_step=[600, 300, 200])) == set()


def test_noise_that_is_as_strong():
    found = evidence(check_noise=[850, 800, 60])
    assert fired(found) == {"noise-as-strong"}
    assert alarms(found)["noise-as-strong"].value == pytest.approx(0.04)
    assert fired(evidence(check_noise=[850, 800, 99])) == set()


def test_accuracy_that_rises():
    found = evidence(check_pgd_20=[500, 300, 350], check_single_step=[600, 400, 400])
    assert fired(found) == {"not-monotone"}
    assert "50.0% at 1, 30.0% at 2, 35.0% at 4" in alarms(found)["not-monotone"].message
    # Fifty rows that 2 broke stand at 4.
    assert alarms(found)["not-monotone"].value == pytest.approx(0.05)


def test_rows_that_stand_again_while_the_accuracy_falls():
    # 300 broken at 1; of them 20 stand at 2, where 320 others are broken; all of these at 4.
    broken = [only((0, 300)), only((20, 620)), only((0, 700))]
    found = evidence(check_pgd_20=broken, check_single_step=[900, 900, 900], check_noise=[990, 990, 990])
    assert fired(found) == {"not-monotone"}
    assert alarms(found)["not-monotone"].value == pytest.approx(0.02)
    few = [only((0, 300)), only((5, 620)), only((0, 700))]
    assert fired(evidence(check_pgd_20=few, check_single_step=[900] * 3, check_noise=[990] * 3)) == set()


def test_a_boundless_attack_that_leaves_rows():
    found = evidence(check_large=[1])
    assert fired(found) == {"large-epsilon-not-zero"}
    assert alarms(found)["large-epsilon-not-zero"].value == pytest.approx(0.001)
    assert "0.1% of the checked rows stand under a radius of 1e+06" in alarms(found)["large-epsilon-not-zero"].message


def test_every_training_run_counts():
    one, two = (alarms(evidence(seeds=seeds, transfer=[950, 700, 600])) for seeds in (1, 2))
    assert {name: alarm.value for name, alarm in one.items()} == {name: alarm.value for name, alarm in two.items()}


def test_one_radius_has_no_order():
    quiet = {name: [count] for name, count in (("pgd_20", 500), ("check_pgd_20", 500), ("check_single_step", 600))}
    found = alarms(evidence(radii=(1.0,), **quiet, check_noise=[850]))
    assert not found["not-monotone"].fired
    assert found["not-monotone"].value == 0


def test_no_attacks_no_alarms():
    whole = evidence()
    clean_only = Evidence(whole.rows, whole.predictions, whole.attacks.head(0), whole.class_names)
    assert alarms(clean_only) == {}


def test_another_threats_checks_are_not_read():
    whole = evidence(check_large=[500], check_noise=[10, 10, 10])
    other = Evidence(whole.rows, whole.predictions, whole.attacks.assign(threat="realistic"), whole.class_names)
    assert set(alarms(other)) == {"robust-above-clean"}
