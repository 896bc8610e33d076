"""Average robust accuracy where as many rows of each class were attacked, held against all rows attacked."""

import numpy as np
import pandas as pd
import pytest

from example_defences import UNION, example_evidence, example_plan
from fairtoll.evidence.store import Evidence
from fairtoll.findings import Rules
from fairtoll.findings.assemble import assemble
from fairtoll.report.build import build

RARE, EACH = 60, 50


def unbalanced() -> Evidence:
    """1,000 rows of class low, 60 of class high."""
    whole = example_evidence(1, runs=3, rows=2000)
    kept = np.sort(np.concatenate([np.flatnonzero(whole.labels == 0), np.flatnonzero(whole.labels == 1)[:RARE]]))
    return restricted(whole, kept, whole.about)


def restricted(whole: Evidence, kept: np.ndarray, about: dict) -> Evidence:
    place = pd.Series(np.arange(len(kept)), index=kept)

    def of(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame[frame["row"].isin(kept)]
        return frame.assign(row=frame["row"].map(place).astype(int))

    return Evidence(of(whole.rows), of(whole.predictions), of(whole.attacks), whole.class_names, about)


@pytest.fixture(scope="module")
def both():
    """Results of all rows attacked, and of as many of each class; and the attacked rows."""
    whole = unbalanced()
    drawn = np.concatenate([np.flatnonzero(whole.labels == label)[:EACH] for label in (0, 1)])
    attacks = whole.attacks[whole.attacks["row"].isin(drawn)]
    about = {**whole.about, "rows": {"test": len(whole.rows), "attacked": len(drawn)}}
    part = Evidence(whole.rows, whole.predictions, attacks, whole.class_names, about)
    given = {"title": "T", "question": "Q", "threat": "paper", "configuration": {}, "rules": Rules(paired=True)}
    return [assemble(one, example_plan(1), **given) for one in (whole, part)], part, np.sort(drawn)


def test_the_average_is_that_of_all_rows(both):
    (whole, part), evidence, drawn = both
    shares = np.bincount(evidence.labels) / len(evidence.rows)
    for full, few in zip(whole.recipes, part.recipes, strict=True):
        truth, found = full.reached[1], few.reached[1]
        low, high = found.interval
        assert low < truth.value < high
        success, rows = evidence.success_of_rows(
            few.arm, evaluation="white-box", threat="paper", attack=UNION.name, epsilon=10.0
        )
        assert rows.tolist() == drawn.tolist()
        by_class = [1 - success[:, evidence.labels[drawn] == label].mean(axis=1) for label in (0, 1)]
        assert found.per_run == pytest.approx((shares @ np.array(by_class)).tolist())
        assert full.reached[0] == few.reached[0]
        assert all(one.value <= found.value + 1e-12 for one in found.worst)
        entry = next(one for one in part.accuracy if one.arm == few.arm and one.attack == UNION.name)
        assert (entry.mean, entry.interval) == (pytest.approx(found.value), pytest.approx(found.interval))


def test_levels_and_changes_are_of_the_same_average(both):
    (_, part), *_ = both
    known = {one.arm: one for one in part.recipes}
    for reach in part.reach:
        runs = list(zip(*(known[arm].reached[1].per_run for arm in reach.strengths), strict=True))
        assert reach.low == pytest.approx(max(map(min, runs)))
        assert reach.high == pytest.approx(min(map(max, runs)))
    shift = next(one for one in known["frl"].shifts if one.partition is None and one.evaluation != "clean")
    assert shift.value == pytest.approx(known["frl"].reached[1].value - known[shift.against].reached[1].value)


def test_the_report_says_how_many_rows_were_attacked_and_how_they_were_drawn(both):
    (whole, part), *_ = both
    lead = {one.anchor: one.lead for one in build(part)}["frontier"]
    assert "Attacked: 100 of 1,060 test rows, as many of each class" in lead
    assert "Attacked" not in {one.anchor: one.lead for one in build(whole)}["frontier"]
