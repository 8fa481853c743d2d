"""Data that is had from elsewhere: from other repositories at a revision, from the web, a bucket, a disk."""

import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from outdo.app.data.add import add
from outdo.app.data.imports import Asked, Imported, Updated, get, import_from, import_url, imports, update
from outdo.app.data.ls import here, there
from outdo.app.data.share import Asked as Shared
from outdo.app.data.share import push
from outdo.app.data.status import status
from outdo.app.data.tracking import Tracking
from outdo.app.project import open_project
from outdo.core.errors import CantTrack, NotInRemote, NotTracked, SourceFailed, WouldOverwrite
from outdo.core.holdings import Held
from outdo.store.objects import Objects
from tests.contracts.repository import git
from tests.contracts.web import Quiet, web_server

LAB = "remotes: {team: ../team}\n"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A repository with a tracked folder and a file in Git, and two commits: `v1` and `main`."""
    root = tmp_path / "lab"
    (root / "raw" / "sub").mkdir(parents=True)
    (root / "outdo.yaml").write_text(LAB)
    (root / "readme").write_text("hello")
    (root / "raw" / "a").write_text("1")
    (root / "raw" / "sub" / "b").write_text("22")
    git(tmp_path, "init", "-q", "-b", "main", "lab")
    for tag in ("v1", "v2"):
        add(open_project(str(root)), ["raw"])
        git(root, "add", ".")
        git(root, "commit", "-qm", tag)
        git(root, "tag", tag)
        (root / "raw" / "a").write_text("changed")
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty project."""
    root = tmp_path / "mine"
    root.mkdir()
    (root / "outdo.yaml").write_text("project: mine\n")
    return root


def cache(root: Path) -> str:
    return str(root / ".outdo" / "repos")


def got(root: Path, lab: Path, path: str, rev: str = "", out: str = "") -> Imported:
    asked = Asked(str(lab), path, rev, str(root / (out or Path(path).name)))
    return get(Objects(str(root / ".outdo")), cache(root), asked, lambda _: None)


def imported(root: Path, lab: Path, path: str, rev: str = "") -> Imported:
    project = open_project(str(root))
    asked = Asked(str(lab), path, rev, Path(path).name)
    return import_from(project, cache(root), asked, lambda _: None)


def updated(root: Path, path: str, *, rev: str = "", force: bool = False) -> Updated:
    tracking = Tracking(open_project(str(root)))
    (target,) = imports(tracking, (path,))
    return update(tracking, cache(root), target, lambda _: None, rev=rev, force=force)


