"""How a large file is put together from chunks: its recipe, kept under the digest of the file."""

import os
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from blake3 import blake3

from outdo.core.model import Digest
from outdo.store.atomic import write_atomic
from outdo.store.shards import Shards

_HEAD = b"outdo recipe 1\n"
_SEAL = 32
_LINE = struct.Struct("<32sI")

LARGEST_CHUNK = 16 << 20
"""Bytes of the largest chunk that a recipe may name, whoever has cut it: as much as is read into memory."""

LARGEST_RECIPE = 256 << 20
"""Bytes up to which what claims to be a recipe is read: enough for files of some terabytes."""


class Recipe(NamedTuple):
    """The chunks of a file in their order, each with its size."""

    chunks: tuple[tuple[Digest, int], ...]

    @property
    def size(self) -> int:
        """Of the whole file."""
        return sum(size for _, size in self.chunks)


def encode(recipe: Recipe) -> bytes:
    """The recipe as it is kept and as it travels; its last 32 bytes are the digest of all before."""
    lines = [_LINE.pack(bytes.fromhex(digest), size) for digest, size in recipe.chunks]
    content = _HEAD + b"".join(lines)
    return content + blake3(content).digest()


def decode(content: bytes) -> Recipe | None:
    """The recipe in these bytes; None where they are no whole one. It may come from anywhere."""
    body = content[len(_HEAD) : -_SEAL]
    if content[: len(_HEAD)] != _HEAD or blake3(content[:-_SEAL]).digest() != content[-_SEAL:]:
        return None
    try:
        chunks = tuple([(Digest(digest.hex()), size) for digest, size in _LINE.iter_unpack(body)])
    except struct.error:
        return None
    sound = chunks and all(0 < size <= LARGEST_CHUNK for _, size in chunks)
    return Recipe(chunks) if sound else None


class Recipes:
    """The recipes of a store, in `root/recipes/ab/cdef…`."""

    def __init__(self, root: str, damaged: list[Digest]) -> None:
        self._root = root
        self.folder = f"{root}/recipes"
        self._shards = Shards(self.folder)
        self._damaged = damaged
        """Where those are told that were set aside."""

    def get(self, digest: Digest) -> Recipe | None:
        """The recipe of a file; None where there is none. One that is damaged is set aside."""
        try:
            with open(self._shards.place(digest), "rb", buffering=0) as file:
                content = file.read(LARGEST_RECIPE)
        except OSError:
            return None
        recipe = decode(content or b"")
        if recipe is None:
            self.set_aside(digest)
        return recipe

    def place(self, digest: Digest) -> str:
        """Where the recipe of a file would be, whether or not it is there."""
        return self._shards.place(digest)

    def put(self, digest: Digest, recipe: Recipe) -> None:
        """This is the recipe of the file from now on; raises `StoreUnwritable`."""
        write_atomic(self._shards.place(digest), encode(recipe))
        self._shards.note(digest)

    def among(self, digests: Iterable[Digest]) -> set[Digest]:
        """Those of these files that have a recipe."""
        return self._shards.among(digests)

    def all(self) -> Iterator[Digest]:
        """The digests of all files that have a recipe."""
        return self._shards.all()

    def sync(self) -> None:
        """Every recipe that was put before this call survives a loss of power; raises `StoreUnwritable`."""
        self._shards.sync()

    def remove(self, digest: Digest) -> None:
        """The file has no recipe any more."""
        try:
            os.unlink(self._shards.place(digest))
        except FileNotFoundError:
            pass

    def set_aside(self, digest: Digest) -> None:
        """The file has no recipe any more; the one it had is in `quarantine/`, if that may be written."""
        aside = f"{self._root}/quarantine"
        try:
            os.makedirs(aside, exist_ok=True)
            os.rename(self._shards.place(digest), f"{aside}/recipe-{digest}")
        except OSError:
            pass  # a read-only store keeps it, and it is found again by whoever reads it
        if digest not in self._damaged:
            self._damaged.append(digest)
