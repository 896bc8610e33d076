"""An experiment with a table of one's own: the numbers of one described by hand, and again from its folder."""

import base64
import io
import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

from example_defences import example_defences
from fairtoll import FairtollError, LinfThreat
from fairtoll.attacks import PGD, Union
from fairtoll.data import Dataset, Feature, TrainTest, load_adult
from fairtoll.evidence import Attacked, Checks, Clean
from fairtoll.experiments import Experiment, OwnSettings, own_experiment, reproduce, results_of, train
from fairtoll.experiments.defences import with_recipes
from fairtoll.experiments.experiment import compare
from fairtoll.experiments.own.adversary import about_adversary
from fairtoll.experiments.parts import Collection, Costs, Data
from fairtoll.findings import Attack, Question
from fairtoll.findings.results import Adversary
from fairtoll.models import load_model
from fairtoll.models.stack import ModelStack
from fairtoll.report.build import build
from fairtoll.threats import table_threat
from fairtoll.training import RECIPES, FitSettings
from fairtoll.training.attack_batch import attack_batch
from fairtoll.training.batch import Batch, BatchNoise
from fairtoll.training.networks import TableNetwork

ROWS, EPSILON = (500, 300), 0.5
FIXED = ("age",)
TINY = """
from torch import nn


def network():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
"""
SMALL = OwnSettings(epochs=1, runs=2, width=8, depth=1)


def people(rows=480, seed=0):
    """Hired by score; of women half the answers are drawn, so that no model is as right about them."""
    rng = np.random.default_rng(seed)
    sex = np.where(np.arange(rows) % 3 == 0, "female", "male")
    score, age = rng.normal(size=rows).round(3), rng.integers(20, 65, rows)
    drawn = (rng.random(rows) < 0.5) & (sex == "female")
    hired = np.where(drawn, rng.random(rows) < 0.5, score > 0)
    columns = {"age": age, "score": score, "job": rng.choice(["clerk", "nurse", "smith"], rows), "sex": sex}
    return pd.DataFrame(columns | {"hired": np.where(hired, "yes", "no")})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run and its table."""
    folder = tmp_path_factory.mktemp("own")
    people().to_csv(folder / "people.csv", index=False)
    settings = replace(SMALL, epochs=None)
    train(
        folder / "people.csv",
        folder / "run",
        recipes="online",
        strengths=1,
        label="hired",
        groups=["sex"],
        settings=settings,
        workers=1,
    )
    return folder


def by_hand():
    """Adult as pandas' own indicators, in the order of its columns."""
    data = load_adult()
    frames = [decoded(split.take(range(rows))) for split, rows in zip((data.train, data.test), ROWS, strict=True)]
    columns, features = [[], []], []
    for feature in data.train.features:
        if feature.kind == "continuous":
            values = frames[0][feature.name]
            features.append(
                Feature(feature.name, "continuous", True, float(values.min()), float(values.max()), "as given")
            )
            for part, frame in zip(columns, frames, strict=True):
                part.append(frame[feature.name].to_numpy(dtype=np.float32))
            continue
        for value in feature.categories:
            features.append(Feature(f"{feature.name} {value}", "categorical", True, 0.0, 1.0, "", ("no", "yes")))
            for part, frame in zip(columns, frames, strict=True):
                part.append(pd.get_dummies(frame[feature.name]).get(value, 0 * frame["age"]).to_numpy(np.float32))
    splits = [
        Dataset(np.stack(part, axis=1), split.y[:rows], split.class_names, of_rows(split, rows), tuple(features))
        for part, split, rows in zip(columns, (data.train, data.test), ROWS, strict=True)
    ]
    return TrainTest(*splits, title="Adult", note="by hand")


def of_rows(split, rows):
    return {name: split.groups[name][:rows] for name in ("sex",)}


def decoded(rows):
    """The table behind the codes."""
    return pd.DataFrame(
        {
            feature.name: np.array(feature.categories)[rows.x[:, place].astype(int)]
            if feature.categories
            else rows.x[:, place].astype(int)
            for place, feature in enumerate(rows.features)
        }
    ).assign(income=np.array(rows.class_names)[rows.y])


