"""Pickles: arrays come out as Python's own reader gives them; whatever else is asked for is refused and never run."""

import contextlib
import os
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_cifar10 import make_images, python_2_pickle

from fairtoll import FairtollError
from fairtoll.data.cifar10.restricted_pickle import load_arrays

IMAGES, LABELS = make_images(20)
DATA = IMAGES.reshape(20, -1)
OFFICIAL = python_2_pickle(DATA, LABELS.tolist())


class Harm:
    """Makes a folder when it is loaded."""

    def __init__(self, path, call=os.mkdir):
        self.path, self.call = path, call

    def __reduce__(self):
        return self.call, (str(self.path),)


def test_as_python_itself_reads_the_official_form():
    ours, theirs = load_arrays(OFFICIAL, where="batch"), pickle.loads(OFFICIAL, encoding="bytes")
    np.testing.assert_array_equal(ours.pop(b"data"), theirs.pop(b"data"))
    assert ours == theirs
    assert ours[b"labels"] == LABELS.tolist()


@pytest.mark.parametrize("protocol", [3, 4])
def test_as_this_python_writes_it(protocol):
    batch = load_arrays(pickle.dumps({"data": DATA, "labels": LABELS.tolist()}, protocol), where="batch")
    np.testing.assert_array_equal(batch["data"], DATA)
    assert batch["data"].dtype == np.uint8


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("call", [os.mkdir, os.system, eval, np.load], ids=lambda call: call.__name__)
def test_what_a_hostile_pickle_names_is_refused_by_name_and_not_run(tmp_path, protocol, call):
    hostile = pickle.dumps({"data": Harm(tmp_path / "harm", call), "labels": []}, protocol)
    # Protocol 0 writes even a dict in a way of its own, and is refused for that.
    named = rf"\w+(\.\w+)*\.{call.__name__}" if protocol else "the pickle instruction DICT"
    with pytest.raises(FairtollError, match=f"batch needs {named};") as error:
        load_arrays(hostile, where="batch")
    assert "nothing was run" in str(error.value)
    assert not (tmp_path / "harm").exists()
    if call is os.mkdir:  # it would have been
        pickle.loads(hostile)
        assert (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("hostile", "names"),
    [
        (b"c__builtin__\neval\n(U\x04exittR.", r"__builtin__\.eval"),
        (b"\x80\x02cnumpy.core.multiarray\nscalar\n.", r"numpy\.core\.multiarray\.scalar"),
        (b"\x80\x02cnumpy\nfromfile\n.", r"numpy\.fromfile"),
        (b"\x80\x04\x8c\x05numpy\x8c\x12ndarray.__reduce__\x93.", r"numpy\.ndarray\.__reduce__"),
        (b"(S'a'\nios\nsystem\n.", "the pickle instruction STRING"),
        (b"(ios\nsystem\n.", "the pickle instruction INST"),
        (b"\x80\x02(cnumpy\nndarray\no.", "the pickle instruction OBJ"),
        (b"\x80\x02cnumpy\nndarray\n)\x81.", "the pickle instruction NEWOBJ"),
        (b"\x80\x02\x82\x01.", "the pickle instruction EXT1"),
        (b"\x80\x02U\x01aQ.", "the pickle instruction BINPERSID"),
        (b"\x80\x05\x96" + struct.pack("<Q", 2) + b"ab.", "the pickle instruction BYTEARRAY8"),
        (b"\x80\x02Nr\xff\xff\xff\x7f.", "room for 2,147,483,647 values"),
    ],
)
def test_other_ways_to_do_harm(hostile, names):
    with pytest.raises(FairtollError, match=f"batch needs {names}; expected arrays"):
        load_arrays(hostile, where="batch")


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\x80\x02",
        b"not a pickle",
        OFFICIAL[:-1],
        OFFICIAL[:5000],
        OFFICIAL.replace(b"U\x02u1", b"U\x02O8"),  # objects, which would be built by numpy
        OFFICIAL.replace(b"U\x02u1", b"U\x02f1"),
        OFFICIAL.replace(b"M\x14\x00M", b"M\x15\x00M"),  # a row more than there is
        OFFICIAL.replace(b"\x89T", b"\x88T"),  # column by column
        b"\x80\x02cnumpy\nndarray\n}U\x01ab.",  # attributes of a class
        b"\x80\x02cnumpy\nndarray\nN}U\x08__call__U\x01a s\x86b.",
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R(K\x01]NNNtb.",
        b"\x80\x02K\x01K\x02a.",
    ],
)
def test_damage_is_one_clear_line(damaged):
    with pytest.raises(FairtollError, match=r"batch (is not a complete pickle|needs)") as error:
        load_arrays(damaged, where="batch")
    assert "\n" not in str(error.value)


def test_small_to_store_but_endless_to_print():
    """A shape of tuples within tuples, each twice in the next: 2^60 parts."""
    shape = b")" + b"".join(b"q%ch%c\x86" % (n, n) for n in range(60))
    hostile = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R(K\x01" + shape + b"cnumpy\ndtype\nU\x02u1\x85R\x89U\x01atb."
    )
    with pytest.raises(FairtollError, match="not one or two numbers"):
        load_arrays(hostile, where="batch")


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, 260), value=st.integers(0, 255))
def test_any_byte_changed_is_read_or_refused(at, value):
    """Whatever a byte becomes: values or a clear error, nothing else."""
    short = python_2_pickle(DATA[:2, :48], [1, 2])
    changed = short[:at] + bytes([value]) + short[at + 1 :]
    with contextlib.suppress(FairtollError):
        load_arrays(changed, where="batch")
