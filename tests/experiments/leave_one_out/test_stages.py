"""Leave-one-out as stages of a small Adult run: what it writes, reads and survives."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from fairtoll import FairtollError, LinfThreat, ModelStack
from fairtoll.data import TrainTest, load_adult
from fairtoll.experiments import find_experiment, reproduce
from fairtoll.experiments.engine import configuration_of, stages_of
from fairtoll.experiments.leave_one_out.files import Chunk, read_members
from fairtoll.experiments.leave_one_out.options import SEPARATING, LeaveOneOut, last_requested
from fairtoll.experiments.leave_one_out.results import leave_one_out_results
from fairtoll.experiments.leave_one_out.stages import leave_one_out_stages
from fairtoll.experiments.running import choose_leave_one_out, prepare
from fairtoll.experiments.workspace import Workspace
from fairtoll.runs.folder import Run
from fairtoll.training import RECIPES, Adversary, FitSettings, craft_adversarial_examples
from fairtoll.training.leave_one_out import DESIGNS, Member, choose_left_out, plan_members, train_members
from fairtoll.training.networks import ConvolutionalNetwork
from small_experiments import small_adult

OPTIONS = LeaveOneOut(count=5, chunk=2)
ROWS, SETTINGS = 200, FitSettings(epochs=1, batch_size=100)
#: What the run that is killed does.
FEW = LeaveOneOut(count=4, chunk=2, designs=("masked", "new-seed"))
SCRIPT = """
import sys
from functools import partial
from pathlib import Path
sys.path[:0] = [sys.argv[1], str(Path(sys.argv[1]).parents[1])]
from test_stages import FEW, build
if __name__ == "__main__":
    from fairtoll.runs.schedule import run_stages
    from fairtoll.runs.stages import Silent
    one = partial(build, Path(sys.argv[2]), FEW)
    with one()[0].lock():
        run_stages(one, Silent(), workers=2)
"""


def workspace_of(folder, options=OPTIONS):
    adult = small_adult(rows=ROWS, settings=SETTINGS, runs=1, leave_one_out=options)
    return Workspace(adult, folder)


def build(folder, options=OPTIONS):
    """The run, and of its stages those of leave-one-out and the rows."""
    workspace = workspace_of(folder, options)
    stages = [stage for stage in stages_of(workspace) if stage.name.startswith(("rows", "loo-"))]
    configuration = configuration_of(workspace.experiment, "cpu")
    return Run(folder, configuration, growing=["leave_one_out"]), stages


def make(folder, options=OPTIONS, *, until=None):
    """Run the stages here, one after the other; returns the names of those made."""
    run, stages = build(folder, options)
    made = []
    with run.lock():
        for stage in stages:
            if stage.keep(run, stage.make):
                made.append(stage.name)
            if stage.name == until:
                break
    return made


def results_of(folder, options=OPTIONS):
    data = load_adult().test.take(np.arange(ROWS))
    names = np.array(data.class_names)
    rows = {"class": names[data.y], **data.groups}
    return leave_one_out_results(folder, options, rows, class_names=data.class_names, published_note="elsewhere")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leave-one-out") / "run"
    make(folder)
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    import shutil

    return shutil.copytree(finished, tmp_path / "copy")


def path_of(arm, design, first):
    return Chunk(arm, design, 0, first).members_path


def predictions(folder, arm, design, *, reference=0, firsts=OPTIONS.firsts):
    return read_members(
        folder, [Chunk(arm, design, reference, first) for first in ([0] if design == "full" else firsts)]
    )


def test_every_arm_and_design_has_all_its_members(finished):
    for arm in ("standard", "static"):
        assert predictions(finished, arm, "full").shape == (1, ROWS, 2)
        for design in DESIGNS:
            assert predictions(finished, arm, design).shape == (5, ROWS, 2)
        assert np.array_equal(predictions(finished, arm, "rerun"), np.repeat(predictions(finished, arm, "full"), 5, 0))


def test_predictions_are_those_of_members_trained_apart(finished):
    """The static member's examples are crafted on its own source model, in float64."""
    workspace = workspace_of(finished)
    setup, left_out = workspace.setup([0]), choose_left_out(ROWS, 5, seed=0)
    test = torch.from_numpy(workspace.data.test.x).double()
    for design, number in (("masked", 3), ("re-permuted", 4), ("one-ulp", 0)):
        member = plan_members(design, left_out, seed=0)[number]
        source = train_members([member], setup, dtype=torch.float64)
        examples = craft_adversarial_examples(
            source, setup.x.double(), setup.y, threat=workspace.threats["paper"], epsilon=10.0, steps=20
        )
        robust = train_members([member], setup, dtype=torch.float64, examples=examples)
        for arm, stack in (("standard", source), ("static", robust)):
            expected = stack.member(0)(test).softmax(dim=1).detach().numpy()
            np.testing.assert_allclose(predictions(finished, arm, design)[number], expected, atol=2e-7)


