"""Each alarm fires on numbers made by hand to set it off, and on nothing else."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import binomtest
from torch import nn

from fairtoll import Evidence, LinfThreat
from fairtoll.data import Dataset
from fairtoll.evidence import Checks, collect
from fairtoll.evidence.store import describe_attack, describe_least_epsilon, describe_predictions
from fairtoll.findings import Arm, Target
from fairtoll.findings.alarms import TITLES, raise_alarms
from fairtoll.models.defended import naive_form
from fairtoll.models.smoothed import Smoothed
from fairtoll.models.squeezed import Squeezed
from fairtoll.models.squeezers import Levels
from fairtoll.models.tempered import Tempered

ROWS = 1000
RADII = (1.0, 2.0, 4.0)


def evidence(*, clean=900, radii=RADII, seeds=1, transfer=None, source="plain", black_box_at=2.0, **standing):
    """One arm whose first `n` rows stand, n by check or attack, at each radius.

    Quiet by default: accuracy 0.9 clean, 0.5, 0.3 and 0.1 under PGD, more under weaker attacks.
    """
    stands = {
        "pgd-20": [500, 300, 100],
        "check-pgd-20": [500, 300, 100],
        "check-single-step": [600, 400, 200],
        "check-noise": [850, 800, 700],
        "check-white-box": [280],
        "check-square": [350],
        "check-large": [0],
        "check-zero-gradient": [1000],
        "check-outside-box": [1000],
    } | {name.replace("_", "-"): values for name, values in standing.items()}
    right = np.arange(ROWS) < clean
    chances = np.where(right[:, None], [0.2, 0.8], [0.8, 0.2])
    predictions, attacks = [], []
    for seed in range(seeds):
        chances = chances + 0.001 * seed * np.array([1, -1])  # no two training runs are alike
        predictions.append(describe_predictions(chances, arm="hardened", seed=seed))
        for name, counts in stands.items():
            where = {"arm": "hardened", "seed": seed, "evaluation": "white-box", "threat": "paper", "attack": name}
            once = {"check-large": 1e6, "check-zero-gradient": 0.0, "check-white-box": black_box_at}
            once["check-outside-box"] = 0.0
            once["check-square"] = black_box_at
            at = (once[name],) if name in once else radii
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
    assert set(found) == set(TITLES) - {
        "least-epsilon-refuted", "certificate-broken", "proof-contradicted", "scores-miss-rows", "gradients-hidden",
        "transfer-adds", "decisions-miss-rows",
    }  # fmt: skip
    assert not any(alarm.fired for alarm in found.values())
    assert all(alarm.title == TITLES[name] for name, alarm in found.items())
    for alarm in found.values():
        assert alarm.arm == "hardened"
        assert alarm.meaning
        assert alarm.readings
        # Whatever figure the words hold is one of the record, or its difference.
        assert any(f"{reading.value:.1%}" in alarm.message for reading in alarm.readings)


def test_robust_above_clean():
    found = evidence(transfer=[950, 700, 600])
    assert fired(found) == {"robust-above-clean"}
    alarm = alarms(found)["robust-above-clean"]
    assert alarm.value == pytest.approx(0.05)
    assert "95.0% under static-transfer pgd-20 at 1, 90.0% clean" in alarm.message
    # Up to 0.2 points are rounding.
    assert fired(evidence(transfer=[901, 700, 600])) == set()
    assert fired(evidence(transfer=[903, 700, 600])) == {"robust-above-clean"}


def test_a_defence_that_hides_gradients():
    honest = evidence(check_naive=[520, 349, 100])
    assert fired(honest) == set()
    assert alarms(honest)["gradients-hidden"].value == pytest.approx(0.049)
    hidden = evidence(check_naive=[880, 900, 900])
    assert fired(hidden) == {"gradients-hidden"}
    alarm = alarms(hidden)["gradients-hidden"]
    assert alarm.value == pytest.approx(0.8)
    assert "at 4: 90.0% with the gradients of one who does not know the defence, 10.0% through it" in alarm.message


def test_examples_of_another_model_that_break_other_rows_of_a_defence():
    naive = {"check_naive": [500, 300, 100], "pgd_20": [500, 300, 0]}
    # 700 rows, as many as its own attack breaks at radius 2: a hundred of them others.
    others = only((0, 100), (400, 1000))
    transfer = evidence(transfer=[800, 300, 600], **naive)
    assert fired(transfer) == set()
    found = pd.concat([transfer.attacks, describe_attack(
        others, arm="hardened", seed=0, evaluation="static-transfer", threat="paper", attack="pgd-7", epsilon=2.0,
        source_arm="plain",
    )])  # fmt: skip
    again = Evidence(transfer.rows, transfer.predictions, found, ("no", "yes"))
    assert fired(again) == {"transfer-adds"}
    assert alarms(again)["transfer-adds"].value == pytest.approx(0.1)
    # Of a model without a defence transferred examples are compared by their accuracy alone.
    plain = evidence(transfer=[800, 300, 600])
    assert "transfer-adds" not in alarms(plain)


def test_transfer_stronger_than_white_box():
    found = evidence(transfer=[800, 250, 600])
    assert fired(found) == {"transfer-stronger-than-white-box"}
    alarm = alarms(found)["transfer-stronger-than-white-box"]
    assert alarm.value == pytest.approx(0.05)
    assert "at 2: 25.0% against 30.0%" in alarm.message
    assert fired(evidence(transfer=[800, 299, 600])) == set()


def test_transfer_is_held_against_the_strongest_attack_of_another_name():
    """An audit transfers PGD and attacks with a union: no name need agree."""
    found = evidence(transfer=[800, 250, 600])
    renamed = found.attacks["attack"].where(
        found.attacks["attack"].ne("pgd-20") | found.attacks["evaluation"].ne("white-box"), "union"
    )
    weaker = found.attacks[renamed == "union"].assign(attack="pgd-5", success=False)
    attacks = pd.concat([found.attacks.assign(attack=renamed), weaker])
    alarm = alarms(Evidence(found.rows, found.predictions, attacks, found.class_names))[
        "transfer-stronger-than-white-box"
    ]
    assert alarm.fired
    assert alarm.value == pytest.approx(0.05)
    assert "its own attack (union)" in alarm.message


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
    assert "accuracy under a single step at 2: 28.0%, under PGD with 20 steps: 30.0%" in alarm.message
    assert [reading.value for reading in alarm.readings] == pytest.approx([0.28, 0.30])
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
    found = evidence(check_pgd_20=broken, check_single_step=[900, 700, 500], check_noise=[990, 990, 990])
    assert fired(found) == {"not-monotone"}
    assert alarms(found)["not-monotone"].value == pytest.approx(0.02)
    few = [only((0, 300)), only((5, 620)), only((0, 700))]
    assert fired(evidence(check_pgd_20=few, check_single_step=[900, 700, 500], check_noise=[990] * 3)) == set()


def test_a_boundless_attack_that_leaves_rows():
    found = evidence(check_large=[1])
    assert fired(found) == {"large-epsilon-not-zero"}
    assert alarms(found)["large-epsilon-not-zero"].value == pytest.approx(0.001)
    assert (
        "0.1% of the checked rows are not broken at a radius of 1e+06"
        in alarms(found)["large-epsilon-not-zero"].message
    )


def test_every_training_run_counts():
    one, two = (alarms(evidence(seeds=seeds, transfer=[950, 700, 600])) for seeds in (1, 2))
    assert {name: alarm.value for name, alarm in one.items()} == {name: alarm.value for name, alarm in two.items()}


def test_one_radius_has_no_order():
    quiet = {name: [count] for name, count in (("pgd_20", 500), ("check_pgd_20", 500), ("check_single_step", 600))}
    found = alarms(evidence(radii=(1.0,), **quiet, check_noise=[850], black_box_at=1.0))
    assert not found["not-monotone"].fired
    assert found["not-monotone"].value == 0


@pytest.mark.parametrize(("inside", "fires"), [(1000, False), (995, False), (980, True), (100, True)])
def test_rows_outside_the_box(inside, fires):
    found = alarms(evidence(check_outside_box=[inside]))["outside-box"]
    assert found.fired == fires
    assert found.value == pytest.approx(1 - inside / ROWS)
    # Of few rows little depends on it; of most the box is in other units, and nothing can be said.
    assert ("may be too high by at most this share" in found.message) is (inside == 980)
    assert ("in other units than the data" in found.message) is (inside == 100)


def searched(least, *, largest=4.0, **options):
    """The same evidence with a search for least epsilon: one value for each row, censored at the largest."""
    whole = evidence(**options)
    part = describe_least_epsilon(
        np.minimum(least, largest), least > largest, arm="hardened", seed=0, threat="paper", epsilon=largest
    )
    return Evidence(whole.rows, whole.predictions, pd.concat([whole.attacks, part]), whole.class_names)


def test_a_least_epsilon_that_another_attack_refutes():
    # PGD breaks rows 500 to 999 at 1, 300 to 999 at 2 and 100 to 999 at 4.
    truth = np.select([np.arange(ROWS) >= count for count in (500, 300, 100)], [1.0, 2.0, 4.0], 9.0)
    quiet = {"check_large": [1000], "check_noise": [999] * 3, "check_white_box": [300]}
    assert not alarms(searched(truth, **quiet))["least-epsilon-refuted"].fired
    assert alarms(searched(truth, **quiet))["least-epsilon-refuted"].value == 0
    worse = truth.copy()
    worse[700:800] = 3.0  # above 1 by far
    worse[800:900] = 1.02  # within what a search's tolerance explains
    found = searched(worse, **quiet)
    alarm = alarms(found)["least-epsilon-refuted"]
    assert alarm.fired
    assert [reading.value for reading in alarm.readings] == pytest.approx([0.1, 0.2])
    values, censored, rows = found.least_epsilon("hardened", evaluation="white-box", threat="paper", epsilon=4.0)
    np.testing.assert_array_equal(values[0], np.minimum(truth, 4.0))
    np.testing.assert_array_equal(censored[0], truth > 4)
    np.testing.assert_array_equal(rows, np.arange(ROWS))
    raw, _, _ = found.searched_least_epsilon("hardened", evaluation="white-box", threat="paper", epsilon=4.0)
    np.testing.assert_array_equal(raw[0], np.minimum(worse, 4.0))


def test_a_row_censored_by_the_search_and_broken_at_its_largest_radius_is_broken():
    least = np.full(ROWS, 9.0)
    quiet = {"check_large": [1000], "check_noise": [999] * 3, "check_single_step": [999] * 3}
    found = searched(least, **quiet)
    values, censored, _ = found.least_epsilon("hardened", evaluation="white-box", threat="paper", epsilon=4.0)
    np.testing.assert_array_equal(censored[0], np.arange(ROWS) < 100)
    assert set(values[0][:100]) == {4.0}
    assert alarms(found)["least-epsilon-refuted"].fired


def test_an_attack_on_some_rows_and_other_threats_refute_what_they_cover_alone():
    quiet = {"check_large": [1000], "check_noise": [999] * 3, "check_single_step": [999] * 3, "check_pgd_20": [999] * 3}
    base = searched(np.full(ROWS, 3.0), **quiet, pgd_20=[999] * 3, check_square=[999], check_white_box=[999])
    where = {"arm": "hardened", "seed": 0, "evaluation": "static-transfer", "attack": "pgd-20", "source_arm": "plain"}
    some = describe_attack([True] * 10, **where, threat="paper", epsilon=0.5, rows=np.arange(10))
    other = describe_attack([True] * 10, **where, threat="realistic", epsilon=0.1, rows=np.arange(10, 20))
    found = Evidence(base.rows, base.predictions, pd.concat([base.attacks, some, other]), base.class_names)
    values, _, _ = found.least_epsilon("hardened", evaluation="white-box", threat="paper", epsilon=4.0)
    expected = np.full(ROWS, 3.0)
    expected[:10], expected[999] = 0.5, 1.0
    np.testing.assert_array_equal(values[0], expected)


def test_no_attacks_no_alarms():
    whole = evidence()
    clean_only = Evidence(whole.rows, whole.predictions, whole.attacks.head(0), whole.class_names)
    assert alarms(clean_only) == {}


def test_another_threats_checks_are_not_read():
    whole = evidence(check_large=[500], check_noise=[10, 10, 10])
    other = Evidence(whole.rows, whole.predictions, whole.attacks.assign(threat="realistic"), whole.class_names)
    assert set(alarms(other)) == {"robust-above-clean"}


def test_a_black_box_that_finds_more():
    # Of the 280 rows that stand under the white-box union Square breaks 20.
    found = evidence(check_square=[260])
    assert fired(found) == {"black-box-adds"}
    alarm = alarms(found)["black-box-adds"]
    assert alarm.value == pytest.approx(0.02)
    assert "28.0% of the 1000 checked rows are not broken at 2 by white-box attacks, 26.0% with Square" in alarm.message
    # scipy.stats.binomtest(20, 1000).proportion_ci(): how much of it so few rows leave to chance.
    assert "95% interval 1.2% to 3.1%" in alarm.message
    assert fired(evidence(check_square=[278])) == set()


@pytest.mark.parametrize(("more", "fires"), [(1, False), (3, False), (5, False), (6, True), (30, True)])
def test_a_few_rows_more_are_chance(more, fires):
    """Of 1,000 rows: whether 0.2 points lie below the exact binomial interval."""
    found = alarms(evidence(check_square=[280 - more]))["black-box-adds"]
    low = binomtest(more, ROWS).proportion_ci(0.95).low
    assert found.fired == fires == (low > 0.002)
    assert found.value == pytest.approx(more / ROWS)


def test_training_runs_share_their_rows_and_add_no_certainty():
    one, many = (alarms(evidence(check_square=[276], seeds=seeds))["black-box-adds"] for seeds in (1, 20))
    assert one.message == many.message
    assert not many.fired


def test_a_black_box_is_compared_row_by_row_with_the_strongest_attacks_there():
    # Weaker on the whole, yet 30 of the rows that it breaks stand under the union.
    found = evidence(check_square=[only((270, 300), (900, 1000))])
    assert alarms(found)["black-box-adds"].value == pytest.approx(0.01)
    # Ten of them fall to plain PGD at that radius: they are no find of Square's.
    found = evidence(check_square=[only((270, 300), (900, 1000))], check_white_box=[300])
    assert alarms(found)["black-box-adds"].value == pytest.approx(0.03)
    pgd = [only((500, 1000)), only((275, 290), (300, 1000)), only((100, 1000))]
    found = evidence(check_square=[only((270, 300), (900, 1000))], check_white_box=[300], check_pgd_20=pgd)
    assert alarms(found)["black-box-adds"].value == pytest.approx(0.015)


def by_scores(**counts):
    """The same arm without gradients: an attack by scores, and what can be checked then."""
    stands = {"square-1000": [500, 300, 100], "check-square": [500, 300, 100], "check-noise": [850, 800, 700]} | {
        name.replace("_", "-"): values for name, values in counts.items()
    }
    chances = np.where((np.arange(ROWS) < 900)[:, None], [0.2, 0.8], [0.8, 0.2])
    where = {"arm": "hardened", "seed": 0, "evaluation": "scores-only", "threat": "paper"}
    attacks = [
        describe_attack(np.arange(ROWS) >= count, **where, attack=name, epsilon=epsilon)
        for name, values in stands.items()
        for count, epsilon in zip(values, RADII, strict=True)
    ]
    rows = pd.DataFrame({"row": np.arange(ROWS), "label": np.ones(ROWS, dtype=int)})
    return alarms(
        Evidence(rows, describe_predictions(chances, arm="hardened", seed=0), pd.concat(attacks), ("no", "yes"))
    )


POSSIBLE = {"robust-above-clean", "noise-as-strong", "not-monotone", "scores-miss-rows", "rows-missed"}


def test_what_is_evaluated_of_a_model_known_by_its_scores():
    found = by_scores()
    assert set(found) == POSSIBLE
    assert not any(alarm.fired for alarm in found.values())


@pytest.mark.parametrize(
    ("counts", "fired"),
    [
        ({"square_1000": [950, 920, 910], "check_square": [950, 920, 910], "check_noise": [960, 950, 940]}, "robust-"),
        ({"check_noise": [450, 250, 50]}, "noise-as-strong"),
        ({"square_1000": [300, 500, 100], "check_square": [300, 500, 100]}, "not-monotone"),
        ({"check_square": [500, 270, 100]}, "scores-miss-rows"),
        ({"square_1000": [300, 320, 100], "check_square": [300, 300, 100]}, "rows-missed"),
        ({"check_decision": [500, 270, 100]}, "decisions-miss-rows"),
    ],
)
def test_alarms_of_a_model_known_by_its_scores(counts, fired):
    found = by_scores(**counts)
    assert set(found) == POSSIBLE | ({"decisions-miss-rows"} if "check_decision" in counts else set())
    assert next(alarm for name, alarm in found.items() if name.startswith(fired)).fired


def test_an_independent_attack_by_scores_is_judged_with_the_sampling_error_of_its_rows():
    """4 of 1,000 rows more: the interval reaches below the tolerance, so that nothing is shown."""
    assert binomtest(4, 1000).proportion_ci().low < 0.002 < binomtest(30, 1000).proportion_ci().low
    assert not by_scores(check_square=[500, 296, 100])["scores-miss-rows"].fired


def test_evidence_from_before_square_is_read():
    whole = evidence()
    old = whole.attacks[~whole.attacks["attack"].isin(["check-square", "check-white-box"])]
    found = alarms(Evidence(whole.rows, whole.predictions, old, whole.class_names))
    assert set(found) == set(TITLES) - {
        "black-box-adds", "transfer-stronger-than-white-box", "least-epsilon-refuted", "certificate-broken",
        "proof-contradicted", "scores-miss-rows", "gradients-hidden", "transfer-adds", "decisions-miss-rows",
    }  # fmt: skip


FEATURES = 12


class Masked(nn.Module):
    """A linear model behind rounded inputs, with logits times a million: no slope, and no scale."""

    def __init__(self, *, rounded, scale):
        super().__init__()
        self.linear, self.rounded, self.scale = nn.Linear(FEATURES, 2), rounded, scale
        weight = torch.randn(FEATURES, generator=torch.Generator().manual_seed(0))
        self.linear.load_state_dict({"weight": torch.stack([-weight, weight]), "bias": torch.zeros(2)})

    def forward(self, x):
        return self.scale * self.linear((x * 8).round() / 8 if self.rounded else x)


def checked(defend=None, **masks):
    """The alarms on one model, from the attacks themselves."""
    x = np.random.default_rng(4).normal(size=(400, FEATURES)).astype(np.float32)
    model = Masked(**masks) if defend is None else defend(Masked(rounded=False, **masks))
    with torch.no_grad():
        y = Masked(rounded=False, scale=1.0)(torch.from_numpy(x)).argmax(dim=1).numpy()
        probabilities = model(torch.from_numpy(x)).softmax(dim=1).numpy()
    data = Dataset(x, y, ("no", "yes"))
    checks = Checks([0.05, 0.1, 0.2], large_epsilon=100.0, square_epsilon=0.2, queries=200)
    attacks = collect(checks, Arm("hardened", [model], [0]), Target(data, LinfThreat(), "paper")).attacks
    rows = pd.DataFrame({"row": np.arange(400), "label": y})
    predictions = describe_predictions(probabilities, arm="hardened", seed=0)
    return alarms(Evidence(rows, predictions, attacks, data.class_names)), attacks


def test_an_honest_model_sets_off_no_alarm():
    found, attacks = checked(rounded=False, scale=1.0)
    assert set(found) == set(TITLES) - {
        "robust-above-clean", "transfer-stronger-than-white-box", "least-epsilon-refuted", "outside-box",
        "certificate-broken", "rows-missed", "proof-contradicted", "scores-miss-rows", "gradients-hidden",
        "transfer-adds", "decisions-miss-rows",
    }  # fmt: skip
    assert not [name for name, alarm in found.items() if alarm.fired]
    assert found["black-box-adds"].value == 0
    described = attacks.groupby("attack", observed=True)[["epsilon", "loss"]].last()
    assert described.loc["check-square"].tolist() == [0.2, "margin"]
    assert described.loc["check-white-box"].tolist() == [0.2, "cross_entropy, apgd_margin"]


def test_a_model_that_hides_its_slope_sets_off_the_black_box():
    found, _ = checked(rounded=True, scale=1.0)
    assert {"black-box-adds", "zero-gradients", "noise-as-strong", "large-epsilon-not-zero"} <= {
        name for name, alarm in found.items() if alarm.fired
    }
    assert found["black-box-adds"].value > 0.2


def test_logits_that_underflow_the_loss_are_seen_through_by_the_margin():
    """A linear model times a million: cross-entropy has no gradient left, the margin has."""
    found, _ = checked(rounded=False, scale=1e6)
    assert found["zero-gradients"].fired
    assert found["noise-as-strong"].fired
    assert not found["black-box-adds"].fired


def smoothed(model, draws=64):
    noise = 0.2 * torch.randn(draws, FEATURES, generator=torch.Generator().manual_seed(0))
    return Smoothed(model, noise, torch.full((FEATURES,), 0.2), sigma=0.2)


def squeezed(model):
    levels = Levels(torch.full((FEATURES,), -4.0), torch.full((FEATURES,), 4.0), bits=6)  # steps of 0.127
    return Squeezed(model, levels, [levels])


def test_noise_that_an_attack_averages_over_hides_nothing():
    found, _ = checked(smoothed, scale=1.0)
    assert not [name for name, alarm in found.items() if alarm.fired]
    assert abs(found["gradients-hidden"].value) < 0.02


def test_a_squeezer_hides_gradients_from_those_who_do_not_know_it_alone():
    found, _ = checked(squeezed, scale=1.0)
    fired = {name for name, alarm in found.items() if alarm.fired}
    assert "gradients-hidden" in fired
    assert not {"zero-gradients", "noise-as-strong"} & fired
    assert found["gradients-hidden"].value > 0.2


def test_a_temperature_hides_gradients_from_those_who_do_not_know_it_alone():
    found, _ = checked(lambda model: Tempered(model, 1e4), scale=1e4)
    assert {name for name, alarm in found.items() if alarm.fired} == {"gradients-hidden"}
    honest, _ = checked(lambda model: Tempered(model, 2.0), scale=2.0)
    assert not [name for name, alarm in honest.items() if alarm.fired]


@pytest.mark.parametrize(("defend", "scale"), [(squeezed, 1.0), (lambda model: Tempered(model, 1e4), 1e4)])
def test_a_defence_attacked_as_if_it_were_none_sets_off_the_others(defend, scale):
    """What the figures would have been worth without the adaptive attacks."""
    found, _ = checked(lambda model: naive_form(defend(model)), scale=scale)
    assert {"zero-gradients", "noise-as-strong"} <= {name for name, alarm in found.items() if alarm.fired}


def test_square_can_be_left_out_and_defaults_to_the_largest_radius():
    model, data = nn.Linear(3, 2), Dataset(np.zeros((20, 3), dtype=np.float32), np.arange(20) % 2, ("no", "yes"))
    arm, target = Arm("hardened", [model], [0]), Target(data, LinfThreat(), "paper")
    options = {"epsilons": [0.1, 0.3], "large_epsilon": 9.0}
    none = collect(Checks(**options, queries=0), arm, target).attacks
    assert not {"check-square", "check-white-box"} & set(none["attack"])
    some = collect(Checks(**options, queries=2), arm, target).attacks
    assert set(some.loc[some["attack"] == "check-square", "epsilon"]) == {0.3}
