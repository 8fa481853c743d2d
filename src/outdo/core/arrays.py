"""How many bytes an array of joblib's or NumPy's has in a file, by what the file says of it."""

import re
from ast import literal_eval
from math import prod
from typing import Any

ARRAY = b"\x93NUMPY"
"""How a file of NumPy's begins."""
_SIMPLE = re.compile(r"[biufcmM](\d{1,2})")
_SIZED = re.compile(r"([SUV])(\d{1,9})")
_KEYS = {"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"}
_SUBCLASSES = {"numpy.ndarray", "numpy.memmap", "numpy.matrix", "numpy.matrixlib.defmatrix.matrix"}
_HAS_OBJECTS = 0x01


class Unclear(Exception):
    """It can't be told."""


def size_of(state: Any) -> int | None:
    """Bytes of an array in a file of joblib's, by its wrapper's state; None for one of objects, which is a pickle.
    Raises `Unclear` for whatever joblib does not write."""
    if not isinstance(state, dict) or not state.keys() <= _KEYS or "shape" not in state:
        raise Unclear("an array is told in a way that joblib doesn't")
    if str(state.get("subclass")) not in _SUBCLASSES:
        raise Unclear("an array is of a class that joblib doesn't write")
    if state.get("order") not in ("C", "F") or not isinstance(state.get("allow_mmap", False), bool):
        raise Unclear("an array is told in a way that joblib doesn't")
    shape = state["shape"]
    if not isinstance(shape, tuple) or not all(type(each) is int and each >= 0 for each in shape):
        raise Unclear("an array has no known shape")
    size = _item(state.get("dtype"))
    return None if size is None else prod(shape) * size


def padded(state: Any) -> bool:
    """Whether a byte says how many follow it before the array."""
    return state.get("numpy_array_alignment_bytes") is not None


def _item(dtype: Any) -> int | None:
    """Bytes of one item; None for objects."""
    if str(getattr(dtype, "by", "")) != "numpy.dtype" or not isinstance(dtype.args, tuple) or not dtype.args:
        raise Unclear("an array is of no known type")
    code, state = dtype.args[0], dtype.state
    if not isinstance(code, str) or not (state is None or (isinstance(state, tuple) and len(state) >= 8)):
        raise Unclear("an array is of no known type")
    if state is not None and (state[2] is not None or type(state[5]) is not int or type(state[7]) is not int):
        raise Unclear("an array is of no known type")
    if code.startswith("O"):
        return None
    if simple := _SIMPLE.fullmatch(code):
        if state is not None and state[5] != -1:
            raise Unclear("an array is of a type that NumPy doesn't write")
        return int(simple[1])
    if (sized := _SIZED.fullmatch(code)) is None:
        raise Unclear(f"an array is of the type '{code[:20]}', which is not known")
    if state is None:
        return int(sized[2]) * (4 if sized[1] == "U" else 1)
    if state[7] & _HAS_OBJECTS:
        return None
    if state[5] < 0:
        raise Unclear("an array is of a type that NumPy doesn't write")
    return int(state[5])


def header(start: bytes) -> tuple[int, bool]:
    """Where the data of a file of NumPy's begin, and whether they are a pickle; raises `Unclear`."""
    version = start[6:7]
    if version not in (b"\x01", b"\x02", b"\x03"):
        raise Unclear("its version is not known")
    width = 2 if version == b"\x01" else 4
    length = int.from_bytes(start[8 : 8 + width], "little")
    begin = 8 + width
    if len(start) < begin + length:
        raise Unclear("its header breaks off")
    try:
        told = literal_eval(start[begin : begin + length].decode("latin-1" if width == 2 else "utf-8"))
        kind = told["descr"]
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        raise Unclear("its header can't be read") from None
    return begin + length, _has_objects(kind)


def _has_objects(kind: Any) -> bool:
    if isinstance(kind, str):
        return kind.lstrip("|<>=").startswith("O") or "object" in kind
    if isinstance(kind, tuple | list):
        # a field is (name, type[, shape]): a name of 'O…' is taken for a type too, which costs a walk at most
        return any(_has_objects(each) for each in kind)
    return not isinstance(kind, int)
