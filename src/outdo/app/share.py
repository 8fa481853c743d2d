"""The verbs `push`, `fetch` and `pull`: results that were computed in one place are used in another."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.data import share as tracked
from outdo.app.data.checkout import listed
from outdo.app.data.place import refuse_clashes
from outdo.app.data.tracking import Tracking
from outdo.app.lazy import lazy
from outdo.app.project import Project
from outdo.app.remotes import find_remote, transfer_to
from outdo.core.errors import (
    Damaged,
    Mistakes,
    NotInRemote,
    NotInStore,
    RemoteFailed,
    UnknownStage,
    UserError,
    WouldOverwrite,
)
from outdo.core.model import Digest, Entry, Key, Output, Path, Record, Stage, StageName
from outdo.run.source import ignore
from outdo.store.bucket import THREADS
from outdo.store.parts import FolderParts
from outdo.store.transfer import Transfer
from outdo.store.travel import Moved, Tell, side_by_side


class Asked(Struct, frozen=True):
    """What is to travel, and where."""

    targets: tuple[str, ...] = ()
    """Stages, groups or outputs; none means all."""
    remote: str = ""
    """A declared name, or an address; none means what each output says, or the first that is declared."""
    runs: bool = False
    """The whole run cache, and not only what the lock names."""


class Shared(Struct, frozen=True):
    """What travelled, by remote."""

    moved: Mapping[str, Moved]
    restored: tuple[Path, ...] = ()
    """Outputs that were put in place."""
    warnings: tuple[str, ...] = ()


def push(project: Project, asked: Asked, tell: Tell) -> Shared:
    """The remote has the outputs that the lock names, with their results, and tracked data; with `runs`, all of the
    run cache. What is lost here is told once all else is there."""
    tracking = Tracking(project)
    made, data = _split(tracking, asked)
    return Shared(
        _one_after_the_other(
            lambda: _push_outputs(project, made, tell) if made else {},
            lambda: tracked.push(tracking, data, tell) if data else {},
        )
    )


def fetch(project: Project, asked: Asked, tell: Tell) -> Shared:
    """The store has the outputs that the lock names, and tracked data; with `runs` every result that the remote has.

    Raises `NotInRemote` where the remote lacks a part, once all the rest is here."""
    tracking = Tracking(project)
    made, data = _split(tracking, asked)
    return Shared(
        _one_after_the_other(
            lambda: _fetch_outputs(project, made, tell) if made else {},
            lambda: tracked.fetch(tracking, data, tell) if data else {},
        )
    )


def pull(project: Project, asked: Asked, tell: Tell, *, force: bool = False) -> Shared:
    """As `fetch`, and all of it is in place. Raises `WouldOverwrite`, before anything is touched, where that would
    lose something; not with `force`."""
    tracking = Tracking(project)
    made, data = _split(tracking, asked)
    outs = _outputs(project, made, force=force) if made and project.repository is None else {}
    if data:
        tracked.refuse_loss_by_pull(tracking, data, force=force)
    restored: list[Path] = []

    def pull_outputs() -> Mapping[str, Moved]:
        if made is None:
            return {}
        if project.repository is not None:
            pulled: Shared = lazy("outdo.app.exchange").pull(project, made, tell, force=force)
            restored.extend(pulled.restored)
            return pulled.moved
        moved = _fetch_outputs(project, made, tell)
        look = FolderParts(project.objects).tree
        refuse_clashes(project, ((path, entry, look) for path, (_, entry) in outs.items()))
        try:
            restored.extend(_restore(project, outs))
        except (Damaged, NotInStore):  # what is damaged was set aside now, so that it is fetched
            moved = {name: moved[name] + one for name, one in _fetch_outputs(project, made, tell).items()}
            restored.extend(_restore(project, outs))
        return moved

    def pull_data() -> Mapping[str, Moved]:
        pulled = tracked.pull(tracking, data, tell, force=force) if data else None
        restored.extend(one.path for one in pulled.done.placed) if pulled else None
        return pulled.moved if pulled else {}

    moved = _one_after_the_other(pull_outputs, pull_data)
    damaged = project.objects.damaged
    told = tuple(f"object {digest[:12]} in the store was damaged and set aside" for digest in damaged)
    return Shared(moved, tuple(restored), told)


def _split(tracking: Tracking, asked: Asked) -> tuple[Asked | None, tracked.Asked | None]:
    """What is asked for of the pipeline's outputs, and of tracked data; None where nothing is. Raises `UnknownStage`
    for what is neither."""
    if not asked.targets:
        return asked, tracked.Asked((), asked.remote) if tracking.all else None
    made: list[str] = []
    data: list[Path] = []
    for word in asked.targets:
        try:
            tracking.project.graph.named([word])
            made.append(word)
        except UnknownStage:
            path = os.path.normpath(word)
            if not tracking.around(path) and not tracking.inside(path):
                raise
            data.append(path)
    return (
        replace(asked, targets=tuple(made)) if made else None,
        tracked.Asked(tuple(data), asked.remote) if data else None,
    )


def _one_after_the_other(*verbs: Callable[[], Mapping[str, Moved]]) -> Mapping[str, Moved]:
    """What both have moved; that one lacks something is raised when the other is done too."""
    moved: dict[str, Moved] = {}
    lacking: list[UserError] = []
    for verb in verbs:
        try:
            for name, one in verb().items():
                moved[name] = moved.get(name, Moved()) + one
        except (NotInStore, NotInRemote) as error:
            lacking.append(error)
    if lacking:
        raise lacking[0] if len(lacking) == 1 else Mistakes(lacking)
    return moved


def _push_outputs(project: Project, asked: Asked, tell: Tell) -> Mapping[str, Moved]:
    if project.repository is not None:
        pushed: Shared = lazy("outdo.app.exchange").push(project, asked, tell)
        return pushed.moved
    moved: dict[str, Moved] = {}
    lacking: list[Path] = []
    for name, records in _by_remote(project, asked).items():
        remote = find_remote(project, name)
        if remote.read_only:
            raise RemoteFailed(
                f"'{remote.url}' can only be read", fix="push to a folder, s3://, gs:// or az://"
            )
        outs = [item for _, found in records.values() for item in found.items()]
        entries = [entry for _, entry in outs]
        results = [
            _result(project, record) for record, found in records.values() if len(found) == len(record.outs)
        ]
        if asked.runs and name == _default(project, asked):
            kept = list(_held_results(project))
            entries += [entry for record in kept for entry in record.outs.values()]
            results += kept
        once = list({record.key: record for record in results}.values())
        moved[name] = transfer_to(project, remote, tell).send(entries, once)
        if moved[name].missing:
            lacking += [path for path, entry in outs if not project.workspace.holds(entry)]
    if lacking:
        what = f"{listed(lacking)} or a part of it is neither in the store nor at the remote; all else was pushed"
        raise NotInStore(what, fix="outdo run, to make it anew; then push again")
    return moved


def _fetch_outputs(project: Project, asked: Asked, tell: Tell) -> Mapping[str, Moved]:
    if project.repository is not None:
        fetched: Shared = lazy("outdo.app.exchange").fetch(project, asked, tell)
        return fetched.moved
    moved: dict[str, Moved] = {}
    lacking: list[Path] = []
    for name, records in _by_remote(project, asked).items():
        transfer = transfer_to(project, find_remote(project, name), tell)
        outs = [item for _, found in records.values() for item in found.items()]
        moved[name] = transfer.fetch([entry for _, entry in outs])
        _take_results(project, transfer, [record for record, _ in records.values()])
        if moved[name].missing:
            lacking += [path for path, entry in outs if not project.workspace.holds(entry)]
        if asked.runs and name == _default(project, asked):
            moved[name] = _fetch_runs(project, transfer, moved[name])
    if lacking:
        what = f"the remote lacks all or a part of {listed(lacking)}"
        raise NotInRemote(what, fix="outdo push, where it was made; or outdo run, to make it here")
    return moved


def _outputs(project: Project, asked: Asked, *, force: bool) -> dict[Path, tuple[Output, Entry]]:
    """What a pull will put in place; raises `WouldOverwrite`."""
    outs = {
        out.path: (out, entry)
        for records in _by_remote(project, asked).values()
        for name, (_, found) in records.items()
        for out in project.graph.stages[name].outs
        if (entry := found.get(out.path))
    }
    now = project.workspace.look(outs)
    differ = {path: one for path, one in outs.items() if now.get(path) != one[1]}
    lost = [path for path in differ if path in now and not project.workspace.holds(now[path])]
    if lost and not force:
        what = f"'{lost[0]}' differs from what outdo.lock names, and is not in the store"
        more = f", and so do {len(lost) - 1} more" if len(lost) > 1 else ""
        raise WouldOverwrite(what + more, fix="outdo run keeps it; outdo pull --force overwrites it")
    ignore(project.root, project.for_git(path for path, (out, _) in outs.items() if out.cache))
    return differ


def _restore(project: Project, outs: Mapping[Path, tuple[Output, Entry]]) -> Iterable[Path]:
    for path, (out, entry) in outs.items():
        project.workspace.restore(path, entry, link=out.cache)
    project.stat.save()
    return outs


class Elsewhere:
    """What others have computed, for a run: asked of the project's first remote, and never for long."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @cached_property
    def _transfer(self) -> Transfer:
        first = next(iter(self._project.pipeline.remotes.values()))
        return transfer_to(self._project, first, lambda _: None, patient=False)

    def recall(self, stage: Stage, asked: Record) -> Record | None:
        """A result whose outputs are in the store now; None where nobody has pushed it."""
        project, key = self._project, asked.key
        locked = project.lock.records.get(stage.name)
        known = locked if locked is not None and locked.key == key else project.results.get(key)
        for record in self._candidates(known, key):
            if set(record.outs) == {out.path for out in stage.outs}:
                entries = list(_stored(stage.outs, record).values())
                if len(entries) == len(record.outs) and not self._transfer.fetch(entries).missing:
                    whole = self._whole(record)
                    project.results.put(whole)
                    return whole
        return None

    def _whole(self, record: Record) -> Record:
        """The result with what the lock does not tell of it: the run that computed it, and what that logged."""
        whole = _result(self._project, record)
        if whole.run is None:
            found = self._transfer.result(record.key)
            whole = found if found is not None and found.outs == record.outs else whole
        return whole

    def _candidates(self, known: Record | None, key: Key) -> Iterator[Record]:
        """What is known here, as its outputs may be there; then what is known there."""
        if known is not None:
            yield known
        found = self._transfer.result(key)
        if found is not None:
            yield found


