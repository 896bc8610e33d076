"""Leave-one-out of recipes that are compared: which, how their members predict, and what a run says of the others."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
import torch

from fairtoll import FairtollError
from fairtoll.errors import FairtollWarning
from fairtoll.experiments import find_experiment, reproduce
from fairtoll.experiments.defences import with_recipes
from fairtoll.experiments.gaussian import TwoGaussians
from fairtoll.experiments.leave_one_out.files import FULL, Chunk, read_members
from fairtoll.experiments.leave_one_out.options import LeaveOneOut
from fairtoll.experiments.leave_one_out.stages import leave_one_out_stages
from fairtoll.experiments.running import prepare
from fairtoll.experiments.workspace import Workspace
from fairtoll.findings.results import Results
from fairtoll.runs.folder import Run
from fairtoll.training import RECIPES, FitSettings
from fairtoll.training.leave_one_out import Member, choose_left_out, plan_members, train_members

NAMES = "online,smoothing,distillation,squeezing,averaging"
MEASURED = ["standard", "online", "smoothing", "distillation", "averaging"]
ROWS = 240
DESIGNS = ("masked", "one-ulp", "new-seed")


def small(names, *, strengths=1):
    """Clean accuracy alone, of linear models of few rows."""
    gaussian = find_experiment("gaussian")
    data = dataclasses.replace(gaussian.data, load=TwoGaussians(strong=2, weak=1, train=ROWS, test=80))
    settings = FitSettings(epochs=2, batch_size=40, learning_rate=0.05)
    chosen = with_recipes(dataclasses.replace(gaussian, data=data, settings=settings), names, strengths=strengths)
    return dataclasses.replace(
        chosen,
        collections=tuple(one for one in chosen.collections if one.name == "predict"),
        questions=tuple(one for one in chosen.questions if one[1].metric == "cau"),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run without leave-one-out that is continued with it."""
    folder = tmp_path_factory.mktemp("recipes") / "run"
    reproduce(small(NAMES), folder, runs=2, workers=1)
    assert Results.read(folder / "results.json").leave_one_out == []
    before = {path.name: path.read_bytes() for path in (folder / "stages").glob("*.json")}
    reproduce(small(NAMES), folder, runs=2, workers=1, leave_one_out=3, designs=DESIGNS)
    after = {path.name: path.read_bytes() for path in (folder / "stages").glob("*.json")}
    assert {name for name in before if before[name] != after[name]} == {"results.json", "report.json"}
    return folder


def members_of(folder, arm, design):
    return read_members(folder, [Chunk(arm, design, 0, 0)])


def test_every_recipe_that_masks_rows_has_every_design_beside_the_standard_arm(folder):
    results = Results.read(folder / "results.json")
    assert [(one.arm, one.design) for one in results.leave_one_out] == [
        (arm, design) for arm in MEASURED for design in DESIGNS
    ]
    by_key = {(one.arm, one.design): one for one in results.leave_one_out}
    for (arm, design), entry in by_key.items():
        full, members = members_of(folder, arm, FULL)[0], members_of(folder, arm, design)
        flips = (members.argmax(2) != full.argmax(1)).mean(axis=1)
        assert entry.flip_rate == pytest.approx(flips.mean())
        assert entry.luf == pytest.approx(np.abs(members - full).max(axis=(0, 2)).mean(), abs=1e-6)
        assert entry.adversarial_examples is None
        assert (entry.above_floor is None) == (design != "masked")
        if arm == "standard":
            assert entry.above_standard is None
        else:
            apart = entry.flip_rate - by_key["standard", design].flip_rate
            assert entry.above_standard.flip_rate == pytest.approx(apart)
        if arm == "averaging":
            assert entry.above_baseline is None
        else:
            apart = entry.flip_rate - by_key["averaging", design].flip_rate
            assert entry.above_baseline.flip_rate == pytest.approx(apart)
    assert all(by_key[arm, "masked"].luf > 0 for arm in MEASURED)
    (said,) = [note for note in results.notes if "not measured of" in note]
    assert said.startswith("Leave-one-out is not measured of squeezing: ")


