"""Audits whose groups, classes, attributes, arms or runs are not what they seem."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fairtoll import Evidence, FairtollError, FairtollWarning, LinfThreat, audit, audit_evidence
from fairtoll.data import Dataset
from fairtoll.findings import Comparison, Question
from fairtoll.findings.compare import answer

PAIR = Comparison("audit", "a", "b")


def predictions(*, runs=1, rows=120, copies=False, hard=False):
    """Two arms on the same rows, whose sites differ in accuracy; `copies` repeats one run under new seeds."""
    generator = np.random.default_rng(0)
    labels, sites = np.arange(rows) % 2, np.where(np.arange(rows) < rows // 2, "north", "south")
    parts = []
    for arm, gap in (("a", 0.05), ("b", 0.4)):
        first = None
        for run in range(runs):
            right = generator.random(rows) > np.where(sites == "north", gap, 0.02)
            chance = np.where(right == (labels == 1), 0.9, 0.1) + generator.uniform(-0.05, 0.05, rows)
            chance = np.round(chance) if hard else chance
            first = chance if first is None or not copies else first
            parts.append(pd.DataFrame({"model": arm, "run": run, "y": labels, "p": first, "site": sites}))
    return pd.concat(parts, ignore_index=True)


def read(frame, **options):
    options = {"label": "y", "probabilities": {1: "p"}, "groups": ["site"], "arm": "model", "seed": "run"} | options
    return Evidence.from_frame(frame, **options)


def verdict(evidence, question=Question("cau", "site")):
    return answer(evidence, PAIR, question, dataset="hand")


def test_independent_runs_decide_where_copies_of_one_run_do_not():
    assert verdict(read(predictions(runs=3))).verdict == "less fair"
    frame = predictions(runs=3, copies=True)
    copied = read(frame)
    with pytest.warns(FairtollWarning, match="Training runs 1 and 2 of 'a' predict exactly what run 0 predicts"):
        found = verdict(copied)
    once = verdict(read(frame[frame["run"] == 0]))
    assert (found.verdict, found.runs) == (once.verdict, 1) == ("inconclusive", 1)
    assert found.difference.interval == once.difference.interval
    notes = audit_evidence(copied).results.notes
    assert notes[0].startswith("Training runs 1 and 2 of 'a' predict exactly what run 0 predicts: counted as one run")


def test_copies_that_were_rounded_or_hardened_are_copies():
    rounded = predictions(runs=3, copies=True)
    rounded.loc[rounded["run"] == 1, "p"] += 3e-7  # the same weights on another machine
    for frame in (rounded, predictions(runs=3, copies=True, hard=True)):
        with pytest.warns(FairtollWarning, match="counted as one run"):
            assert verdict(read(frame)).runs == 1


def test_one_copy_among_three_runs_leaves_two():
    frame = predictions(runs=3)
    chances = frame["p"].to_numpy().copy()
    for arm in ("a", "b"):
        at = [np.flatnonzero((frame["model"] == arm) & (frame["run"] == run)) for run in range(3)]
        chances[at[2]] = chances[at[0]]
    with pytest.warns(FairtollWarning, match=r"Training run 2 of '\w' predicts exactly what run 0 predicts"):
        assert verdict(read(frame.assign(p=chances))).runs == 2


def test_different_runs_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error", FairtollWarning)
        assert verdict(read(predictions(runs=3))).runs == 3


def rows_of(groups=None, *, names=("low", "high"), rows=120):
    x = np.random.default_rng(0).normal(size=(rows, 2))
    groups = {"site": np.where(x[:, 1] > 0, "north", "south")} if groups is None else groups
    return Dataset(x, (x[:, 0] > 0).astype(int), names, groups=groups)


def networks(classes=2):
    torch.manual_seed(0)
    return nn.Linear(2, classes), nn.Linear(2, classes)


def quick(models, data, **options):
    return audit(models, data, threat=LinfThreat(), epsilons=[0.1], **options)


def test_one_weights_file_given_three_times_is_one_run():
    first, second = networks()
    with pytest.warns(FairtollWarning, match="Training runs 1 and 2 of 'plain' predict exactly what run 0 predicts"):
        found = quick({"plain": [first] * 3, "hardened": [second] * 3}, rows_of())
    assert {finding.runs for finding in found.results.findings} == {1}
    assert {finding.verdict for finding in found.results.findings} <= {"inconclusive", "insufficient data"}


class Untouchable(nn.Module):
    def forward(self, x):
        raise AssertionError("the model was evaluated before the names were checked")


@pytest.mark.parametrize(
    ("models", "options", "message"),
    [
        ({0: 1, "0": 2}, {}, "an arm's name holds both 0 and '0', which cannot be distinguished"),
        ({"": 1, "b": 2}, {}, "an arm is called ''; expected a name"),
        ({"a": 1, "b": 2}, {"partitions": ["site", "site"]}, "a partition is named 'site' more than once"),
        ({"a": 1, "b": 2}, {"partitions": "site"}, "partitions is 'site'; expected a sequence"),
        ({"a": 1, "b": 2}, {"partitions": 3}, "partitions is 3; expected a sequence"),
        ({"a": 1, "b": 2}, {"partitions": [None]}, "a partition is called None; expected a name"),
        (
            {"a": 1, "b": 2},
            {"partitions": ["class & sites"]},
            "unknown attribute 'sites'; expected one of: class, site",
        ),
        ({"a": 1, "b": 2}, {"partitions": ["site & site"]}, "an attribute is named 'site' more than once"),
    ],
)
def test_names_are_checked_before_any_attack(models, options, message):
    with pytest.raises(FairtollError, match=message):
        quick(dict.fromkeys(models, Untouchable()), rows_of(), **options)


def test_cells_of_one_name_are_found_before_any_attack():
    cells = {"one": ["a & b", "a"] * 60, "two": ["c", "b & c"] * 60}
    with pytest.raises(FairtollError, match="two different intersections are both called 'a & b & c'"):
        quick({"a": Untouchable(), "b": Untouchable()}, rows_of(cells), partitions=["one & two"])


def test_arms_and_columns_that_are_numbers():
    first, second = networks()
    found = quick({0: first, 1: second}, rows_of({0: [1, 2.0] * 60}))
    assert found.evidence.arms == ["0", "1"]
    groups = {group.group for finding in found.results.findings if finding.parameters.partition == "0"
              for group in finding.standard.groups}  # fmt: skip
    assert groups == {"1", "2"}


def test_an_attribute_whose_name_joins_two_others_is_itself():
    groups = {"sex": ["f", "m"] * 60, "age": ["old"] * 60 + ["young"] * 60, "sex & age": ["x", "y", "z"] * 40}
    evidence = read(predictions().assign(**{name: values * 2 for name, values in groups.items()}), groups=list(groups))
    assert evidence.groups("sex & age")[0] == ("x", "y", "z")
    found = verdict(evidence, Question("cau", "sex & age"))
    assert [group.group for group in found.standard.groups] == ["x", "y", "z"]


def test_a_class_without_rows_has_insufficient_data_and_the_rest_is_answered():
    first, second = networks(classes=3)
    found = quick({"plain": first, "hardened": second}, rows_of(names=("low", "high", "never")))
    by_label = {finding.parameters.label: finding for finding in found.results.findings if finding.metric == "eou"}
    assert by_label["never"].verdict == "insufficient data"
    assert "no row has the true class 'never'" in by_label["never"].reason
    assert by_label["low"].verdict != "insufficient data"
    classes = next(one for one in found.results.findings if (one.metric, one.parameters.partition) == ("cau", "class"))
    assert [(group.group, group.rows, group.value, group.sufficient) for group in classes.standard.groups][2] == (
        "never", 0, None, False,
    )  # fmt: skip
    assert classes.standard.value is not None


def test_a_group_without_rows_of_a_class_is_named_and_not_compared(tmp_path):
    frame = predictions()
    frame.loc[frame.index % 120 < 11, "site"] = np.where(frame["y"][frame.index % 120 < 11] == 1, "island", "north")
    found = audit_evidence(read(frame))
    finding = next(one for one in found.results.findings if one.metric == "eou" and one.parameters.label == "0")
    island = next(group for group in finding.robust.groups if group.group == "island")
    assert (island.rows, island.value, island.sufficient) == (0, None, False)
    assert [group.group for group in finding.standard.groups] == ["island", "north", "south"]
    page = found.report(tmp_path / "report.html").read_text()
    assert "island" in page
