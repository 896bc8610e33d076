"""Audits of models that are known by their scores alone: exact on linear models, and labelled everywhere."""

import sys

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from torch import nn

from fairtoll import Evidence, FairtollError, FairtollWarning, LinfThreat, audit, audit_evidence
from fairtoll.attacks import PGD, Grid, RandomNoise, Square, Union
from fairtoll.cli.report import rerender
from fairtoll.data import Dataset
from fairtoll.report import render_html

CLASSES = ("low", "high")
X = np.random.default_rng(1).normal(size=(160, 2)).astype(np.float32)
ROWS = Dataset(X, np.arange(160) % 2, CLASSES, groups={"site": np.where(np.arange(160) % 5 < 2, "north", "south")})
QUICK = {"threat": LinfThreat(), "epsilons": [0.1, 0.4]}
pytestmark = pytest.mark.filterwarnings("ignore::fairtoll.FairtollWarning")


class Scores(nn.Module):
    """A linear model that gives its scores away and nothing else."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.inner = nn.Linear(2, 2)

    def forward(self, x):
        return self.inner(x).detach()


def linear(seed):
    torch.manual_seed(seed)
    return nn.Linear(2, 2)


def broken(model, epsilon):
    """Rows with an input of the other class within epsilon, in closed form."""
    layer = model.inner if isinstance(model, Scores) else model
    weights, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    weight = weights[1] - weights[0]
    margin = (X.astype(float) @ weight + bias[1] - bias[0]) * (2 * ROWS.y - 1)
    return margin < epsilon * np.abs(weight).sum()


def evaluations(found, arm):
    return {entry.evaluation for entry in found.results.accuracy if entry.arm == arm}


def attacked(found):
    return [finding for finding in found.results.findings if finding.metric == "cru_s"]


def test_two_models_by_their_scores_are_measured_exactly_where_corners_suffice():
    models = {"plain": [Scores(0), Scores(1)], "hardened": [Scores(2), Scores(3)]}
    with pytest.warns(FairtollWarning, match="the models of 'plain', 'hardened' have no gradients: all arms"):
        found = audit(models, ROWS, **QUICK)
    assert {finding.parameters.evaluation for finding in attacked(found)} == {"scores-only"}
    for finding in attacked(found):
        groups = ROWS.y if finding.parameters.partition == "class" else ROWS.groups["site"] == "south"
        for arm in (finding.standard, finding.robust):
            for plain, model in zip(arm.plain_per_run, models[arm.arm], strict=True):
                rows = broken(model, finding.parameters.epsilon)
                assert plain == pytest.approx(abs(rows[groups == 1].mean() - rows[groups == 0].mean()))
    assert evaluations(found, "plain") == {"clean", "scores-only"}
    # The standard models have no gradients either: the examples of transfer come from a substitute of them.
    assert evaluations(found, "hardened") == {"clean", "scores-only", "static-transfer"}
    moved = [entry for entry in found.results.accuracy if entry.evaluation == "static-transfer"]
    assert {(entry.attack, entry.source_arm) for entry in moved} == {("substitute-pgd-20-no-stop-at-success", "plain")}
    assert not found.results.proofs
    said = " ".join(found.results.notes)
    assert "plain, hardened is measured by scores only: " in said
    assert "A stronger attack may exist" in said
    assert "Nothing is proved of plain, hardened: known by scores alone" in said


def test_one_arm_without_gradients_puts_every_comparison_on_scores():
    found = audit({"plain": linear(0), "hardened": Scores(1)}, ROWS, **QUICK)
    assert {finding.parameters.evaluation for finding in attacked(found)} == {"scores-only"}
    assert {finding.parameters.attack for finding in attacked(found)} == {"union-scores-only"}
    assert evaluations(found, "plain") == {"clean", "scores-only", "white-box", "proved"}
    assert evaluations(found, "hardened") == {"clean", "scores-only", "static-transfer"}
    assert found.results.configuration["white_box_beside"]["arms"] == ["plain"]
    assert {proof.arm for proof in found.results.proofs} == {"plain"}
    looked = {arm: {one.id for one in found.results.alarms if one.arm == arm} for arm in ("plain", "hardened")}
    assert {"zero-gradients", "single-step-stronger", "black-box-adds"} <= looked["plain"]
    assert looked["hardened"] == {
        "robust-above-clean", "transfer-stronger-than-white-box", "noise-as-strong", "not-monotone",
        "scores-miss-rows", "decisions-miss-rows", "large-epsilon-not-zero", "rows-missed",
    }  # fmt: skip
    # Examples of a random model are hard for no other.
    assert {one.id for one in found.results.alarms if one.fired} == {"robust-above-clean"}


def test_the_page_says_scores_only_and_what_that_means(tmp_path, monkeypatch):
    monkeypatch.setattr("fairtoll.report.write_report", lambda document, folder: None)
    found = audit({"plain": linear(0), "hardened": Scores(1)}, ROWS, out=tmp_path / "run", **QUICK)
    page = render_html(found.results)
    first = page[: page.index("<main")]
    assert "Robust accuracy, scores only, ε = 0.1." in first
    assert "Robust accuracy, white-box, ε = 0.1." in first
    assert "By scores only: a stronger attack may exist." in first
    assert '<h2 id="transfer-heading">Static transfer against scores only</h2>' in page
    assert set(found.table()["evaluation"]) == {"clean", "scores-only"}
    rerender(tmp_path / "run")
    kept = (tmp_path / "run" / "results.json").read_text(encoding="utf-8")
    assert kept == found.results.model_dump_json(indent=1) + "\n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"attacks": [Square(), PGD(steps=5)]},
            r"pgd-5 needs gradients, and the models of 'hardened' have none; .* such as Square\(\)",
        ),
        ({"attacks": [Union()]}, "union needs gradients, and the models of 'hardened' have none"),
        ({"exact": True}, "arm 'hardened': known by scores alone, and a proof follows the layers"),
    ],
)
def test_what_needs_gradients_is_refused_before_the_work(changes, message):
    asked = []

    class Counted(Scores):
        def forward(self, x):
            asked.append(len(x))
            return super().forward(x)

    with pytest.raises(FairtollError, match=message):
        audit({"plain": linear(0), "hardened": Counted(1)}, ROWS, **QUICK | changes)
    assert sum(asked) <= 200  # the probe, and nothing of the attacks


def test_least_epsilon_by_scores_is_the_closed_form_and_labelled_so():
    models = {"plain": linear(0), "hardened": Scores(1)}
    found = audit(models, ROWS, **QUICK, least_epsilon_max=2.0, partitions=["class"])
    kept = {"evaluation": "scores-only", "threat": "audit", "attack": "least-epsilon-scores-only", "epsilon": 2.0}
    for arm, model in models.items():
        values, censored, _ = found.evidence.least_epsilon(arm, **kept)
        radii = np.linspace(0.05, 1.95, 20)
        for radius in radii:
            share = ((values <= radius) & ~censored).mean()
            assert broken(model, radius - 0.03).mean() - 1e-9 <= share <= broken(model, radius + 1e-6).mean() + 1e-9
    own = [one for one in found.results.findings if one.metric == "cru_epsilon"]
    assert {(one.parameters.evaluation, one.parameters.attack) for one in own} == {
        ("scores-only", "least-epsilon-scores-only")
    }


def test_least_epsilon_of_images_without_gradients_is_refused_before_the_work():
    class Flat(nn.Module):
        def forward(self, x):
            return torch.stack([x.flatten(1).sum(1), x.flatten(1)[:, 0]], dim=1).detach()

    images = Dataset(X.reshape(-1, 1, 1, 2), ROWS.y, ROWS.class_names)
    with pytest.raises(FairtollError, match="the models of 'a' have no gradients, which the search follows in rows"):
        audit({"a": Flat()}, images, threat=LinfThreat(), epsilons=[0.1], least_epsilon_max=1.0)


@pytest.mark.parametrize("attacks", [[Square(200)], [Grid()], [Union([Grid(), RandomNoise()])]])
def test_attacks_by_scores_may_be_named(attacks):
    found = audit(
        {"plain": Scores(0), "hardened": Scores(1)}, ROWS, threat=LinfThreat(), epsilons=[0.4], attacks=attacks
    )
    assert [one.parameters.attack for one in attacked(found)] == [attacks[0].name] * 2
    exact = broken(Scores(1), 0.4).mean()
    (own,) = [one for one in found.results.accuracy if one.arm == "hardened" and one.evaluation == "scores-only"]
    assert own.mean == pytest.approx(1 - exact, abs=0.01 if attacks == [Square(200)] else 1e-9)


def test_an_attack_by_scores_is_labelled_so_on_models_with_gradients_too():
    found = audit({"plain": linear(0), "hardened": linear(1)}, ROWS, attacks=[PGD(steps=5), Square(100)], **QUICK)
    assert {(one.parameters.attack, one.parameters.evaluation) for one in attacked(found)} == {
        ("pgd-5", "white-box"),
        ("square-100", "scores-only"),
    }


def test_evidence_by_scores_is_audited_again():
    first = audit({"plain": Scores(0), "hardened": Scores(1)}, ROWS, **QUICK)
    named = [{"name": first.results.configuration["attacks"][0]["name"]}]
    again = audit_evidence(first.evidence, epsilons=QUICK["epsilons"], attacks=named)
    assert [one.id for one in again.results.findings] == [one.id for one in first.results.findings]
    assert isinstance(again.evidence, Evidence)


def test_a_folder_knows_forests_apart_by_their_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("fairtoll.report.write_report", lambda document, folder: None)
    forests = [
        RandomForestClassifier(2, max_depth=3, random_state=seed).fit(X[:80], np.array(CLASSES)[ROWS.y[:80]])
        for seed in range(3)
    ]
    test = ROWS.take(range(80, 160))
    how = {"threat": LinfThreat(), "epsilons": [0.2], "attacks": [Square(20)], "out": tmp_path / "run"}
    found = audit({"plain": forests[0], "hardened": forests[1]}, test, **how)
    assert found.results.configuration["models"]["plain"] != found.results.configuration["models"]["hardened"]
    assert audit({"plain": forests[0], "hardened": forests[1]}, test, **how).results == found.results
    with pytest.raises(FairtollError, match="models"):
        audit({"plain": forests[0], "hardened": forests[2]}, test, **how)


def least_epsilons(found):
    (measured,) = found.results.least_epsilon
    return measured.model_dump()


def test_another_library_s_attack_looks_at_some_rows_and_changes_no_figure(monkeypatch):
    options = QUICK | {"least_epsilon_max": 2.0, "metrics": ["cru_s", "cru_epsilon"]}
    with_it = audit({"plain": Scores(0)}, ROWS, **options)
    attacks = with_it.evidence.attacks
    looked = attacks[attacks["attack"] == "check-decision"]
    assert sorted(looked["epsilon"].unique()) == [0.1, 0.4]
    assert looked["row"].nunique() == 20
    for epsilon, of_one in looked.groupby("epsilon"):
        assert not of_one["success"][~broken(Scores(0), epsilon)[of_one["row"]]].any()
    (alarm,) = [one for one in with_it.results.alarms if one.id == "decisions-miss-rows"]
    assert not alarm.fired
    assert "of the 20 checked rows are not broken at" in alarm.message
    monkeypatch.setattr("fairtoll.audits.work.find_hop_skip_jump", lambda: None)
    without = audit({"plain": Scores(0)}, ROWS, **options)
    assert with_it.results.gaps == without.results.gaps
    assert with_it.results.accuracy == without.results.accuracy
    assert least_epsilons(with_it) == least_epsilons(without)
    assert not [one for one in without.results.alarms if one.id == "decisions-miss-rows"]
    (note,) = [one for one in without.results.notes if "HopSkipJump" in one]
    assert note.startswith(
        "HopSkipJump, an attack by classes alone, was not run as an independent check of plain: it n"
    )
    assert "it needs Foolbox or the Adversarial Robustness Toolbox" in note


def test_a_library_that_fails_ends_no_audit(monkeypatch, tmp_path):
    def fails(*given, **options):
        raise FairtollError("foolbox's HopSkipJumpAttack failed")

    monkeypatch.setattr(sys.modules["fairtoll.evidence.collect"], "hop_skip_jump", fails)
    with pytest.warns(FairtollWarning, match="an independent check of 'plain' was not made: foolbox's HopSkipJump"):
        found = audit({"plain": Scores(0)}, ROWS, **QUICK, out=tmp_path / "run")
    (note,) = [one for one in found.results.notes if "HopSkipJump" in one]
    assert note.endswith("check of plain: it failed, as a warning said.")
    assert audit({"plain": Scores(0)}, ROWS, **QUICK, out=tmp_path / "run").results.notes == found.results.notes


def test_three_kinds_of_arm_are_compared_by_what_all_of_them_answer():
    """A network, a forest and predictions that were made once and answer nothing else."""
    chances = np.random.default_rng(2).random(len(X))
    known = {tuple(row): chance for row, chance in zip(X.tolist(), chances, strict=True)}

    def predictions(rows):
        found = np.array([known.get(tuple(row), 0.5) for row in np.asarray(rows, dtype=np.float32).tolist()])
        return np.stack([1 - found, found], axis=1)

    forest = RandomForestClassifier(4, random_state=0).fit(X, ROWS.y)
    found = audit({"network": linear(0), "forest": forest, "predictions": predictions}, ROWS, **QUICK)
    assert {finding.parameters.evaluation for finding in attacked(found)} == {"scores-only"}
    assert evaluations(found, "network") >= {"clean", "white-box", "scores-only"}
    for arm, own in (("forest", forest.predict(X)), ("predictions", (chances > 0.5).astype(int))):
        assert evaluations(found, arm) == {"clean", "scores-only", "static-transfer"}
        (clean,) = [one for one in found.results.accuracy if one.arm == arm and one.evaluation == "clean"]
        assert clean.mean == pytest.approx((own == ROWS.y).mean())
    (note,) = [one for one in found.results.notes if "scores only" in one]
    assert note.startswith("Robustness of forest, predictions is measured by scores only")