def numbers_move(data):
    """Half a standard deviation, within the range, of whole numbers alone."""
    features = data.train.features
    return {
        "n": LinfThreat(
            scale=data.train.x.std(axis=0, dtype=np.float64),
            box=([feature.low for feature in features], [feature.high for feature in features]),
            mutable=[feature.kind == "continuous" and feature.name not in FIXED for feature in features],
            integer=[feature.integer for feature in features],
        )
    }


def test_adult_as_a_csv_has_the_numbers_of_adult_described_by_hand(tmp_path, monkeypatch):
    # A page takes longer than everything before it.
    monkeypatch.setattr("fairtoll.report.write_report", lambda results, folder: (folder / "report.html").touch())
    data = load_adult()
    tables = [tmp_path / "adult.csv", tmp_path / "test.csv"]
    for path, split, rows in zip(tables, (data.train, data.test), ROWS, strict=True):
        decoded(split.take(range(rows))).to_csv(path, index=False)
    names = [feature.name for feature in data.train.features]
    union = Attack("white-box", "union", EPSILON, "n")
    asked = [
        *(Question("cau", partition) for partition in ("class", "sex")),
        *(Question("cru_s", partition, union, denominator="all") for partition in ("class", "sex")),
        Question("cru_s", "class", union, denominator="correct"),
        *(Question("eou", "sex", label=label, target=">50K") for label in data.train.class_names),
        *(Question("equalized_odds_rate", "sex", label=label, target=">50K") for label in data.train.class_names),
    ]
    plain = Experiment(
        name="adult by hand",
        title="Adult",
        question="As by the command?",
        data=Data(by_hand),
        threats=numbers_move,
        threat="n",
        recipes=tuple(RECIPES.values()),
        questions=tuple((compare("sound", RECIPES["online"]), one) for one in asked),
        collections=(
            Collection("predict", (Clean(),)),
            Collection("union", (Attacked(Union(), (EPSILON,)),), compared_in="sound"),
            Collection("checks", (Checks((EPSILON,), large_epsilon=500.0, rows=20),)),
        ),
        epsilon=EPSILON,
        network=TableNetwork(8, 1),
        settings=FitSettings(epochs=1, batch_size=50),
        runs=2,
        costs=Costs(train_rows=500, items=500, test_rows=300),
    )
    reproduce(with_recipes(plain, "online", strengths=1), tmp_path / "hand", runs=2, workers=1)
    train(
        tables[0],
        tmp_path / "own",
        recipes="online",
        strengths=1,
        label="income",
        groups=["sex"],
        # sex is an input too, as in Adult; every value, since few rows do not have all
        features=names,
        categories={one.name: one.categories for one in data.train.features if one.categories},
        test=tables[1],
        settings=replace(SMALL, epsilon=EPSILON, immutable=FIXED, batch_size=50),
        workers=1,
    )
    hand, own = (json.loads((tmp_path / name / "results.json").read_text("utf-8")) for name in ("hand", "own"))
    assert len(own["findings"]) == len(asked)
    for ours, theirs in zip(own["findings"], hand["findings"], strict=True):
        for arm in ("standard", "robust", "control"):
            assert ours[arm]["value"] == theirs[arm]["value"]
        assert ours["difference"] == theirs["difference"]


def test_the_group_that_no_model_can_be_right_about_is_the_worst(run):
    results = results_of(run / "run")
    gaps = [one for one in results.findings if one.metric == "cau" and one.parameters.partition == "sex"]
    assert gaps
    for finding in gaps:
        for arm in (finding.standard, finding.robust):
            means = {group.group: group.value for group in arm.groups}
            assert min(means, key=means.get) == "female"


