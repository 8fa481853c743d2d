"""The verb `data ls`: what is in a project, or in another repository at a revision."""

import os
from collections.abc import Iterable

from outdo.app.data.source import open_source
from outdo.app.data.take import Taking
from outdo.app.data.tracking import Target, Tracking
from outdo.app.project import Project
from outdo.core.errors import NotTracked, SourceFailed
from outdo.core.holdings import Held, Keeper, is_in, list_folder
from outdo.core.model import Entry, Path
from outdo.integrations.ports import Parts
from outdo.store.objects import Objects


def here(project: Project, folder: Path = ".", *, recursive: bool = False) -> list[Held]:
    """What is tracked in a folder of the project, and what its stages write, as pointers and lock say; raises
    `NotTracked` where nothing is."""
    tracking = Tracking(project)
    kept: dict[Path, tuple[Keeper, Entry]] = {}
    for stage in project.pipeline.stages:
        record = project.lock.records.get(stage.name)
        for out in stage.outs:
            if record is not None and out.cache and out.path in record.outs:
                kept[out.path] = ("output", record.outs[out.path])
    kept |= {path: ("data", one.entry) for path, one in tracking.all.items() if one.entry is not None}
    around = tracking.around(folder) if folder != "." else None
    one = around or next((Target(one) for path, one in tracking.all.items() if is_in(path, folder)), None)
    parts = tracking.way(one.tracked).parts if one else tracking.ways[0].parts
    found = list_folder(folder, (), kept, _Inside(parts), recursive=recursive)
    if not found and folder != ".":
        raise NotTracked(f"nothing at '{folder}' is tracked", fix="outdo data ls shows what is")
    return found


def there(
    objects: Objects, cache: str, url: str, folder: Path = ".", rev: str = "", *, recursive: bool = False
) -> list[Held]:
    """What is in a folder of another repository: files of Git's, tracked data, outputs. Of what is kept elsewhere only
    the listings are fetched. Raises `SourceFailed`."""
    source = open_source(cache, url, rev)
    taking = Taking(source, objects, lambda _: None)
    kept: dict[Path, tuple[Keeper, Entry]] = {
        path: ("data" if path in source.tracked else "output", entry) for path, entry in source.kept.items()
    }
    files = [(blob.path, blob.size) for blob in source.below(".")]
    found = list_folder(os.path.normpath(folder), files, kept, _Inside(taking.parts), recursive=recursive)
    if not found:
        what = f"{url} has no '{folder}' at {source.commit[:10]}"
        raise SourceFailed(what, fix=f"outdo data ls {url}")
    return found


class _Inside:
    """What is in kept folders."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __call__(self, entry: Entry, under: Path) -> Iterable[tuple[Path, int]]:
        part = self._parts.part(entry, under) if under else entry
        if part is None:
            return []
        if part.kind == "file":
            return [("", part.size)]
        tree = self._parts.tree(part)
        return [*((name, size) for name, _, size, _ in tree.files), *((name, 0) for name, _ in tree.links)]
