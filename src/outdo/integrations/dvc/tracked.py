"""`.dvc` files as tracked paths: read into what the verbs know, and written so that all else in them stays."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from outdo.core.errors import BadPointer, Mistakes
from outdo.core.model import Digest, Entry, Path, Place, Value
from outdo.core.pointer import refuse_conflict, restored, trackable
from outdo.core.tracked import Origin, Tracked
from outdo.integrations.dvc.edit import edited
from outdo.integrations.dvc.md5 import md5
from outdo.integrations.dvc.names import entry_digest, name_of
from outdo.integrations.dvc.pointers import Pointer, pointer_values, read_pointer
from outdo.integrations.dvc.records import MD5, Item

SUFFIX = ".dvc"
_CLOSED = (".git", ".hg", ".dvc", ".outdo")
_NOT_HASHED = (
    "desc",
    "type",
    "labels",
    "meta",
    "locked",
    "frozen",
    "metric",
    "persist",
    "isexec",
    "size",
    "nfiles",
)
_SOURCES = ("etag", "checksum")
"""What an address calls the state of its data, by key: one or the other, as the kind of address has it."""


class DvcPointers:
    """`.dvc` files; `known` holds every entry that was read, by path and digest, for whoever compares with it."""

    suffix = SUFFIX

    def __init__(self) -> None:
        self.known: dict[Path, dict[Digest, Entry]] = {}

    def read(self, pointer: Path, text: str) -> Sequence[Tracked]:
        """All that the file tracks; raises `BadPointer` with what is wrong, and where."""
        fix = f"git checkout --ours (or --theirs) {pointer}, then outdo data checkout"
        refuse_conflict(pointer, text, fix)
        try:
            found = read_pointer(pointer, text)
        except Mistakes as wrong:
            first = wrong.mistakes[0]
            raise BadPointer(first.what, where=first.where, fix=first.fix or restored(pointer)) from None
        tracked = []
        for item in found.outs:
            try:
                tracked.append(self._tracked(pointer, found, item))
            except ValueError as wrong:
                where = Place(pointer, _line(text, item.path))
                fix = wrong.args[1] if len(wrong.args) > 1 else restored(pointer)
                raise BadPointer(wrong.args[0], where=where, fix=fix) from None
        if not tracked:
            raise BadPointer(
                "it tracks nothing: it has no `outs`", where=Place(pointer, 1), fix=restored(pointer)
            )
        for one in tracked:
            if one.entry is not None:
                self.known.setdefault(one.path, {})[one.entry.digest] = one.entry
        return tracked

    def write(self, tracked: Tracked, former: str) -> str:
        """The file's text with this path in it; comments, order and foreign keys of `former` stay."""
        before = read_pointer(tracked.pointer, former) if former.strip() else _new(tracked)
        outs = list(before.outs)
        at = next(
            (n for n, out in enumerate(outs) if _path(tracked.pointer, before, out) == tracked.path), None
        )
        if at is None:
            outs.append(
                _out(
                    tracked,
                    Item(_written(tracked.pointer, before, tracked.path)),
                    tracked.rest.get("out") or {},
                )
            )
        else:
            outs[at] = _out(tracked, outs[at], outs[at].rest)
        after = replace(before, outs=tuple(outs), deps=tuple(_deps(tracked, before)))
        return _text(tracked.pointer, former, _with_md5(_frozen(tracked, after)))

    def without(self, tracked: Tracked, former: str) -> str:
        """The file's text with this path no more in it; empty where no path is left."""
        before = read_pointer(tracked.pointer, former)
        outs = tuple(out for out in before.outs if _path(tracked.pointer, before, out) != tracked.path)
        return _text(tracked.pointer, former, _with_md5(replace(before, outs=outs))) if outs else ""

    def _tracked(self, pointer: Path, found: Pointer, item: Item) -> Tracked:
        rest = item.rest
        return Tracked(
            _path(pointer, found, item),
            pointer,
            _entry(item),
            _origin(found),
            str(rest.get("desc") or ""),
            str(rest.get("remote") or ""),
            rest.get("push") is not False,
            False,
            {"out": dict(rest), "file": dict(found.rest)},
        )


def _entry(item: Item) -> Entry | None:
    if "cloud" in item.rest or "files" in item.rest or any(key in item.rest for key in _SOURCES):
        what = f"'{item.path}' is kept by the versions of a cloud (`cloud`, `files` or `etag`), which is not supported"
        raise ValueError(
            what, "use `dvc` for it, or take `version_aware` from the remote and `dvc add` it again"
        )
    if not item.md5:
        return None
    digest = entry_digest(item.md5, item.hash)
    if item.is_folder:
        return Entry(digest, item.size or 0, "tree", item.nfiles or 0)
    return Entry(digest, item.size or 0, executable=item.isexec)


def _origin(found: Pointer) -> Origin | None:
    if not found.deps:
        return None
    dep = found.deps[0]
    if "db" in dep.rest:
        return None  # what it is from only DVC can ask
    repo = dep.rest.get("repo")
    if isinstance(repo, Mapping):
        return Origin(
            str(repo.get("url") or ""), dep.path, str(repo.get("rev") or ""), str(repo.get("rev_lock") or "")
        )
    state = next((str(dep.rest[key]) for key in _SOURCES if dep.rest.get(key)), dep.md5)
    return Origin(dep.path, etag=state)


