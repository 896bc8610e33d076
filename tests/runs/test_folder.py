"""A run's folder: stages that stand are kept, what changed is made again, and nobody else is disturbed."""

import errno
import json
import os
import subprocess
import sys
import time

import pytest

from fairtoll import FairtollError
from fairtoll.runs.folder import Run, finished_stages
from fairtoll.storage.files import write_text


class Chain:
    """Four stages: b reads a, c reads b, and d stands alone. Counts what was made."""

    READS = {"a": (), "b": ("a",), "c": ("b",), "d": ()}  # noqa: RUF012

    def __init__(self, folder, configuration=None, content="1"):
        self.run = Run(folder, configuration or {"seeds": 1})
        self.content, self.made = content, []

    def make(self, name):
        path = self.run.folder / f"out/{name}.txt"
        above = "".join((self.run.folder / f"out/{one}.txt").read_text() for one in self.READS[name])
        self.made.append(name)
        write_text(f"{name}{self.content if name == 'a' else ''}({above})", path)

    def go(self, names="abcd"):
        self.made = []
        with self.run.lock():
            for name in names:
                self.run.stage(name, [f"out/{name}.txt"], lambda name=name: self.make(name), after=self.READS[name])
        return "".join(self.made)


def test_a_stage_is_made_once(tmp_path):
    assert Chain(tmp_path).go() == "abcd"
    assert (tmp_path / "out/c.txt").read_text() == "c(b(a1()))"
    assert Chain(tmp_path).go() == ""


@pytest.mark.parametrize(("spoilt", "again"), [("a", "a"), ("c", "c"), ("d", "d")])
def test_a_file_that_is_deleted_is_made_again(tmp_path, spoilt, again):
    Chain(tmp_path).go()
    (tmp_path / f"out/{spoilt}.txt").unlink()
    # The same content comes back, so what reads from it stands.
    assert Chain(tmp_path).go() == again
    assert Chain(tmp_path).go() == ""


@pytest.mark.parametrize("spoilt", "abcd")
def test_a_file_that_is_altered_is_made_again(tmp_path, spoilt):
    Chain(tmp_path).go()
    before = (tmp_path / f"out/{spoilt}.txt").read_text()
    (tmp_path / f"out/{spoilt}.txt").write_text("x")
    assert Chain(tmp_path).go() == spoilt
    assert (tmp_path / f"out/{spoilt}.txt").read_text() == before


def test_what_comes_out_otherwise_makes_all_that_reads_from_it_again(tmp_path):
    Chain(tmp_path).go()
    (tmp_path / "out/a.txt").unlink()
    assert Chain(tmp_path, content="2").go() == "abc"
    assert (tmp_path / "out/c.txt").read_text() == "c(b(a2()))"


@pytest.mark.parametrize("record", ["", "{", "[]", "{}", '{"key": 1, "files": {}}', "null"])
def test_a_record_that_is_altered_makes_its_stage_again(tmp_path, record):
    Chain(tmp_path).go()
    (tmp_path / "stages/b.json").write_text(record)
    assert Chain(tmp_path).go() == "b"
    assert Chain(tmp_path).go() == ""


def test_a_record_that_is_deleted_makes_its_stage_again(tmp_path):
    Chain(tmp_path).go()
    (tmp_path / "stages/a.json").unlink()
    assert Chain(tmp_path).go() == "a"


def test_a_stage_that_fails_leaves_no_record(tmp_path):
    chain = Chain(tmp_path)
    chain.go("a")

    def fail():
        write_text("half", tmp_path / "out/b.txt")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        chain.run.stage("b", ["out/b.txt"], fail, after=["a"])
    assert sorted(path.name for path in (tmp_path / "stages").iterdir()) == ["a.json"]
    assert Chain(tmp_path).go() == "bcd"


def test_a_full_disk_keeps_the_finished_stages(tmp_path, monkeypatch):
    chain = Chain(tmp_path)
    chain.go("ab")
    replace = os.replace

    def full(source, target):
        if "c.txt" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    message = r"no space left while writing .*c.txt; free some and run the same command again: finished stages are kept"
    with pytest.raises(FairtollError, match=message):
        chain.go()
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.partial"))
    assert Chain(tmp_path).go() == "cd"


def test_a_stage_that_writes_less_than_it_said(tmp_path):
    run = Run(tmp_path, {})
    with pytest.raises(FairtollError, match=r"cannot write .*No such file"):
        run.stage("a", ["out/a.txt"], lambda: None)
    assert finished_stages(tmp_path) == []


