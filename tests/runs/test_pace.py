"""Expected seconds, and what is left, as stages finish."""

from functools import partial

import pytest

from fairtoll.runs.folder import Run
from fairtoll.runs.pace import Pace
from fairtoll.runs.schedule import run_stages
from fairtoll.runs.stages import Silent, Stage
from fairtoll.storage.files import write_text


def stage(name, kind="training", seconds=10.0, **more):
    return Stage(name, name, (), lambda: None, seconds=seconds, kind=kind, **more)


def test_before_anything_finished_it_is_what_was_expected_on_this_machine():
    assert Pace(1.5).expected(stage("a")) == pytest.approx(15.0)


def test_each_kind_learns_from_its_own_and_the_others_from_all():
    pace = Pace()
    pace.finished(stage("a", seconds=1000.0), 3000.0)
    pace.finished(stage("b", "attacks", seconds=1000.0), 1000.0)
    assert pace.expected(stage("c")) == pytest.approx(30.0, rel=0.01)
    assert pace.expected(stage("c", "attacks")) == pytest.approx(10.0, rel=0.01)
    assert pace.expected(stage("c", "predictions")) == pytest.approx(20.0, rel=0.01)


@pytest.mark.parametrize("kind", ["statistics", "report", "other"])
def test_what_runs_no_model_learns_from_its_own_alone_and_teaches_no_other(kind):
    # A network that takes eight times as long as foreseen, on top of one that is ten times as large.
    pace = Pace(10.0)
    pace.finished(stage("a", seconds=100.0), 8000.0)
    assert pace.expected(stage("b", kind)) == pytest.approx(10.0)
    pace.finished(stage("b", kind, seconds=1000.0), 3000.0)
    assert pace.expected(stage("c", kind)) == pytest.approx(30.0, rel=0.01)
    assert pace.expected(stage("c", "attacks")) == pytest.approx(800.0, rel=0.02)


def test_a_stage_of_no_time_changes_little():
    pace = Pace()
    pace.finished(stage("a", seconds=0.01), 0.5)
    assert pace.expected(stage("c")) < 15.0


class Told(Silent):
    def __init__(self):
        self.begun, self.lefts = None, []

    def begin(self, stages, *, seconds, most):
        self.begun = seconds, most

    def left(self, *, seconds, most):
        self.lefts.append((seconds, most))


def build(base, *, folder=None):
    """Three stages of 100 expected seconds each that take none."""
    where = folder or base
    stages, before = [], ()
    for name in "abc":
        make = partial(write_text, name, where / name)
        stages.append(Stage(name, name, (name,), make, before, seconds=100.0, kind="training"))
        before = (name,)
    return Run(where, {}), stages


def test_what_is_left_falls_as_stages_end_sooner_than_expected(tmp_path):
    told, one = Told(), partial(build, tmp_path)
    with one()[0].lock():
        run_stages(one, told, workers=1, slower=2.0)
    assert told.begun == (600.0, 600.0)
    first, second, last = (least for least, _ in told.lefts)
    assert first < 100
    assert second < first
    assert last == 0
    assert (tmp_path / "c").read_text() == "c"
