"""Which attacks an audit runs, which alarms it evaluates, and what neither can miss."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat, audit
from fairtoll.attacks import PGD, LeastEpsilon, RandomNoise, Square, SuccessCurve, Union
from fairtoll.data import Dataset

X = np.random.default_rng(1).normal(size=(120, 3)).astype(np.float32)
ROWS = Dataset(X, (X[:, 0] > 0).astype(int), ("low", "high"), groups={"site": np.where(X[:, 1] > 0, "north", "south")})
WITHOUT_TRANSFER = {
    "proof-contradicted",
    "rows-missed",
    "robust-above-clean", "zero-gradients", "single-step-stronger", "noise-as-strong", "not-monotone",
    "black-box-adds", "catastrophic-overfitting",
}  # fmt: skip


def linear(seed):
    torch.manual_seed(seed)
    return nn.Linear(3, 2)


def run(threat=None, models=None, rows=ROWS, **options):
    models = models or {"plain": linear(0), "hardened": linear(1)}
    usual = {"threat": threat or LinfThreat(), "epsilons": [0.1], "partitions": ["class"]}
    return audit(models, rows, **usual | options)


def evaluated(found, arm):
    return {alarm.id for alarm in found.results.alarms if alarm.arm == arm}


def test_which_alarms_an_audit_evaluates():
    found = run()
    assert evaluated(found, "plain") == WITHOUT_TRANSFER | {"large-epsilon-not-zero"}
    assert evaluated(found, "hardened") == WITHOUT_TRANSFER | {
        "large-epsilon-not-zero",
        "transfer-stronger-than-white-box",
    }


@pytest.mark.parametrize("attacks", [[PGD(steps=20)], [PGD(steps=5), Square(30)], [Union([RandomNoise(2)])]])
def test_whatever_the_attacks_transfer_is_held_against_them(attacks):
    found = run(attacks=attacks, least_epsilon_max=1.0)
    assert {"transfer-stronger-than-white-box", "least-epsilon-refuted"} <= evaluated(found, "hardened")


def test_a_weak_attack_is_caught_by_transferred_examples():
    """The hardened model is the standard one again: transferred examples are exact, two draws of noise are not."""
    models = {"plain": linear(0), "hardened": nn.Sequential(linear(0))}
    found = run(models=models, attacks=[RandomNoise(2)], epsilons=[0.5])
    alarm = next(one for one in found.results.alarms if one.id == "transfer-stronger-than-white-box")
    assert alarm.fired
    exact = found.evidence.success(
        "hardened", evaluation="static-transfer", threat="audit", attack="pgd-20", epsilon=0.5
    )
    noise = found.evidence.success("hardened", evaluation="scores-only", threat="audit", attack="noise-2", epsilon=0.5)
    assert alarm.value == pytest.approx(exact.mean() - noise.mean())


@pytest.mark.parametrize(
    "options", [{"mutable": [True, True, False]}, {"scale": [1.0, 0.0, 1.0]}, {"mutable": [False] * 3, "box": (-9, 9)}]
)
def test_no_boundless_attack_where_features_are_fixed(options):
    found = run(LinfThreat(**options))
    for arm in ("plain", "hardened"):
        assert "large-epsilon-not-zero" not in evaluated(found, arm)


def test_a_box_in_other_units_than_the_rows_is_said():
    """Standardised rows in a box from 0 to 1: most of what may move is outside."""
    found = run(LinfThreat(box=(0.0, 1.0)))
    outside = ((X < 0) | (X > 1)).any(axis=1).mean()
    for alarm in found.results.alarms:
        if alarm.id == "outside-box":
            assert alarm.fired
            assert alarm.value == pytest.approx(outside)
            assert f"{outside:.1%} of the attacked rows have a value outside" in alarm.message
    assert "outside-box" in evaluated(found, "plain") & evaluated(found, "hardened")


@pytest.mark.parametrize(
    ("threat", "share"),
    [
        (LinfThreat(box=(-9.0, 9.0)), 0.0),
        (LinfThreat(box=(0.0, 1.0), mutable=[False, False, True]), ((X[:, 2] < 0) | (X[:, 2] > 1)).mean()),
        (LinfThreat(box=([0.0, -9, -9], 9.0)), (X[:, 0] < 0).mean()),
    ],
)
def test_only_values_that_may_move_count_as_outside(threat, share):
    alarms = [alarm for alarm in run(threat).results.alarms if alarm.id == "outside-box"]
    assert [alarm.value for alarm in alarms] == pytest.approx([share, share])
    assert all(alarm.fired == (share > 0.01) for alarm in alarms)


def test_attacks_of_ones_own_are_in_findings_accuracy_and_configuration():
    attacks = [PGD(steps=7, loss="margin"), Union([RandomNoise(3), PGD(steps=5)])]
    found = run(attacks=attacks)
    names = [attack.name for attack in attacks]
    evaluated = [one.parameters.attack for one in found.results.findings if one.metric == "cru_s"]
    assert evaluated == names
    table = found.table()
    assert table.loc[table.metric == "cru_s", "attack"].tolist() == names
    white = {one.attack for one in found.results.accuracy if one.evaluation == "white-box"}
    assert white == set(names)
    assert [one["name"] for one in found.results.configuration["attacks"]] == names
    # Success over epsilon times the L1 norm of the weights, by the margin: PGD on a linear model is exact.
    model = linear(1)
    with torch.no_grad():
        normal, logits = model.weight[1] - model.weight[0], model(torch.from_numpy(ROWS.x))
        margin = (logits[:, 1] - logits[:, 0]) * (2 * torch.from_numpy(ROWS.y) - 1)
    broken = (margin < 0.1 * normal.abs().sum()).numpy()
    accuracy = {one.attack: one.mean for one in found.results.accuracy if (one.arm, one.epsilon) == ("hardened", 0.1)}
    assert accuracy["pgd-7-loss-margin"] == pytest.approx(1 - broken.mean())


def test_no_least_epsilon_is_above_what_another_attack_broke():
    """A model of rounded inputs, whose slope leads the search astray."""

    class Rounded(nn.Module):
        def __init__(self, seed):
            super().__init__()
            self.linear = linear(seed)

        def forward(self, x):
            # The slope of the inputs, the values of a coarse staircase.
            return self.linear(x + ((x * 4).round() / 4 - x).detach())

    found = run(models={"plain": linear(0), "hardened": Rounded(0)}, epsilons=[0.05, 0.2, 0.4], least_epsilon_max=2.0)
    values, censored, _ = found.evidence.least_epsilon("hardened", evaluation="white-box", threat="audit", epsilon=2.0)
    for epsilon in (0.05, 0.2, 0.4):
        for attack, evaluation in (("union", "white-box"), ("pgd-20", "static-transfer")):
            broken = found.evidence.success(
                "hardened", evaluation=evaluation, threat="audit", attack=attack, epsilon=epsilon
            )
            assert (values[broken] <= epsilon).all()
            assert not censored[broken].any()
    assert "least-epsilon-refuted" in evaluated(found, "hardened")


class Counts(nn.Module):
    """A model that counts its calls."""

    calls = 0

    def __init__(self):
        super().__init__()
        self.linear = linear(0)

    def forward(self, x):
        Counts.calls += 1
        return self.linear(x)


@pytest.mark.parametrize(
    ("attacks", "message"),
    [
        ([], "attacks is empty; expected one attack or more"),
        (["pgd-20"], "attacks holds 'pgd-20'; expected attacks at one radius"),
        ([PGD], "attacks holds <class"),
        ([SuccessCurve()], "expected attacks at one radius"),
        ([LeastEpsilon(0.1)], "expected attacks at one radius"),
        ([PGD(), PGD()], "attacks holds pgd-50 more than once"),
        ([Union(), Union(restarts=2)], "attacks holds union more than once"),
        (3, "attacks holds 3"),
    ],
)
def test_attacks_that_cannot_be_are_refused_before_the_work(attacks, message):
    Counts.calls = 0
    with pytest.raises(FairtollError, match=message):
        run(models={"plain": Counts(), "hardened": Counts()}, attacks=attacks)
    assert Counts.calls == 0