def files(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


# Another repository.


def test_a_folder_is_had_as_it_was_at_a_tag(root: Path, lab: Path) -> None:
    got(root, lab, "raw", "v1")
    assert files(root / "raw") == {"a": "1", "sub/b": "22"}
    assert not (root / "raw.outdo").exists()


@pytest.mark.parametrize(("path", "text"), [("raw/sub/b", "22"), ("readme", "hello")])
def test_a_file_is_had_whoever_keeps_it(root: Path, lab: Path, path: str, text: str) -> None:
    got(root, lab, path, out="it")
    assert (root / "it").read_text() == text


def test_all_of_a_repository_is_had_with_data_in_place_of_pointers(root: Path, lab: Path) -> None:
    got(root, lab, ".", "v1", out="all")
    found = files(root / "all")
    assert found.items() >= {"readme": "hello", "raw/a": "1", "raw/sub/b": "22"}.items()
    assert "raw.outdo" not in found


def test_what_is_pushed_is_had_from_the_remote(root: Path, lab: Path) -> None:
    push(Tracking(open_project(str(lab))), Shared(), lambda _: None)
    shutil.rmtree(lab / ".outdo")
    got(root, lab, "raw/a")
    assert (root / "a").read_text() == "changed"


def test_what_is_nowhere_is_said(root: Path, lab: Path) -> None:
    shutil.rmtree(lab / ".outdo")
    with pytest.raises(NotInRemote, match="'raw'"):
        got(root, lab, "raw")
    assert not (root / "raw").exists()
    with pytest.raises(SourceFailed, match="has no 'nope'"):
        got(root, lab, "nope")
    with pytest.raises(SourceFailed, match="no branch, tag or commit 'v9'"):
        got(root, lab, "raw", "v9")


def test_what_git_would_obey_is_not_taken(root: Path, lab: Path) -> None:
    (lab / "raw" / "sub" / ".Git").mkdir()
    (lab / "raw" / "sub" / ".Git" / "config").write_text("[core]\n  fsmonitor = echo\n")
    add(open_project(str(lab)), ["raw"])
    git(lab, "commit", "-qam", "v3")
    for path in ("raw", "raw/sub", "."):
        with pytest.raises(SourceFailed, match="which Git would obey here"):
            got(root, lab, path, out="it")
    assert not (root / "it").exists()


def test_a_lock_that_names_paths_outside_its_repository_is_not_followed(root: Path, lab: Path) -> None:
    out = Objects(str(lab / ".outdo")).put_bytes(b"x")
    record = {"cmd": [], "deps": {}, "key": out, "outs": {"../../out": {"digest": out, "size": 1}}}
    (lab / "outdo.lock").write_text(json.dumps({"schema": 1, "stages": {"x": record}}))
    git(lab, "add", ".")
    git(lab, "commit", "-qm", "v3")
    with pytest.raises(SourceFailed):
        got(root, lab, "../../out", out="it")
    got(root, lab, ".", out="all")
    assert not (root.parent / "out").exists()


def test_nothing_is_overwritten(root: Path, lab: Path) -> None:
    (root / "raw").mkdir()
    with pytest.raises(WouldOverwrite):
        got(root, lab, "raw")
    (root / "raw" / "x").write_text("mine")
    with pytest.raises(WouldOverwrite, match="'raw/x'"):
        imported(root, lab, "raw")
    assert files(root / "raw") == {"x": "mine"}
    assert not (root / "raw.outdo").exists()


@pytest.mark.parametrize(
    "url", ["--upload-pack=touch x", "ext::sh -c touch% x", "https://ann:secret@example.com/x.git", "nowhere"]
)
def test_an_address_that_may_not_be_is_refused(root: Path, url: str) -> None:
    with pytest.raises(SourceFailed) as told:
        get(Objects(str(root / ".outdo")), cache(root), Asked(url, "a", "", str(root / "a")), lambda _: None)
    assert "secret" not in str(told.value)


def test_it_is_listed_without_fetching_the_data(root: Path, lab: Path) -> None:
    objects = Objects(str(root / ".outdo"))
    found = there(objects, cache(root), str(lab), rev="v1", recursive=True)
    assert [(one.path, one.keeper) for one in found] == [
        (".gitignore", "git"),
        ("outdo.yaml", "git"),
        ("raw/a", "data"),
        ("raw/sub/b", "data"),
        ("readme", "git"),
    ]
    assert sum(file.is_file() for file in Path(objects.folder).rglob("*")) == 1
    assert there(objects, cache(root), str(lab), "raw")[1] == Held("raw/sub", "folder", "data", 2)


def test_what_is_tracked_here_is_listed(lab: Path) -> None:
    project = open_project(str(lab))
    assert here(project) == [Held("raw", "folder", "data", 9, 2, tracked=True)]
    assert [one.path for one in here(project, "raw")] == ["raw/a", "raw/sub"]
    with pytest.raises(NotTracked):
        here(project, "nope")


# Imports.


def test_an_import_is_tracked_and_says_where_it_came_from(root: Path, lab: Path) -> None:
    imported(root, lab, "raw", "v1")
    (one,) = status(open_project(str(root))).paths
    assert one.workspace == "same"
    origin = Tracking(open_project(str(root))).all["raw"].origin
    assert origin
    assert (origin.path, origin.rev, origin.commit) == ("raw", "v1", git(lab, "rev-parse", "v1").strip())


def test_an_update_brings_what_is_there_now(root: Path, lab: Path) -> None:
    imported(root, lab, "raw", "v1")
    assert not updated(root, "raw").changed
    assert updated(root, "raw", rev="main").changed
    assert (root / "raw" / "a").read_text() == "changed"
    (lab / "raw" / "sub" / "b").write_text("new")
    add(open_project(str(lab)), ["raw"])
    git(lab, "commit", "-qam", "v3")
    assert updated(root, "raw").changed
    assert (root / "raw" / "sub" / "b").read_text() == "new"


def test_an_update_overwrites_no_edit(root: Path, lab: Path) -> None:
    imported(root, lab, "raw", "v1")
    (root / "raw" / "a").write_text("mine")
    with pytest.raises(WouldOverwrite):
        updated(root, "raw", rev="main")
    assert (root / "raw" / "a").read_text() == "mine"
    updated(root, "raw", rev="main", force=True)
    assert (root / "raw" / "a").read_text() == "changed"


def test_what_was_not_imported_can_not_be_updated(lab: Path) -> None:
    with pytest.raises(NotTracked, match="was not imported"):
        updated(lab, "raw")


def test_an_import_is_not_put_where_it_may_not_be(root: Path, lab: Path) -> None:
    imported(root, lab, "raw")
    with pytest.raises(CantTrack):
        import_from(
            open_project(str(root)), cache(root), Asked(str(lab), "readme", "", "raw/x"), lambda _: None
        )


# Addresses.


class Page(Quiet, BaseHTTPRequestHandler):
    """One page that may change, be cut short, or know no HEAD; it counts how often it is fetched."""

    text = b"1,2\n"
    fetched = 0
    cut = False
    heads = True

    def do_HEAD(self) -> None:
        self._head(200 if Page.heads else 405)

    def do_GET(self) -> None:
        Page.fetched += 1
        self._head(200 if self.path == "/data.csv?day=1" else 404)
        self.wfile.write(Page.text[: 2 if Page.cut else None])

    def _head(self, code: int) -> None:
        self.send_response(code)
        self.send_header("ETag", f'"{hash(Page.text)}"')
        self.send_header("Content-Length", str(len(Page.text)))
        self.end_headers()


@pytest.fixture
def web() -> Iterator[str]:
    Page.text, Page.fetched, Page.cut, Page.heads = b"1,2\n", 0, False, True
    with web_server(Page) as address:
        yield f"{address}/data.csv?day=1"


def from_url(root: Path, url: str, out: str = "data.csv") -> Imported:
    return import_url(open_project(str(root)), cache(root), Asked(url, "", "", out))


def test_a_page_is_fetched_once_while_it_stays_the_same(root: Path, web: str) -> None:
    from_url(root, web)
    assert (root / "data.csv").read_text() == "1,2\n"
    assert not updated(root, "data.csv").changed
    assert Page.fetched == 1
    Page.text = b"1,2\n3,4\n"
    assert updated(root, "data.csv").changed
    assert (root / "data.csv").read_text() == "1,2\n3,4\n"


def test_a_server_that_knows_no_head_is_asked_all_the_same(root: Path, web: str) -> None:
    Page.heads = False
    from_url(root, web)
    assert not updated(root, "data.csv").changed


def test_a_page_that_breaks_off_is_not_taken(root: Path, web: str) -> None:
    Page.cut = True
    with pytest.raises(SourceFailed, match="broke off"):
        from_url(root, web)
    assert not (root / "data.csv").exists()
    with pytest.raises(SourceFailed, match="404"):
        from_url(root, web.replace("data", "none"))


def test_a_folder_of_the_disk_is_taken_and_updated(root: Path, tmp_path: Path) -> None:
    (tmp_path / "disk" / "in").mkdir(parents=True)
    (tmp_path / "disk" / "in" / "x").write_text("1")
    from_url(root, str(tmp_path / "disk" / "in"), "in")
    assert not updated(root, "in").changed
    (tmp_path / "disk" / "in" / "y").write_text("2")
    assert updated(root, "in").changed
    assert files(root / "in") == {"x": "1", "y": "2"}


@pytest.mark.parametrize(
    "url",
    ["ftp://h/x", "https://u:secret@h/x", "https://h/x?token=secret", "s3://b/x?X-Amz-Signature=secret"],
)
def test_an_address_of_another_kind_or_with_a_secret_is_refused(root: Path, url: str) -> None:
    with pytest.raises(SourceFailed) as told:
        from_url(root, url)
    assert "secret" not in str(told.value)
