"""What a successful run made of the file's models becomes versions: the same bytes, whoever made them, are one."""

from collections.abc import Iterator, Mapping
from posixpath import basename, dirname, join, normpath
from time import time, time_ns

from msgspec import Struct

from outdo.app.person import user
from outdo.app.project import Project
from outdo.app.registered import Output, note
from outdo.app.telling import tell
from outdo.core.access import Thing
from outdo.core.digest import stage_run_id
from outdo.core.errors import NotInStore, UserError
from outdo.core.events import Registered, Warned
from outdo.core.model import Digest, Entry, Path, RunId
from outdo.store import trees
from outdo.store.database import writing
from outdo.store.nodes import Tree
from outdo.store.objects import Objects
from outdo.store.tracking import made
from outdo.store.tracking.files import File
from outdo.store.tracking.home import opened
from outdo.store.tracking.made import Candidate, Made
from outdo.store.tracking.states import state_of

MOST_FILES = 100_000
"""Files that a version may have."""


class By(Struct, frozen=True):
    """Who registers."""

    user: str
    run: RunId = RunId("")
    """Empty for a run that had nothing to do."""


def register(project: Project, found: Mapping[str, Output], by: By) -> list[Registered | Warned]:
    """These models are versions; returns what is to be said of each. What can't be registered is warned of, and tried
    again by the next run."""
    told: list[Registered | Warned] = []
    done: dict[str, Output] = {}
    try:
        candidates = {name: _candidate(project, name, one, by) for name, one in found.items()}
        project.objects.sync()
        with opened(project.home) as engine:
            for name, one in candidates.items():
                with writing(engine) as connection:
                    version, new = made.register(connection, one, time_ns() // 1_000_000)
                    if new:
                        thing = Thing("version", f"{name}/{version.version}")
                        tell(connection, "model-versions/create", str(thing), {}, state_of(connection, thing))
                done[name] = found[name]
                entry = one.made.entry
                told.append(
                    Registered(by.run, time(), name, version.version, entry.digest, one.made.stage, new)
                )
        note(project, done)
    except (UserError, OSError) as error:
        what = error.what if isinstance(error, UserError) else str(error)
        told.append(Warned(by.run, time(), f"not every model was registered: {what}"))
    return told


def register_now(project: Project, found: Mapping[str, Output]) -> list[Registered | Warned]:
    """As `register`, of a run that had nothing to do."""
    return register(project, found, By(user()))


def _candidate(project: Project, name: str, one: Output, by: By) -> Candidate:
    """What is registered of a model; raises `NotInStore` or `Damaged` where its bytes can't be had."""
    entry = _entry(project, one)
    known = project.results.get(one.record.key)
    run = (known.run if known else None) or by.run
    if entry.kind == "tree":
        tree, content = entry.digest, list(files_of(project.objects, entry.digest))
    else:
        content = [(basename(one.model.path), File(entry.digest, entry.size))]
        listed = [(path, file.digest, file.size, False) for path, file in content]
        tree = trees.build_tree(Tree(listed), project.objects.put_bytes).digest
    return Candidate(
        name,
        Made(run, by.run, one.model.stage, one.model.path, entry),
        tree,
        content,
        stage_run_id(run, one.model.stage) if run else "",
        by.user,
        one.model.desc,
    )


def _entry(project: Project, one: Output) -> Entry:
    """What the model holds, once the store has it."""
    output = one.record.outs[one.model.output]
    project.take_in(output)
    if not project.workspace.holds(output):  # it is left to Git, or this is a fresh clone
        project.workspace.keep_copy(one.model.output)
    inner = one.model.path[len(one.model.output) + 1 :]
    if not inner:
        if not project.workspace.holds(output):
            raise NotInStore(f"'{one.model.path}' is not what its stage wrote any more")
        return output
    found = trees.part(project.objects.get, output.digest, inner, project.objects.put_bytes)
    if found is None:
        raise NotInStore(f"there is no '{inner}' in '{one.model.output}'")
    return found


def files_of(objects: Objects, tree: Digest) -> Iterator[tuple[Path, File]]:
    """The files in a folder; a link to one of them counts as that file, and other links are left out."""
    items = list(trees.items(objects.get, tree))
    if len(items) > MOST_FILES:
        raise NotInStore(f"a version may have {MOST_FILES:,} files, and this folder has {len(items):,}")
    files = {item.path: File(item.digest, item.size) for item in items if item.kind == "file"}
    yield from files.items()
    for item in items:
        if item.kind == "link":
            target = files.get(normpath(join(dirname(item.path), item.target)))
            if target is not None:
                yield item.path, target
