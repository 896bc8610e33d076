"""What training warns of reaches the notes of the results."""

import pytest

from fairtoll.errors import FairtollWarning, hearing_warnings, warn
from fairtoll.experiments.blocks import block_stages
from fairtoll.experiments.defences import with_recipes
from fairtoll.experiments.training_remarks import training_remarks
from fairtoll.experiments.workspace import Workspace
from small_experiments import small_adult


def training_stage(experiment, folder, arm):
    stages, _ = block_stages(Workspace(experiment, folder))
    return next(stage for stage in stages if stage.name == f"train-{arm}-0")


def test_a_constraint_that_is_not_met_is_a_note_of_its_arm_alone(tmp_path):
    """One epoch on 800 rows closes no gap."""
    experiment = with_recipes(small_adult(runs=1), "lagrangian-eou-sex,online", strengths=1)
    (tmp_path / "models").mkdir()
    for arm in ("lagrangian-eou-sex", "online"):
        stage = training_stage(experiment, tmp_path, arm)
        if arm == "online":
            stage.make()
        else:
            with pytest.warns(FairtollWarning, match="eou over sex is not met in"):
                stage.make()
        assert all((tmp_path / output).is_file() for output in stage.outputs)
    (note,) = training_remarks(experiment, tmp_path)
    assert note.arm == "lagrangian-eou-sex"
    assert note.text.startswith("the constraint eou over sex is not met in ")


def test_the_papers_protocols_keep_their_files(tmp_path):
    assert training_stage(small_adult(), tmp_path, "online").outputs == ("models/online-0.safetensors",)


@pytest.mark.filterwarnings("ignore")
def test_warnings_are_heard_by_all_who_listen():
    with hearing_warnings() as outer:
        warn("first")
        with hearing_warnings() as inner:
            warn("second")
    warn("third")
    assert (outer, inner) == (["first", "second"], ["second"])