def test_it_is_computed_again_without_its_table(run, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(run / "run", folder)
    before = json.loads((folder / "results.json").read_text("utf-8"))
    again = json.loads(results_of(folder).model_dump_json())
    assert again["findings"] == before["findings"]
    assert again["alarms"] == before["alarms"]
    assert again["question"] == before["question"]


def test_the_same_command_goes_on_and_another_table_is_refused(run, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in (run / "run" / "stages").glob("*.json")}
    again = {"recipes": "online", "strengths": 1, "label": "hired", "groups": ["sex"], "workers": 1}
    settings = replace(SMALL, epochs=None)
    moved = tmp_path / "people.csv"
    shutil.copy(run / "people.csv", moved)
    train(moved, run / "run", settings=settings, **again)  # wherever the table is now
    assert {path: path.stat().st_mtime_ns for path in before} == before
    other = again | {"recipes": "trades,online", "pairs": [("online", "trades")]}
    with pytest.raises(
        FairtollError, match=r"^--recipes online,trades --strengths 1 --pair online,trades is given"
    ) as at:
        train(moved, run / "run", settings=settings, **other)
    assert "; expected --recipes online --strengths 1, with which it was started; " in str(at.value)
    people(seed=1).to_csv(moved, index=False)
    with pytest.raises(FairtollError, match=r"belongs to another configuration: data\.load\.checksum is"):
        train(moved, run / "run", settings=settings, **again)
    other = tmp_path / "other.csv"
    shutil.copy(run / "people.csv", other)
    with pytest.raises(FairtollError, match=r"experiment is 'people\.csv' there and 'other\.csv' here"):
        train(other, run / "run", settings=settings, **again)


def untimed(folder):
    """Results without what is measured of the machine."""
    results = json.loads((folder / "results.json").read_text("utf-8"))
    return results | {"times": None, "recipes": [one | {"seconds": None} for one in results["recipes"]]}


def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(run, tmp_path, monkeypatch):
    flags = (
        f"{run / 'people.csv'} --label hired --group sex --recipes online --strengths 1 --runs 2 --width 8 --depth 1"
    )
    arguments = ["train", *flags.split(), "--workers", "1", "--out", str(tmp_path / "run")]
    process = subprocess.Popen([sys.executable, "-m", "fairtoll", *arguments], stderr=subprocess.PIPE)
    begun = time.monotonic()
    while not (tmp_path / "run" / "stages" / "train-standard-0.json").exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() - begun < 300
        time.sleep(0.01)
    process.kill()
    process.communicate()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "run" / "stages").glob("*.json")}
    assert not (tmp_path / "run" / "results.json").exists()
    monkeypatch.setattr("fairtoll.report.write_report", lambda results, folder: (folder / "report.html").touch())
    settings, again = replace(SMALL, epochs=None), {"recipes": "online", "strengths": 1, "label": "hired"}
    train(run / "people.csv", tmp_path / "run", groups=["sex"], settings=settings, workers=1, **again)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    whole, resumed = (untimed(folder / "run") for folder in (run, tmp_path))
    assert resumed == whole


def test_missing_numbers_become_the_mean_with_a_column_that_says_so_and_do_not_move_in_their_rows(tmp_path):
    frame = people()
    frame.loc[::5, "age"] = np.nan
    frame.loc[::7, "job"] = None
    frame.to_csv(tmp_path / "gaps.csv", index=False)
    own = own_experiment(tmp_path / "gaps.csv", label="hired", groups=["sex"], missing="keep", settings=SMALL)
    data = own.experiment.data.load()
    names = [feature.name for feature in data.train.features]
    assert names == [
        "age", "age is missing", "score", "job=clerk", "job=nurse", "job=smith", "job=missing",
    ]  # fmt: skip
    absent = data.train.x[:, 1] == 1
    assert absent.mean() == pytest.approx(0.2, abs=0.05)
    assert data.train.x[absent, 0] == pytest.approx(data.train.x[~absent, 0].mean())
    assert data.train.x[:, 3:].sum(axis=1).tolist() == [1.0] * len(data.train)
    [threat] = own.experiment.threats(data).values()
    assert [name for name, moves in zip(names, threat.mutable, strict=True) if moves] == ["age", "score"]
    low, high = (end.numpy() for end in threat.bounds(torch.from_numpy(data.train.x), 0.25))
    assert ((low[:, 0] == high[:, 0]) == absent).all()
    # The spread is that of the values that are there.
    assert float(threat.scale[0]) == pytest.approx(data.train.x[~absent, 0].std(dtype=np.float64))
    # An audit of the same table, whose threat the settings name, moves as far.
    train_rows, _ = own.experiment.data.load.coded()
    audited = table_threat(train_rows, mutable=["age", "score"])
    assert audited.scale[:2].tolist() == pytest.approx(threat.scale[[0, 2]].tolist())


