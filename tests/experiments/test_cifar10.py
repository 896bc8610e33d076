"""A small run of the CIFAR-10 experiment on made-up images: all that was asked is answered, by numbers anyone finds."""

import base64
import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.torch import load_file

from fairtoll import FairtollError
from fairtoll.cli.report import rerender
from fairtoll.experiments import find_experiment, reproduce
from fairtoll.experiments.kept_images import load_images

ATTACKED = 100
ARMS = ["standard", "static", "repeated", "noise", "online", "online-noise"]
TABLE_THREE = {
    "standard": {"luf": 0.7694, "luf_t": 29.26, "luf_l": 2926.1},
    "static": {"luf": 0.7945, "luf_t": 29.35, "luf_l": 2934.89},
}


@pytest.fixture(scope="module")
def results(mini_cifar10):
    return json.loads((mini_cifar10 / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def evidence(mini_cifar10):
    """The tables, read with pandas alone."""
    return {
        name: pd.concat(
            [pd.read_parquet(path) for path in sorted((mini_cifar10 / "evidence").glob(f"{name}*.parquet"))]
        )
        for name in ("rows", "predictions", "attacks")
    }


def right_of(evidence, arm):
    """Whether each row is classified correctly in each run, (S, N)."""
    columns = [f"probability_{index}" for index in range(10)]
    clean = evidence["predictions"][lambda table: (table["arm"] == arm) & (table["evaluation"] == "clean")]
    labels = evidence["rows"].sort_values("row")["label"].to_numpy()
    runs = [run.sort_values("row")[columns].to_numpy().argmax(axis=1) for _, run in clean.groupby("seed")]
    return np.stack(runs) == labels


def test_every_question_is_answered(results):
    asked = [f"{one.protocol}/{one.robust}/{question.key}" for one, question in find_experiment("cifar10").plan("both")]
    assert [finding["id"] for finding in results["findings"]] == asked
    assert [arm["name"] for arm in results["arms"]] == ARMS
    assert all(finding["runs"] == 2 for finding in results["findings"])
    verdicts = {finding["verdict"] for finding in results["findings"]}
    assert verdicts <= {"inconclusive", "insufficient data"}  # two training runs


def test_attacks_cover_as_many_images_of_each_class_and_predictions_all(evidence):
    attacked = evidence["attacks"][lambda table: ~table["attack"].str.startswith("check-")]
    labels = evidence["rows"].set_index("row")["label"]
    for _, table in attacked.groupby(["arm", "seed", "evaluation", "attack", "epsilon"]):
        assert len(table) == ATTACKED
        np.testing.assert_array_equal(np.bincount(labels[table["row"]]), np.full(10, 10))
    assert (evidence["predictions"].groupby(["arm", "seed"]).size() == 200).all()


def test_accuracies_are_those_of_the_tables(results, evidence):
    keys = ["arm", "evaluation", "attack", "epsilon", "seed"]
    means = evidence["attacks"].groupby(keys, observed=True)["success"].mean()
    for entry in results["accuracy"]:
        if entry["evaluation"] == "clean":
            expected = right_of(evidence, entry["arm"]).mean(axis=1)
        else:
            expected = 1 - means.loc[tuple(entry[name] for name in keys[:-1])].to_numpy()
        assert entry["per_run"] == pytest.approx(list(expected))


def test_gaps_of_success_and_least_epsilon_are_those_of_the_tables(results, evidence):
    labels = evidence["rows"].set_index("row")["label"]
    attacks = evidence["attacks"]
    broken = attacks[attacks["success"] & (attacks["attack"] != "check-zero-gradient")]
    broken_at = broken.groupby(["arm", "seed", "row"], observed=True)["epsilon"].min().rename("broken_at").reset_index()
    checked = set()
    for finding in results["findings"]:
        parameters, metric = finding["parameters"], finding["metric"]
        if metric not in ("cru_s", "cru_epsilon") or parameters["denominator"] != "all":
            continue
        for role in ("standard", "robust", "control", "noise_control"):
            if finding[role] is None:
                continue
            attack = parameters["attack"] or "least-epsilon"
            table = evidence["attacks"][
                lambda table, role=role, attack=attack, finding=finding: (
                    (table["arm"] == finding[role]["arm"])
                    & (table["evaluation"] == finding["parameters"]["evaluation"])
                    & (table["attack"] == attack)
                    & (table["epsilon"] == finding["parameters"]["epsilon"])
                )
            ]
            value = "success" if metric == "cru_s" else "least_epsilon"
            groups = {group["group"]: group["value"] for group in finding[role]["groups"]}
            if metric == "cru_epsilon":
                # What another attack of the arm broke at a smaller radius, the search may have missed.
                table = table.merge(broken_at, on=["arm", "seed", "row"], how="left")
                table[value] = table[[value, "broken_at"]].min(axis=1)
            means = table.groupby(labels[table["row"]].to_numpy())[value].mean()
            found = [groups[results["dataset"]["classes"][label]] for label in range(10)]
            assert found == pytest.approx(list(means.astype(float)), abs=1e-7)
            checked.add((metric, role))
    assert len(checked) == 8


def test_a_larger_radius_breaks_no_fewer_images_where_success_is_carried_up(evidence):
    curve = evidence["attacks"][lambda table: table["attack"] == "pgd-50-curve"]
    for _, table in curve.groupby(["arm", "seed"]):
        wide = table.pivot(index="row", columns="epsilon", values="success").to_numpy(dtype=bool)
        assert wide.shape == (ATTACKED, 3)
        assert (wide[:, :-1] <= wide[:, 1:]).all()


def test_the_union_breaks_what_a_single_attack_breaks(evidence):
    attacks = evidence["attacks"][lambda table: (table["epsilon"] == 0.01) & (table["evaluation"] == "white-box")]
    rates = attacks.groupby(["arm", "seed", "attack"], observed=True)["success"].mean().unstack().dropna(subset="union")
    assert set(rates.index.get_level_values("arm")) == {"standard", "static", "online", "online-noise"}
    assert (rates["union"] >= rates["pgd-20"] - 1e-9).all()


def test_static_transfer_is_crafted_on_the_standard_arm_of_the_same_run(mini_cifar10, evidence):
    transferred = evidence["attacks"][lambda table: table["evaluation"] == "static-transfer"]
    assert set(transferred["source_arm"]) == {"standard"}
    images = load_file(mini_cifar10 / "images/test.safetensors")
    rows = np.sort(transferred["row"].unique())
    clean = images["x"][rows].float() / 255
    for seed in (0, 1):
        for epsilon, crafted in load_file(mini_cifar10 / f"examples/test-{seed}.safetensors").items():
            moved = (crafted[0] - clean).abs()
            assert 0.9 * float(epsilon) < moved.max() <= float(epsilon) + 1e-6
            assert crafted.min() >= 0
            assert crafted.max() <= 1


def test_the_report_shows_images_that_were_attacked(results, evidence):
    assert {example["arm"] for example in results["examples"]} == {"standard", "static", "online"}
    attacked = set(evidence["attacks"]["row"])
    for example in results["examples"]:
        assert example["row"] in attacked
        pictures = []
        for name in ("clean", "adversarial", "difference"):
            kind, content = example[name].split(",")
            assert kind == "data:image/png;base64"
            picture = Image.open(io.BytesIO(base64.b64decode(content)))
            assert picture.size == (32, 32)
            pictures.append(np.asarray(picture).astype(int))
        assert np.abs(pictures[1] - pictures[0]).max() <= 3  # 0.01 of 255, rounded
        moved = np.sign(pictures[1] - pictures[0])
        shown = np.sign(pictures[2] - 127.5)
        assert (shown[moved != 0] == moved[moved != 0]).all()


def test_what_was_cut_and_what_survives_is_said(results):
    assert any("100 of 200 test images" in cut for cut in results["cuts"])
    assert any("Two training runs" in cut for cut in results["cuts"])
    assert "83.1% robust accuracy" in results["highlights"][0]


def test_least_epsilon_is_shown_for_every_arm(results):
    assert [one["arm"] for one in results["least_epsilon"]] == ARMS
    for one in results["least_epsilon"]:
        assert one["rows"] == ATTACKED
        assert [group["group"] for group in one["groups"]] == ["all", *results["dataset"]["classes"]]
        for group in one["groups"]:
            assert group["broken"] == sorted(group["broken"])
            assert group["broken"][-1] == pytest.approx(1 - group["censored"])


def test_one_process_or_two_and_cut_off_or_not_the_results_are_the_same(mini_cifar10, run_mini_cifar10, tmp_path):
    """A run that lost a model, a table and its images goes on and ends as the whole one did."""
    folder = shutil.copytree(mini_cifar10, tmp_path / "copy")
    for lost in ("models/static-1.safetensors", "evidence/attacks-pgd-static-1.parquet", "images/train.safetensors"):
        (folder / lost).unlink()
    run_mini_cifar10(folder, workers=1)
    one, other = (json.loads((run / "results.json").read_text(encoding="utf-8")) for run in (mini_cifar10, folder))
    stages = [{time["stage"] for time in results.pop("times")} for results in (one, other)]
    assert stages[0] == stages[1]
    assert one == other


def test_the_report_is_made_again_from_the_evidence_alone(mini_cifar10, tmp_path):
    folder = tmp_path / "evidence-only"
    folder.mkdir()
    for name in ("evidence", "stages"):
        shutil.copytree(mini_cifar10 / name, folder / name)
    for name in ("configuration.json", "environment.json"):
        shutil.copy(mini_cifar10 / name, folder / name)
    assert rerender(folder).is_file()
    one, other = (json.loads((run / "results.json").read_text(encoding="utf-8")) for run in (mini_cifar10, folder))
    assert one["findings"] == other["findings"]


def test_the_paper_alone_needs_no_online_training_and_may_leave_images_out(run_mini_cifar10, tmp_path):
    run_mini_cifar10(tmp_path / "run", protocol="paper", runs=1, leave_one_out=2)
    results = json.loads((tmp_path / "run/results.json").read_text(encoding="utf-8"))
    assert [arm["name"] for arm in results["arms"]] == ["standard", "static", "repeated", "noise"]
    assert not list((tmp_path / "run/evidence").glob("*union*"))
    assert {finding["protocol"] for finding in results["findings"]} == {"paper"}
    left_out = {(one["arm"], one["design"]): one for one in results["leave_one_out"]}
    assert len(left_out) == 12  # two classifiers, six designs
    for one in left_out.values():
        assert (one["members"], one["rows"], one["precision"]) == (2, 200, "float32")
        assert one["published"] == pytest.approx(TABLE_THREE[one["arm"]])
    assert left_out["standard", "rerun"]["flip_rate"] == 0
    images = pd.read_parquet(tmp_path / "run/members/left-out.parquet")
    felt = left_out["standard", "masked"]["most_influential"]
    assert {row["row"]: row["picture"] for row in felt} == dict(zip(images["row"], images["picture"], strict=True))
    kept = load_images(tmp_path / "run/images").train.x
    for row in felt:
        pixels = Image.open(io.BytesIO(base64.b64decode(row["picture"].partition(",")[2])))
        np.testing.assert_array_equal(np.asarray(pixels), (kept[row["row"]].transpose(1, 2, 0) * 255).round())
    assert "Left-out images that matter most" in (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert "2 members each, too few to include a rare row" in results["highlights"][-1]


def test_a_folder_without_images_is_one_clear_line(run_mini_cifar10, tmp_path, cifar10_copy):
    with pytest.raises(FairtollError) as error:
        reproduce("cifar10", tmp_path / "run", source=tmp_path, quick=True, workers=1)
    assert "\n" not in str(error.value)
    with pytest.raises(FairtollError, match="200"):
        reproduce("cifar10", tmp_path / "other", source=cifar10_copy, quick=True, workers=1)
