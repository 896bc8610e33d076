"""What a worker warns of, as the command line prints it: one line, without the place in the program."""

import warnings
from functools import partial

import pytest

from fairtoll.errors import note, print_warning, warn
from fairtoll.runs.folder import Run
from fairtoll.runs.schedule import run_stages
from fairtoll.runs.stages import Silent, Stage
from fairtoll.storage.files import write_text


def build(folder, *, place=None):
    def make():
        warn("the constraint is not met\nin two runs")
        note("a group is small")
        warnings.warn("of another library", UserWarning, stacklevel=1)
        write_text("made", folder / "out")

    return Run(folder, {"tiny": True}), [Stage("train", "Train", ("out",), make)]


@pytest.mark.parametrize("by_command", [True, False])
def test_a_worker_prints_as_its_parent_does(tmp_path, monkeypatch, capfd, by_command):
    if by_command:
        monkeypatch.setattr(warnings, "showwarning", print_warning)
    one = partial(build, tmp_path)
    with one()[0].lock():
        run_stages(one, Silent(), workers=1)
    said = capfd.readouterr().err
    if by_command:
        assert said == "fairtoll: warning: the constraint is not met in two runs\nfairtoll: note: a group is small\n"
    else:
        assert "FairtollWarning: the constraint is not met" in said
        assert "of another library" in said