@pytest.mark.parametrize("attacked_in", ["training", "evaluation"])
def test_an_attack_leaves_a_missing_number_alone_and_goes_as_far_as_it_may_in_the_others(tmp_path, attacked_in):
    """Of a linear model in closed form: the loss is highest where each number has moved against its weight."""
    frame = people().assign(age=lambda table: table["age"] / 2)
    frame.loc[::5, "age"] = np.nan
    frame.to_csv(tmp_path / "gaps.csv", index=False)
    settings = replace(SMALL, ranges={"age": (-100.0, 100.0), "score": (-9.0, 9.0)})
    own = own_experiment(tmp_path / "gaps.csv", label="hired", missing="keep", settings=settings)
    data = own.experiment.data.load()
    [threat] = own.experiment.threats(data).values()
    x, y = torch.from_numpy(data.test.x), torch.zeros(len(data.test), dtype=torch.int64)
    model = torch.nn.Linear(x.shape[1], 2)
    with torch.no_grad():
        model.weight.copy_(torch.stack([torch.zeros(x.shape[1]), torch.linspace(1.0, -1.0, x.shape[1])]))
        model.bias.copy_(torch.tensor([60.0, 0.0]))  # right about every row, so that every row is attacked
    if attacked_in == "training":
        batch = Batch(x[None], x[None], y[None], torch.arange(len(x))[None], BatchNoise([0], epoch=0), 0)
        moved = attack_batch(ModelStack([model]), batch, threat=threat, epsilon=0.5, steps=20)[0]
    else:
        moved = PGD(steps=20)(model, x, y, threat=threat, epsilon=0.5, generator=torch.Generator()).perturbed
    moves = (0.5 * threat.scale * (threat.scale > 0) * model.weight[1].sign()).repeat(len(x), 1)
    moves[x[:, 1] == 1, 0] = 0.0
    assert (x[:, 1] == 1).any()
    torch.testing.assert_close(moved, (x + moves).float(), rtol=1e-5, atol=1e-4)


def test_columns_that_number_the_rows_are_no_inputs_unless_one_is_kept(tmp_path):
    frame = people().assign(customer=lambda table: 9000 - 7 * np.arange(len(table)), code=[f"c{k}" for k in range(480)])
    frame["late"] = np.where(np.arange(480) == 3, np.nan, 2.0 * np.arange(480))  # whole, and floats for the gap
    frame["share"] = np.arange(480) + 0.5  # no whole numbers
    frame.to_csv(tmp_path / "people.csv", index=False)
    described = {"label": "hired", "groups": ["sex"], "settings": SMALL, "missing": "keep"}
    own = own_experiment(tmp_path / "people.csv", **described)
    rows = own.experiment.data.load
    assert rows.features == ("age", "score", "job", "share")
    assert set(rows.left_out) == {"customer", "code", "late"}
    assert any("customer, since every row has another whole number, as an id has; " in note for note in own.notes)
    assert any(note.endswith("--also-feature COLUMN keeps one.") for note in own.notes)
    kept = own_experiment(tmp_path / "people.csv", also_features=["customer", "sex"], **described).experiment.data.load
    assert kept.features == ("age", "score", "job", "sex", "customer", "share")
    assert set(kept.left_out) == {"code", "late"}


