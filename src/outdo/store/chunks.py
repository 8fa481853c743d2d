"""Large files, kept as chunks that are cut where their content says so: what two versions share is kept once.

docs/design/chunks.md has the reasons, and what was measured.
"""

import os
from collections.abc import Callable
from typing import Protocol

from blake3 import blake3

from outdo.core.errors import Damaged, NotInStore, Usage
from outdo.core.model import Digest
from outdo.store.files import Scratch, create, drop, each, remove, unwritable, write
from outdo.store.recipes import Recipe, Recipes

CHUNKED_FROM = 64 << 20
"""Bytes of a file from which on it is kept as chunks."""

USUAL = 1 << 20
LEAST, MOST = USUAL // 4, USUAL * 4
"""Bytes of a chunk. They may be changed at any time: what was cut otherwise can still be read, and shares less."""

_WINDOW = 32 << 20
_TRIES = 5
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30}

Cut = Callable[[memoryview], list[int]]
"""Where the chunks in some bytes end. The last end is that of the bytes: only a file's end makes it a chunk's."""


class Shelf(Protocol):
    """Where chunks are kept: as objects like all others."""

    scratch: Scratch

    def place(self, digest: Digest) -> str:
        """Where the object's file would be."""
        ...

    def already(self, digest: Digest) -> bool:
        """Whether the object is here and sound, and will be flushed with those that are new."""
        ...

    def take(self, path: str, digest: Digest) -> None:
        """The file at `path` is moved to where the object belongs."""
        ...

    def read_into(self, digest: Digest, view: memoryview) -> None:
        """The bytes of the object's file, yet to be verified, fill `view`; raises `NotInStore`, or `Damaged` where
        they do not."""
        ...


