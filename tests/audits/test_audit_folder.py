"""An audit in a folder: finished evidence is kept, a second start goes on from it, another audit is refused."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fairtoll import FairtollError, LinfThreat, audit
from fairtoll.attacks import PGD, Square
from fairtoll.cli.report import rerender
from fairtoll.data import Dataset

X = np.random.default_rng(3).normal(size=(60, 2)).astype(np.float32)
ROWS = Dataset(X, (X[:, 0] > 0).astype(int), ("low", "high"), groups={"site": np.where(X[:, 1] > 0, "north", "south")})
OPTIONS = {"threat": LinfThreat(scale=[1.0, 0.5], box=(-9, 9)), "epsilons": [0.1, 0.2], "attacks": [PGD(steps=5)]}


class Model(nn.Module):
    """A linear model whose logits are divided by a plain number."""

    def __init__(self, seed, *, temperature):
        super().__init__()
        torch.manual_seed(seed)
        self.linear, self.temperature = nn.Linear(2, 2), temperature

    def forward(self, x):
        log = LOGS[id(self)]
        log["calls"] += 1
        if log["fails_at"] is not None and log["calls"] >= log["fails_at"]:
            raise log["error"]("stopped here")
        return self.linear(x) / self.temperature


#: Of each model, beside it so that it is the same model whatever was called: its calls, and when it is to fail.
LOGS = {}


def model(seed, *, fails_at=None, error=KeyboardInterrupt, temperature=1.0):
    made = Model(seed, temperature=temperature)
    LOGS[id(made)] = {"calls": 0, "fails_at": fails_at, "error": error, "kept": made}
    return made


def calls(made):
    return LOGS[id(made)]["calls"]


def models(**options):
    return {"plain": [model(0), model(1)], "hardened": [model(2), model(3, **options)]}


@pytest.fixture(autouse=True)
def no_page(monkeypatch):
    """The page is tested elsewhere, and takes longer than the attacks here."""
    monkeypatch.setattr("fairtoll.report.write_report", lambda results, folder: None)


def same_tables(one, other):
    for table in ("rows", "predictions", "attacks"):
        left, right = getattr(one, table), getattr(other, table)
        keys = [key for key in ("arm", "seed", "evaluation", "threat", "attack", "epsilon", "row") if key in left]
        texts = {name: str for name in left.columns if left[name].dtype in (object, "str", "category")}
        left, right = (
            frame.astype(texts).sort_values(keys, ignore_index=True)[sorted(frame.columns)] for frame in (left, right)
        )
        pd.testing.assert_frame_equal(left, right, check_dtype=False, check_categorical=False)


def test_in_a_folder_it_is_the_same_audit(tmp_path):
    without, within = audit(models(), ROWS, **OPTIONS), audit(models(), ROWS, out=tmp_path / "a", **OPTIONS)
    assert within.results == without.results
    same_tables(within.evidence, without.evidence)
    results = (tmp_path / "a" / "results.json").read_bytes()
    assert json.loads(results) == json.loads(within.results.model_dump_json())
    rerender(tmp_path / "a")
    assert (tmp_path / "a" / "results.json").read_bytes() == results


def parts(folder):
    return {path.name: path.read_bytes() for path in (folder / "evidence").glob("*.parquet")}


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_what_is_finished_is_kept_and_a_second_start_goes_on(tmp_path, error):
    broken = models(fails_at=40, error=error)
    with pytest.raises((error, FairtollError)):
        audit(broken, ROWS, out=tmp_path, **OPTIONS)
    kept = parts(tmp_path)
    # Everything of the first arm, and of the second arm's first run.
    for name in ("checks", "attack-0"):
        assert {f"attacks-{name}-{run}.parquet" for run in ("0-0", "0-1", "1-0")} <= {*kept}
    assert "attacks-attack-0-1-1.parquet" not in kept
    again = models()
    found = audit(again, ROWS, out=tmp_path, **OPTIONS)
    assert {name: content for name, content in parts(tmp_path).items() if name in kept} == kept
    # Of the first run only the probe, and the examples that are crafted on it.
    whole = models()
    assert found.results == audit(whole, ROWS, **OPTIONS).results
    assert calls(again["hardened"][0]) < calls(whole["hardened"][0]) / 3
    assert calls(again["hardened"][1]) > calls(again["hardened"][0])


def test_a_finished_audit_is_attacked_no_more(tmp_path):
    first = audit(models(), ROWS, out=tmp_path, **OPTIONS)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    again = models()
    assert audit(again, ROWS, out=tmp_path, **OPTIONS).results == first.results
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")} == before
    # The probe alone.
    assert all(calls(one) <= 8 for arm in again.values() for one in arm)


def test_a_damaged_part_is_measured_again(tmp_path):
    first = audit(models(), ROWS, out=tmp_path, **OPTIONS)
    damaged = tmp_path / "evidence" / "attacks-attack-0-1-0.parquet"
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-9] + b"x" + content[-8:])
    (tmp_path / "evidence" / "predictions-clean-0-1.parquet").unlink()
    assert audit(models(), ROWS, out=tmp_path, **OPTIONS).results == first.results
    assert damaged.read_bytes() == content


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (nn.Linear(3, 2), r"arm 'hardened'.*: the model fails on rows of shape \(2,\)"),
        (nn.Linear(2, 3), "arm 'hardened'.*: the model returned 3 classes; expected 2"),
        (nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5).train()), None),
        ("weights.pt", "arm 'hardened' holds"),
    ],
)
@pytest.mark.parametrize("within", [True, False])
def test_a_fault_of_the_second_arm_shows_before_the_first_is_attacked(tmp_path, wrong, message, within):
    if message is None:
        wrong.forward = lambda x: wrong[0](x) + torch.rand(len(x), 2)
        message = "arm 'hardened'.*: the model's outputs change from call to call"
    first = model(0)
    out = tmp_path / "out"
    with pytest.raises(FairtollError, match=message):
        audit({"plain": first, "hardened": wrong}, ROWS, **OPTIONS, **({"out": out} if within else {}))
    assert calls(first) <= 8
    assert not out.exists()


def other_rows(**changes):
    return replace(ROWS, **changes)


def shifted():
    x = ROWS.x.copy()
    x[17, 1] += 1e-6
    return x


def relabelled():
    y = ROWS.y.copy()
    y[5] = 1 - y[5]
    return y


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": lambda: {"plain": [model(0), model(1)], "hardened": [model(2), model(9)]}}, "models.hardened"),
        ({"models": lambda: models(temperature=2.0)}, "models.hardened"),
        ({"models": lambda: {"plain": [model(0), model(1)], "other": [model(2), model(3)]}}, "models.hardened"),
        ({"models": lambda: {"plain": [model(0)], "hardened": [model(2), model(3)]}}, "models.plain"),
        ({"rows": lambda: other_rows(x=shifted())}, "data.hash is"),
        ({"rows": lambda: other_rows(y=relabelled())}, "data.hash is"),
        ({"rows": lambda: other_rows(groups={"site": ROWS.groups["site"][::-1]})}, "data.hash is"),
        ({"rows": lambda: other_rows(class_names=("small", "large"))}, "data.hash is"),
        ({"rows": lambda: ROWS.take(np.arange(59))}, r"data.hash is .*; data.rows is 60 there and 59 here"),
        ({"threat": LinfThreat(scale=[1.0, 0.6], box=(-9, 9))}, "threat.scale"),
        ({"threat": LinfThreat(scale=[1.0, 0.5], box=(-8, 9))}, "threat.box"),
        ({"threat": LinfThreat(scale=[1.0, 0.5])}, "threat.box"),
        ({"threat": LinfThreat(scale=[1.0, 0.5], box=(-9, 9), integer=[True, False])}, "threat.integer"),
        ({"threat": LinfThreat(scale=[1.0, 0.5], box=(-9, 9), mutable=[True, False])}, "threat.mutable"),
        ({"epsilons": [0.1, 0.3]}, r"epsilons\[1\] is 0.2 there and 0.3 here"),
        ({"attacks": [PGD(steps=6)]}, "attacks"),
        ({"attacks": [PGD(steps=5), Square(5)]}, "attacks"),
        ({"seed": 1}, "seed is 0 there and 1 here"),
        ({"minimum_rows": 5}, "minimum_rows is 10 there and 5 here"),
        ({"partitions": ["class"]}, "partitions"),
        ({"least_epsilon_max": 1.0}, "least_epsilon_max is None there and 1.0 here"),
    ],
)
def test_another_audit_in_the_folder_is_refused(tmp_path_factory, changes, message):
    folder = finished(tmp_path_factory)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    rows, given = changes.get("rows", lambda: ROWS)(), changes.get("models", models)()
    options = OPTIONS | {name: value for name, value in changes.items() if name not in ("rows", "models")}
    with pytest.raises(FairtollError, match=message) as error:
        audit(given, rows, out=folder, **options)
    assert "\n" not in str(error.value)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


FINISHED = {}


def finished(factory):
    if not FINISHED:
        FINISHED["folder"] = factory.mktemp("finished")
        audit(models(), ROWS, out=FINISHED["folder"], **OPTIONS)
    return FINISHED["folder"]


def test_the_results_say_what_they_are_of():
    made = models()
    configuration = audit(made, ROWS, **OPTIONS | {"least_epsilon_max": 0.5, "seed": 4}).results.configuration
    assert configuration["threat"] == {
        "scale": [1.0, 0.5], "box": [-9.0, 9.0], "mutable": [True, True], "integer": None
    }  # fmt: skip
    assert [one["name"] for one in configuration["attacks"]] == ["pgd-5"]
    assert (configuration["seed"], configuration["least_epsilon_max"]) == (4, 0.5)
    assert (configuration["data"]["rows"], configuration["data"]["name"]) == (60, "data")
    hashes = [one for arm in configuration["models"].values() for one in arm]
    assert len(set(hashes)) == 4
    again = audit(models(), ROWS, **OPTIONS | {"least_epsilon_max": 0.5, "seed": 4}).results.configuration
    assert again == configuration


def test_saving_over_another_audit_is_refused(tmp_path):
    one, other = audit(models(), ROWS, **OPTIONS), audit(models(), ROWS, **OPTIONS | {"epsilons": [0.3]})
    one.save(tmp_path)
    one.save(tmp_path)
    with pytest.raises(FairtollError, match="holds another audit: epsilons"):
        other.save(tmp_path)
    with pytest.raises(FairtollError, match="not empty and holds no run"):
        audit(models(), ROWS, out=tmp_path, **OPTIONS)
    within = tmp_path / "within"
    audit(models(), ROWS, out=within, **OPTIONS).save(within)
    with pytest.raises(FairtollError, match="holds another audit"):
        other.save(within)
