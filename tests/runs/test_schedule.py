"""Stages that are needed on a condition: made where it holds, otherwise done without having written anything."""

from functools import partial

import pytest

from fairtoll.runs.folder import Run
from fairtoll.runs.schedule import run_stages
from fairtoll.runs.stages import Condition, Silent, Stage
from fairtoll.storage.files import write_text


def build(base, wanted, *, folder=None):
    """A look after each of three blocks says whether the next one is made: "wanted" holds the answers."""
    where = folder or base
    run = Run(where, {"tiny": True, "wanted": wanted}, growing=["wanted"])

    def write(name, *read):
        text = "".join((where / f"out/{one}").read_text() for one in read)
        return lambda: write_text(f"{name}({text})", where / f"out/{name}")

    def holds(block):
        path = where / f"out/look-{block}"
        return path.exists() and path.read_text() == "yes"

    stages = []
    for block in range(3):
        on = None if block == 0 else Condition(f"look-{block - 1}", partial(holds, block - 1))
        after = () if block == 0 else (f"look-{block - 1}",)
        stages += [
            Stage(f"{name}-{block}", name, (f"out/{name}-{block}",), write(f"{name}-{block}"), before, condition=on)
            for name, before in (("train", after), ("attack", (f"train-{block}",)))
        ]
        if block < 2:
            answer = partial(write_text, wanted[block], where / f"out/look-{block}")
            look = Stage(f"look-{block}", "Look", (f"out/look-{block}",), answer, (f"attack-{block}",),
                         condition=on, says=partial(str, f"look {block}"))  # fmt: skip
            stages.append(look)
    everything = tuple(stage.name for stage in stages)
    stages.append(Stage("end", "End", ("out/end",), write("end"), everything))
    return run, stages


class Told(Silent):
    """Keeps what a display is told."""

    def __init__(self):
        self.times, self.ended, self.dropped, self.lines = None, [], [], []

    def begin(self, stages, *, seconds, most):
        self.times = len(stages), seconds, most

    def end(self, stage):
        self.ended.append(stage.name)

    def drop(self, stage):
        self.dropped.append(stage.name)

    def message(self, line):
        self.lines.append(line)


def go(folder, *wanted):
    told, one = Told(), partial(build, folder, list(wanted))
    with one()[0].lock():
        run_stages(one, told, workers=2)
    return told, sorted(path.name for path in (folder / "out").iterdir())


CHAIN = ["train-0", "attack-0", "look-0", "train-1", "attack-1", "look-1", "train-2", "attack-2", "end"]


@pytest.mark.parametrize(
    ("wanted", "made"),
    [(("no", "no"), CHAIN[:3]), (("yes", "no"), CHAIN[:6]), (("yes", "yes"), CHAIN[:8])],
)
def test_what_is_not_needed_is_not_made(tmp_path, wanted, made):
    told, files = go(tmp_path / "run", *wanted)
    assert told.ended == [*made, "end"]
    assert told.dropped == [name for name in CHAIN[:8] if name not in made]
    assert files == sorted([*made, "end"])
    assert told.lines == [f"look {block}" for block in range(2) if f"look-{block}" in made]
    # Three stages and the end are certain; all nine follow each other.
    assert told.times == (9, 4.0, 9.0)
    again, _ = go(tmp_path / "run", *wanted)
    assert again.ended == again.dropped == []


def test_a_decision_that_was_lost_is_made_again(tmp_path):
    go(tmp_path / "run", "yes", "no")
    (tmp_path / "run/out/look-0").write_text("garbage")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run/out").iterdir()}
    _, files = go(tmp_path / "run", "yes", "no")
    assert files == sorted([*CHAIN[:6], "end"])
    changed = [path.name for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert changed == ["look-0"]


def test_what_is_known_of_the_decision_is_in_the_estimate(tmp_path):
    go(tmp_path / "run", "yes", "no")
    for name in ("attack-1", "end"):
        (tmp_path / "run/out" / name).unlink()
    told, _ = go(tmp_path / "run", "yes", "no")
    # The look after block 1 waits for its attack, and block 2 for that look: two stages that may not be needed.
    assert told.times == (5, 3.0, 5.0)
    assert "attack-1" in told.ended
    assert "end" in told.ended
