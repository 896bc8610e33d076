"""`fairtoll report` of a damaged folder: one line and status 2, or the same report; no traceback, no other numbers.

Every file that a report reads, of a run and of an audit, has bits flipped, is cut, emptied, deleted, swapped, doubled
or replaced. A sample runs in `make test`, the whole is slow.
"""

import os
import random
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fairtoll import Evidence, LinfThreat, audit_evidence
from fairtoll import audit as measure
from fairtoll.cli.app import main
from fairtoll.data import Dataset
from fairtoll.experiments import reproduce
from small_experiments import small_adult

ALL = 300
SAMPLE = 10


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    """Folder of an audit of two models, from predictions."""
    folder = tmp_path_factory.mktemp("audit") / "audit"
    generator, names = np.random.default_rng(0), ("plain", "hardened")
    parts = []
    for arm in names:
        for seed in range(2):
            chance = generator.uniform(size=120).round(3)
            parts.append(pd.DataFrame({"model": arm, "run": seed, "row": range(120), "p": chance}))
    frame = pd.concat(parts, ignore_index=True)
    frame["y"] = np.where(frame["row"] % 3, "low", "high")
    frame["site"] = np.where(frame["row"] % 2, "north", "süd")
    evidence = Evidence.from_frame(
        frame, label="y", probabilities={"high": "p"}, groups=["site"], arm="model", seed="run", row="row"
    )
    audit_evidence(evidence).save(folder)
    return folder


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Folder of an audit of two models that were attacked in it, part by part."""
    folder = tmp_path_factory.mktemp("measured") / "audit"
    torch.manual_seed(0)
    x = torch.randn(60, 3).numpy()
    rows = Dataset(x, (x[:, 0] > 0).astype(int), ("low", "high"), {"site": np.where(x[:, 1] > 0, "north", "süd")})
    models = {name: [nn.Linear(3, 2), nn.Linear(3, 2)] for name in ("plain", "hardened")}
    measure(models, rows, threat=LinfThreat(), epsilons=[0.1, 0.2], least_epsilon_max=1.0, out=folder)
    return folder


@pytest.fixture
def report(monkeypatch, capsys):
    """Runs `fairtoll report` here, but for drawing the page; returns status, error and what the page would show."""
    shown = []
    monkeypatch.setattr("fairtoll.report.write_report", lambda results, folder: shown.append(results))

    def run(folder):
        shown.clear()
        monkeypatch.setattr(sys, "argv", ["fairtoll", "report", str(folder)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0, capsys.readouterr().err, list(shown)

    return run


class Folder:
    """A copy of a finished folder that is damaged and mended again, and what its report says while whole."""

    def __init__(self, whole, place, report):
        self.whole, self.path, self.report = whole, shutil.copytree(whole, place), report
        opened = []
        watching.append(opened)
        status, _, self.shown = report(self.path)
        watching.remove(opened)
        assert status == 0
        read = {path.relative_to(self.path) for path in self.path.rglob("*") if str(path) in set(opened)}
        self.read = sorted(path for path in read if path.name != ".lock")

    def mend(self):
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self.whole, self.path)

    def check(self, what):
        status, error, shown = self.report(self.path)
        lines = [line for line in error.splitlines() if not line.startswith("Computing")]
        if status == 0:
            assert shown == self.shown, what
        else:
            assert status == 2, (what, error)
            assert len(lines) == 1, (what, error)
            assert lines[0].startswith("fairtoll: "), (what, error)
        self.mend()
        return status


#: Lists that take the names of the files which are opened while they are in here.
watching: list[list[str]] = []


def _watch(event, arguments):
    if event == "open":
        for opened in watching:
            opened.append(os.fspath(arguments[0]) if not isinstance(arguments[0], int) else "")


sys.addaudithook(_watch)


def flip(draw, path, others):
    data = bytearray(path.read_bytes())
    bit = draw.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def cut(draw, path, others):
    path.write_bytes(path.read_bytes()[: draw.randrange(path.stat().st_size)])


def noise(draw, path, others):
    data = bytearray(path.read_bytes())
    place = draw.randrange(len(data))
    data[place : place + draw.randrange(1, 200)] = draw.randbytes(draw.randrange(200))
    path.write_bytes(data)


def delete(draw, path, others):
    path.unlink()


def replace(draw, path, others):
    path.write_bytes(
        draw.choice([b"", b"\n", b"[]", b"{}", b"null", b"3", b'{"a": [', b"\xff\xfe\xff", b"PAR1PAR1", b"\0" * 99])
    )


def retype(draw, path, others):
    """Other values in JSON that stays whole; noise elsewhere."""
    if path.suffix != ".json":
        noise(draw, path, others)
        return
    text = path.read_text(encoding="utf-8")
    old, new = draw.choice(
        [('"', "'"), ("[", "{"), (": ", ": -"), ("0", "1"), ("e", "E"), ("null", "{}"), ("a", "\u00e4")]
    )
    path.write_text(text.replace(old, new, draw.randrange(1, 4)), encoding="utf-8")


def swap(draw, path, others):
    other = draw.choice(others)
    mine, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(mine)


def double(draw, path, others):
    """A second file like it, which a pattern of names would find."""
    shutil.copy(path, path.with_name(f"{path.stem}-again{path.suffix}"))


def become_a_folder(draw, path, others):
    path.unlink()
    path.mkdir()


def lose_the_folder(draw, path, others):
    shutil.rmtree(path.parent)


DAMAGES = [cut, noise, delete, replace, retype, swap, double, become_a_folder, lose_the_folder]


def damage_all(folder, *, flips, damages, seed=0):
    """Each file in turn; the share that ended with status 2, of files whose content a report depends on."""
    draw, statuses = random.Random(seed), []
    for number in range(flips + damages):
        name = folder.read[number % len(folder.read)] if number < flips else draw.choice(folder.read)
        damage = flip if number < flips else DAMAGES[number % len(DAMAGES)]
        others = [folder.path / other for other in folder.read if other != name]
        damage(draw, folder.path / name, others)
        status = folder.check(f"{number}: {damage.__name__} of {name}")
        # Opened, but computed again from the evidence: damage to it alone must change nothing.
        if name.name != "results.json":
            statuses.append(status)
    return statuses.count(2) / len(statuses)


@pytest.fixture
def run(mini_run, tmp_path, report):
    return Folder(mini_run, tmp_path / "run", report)


@pytest.fixture(params=["audit", "measured"])
def audited(request, tmp_path, report):
    return Folder(request.getfixturevalue(request.param), tmp_path / "audited", report)


def test_what_a_report_reads(run, audited):
    """Models are not needed; what is read is all evidence, and what says how it came about."""
    folders = {path.parts[0] for path in run.read}
    assert {"evidence", "stages", "configuration.json"} <= folders
    assert not folders & {"models", "examples", "figures", "tables", "report.html"}
    assert {path.name for path in run.read if path.parts[0] == "evidence"} == {
        path.name for path in (run.path / "evidence").iterdir()
    }
    assert {path.name for path in audited.read if path.suffix == ".parquet"} == {
        path.name for path in audited.path.rglob("*.parquet")
    }
    assert {path.parts[0] for path in audited.read} & {"checksums.json", "configuration.json"}


def test_a_sample_of_damage_to_a_run(run):
    assert damage_all(run, flips=SAMPLE, damages=SAMPLE) >= 0.75


def test_a_sample_of_damage_to_an_audit(audited):
    assert damage_all(audited, flips=SAMPLE, damages=SAMPLE) >= 0.75


@pytest.mark.slow
def test_damage_to_a_run(tmp_path, report):
    """With leave-one-out members, whose files a report reads too."""
    reproduce(small_adult(), tmp_path / "whole", runs=2, leave_one_out=2, workers=2)
    run = Folder(tmp_path / "whole", tmp_path / "run", report)
    assert "members" in {path.parts[0] for path in run.read}
    assert damage_all(run, flips=ALL, damages=ALL, seed=1) >= 0.9


@pytest.mark.slow
def test_damage_to_an_audit(audited):
    assert damage_all(audited, flips=ALL, damages=ALL, seed=1) >= 0.9
