"""A small run of the Adult experiment: all that was asked is answered, by numbers that others find too."""

import json

import numpy as np
import pandas as pd
import pytest

from fairtoll import FairtollError
from fairtoll.cli.report import rerender
from fairtoll.data import load_adult
from fairtoll.experiments import find_experiment, reproduce
from fairtoll.experiments.published import published_accuracy
from small_experiments import small_adult

ADULT = find_experiment("adult")
ARMS = ["standard", "static", "repeated", "noise", "online", "online-noise"]
#: Those of the sound protocol.
UNION_ARMS = ("standard", "static", "online", "online-noise")
TABLE_TWO = {10: (0.0611, 0.1866), 15: (0.1081, 0.2338), 20: (0.107, 0.2272)}


@pytest.fixture(scope="module")
def results(mini_run):
    return json.loads((mini_run / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def evidence(mini_run):
    """The tables, read with pandas alone."""
    return {
        name: pd.concat([pd.read_parquet(path) for path in sorted((mini_run / "evidence").glob(f"{name}*.parquet"))])
        for name in ("rows", "predictions", "attacks")
    }


def right_of(evidence, arm):
    """Whether each row is classified correctly in each run, (S, N)."""
    predictions, label = evidence["predictions"], evidence["rows"]["label"].to_numpy()
    clean = predictions[(predictions["arm"] == arm) & (predictions["evaluation"] == "clean")]
    chosen = clean.pivot(index="seed", columns="row", values="probability_1").to_numpy() > 0.5
    return chosen == label


def test_every_question_is_answered(results):
    asked = [f"{one.protocol}/{one.robust}/{question.key}" for one, question in ADULT.plan("both")]
    assert [finding["id"] for finding in results["findings"]] == asked
    assert [arm["name"] for arm in results["arms"]] == ARMS
    assert all(finding["runs"] == 2 for finding in results["findings"])
    for finding in results["findings"]:
        assert (finding["control"] is None) == (finding["id"] == asked[-1])


def test_the_rows_are_adults(evidence, results):
    test = load_adult().test
    np.testing.assert_array_equal(evidence["rows"]["label"], test.y[:800])
    for attribute in ("sex", "race"):
        np.testing.assert_array_equal(evidence["rows"][attribute].astype(str), test.groups[attribute][:800])
    assert results["dataset"]["rows"] == {"train": 800, "test": 800}


def test_accuracies_are_those_of_the_tables(results, evidence):
    attacks = evidence["attacks"]
    means = attacks.groupby(["arm", "evaluation", "threat", "attack", "epsilon", "seed"], observed=True)[
        "success"
    ].mean()
    assert len(results["accuracy"]) > 60
    for entry in results["accuracy"]:
        if entry["evaluation"] == "clean":
            expected = right_of(evidence, entry["arm"]).mean(axis=1)
        else:
            key = tuple(entry[name] for name in ("arm", "evaluation", "threat", "attack", "epsilon"))
            expected = 1 - means.loc[key].to_numpy()
        assert entry["per_run"] == pytest.approx(list(expected))
        assert entry["mean"] == pytest.approx(expected.mean())
        if len(expected) == 2:
            assert entry["sd"] == pytest.approx(abs(expected[0] - expected[1]) / np.sqrt(2))
        else:
            assert (entry["threat"] in ("all-14", "realistic"), entry["sd"]) == (True, None)


def test_gaps_are_those_of_the_tables(results, evidence):
    rows = evidence["rows"].assign(**{"sex & race": lambda table: table["sex"] + " & " + table["race"]})
    rows["class"] = np.array(results["dataset"]["classes"])[rows["label"]]
    for finding in results["findings"]:
        if finding["metric"] != "cau":
            continue
        groups = rows[finding["parameters"]["partition"]].to_numpy()
        for role in ("standard", "robust", "control"):
            arm = finding[role]
            for run, right in enumerate(right_of(evidence, arm["arm"])):
                by_group = pd.Series(right).groupby(groups).agg(["mean", "count"])
                enough = by_group[by_group["count"] >= 10]["mean"]
                assert arm["plain_per_run"][run] == pytest.approx(enough.max() - enough.min())


def test_a_misclassified_row_is_broken_by_every_white_box_attack(evidence):
    attacks = evidence["attacks"]
    for arm in ARMS:
        wrong = ~right_of(evidence, arm)
        for attack in ("pgd-20", "union") if arm in UNION_ARMS else ("pgd-20",):
            chosen = attacks[(attacks["arm"] == arm) & (attacks["attack"] == attack) & (attacks["threat"] == "paper")]
            chosen = chosen[(chosen["evaluation"] == "white-box") & (chosen["epsilon"] == 10)]
            broken = chosen.pivot(index="seed", columns="row", values="success").to_numpy(dtype=bool)
            assert (broken >= wrong).all()


def test_the_union_breaks_what_its_parts_break(evidence):
    attacks = evidence["attacks"]
    chosen = attacks[
        (attacks["threat"] == "paper") & (attacks["evaluation"] == "white-box") & (attacks["epsilon"] == 10)
    ]
    rates = chosen.groupby(["arm", "seed", "attack"], observed=True)["success"].mean().unstack()
    assert set(rates["union"].dropna().index.get_level_values("arm")) == set(UNION_ARMS)
    rates = rates.dropna(subset="union")
    assert (rates["union"] >= rates["pgd-20"]).all()


def test_static_transfer_is_crafted_on_the_standard_arm(results):
    sources = {(one["arm"], one["source_arm"]) for one in results["accuracy"] if one["evaluation"] == "static-transfer"}
    assert sources == {(arm, "standard") for arm in ARMS}


def test_the_papers_values_stand_beside_ours(results):
    for finding in results["findings"]:
        parameters = finding["parameters"]
        published = finding["published"] and (finding["published"]["standard"], finding["published"]["robust"])
        if finding["id"] == "paper/static/cau/class/clean":
            assert published == (0.0195, 0.0205)
        elif finding["protocol"] == "paper" and finding["metric"] == "cru_s" and parameters["partition"] == "class":
            assert published == TABLE_TWO[parameters["epsilon"]]
        elif finding["id"] == "paper/static/eou/race/clean/label-<=50K/target->50K":
            assert published == pytest.approx((0.255 - 0.203, 0.242 - 0.148))
            white = {group["group"]: group["published"] for group in finding["standard"]["groups"]}
            assert white["White"] == 0.255
            assert {group["group"]: group["published"] for group in finding["robust"]["groups"]}["Other"] == 0.149
        elif finding["id"] == "paper/static/eou/race/clean/label->50K/target->50K":
            assert published == pytest.approx((0.706 - 0.639, 0.763 - 0.64))
        else:
            assert published is None
            assert all(group["published"] is None for group in finding["standard"]["groups"])


def test_the_papers_accuracies_stand_beside_ours(results):
    found = {}
    for one in results["accuracy"]:
        if one["published"] is not None:
            rest = () if one["attack"] is None else (one["threat"], one["attack"], f"{one['epsilon']:g}")
            found[one["arm"], one["evaluation"], *rest] = one["published"]
    assert found == published_accuracy("adult", attack="pgd-20", epsilon=10.0)


def test_claims_and_alarms_are_there(results):
    assert [claim["id"] for claim in results["claims"]] == [
        "cau-adult", "cru-s-adult", "female-below-male", "eou-d1-above-d0", "eou-sex", "eou-race", "eou-values",
        "conclusion",
    ]  # fmt: skip
    known = {finding["id"] for finding in results["findings"]}
    assert all(set(claim["findings"]) <= known for claim in results["claims"])
    assert {alarm["arm"] for alarm in results["alarms"]} == set(ARMS)
    assert len({(alarm["id"], alarm["arm"]) for alarm in results["alarms"]}) == len(results["alarms"])


def test_every_time_is_of_a_kind_of_work(results):
    kinds = {}
    for time in results["times"]:
        kinds.setdefault(time["kind"], set()).add(time["stage"])
    assert set(kinds) == {"training", "attacks", "predictions"}
    assert {stage.split("-")[0] for stage in kinds["training"]} == {"train"}
    assert "rows" in kinds["predictions"]


def test_it_is_rendered_again_from_its_evidence_alone(mini_copy, results, monkeypatch):
    given = []
    monkeypatch.setattr("fairtoll.report.write_report", lambda document, folder: given.append(document))
    for path in (*(mini_copy / "models").iterdir(), *(mini_copy / "examples").iterdir(), mini_copy / "results.json"):
        path.unlink()
    assert rerender(mini_copy) == mini_copy / "report.html"
    again = json.loads((mini_copy / "results.json").read_text(encoding="utf-8"))
    assert [json.loads(page.model_dump_json()) for page in given] == [again]
    assert again == results


def test_a_finished_run_is_left_as_it_is(mini_copy):
    before = {path: path.stat().st_mtime_ns for path in mini_copy.rglob("*") if path.is_file() and path.name != ".lock"}
    reproduce(small_adult(), mini_copy, runs=2, leave_one_out=0, workers=1)
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "loose"}, "unknown protocol 'loose'; expected paper, sound or both"),
        ({"device": "tpu"}, "unknown device 'tpu'; expected auto, cpu or cuda"),
        ({"runs": 0}, "runs is 0; expected 1 or more training runs"),
        ({"max_runs": 7}, "max_runs is 7; expected one of 5, 10, 20, 40, 80"),
        ({"runs": 3, "max_runs": 10}, "max_runs is 10, and runs is 3; expected one of them"),
        ({"workers": 0}, "workers is 0; expected 1 or more"),
    ],
)
def test_a_call_that_is_wrong(tmp_path, options, message):
    with pytest.raises(FairtollError, match=message):
        reproduce("adult", tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other",
    [{"precision": "bfloat16"}, {"batch_size": 33}, {"learning_rate": 0.5}, {"epochs": 2}, {"adam_epsilon": 1e-3}],
)
def test_a_folder_serves_no_models_of_other_settings(mini_copy, other):
    """Each setting of the training is of the configuration: another one is another folder, before any work."""
    from fairtoll.training import FitSettings

    settings = FitSettings(**({"epochs": 1} | other))
    (name,) = other
    with pytest.raises(FairtollError, match=f"belongs to another configuration: .*{name}.*give another folder"):
        reproduce(small_adult(settings=settings), mini_copy, runs=2, leave_one_out=0, workers=1)


def test_every_setting_of_the_training_is_of_the_configuration(mini_run):
    from dataclasses import fields

    from fairtoll.training import FitSettings

    configuration = json.loads((mini_run / "configuration.json").read_text(encoding="utf-8"))
    assert {field.name for field in fields(FitSettings)} <= configuration["settings"].keys()