class Chunks:
    """Files by their digest, as recipes and the chunks that these name."""

    def __init__(self, recipes: Recipes, shelf: Shelf, chunked_from: int = CHUNKED_FROM) -> None:
        self.recipes = recipes
        self._shelf = shelf
        self._from = chunked_from
        self._cut: Cut | None = None
        self._proven: dict[Digest, Recipe] = {}
        self._joined: dict[Digest, str] = {}

    def wants(self, size: int) -> bool:
        """Whether a file of this size shall be kept as chunks."""
        if not 0 < self._from <= size:
            return False
        self._cut = self._cut or cutter()
        return self._cut is not None

    def has(self, digest: Digest) -> bool:
        """Whether the file's recipe is here, with all chunks that it names."""
        recipe = self.recipes.get(digest)
        return recipe is not None and not self.lacking(recipe)

    def lacking(self, recipe: Recipe) -> list[tuple[Digest, int]]:
        """The chunks of a recipe that are not here in their size, each once."""
        lacking = []
        for chunk, size in dict.fromkeys(recipe.chunks):
            try:
                there = os.stat(self._shelf.place(chunk)).st_size == size
            except OSError:
                there = False
            if not there:
                lacking.append((chunk, size))
        return lacking

    def sound(self, digest: Digest) -> bool:
        """Whether the chunks of the file make it, each of them verified since it last changed."""
        recipe = self.recipes.get(digest)
        if recipe is None:
            return False
        if self._proven.get(digest) == recipe:
            return all(map(self._shelf.already, {chunk for chunk, _ in recipe.chunks}))
        try:
            self.pour(digest, lambda _: None)
        except (Damaged, NotInStore):
            return False
        return True

    # ---------------------------------------------------------------- in

    def store(self, fd: int) -> Digest:
        """The digest of all that the open file holds, which is kept now: one reading, whatever its size.

        New chunks get their names when all are written, so that a failure or a kill leaves nothing behind."""
        for _ in range(_TRIES):
            folder = self._shelf.scratch.name()
            os.mkdir(folder)
            try:
                digest, recipe = self._read(fd, folder)
                for chunk in os.listdir(folder):
                    self._shelf.take(f"{folder}/{chunk}", Digest(chunk))
            finally:
                remove(folder)
            if self.keep(digest, recipe):
                return digest
            os.lseek(fd, 0, os.SEEK_SET)
        raise NotInStore("chunks are removed from the store while they are written", fix="run again")

    def keep(self, digest: Digest, recipe: Recipe) -> bool:
        """Whether this is the file's recipe now; not where one of its chunks has gone meanwhile."""
        if self.lacking(recipe):
            return False
        if len(recipe.chunks) > 1:  # else the one chunk is the file
            self.recipes.put(digest, recipe)
            self._proven[digest] = recipe
        return True

    def _read(self, fd: int, folder: str) -> tuple[Digest, Recipe]:
        assert self._cut is not None
        view = memoryview(bytearray(_WINDOW))
        whole = blake3()
        chunks: list[tuple[Digest, int]] = []
        left = 0
        while filled := _fill(fd, view[left:]) + left:
            ends = self._cut(view[:filled])
            if filled == len(view):
                ends.pop()
            digests = self._take_in(view, ends, whole, folder)
            chunks += zip(digests, map(int.__sub__, ends, [0, *ends]), strict=False)
            left = filled - ends[-1]
            view[:left] = view[ends[-1] : filled]
            if filled < len(view):
                break
        return Digest(whole.hexdigest()), Recipe(tuple(chunks))

    def _take_in(self, view: memoryview, ends: list[int], whole: blake3, folder: str) -> list[Digest]:
        """The digests of the chunks that end there; those that are new are in `folder`."""
        pieces = [view[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        digests = [Digest("")] * len(pieces)

        def work(index: int) -> None:
            if index < 0:
                whole.update(view[: ends[-1]])
                return
            digests[index] = Digest(blake3(pieces[index]).hexdigest())
            if not self._shelf.already(digests[index]):
                _write_once(f"{folder}/{digests[index]}", pieces[index])

        each(work, range(-1, len(pieces)), heavy=True)
        return digests

    # ---------------------------------------------------------------- out

    def pour(self, digest: Digest, give: Callable[[memoryview], None]) -> None:
        """Gives away the file's bytes piece by piece, which are verified as a whole at the end.

        Raises `NotInStore`; and `Damaged`, so that nothing of what was given is used, after what is damaged was set
        aside, be it a chunk or the recipe."""
        recipe = self.recipes.get(digest)
        if recipe is None:
            raise NotInStore(
                f"the store does not hold object {digest[:12]}…", fix="run again: it is made anew"
            )
        if not self.prove(recipe, digest, give):
            self.recipes.set_aside(digest)
            what = f"the chunks of object {digest[:12]}… do not make it; their list was set aside and is not used"
            raise Damaged(what, fix="run again: it is made anew")
        self._proven[digest] = recipe

    def join(self, digest: Digest) -> str:
        """A file that holds what is kept as chunks, for this process to read, and gone with it; raises as `pour`."""
        joined = self._joined.get(digest)
        if joined is not None and os.path.exists(joined):
            return joined
        path = self._shelf.scratch.name()
        try:
            fd = create(path, 0o444)
            try:
                self.pour(digest, lambda piece: write(fd, piece))
            finally:
                os.close(fd)
        except OSError as error:
            drop(path)
            raise unwritable(error, path) from error
        except BaseException:
            drop(path)
            raise
        self._joined[digest] = path
        return path

    def prove(self, recipe: Recipe, digest: Digest, give: Callable[[memoryview], None]) -> bool:
        """Whether a recipe makes the file of this digest, which is given away piece by piece; raises `Damaged` where
        that is a chunk's fault, once all such chunks were set aside.

        The whole is hashed, and the chunks only where that is not what it should be: both would say the same."""
        view = memoryview(bytearray(min(_WINDOW, recipe.size)))
        whole = blake3()
        uses: list[Callable[[], object]] = [lambda: whole.update(view[:filled]), lambda: give(view[:filled])]
        pieces: list[tuple[Digest, memoryview]] = []
        filled = 0

        def pass_on() -> None:
            each(lambda piece: self._shelf.read_into(*piece), pieces, heavy=True)
            each(_do, uses, heavy=True)

        try:
            for chunk, size in recipe.chunks:
                if filled + size > len(view):
                    pass_on()
                    pieces, filled = [], 0
                pieces.append((chunk, view[filled : filled + size]))
                filled += size
            pass_on()
        except Damaged:
            self._set_aside_damaged(recipe)
            raise
        if whole.hexdigest() == digest:
            return True
        if self._set_aside_damaged(recipe):
            what = f"a chunk of object {digest[:12]}… is damaged; it was set aside and is not used"
            raise Damaged(what, fix="run again: it is made anew")
        return False

    def _set_aside_damaged(self, recipe: Recipe) -> bool:
        """Whether a chunk is not here, or was damaged: then all such are set aside, to be had anew at once."""
        lost = [chunk for chunk, _ in dict.fromkeys(recipe.chunks) if not self._shelf.already(chunk)]
        return bool(lost)


def chunked_from(text: str) -> int:
    """The bytes that `64MB` or the like means; none is the usual number, and 0 means: no file. Raises `Usage`."""
    if not text:
        return CHUNKED_FROM
    number = text.upper().rstrip("KMGB")
    unit = text[len(number) :].upper().removesuffix("B")
    if not (number.isascii() and number.isdigit()) or unit not in _UNITS:
        raise Usage(f"'{text}' is no size of a file", fix="write it like 64MB, 1GB or 0")
    return int(number) << _UNITS[unit]


def cutter(usual: int = USUAL) -> Cut | None:
    """Cuts bytes into chunks; None where the library for it has no compiled part here, and would take minutes."""
    try:
        from pyfastcdc import FastCDC
    except ImportError:
        return None
    if not FastCDC.__module__.startswith("pyfastcdc.cy"):
        return None
    gear = FastCDC(usual, min_size=usual // 4, max_size=usual * 4, normalized_chunking=1, seed=0)
    return lambda view: [chunk.offset + chunk.length for chunk in gear.cut_buf(view)]


def _do(work: Callable[[], object]) -> None:
    work()


def _fill(fd: int, view: memoryview) -> int:
    filled = 0
    while filled < len(view) and (count := os.readv(fd, (view[filled:],))):
        filled += count
    return filled


def _write_once(path: str, content: memoryview) -> None:
    try:
        fd = create(path, 0o444)
    except FileExistsError:
        return  # the file has the same chunk twice
    try:
        write(fd, content)
    finally:
        os.close(fd)
