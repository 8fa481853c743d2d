"""Stages that read from addresses: asked, never fetched, and run again when their servers say that they changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer
from threading import Thread

import pytest

import outdo
from outdo.app.plan import status
from outdo.app.project import open_project
from outdo.app.why import why
from outdo.core.model import Entry, Reason, StageName
from outdo.core.plan import Request
from tests.contracts.pages import Web, web

FETCH = StageName("fetch")
FRESH = {"fetch": "keep", "use": "keep", "other": "keep"}


@pytest.fixture
def page() -> Iterator[Web]:
    with web() as one:
        one.pages["/rows.csv"] = b"a,b\n"
        yield one


def project(folder: Path, url: str, more: str = "") -> Path:
    (folder / "raw.csv").write_text("1")
    (folder / "outdo.yaml").write_text(
        "stages:\n"
        f"  fetch: {{cmd: date +%N > f, deps: ['{url}'], outs: [f]}}\n"
        "  use: {cmd: cp f u, deps: [f], outs: [u]}\n"
        f"  other: {{cmd: cp raw.csv o, deps: [raw.csv], outs: [o]}}\n{more}"
    )
    return folder


def verbs(root: Path) -> dict[str, str]:
    return {name: action.verb for name, action in status(open_project(str(root))).actions.items()}


def barred(root: Path) -> tuple[str, object]:
    """What is said of the stage that can't ask, and how to mend it."""
    reason = why(open_project(str(root)), "fetch").chain[0].reasons[0]
    assert reason.kind == "barred"
    return reason.subject, reason.after


def look(root: Path, url: str) -> Entry:
    project = open_project(str(root))
    return project.workspace.look([url])[url]


def test_a_page_is_asked_for_once_before_and_once_after_and_never_fetched(tmp_path: Path, page: Web) -> None:
    root = project(tmp_path, f"{page.url}/rows.csv")
    assert outdo.load(root).run().ok
    assert page.asked == ["HEAD /rows.csv"] * 2
    assert verbs(root) == FRESH


def test_another_etag_runs_its_stage_and_why_says_so(tmp_path: Path, page: Web) -> None:
    page.headers["/rows.csv"] = {"ETag": '"one"'}
    url = f"{page.url}/rows.csv"
    root = project(tmp_path, url)
    outdo.load(root).run("fetch")
    page.headers["/rows.csv"] = {"ETag": '"two"'}
    told = why(open_project(str(root)), "fetch").chain[0].reasons
    assert told == (Reason("dependency_changed", url, 'checksum:"one"', 'checksum:"two"'),)


@pytest.mark.slow
def test_what_was_there_before_is_known_to_the_run_cache(tmp_path: Path, page: Web) -> None:
    root = project(tmp_path, f"{page.url}/rows.csv")
    outdo.load(root).run()
    page.pages["/rows.csv"] = b"c,d\n"
    outdo.load(root).run()
    page.pages["/rows.csv"] = b"a,b\n"
    assert verbs(root)["fetch"] == "restore"


@pytest.mark.parametrize("name", ["Content-MD5", "Last-Modified"])
def test_a_server_without_etags_may_tell_of_changes_in_another_way(
    tmp_path: Path, page: Web, name: str
) -> None:
    page.headers["/rows.csv"] = {name: "one"}
    root = project(tmp_path, f"{page.url}/rows.csv")
    before = look(root, f"{page.url}/rows.csv")
    assert before == look(root, f"{page.url}/rows.csv")
    page.headers["/rows.csv"] = {name: "two"}
    assert before.digest != look(root, f"{page.url}/rows.csv").digest


def test_a_server_that_tells_of_no_change_leaves_its_readers_out(tmp_path: Path, page: Web) -> None:
    page.headers["/rows.csv"] = {}
    root = project(tmp_path, f"{page.url}/rows.csv")
    assert verbs(root) == {"fetch": "skip", "use": "skip", "other": "run"}
    assert "does not say when it changes" in barred(root)[0]


