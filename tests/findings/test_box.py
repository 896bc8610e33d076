"""Rows outside a box: an alarm beyond chance, a note within it. Oracles: simulation, and order statistics.

The chance is that of Campi and Garatti (2008), The exact feasibility of randomized solutions of uncertain convex
programs, SIAM Journal on Optimization 19; of one feature that of Wilks (1941).
"""

from math import comb

import numpy as np
import pandas as pd
import pytest

import fairtoll as ft
from fairtoll.data import Dataset, Feature
from fairtoll.errors import FairtollError
from fairtoll.evidence import Evidence
from fairtoll.evidence.tables import describe_attack, describe_predictions
from fairtoll.findings.alarms import raise_alarms
from fairtoll.findings.box import CHANCE, box_notes, most_by_chance
from fairtoll.threats import LinfThreat, RangeOf, TableThreat, table_threat


def table(x):
    """A table whose features have the range of its rows."""
    features = tuple(
        Feature(f"f{place}", "continuous", False, float(column.min()), float(column.max()), "")
        for place, column in enumerate(np.asarray(x, dtype=np.float32).T)
    )
    return Dataset(x, np.arange(len(x)) % 2, ("no", "yes"), features=features)


def evidence(threat, rows):
    """Evidence of the check alone, as an audit collects it."""
    from fairtoll.evidence.ranges import describe_ranges

    outside = threat.outside_box(rows).any(dim=1).numpy()
    count = len(outside)
    where = {"arm": "plain", "seed": 0}
    return Evidence(
        pd.DataFrame({"row": np.arange(count), "label": np.arange(count) % 2}),
        describe_predictions(np.full((count, 2), 0.5), **where),
        describe_attack(
            outside, **where, evaluation="white-box", threat="audit", attack="check-outside-box", epsilon=0.0
        ),
        ("no", "yes"),
        describe_ranges({"audit": threat}),
    )


def look(threat, rows):
    """The alarm on some rows, and the notes."""
    import torch

    found = evidence(threat, torch.as_tensor(np.asarray(rows, dtype=np.float32)))
    [alarm] = [one for one in raise_alarms(found, "plain", threat="audit") if one.id == "outside-box"]
    return alarm, box_notes(found)


def correlated(draws, count, features):
    """Heavy-tailed rows whose features share a factor: what a table of amounts looks like."""
    shared = draws.standard_t(3, size=(count, 1))
    return shared + draws.standard_t(3, size=(count, features))


@pytest.mark.parametrize(("train", "test", "features"), [(60, 40, 4), (200, 100, 8), (400, 200, 14)])
def test_ordinary_splits_do_not_set_off_the_alarm(train, test, features):
    draws, above = np.random.default_rng(0), 0
    for _ in range(60):
        rows = correlated(draws, train + test, features)
        alarm, notes = look(table_threat(table(rows[:train])), rows[train:])
        assert not alarm.fired, alarm.message
        assert len(notes) == (alarm.value > 0.01)
        above += alarm.value > 0.01
    # The rule of 1% would have failed most of these builds.
    assert above > 30


@pytest.mark.parametrize("moved", [lambda x: 100 * x, lambda x: x + 20, lambda x: (x - x.mean(axis=0)) * 9])
def test_rows_of_other_units_do(moved):
    rows = correlated(np.random.default_rng(1), 300, 8)
    alarm, notes = look(table_threat(table(rows[:200])), moved(rows[200:]))
    assert alarm.fired
    assert alarm.value > 0.5
    assert notes == []
    assert "in other units than the data" in alarm.message


def test_a_few_rows_of_another_kind_do():
    rows = np.random.default_rng(2).normal(size=(6000, 5))
    rows[5000:5050, 0] += 30
    alarm, _ = look(table_threat(table(rows[:5000])), rows[5000:])
    assert alarm.fired
    assert alarm.value == pytest.approx(0.05, abs=0.01)
    assert "may be too high by at most this share" in alarm.message


def test_one_feature_has_the_chance_of_order_statistics():
    """P(more than c of m outside the extremes of n) by counting: which ranks of n + m the n rows can have."""
    n, m = 12, 9
    tail = [sum((k + 1) * comb(n + m - k - 2, n - 2) for k in range(c + 1, m + 1)) / comb(n + m, n) for c in range(m)]
    expected = next(c for c in range(m) if tail[c] <= CHANCE)
    assert most_by_chance(m, RangeOf(rows=n, ends=2)) == expected


def test_so_many_features_have_at_most_that_chance():
    """By simulation, of features that are one, and of features that have nothing to do with each other."""
    draws, rounds, known = np.random.default_rng(3), 4000, RangeOf(rows=80, ends=12)
    most = most_by_chance(40, known)
    apart = draws.normal(size=(rounds, 120, 6))
    for rows in (apart, apart[:, :, :1].repeat(6, axis=2)):
        low, high = rows[:, :80].min(axis=1, keepdims=True), rows[:, :80].max(axis=1, keepdims=True)
        outside = ((rows[:, 80:] < low) | (rows[:, 80:] > high)).any(axis=2)
        assert outside.mean() <= known.ends / (known.rows + 1)
        assert (outside.sum(axis=1) > most).mean() <= 2 * CHANCE


def test_a_box_that_was_given_is_left_by_no_chance():
    rows = np.zeros((100, 2), dtype=np.float32)
    rows[:3] = 2
    alarm, notes = look(LinfThreat(box=(-1, 1)), rows)
    assert alarm.fired
    assert notes == []


def test_only_ranges_that_were_read_count():
    rows = table(np.random.default_rng(4).normal(size=(50, 3)))
    assert table_threat(rows).range_of == RangeOf(50, 6)
    assert table_threat(rows, mutable=["f0"]).range_of == RangeOf(50, 2)
    given = table_threat(rows, ranges={"f0": (-9, 9)})
    assert isinstance(given, TableThreat)
    assert given.range_of == RangeOf(50, 4)
    assert table_threat(rows, mutable=["f0"], ranges={"f0": (-9, 9)}).range_of is None


def test_an_audit_of_a_random_split_passes_a_gate_on_alarms(tmp_path):
    from torch import nn

    rows = correlated(np.random.default_rng(5), 160, 6)
    train, test = table(rows[:100]), table(rows[100:])
    test = Dataset(test.x, test.y, test.class_names, features=train.features)
    found = ft.audit({"plain": nn.Linear(6, 2)}, test, threat=table_threat(train), epsilons=[0.1], out=tmp_path)
    [alarm] = [one for one in found.results.alarms if one.id == "outside-box"]
    assert not alarm.fired
    assert alarm.value > 0.01
    assert [note for note in found.results.notes if "the range of 100 rows" in note] == [alarm.message]
    assert Evidence.load(tmp_path / "evidence").range_of("audit") == RangeOf(100, 12)


def test_a_range_of_no_rows_is_refused():
    with pytest.raises(FairtollError, match="the range of 0 rows at 2 ends; expected 1 of each or more; leave"):
        RangeOf(rows=0, ends=2)
