"""What a pickle would do is told without loading it; whatever tries to hide it is refused."""

import io
import pickle
import pickletools
import struct
from collections import Counter, OrderedDict, defaultdict
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outdo.core.allowed import permits
from outdo.core.pickles import Walked, walk

ALLOWED = permits()


def walked(content: bytes) -> Walked:
    return walk(io.BytesIO(content), len(content), ALLOWED)


def text(word: str) -> bytes:
    return b"\x8c" + bytes([len(word)]) + word.encode()


SYSTEM = text("os") + text("system") + b"\x93"
CALL = text("id") + b"\x85R"
INNER = b"\x80\x04" + SYSTEM + CALL + b"."
DTYPE = (
    b"cnumpy\ndtype\n("
    + text("f8")
    + b"\x89\x88tR(K\x03"
    + text("<")
    + b"NNN"
    + 2 * b"J\xff\xff\xff\xff"
    + b"K\x00tb"
)


def wrapper(dtype: bytes = DTYPE, shape: bytes = b"K\x01\x85", more: bytes = b"") -> bytes:
    """An array as joblib tells it, without its bytes."""
    return (
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}("
        + text("subclass") + b"cnumpy\nndarray\n" + text("shape") + shape + text("order") + text("C")
        + text("dtype") + dtype + text("allow_mmap") + b"\x88" + text("numpy_array_alignment_bytes") + b"K\x10"
        + more + b"ub"
    )  # fmt: skip


NUMBERS = b"\x08" + b"\xff" * 8 + struct.pack("<d", 1.0)
HEAD = b"\x80\x04"
EVIL: dict[str, bytes] = {
    "GLOBAL": b"cos\nsystem\n(S'id'\ntR.",
    "INST": b"(S'id'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'id'\no.",
    "STACK_GLOBAL": INNER,
    "NEWOBJ": HEAD + SYSTEM + text("id") + b"\x85\x81.",
    "NEWOBJ_EX": HEAD + SYSTEM + text("id") + b"\x85}\x92.",
    "names from the memo": HEAD + text("os") + b"\x940" + text("system") + b"\x940h\x00h\x01\x93" + CALL + b".",
    "names kept under other numbers": HEAD + text("numpy") + b"q\x05" + text("os") + b"q\x050" + text("system")
    + b"q\x060h\x05h\x06\x93" + CALL + b".",
    "a name that is computed": HEAD + b"c_codecs\nencode\n" + text("os") + text("ascii") + b"\x86R"
    + text("system") + b"\x93" + CALL + b".",
    "a long name": HEAD + b"\x8d" + struct.pack("<Q", 400) + b"o" * 400 + text("system") + b"\x93.",
    "a name with a dot": HEAD + text("sklearn.base") + text("os.system") + b"\x93" + CALL + b".",
    "a dot in GLOBAL": HEAD + b"csklearn.base\nwarnings.sys.modules\n.",
    "a function of a known package": b"cnumpy.testing._private.utils\nrunstring\n(S'1'\n}tR.",
    "numpy.load": b"cnumpy\nload\n(S'x.npy'\ntR.",
    "joblib.load": b"cjoblib\nload\n(S'x'\ntR.",
    "builtins.eval": b"cbuiltins\neval\n(S'1'\ntR.",
    "builtins.getattr": b"cbuiltins\ngetattr\n.",
    "__builtin__ of Python 2": b"c__builtin__\napply\n.",
    "operator.attrgetter": b"coperator\nattrgetter\n.",
    "a call put off": HEAD + text("functools") + text("partial") + b"\x93" + SYSTEM + text("id") + b"\x86R.",
    "a call put off, made": HEAD + b"cfunctools\npartial\nccollections\nOrderedDict\n\x85R)R.",
    "marshal": b"cmarshal\nloads\n.",
    "types.FunctionType": b"ctypes\nFunctionType\n.",
    "cloudpickle": b"ccloudpickle.cloudpickle\n_make_function\n.",
    "timeit, which deny-lists forget": b"ctimeit\ntimeit\n(S'1'\ntR.",
    "asyncio's processes": b"casyncio.unix_events\n_UnixSubprocessTransport._start\n.",
    "pip": b"cpip\nmain\n.",
    "pydoc": b"cpydoc\npipepager\n.",
    "a downloader of scikit-learn": b"csklearn.datasets._base\n_fetch_remote\n.",
    "processes of scikit-learn": b"csklearn.utils.parallel\nParallel\n.",
    "ctypes through LightGBM": b"clightgbm.libpath\nCDLL\n.",
    "EXT1": HEAD + b"\x82\x01.",
    "EXT2": HEAD + b"\x83\x01\x00.",
    "EXT4": HEAD + b"\x84\x01\x00\x00\x00.",
    "BUILD of a class": HEAD + b"csklearn.base\nBaseEstimator\nN}" + text("__init__") + b"Ns\x86b.",
    "items set on a class": HEAD + b"ccollections\nOrderedDict\n" + text("a") + b"Ns.",
    "protocol 5 and a buffer": b"\x80\x05\x97" + SYSTEM + CALL + b".",
    "an unknown protocol": b"\x80\x09N.",
    "a frame around it": HEAD + b"\x95" + struct.pack("<Q", len(SYSTEM + CALL) + 1) + SYSTEM + CALL + b".",
    "a frame that is too long": HEAD + b"\x95" + struct.pack("<Q", 1 << 40) + SYSTEM + CALL + b".",
    "a frame that goes on behind the end": HEAD + b"\x95" + struct.pack("<Q", 5) + b"N." + SYSTEM + CALL + b".",
    "a stream that breaks off": HEAD + SYSTEM + CALL,
    "an opcode that is none": HEAD + SYSTEM + CALL + b"\xee.",
    "an empty stack": HEAD + b"R.",
    "a second pickle": pickle.dumps([1], 4) + INNER,
    "anything behind the end": pickle.dumps([1], 4) + b"\0\0\0",
    "a pickle in bytes": pickle.dumps({"state": INNER}, 4),
    "a pickle in bytes in bytes": pickle.dumps([pickle.dumps([INNER], 4)], 5),
    "a number as only Python's C reads it": b"I0x10\n0" + b"cos\nsystem\n(S'id'\ntR.",
    "an import in the bytes of an array, of the old joblib": HEAD
    + wrapper().replace(text("numpy_array_alignment_bytes") + b"K\x10", b"") + SYSTEM + CALL + b".",
    "an import in the bytes before an array": HEAD + wrapper()
    + b"\x63" + b"os\nsystem\n" + b"0" * 99 + b"." * 8 + b".",
    "an import in the frame of an array": HEAD + b"\x95" + struct.pack("<Q", len(wrapper() + SYSTEM + CALL) + 1)
    + wrapper() + SYSTEM + CALL + b".",
    "an array of no known type": HEAD + wrapper(dtype=b"N") + NUMBERS + b".",
    "an array of less than nothing": HEAD + wrapper(shape=b"J\xff\xff\xff\xff\x85") + NUMBERS + b".",
    "an array that is longer than the file": HEAD + wrapper(shape=b"J\xff\xff\xff\x7f\x85") + NUMBERS + b".",
    "an array that reads itself in another way": HEAD
    + wrapper(more=text("read") + b"cnumpy\nndarray\n") + NUMBERS + b".",
    "an array's class handed on": HEAD + b"ccollections\ndefaultdict\ncjoblib.numpy_pickle\nNumpyArrayWrapper\n\x85R.",
    "a pickle behind an array": HEAD + wrapper() + NUMBERS + b"." + INNER,
    "a pickle as an array of objects": HEAD
    + wrapper(dtype=DTYPE.replace(text("f8"), text("O8"))) + INNER + b".",
    "joblib's older arrays": HEAD + b"cjoblib.numpy_pickle_compat\nZNDArrayWrapper\n.",
    "PyTorch's old file": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + b"I0x10\n0" + INNER,
}  # fmt: skip


