"""Claimed radii in evidence: what goes in comes out by run and row, and what is no claim is refused."""

import numpy as np
import pandas as pd
import pytest

from fairtoll import Evidence, FairtollError
from fairtoll.evidence import Claimed, describe_certificate, read_smoothing
from fairtoll.evidence.store import NO_ATTACKS, describe_predictions

LABELS = [0, 1, 1, 0]
PERFECT = np.eye(2)[LABELS] * 0.8 + 0.1
CLAIM = {"norm": "l2", "method": "smoothing", "threat": "images"}


def evidence(certificates, *, runs=2):
    rows = pd.DataFrame({"row": range(4), "label": LABELS})
    parts = [describe_predictions(PERFECT + 0.01 * run * np.array([1, -1]), arm="a", seed=run) for run in range(runs)]
    return Evidence(rows, pd.concat(parts), NO_ATTACKS, ("no", "yes"), certificates=certificates)


def claim(radius=(0.0, 0.5, 1.0, 0.25), *, seed=0, rows=None, **names):
    return describe_certificate(radius, arm="a", seed=seed, rows=rows, **(CLAIM | names))


def test_radii_come_back_by_run_and_row_and_survive_the_disk(tmp_path):
    given = pd.concat([claim(seed=1, radius=[4.0, 3.0], rows=[3, 1]), claim(seed=0, radius=[1.0, 2.0], rows=[1, 3])])
    found = evidence(given)
    assert found.certificate_names("a") == [("images", "l2", "smoothing")]
    assert found.certificate_names("b") == []
    found.save(tmp_path)
    for one in (found, Evidence.load(tmp_path)):
        radius, rows, runs = one.certified_radius("a", **CLAIM)
        assert radius.tolist() == [[1.0, 2.0], [3.0, 4.0]]
        assert (rows.tolist(), runs) == ([1, 3], [0, 1])


def test_evidence_without_claims_writes_no_table_of_them(tmp_path):
    found = evidence(None)
    found.save(tmp_path)
    assert not (tmp_path / "certificates.parquet").exists()
    assert Evidence.load(tmp_path).certificate_names("a") == []
    with pytest.raises(FairtollError, match=r"no evidence for arm 'a' with .*smoothing"):
        found.certified_radius("a", **CLAIM)


def test_several_methods_and_norms_side_by_side():
    found = evidence(pd.concat([claim(), claim(method="verifier", norm="linf"), claim(norm="linf", radius=[9.0] * 4)]))
    assert found.certificate_names("a") == [
        ("images", "l2", "smoothing"), ("images", "linf", "smoothing"), ("images", "linf", "verifier"),
    ]  # fmt: skip
    assert found.certified_radius("a", **(CLAIM | {"norm": "linf"}))[0].tolist() == [[9.0] * 4]


def test_claims_of_a_copied_run_are_left_out():
    parts = pd.concat([claim(seed=0), claim(seed=1)])
    rows = pd.DataFrame({"row": range(4), "label": LABELS})
    predictions = pd.concat([describe_predictions(PERFECT, arm="a", seed=run) for run in range(2)])
    found = Evidence(rows, predictions, NO_ATTACKS, ("no", "yes"), certificates=parts)
    with pytest.warns(UserWarning, match="counted as one run"):
        assert found.certified_radius("a", **CLAIM)[2] == [0]


@pytest.mark.parametrize(
    ("radius", "options", "message"),
    [
        ([0.1, np.nan], {}, "radius is nan in entry 1; expected a finite radius of 0 or more; give 0 where nothing"),
        ([np.inf, 0.0], {}, "radius is inf in entry 0"),
        ([0.1, -1.0], {}, "radius is -1 in entry 1"),
        (["far", "near"], {}, "radius holds something that is not a number"),
        ([[0.1, 0.2]], {}, r"radius has shape \(1, 2\); expected one radius for each row"),
        ([], {}, r"radius has shape \(0,\)"),
        ([0.1, 0.2], {"rows": [1]}, "rows has 1 numbers for 2 radii; expected one for each"),
        ([0.1, 0.2], {"rows": [1, 1]}, "method 'smoothing', arm 'a', run 0 claims a radius for row 1 more than once"),
        ([0.1, 0.2], {"rows": [0, 1.5]}, r"row is 1\.5 in entry 1; expected a whole number"),
        ([0.1, 0.2], {"norm": "L2"}, "norm is 'L2'; expected one of l0, l1, l2, linf"),
        ([0.1, 0.2], {"method": ""}, "a method of certification is called ''"),
        ([0.1, 0.2], {"threat": None}, "a threat is called None"),
    ],
)
def test_what_is_no_claim(radius, options, message):
    with pytest.raises(FairtollError, match=message):
        claim(radius, **options)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (claim(rows=[0, 1, 2, 4]), "the table of certificates has a row 4; expected row numbers from 0 to 3"),
        (pd.concat([claim(), claim()]), "claims a radius for row 0 more than once"),
        (claim().assign(radius=-0.5), "the table of certificates: radius is -0.5 in entry 0"),
        (claim().assign(radius=np.nan), "the table of certificates: radius is nan in entry 0"),
        (claim().assign(norm="euclidean"), "norm is 'euclidean'; expected one of l0"),
        (claim().assign(method=None), "the table of certificates has no method in 4 of 4 entries"),
        (claim().drop(columns="norm"), "the table of certificates has no column norm"),
    ],
)
def test_tables_that_hold_no_claims(table, message):
    with pytest.raises(FairtollError, match=message):
        evidence(table)


