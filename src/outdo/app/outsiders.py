"""Tests of pytest, schemas of pandera and functions as checks: each in a process beside, which sees the data and
changes nothing.

What they run is code of the project, so they are run each time that data is checked.
"""

import os
import sys
import tempfile

from msgspec import MsgspecError, Struct, json

from outdo.app.engines import environment, own
from outdo.app.project import Project, declared
from outdo.core.junit import NotJunit, judged_tests, read_junit
from outdo.core.model import Packages
from outdo.core.packages import PackagesFile, included
from outdo.core.paths import file_of
from outdo.core.pythoncheck import Answer, judged
from outdo.core.rules import OUTSIDERS, Asserted, Outsider
from outdo.core.variables import Files
from outdo.core.verdict import Verdict
from outdo.integrations.pandera import answers as pandera
from outdo.run import pythonworker
from outdo.run.environment import program
from outdo.run.exporting import export_rows
from outdo.run.outside import Outside, Said, run_outside

DATA = "OUTDO_DATA"
"""The variable by which tests find the data."""
WORKER = pythonworker.__file__
"""The script that calls a function."""


class _Python(Struct, frozen=True):
    path: str
    variables: dict[str, str] = {}
    folder: str = ""


def outsider(project: Project, file: str, asserted: Asserted) -> Verdict:
    """The verdict of another tool on the table at the absolute path `file`; whatever goes wrong with the tool, the data
    was not evaluated."""
    check = asserted.check
    assert isinstance(check, OUTSIDERS)
    wanted = check.run if isinstance(check.run, Outsider) else Outsider(check.run)
    word = str(check.__struct_config__.tag)
    name = f"{word} {wanted.path}"
    judge = {"pytest": _pytest, "pandera": _pandera, "python": _function}[word]
    with tempfile.TemporaryDirectory() as room:
        found = judge(project, file, wanted, asserted, room)
    if isinstance(found, str):
        return Verdict(name, "not_evaluated", found, level=asserted.level, doubt=asserted.doubt)
    return Verdict(
        name, found.outcome, found.reason, found.evidence, asserted.level, asserted.doubt, parts=found.parts
    )


def _pytest(project: Project, file: str, wanted: Outsider, asserted: Asserted, room: str) -> Verdict | str:
    tests = os.path.join(project.root, wanted.path)
    if not os.path.exists(tests):
        return f"there is no '{wanted.path}'"
    data = file
    if asserted.where:
        data = os.path.join(room, "rows.parquet")
        if problem := export_rows(file, {data: asserted.where}, room):
            return problem
    python = _python(project, wanted.env)
    if isinstance(python, str):
        return python
    report = os.path.join(room, "junit.xml")
    words = (
        python.path, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", wanted.path,
    )  # fmt: skip
    said = _run(project, python, words, wanted, room, data)
    if said.code is None:
        return said.text
    try:
        with open(report, "rb") as opened:
            cases = read_junit(opened.read())
    except OSError:
        return f"pytest wrote no report: {said.last_line[:200]}"
    except NotJunit as error:
        return f"pytest's report can't be read: {error}"
    verdict = judged_tests(wanted.path, cases)
    if said.code and (verdict.outcome == "passed" or not cases):
        return f"pytest ended with {said.code}: {said.last_line[:200]}"
    return verdict


def _pandera(project: Project, file: str, wanted: Outsider, asserted: Asserted, room: str) -> Verdict | str:
    path, _, name = wanted.path.rpartition(":") if ".py:" in wanted.path else (wanted.path, "", "")
    if not name and path.endswith(".py"):
        return f"say which schema in '{path}' is meant, such as {path}:schema"
    schema = os.path.join(project.root, path)
    if not os.path.isfile(schema):
        return f"there is no '{path}'"
    python = _python(project, wanted.env) if wanted.env else _own(project)
    if isinstance(python, str):
        return python
    table, request, answer = (os.path.join(room, each) for each in ("rows.parquet", "request", "answer"))
    if problem := export_rows(file, {table: asserted.where}, room):
        return problem
    with open(request, "wb") as opened:
        opened.write(json.encode(pandera.Request(table, schema, name)))
    words = (python.path, pandera.WORKER, request, answer)
    said = _run(project, python, words, wanted, room, os.path.dirname(pandera.WORKER))
    if said.code != 0:
        return said.text if said.code is None else f"pandera ended with {said.code}: {said.last_line[:200]}"
    try:
        with open(answer, "rb") as opened:
            return pandera.judged(wanted.path, json.decode(opened.read(), type=pandera.Answer), "fail")
    except (OSError, MsgspecError) as error:
        return f"its answer can't be read: {error}"


def _function(project: Project, file: str, wanted: Outsider, asserted: Asserted, room: str) -> Verdict | str:
    path, _, name = wanted.path.rpartition(":")
    if not path.endswith(".py") or not name.isidentifier():
        return f"say which function is meant, such as {path or wanted.path}:name"
    code = os.path.join(project.root, path)
    if not os.path.isfile(code):
        return f"there is no '{path}'"
    data = file_of(file)
    if asserted.where:
        data = os.path.join(room, "rows.parquet")
        if problem := export_rows(file, {data: asserted.where}, room):
            return problem
    packages = declared(project).packages
    python = _in(project, packages) if packages and not wanted.env else _python(project, wanted.env)
    if isinstance(python, str):
        return python
    request, answer = (os.path.join(room, each) for each in ("request", "answer"))
    with open(request, "wb") as opened:
        opened.write(json.encode((code, name, data)))
    said = _run(project, python, (python.path, WORKER, request, answer), wanted, room, data, WORKER)
    if said.code != 0:
        return said.text if said.code is None else f"it ended with {said.code}: {said.last_line[:200]}"
    try:
        with open(answer, "rb") as opened:
            return judged(wanted.path, json.decode(opened.read(), type=Answer), asserted)
    except (OSError, MsgspecError) as error:
        return f"its answer can't be read: {error}"


def _run(
    project: Project, python: _Python, words: tuple[str, ...], wanted: Outsider, room: str, *seen: str
) -> Said:
    variables = {**python.variables, DATA: seen[0], "TMPDIR": room}
    shown = tuple(filter(None, (project.root, *seen, python.folder)))
    return run_outside(Outside(words, project.root, variables, wanted.timeout.seconds, shown, (room,)))


def _own(project: Project) -> _Python | str:
    with open(pandera.REQUIREMENTS, "rb") as opened:
        built = own(project, "pandera", opened.read())
    if isinstance(built, str):
        return built
    return _Python(os.path.join(built.folder, "bin", "python"), folder=built.folder)


def _python(project: Project, env: PackagesFile | None) -> _Python | str:
    """The Python of an environment of the project; without one, the first on the PATH, or that which runs us."""
    if env is None:
        return _Python(program("python", project.root, os.environ) or sys.executable)
    files = Files(lambda path: _text(os.path.join(project.root, path)))
    also = tuple(included(env.file, files)) if env.file.endswith((".txt", ".in")) else ()
    return _in(project, Packages(env.file, env.extras, env.groups, also))


def _in(project: Project, packages: Packages) -> _Python | str:
    built = environment(project, packages)
    if isinstance(built, str):
        return built
    return _Python(os.path.join(built.folder, "bin", "python"), dict(built.variables), built.folder)


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as opened:
            return opened.read()
    except (OSError, UnicodeDecodeError):
        return None
