"""What holds for the description of every experiment, and for the configuration that it becomes."""

import dataclasses
import importlib.util
import json

import pytest

from fairtoll import FairtollError
from fairtoll.experiments import EXPERIMENTS, find_experiment, reproduce
from fairtoll.experiments.defences import with_recipes
from fairtoll.experiments.describe import describe
from fairtoll.experiments.engine import configuration_of, stages_of
from fairtoll.experiments.experiment import BOTH
from fairtoll.experiments.leave_one_out.options import LeaveOneOut
from fairtoll.experiments.parts import Collection, Data
from fairtoll.experiments.workspace import Workspace
from fairtoll.findings import Comparison, Question
from fairtoll.training import FitSettings
from small_experiments import small_adult

CASES = [(name, protocol) for name in EXPERIMENTS for protocol in (*find_experiment(name).protocols, BOTH)]


def of(name, protocol):
    return dataclasses.replace(find_experiment(name), protocol=protocol)


@pytest.mark.parametrize(("name", "protocol"), CASES)
def test_a_protocol_trains_every_arm_that_it_compares(name, protocol):
    experiment = of(name, protocol)
    for comparison, _ in experiment.plan():
        compared = [comparison.standard, comparison.robust, comparison.control, comparison.noise_control]
        assert {arm for arm in compared if arm is not None} <= set(experiment.arms())


@pytest.mark.parametrize(("name", "protocol"), CASES)
def test_every_attack_that_a_question_reads_is_measured_on_its_arms(name, protocol):
    experiment = of(name, protocol)
    measured = {
        (arm, measure.attack.name, epsilon, collection.threat or experiment.threat)
        for collection in experiment.collections
        for arm in experiment.measured(collection)
        for measure in collection.measures
        if hasattr(measure, "attack")
        for epsilon in measure.epsilons
    }
    for comparison, question in experiment.plan():
        arms = {comparison.standard, comparison.robust, comparison.control, comparison.noise_control} - {None}
        if (attack := question.attack) is not None:
            assert {(arm, attack.name, attack.epsilon, attack.threat) for arm in arms} <= measured


@pytest.mark.parametrize(("name", "protocol"), CASES)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_stages_come_after_what_they_read_and_write_no_file_twice(name, protocol, device, tmp_path):
    left_out = LeaveOneOut(count=3, chunk=2, dtype="float32")
    experiment = dataclasses.replace(of(name, protocol), runs=2, leave_one_out=left_out)
    before = set()
    stages = stages_of(Workspace(experiment, tmp_path, device))
    for stage in stages:
        assert set(stage.after) <= before
        assert stage.name not in before
        assert stage.seconds > 0
        before.add(stage.name)
    outputs = [output for stage in stages for output in stage.outputs]
    assert len(set(outputs)) == len(outputs)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_its_published_values_and_claims_belong_to_questions(name):
    experiment = find_experiment(name)
    asked = {f"{comparison.protocol}/{question.key}" for comparison, question in experiment.plan(BOTH)}
    assert set(experiment.published) <= asked
    keys = {key for claim in experiment.claims for key in (*getattr(claim, "keys", ()), getattr(claim, "key", None))}
    flat = {one for key in keys - {None} for one in ([key] if isinstance(key, str) else key)}
    assert {f"paper/{key}" for key in flat} <= asked


def test_runs_that_train_as_one_stack(tmp_path):
    cifar10 = find_experiment("cifar10")
    assert Workspace(cifar10, tmp_path, "cpu").blocks == [[0], [1], [2]]
    assert Workspace(cifar10, tmp_path, "cuda").blocks == [[0, 1, 2]]
    adult = find_experiment("adult")
    for runs, sizes in ((3, [3]), (5, [5]), (12, [5, 5, 2]), ("auto", [5, 5])):
        blocks = Workspace(dataclasses.replace(adult, runs=runs), tmp_path).blocks
        assert [len(seeds) for seeds in blocks] == sizes
        assert [seed for seeds in blocks for seed in seeds] == list(range(sum(sizes)))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_same_description_gives_the_same_configuration_and_it_is_json(name):
    one, two = (configuration_of(find_experiment(name), "cpu") for _ in range(2))
    assert json.loads(json.dumps(one)) == two


