"""The files of a model looked through, and nothing in them loaded: pickles wherever they are.

A file is known by what is in it, never by its name alone. Whatever breaks off, can't be unpacked or unpacks to too much
is refused. docs/design/unsafe.md says what was thought of.
"""

import bz2
import gzip
import lzma
import mmap
import os
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from fnmatch import fnmatchcase
from typing import IO, Any

from outdo.core.allowed import permits
from outdo.core.arrays import ARRAY, Unclear, header
from outdo.core.pickles import walk
from outdo.core.scanned import Scanned

LARGEST = 16 << 30
"""Bytes that all compressed files of a model unpack to at the most."""
DEEPEST = 4
"""Archives within archives."""
MOST_FILES = 100_000
_PIECE = 1 << 20
_TEXTS = (
    ".json", ".txt", ".md", ".csv", ".tsv", ".yaml", ".yml", ".toml", ".html", ".xml", ".jsonl", ".cfg", ".ini", ".svg",
)  # fmt: skip
_DAMAGED = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)
_DATA = (b"PAR1", b"ARROW1", b"\x89PNG", b"\xff\xd8\xff", b"GGUF", b"%PDF")
_PICKLED = (
    ".pkl",
    ".pickle",
    ".joblib",
    ".p",
    ".pk",
    ".dill",
    ".cloudpickle",
    ".pt",
    ".pth",
    ".ckpt",
    ".sav",
)
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_LAMBDA = re.compile(rb'"class_name":\s*"(?:[\w.]+>)?(?:Lambda|TFOpLambda)"')
_STORAGE = re.compile(r"data/\d+|version|byteorder|\.data/\w+|\.format_version|\.storage_alignment")
_CODE = (".py", ".pyc", ".so", ".sh", ".dll", ".dylib", ".exe", ".bat")


def scan(path: str, *, allow: Sequence[str] = (), ignore: Sequence[str] = ()) -> Scanned:
    """What is in the file or folder at `path`: pickles may import what is on our list or in `allow`, and files whose
    names from `path` match a pattern of `ignore` are not looked at."""
    looking = _Looking(permits(allow))
    for name, file in _files(path):
        if not any(fnmatchcase(name, pattern) for pattern in ignore):
            looking.file(name, file)
    return Scanned(looking.files, frozenset(looking.names), tuple(looking.refused), tuple(looking.unknown))


def _files(path: str) -> list[tuple[str, str]]:
    if not os.path.isdir(path):
        return [(os.path.basename(path), path)] if os.path.lexists(path) else []
    found = []
    for folder, _, names in os.walk(path):
        found += [os.path.join(folder, name) for name in names]
    return [(os.path.relpath(file, path), file) for file in sorted(found)]


class _Looking:
    """What was found so far."""

    def __init__(self, allowed: Callable[[str, str], bool]) -> None:
        self.allowed = allowed
        self.files = 0
        self.names: set[str] = set()
        self.refused: list[str] = []
        self.unknown: list[str] = []
        self.room = LARGEST

    def file(self, name: str, path: str) -> None:
        """Looks through one file of the model."""
        if os.path.islink(path) or not os.path.isfile(path):
            self.refuse(name, "is no plain file")
            return
        self.files += 1
        try:
            with open(path, "rb") as opened:
                self.content(name, opened, 0)
        except _Refused as reason:
            self.refuse(name, str(reason))
        except (
            OSError,
            EOFError,
            ValueError,
            zlib.error,
            lzma.LZMAError,
            zipfile.BadZipFile,
            tarfile.TarError,
        ) as error:
            self.refuse(name, f"can't be read to its end ({str(error)[:80]})")
        except (NotImplementedError, RuntimeError) as error:
            self.refuse(name, f"can't be unpacked ({str(error)[:80]})")

    def refuse(self, name: str, what: str) -> None:
        told = f"{name} {what}"
        if told not in self.refused:
            self.refused.append(told)

    def content(self, name: str, file: IO[bytes], depth: int) -> None:
        """Looks at what an open file has in it; raises `_Refused`, and whatever reading a damaged file raises."""
        if depth > DEEPEST:
            raise _Refused("nests archives too deeply")
        size = os.fstat(file.fileno()).st_size
        if not size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if unpack := _unpacker(content[:8]):
                with tempfile.TemporaryFile() as unpacked:
                    file.seek(0)
                    with unpack(file) as source:
                        self._copy(source, unpacked)
                    self.content(name, unpacked, depth + 1)
                return
            archive = self._archive(name, file, depth)
            if content[:6] == ARRAY:
                self._array(name, content, size)
            elif not _is_data(name, content, size) and not archive:
                self._pickle_or_not(name, content, size)

    def _copy(self, source: IO[bytes], target: IO[bytes]) -> None:
        while piece := source.read(_PIECE):
            self.room -= len(piece)
            if self.room < 0:
                raise _Refused(f"unpacks to more than {LARGEST >> 30} GiB")
            target.write(piece)
        target.flush()

    # ---------------------------------------------------------------- kinds of files

    def _pickle_or_not(self, name: str, content: mmap.mmap, size: int) -> None:
        """A text is a pickle only if it is a whole one; what else is not known is told so."""
        suffix = os.path.splitext(name.lower())[1]
        if suffix in _CODE:
            self.unknown.append(f"{name}, which is code,")
            return
        content.seek(0)
        walked = walk(content, size, self.allowed)
        begins = content[:1] == b"\x80" or suffix in _PICKLED
        whole = walked.end == size or walked.legacy
        if begins or whole:
            self._walked(name, walked.found, walked.names)
        elif suffix in _TEXTS or (suffix == "" and _is_text(content[:4096])):
            if _LAMBDA.search(content):
                self.refuse(name, "has a Lambda layer, which is code")
        elif walked.names:
            self._walked(name, walked.found, walked.names)
        else:
            self.unknown.append(name)

    def _array(self, name: str, content: mmap.mmap, size: int) -> None:
        try:
            begin, objects = header(content[: 1 << 16])
        except Unclear as error:
            raise _Refused(f"is no array that can be read: {error}") from None
        if objects:
            content.seek(begin)
            walked = walk(content, size, self.allowed)
            self._walked(name, walked.found, walked.names)

    def _walked(self, name: str, found: Sequence[str], names: frozenset[str]) -> None:
        self.names |= names
        for what in found:
            self.refuse(name, what)

    def _archive(self, name: str, file: IO[bytes], depth: int) -> bool:
        """Whether the file as a whole is an archive, whose members were looked at; one may also hang on to the end
        of another file, which is then looked at too."""
        file.seek(0)
        start = file.read(265)
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                torch = {
                    each.filename.rpartition("data.pkl")[0] for each in members if _is_torch(each.filename)
                }
                for each in self._some(members):
                    if not each.is_dir() and not _is_storage(each.filename, torch):
                        self._member(f"{name}/{each.filename}", archive.open(each), depth)
            return start.startswith(b"PK\x03\x04")
        if start.startswith(b"PK\x03\x04"):
            raise _Refused("is an archive that breaks off")
        if start[257:262] == b"ustar":
            file.seek(0)
            with tarfile.open(fileobj=file, mode="r:") as tape:
                for part in self._some(tape.getmembers()):
                    opened = tape.extractfile(part)
                    if opened is not None:
                        self._member(f"{name}/{part.name}", opened, depth)
            return True
        return False

    def _some(self, members: list[Any]) -> list[Any]:
        if len(members) > MOST_FILES:
            raise _Refused(f"has more than {MOST_FILES:,} files in it")
        return members

    def _member(self, name: str, source: IO[bytes], depth: int) -> None:
        with tempfile.TemporaryFile() as unpacked, source:
            self._copy(source, unpacked)
            self.content(name, unpacked, depth + 1)


