"""What paths held when they were last hashed, believed only while nothing can have changed them since.

A file is believed to be unchanged while its mark (mtime, ctime, size, inode, mode) is the same, and its last change
was safely over when it was hashed. docs/design/store.md has the rule and its reasons.
"""

import os
import threading

from blake3 import blake3
from msgspec import DecodeError, Struct, ValidationError, msgpack

from outdo.core.errors import UserError
from outdo.core.model import Digest, Entry, Path
from outdo.store.atomic import write_atomic
from outdo.store.clock import Clock
from outdo.store.files import Mark

_SEAL = 32


class Head(Struct, frozen=True, array_like=True):
    """What a folder, or the files that a glob matched, held; enough to know that nothing changed."""

    key: Path
    signature: bytes
    """Digest over the names and marks of all; empty where some of them can't be believed."""
    newest: int
    """The latest stamp among them."""
    entry: Entry


class Rows(Struct, array_like=True):
    """What each file in a folder held, read only when something changed. In columns: they are quick to read, and
    small."""

    names: bytes
    """Joined by NUL, in the file system's own bytes."""
    marks: bytes
    """Five numbers of eight bytes a name. A ctime of 0 is no file's: that one can't be believed."""
    digests: bytes
    """32 a name."""


_files = msgpack.Decoder(dict[Path, tuple[Mark, Digest]]).decode
_head = msgpack.Decoder(Head).decode
_rows = msgpack.Decoder(Rows).decode
_encode = msgpack.Encoder().encode


class StatCache:
    """Marks and digests by path, in `root/stat`; may be lost or damaged at any time without harm."""

    def __init__(self, root: str) -> None:
        self.folder = os.path.join(root, "stat")
        self.clock = Clock(self.folder)
        self._files: dict[Path, tuple[Mark, Digest]] | None = None
        self._heads: dict[Path, Head] = {}
        self._changed = False
        self._lock = threading.Lock()

    # ---------------------------------------------------------------- single files

    def get(self, path: Path, mark: Mark, now: int) -> Digest | None:
        """The digest of the file at `path`, if it is certain that it did not change since it was hashed."""
        files = self._files if self._files is not None else self._load()
        row = files.get(path)
        if row is not None and row[0] == mark and mark[0] <= now and mark[1] <= now:
            return row[1]
        return None

    def put(self, path: Path, mark: Mark, digest: Digest, *, device: int, at: int) -> None:
        """Remembers what a file so marked held at the time `at`, unless that could not be believed."""
        files = self._files if self._files is not None else self._load()
        with self._lock:
            if not self.clock.hides(mark, device, at):
                files[path] = (mark, digest)
                self._changed = True
            elif path in files:
                del files[path]
                self._changed = True

    def forget(self, path: Path) -> None:
        """Nothing is remembered of `path`, nor of what was in it."""
        files = self._files if self._files is not None else self._load()
        with self._lock:
            if files.pop(path, None):
                self._changed = True
            self._heads.pop(path, None)
        try:
            os.unlink(self._place(path))
        except OSError:
            pass

    def save(self) -> None:
        """What is known of single files is on disk; that it can't be written is no fault."""
        with self._lock:
            if not self._changed or self._files is None:
                return
            try:
                content = _encode(self._files)
            except UnicodeEncodeError:
                content = _encode({path: row for path, row in self._files.items() if _is_utf8(path)})
            self._changed = False
        try:
            write_atomic(f"{self.folder}/files", b"".join(_sealed(content)))
        except (UserError, OSError):
            pass

    def _load(self) -> dict[Path, tuple[Mark, Digest]]:
        with self._lock:
            if self._files is None:
                content, _ = _unsealed(_read(f"{self.folder}/files"), 0)
                try:
                    self._files = _files(content) if content else {}
                except (DecodeError, ValidationError):
                    self._files = {}
            return self._files

    # ---------------------------------------------------------------- folders

    def head(self, key: Path) -> Head | None:
        """What a folder held when it was last looked at."""
        head = self._heads.get(key)
        if head is None:
            content, _ = _unsealed(_read(self._place(key), 4096 + 4 * len(key)), 0)
            try:
                head = _head(content) if content else None
            except (DecodeError, ValidationError):
                head = None
            if head is None or head.key != key:
                return None
            self._heads[key] = head
        return head

    def rows(self, key: Path) -> Rows | None:
        """What each file in the folder held when it was last looked at."""
        content = _read(self._place(key))
        head, end = _unsealed(content, 0)
        rows, _ = _unsealed(content, end) if head else (b"", 0)
        try:
            if not rows or _head(head).key != key:
                return None
            return _rows(rows)
        except (DecodeError, ValidationError):
            return None

    def put_folder(self, head: Head, rows: Rows) -> None:
        """Remembers what a folder held; that it can't be written is no fault."""
        try:
            write_atomic(self._place(head.key), b"".join([*_sealed(_encode(head)), *_sealed(_encode(rows))]))
        except (UserError, OSError, UnicodeEncodeError):
            self.forget(head.key)
            return
        self._heads[head.key] = head

    def _place(self, key: Path) -> str:
        return f"{self.folder}/trees/{blake3(os.fsencode(key)).hexdigest(16)}"


def _read(path: str, at_most: int = -1) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(at_most) or b""
    except OSError:
        return b""


def _sealed(content: bytes) -> tuple[bytes, bytes, bytes]:
    return len(content).to_bytes(8, "little"), blake3(content).digest(), content


def _unsealed(whole: bytes, start: int) -> tuple[bytes | memoryview, int]:
    """The part that begins at `start` and where the next one does; nothing where it is damaged."""
    content = memoryview(whole)
    end = start + 8 + _SEAL + int.from_bytes(content[start : start + 8], "little")
    seal, part = content[start + 8 : start + 8 + _SEAL], content[start + 8 + _SEAL : end]
    return (
        (part, end)
        if part and len(part) == end - start - 8 - _SEAL and blake3(part).digest() == seal
        else (b"", 0)
    )


def _is_utf8(path: Path) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