def look_up(project: Project) -> Callable[[Stage, Record], Record | None] | None:
    """Where a run asks for what it lacks; None where no remote is declared, or it is not to be asked."""
    if project.repository is not None:
        asked: Callable[[Stage, Record], Record | None] | None = lazy("outdo.app.exchange").look_up(project)
        return asked
    first = next(iter(project.pipeline.remotes.values()), None)
    return Elsewhere(project).recall if first is not None and first.look_up else None


Chosen = dict[StageName, tuple[Record, Mapping[Path, Entry]]]


def _by_remote(project: Project, asked: Asked) -> dict[str, Chosen]:
    """For each remote that is meant: the lock's records, with those of their outputs that travel there."""
    graph = project.graph
    names = graph.named(asked.targets) if asked.targets else list(graph.stages)
    default = _default(project, asked)
    found: dict[str, Chosen] = {default: {}}
    for name in names:
        record = project.lock.records.get(name)
        if record is None:
            continue
        places: dict[str, list[Output]] = {}
        for out in graph.stages[name].outs:
            if out.push:
                places.setdefault(asked.remote or out.remote or default, []).append(out)
        for place, outs in places.items():
            found.setdefault(place, {})[name] = (record, _stored(outs, record))
    if len(found) > 1 and not found[default]:
        del found[default]
    return found