def test_results_of_every_arm_and_design(finished):
    entries = results_of(finished)
    assert [(entry.arm, entry.design) for entry in entries] == [
        (arm, design) for arm in ("standard", "static") for design in DESIGNS
    ]
    by_key = {(entry.arm, entry.design): entry for entry in entries}
    for (arm, design), entry in by_key.items():
        assert (entry.members, entry.rows, entry.precision) == (5, ROWS, "float64")
        assert entry.adversarial_examples == (None if arm == "standard" else "own")
        full, members = predictions(finished, arm, "full")[0], predictions(finished, arm, design)
        flips = members.argmax(2) != full.argmax(1)
        assert entry.flip_rate == pytest.approx(flips.mean())
        assert entry.per_member == pytest.approx(list(flips.mean(axis=1)))
        assert entry.luf == pytest.approx(np.abs(members - full).max(axis=(0, 2)).mean(), abs=1e-6)
        assert entry.published.luf == (0.7694 if arm == "standard" else 0.7945)
        floor = {"masked": "one-ulp", "independent-seeds": "new-seed"}.get(design)
        if floor is None:
            assert entry.above_floor is None
        else:
            assert entry.above_floor.design == floor
            assert entry.above_floor.flip_rate == pytest.approx(entry.flip_rate - by_key[arm, floor].flip_rate)
        if arm == "standard":
            assert entry.above_standard is None
        else:
            change = entry.flip_rate - by_key["standard", design].flip_rate
            assert entry.above_standard.flip_rate == pytest.approx(change)
    assert by_key["standard", "rerun"].luf == by_key["static", "rerun"].flip_rate == 0
    masked = by_key["standard", "masked"]
    left_out = choose_left_out(ROWS, 5, seed=0)
    train = load_adult().train
    for row in masked.most_influential:
        assert row.row in left_out
        assert row.class_name == train.class_names[train.y[row.row]]
        assert row.groups == {name: values[row.row] for name, values in train.groups.items()}


def test_every_test_row_has_its_luf_and_flips(finished):
    table = pd.read_parquet(finished / "members/by-row.parquet")
    assert len(table) == 12 * ROWS
    for entry in results_of(finished):
        found = table[(table["arm"] == entry.arm) & (table["design"] == entry.design)]
        assert list(found["row"]) == list(range(ROWS))
        full, members = predictions(finished, entry.arm, "full")[0], predictions(finished, entry.arm, entry.design)
        np.testing.assert_allclose(found["luf"], np.abs(members.astype(float) - full).max(axis=(0, 2)))
        np.testing.assert_array_equal(found["flips"], (members.argmax(2) != full.argmax(1)).sum(axis=0))
        assert found["luf"].mean() == pytest.approx(entry.luf)
        assert found["flips"].mean() == pytest.approx(entry.flips_per_row)


def test_a_finished_run_does_nothing_more(copy):
    assert make(copy) == []


def test_a_member_file_cut_short_is_made_again_and_nothing_else(copy, finished):
    path = copy / path_of("standard", "masked", 2)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        FairtollError, match=r"standard-0-masked-002.* is not a complete file .*; run the command again: finished"
    ):
        results_of(copy)
    assert make(copy) == ["loo-standard-0-masked-002"]
    assert path.read_bytes() == whole
    assert results_of(copy) == results_of(finished)


def test_so_is_one_of_another_configuration(copy, finished):
    path = copy / path_of("static", "masked", 0)
    save_file(load_file(path), path, metadata={"members": "?"})
    with pytest.raises(FairtollError, match=r"static-0-masked-000.* was made by another configuration"):
        results_of(copy)
    (copy / path_of("static", "new-seed", 0)).replace(path)
    with pytest.raises(FairtollError, match="was made by another configuration, arm or design"):
        results_of(copy)
    assert make(copy) == ["loo-static-0-masked-000", "loo-static-0-new-seed-000"]
    assert results_of(copy) == results_of(finished)