class _Refused(Exception):
    """Why a file is refused."""


def _unpacker(start: bytes) -> Callable[[IO[bytes]], AbstractContextManager[Any]] | None:
    """What unpacks a file that begins so; None for one that is not compressed."""
    if start.startswith(b"\x1f\x8b"):
        return lambda file: gzip.GzipFile(fileobj=file)
    if start.startswith(b"BZh"):
        return bz2.BZ2File
    if start.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
        return lzma.LZMAFile
    if _ZLIB.match(start):
        return lambda file: nullcontext(_Inflated(file))
    if start.startswith(b"\x04\x22\x4d\x18"):
        return _lz4
    if start.startswith((b"ZF", b"7z\xbc\xaf\x27\x1c", b"\x28\xb5\x2f\xfd", b"Rar!")):
        return _not_unpacked
    return None


def _lz4(file: IO[bytes]) -> AbstractContextManager[Any]:
    try:
        import lz4.frame  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise _Refused(
            "is compressed by LZ4, and the package 'lz4' that unpacks it is not installed"
        ) from None
    opened: AbstractContextManager[Any] = lz4.frame.LZ4FrameFile(file)
    return opened


def _not_unpacked(_: IO[bytes]) -> AbstractContextManager[Any]:
    raise _Refused("is compressed in a way that is not looked into")


class _Inflated:
    """A zlib stream, piece by piece; what follows it would be read by nobody, so it is refused."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._inflating = zlib.decompressobj()

    def read(self, size: int) -> bytes:
        while not self._inflating.eof:
            given = self._inflating.unconsumed_tail or self._file.read(_PIECE)
            if not given:
                raise EOFError("the compressed stream breaks off")
            if piece := self._inflating.decompress(given, size):
                return piece
        if self._inflating.unused_data or self._file.read(1):
            raise _Refused("has more behind its compressed part")
        return b""


def _is_data(name: str, content: mmap.mmap, size: int) -> bool:
    """Whether a file is of a kind that holds data alone, whatever reads it."""
    suffix = os.path.splitext(name.lower())[1]
    start = content[:8]
    if suffix == ".safetensors":
        return int.from_bytes(start, "little") <= size - 8 and content[8:9] == b"{"
    if suffix in (".h5", ".hdf5", ".keras") and start == b"\x89HDF\r\n\x1a\n":
        if _LAMBDA.search(content):
            raise _Refused("has a Lambda layer, which is code")
        return True
    if suffix == ".onnx":
        return start[:1] == b"\x08"  # the field that every such file begins with
    if suffix == ".ubj":
        return start[:1] == b"{"
    return start.startswith(_DATA)


def _is_text(start: bytes) -> bool:
    return b"\0" not in start and not start.startswith(b"\x80")


def _is_torch(name: str) -> bool:
    return name == "data.pkl" or name.endswith("/data.pkl")


def _is_storage(name: str, tops: set[str]) -> bool:
    """Whether a member of PyTorch's file holds numbers, which are never unpickled."""
    return any(name.startswith(top) and _STORAGE.fullmatch(name[len(top) :]) for top in tops)