#: A change of every field that results depend on, and of none that they do not.
CHANGES = {
    "precision": {"settings": FitSettings(precision="bfloat16")},
    "epochs": {"settings": FitSettings(epochs=3)},
    "epsilon": {"epsilon": 9.0},
    "rows": {"data": dataclasses.replace(find_experiment("adult").data, train=100)},
    "copies": {"data": dataclasses.replace(find_experiment("adult").data, copies=None)},
    "network": {"network": dataclasses.replace(find_experiment("adult").network, width=8)},
    "attacks": {"collections": find_experiment("adult").collections[:-1]},
    "questions": {"questions": find_experiment("adult").questions[:-1]},
    "published values": {"published": {}},
    "claims": {"claims": ()},
    "crafting": {"craft": dataclasses.replace(find_experiment("adult").craft, steps=5)},
    "notes of arms": {"arm_notes": {}},
    "left-out rows": {"leave_one_out": LeaveOneOut(count=4)},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_results_depend_on_is_in_the_configuration(change):
    adult = find_experiment("adult")
    changed = dataclasses.replace(adult, **change)
    assert configuration_of(changed, "cpu") != configuration_of(adult, "cpu")


def test_what_only_the_estimate_and_the_command_read_is_not():
    adult = find_experiment("adult")
    changed = dataclasses.replace(adult, costs=dataclasses.replace(adult.costs, update=9.0), options=(), on_device=None)
    assert configuration_of(changed, "cpu") == configuration_of(adult, "cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": FitSettings(epochs=1, precision="bfloat16")}, r"settings.precision is 'float32' there and 'bfl"),
        ({"settings": FitSettings(epochs=2)}, r"settings.epochs is 1 there and 2 here"),
        ({"epsilon": 5.0}, r"epsilon is 10.0 there and 5.0 here"),
        (
            {"network": dataclasses.replace(find_experiment("adult").network, depth=2)},
            r"network.depth is 4 there and 2",
        ),
    ],
)
def test_another_description_is_refused_in_the_same_folder(mini_copy, change, message):
    before = {path: path.read_bytes() for path in mini_copy.rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.raises(FairtollError, match=message):
        reproduce(dataclasses.replace(small_adult(), **change), mini_copy, runs=2, leave_one_out=0)
    assert {path: path.read_bytes() for path in before} == before


def test_an_experiment_of_another_name_is_one_line(tmp_path):
    with pytest.raises(FairtollError, match="unknown experiment 'mnist'; expected adult or cifar10 or gaussian"):
        reproduce("mnist", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_bundled_data_have_no_source(tmp_path):
    with pytest.raises(FairtollError, match="the data of adult are bundled; run it without"):
        reproduce("adult", tmp_path / "run", source=tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("value", [lambda: 1, {"a": [lambda x: x]}, object(), {1, 2}])
def test_what_has_no_name_cannot_be_described(value):
    with pytest.raises(FairtollError, match=r"a description holds .*; expected plain values, functions of a module"):
        describe(value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"runs": 0}, "runs is 0; expected 1 or more training runs, or 'auto'"),
        ({"runs": "many"}, "runs is many; expected 1 or more training runs, or 'auto'"),
        ({"max_runs": 15}, "max_runs is 15; expected one of 5, 10, 20, 40, 80"),
        ({"protocol": "fair"}, "unknown protocol 'fair'; expected paper, sound or both"),
        ({"recipes": find_experiment("adult").recipes[:2]}, "comparisons name .*, for which there is no recipe"),
        ({"recipes": find_experiment("adult").recipes * 2}, "recipes of the experiment name .* twice"),
        ({"collections": (Collection("a", ()), Collection("a", ()))}, "collections of the experiment name a twice"),
        (
            {"questions": ((Comparison("paper", "standard", "static"), Question("cau", "class")),) * 2},
            "questions .* twice",
        ),
    ],
)
def test_descriptions_that_cannot_be(change, message):
    with pytest.raises(FairtollError, match=message):
        dataclasses.replace(find_experiment("adult"), **change)


@pytest.mark.parametrize("rows", [{"train": 0}, {"test": -1}, {"attacked": 0}])
def test_numbers_of_rows_below_one(rows):
    with pytest.raises(FairtollError, match="expected 1 or more rows, or None for all"):
        Data(dict, **rows)


def test_a_recipe_that_is_not_trained_does_not_matter():
    adult = find_experiment("adult")
    more = dataclasses.replace(adult, recipes=(*adult.recipes, dataclasses.replace(adult.recipes[0], name="other")))
    assert configuration_of(more, "cpu") == configuration_of(adult, "cpu")


@pytest.mark.parametrize(
    ("name", "called"),
    [("adult", "Adult (Census Income)"), ("cifar10", "CIFAR-10"), ("gaussian", "two Gaussian classes")],
)
def test_the_question_of_recipes_calls_the_data_by_their_title(name, called):
    asked = with_recipes(find_experiment(name), "online, trades", strengths=1).question
    assert asked.startswith(f"Which of 2 recipes makes a classifier of {called} less fair than standard training does")
    # Rows of one's own are called what they were given as.
    given = find_experiment(name)
    own = dataclasses.replace(given, name="people.csv", data=dataclasses.replace(given.data, title=None))
    assert "a classifier of people.csv less fair" in with_recipes(own, "online", strengths=1).question


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        ("trades,online,frl", [("trades", "frl"), ("online", "trades")]),
        (" FRL ,online, Trades,", [("online", "trades"), ("trades", "frl")]),
    ],
)
def test_recipes_and_pairs_in_any_order_are_one_configuration(names, pairs):
    adult = find_experiment("adult")
    plain = with_recipes(adult, "online,trades,frl", strengths=1, pairs=[("online", "trades"), ("trades", "frl")])
    asked = with_recipes(adult, names, strengths=1, pairs=pairs)
    assert configuration_of(asked, "cpu") == configuration_of(plain, "cpu")


@pytest.mark.parametrize("name", ["own_experiment", "reproduce", "results_of", "train"])
def test_no_module_takes_the_place_of_a_function_of_its_name(name):
    """Whoever imports a module sets it as an attribute of its package."""
    assert importlib.util.find_spec(f"fairtoll.experiments.{name}") is None