def test_a_row_twice_in_two_parts_is_found():
    with pytest.raises(FairtollError, match=r"a row appears twice|more than once"):
        evidence(pd.concat([claim(), claim(rows=[0, 1, 2, 3])])).certified_radius("a", **CLAIM)


def frame(**columns):
    table = pd.DataFrame({"y": LABELS, "p": PERFECT[:, 1], "id": [10, 20, 30, 40], "r": [0.0, 0.5, 1.0, 0.25]})
    return table.assign(**columns)


def test_a_column_of_a_frame_is_read_by_the_frames_own_row_names():
    table = pd.concat([frame(model="a"), frame(model="b", r=[4.0, 3.0, 2.0, 1.0]).iloc[::-1]])
    found = Evidence.from_frame(
        table, label="y", probabilities={1: "p"}, arm="model", row="id",
        certified=[Claimed("r", norm="l2", method="smoothing")],
    )  # fmt: skip
    named = {"threat": "audit", "norm": "l2", "method": "smoothing"}
    assert found.certified_radius("a", **named)[0].tolist() == [[0.0, 0.5, 1.0, 0.25]]
    assert found.certified_radius("b", **named)[0].tolist() == [[4.0, 3.0, 2.0, 1.0]]


@pytest.mark.parametrize(
    ("columns", "certified", "message"),
    [
        ({"r": [0.1, np.nan, 0, 0]}, [Claimed("r", norm="l2", method="m")], "column 'r' is nan in entry 1"),
        ({"r": ["a"] * 4}, [Claimed("r", norm="l2", method="m")], "column 'r' holds something that is not a number"),
        ({}, [Claimed("radius", norm="l2", method="m")], "no column radius; expected columns of the table"),
        ({}, ["r"], "certified holds 'r'; expected Claimed"),
        ({}, [Claimed("r", norm="l2", method="m"), Claimed("p", norm="l2", method="m")], "each method, norm and"),
    ],
)
def test_columns_that_are_no_claims(columns, certified, message):
    with pytest.raises(FairtollError, match=message):
        Evidence.from_frame(frame(**columns), label="y", probabilities={1: "p"}, certified=certified)


def test_an_unknown_norm_is_refused_where_it_is_named():
    with pytest.raises(FairtollError, match="norm is 'L3'"):
        Claimed("r", norm="L3", method="m")


def test_the_norm_of_a_threat_is_linf_unless_said():
    rows = pd.DataFrame({"row": range(4), "label": LABELS})
    predictions = describe_predictions(PERFECT, arm="a", seed=0)
    found = Evidence(rows, predictions, NO_ATTACKS, ("no", "yes"), {"norms": {"images": "l2"}})
    assert (found.norm_of("images"), found.norm_of("paper")) == ("l2", "linf")


HEADER = "idx\tlabel\tpredict\tradius\tcorrect\ttime"
#: As certify.py writes it: right, wrong, abstained, right at radius 0.
LINES = ["0\t3\t3\t0.46\t1\t0:00:01.2", "20\t8\t1\t0.9\t0\t0:00:01.2", "40\t8\t-1\t0.0\t0\t0:00:01.2"]


def test_the_file_of_randomized_smoothing(tmp_path):
    path = tmp_path / "sigma_0.25"
    path.write_text("\n".join([HEADER, *LINES]) + "\n")
    part = read_smoothing(path, arm="smooth", seed=3)
    assert part["row"].tolist() == [0, 20, 40]
    assert part["radius"].tolist() == [0.46, 0.0, 0.0]
    assert part[["arm", "seed", "threat", "norm", "method"]].iloc[0].tolist() == [
        "smooth", 3, "audit", "l2", "smoothing",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read .*; expected the tab-separated table that certify.py writes"),
        ("", "cannot be read"),
        ("idx,label\n0,1", "no column idx, label, predict, radius"),
        (f"{HEADER}\n0\t3\t3\tfar\t1\t0", "radius is nan in entry 0"),
        (f"{HEADER}\n0\t3\t3\t-0.1\t1\t0", r"radius is -0\.1 in entry 0"),
        (f"{HEADER}\n0\t3\t3\t0.1\t1\t0\n0\t3\t3\t0.1\t1\t0", "claims a radius for row 0 more than once"),
        (f"{HEADER}\n0\t3.5\t3\t0.1\t1\t0", r"label is 3\.5 in entry 0; expected a whole number"),
        (HEADER, r"idx has shape \(0,\), which is empty"),
    ],
)
def test_what_is_no_file_of_randomized_smoothing(tmp_path, text, message):
    path = tmp_path / "certified"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FairtollError, match=message):
        read_smoothing(path, arm="smooth", seed=0)