@pytest.mark.parametrize("content", [b"", b"not safetensors", None])
def test_what_is_no_member_file(copy, content):
    path = copy / path_of("standard", "full", 0)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    message = r"not a complete file of leave-one-out members|no file .*; run the command again"
    with pytest.raises(FairtollError, match=message) as caught:
        results_of(copy)
    assert "\n" not in str(caught.value)


def test_safetensors_without_members(copy):
    save_file({"weights": torch.ones(2)}, copy / path_of("standard", "full", 0))
    with pytest.raises(FairtollError, match="is no file of leave-one-out members"):
        results_of(copy)


def test_member_files_of_different_rows(copy):
    path = copy / path_of("standard", "masked", 2)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        label = json.loads(file.read(length))["__metadata__"]
    tensors = load_file(path)
    tensors["probabilities"] = tensors["probabilities"][:, :50].contiguous()
    save_file(tensors, path, metadata=label)
    with pytest.raises(FairtollError, match="are of different test rows"):
        results_of(copy)


def test_a_study_that_has_not_grown_to_what_was_requested_is_not_reported(copy):
    """As when it was stopped: the configuration says what was requested, and some members are missing."""
    more = dataclasses.replace(OPTIONS, count=6)
    with pytest.raises(FairtollError, match="lists 5 left-out rows, and 6 were requested; run the command again"):
        results_of(copy, more)
    make(copy, more, until="loo-rows")
    with pytest.raises(
        FairtollError, match="holds 5 members of standard, masked, and 6 were requested; run the command"
    ):
        results_of(copy, more)
    make(copy, more, until="loo-static-0-masked-004")
    with pytest.raises(FairtollError, match="holds 5 members of static, independent-seeds, and 6 were requested"):
        results_of(copy, more)


def test_killed_it_goes_on_and_ends_as_an_undisturbed_run(tmp_path):
    script, folder, whole = tmp_path / "script.py", tmp_path / "run", tmp_path / "whole"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), os.path.dirname(__file__), str(folder)]
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE)
    started = time.monotonic()
    while len(list((folder / "stages").glob("loo-standard-*.json"))) < 2:
        assert process.poll() is None
        assert time.monotonic() - started < 120
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    records = {path.name: path.read_bytes() for path in (folder / "stages").glob("*.json")}
    assert not (folder / path_of("static", "new-seed", 2)).exists()
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=300)
    # What stood was not made again.
    assert all((folder / "stages" / name).read_bytes() == content for name, content in records.items())
    make(whole, FEW)
    names = sorted(path.name for path in (whole / "members").iterdir())
    assert names == sorted(path.name for path in (folder / "members").iterdir())
    for name in names:
        assert (folder / "members" / name).read_bytes() == (whole / "members" / name).read_bytes()
    assert results_of(folder, FEW) == results_of(whole, FEW)


def test_a_study_grows_in_its_folder_and_ends_as_one_made_at_once(tmp_path, finished):
    """Design by design, then more rows: what stands is kept, but for the chunk that was not full."""
    folder = tmp_path / "run"
    masked = dataclasses.replace(OPTIONS, count=3, designs=("masked",))
    assert make(folder, masked)[:3] == ["rows", "loo-rows", "loo-standard-0-full-000"]
    assert last_requested(folder) == masked
    floor = dataclasses.replace(masked, designs=("masked", "one-ulp"))
    ulp = [f"loo-{arm}-0-one-ulp-{first:03d}" for arm in ("standard", "static") for first in (0, 2)]
    assert make(folder, floor) == [*ulp, "loo-by-row"]
    assert last_requested(folder) == floor
    assert make(folder, dataclasses.replace(OPTIONS, designs=("masked", "one-ulp"))) == ["loo-rows"] + [
        f"loo-{arm}-0-{design}-{first:03d}"
        for arm in ("standard", "static")
        for design in ("masked", "one-ulp")
        for first in (2, 4)
    ] + ["loo-by-row"]
    assert make(folder)
    assert make(folder) == []
    names = sorted(path.name for path in (finished / "members").iterdir())
    assert names == sorted(path.name for path in (folder / "members").iterdir())
    for name in names:
        assert (folder / "members" / name).read_bytes() == (finished / "members" / name).read_bytes()
    assert results_of(folder) == results_of(finished)