@pytest.mark.parametrize("design", ["masked", "one-ulp"])
def test_members_predict_as_they_are_deployed(folder, design):
    """A smoothed one by the mean of its probabilities over the draws, a distilled one at temperature 1."""
    workspace = Workspace(small(NAMES), folder)
    setup, test = workspace.leave_one_out_setup(), torch.from_numpy(workspace.data.test.x).double()
    planned = [*plan_members(design, choose_left_out(ROWS, 3, seed=0), seed=0), Member(0, 0)]
    for arm in ("online", "smoothing", "distillation"):
        recipe = RECIPES[arm]
        stack = train_members(
            planned, setup, train=lambda given, recipe=recipe: recipe(given, workspace.adversary), dtype=torch.float64
        )
        if arm == "smoothing":
            noise = recipe.deployed(stack.members()[:1], setup, workspace.adversary)[0].noise
            expected = torch.stack([stack(test + one).softmax(dim=2) for one in noise]).mean(dim=0)
        else:
            expected = stack(test).softmax(dim=2)
        found = np.concatenate([members_of(folder, arm, design), members_of(folder, arm, FULL)])
        np.testing.assert_allclose(found, expected.detach().numpy(), atol=2e-7)


def test_a_configuration_says_which_recipes(folder):
    described = json.loads((folder / "configuration.json").read_text(encoding="utf-8"))["leave_one_out"]
    assert described["arms"] == MEASURED
    assert LeaveOneOut.from_description(described).arms == tuple(MEASURED)


def test_members_of_a_repair_that_holds_rows_out_and_warns(tmp_path):
    """Its constraint is hardly met in two epochs, which each of its members would say."""
    workspace = Workspace(small("lagrangian-cau"), tmp_path / "run")
    options = LeaveOneOut(count=4, chunk=4, arms=("lagrangian-cau",), designs=("masked", "re-permuted", "rerun"))
    run = Run(workspace.folder, {"leave_one_out": options.describe()})
    with warnings.catch_warnings():
        warnings.simplefilter("error", FairtollWarning)
        for stage in leave_one_out_stages(workspace, options, seconds_per_step=0.001, items=30):
            stage.keep(run, stage.make)
    full = members_of(workspace.folder, "lagrangian-cau", FULL)
    masked, deleted, rerun = (members_of(workspace.folder, "lagrangian-cau", design) for design in options.designs)
    assert len(masked) == len(deleted) == 4
    assert np.array_equal(rerun, np.repeat(full, 4, axis=0))
    assert all((members != full).any(axis=(1, 2)).all() for members in (masked, deleted))


def test_strengths_and_controls_are_not_left_out_of():
    chosen = prepare("adult", device="cpu", recipes="trades,averaging,static,squeezing", strengths=3)
    assert chosen.leave_one_out.arms == ("standard", "static", "trades", "averaging")
    assert "trades-beta-1" in chosen.arms()


def test_longer_training_is_expected_to_take_longer(folder):
    options = LeaveOneOut(count=2, arms=("standard", "online", "distillation", "static"))
    stages = leave_one_out_stages(
        Workspace(small(NAMES + ",static"), folder), options, seconds_per_step=0.001, items=30
    )
    seconds = {stage.name: stage.seconds for stage in stages}
    plain = seconds["loo-standard-0-masked-000"]
    assert seconds["loo-distillation-0-masked-000"] == pytest.approx(2 * plain)
    assert seconds["loo-online-0-masked-000"] > 2 * plain
    assert seconds["loo-static-0-masked-000"] > 2 * plain


@pytest.mark.parametrize("names", ["squeezing", "squeezing,standard"])
def test_recipes_none_of_which_masks_rows_are_refused_before_the_work(tmp_path, names):
    message = (
        r"^3 rows to leave out, and none of the recipes squeezing(,standard)? trains as if a row were not there; "
        r"expected one of static, online, .* among them; name one, or leave no rows out$"
    )
    with pytest.raises(FairtollError, match=message):
        reproduce(small(names), tmp_path / "run", leave_one_out=3)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arm", "why"),
    [("squeezing", "where a row of weight 0 has an influence"), ("onlin", "which is none of its recipes")],
)
def test_arms_that_cannot_be(arm, why):
    with pytest.raises(
        FairtollError, match=rf"^leave-one-out names the arm '{arm}', {why}; expected some of standard, "
    ):
        dataclasses.replace(find_experiment("adult"), leave_one_out=LeaveOneOut(count=2, arms=("standard", arm)))