def test_what_may_move_and_how_far_is_said_at_the_start_and_in_the_report(tmp_path):
    frame = people().assign(flag=np.arange(480) % 2, few=np.arange(480) % 5, same=1)
    frame.loc[::5, "score"] = np.nan
    path = tmp_path / "people.csv"
    frame.to_csv(path, index=False)
    settings = replace(SMALL, immutable=["same"], scale={"age": 8.0}, ranges={"score": (-5.0, 5.0)}, epsilon=0.5)
    test = tmp_path / "test.csv"
    frame.iloc[::-1].to_csv(test, index=False)
    own = own_experiment(path, label="hired", test=test, missing="keep", settings=settings)
    inputs, moving, fixed = own.notes[-3:]
    assert inputs == "Inputs: age, score, job, sex, flag, few, same."
    spread = np.nanstd(frame["score"].to_numpy(np.float32).astype(float))
    assert (
        f"these move: age by up to 4 (whole numbers), score by up to {0.5 * spread:.3g} (missing values stay). "
        in moving
    )
    assert "Epsilon is 0.5; an epsilon of 1 is one standard deviation of each column" in moving
    assert "job, sex (a category)" in fixed
    assert "flag (an indicator of two codes)" in fixed
    assert "same (a constant)" in fixed
    assert "few (whole numbers, which epsilon moves by less than 1)" in fixed
    assert fixed.endswith("For few to move, give a larger --epsilon, or --scale COLUMN=2 or more.")
    told = about_adversary(own.experiment, own.experiment.data.load())["adversary"]
    columns = {one["name"]: one for one in told["columns"]}
    assert list(columns) == list(own.experiment.data.load.features)
    assert (columns["age"]["scale"], columns["age"]["reach"], columns["age"]["whole"]) == (8.0, 4.0, True)
    assert (columns["score"]["low"], columns["score"]["high"], columns["score"]["missing"]) == (-5.0, 5.0, True)
    assert columns["score"]["reach"] == pytest.approx(0.5 * spread)
    assert columns["few"]["reach"] is None
    results = example_defences(1, runs=2, rows=200).model_copy(update={"adversary": Adversary.model_validate(told)})
    [section] = [one for one in build(results) if one.anchor == "adversary"]
    shown = {str(row[0]): row[1:] for row in section.tables[0].rows}
    assert shown["age"][:3] == ["up or down, whole numbers", "4", "8"]
    assert shown["score"][-1] == "−5 to 5"
    assert shown["job"][0] == "never: a category"
    assert "Epsilon is 0.5" in section.lead


def test_a_scale_and_a_range_of_a_number_are_those_that_were_given(tmp_path):
    people().to_csv(tmp_path / "people.csv", index=False)
    settings = replace(SMALL, scale={"score": 0.5}, ranges={"age": (0.0, 120.0)}, epsilon=1.0)
    own = own_experiment(tmp_path / "people.csv", label="hired", groups=["sex"], settings=settings).experiment
    data = own.data.load()
    [threat] = own.threats(data).values()
    low, high = threat.bounds(torch.tensor([[100.0, 0.0, 1.0, 0.0, 0.0]]), own.epsilon)
    move = float(np.floor(data.train.x[:, 0].std(dtype=np.float64)))
    assert low.tolist() == [[100.0 - move, -0.5, 1.0, 0.0, 0.0]]
    assert high.tolist() == [[100.0 + move, 0.5, 1.0, 0.0, 0.0]]


def test_nothing_of_the_test_rows_is_in_what_the_training_rows_decide(tmp_path):
    """Ranges, spreads and means are those of the training rows, whatever is in the others."""
    frame = people()
    plain, far = tmp_path / "plain.csv", tmp_path / "far.csv"
    frame.to_csv(plain, index=False)
    first = own_experiment(plain, label="hired", groups=["sex"], settings=SMALL).experiment.data.load
    _, test = first.coded()
    held_out = frame["score"].isin(test.x[:, 1].astype(float).round(3)) & frame["age"].isin(test.x[:, 0])
    frame.assign(score=frame["score"].where(~held_out, 50.0)).to_csv(far, index=False)
    moved = own_experiment(far, label="hired", groups=["sex"], settings=SMALL).experiment
    train_rows, test_rows = moved.data.load.coded()
    assert (test_rows.x[:, 1] == 50).all()
    kept = train_rows.x[train_rows.x[:, 1] < 50]
    assert len(kept) > 0.9 * len(train_rows)
    [threat] = moved.threats(moved.data.load()).values()
    spread = train_rows.x[:, 1].std(dtype=np.float64)
    assert float(threat.scale[1]) == pytest.approx(spread)
    assert float(threat.box[1][1]) == train_rows.x[:, 1].max()