def test_a_smaller_study_of_the_same_folder_trains_nothing_and_shows_what_it_requests(copy):
    few = dataclasses.replace(OPTIONS, count=4, designs=("new-seed",), arms=("static",))
    assert make(copy, few) == ["loo-rows", "loo-by-row"]
    (entry,) = results_of(copy, few)
    assert (entry.arm, entry.design, entry.members) == ("static", "new-seed", 4)
    assert make(copy) == ["loo-rows", "loo-by-row"]


def test_standard_members_alone_keep_no_weights_and_are_trained_again_for_the_static_ones(tmp_path, finished):
    folder = tmp_path / "run"
    alone = dataclasses.replace(OPTIONS, count=2, designs=("masked",), arms=("standard",))
    make(folder, alone)
    path = folder / path_of("standard", "masked", 0)
    before = path.read_bytes()
    both = dataclasses.replace(alone, arms=("standard", "static"))
    assert make(folder, both) == [
        *(f"loo-{arm}-0-{design}-000" for arm in ("standard", "static") for design in ("full", "masked")),
        "loo-by-row",
    ]
    assert path.read_bytes() == before == (finished / path_of("standard", "masked", 0)).read_bytes()


@pytest.mark.parametrize("described", [5, {"count": 1, "colour": "red"}, {"count": "many"}, [1]])
def test_a_folder_whose_study_is_described_in_another_way(tmp_path, described):
    Run(tmp_path, {"leave_one_out": described})
    with pytest.raises(FairtollError, match="which this version does not know; give another folder") as caught:
        last_requested(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_study(tmp_path):
    assert last_requested(tmp_path / "nowhere") is None
    Run(tmp_path / "other", {})
    assert last_requested(tmp_path / "other") is None
    Run(tmp_path / "run", {"leave_one_out": LeaveOneOut().describe()})
    assert last_requested(tmp_path / "run") == LeaveOneOut(count=0)


def test_another_reference_model_has_its_own_seed_and_members_without_the_same_rows(copy, finished):
    more = dataclasses.replace(OPTIONS, references=2, keep_weights=False)
    made = make(copy, more)
    assert made
    assert all("-1-" in name for name in made[:-1])
    workspace = workspace_of(copy)
    test = torch.from_numpy(workspace.data.test.x).double()
    members = [Member(0, 1), plan_members("masked", choose_left_out(ROWS, 5, seed=0), seed=1)[3]]
    stack = train_members(members, workspace.setup([0]), dtype=torch.float64)
    full, masked = stack(test).softmax(dim=2).numpy()
    np.testing.assert_allclose(predictions(copy, "standard", "full", reference=1)[0], full, atol=2e-7)
    np.testing.assert_allclose(predictions(copy, "standard", "masked", reference=1)[3], masked, atol=2e-7)
    for one, both in zip(results_of(finished), results_of(copy, more), strict=True):
        flips, changes = [], []
        for reference in range(2):
            full = predictions(copy, one.arm, "full", reference=reference)[0]
            found = predictions(copy, one.arm, one.design, reference=reference)
            flips.append((found.argmax(2) != full.argmax(1)).mean(axis=1))
            changes.append(np.abs(found.astype(float) - full).max(axis=(0, 2)))
        assert (one.references, both.references) == (1, 2)
        assert both.per_reference == pytest.approx(list(np.mean(flips, axis=1)))
        assert both.per_reference[0] == pytest.approx(one.flip_rate)
        assert both.per_member == pytest.approx(list(np.mean(flips, axis=0)))
        assert both.flip_rate == pytest.approx(np.mean(flips))
        assert both.luf == pytest.approx(np.mean(changes), abs=1e-6)
        assert both.flips_per_row * both.rows == pytest.approx(both.flips_per_model * both.members)
        assert both.curve[-1].luf == pytest.approx(both.luf)
        assert both.groups[0].rows == one.groups[0].rows


def test_weights_are_kept_on_request_and_are_those_of_the_predictions(tmp_path):
    options = dataclasses.replace(OPTIONS, count=2, designs=("masked",), arms=("standard",))
    make(tmp_path / "without", options)
    assert not list((tmp_path / "without" / "members").glob("weights-*"))
    make(tmp_path / "run", dataclasses.replace(options, keep_weights=True))
    workspace = workspace_of(tmp_path / "run")
    path = tmp_path / "run" / Chunk("standard", "masked", 0, 0).weights_path
    stack = ModelStack.load(path, workspace.setup([0]).network())
    expected = stack(torch.from_numpy(workspace.data.test.x).double()).softmax(dim=2).numpy()
    np.testing.assert_allclose(predictions(tmp_path / "run", "standard", "masked", firsts=[0]), expected, atol=2e-7)
    # Without the request they stay, and nothing is trained.
    assert make(tmp_path / "run", options) == ["loo-by-row"]
    assert path.exists()


def test_shared_examples_are_those_of_the_full_model_and_say_so(tmp_path):
    options = dataclasses.replace(OPTIONS, count=2, designs=("masked",), arms=("static",), shared_examples=True)
    make(tmp_path / "run", options)
    (entry,) = results_of(tmp_path / "run", options)
    assert (entry.adversarial_examples, entry.above_floor, entry.above_standard) == ("shared", None, None)
    workspace = workspace_of(tmp_path / "run")
    setup, double = workspace.setup([0]), torch.float64
    full = train_members([Member(0, 0)], setup, dtype=double)
    examples = craft_adversarial_examples(
        full, setup.x.double(), setup.y, threat=workspace.threats["paper"], epsilon=10.0, steps=20
    )
    members = plan_members("masked", choose_left_out(ROWS, 2, seed=0), seed=0)
    stack = train_members(members, setup, dtype=double, examples=examples[0])
    expected = stack(torch.from_numpy(workspace.data.test.x).double()).softmax(dim=2).numpy()
    found = predictions(tmp_path / "run", "static", "masked", firsts=[0])
    np.testing.assert_allclose(found, expected, atol=2e-7)


class Pictures:
    """Another experiment: made-up images, a network with convolutions, float32."""

    settings = FitSettings(epochs=1, batch_size=10)

    def __init__(self, folder, network=None):
        self.folder, self.network = folder, network
        images = np.random.default_rng(0).random((30, 1, 4, 4), dtype=np.float32)
        rows = type(load_adult().train)(images, np.arange(30) % 3, ("cat", "dog", "frog"))
        self.data = TrainTest(rows, rows.take(np.arange(12)), title="Pictures", note="")

    def leave_one_out_setup(self):
        from fairtoll.training import TrainingSetup

        setup = TrainingSetup.for_rows(
            self.data.train, seeds=[0], network=ConvolutionalNetwork((2, 2, 4, 4)), settings=self.settings
        )
        return setup if self.network is None else dataclasses.replace(setup, network=self.network)

    def recipe(self, arm):
        return RECIPES[arm]

    @property
    def adversary(self):
        return Adversary(LinfThreat(box=(0.0, 1.0)), 0.1)


def run_pictures(workspace, options):
    run = Run(workspace.folder, {"leave_one_out": options.describe()})
    for stage in leave_one_out_stages(workspace, options, seconds_per_step=0.001, items=30):
        stage.keep(run, stage.make)


def test_images_too(tmp_path):
    workspace = Pictures(tmp_path / "run")
    options = LeaveOneOut(count=3, dtype="float32", chunk=2, craft_steps=2)
    run_pictures(workspace, options)
    test = workspace.data.test
    rows = {"class": np.array(test.class_names)[test.y]}
    entries = leave_one_out_results(tmp_path / "run", options, rows, class_names=test.class_names, published_note=None)
    assert len(entries) == 12
    assert {entry.published_note for entry in entries} == {None}
    assert {entry.precision for entry in entries} == {"float32"}
    assert all(entry.luf == 0 for entry in entries if entry.design == "rerun")
    assert any(entry.luf > 0 for entry in entries if entry.design == "masked")


def test_batch_normalisation_is_refused_with_its_reason(tmp_path):
    def network():
        return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(16), nn.Linear(16, 3))

    with pytest.raises(FairtollError, match="its running statistics mix rows of all members"):
        run_pictures(Pictures(tmp_path / "run", network), LeaveOneOut(count=3))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": -1}, "-1 rows to leave out, 10 at a time"),
        ({"count": 3, "chunk": 0}, "3 rows to leave out, 0 at a time"),
        ({"count": 3, "arms": ()}, "leave-one-out of no arms; expected one or more"),
        ({"count": 3, "designs": ("deleted",)}, "unknown leave-one-out design 'deleted'; expected some of masked"),
        ({"count": 3, "designs": ()}, "unknown leave-one-out design ''"),
        ({"count": 3, "references": 0}, "0 reference models of leave-one-out; expected 1 or more"),
        ({"count": 3, "dtype": "bfloat16"}, "unknown leave-one-out precision 'bfloat16'"),
    ],
)
def test_options_that_cannot_be(given, message):
    with pytest.raises(FairtollError, match=message):
        LeaveOneOut(**given)


