"""`fairtoll report`: everything again from evidence, and each way a folder can be wrong named."""

import errno
import json

import numpy as np
import pandas as pd
import pytest

from fairtoll import Evidence, FairtollError, audit_evidence
from fairtoll.cli.report import rerender
from fairtoll.findings.results import Results
from fairtoll.storage.records import record_files, recorded_configuration, recorded_files


@pytest.fixture
def pages(monkeypatch):
    """What the report would show; no page is written."""
    given = []
    monkeypatch.setattr("fairtoll.report.write_report", lambda document, folder: given.append(document))
    return given


@pytest.fixture
def folder(tmp_path, pages):
    """A saved audit of two models that differ in the class "high"."""
    place = np.arange(200) % 100
    frame = pd.DataFrame(
        {
            "model": np.repeat(["plain", "hardened"], 100),
            "y": np.where(place < 50, "low", "high"),
            "site": np.where(place % 2, "north", "south"),
            "p": np.where(place < 50, 0.2, np.where(np.arange(200) < 100, 0.9, np.where(place < 75, 0.9, 0.1))),
        }
    )
    evidence = Evidence.from_frame(frame, label="y", probabilities={"high": "p"}, groups=["site"], arm="model")
    audit_evidence(evidence, partitions=["class", "site & class"], minimum_rows=7).save(tmp_path)
    pages.clear()
    return tmp_path


def test_the_same_questions_are_answered_again(folder, pages):
    before = (folder / "results.json").read_bytes()
    assert rerender(folder) == folder / "report.html"
    assert (folder / "results.json").read_bytes() == before
    assert [json.loads(page.model_dump_json()) for page in pages] == [json.loads(before)]
    wanted = {"partitions": ["class", "site & class"], "epsilons": [], "minimum_rows": 7}
    assert pages[0].configuration.items() >= wanted.items()


def test_it_is_computed_and_not_copied(folder):
    found = Results.read(folder / "results.json")
    assert found.findings[0].robust.value == 0.5
    evidence = Evidence.load(folder / "evidence")
    predictions = evidence.predictions.copy()
    wrong = (predictions["arm"] == "hardened") & (predictions["row"] >= 50)
    predictions.loc[wrong, ["probability_0", "probability_1"]] = np.float32([0.1, 0.9])
    other = Evidence(evidence.rows, predictions, evidence.attacks, evidence.class_names, evidence.about)
    with pytest.raises(FairtollError, match="holds another audit, of other evidence; give another folder"):
        audit_evidence(other, partitions=["class", "site & class"], minimum_rows=7).save(folder)
    other.save(folder / "evidence")
    with pytest.raises(FairtollError, match="has changed since it was written"):
        rerender(folder)
    files = [f"evidence/{name}" for name in recorded_files(folder / "evidence")]
    record_files(folder, files, configuration=recorded_configuration(folder))
    rerender(folder)
    assert Results.read(folder / "results.json").findings[0].robust.value == 1.0


def test_a_full_disk(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("fairtoll.report.write_report", full)
    with pytest.raises(FairtollError, match=r"no space left while writing .*; free some"):
        rerender(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("checksums.json", None, r"is no run folder \(it holds no configuration.json\)"),
        ("checksums.json", '{"title":', r"checksums.json is not a complete record"),
        ("evidence/about.json", '{"class', r"about.json has changed since it was written"),
        ("evidence/about.json", None, r"evidence holds no evidence"),
        ("evidence/rows.parquet", None, r"evidence holds no evidence"),
        ("evidence/rows.parquet", "PAR1", r"rows.parquet has changed since it was written"),
        ("evidence/predictions.parquet", "", r"predictions.parquet has changed since it was written"),
        ("evidence/predictions.parquet", None, r"predictions.parquet is missing"),
        ("configuration.json", "{}", r"configuration.json holds no checksum"),
        ("configuration.json", '{"experiment": "adult"}', r"configuration.json holds no checksum"),
    ],
)
def test_a_folder_that_is_wrong(folder, name, content, message):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(FairtollError, match=message):
        rerender(folder)


def test_a_run_of_another_schema_version_says_so_and_stays_as_it_is(folder):
    path = folder / "results.json"
    old = json.loads(path.read_text(encoding="utf-8")) | {"schema_version": 1, "fairtoll_version": "0.0.7"}
    path.write_text(json.dumps(old))
    before = path.read_bytes()
    with pytest.raises(FairtollError, match=r"written by fairtoll 0.0.7 \(results schema 1; .*; run .* again"):
        rerender(folder)
    assert path.read_bytes() == before
