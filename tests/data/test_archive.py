"""Archives: known plain files come out, and nothing is ever written where a hostile one says."""

import gzip
import io
import tarfile

import pytest
from synthetic_cifar10 import write_archive

from fairtoll import FairtollError
from fairtoll.data.archive import member_names, read_members, unpack

FILES = {"a.bin": b"a" * 3000, "b.bin": bytes(range(256)) * 20}
NAMES = {f"inside/{name}": len(content) for name, content in FILES.items()}


@pytest.fixture
def whole(tmp_path):
    return write_archive(tmp_path / "whole.tar.gz", FILES, folder="inside")


def member(name, kind=tarfile.REGTYPE, size=0, link=""):
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size, link
    return made


def with_member(path, hostile):
    """The known files, and one more member before them."""
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(hostile, io.BytesIO(b"x" * hostile.size))
        for name, content in FILES.items():
            archive.addfile(member(f"inside/{name}", size=len(content)), io.BytesIO(content))
    return path


def everything_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_known_files_come_out_and_others_are_passed_over(whole, tmp_path):
    assert dict(read_members(whole, NAMES)) == {f"inside/{name}": content for name, content in FILES.items()}
    assert list(member_names(whole)) == ["inside", "inside/a.bin", "inside/b.bin", "inside/readme.html"]
    unpack(whole, tmp_path / "deep" / "out", sizes=NAMES)
    assert everything_below(tmp_path / "deep") == ["out", "out/a.bin", "out/b.bin"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "deep" / "out").iterdir()} == FILES


def test_a_leading_dot_is_no_other_name(tmp_path):
    path = write_archive(tmp_path / "dotted.tar.gz", FILES, folder="./inside")
    assert [name for name, _ in read_members(path, NAMES)] == list(NAMES)


def test_what_was_there_is_replaced(whole, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "half").write_text("old")
    unpack(whole, tmp_path / "out", sizes=NAMES)
    assert everything_below(tmp_path / "out") == ["a.bin", "b.bin"]


@pytest.mark.parametrize(
    ("hostile", "message"),
    [
        (member("../escaped.bin", size=4), r"'\.\./escaped\.bin', a path outside"),
        (member("inside/../../escaped.bin", size=4), "a path outside"),
        (member("/escaped.bin", size=4), "a path outside"),
        (member("inside\\..\\..\\escaped.bin", size=4), "a path outside"),
        (member("C:escaped.bin", size=4), "a path outside"),
        (member("..", tarfile.DIRTYPE), "a path outside"),
        (member("inside/a.bin", tarfile.SYMTYPE, link="../../escaped.bin"), "'inside/a.bin', which is a link"),
        (member("inside", tarfile.SYMTYPE, link="/"), "'inside', which is a link"),
        (member("inside/a.bin", tarfile.LNKTYPE, link="../escaped.bin"), "which is a link"),
        (member("inside/a.bin", tarfile.FIFOTYPE), "no plain file"),
        (member("inside/a.bin", tarfile.CHRTYPE), "no plain file"),
        (member("inside/a.bin", size=3000), "'inside/a.bin' twice"),
        (member("inside/a.bin/", tarfile.DIRTYPE), "'inside/a.bin' twice"),
        (member("inside/other.bin", size=65 * 2**20), "'inside/other.bin' of 68,157,440 bytes"),
    ],
    ids=lambda value: value.name if isinstance(value, tarfile.TarInfo) else "",
)
def test_a_hostile_archive_is_refused_and_nothing_stays(tmp_path, hostile, message):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    path = with_member(folder / "hostile.tar.gz", hostile)
    before = everything_below(tmp_path)
    with pytest.raises(FairtollError, match=message) as error:
        unpack(path, folder / "out", sizes=NAMES)
    assert "this is not the official archive, and nothing was extracted" in str(error.value)
    assert everything_below(tmp_path) == before


def test_a_file_of_another_size(whole, tmp_path):
    with pytest.raises(FairtollError, match=r"'inside/b\.bin' of 5,120 bytes, expected 5,121"):
        unpack(whole, tmp_path / "out", sizes=NAMES | {"inside/b.bin": 5121})
    assert everything_below(tmp_path) == ["whole.tar.gz"]


def test_a_bomb_of_many_files(tmp_path):
    with tarfile.open(tmp_path / "many.tar.gz", "w:gz") as archive:
        for number in range(1100):
            archive.addfile(member(f"inside/{number}"))
    with pytest.raises(FairtollError, match="holds over 1000 files"):
        list(read_members(tmp_path / "many.tar.gz", NAMES))


def test_a_bomb_behind_the_end(whole, tmp_path):
    with open(tmp_path / "bomb.tar.gz", "wb") as file:
        file.write(whole.read_bytes() + gzip.compress(bytes(65 * 2**20), 1))
    with pytest.raises(FairtollError, match="continues after its end"):
        list(read_members(tmp_path / "bomb.tar.gz", NAMES))


@pytest.mark.parametrize("part", [0, 10, 60, 100])
def test_a_part_of_an_archive(whole, tmp_path, part):
    content = whole.read_bytes()
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(content[: len(content) * part // 101])
    with pytest.raises(FairtollError, match="is not a complete"):
        unpack(cut, tmp_path / "out", sizes=NAMES)
    assert everything_below(tmp_path) == ["cut.tar.gz", "whole.tar.gz"]


def test_a_byte_changed_on_the_way(whole, tmp_path):
    content = bytearray(whole.read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "changed.tar.gz").write_bytes(content)
    with pytest.raises(FairtollError, match="not a complete"):
        unpack(tmp_path / "changed.tar.gz", tmp_path / "out", sizes=NAMES)


def test_no_archive_and_files_that_are_missing(whole, tmp_path):
    (tmp_path / "page.html").write_text("<html>")
    assert list(member_names(tmp_path / "page.html")) == []
    with pytest.raises(FairtollError, match=r"page\.html is not a complete \.tar\.gz archive"):
        list(read_members(tmp_path / "page.html", NAMES))
    with pytest.raises(FairtollError, match="no file"):
        list(read_members(tmp_path / "absent.tar.gz", NAMES))
    with pytest.raises(FairtollError, match=r"has no inside/c\.bin, inside/d\.bin;"):
        list(read_members(whole, [*NAMES, "inside/d.bin", "inside/c.bin"]))