def _path(pointer: Path, found: Pointer, item: Item) -> Path:
    """The path of the repository that an output names; raises `ValueError` for one that may not be tracked."""
    folder = posixpath.join(posixpath.dirname(pointer), found.wdir)
    path = posixpath.normpath(posixpath.join(folder, item.path))
    hidden = next((part for part in path.split("/") if part.lower() in _CLOSED), None)
    if hidden:
        raise ValueError(f"it tracks '{path}', which is in '{hidden}'")
    try:
        trackable(path.replace("*", "-"))  # to DVC it is a name like any other
    except ValueError as error:
        raise ValueError(f"it tracks a path that can't be: {error}") from None
    return path


def _written(pointer: Path, found: Pointer, path: Path) -> str:
    """A path of the repository as it stands in the file."""
    folder = posixpath.normpath(posixpath.join(posixpath.dirname(pointer), found.wdir))
    return posixpath.relpath(path, folder)


def _new(tracked: Tracked) -> Pointer:
    """A file that nobody has written yet; of a moved one what it said beside its paths."""
    rest = tracked.rest.get("file") or {}
    keys = [key for key in ("desc", "md5", "wdir", "frozen") if key in rest]
    frozen = {"frozen": True} if tracked.origin else {}
    return Pointer(
        (), (), {**frozen, **rest}, (*keys, "frozen", "deps", "outs") if tracked.origin else (*keys, "outs")
    )


def _out(tracked: Tracked, item: Item, rest: Mapping[str, Value]) -> Item:
    """An output as it is to stand in the file."""
    kept = {key: value for key, value in rest.items() if key not in ("desc", "remote", "push")}
    said: dict[str, Value] = {"desc": tracked.desc, "remote": tracked.remote, "push": tracked.push}
    told = {key: value for key, value in said.items() if value != (True if key == "push" else "")}
    order = [key for key in (*rest, *told) if key in {**kept, **told}]
    rest = {key: {**kept, **told}[key] for key in order}
    entry = tracked.entry
    if entry is None:
        return Item(item.path, "", MD5, rest=rest)
    name, kind = name_of(entry.digest)
    same = name == item.md5 and kind == item.hash
    size = item.size if same and not entry.size else entry.size
    nfiles = (item.nfiles if same and item.nfiles is None else entry.files) if entry.kind == "tree" else None
    return Item(item.path, name, kind, size, nfiles, entry.executable, rest)


def _deps(tracked: Tracked, before: Pointer) -> Iterator[Item]:
    """The import's source, with the state of it that was taken."""
    origin = tracked.origin
    if origin is None:
        yield from before.deps
        return
    former = before.deps[0] if before.deps else None
    if origin.in_git:
        kept = former.rest.get("repo") if former else None
        repo = dict(kept) if isinstance(kept, Mapping) else {}
        said = {"url": origin.url, "rev": origin.rev, "rev_lock": origin.commit}
        repo = {key: value for key, value in {**repo, **said}.items() if value or key not in said}
        order = [key for key in ("url", "rev", "rev_lock") if key in repo]
        repo = {key: repo[key] for key in (*order, *(key for key in repo if key not in order))}
        yield Item(origin.path, hash="", rest={"repo": repo})
        return
    yield _address(origin, tracked.entry, former)


def _address(origin: Origin, entry: Entry | None, former: Item | None) -> Item:
    """A source with an address of its own. DVC calls what HTTP says `checksum`, what a cloud says `etag`; of a path on
    this machine it notes the MD5, which is that of the data."""
    scheme = origin.url.partition("://")[0] if "://" in origin.url else ""
    if scheme:
        key = "checksum" if scheme in ("http", "https") else "etag"
        size = entry.size if entry and entry.kind == "file" else former.size if former else None
        return Item(origin.url, "", MD5, size, rest={key: origin.etag} if origin.etag else {})
    if entry is None:
        return former or Item(origin.url, origin.etag, MD5)
    files = entry.files if entry.kind == "tree" else None
    return Item(origin.url, name_of(entry.digest)[0], MD5, entry.size, files)


def _frozen(tracked: Tracked, pointer: Pointer) -> Pointer:
    """An import is frozen in DVC's sense: only `update` looks at its source."""
    if tracked.origin is None or pointer.frozen:
        return pointer
    return replace(pointer, rest={**pointer.rest, "frozen": True}, keys=("frozen", *pointer.keys))


def _with_md5(pointer: Pointer) -> Pointer:
    """The file with the MD5 of itself in it, where it is an import; DVC notices by it that one was edited."""
    if not pointer.deps and "md5" not in pointer.rest:
        return pointer
    import json

    keys = pointer.keys if "md5" in pointer.keys else ("md5", *pointer.keys)
    rest = {key: value for key, value in pointer.rest.items() if key not in ("md5", "meta", "desc")}
    values = pointer_values(replace(pointer, rest=rest, keys=keys))
    if values.get("wdir") == ".":
        del values["wdir"]
    text = json.dumps(_hashed(values), sort_keys=True)
    return replace(
        pointer,
        rest={**pointer.rest, "md5": md5(text.encode()).hexdigest()},
        keys=keys,
    )


def _hashed(value: Value) -> Value:
    if isinstance(value, Mapping):
        return {key: _hashed(part) for key, part in value.items() if key not in _NOT_HASHED}
    if isinstance(value, list | tuple):
        return [_hashed(part) for part in value]
    return value


def _text(pointer: Path, former: str, found: Pointer) -> str:
    return edited(pointer, former, pointer_values(found))


def _line(text: str, word: str) -> int:
    """The line in which a word stands first."""
    return next((number for number, line in enumerate(text.split("\n"), 1) if word in line), 1)