def test_images_are_trained_on_and_measured(tmp_path, monkeypatch):
    """Of either kind of file: one half of an image is bright, so that a few steps of a linear model tell which."""
    monkeypatch.setattr("fairtoll.report.write_report", lambda results, folder: (folder / "report.html").touch())
    rng = np.random.default_rng(0)
    right = np.arange(80) % 2
    bright = (np.arange(8) >= 4) == right[:, None, None, None]
    arrays = {
        "x": (0.25 * rng.random((80, 1, 8, 8)) + 0.5 * bright).astype(np.float32),
        "y": right,
        "site": np.arange(80) // 2 % 2,
    }
    np.savez(tmp_path / "images.npz", **arrays)
    save_file(arrays, tmp_path / "images.safetensors")
    loaded = [
        own_experiment(tmp_path / f"images.{kind}", groups=["site"]).experiment.data.load()
        for kind in ("npz", "safetensors")
    ]
    np.testing.assert_array_equal(loaded[0].test.x, loaded[1].test.x)
    (tmp_path / "tiny_of_own_test.py").write_text(TINY)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = OwnSettings(epochs=40, batch_size=20, runs=2, attacked=20, network="tiny_of_own_test:network")
    train(
        tmp_path / "images.npz",
        tmp_path / "run",
        recipes="online",
        strengths=1,
        groups=["site"],
        settings=settings,
        workers=1,
    )
    results = results_of(tmp_path / "run")
    accuracy = {one.arm: one.mean for one in results.accuracy if one.evaluation == "clean"}
    assert accuracy["standard"] > 0.9
    assert {one.parameters.partition for one in results.findings} == {"class", "site"}
    assert results.configuration["epsilon"] == pytest.approx(8 / 255)
    # Pictures of an easy and of a hard class, of each arm but the control.
    assert {one.arm for one in results.examples} == {"standard", "online"}
    assert [section.anchor for section in build(results) if section.strips] == ["examples"]
    shown = results.examples[0]
    encoded = base64.b64decode(shown.clean.removeprefix("data:image/png;base64,"))
    pixels = np.asarray(Image.open(io.BytesIO(encoded)))
    np.testing.assert_array_equal(pixels, np.rint(loaded[0].test.x[shown.row, 0] * 255))
    kept = np.load(tmp_path / "run" / "trained" / "test.npz")
    np.testing.assert_array_equal(kept["x"], loaded[0].test.x)


@pytest.mark.parametrize(
    ("channels", "scale", "why"),
    [(1, 1.0, None), (3, 1.0, None), (2, 1.0, "have 2 channels"), (1, 2.0, "lie between 0 and 2")],
)
def test_images_that_no_picture_can_show_are_said_to_be_none(channels, scale, why, tmp_path, monkeypatch):
    x = np.zeros((80, channels, 8, 8), dtype=np.float32)
    x[::2] = scale
    np.savez(tmp_path / "images.npz", x=x, y=np.arange(80) // 2 % 2)
    (tmp_path / "flat_of_own_test.py").write_text(
        "from torch import nn\n\n\ndef network():\n"
        f"    return nn.Sequential(nn.Flatten(), nn.Linear({64 * channels}, 2))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "flat_of_own_test", raising=False)
    own = own_experiment(tmp_path / "images.npz", settings=OwnSettings(network="flat_of_own_test:network"))
    assert (own.experiment.pictures is None) == (why is not None)
    said = [note for note in own.notes if "no pictures" in note]
    assert len(said) == (why is not None)
    assert all(f"since the images {why}: it shows those of 1 or 3 channels" in note for note in said)


def test_the_trained_models_are_those_that_were_measured(run, monkeypatch):
    """A plain PyTorch program reads them; the test rows are a file beside them."""
    place = run / "run" / "trained"
    monkeypatch.syspath_prepend(str(place))
    [module] = place.glob("trained_*.py")
    rows = own_experiment(run / "people.csv", label="hired", groups=["sex"], settings=SMALL).experiment.data.load
    _, test = rows.coded()
    kept = pd.read_parquet(place / "test.parquet")
    assert kept["score"].to_numpy(np.float32).tolist() == test.x[:, 1].tolist()
    results = results_of(run / "run")
    for arm in ("standard", "online", "online-noise"):
        [clean] = [one for one in results.accuracy if one.arm == arm and one.evaluation == "clean"]
        for number, accuracy in enumerate(clean.per_run, start=1):
            model = load_model(f"{module.stem}:network", place / f"{arm}-{number}.safetensors")
            right = model(torch.from_numpy(test.x)).argmax(dim=1).numpy() == test.y
            assert right.mean() == pytest.approx(accuracy)
