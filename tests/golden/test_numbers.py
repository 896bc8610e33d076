"""Comparing golden results: a changed number is found, a new name for the same is not."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

import _golden_words
from _golden_exact import differences as exact_differences
from _golden_numbers import (
    added,
    differences,
    numbers_of_results,
    summaries_of,
    table_differences,
    tensor_differences,
)
from _golden_stored import is_steady, newest, packed, read, rounded

RESULTS = {
    "schema_version": 1,
    "seconds": {"train": 3.1},
    "title": "A run",
    "findings": [
        {
            "id": f"paper/static/cru_s/{partition}",
            "metric": "cru_s",
            "parameters": {"partition": partition, "epsilon": 10.0, "denominator": "all"},
            "standard": {
                "arm": "standard",
                "value": value,
                "groups": [{"group": "a", "value": 0.2}],
                "per_seed": [0.1],
            },
            "robust": {"arm": "static", "value": 0.3, "groups": [], "per_seed": [0.3]},
            "control": None,
            "difference": {"value": 0.2, "interval": [0.1, 0.3]},
            "verdict": "less fair",
            "reason": "because",
        }
        for partition, value in (("sex", 0.1), ("race", 0.15))
    ],
    "accuracy": [{"arm": "static", "evaluation": "white-box", "attack": "pgd-20", "epsilon": 10.0, "mean": 0.5}],
    "claims": [{"id": "cau", "judgement": "stands", "reason": "so it is"}],
    "alarms": [{"id": "not-monotone", "arm": "static", "fired": False, "value": None}],
}


def changed(change):
    results = copy.deepcopy(RESULTS)
    change(results)
    return results


def compared(change):
    return differences(numbers_of_results(RESULTS), numbers_of_results(changed(change)))


def test_every_number_and_conclusion_is_taken_once():
    numbers = numbers_of_results(RESULTS)
    assert set(numbers) == {
        "findings |cru_s|sex||||10|all|||||standard|static",
        "findings |cru_s|race||||10|all|||||standard|static",
        "accuracy static|white-box|pgd-20||10",
        "claims cau",
        "alarms not-monotone|static",
    }
    sex = numbers["findings |cru_s|sex||||10|all|||||standard|static"]
    assert sex["standard/value"] == 0.1
    assert sex["standard/groups/|a/value"] == 0.2
    assert sex["difference/interval/1"] == 0.3
    assert sex["verdict"] == "less fair"
    assert "reason" not in sex


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda one: one["findings"][0]["standard"].update(value=0.1 + 1e-12), "standard/value"),
        (lambda one: one["findings"][1]["difference"].update(interval=[0.1, 0.31]), "difference/interval/1"),
        (lambda one: one["findings"][1].update(verdict="fairer"), "verdict"),
        (lambda one: one["claims"][0].update(judgement="cannot be told"), "judgement"),
        (lambda one: one["alarms"][0].update(fired=True), "fired"),
        (lambda one: one["alarms"][0].update(value=0.0), "value"),
        (lambda one: one["accuracy"][0].pop("mean"), "mean"),
        (lambda one: one["findings"].pop(0), "sex"),
    ],
)
def test_a_changed_number_is_found(change, where):
    found = compared(change)
    assert len(found) == 1
    assert where in next(iter(found))


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one["seconds"].update(train=9.0),
        lambda one: one.update(schema_version=2, title="Another title"),
        lambda one: one["findings"].reverse(),
        lambda one: one["findings"][0].update(id="another", reason="for another reason"),
        lambda one: one["alarms"][0].pop("value"),
        lambda one: one["accuracy"][0].update(new=1.0),
    ],
)
def test_what_no_number_says_is_no_difference(change):
    assert compared(change) == {}


def test_a_new_name_is_no_difference_once_it_is_an_alias(monkeypatch):
    text = json.dumps(RESULTS)
    for old, new in (("per_seed", "per_run"), ("pgd-20", "pgd"), ("stands", "holds"), ("findings", "gaps")):
        text = text.replace(f'"{old}"', f'"{new}"')
    other = json.loads(text)
    for finding in other["gaps"]:  # a level that is gone
        finding.update(finding.pop("parameters"))
    assert differences(numbers_of_results(RESULTS), numbers_of_results(other))
    for old, new in (
        ("per_seed", "per_run"),
        ("pgd-20", "pgd-twenty"),
        ("pgd-twenty", "pgd"),
        ("stands", "holds"),
        ("findings", "gaps"),
        ("parameters", ""),
    ):
        monkeypatch.setitem(_golden_words.ALIASES, old, new)
    before, after = numbers_of_results(RESULTS), numbers_of_results(other)
    assert differences(before, after) == {}
    assert added(before, after) == 0
    other["gaps"][0]["standard"]["per_run"][0] += 1e-9
    assert len(differences(before, numbers_of_results(other))) == 1


def test_tolerances_bound_numbers_alone():
    one, other = {"a": {"x": 1.0, "word": "up"}}, {"a": {"x": 1.02, "word": "up"}}
    assert differences(one, other, relative=0.01)
    assert not differences(one, other, relative=0.02)
    assert not differences(one, other, absolute=0.021)
    assert differences(one, {"a": {"x": 1.0, "word": "down"}}, absolute=9.0, relative=9.0)


def attacks(**columns):
    table = {"arm": ["a", "a"], "seed": [0, 0], "attack": ["pgd-20"] * 2, "epsilon": [0.5, 0.5], "row": [0, 1]}
    return pd.DataFrame({**table, "success": [True, False], "least_epsilon": [0.25, np.nan], **columns})


def written(folder, table, *, name="attacks.parquet", weights=(1.0, 2.0)):
    (folder / "evidence").mkdir(parents=True)
    table.to_parquet(folder / "evidence" / name)
    save_file({"w": np.array(weights)}, folder / "model.safetensors")
    (folder / "results.json").write_text(json.dumps({**RESULTS, "seconds": {"train": len(name)}}))
    return folder


def test_tables_are_compared_row_by_row_whatever_their_files_are_called(tmp_path, monkeypatch):
    old = written(tmp_path / "old", attacks())
    moved = attacks().iloc[::-1].rename(columns={"seed": "run"}).replace("pgd-20", "pgd")
    new = written(tmp_path / "new", moved, name="curves.parquet")
    assert table_differences(old, new)
    monkeypatch.setitem(_golden_words.ALIASES, "seed", "run")
    monkeypatch.setitem(_golden_words.ALIASES, "pgd-20", "pgd")
    assert table_differences(old, new) == {}
    assert tensor_differences(old, new) == {}
    assert summaries_of(old) == summaries_of(new) == {"attacks a|pgd|0.5": {"success": 0.5, "least_epsilon": 0.25}}
    other = written(tmp_path / "other", attacks(success=[True, True]), weights=(1.0, 2.5))
    assert list(table_differences(old, other)) == ["table attacks: success"]
    assert len(tensor_differences(old, other)) == 1
    assert "1 rows differ, first" in table_differences(old, other)["table attacks: success"]


def test_the_exact_comparison_finds_a_bit_and_a_file(tmp_path):
    old = written(tmp_path / "old", attacks())
    assert exact_differences(old, written(tmp_path / "same", attacks())) == []
    nudged = np.nextafter(0.25, 1)
    new = written(tmp_path / "new", attacks(least_epsilon=[nudged, np.nan]), weights=(1.0, np.nextafter(2.0, 3)))
    (new / "results.json").write_text(json.dumps(changed(lambda one: one["findings"][1].update(reason="new"))))
    found = exact_differences(old, new)
    assert [line.partition(":")[0] for line in found] == [
        "evidence/attacks.parquet",
        "model.safetensors",
        "results.json",
    ]
    assert "column least_epsilon, row 0" in found[0]
    assert "tensor w, entry 1" in found[1]
    assert "findings[1].reason: 'because' against 'new'" in found[2]
    renamed = exact_differences(old, written(tmp_path / "renamed", attacks(), name="curves.parquet"))
    assert renamed == ["evidence/attacks.parquet: only in the old run", "evidence/curves.parquet: only in the new run"]


def test_what_is_stored_comes_back_under_the_newest_names(tmp_path, monkeypatch):
    numbers = {"accuracy static|pgd-20": {"old/0": 0.5, "fired": True}, "accuracy b|": {"old/0": None}}
    (tmp_path / "run.json").write_text(json.dumps({"machine": "here", "tables": packed(numbers)}))
    assert read(tmp_path / "run.json") == ("here", numbers)
    monkeypatch.setitem(_golden_words.ALIASES, "old", "per_run")
    monkeypatch.setitem(_golden_words.ALIASES, "parameters", "")
    assert list(read(tmp_path / "run.json")[1]["accuracy b|"]) == ["per_run/0"]
    assert newest("parameters/epsilon") == "epsilon"
    assert newest("most_felt//old") == "most_influential//per_run"  # of no row
    assert [rounded(one) for one in (0.123456789, 1e-9, True, "word", None, 7)] == [0.12346, 0.0, True, "word", None, 7]


def test_which_numbers_are_compared_on_other_machines():
    arms = ("static", "noise")
    assert is_steady("accuracy static|clean", "mean", ())
    assert is_steady("accuracy standard|static-transfer", "mean", arms)
    assert not is_steady("accuracy static|clean", "mean", arms)
    assert is_steady("findings paper|cau|standard|static", "standard/value", arms)
    assert not is_steady("findings paper|cau|standard|static", "difference/value", arms)
    assert not is_steady("claims cau", "judgement", arms)
