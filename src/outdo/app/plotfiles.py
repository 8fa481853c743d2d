"""The plots that a side declares, and the files that it holds to draw them from."""

import os
import posixpath
from collections.abc import Iterator, Mapping

from outdo.app.lazy import lazy
from outdo.app.project import FILES, Project
from outdo.app.sides import Held
from outdo.core.errors import BadPlot, UserError
from outdo.core.model import Digest, Entry, Path
from outdo.core.plotdata import LARGEST, Data, is_image, read
from outdo.core.sections import Plot
from outdo.run import revisions
from outdo.run.git import Refused
from outdo.store import trees

LARGEST_IMAGE = 20_000_000


class PlotFiles:
    """What one side has to draw."""

    def __init__(self, project: Project, side: Held) -> None:
        self.name = side.side.name
        self._project = project
        self._side = side
        self._read: dict[tuple[Path, bool], Data | bytes | BadPlot] = {}
        self._missing: set[Path] = set()

    def declared(self) -> dict[str, Plot]:
        """The plots of its file, by path or name: those of the file itself, then what its stages write. A run's are
        those of the workspace. Nothing where the file can't be read."""
        commit = self._commit
        files = [self._project.file] if commit is None else FILES
        texts = ((name, self._text(name)) for name in files)
        file, text = next(((name, text) for name, text in texts if text is not None), ("", None))
        if text is None:
            return {}
        try:
            found = lazy("outdo.core.config").read_project(file, text, self._text)
        except UserError:
            return {}
        stages = found.pipeline.stages
        outs = {out.path: Plot() for one in stages for out in one.outs if out.role == "plot"}
        own = {name: plot for name, plot in found.plots.items() if name not in outs}
        return {**own, **outs, **{name: plot for name, plot in found.plots.items() if name in outs}}

    def under(self, path: Path) -> list[Path]:
        """The files in a folder, sorted; none where it is no folder."""
        if self._side.here:
            top = os.path.join(self._project.root, path)
            inside = [os.path.join(at, name) for at, _, names in os.walk(top) for name in names]
            return sorted(os.path.relpath(file, self._project.root).replace(os.sep, "/") for file in inside)
        entry = self._side.side.outs.get(path)
        if entry is None or entry.kind != "tree":
            return []
        try:
            found = trees.items(self._project.objects.get, entry.digest)
            return sorted(f"{path}/{item.path}" for item in found if item.kind == "file")
        except UserError:
            return []

    def has(self, path: Path) -> bool:
        """Whether there is a file of this name."""
        self.get(path)
        return path not in self._missing

    def get(self, path: Path, *, header: bool = True) -> Data | bytes | BadPlot:
        """The columns of a file, the bytes of a picture, or why there is neither."""
        if (path, header) not in self._read:
            try:
                self._read[path, header] = self._load(path, header=header)
            except BadPlot as error:
                self._read[path, header] = error
        return self._read[path, header]

    def _load(self, path: Path, *, header: bool) -> Data | bytes:
        if path.startswith(("/", "../")) or path == "..":
            raise BadPlot(f"'{path}' is outside the project", fix="copy the file into the project")
        try:
            content = self._here(path) if self._side.here else self._stored(path)
        except OSError as error:
            raise BadPlot(f"'{path}' can't be read: {error.strerror}") from None
        except (UserError, Refused) as error:
            raise BadPlot(f"'{path}' can't be read: {error}") from None
        if content is None:
            self._missing.add(path)
            raise BadPlot(f"'{path}' is not there")
        return content if is_image(path) else read(path, content, header=header)

    def _here(self, path: Path) -> bytes | None:
        place = os.path.join(self._project.root, path)
        if os.path.isdir(place):
            raise BadPlot(f"'{path}' is a folder")
        if not os.path.exists(place):
            return None
        _refuse_large(path, os.path.getsize(place))
        with open(place, "rb") as file:
            return file.read()

    def _stored(self, path: Path) -> bytes | None:
        found = self._object(path)
        if found is not None:
            digest, size = found
            _refuse_large(path, size)
            return self._project.objects.get(digest)
        return self._from_git(path)

    def _object(self, path: Path) -> tuple[Digest, int] | None:
        """The object of an output, or of a file in one."""
        outs: Mapping[Path, Entry] = self._side.side.outs
        for folder in (path, *_above(path)):
            entry = outs.get(folder) or outs.get(f"{folder}/")
            if entry is None:
                continue
            self._project.take_in(entry)
            if entry.kind == "file":
                return (entry.digest, entry.size) if folder == path else None
            item = trees.find(self._project.objects.get, entry.digest, path.removeprefix(f"{folder}/"))
            return (item.digest, item.size) if item is not None and item.kind == "file" else None
        return None

    def _from_git(self, path: Path) -> bytes | None:
        commit = self._side.code.commit if self._side.code else None
        if commit is None:
            return None
        return revisions.contents(self._project.root, commit, [path]).get(path)

    @property
    def _commit(self) -> str | None:
        """The commit that the side is; None for the workspace and for a run."""
        is_run = self._side.here or self._side.side.params is None
        return None if is_run or self._side.code is None else self._side.code.commit

    def _text(self, path: Path) -> str | None:
        try:
            if self._commit is not None:
                content = revisions.contents(self._project.root, self._commit, [path]).get(path)
            else:
                with open(os.path.join(self._project.root, path), "rb") as file:
                    content = file.read()
        except (OSError, Refused):
            return None
        return None if content is None else content.decode("utf-8", "replace")


def _above(path: Path) -> Iterator[Path]:
    while path := posixpath.dirname(path):
        yield path


def _refuse_large(path: Path, size: int) -> None:
    most = LARGEST_IMAGE if is_image(path) else LARGEST
    if size > most:
        raise BadPlot(f"'{path}' is too large to draw: more than {most // 1_000_000} MB")
