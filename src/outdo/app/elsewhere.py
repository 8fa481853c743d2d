"""What is at the addresses that stages read, asked of their servers side by side."""

import os
from collections.abc import Sequence
from time import monotonic

from outdo.app.lazy import lazy
from outdo.app.project import DVC, Project, dvc_top
from outdo.app.remotes import find_remote
from outdo.core.errors import SourceFailed, UserError
from outdo.core.model import Entry, Path, Remote
from outdo.store.bucket import Access, connect
from outdo.store.files import each
from outdo.store.states import of_bucket, of_page, state_entry

THREADS = 16
_AGE = 2.0
"""Seconds for which an answer counts: a plan and what carries it out ask one after the other."""
_KINDS = {"azure": "az"}


class Elsewhere:
    """All of `store.looks.Elsewhere`, for a project with its remotes."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[Path, tuple[float, Entry | None]] = {}
        self.unreached: dict[Path, UserError] = {}
        """Addresses of which it is not known what is there, and why."""

    def look(self, urls: Sequence[Path]) -> dict[Path, Entry]:
        """What is at each; what can't be told is in `unreached`."""
        each(self._ask, [url for url in urls if self._is_old(url)], THREADS)
        known = {url: self._known.get(url) for url in urls}
        return {url: told[1] for url, told in known.items() if told is not None and told[1] is not None}

    def forget(self, url: Path) -> None:
        """The next look asks anew."""
        self._known.pop(url, None)

    def _is_old(self, url: Path) -> bool:
        known = self._known.get(url)
        return known is None or monotonic() - known[0] > _AGE

    def _ask(self, url: Path) -> None:
        entry = None
        try:
            entry = self._entry(url)
            self.unreached.pop(url, None)
        except UserError as error:
            self.unreached[url] = error.with_traceback(None)  # which holds all that was at work
        self._known[url] = (monotonic(), entry)

    def _entry(self, url: Path) -> Entry:
        remote, name, access = self._place(url)
        if not remote.scheme:
            folder = os.path.join(self._project.base, os.path.expanduser(remote.url))
            return self._of_disk(os.path.normpath(f"{folder}/{name}"))
        if remote.read_only:
            page = f"{remote.url.rstrip('/')}/{name}" if name else remote.url
            headers = access.client.get("default_headers", {})
            return of_page(page, headers, weak=self._project.file == DVC)
        bucket = connect(remote, patient=False, access=access)
        return of_bucket(bucket, name, url, remote.scheme)

    def _of_disk(self, place: Path) -> Entry:
        """A path at a remote that is a folder; in DVC's words, where DVC is told of it."""
        here = self._project.workspace.look([place]).get(place)
        if here is None:
            raise SourceFailed(f"nothing is at '{place}'", fix="check the path, and that the disk is mounted")
        found = self._project.repository.look(place) if self._project.repository else None
        return here if found is None else state_entry(f"md5:{found.md5}", found.size, found.nfiles or 1)

    def _place(self, url: Path) -> tuple[Remote, str, Access]:
        kind, _, rest = url.partition("://")
        if kind in ("http", "https"):
            return Remote(url), "", Access()
        bucket, _, name = rest.partition("/")
        if kind != "remote":
            return Remote(f"{_KINDS.get(kind, kind)}://{bucket}"), name, Access()
        if self._project.file == DVC:
            settings = lazy("outdo.integrations.dvc.config").read_settings(
                dvc_top(self._project.base), os.environ
            )
            remote, access = lazy("outdo.integrations.dvc.remotes").address(settings, bucket, os.environ)
        else:
            remote, access = find_remote(self._project, bucket), Access()
        return remote, name, access