def _default(project: Project, asked: Asked) -> str:
    return asked.remote or next(iter(project.pipeline.remotes), "")


def _stored(outs: Iterable[Output], record: Record) -> dict[Path, Entry]:
    """The entries of those outputs that the store keeps."""
    kept = (out.path for out in outs if out.cache or out.role != "out")
    return {path: record.outs[path] for path in kept if path in record.outs}


def _held_results(project: Project) -> Iterator[Record]:
    """The results of the run cache whose outputs are all in the store."""
    for key in project.results.keys():  # noqa: SIM118  not a mapping
        record = project.results.get(key)
        if record is not None and all(map(project.workspace.holds, record.outs.values())):
            yield record


def _result(project: Project, record: Record) -> Record:
    """The result that the lock names, with the run that computed it, where that is known here."""
    known = project.results.get(record.key)
    return known if known is not None and known.outs == record.outs else record


def _take_results(project: Project, transfer: Transfer, records: Sequence[Record]) -> None:
    """The run cache has the results that the lock names as the remote tells of them, where it knew nothing."""

    def ask(record: Record) -> None:
        found = transfer.result(record.key)
        if (
            found is not None
            and found.outs == record.outs
            and all(map(project.workspace.holds, found.outs.values()))
        ):
            project.results.put(found)

    side_by_side(ask, [record for record in records if project.results.get(record.key) is None], THREADS)


def _fetch_runs(project: Project, transfer: Transfer, moved: Moved) -> Moved:
    """Every result of the remote that is new here, once its objects are."""
    known = set(project.results.keys())
    found: list[Record] = []

    def ask(key: Key) -> None:
        record = transfer.result(key)
        if record is not None:
            found.append(record)

    side_by_side(ask, [key for key in transfer.keys() if key not in known], THREADS)  # noqa: SIM118
    also = transfer.fetch([entry for record in found for entry in record.outs.values()])
    lacking: set[Digest] = set(also.missing)
    whole = [r for r in found if not lacking or all(map(project.workspace.holds, r.outs.values()))]
    for record in whole:
        project.results.put(record)
    return moved + also + Moved(results=len(whole))
