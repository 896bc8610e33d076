"""Evidence: someone's predictions in, arrays in row order out, and each way it can be wrong named."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtoll import Evidence, FairtollError
from fairtoll.evidence.store import describe_attack, describe_least_epsilon, describe_predictions

CHANCES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5], [0.0, 0.0, 1.0]])
THREE = pd.DataFrame(
    {
        "animal": ["cat", "dog", "emu", "cat"],
        "p_cat": CHANCES[:, 0],
        "p_dog": CHANCES[:, 1],
        "p_emu": CHANCES[:, 2],
        "site": ["n", "s", "s", "n"],
    }
)
COLUMNS = {"cat": "p_cat", "dog": "p_dog", "emu": "p_emu"}


def two_arms(seeds=(3, 1)):
    """Two arms, two seeds each; a chance that tells arm, seed and row apart: 0.1 arm + 0.01 seed + 0.001 row."""
    rows = [
        {"model": arm, "run": seed, "person": f"p{row}", "y": "yes" if row % 2 else "no", "sex": "fm"[row // 2],
         "chance": 0.1 * place + 0.01 * seed + 0.001 * row}
        for place, arm in enumerate(["plain", "hardened"], start=1)
        for seed in seeds
        for row in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def expected_chances(place):
    return np.array([[0.1 * place + 0.01 * seed + 0.001 * row for row in range(4)] for seed in (1, 3)])


def read_two_arms(frame, **options):
    return Evidence.from_frame(
        frame, label="y", probabilities={"yes": "chance"}, groups=["sex"], arm="model", seed="run", **options
    )


def small():
    """Three rows, two classes, one arm with two seeds, one attack on all rows and one on two of them."""
    rows = pd.DataFrame({"row": [0, 1, 2], "label": [0, 1, 1], "sex": ["f", "m", "f"]})
    predictions = [
        describe_predictions(np.array([[0.9, 0.1], [0.2, 0.8], chances]), arm="plain", seed=seed)
        for seed, chances in enumerate([[0.6, 0.4], [0.7, 0.3]])
    ]
    where = {"arm": "plain", "evaluation": "white-box", "threat": "audit", "epsilon": 0.5}
    attacks = [describe_attack([True, False, seed == 1], seed=seed, attack="union", **where) for seed in (0, 1)]
    attacks += [
        describe_attack([True, False], seed=seed, attack="check-noise", rows=[2, 0], **where) for seed in (0, 1)
    ]
    return Evidence(rows, pd.concat(predictions), pd.concat(attacks), ("no", "yes"), {"name": "small"})


def test_several_classes():
    found = Evidence.from_frame(THREE, label="animal", probabilities=COLUMNS, groups=["site"])
    assert found.class_names == ("cat", "dog", "emu")
    assert found.labels.tolist() == [0, 1, 2, 0]
    assert found.partition("class").tolist() == ["cat", "dog", "emu", "cat"]
    assert found.partition("site").tolist() == ["n", "s", "s", "n"]
    assert found.arms == ["model"]
    assert found.probabilities("model").shape == (1, 4, 3)
    np.testing.assert_allclose(found.probabilities("model")[0], CHANCES, atol=1e-7)


@pytest.mark.parametrize("order", [["cat", "dog", "emu"], ["emu", "cat", "dog"]])
def test_the_order_of_the_columns_does_not_matter(order):
    found = Evidence.from_frame(THREE, label="animal", probabilities={name: COLUMNS[name] for name in order})
    assert found.class_names == ("cat", "dog", "emu")
    np.testing.assert_allclose(found.probabilities("model")[0], CHANCES, atol=1e-7)


def test_two_classes_need_one_column():
    frame = pd.DataFrame({"y": [0, 1, 1], "p": [0.1, 0.6, 0.8]})
    found = Evidence.from_frame(frame, label="y", probabilities={"1": "p"})
    np.testing.assert_allclose(found.probabilities("model")[0], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]], atol=1e-7)
    assert found.labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize("options", [{}, {"row": "person"}])
def test_arms_and_seeds(options):
    found = read_two_arms(two_arms(), **options)
    assert found.arms == ["plain", "hardened"]
    for place, arm in enumerate(found.arms, start=1):
        assert found.probabilities(arm).shape == (2, 4, 2)  # (S, N, C), seeds ascending
        np.testing.assert_allclose(found.probabilities(arm)[:, :, 1], expected_chances(place), atol=1e-7)
    assert found.labels.tolist() == [0, 1, 0, 1]
    assert found.partition("sex").tolist() == ["f", "f", "m", "m"]


@pytest.mark.parametrize("shuffle", range(5))
def test_shuffled_rows_with_a_row_column(shuffle):
    found = read_two_arms(two_arms().sample(frac=1, random_state=shuffle), row="person")
    for arm, place in (("plain", 1), ("hardened", 2)):
        np.testing.assert_allclose(found.probabilities(arm)[:, :, 1], expected_chances(place), atol=1e-7)


def test_shuffled_rows_without_a_row_column_are_refused_where_that_shows():
    frame = two_arms()
    frame.loc[4:7] = frame.loc[[5, 4, 6, 7]].to_numpy()
    with pytest.raises(FairtollError, match=r"different labels or groups in different models; give a `row` column"):
        read_two_arms(frame)


def test_what_is_saved_is_what_is_loaded(tmp_path):
    before = small()
    before.save(tmp_path)
    after = Evidence.load(tmp_path)
    assert (after.class_names, after.about, after.attributes) == (("no", "yes"), {"name": "small"}, ["sex"])
    assert after.arms == ["plain"]
    np.testing.assert_array_equal(after.labels, [0, 1, 1])
    np.testing.assert_array_equal(after.probabilities("plain"), before.probabilities("plain"))
    where = {"evaluation": "white-box", "threat": "audit", "epsilon": 0.5}
    assert after.success("plain", attack="union", **where).tolist() == [[True, False, False], [True, False, True]]
    success, rows = after.success_of_rows("plain", attack="check-noise", **where)
    assert (success.tolist(), rows.tolist()) == ([[False, True], [False, True]], [0, 2])
    assert after.attack_names("plain") == before.attack_names("plain")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "about.json", "attacks.parquet", "checksums.json", "predictions.parquet", "rows.parquet",
    ]  # fmt: skip


def test_parts_are_joined(tmp_path):
    whole = small()
    whole.save(tmp_path)
    for name, frame in (("predictions", whole.predictions), ("attacks", whole.attacks)):
        (tmp_path / f"{name}.parquet").unlink()
        (tmp_path / "checksums.json").unlink(missing_ok=True)
        for seed in (0, 1):
            frame[frame["seed"] == seed].to_parquet(tmp_path / f"{name}-{seed}.parquet", index=False)
    after = Evidence.load(tmp_path)
    np.testing.assert_array_equal(after.probabilities("plain"), whole.probabilities("plain"))
    assert after.attack_names("plain") == whole.attack_names("plain")


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_however_a_table_is_cut_into_files_it_is_the_same(tmp_path_factory, data):
    """Files of any rows of any blocks, some without the columns of least epsilon; the whole table is the oracle."""
    whole = with_least_epsilon(small())
    folder = tmp_path_factory.mktemp("cut")
    whole.save(folder)
    (folder / "checksums.json").unlink()
    for name, frame in (("predictions", whole.predictions), ("attacks", whole.attacks)):
        (folder / f"{name}.parquet").unlink()
        part_of = data.draw(st.lists(st.integers(0, 3), min_size=len(frame), max_size=len(frame)))
        for number in set(part_of):
            part = frame[np.array(part_of) == number]
            if name == "attacks" and part["least_epsilon"].isna().all() and data.draw(st.booleans()):
                part = part.drop(columns=OLD)
            part.to_parquet(folder / f"{name}-{number}.parquet", index=False)
    found = Evidence.load(folder)
    assert found.arms == whole.arms
    np.testing.assert_array_equal(found.probabilities("plain"), whole.probabilities("plain"))
    assert found.attack_names("plain") == whole.attack_names("plain")
    assert found.least_epsilon_names("plain") == whole.least_epsilon_names("plain")
    for evaluation, threat, attack, epsilon in whole.attack_names("plain"):
        where = {"evaluation": evaluation, "threat": threat, "attack": attack, "epsilon": epsilon}
        for ours, theirs in zip(
            found.success_of_rows("plain", **where), whole.success_of_rows("plain", **where), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(
        found.searched_least_epsilon("plain", **SEARCH), whole.searched_least_epsilon("plain", **SEARCH), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    order = ["seed", "attack", "row"]
    kept = [column for column in whole.attacks if column not in OLD]
    pd.testing.assert_frame_equal(
        found.attacks[kept].astype(str).sort_values(order, ignore_index=True),
        whole.attacks[kept].astype(str).sort_values(order, ignore_index=True),
    )


def test_some_files_alone(tmp_path):
    """Only what is named is read, and nothing else need be there or whole."""
    whole = small()
    whole.save(tmp_path)
    (tmp_path / "attacks.parquet").write_text("garbage")
    found = Evidence.load(tmp_path, parts=["predictions.parquet"])
    np.testing.assert_array_equal(found.probabilities("plain"), whole.probabilities("plain"))
    assert found.attack_names("plain") == []
    (tmp_path / "attacks.parquet").unlink()
    assert Evidence.load(tmp_path, parts=["predictions.parquet"]).arms == ["plain"]
    with pytest.raises(FairtollError, match=r"attacks.parquet is missing"):
        Evidence.load(tmp_path)
    (tmp_path / "predictions.parquet").write_text("garbage")
    with pytest.raises(FairtollError, match=r"predictions.parquet has changed since it was written"):
        Evidence.load(tmp_path, parts=["predictions.parquet"])


def test_files_that_do_not_fit_together(tmp_path):
    whole = small()
    whole.save(tmp_path)
    (tmp_path / "checksums.json").unlink()
    whole.predictions.assign(seed="one").to_parquet(tmp_path / "predictions-more.parquet", index=False)
    with pytest.raises(FairtollError, match="is not a folder of tables that fit together"):
        Evidence.load(tmp_path)


SEARCH = {"evaluation": "white-box", "threat": "audit", "epsilon": 0.5}


def with_least_epsilon(whole):
    """`small` with a search on rows 2 and 0: the second run finds row 0 misclassified and row 2 standing."""
    where = {"arm": "plain", "threat": "audit", "epsilon": 0.5, "rows": [2, 0]}
    parts = [
        describe_least_epsilon([0.125, 0.25], [False, False], seed=0, **where),
        describe_least_epsilon([0.5, 0.0], [True, False], seed=1, **where),
    ]
    return Evidence(whole.rows, whole.predictions, pd.concat([whole.attacks, *parts]), whole.class_names, whole.about)


def test_least_epsilon_survives_the_disk(tmp_path):
    before = with_least_epsilon(small())
    before.save(tmp_path)
    for found in (before, Evidence.load(tmp_path)):
        values, censored, rows = found.searched_least_epsilon("plain", **SEARCH)
        assert values.tolist() == [[0.25, 0.125], [0.0, 0.5]]
        assert censored.tolist() == [[False, False], [False, True]]
        assert rows.tolist() == [0, 2]
        assert found.least_epsilon_names("plain") == [("white-box", "audit", "least-epsilon", 0.5)]
        success, _ = found.success_of_rows("plain", attack="least-epsilon", **SEARCH)
        assert success.tolist() == [[True, True], [True, False]]


OLD = ["least_epsilon", "censored"]


def test_tables_from_before_least_epsilon_are_read(tmp_path):
    whole = small()
    old = Evidence(whole.rows, whole.predictions, whole.attacks.drop(columns=OLD), whole.class_names, whole.about)
    old.save(tmp_path)
    found = Evidence.load(tmp_path)
    assert found.least_epsilon_names("plain") == []
    assert found.success("plain", attack="union", **SEARCH).shape == (2, 3)
    with pytest.raises(FairtollError, match="union on 'plain' has no least epsilon for 6 of 6 entries"):
        found.least_epsilon("plain", attack="union", **SEARCH)
    with pytest.raises(FairtollError, match=r"no evidence for arm 'plain' with .*least-epsilon"):
        found.least_epsilon("plain", **SEARCH)


def test_old_parts_are_joined_with_new_ones(tmp_path):
    whole = with_least_epsilon(small())
    whole.save(tmp_path)
    (tmp_path / "attacks.parquet").unlink()
    (tmp_path / "checksums.json").unlink()
    searches = whole.attacks["attack"] == "least-epsilon"
    whole.attacks[~searches].drop(columns=OLD).to_parquet(tmp_path / "attacks-old.parquet", index=False)
    whole.attacks[searches].to_parquet(tmp_path / "attacks-search.parquet", index=False)
    found = Evidence.load(tmp_path)
    values, censored, _ = found.searched_least_epsilon("plain", **SEARCH)
    assert (values.tolist(), censored.tolist()) == ([[0.25, 0.125], [0.0, 0.5]], [[False, False], [False, True]])
    assert found.least_epsilon_names("plain") == [("white-box", "audit", "least-epsilon", 0.5)]


def test_a_radius_that_single_precision_rounded_up_is_the_largest():
    largest = np.float32(0.05)  # 0.0500000007
    part = describe_least_epsilon([largest, largest], [True, False], arm="a", seed=0, threat="t", epsilon=0.05)
    assert part["least_epsilon"].tolist() == [0.05, 0.05]
    assert part["success"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("values", "censored", "message"),
    [
        ([0.1, np.nan], [False, False], "a least epsilon is nan; expected 0 to 0.5"),
        ([0.1, np.inf], [False, True], "a least epsilon is inf; expected 0 to 0.5"),
        ([-0.1, 0.1], [False, False], "a least epsilon is -0.1"),
        ([0.6, 0.1], [False, False], "a least epsilon is 0.6; expected 0 to 0.5, the largest radius tried"),
        ([0.1, 0.0], [False, True], "a censored row has least epsilon 0; expected 0.5"),
        ([0.1], [False, True], r"values of shape \(1,\) and censored of shape \(2,\)"),
        ([0.1, 0.5], [0, 1], "censored of shape .* and type int64; expected one number and one boolean"),
        ([[0.1]], [[False]], r"values of shape \(1, 1\)"),
    ],
)
def test_least_epsilons_that_are_wrong(values, censored, message):
    with pytest.raises(FairtollError, match=message):
        describe_least_epsilon(values, censored, arm="plain", seed=0, threat="audit", epsilon=0.5)


def test_outcomes_and_row_numbers_of_unequal_length():
    with pytest.raises(FairtollError, match=r"rows has shape \(1,\) for 2 outcomes; expected one number for each"):
        describe_attack([True, False], arm="plain", seed=0, attack="union", rows=[1], **SEARCH)


def test_a_row_that_appears_twice():
    twice = describe_attack([True, False], arm="plain", seed=0, attack="square", rows=[1, 1], **SEARCH)
    whole = small()
    found = Evidence(whole.rows, whole.predictions, pd.concat([whole.attacks, twice]), whole.class_names)
    with pytest.raises(FairtollError, match="square of 'plain': a row appears twice in one training run"):
        found.success_of_rows("plain", attack="square", **SEARCH)


def test_predictions_alone_survive_the_disk(tmp_path):
    read_two_arms(two_arms()).save(tmp_path)
    after = Evidence.load(tmp_path)
    assert after.attack_names("plain") == []
    assert after.source_arm("plain") is None
    np.testing.assert_allclose(after.probabilities("hardened")[:, :, 1], expected_chances(2), atol=1e-7)


def edited(**columns):
    return THREE.assign(**columns)


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (THREE, {"label": "y"}, "no column y; expected columns of the table, which has: animal, p_cat"),
        (THREE, {"groups": ["sex"]}, "no column sex"),
        (THREE, {"seed": "run", "arm": "model"}, "no column model, run"),
        (THREE, {"probabilities": {"cat": "p_cat", "dog": "p_fox", "emu": "p_emu"}}, "no column p_fox"),
        (THREE, {"probabilities": {"cat": "p_cat", "dog": "p_dog"}}, r"labels \['emu'\] have no probability column"),
        (THREE, {"probabilities": {"cat": "p_cat"}}, "one probability column, for class 'cat', and the labels"),
        (edited(p_dog=[0.2, np.nan, 0.3, 0.0]), {}, "prediction 1 holds NaN or infinity"),
        (edited(p_dog=[0.2, 0.8, np.inf, 0.0]), {}, "prediction 2 holds NaN or infinity"),
        (edited(p_dog=[0.2, 0.8, -0.25, 0.0]), {}, "probabilities run from -0.25 to 1; expected 0 to 1"),
        (edited(p_dog=[1.2, 0.8, 0.25, 0.0]), {}, "probabilities run from 0 to 1.2; expected 0 to 1"),
        (edited(p_dog=[0.2, 0.8, 0.75, 0.0]), {}, "prediction 2 sum to 1.5; expected 1"),
        (edited(p_dog=["low"] * 4), {}, "column 'p_dog' holds something that is not a number"),
        (
            edited(animal=["cat", None, "emu", "cat"]),
            {},
            "column 'animal' has missing or infinite entries, the first in row 1",
        ),
        (
            edited(site=["n", "s", None, None]),
            {"groups": ["site"]},
            "column 'site' has missing or infinite entries, the first in row 2",
        ),
        (THREE.head(0), {}, "the frame has no rows"),
    ],
)
def test_a_frame_that_is_wrong(frame, options, message):
    with pytest.raises(FairtollError, match=message):
        Evidence.from_frame(frame, **({"label": "animal", "probabilities": COLUMNS} | options))


def test_another_number_of_rows_in_one_run():
    with pytest.raises(FairtollError, match=r"'hardened', run 1, predicts 3 of 4 rows in 3 entries; expected one"):
        read_two_arms(two_arms().drop(index=15), row="person")


def test_a_row_given_twice():
    frame = two_arms()
    with pytest.raises(FairtollError, match=r"'hardened', run 1, predicts 4 of 4 rows in 5 entries; expected one"):
        read_two_arms(pd.concat([frame, frame.tail(1)]), row="person")


def test_an_unknown_partition_names_the_known():
    with pytest.raises(FairtollError, match=r"unknown attribute 'race'; expected one of: class, sex"):
        small().partition("race")


def test_an_unknown_arm_names_the_known():
    with pytest.raises(FairtollError, match=r"no evidence for arm 'robust' .* the arms are plain"):
        small().probabilities("robust")


def test_a_rate_needs_every_row():
    with pytest.raises(FairtollError, match=r"check-noise: 2 of 3 rows; expected all of them"):
        small().success("plain", evaluation="white-box", threat="audit", attack="check-noise", epsilon=0.5)


def test_predictions_of_other_rows_are_refused():
    whole = small()
    shifted = whole.predictions.assign(row=whole.predictions["row"] + 1)
    with pytest.raises(FairtollError, match=r"row 3.*0 to 2"):
        Evidence(whole.rows, shifted, whole.attacks, whole.class_names)


def test_runs_attacked_on_different_rows_are_refused():
    whole = small()
    attacks = whole.attacks.reset_index(drop=True)
    last = attacks.index[(attacks["attack"] == "check-noise") & (attacks["seed"] == 1)]
    attacks.loc[last, "row"] = np.array([1, 0], dtype=np.int32)
    moved = Evidence(whole.rows, whole.predictions, attacks, whole.class_names)
    with pytest.raises(FairtollError, match=r"check-noise of 'plain': different rows in different training runs"):
        moved.success_of_rows("plain", evaluation="white-box", threat="audit", attack="check-noise", epsilon=0.5)


def test_a_table_without_a_column():
    whole = small()
    with pytest.raises(FairtollError, match=r"table of attacks has no column success"):
        Evidence(whole.rows, whole.predictions, whole.attacks.drop(columns="success"), whole.class_names)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FairtollError, match=r"holds no evidence"):
        Evidence.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["rows", "predictions", "attacks"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_table(tmp_path, name, share):
    small().save(tmp_path)
    path = tmp_path / f"{name}.parquet"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(FairtollError, match=rf"{name}.parquet has changed since it was written"):
        Evidence.load(tmp_path)


@pytest.mark.parametrize("content", ['{"class_names": ["no", ', "", "[]", "{}", '{"class_names": 3}'])
def test_a_half_written_description(tmp_path, content):
    small().save(tmp_path)
    (tmp_path / "about.json").write_text(content)
    with pytest.raises(FairtollError, match=r"about.json has changed since it was written"):
        Evidence.load(tmp_path)


def test_json_that_others_wrote_is_kept(tmp_path):
    small().save(tmp_path)
    about = json.loads((tmp_path / "about.json").read_text())
    assert about == {"class_names": ["no", "yes"], "name": "small"}


def test_training_runs_are_in_the_order_of_the_arrays():
    evidence = read_two_arms(two_arms(seeds=(7, 3)))
    assert evidence.training_runs("plain") == [3, 7]
    assert evidence.training_runs("plain", evaluation="white-box", threat="audit", epsilon=0.5) == []
    attacked = small()
    where = {"evaluation": "white-box", "threat": "audit", "epsilon": 0.5}
    assert attacked.training_runs("plain", attack="union", **where) == [0, 1]
    assert attacked.training_runs("plain", attack="pgd-20", **where) == []