def test_a_redirect_is_followed(tmp_path: Path, page: Web) -> None:
    page.moved["/latest"] = "/rows.csv"
    root = project(tmp_path, f"{page.url}/latest?download=1")
    before = look(root, f"{page.url}/latest?download=1")
    assert page.asked == ["HEAD /latest?download=1", "HEAD /rows.csv"]
    page.pages["/rows.csv"] = b"changed"
    assert before.digest != look(root, f"{page.url}/latest?download=1").digest


def test_a_server_that_is_down_leaves_its_readers_out_and_the_others_run(tmp_path: Path, page: Web) -> None:
    root = project(tmp_path, f"{page.url}/rows.csv")
    page.stop()
    done = outdo.load(root).run()
    ends = {name: end.status for name, end in done.stages.items()}
    assert (done.ok, ends) == (False, {"fetch": "failed", "use": "skipped", "other": "ran"})
    assert f"'{page.url}/rows.csv' can't be had" in done.stages[FETCH].failure
    assert "(outdo.yaml:2:3)" in done.stages[FETCH].failure


def test_nobody_asks_for_a_stage_that_was_not_meant(tmp_path: Path, page: Web) -> None:
    status(open_project(str(project(tmp_path, f"{page.url}/rows.csv"))), Request(("other",)))
    assert page.asked == []


def test_a_page_that_is_not_there_is_told(tmp_path: Path, page: Web) -> None:
    assert "404" in barred(project(tmp_path, f"{page.url}/none.csv"))[0]


def test_what_changes_while_a_stage_runs_is_not_kept_as_its_result(tmp_path: Path, page: Web) -> None:
    page.headers["/rows.csv"] = {"ETag": "{asked}"}
    done = outdo.load(project(tmp_path, f"{page.url}/rows.csv")).run("fetch")
    assert "changed while it ran, so its result is not kept" in done.stages[FETCH].failure


def test_a_path_at_a_declared_remote_is_asked_for_there(tmp_path: Path, page: Web) -> None:
    root = project(tmp_path, "remote://web/rows.csv", f"remotes: {{web: '{page.url}'}}\n")
    look(root, "remote://web/rows.csv")
    assert page.asked == ["HEAD /rows.csv"]


def test_a_remote_that_nobody_declared_is_told_for_its_stage_alone(tmp_path: Path) -> None:
    root = project(tmp_path, "remote://wep/rows.csv", "remotes: {web: 'https://host.example'}\n")
    assert barred(root) == ("no remote is named 'wep'", "did you mean 'web'?")
    assert verbs(root)["other"] == "run"


def test_a_path_at_a_remote_that_is_a_folder_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    root = project(tmp_path, "remote://disk/rows.csv", "remotes: {disk: ./disk}\n")
    assert barred(root)[0] == f"nothing is at '{tmp_path}/disk/rows.csv'"
    (tmp_path / "disk" / "rows.csv").write_text("1")
    before = look(root, "remote://disk/rows.csv")
    (tmp_path / "disk" / "rows.csv").write_text("2")
    assert before != look(root, "remote://disk/rows.csv")


def test_a_path_outside_of_the_project_is_read_as_it_is(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("1")
    (tmp_path / "in").mkdir()
    root = project(tmp_path / "in", str(outside))
    before = look(root, str(outside))
    outside.write_text("2")
    assert before != look(root, str(outside))


@pytest.mark.parametrize(
    "answer",
    [
        b"no answer at all\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nETag: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n",
    ],
)
def test_a_server_that_does_not_speak_as_it_should_is_one_message(tmp_path: Path, answer: bytes) -> None:
    with raw(answer) as url:
        root = project(tmp_path, f"{url}/rows.csv")
        assert barred(root)[0].startswith(f"'{url}/rows.csv' can't be had: ")


@pytest.mark.parametrize("length", ["\xb2", "9" * 5000, "-1", "x"])
def test_a_length_that_is_none_is_not_believed(tmp_path: Path, length: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Length: {length}\r\n\r\n"
    with raw(head.encode("latin-1")) as url:
        found = look(project(tmp_path, f"{url}/rows.csv"), f"{url}/rows.csv")
    assert (found.state, found.size, found.files) == ("checksum:x", 0, 0)


@contextmanager
def raw(answer: bytes) -> Iterator[str]:
    """The address of a server that says just this to everybody."""

    class Says(StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer)

    with TCPServer(("127.0.0.1", 0), Says) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
