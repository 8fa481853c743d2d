"""Params as they stand in their files now; a parsed file is kept by its digest, as YAML is slow to read."""

import os
import posixpath
from collections.abc import Callable

from msgspec import DecodeError, msgpack

from outdo.app.lazy import lazy
from outdo.core.digest import digest_bytes
from outdo.core.errors import BadParams, UserError
from outdo.core.model import Param, Path, Place, Value
from outdo.core.plan import Absent
from outdo.core.values import MISSING, lookup
from outdo.core.version import VERSION
from outdo.store.atomic import write_atomic


class ParamFiles:
    """Reads params of a project; a file is parsed once for each content it has."""

    def __init__(self, root: str, cache: str, read: Callable[[Path], bytes] | None = None) -> None:
        """`read` gives a file's bytes where they are not those under `root`, or raises an OSError."""
        self._root = root
        self._cache = cache
        self._read = read or self._open
        self._seen: dict[Path, tuple[bytes, Value | Absent]] = {}

    def get(self, param: Param) -> Value | Absent:
        """The value now, or why there is none."""
        content = self._file(param.file)
        if isinstance(content, Absent) or not param.key:
            return content
        value = lookup(content, param.key)
        if value is MISSING:
            what = f"it tracks the param '{param.key}', which '{param.file}' does not hold"
            fix = f"add it to {param.file}, or take it out of the stage's params"
            return Absent(BadParams(what, where=Place(param.file), fix=fix))
        return value

    def _file(self, path: Path) -> Value | Absent:
        try:
            content = self._read(path)
        except OSError as error:
            what = f"its params file '{path}' can't be read: {error.strerror}"
            return Absent(BadParams(what, where=Place(path), fix=f"write {path}, or mend the stage's params"))
        seen = self._seen.get(path)
        if seen is None or seen[0] != content:
            self._seen[path] = seen = (content, self._parsed(path, content))
        return seen[1]

    def _open(self, path: Path) -> bytes:
        with open(os.path.join(self._root, path), "rb") as file:
            return file.read()

    def _parsed(self, path: Path, content: bytes) -> Value | Absent:
        suffix = posixpath.splitext(path)[1]
        kept = os.path.join(self._cache, f"{digest_bytes(content)}{suffix}.{VERSION}")
        try:
            with open(kept, "rb") as file:
                return msgpack.decode(file.read())
        except (OSError, DecodeError):
            pass
        try:
            value = lazy("outdo.core.params").parse(path, content.decode())
        except UnicodeDecodeError:
            fix = "save it as UTF-8"
            return Absent(
                BadParams(f"its params file '{path}' is not UTF-8 text", where=Place(path), fix=fix)
            )
        except UserError as error:
            return Absent(error)
        try:
            encoded = msgpack.encode(value)
        except OverflowError:
            fix = "write it as text: quote it"
            what = f"its params file '{path}' holds a whole number beyond 64 bits"
            return Absent(BadParams(what, where=Place(path), fix=fix))
        try:
            write_atomic(kept, encoded)
        except UserError:
            pass  # it is only a cache
        return value