def test_more_rows_than_there_are(tmp_path):
    with pytest.raises(FairtollError, match="201 rows to leave out of 200 training rows"):
        reproduce(small_adult(rows=ROWS), tmp_path / "run", leave_one_out=201)
    assert not (tmp_path / "run").exists()


def test_a_design_that_is_none(tmp_path):
    with pytest.raises(FairtollError, match="unknown leave-one-out design 'deleted'; expected some of masked"):
        reproduce("adult", tmp_path / "run", leave_one_out=3, designs=("masked", "deleted"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "how", [{"designs": ("masked",)}, {"references": 2}, {"keep_weights": True}, {"leave_one_out": 0, "references": 2}]
)
def test_how_without_how_many(tmp_path, how):
    with pytest.raises(FairtollError, match="are options of leave-one-out; give the number of rows"):
        reproduce("adult", tmp_path / "run", **how)
    assert not (tmp_path / "run").exists()


def test_where_nothing_is_requested_no_row_is_left_out(tmp_path):
    def chosen(count=None, *, of=find_experiment("adult"), **how):
        return choose_leave_one_out(of, tmp_path, count, **how)

    assert chosen().count == 0
    requested = chosen(100)
    assert (requested.count, requested.arms, requested.designs) == (100, ("standard", "static"), DESIGNS)
    one = chosen(100, designs=("one-ulp", "masked", "masked"), references=3)
    assert (one.designs, one.references) == (("masked", "one-ulp"), 3)
    assert chosen(of=find_experiment("cifar10")).count == 0
    quick = chosen(25, of=prepare("cifar10", device="cpu", quick=True))
    assert (quick.arms, quick.designs, quick.dtype, quick.chunk) == (("standard",), SEPARATING, "float32", 1)


@pytest.fixture
def mini_adult(tmp_path):
    """A small run of the whole experiment, again and again in one folder; returns its results and records."""

    def run(**requested):
        reproduce(small_adult(rows=300), tmp_path / "run", runs=1, protocol="paper", workers=2, **requested)
        results = json.loads((tmp_path / "run/results.json").read_text(encoding="utf-8"))
        records = {path.stem: path.stat().st_mtime_ns for path in (tmp_path / "run/stages").glob("*.json")}
        return results, records

    return run


def test_the_main_command_leaves_as_many_rows_out_as_are_requested(mini_adult, tmp_path):
    results, first = mini_adult(leave_one_out=10, designs=SEPARATING)
    entries = results["leave_one_out"]
    assert [(one["arm"], one["design"], one["members"]) for one in entries] == [
        (arm, design, 10) for arm in ("standard", "static") for design in SEPARATING
    ]
    report = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert "Leave-one-out." in report.partition("What the paper claims")[0]
    results, second = mini_adult(leave_one_out=12, designs=("masked",))
    assert [(one["design"], one["members"]) for one in results["leave_one_out"]] == [("masked", 12)] * 2
    remade = {name for name in second if second[name] != first.get(name)}
    assert remade == {
        *("loo-rows", "loo-standard-0-masked-010", "loo-static-0-masked-010", "loo-by-row", "results"),
        "report",
    }
    # Where nothing is requested, what was requested last.
    results, third = mini_adult()
    assert results["leave_one_out"][0]["members"] == 12
    assert third == second
    results, fourth = mini_adult(leave_one_out=0)
    assert results["leave_one_out"] == []
    assert {name for name in fourth if fourth[name] != third[name]} == {"results", "report"}
    assert mini_adult() == (results, fourth)


def test_a_run_without_it_has_none(mini_run):
    results = json.loads((mini_run / "results.json").read_text(encoding="utf-8"))
    assert results["leave_one_out"] == []
    assert results["configuration"]["leave_one_out"]["count"] == 0
    assert not (mini_run / "members").exists()
    assert any("--leave-one-out 100 adds it" in note for note in results["notes"])


def test_options_come_back_from_a_configuration():
    described = json.loads(json.dumps(OPTIONS.describe()))
    assert LeaveOneOut.from_description(described) == OPTIONS


@pytest.mark.parametrize("described", [None, 3, {"count": 3, "epsilon": 1.0}, {"rows": 3}, "none"])
def test_what_is_no_description_of_options(described):
    with pytest.raises(FairtollError, match=r"describes leave-one-out as .*, which this version does not know"):
        LeaveOneOut.from_description(described)
