"""Records: what was written is what is read, or one line."""

import hashlib
import json
import random
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from fairtoll import FairtollError
from fairtoll.runs.folder import Run, finished_run, finished_stages
from fairtoll.storage.checksums import checksum, is_verified, verifying
from fairtoll.storage.files import read_json, read_parquet, read_tensors, write_parquet, write_text
from fairtoll.storage.records import read_record, record_files, recorded_files, verifying_records, write_record

CONTENT = {"name": "größer", "rows": [1, 2.5, None, True], "nested": {"b": {}, "a": "\n"}}
#: Every reader, and a writer of what it reads.
READERS = {
    "note.json": (read_json, lambda path: write_text('{"rows": 3}', path)),
    "table.parquet": (read_parquet, lambda path: write_parquet(pd.DataFrame({"row": range(50)}), path)),
    "weights.safetensors": (read_tensors, lambda path: save_file({"w": torch.arange(9)}, path)),
}


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_a_checksum_is_the_sha256_of_the_file(tmp_path):
    (tmp_path / "note").write_bytes(b"abc" * 100_000)
    assert checksum(tmp_path / "note") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_what_is_written_is_read(tmp_path):
    write_record(CONTENT, tmp_path / "record.json")
    assert read_record(tmp_path / "record.json") == CONTENT
    assert list(json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))) == [*CONTENT, "sha256"]


def test_no_bit_of_a_record_turns_into_another_record(tmp_path):
    path = tmp_path / "record.json"
    write_record(CONTENT, path)
    whole, refused = path.read_bytes(), 0
    for bit in range(8 * len(whole)):
        flip(path, bit)
        try:
            assert read_record(path) == CONTENT  # a blank, or the case of a letter in \\u00f6
        except FairtollError:
            refused += 1
        path.write_bytes(whole)
    assert refused > 7 * len(whole)


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "null", '{"rows": 3}', "\x00"])
def test_what_is_no_record(tmp_path, content):
    (tmp_path / "record.json").write_text(content)
    with pytest.raises(FairtollError, match=r"record.json (is not a complete record|holds no checksum)"):
        read_record(tmp_path / "record.json")


def test_a_record_that_is_not_there(tmp_path):
    with pytest.raises(FairtollError, match=r"no file .*record.json; check the path"):
        read_record(tmp_path / "record.json")
    (tmp_path / "record.json").mkdir()
    with pytest.raises(FairtollError, match=r"cannot read .*record.json: Is a directory"):
        read_record(tmp_path / "record.json")


@pytest.mark.parametrize("name", READERS)
def test_every_reader_verifies(tmp_path, name):
    read, write = READERS[name]
    path = tmp_path / name
    write(path)
    record_files(tmp_path, [name])
    with verifying_records(tmp_path):
        assert is_verified(tmp_path)
        read(path)
    whole = path.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(whole)), 40):
        flip(path, bit)
        with (
            verifying_records(tmp_path),
            pytest.raises(FairtollError, match=f"{name} has changed since it was written"),
        ):
            read(path)
        path.write_bytes(whole)
    assert not is_verified(tmp_path)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("content", [b"", b"PAR1", b"\xff\xfe\x00", b"PAR1" * 9, b"\x08" + b"\x00" * 20])
def test_every_reader_says_in_a_line_what_is_no_file_of_its_kind(tmp_path, name, content):
    read, _ = READERS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FairtollError, match=rf"{name} is not a? ?complete|cannot read .*{name}") as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_on_record(tmp_path):
    write_text("{}", tmp_path / "a.json")
    write_text("{}", tmp_path / "b.json")
    record_files(tmp_path, ["a.json"])
    with verifying_records(tmp_path), pytest.raises(FairtollError, match=r"b.json is recorded by no finished stage"):
        read_json(tmp_path / "b.json")


def test_a_recorded_file_that_is_missing(tmp_path):
    write_text("{}", tmp_path / "a.json")
    record_files(tmp_path, ["a.json"])
    (tmp_path / "a.json").unlink()
    with pytest.raises(FairtollError, match=r"a.json is missing"), verifying_records(tmp_path):
        raise AssertionError


def test_other_folders_are_read_as_they_are(tmp_path):
    write_text("3", tmp_path / "a.json")
    (tmp_path / "inside").mkdir()
    with verifying(tmp_path / "inside", {}):
        assert read_json(tmp_path / "a.json") == 3


@pytest.fixture
def run(tmp_path):
    """Two stages, the second from the first."""
    made = Run(tmp_path / "run", {"runs": 1})
    made.stage("first", ["evidence/a.json"], lambda: write_text("1", made.folder / "evidence/a.json"))
    made.stage("second", ["evidence/b.json"], lambda: write_text("2", made.folder / "evidence/b.json"), after=["first"])
    return made.folder


def test_a_finished_run_is_read_as_it_was_written(run):
    assert list(recorded_files(run)) == ["evidence/a.json", "evidence/b.json"]
    with finished_run(run) as configuration:
        assert configuration["runs"] == 1
        assert [read_json(run / f"evidence/{name}.json") for name in "ab"] == [1, 2]
    write_text("3", run / "evidence/b.json")
    with finished_run(run):
        assert read_json(run / "evidence/a.json") == 1
        with pytest.raises(FairtollError, match=r"b.json has changed since it was written"):
            read_json(run / "evidence/b.json")


def test_a_folder_within_a_run_is_verified_by_the_run(run):
    with verifying_records(run / "evidence"):
        assert read_json(run / "evidence/a.json") == 1
    write_text("3", run / "evidence/a.json")
    with (
        verifying_records(run / "evidence"),
        pytest.raises(FairtollError, match=r"a.json has changed since it was written"),
    ):
        read_json(run / "evidence/a.json")


def test_some_files_of_a_run_that_lacks_a_record_can_be_read_and_are_verified(run):
    """A stage whose record is lost is made again from what stays on record; nothing else is taken from there."""
    (run / "stages/first.json").unlink()
    with verifying_records(run / "evidence", names=["b.json"]):
        assert read_json(run / "evidence/b.json") == 2
        with pytest.raises(FairtollError, match="is recorded by no finished stage"):
            read_json(run / "evidence/a.json")
    with pytest.raises(FairtollError, match="no record of first"), verifying_records(run / "evidence"):
        raise AssertionError


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "stages/first.json").unlink(), r"no record of first, which others were made from"),
        (lambda run: (run / "stages/first.json").write_text("{}"), r"first.json holds no checksum"),
        (
            lambda run: shutil.copy(run / "stages/first.json", run / "stages/first-2.json"),
            r"first-2.json has changed since it was written",
        ),
        (lambda run: flip(run / "stages/second.json", 300), r"second.json"),
        (lambda run: flip(run / "configuration.json", 100), r"configuration.json"),
        (lambda run: (run / "configuration.json").unlink(), r"holds no configuration.json"),
        (lambda run: [path.unlink() for path in (run / "stages").iterdir()], r"has no finished stage"),
    ],
)
def test_a_finished_run_that_is_damaged(run, spoil, message):
    spoil(run)
    with pytest.raises(FairtollError, match=message), finished_run(run):
        raise AssertionError


def test_stages_are_in_the_order_in_which_they_ended(run):
    for name in ("first", "second"):  # as after a copy
        path = run / f"stages/{name}.json"
        path.write_bytes(path.read_bytes())
    assert [one.stage for one in finished_stages(run)] == ["first", "second"]
    assert [one.stage for one in finished_stages(run, before="second")] == ["first"]
    assert [one.stage for one in finished_stages(run, before="first")] == []
    assert all(np.isfinite(one.seconds) for one in finished_stages(run))