@pytest.mark.parametrize("name", EVIL)
def test_a_hostile_pickle_is_refused(name: str) -> None:
    assert walked(EVIL[name]).found


GOOD = [
    {"a": [1, 2.5, None, True, "x" * 1000, b"\x80\x04"], "b": (1, 2, 3, 4, {5}), "c": frozenset([1])},
    OrderedDict(a=Counter("aab"), b=defaultdict(list, a=[1])),
    [np.arange(10.0), np.array(["a", None], object), np.float64(1), np.dtype([("a", "f8"), ("b", "U4")])],
    [np.random.default_rng(0), np.random.RandomState(0), date(2020, 1, 1), slice(1), 1 + 2j, range(3)],
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", GOOD)
def test_data_is_let_through(value: Any, protocol: int) -> None:
    assert walked(pickle.dumps(value, protocol)).found == ()


def test_what_is_imported_is_told() -> None:
    assert walked(pickle.dumps(OrderedDict(), 4)).names == {"collections.OrderedDict"}


def test_arrays_of_joblib_are_stepped_over() -> None:
    assert walked(HEAD + b"]" + (wrapper() + NUMBERS + b"a") * 3 + b".").found == ()


def test_a_project_may_allow_more() -> None:
    content = b"csrc.features\nRatio\n(tR."
    assert not walk(io.BytesIO(content), len(content), permits(["src.features.Ratio"])).found
    assert not walk(io.BytesIO(content), len(content), permits(["src.*"])).found
    dotted = HEAD + text("src.features") + text("os.system") + b"\x93."
    assert walk(io.BytesIO(dotted), len(dotted), permits(["src.*"])).found


class Caught(Exception):
    pass


class Strict(pickle.Unpickler):
    """Python's own reader, which imports nothing that is not on the list."""

    def find_class(self, module: str, name: str) -> Any:
        if not ALLOWED(module, name) or "." in name:
            raise Caught(f"{module}.{name}")
        return super().find_class(module, name)


SEEDS = [pickle.dumps(value, protocol) for value in GOOD[:2] for protocol in (0, 2, 4)] + list(EVIL.values())
OPCODES = b"".join(op.code.encode("latin-1") for op in pickletools.opcodes)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_damage_hides_an_import_from_the_walk(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        piece = bytes([data.draw(st.sampled_from(OPCODES))])
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([piece, b"", SYSTEM])
        )
        content = content or bytearray(b".")
    caught = ""
    try:
        Strict(io.BytesIO(bytes(content)), buffers=[b"x"] * 9).load()
    except Caught as error:
        caught = str(error)
    except Exception:
        caught = ""
    assert walked(bytes(content)).found or not caught