def test_the_time_of_each_stage_is_kept(tmp_path):
    chain = Chain(tmp_path)
    chain.go("a")

    def make():
        time.sleep(0.06)
        write_text("", tmp_path / "slow.txt")

    chain.run.stage("slow", ["slow.txt"], make, kind="training", arm="plain")
    first, slow = finished_stages(tmp_path)
    assert (first.stage, first.kind, first.arm) == ("a", "other", None)
    assert (slow.stage, slow.kind, slow.arm) == ("slow", "training", "plain")
    assert 0.05 < slow.seconds < 5


def test_another_configuration_is_named(tmp_path):
    Run(tmp_path, {"seeds": 5, "protocol": "both", "rows": None})
    with pytest.raises(FairtollError) as error:
        Run(tmp_path, {"seeds": 6, "protocol": "both", "epochs": 2})
    assert "belongs to another configuration: epochs is None there and 2 here; seeds is 5 there and 6 here" in str(
        error.value
    )
    assert "give another folder with --out, or the same options" in str(error.value)
    assert json.loads((tmp_path / "configuration.json").read_text())["seeds"] == 5


def test_the_same_configuration_goes_on(tmp_path):
    Run(tmp_path, {"seeds": 5, "copies": (1, 3)})
    Run(tmp_path, {"seeds": 5, "copies": [1, 3]})


def test_a_configuration_cut_short(tmp_path):
    Run(tmp_path, {"seeds": 5})
    (tmp_path / "configuration.json").write_text('{"seeds": ')
    with pytest.raises(
        FairtollError, match=r"configuration.json is not a complete record .*; make or download it again"
    ):
        Run(tmp_path, {"seeds": 5})


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(FairtollError, match=r"is not empty and holds no run; give a new or empty one with --out"):
        Run(tmp_path, {})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("below", ["file", "file/run"])
def test_a_folder_below_a_file(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(FairtollError, match=r"cannot create the folder"):
        Run(tmp_path / below, {})


def test_a_folder_that_may_not_be_written_to(tmp_path, monkeypatch):
    chain, opened = Chain(tmp_path), os.open

    def refuse(path, *arguments, **options):
        if str(path).endswith(".lock"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(FairtollError, match=r"cannot write .*\.lock: Permission denied; choose another output folder"):
        chain.go()


def test_what_a_killed_process_left_does_not_block_and_is_swept(tmp_path):
    (tmp_path / ".configuration.json.99999.partial").write_text('{"se')
    chain = Chain(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.a.txt.99999.partial").write_text("a(")
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/.a.json.99999.partial").write_text("{")
    assert chain.go() == "abcd"
    assert not list(tmp_path.rglob("*.partial"))


LOCKED = """
import sys
from pathlib import Path
from fairtoll.runs.folder import Run
with Run(Path(sys.argv[1]), {"seeds": 1}).lock():
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_one_process_at_a_time(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", LOCKED, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        left = tmp_path / ".theirs.1.partial"
        left.write_text("being written")
        with pytest.raises(FairtollError, match=r"another process is writing to .*; wait for it, or give another"):
            Chain(tmp_path).go()
        assert left.exists()
    finally:
        other.kill()
        other.wait()
    # A killed process holds no lock.
    assert Chain(tmp_path).go() == "abcd"


def test_a_part_of_the_configuration_may_grow(tmp_path):
    """What stages name of it decides, and the file says what was asked last; the rest may not change."""

    def go(study, size, **others):
        run = Run(tmp_path, {"seeds": 1, "study": study, **others}, growing=["study"])
        made = []
        with run.lock():
            for name, detail in (("a", None), ("b", {"size": size})):
                made += name * run.stage(
                    name, [f"{name}.txt"], lambda n=name: write_text("", tmp_path / f"{n}.txt"), detail=detail
                )
        assert json.loads((tmp_path / "configuration.json").read_text())["study"] == study
        return "".join(made)

    assert go({"designs": ["x"]}, 1) == "ab"
    assert go({"designs": ["x", "y"]}, 1) == ""
    assert go({"designs": ["x", "y"]}, 2) == "b"
    assert go(None, 2) == ""
    with pytest.raises(FairtollError, match="seeds is 1 there and 2 here"):
        go(None, 2, seeds=2)


def test_what_grows_is_not_written_while_another_process_holds_the_folder(tmp_path):
    with Run(tmp_path, {"study": 1}, growing=["study"]).lock():
        other = Run(tmp_path, {"study": 2}, growing=["study"])
        with pytest.raises(FairtollError, match="another process is writing"), other.lock():
            raise AssertionError
        assert json.loads((tmp_path / "configuration.json").read_text())["study"] == 1
