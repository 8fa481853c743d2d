"""`env:` names variables, or the file of an environment, or both; and what such a file leaves open."""

import pytest

from outdo.core.config import read_project
from outdo.core.errors import BadPath, Mistakes, UnknownName, UserError, WrongType
from outdo.core.graph import build
from outdo.core.model import Entry, Key, Packages, Record, Stage
from outdo.core.packages import kind_of, pins
from outdo.core.plan import Facts, decide, differences, plan
from outdo.core.wording import phrase

PYPROJECT = """
[project.optional-dependencies]
gpu = []
[dependency-groups]
dev = []
"""
REQUIREMENTS = """
-r requirements/base.txt   # shared
-cconstraints.txt
--index-url https://example.com/simple
numpy==2.1.0 ; python_version > "3.9"
"""


def stages(text: str, **files: str) -> dict[str, Stage]:
    known = {name.replace("__", "/").replace("_txt", ".txt"): content for name, content in files.items()}
    found = read_project("outdo.yaml", text, known.get).pipeline.stages
    return {stage.name: stage for stage in found}


def mistakes(text: str, files: dict[str, str] | None = None) -> list[UserError]:
    with pytest.raises(Mistakes) as raised:
        read_project("outdo.yaml", text, (files or {}).get)
    return list(raised.value.mistakes)


def test_the_file_of_the_top_is_every_stages() -> None:
    found = stages("env: uv.lock\nstages: {a: {cmd: x}, b: {cmd: y, deps: [d]}}")
    assert found["a"].packages == found["b"].packages == Packages("uv.lock")
    assert found["b"].deps == ("d", "uv.lock")


def test_a_list_holds_both() -> None:
    found = stages("env: [uv.lock, {A: 1}]\nstages: {a: {cmd: x, env: {B: 2}}}")["a"]
    assert (found.packages, found.env["A"], found.env["B"]) == (Packages("uv.lock"), "1", "2")


def test_a_stages_own_file_counts_more() -> None:
    found = stages("env: uv.lock\nstages: {a: {cmd: x, wdir: sub, env: requirements.txt}, b: {cmd: y}}")
    assert found["a"].packages == Packages("sub/requirements.txt")
    assert "uv.lock" not in found["a"].deps
    assert found["b"].packages == Packages("uv.lock")


def test_extras_and_groups_stand_in_brackets() -> None:
    found = stages('env: "uv.lock[gpu, group:dev]"\nstages: {a: {cmd: x}}', **{"pyproject.toml": PYPROJECT})[
        "a"
    ]
    assert found.packages == Packages("uv.lock", ("gpu",), ("dev",))
    assert found.env["OUTDO_ENVIRONMENT"] == "uv.lock[gpu,group:dev]"


def test_files_that_requirements_take_in_are_dependencies() -> None:
    found = stages(
        "env: requirements.txt\nstages: {a: {cmd: x}}",
        requirements_txt=REQUIREMENTS,
        requirements__base_txt="-r ../requirements.txt\n-r https://example.com/r.txt\npandas\n",
    )["a"]
    assert found.deps == ("requirements.txt", "requirements/base.txt", "constraints.txt")


def test_a_pinned_python_is_a_dependency() -> None:
    found = stages("env: uv.lock\nstages: {a: {cmd: x}}", **{".python-version": "3.12"})["a"]
    assert found.deps == ("uv.lock", ".python-version")


@pytest.mark.parametrize(
    ("env", "kind", "what", "fix"),
    [
        ("uv.lok", WrongType, "'uv.lock[gpu, group:dev]', not the text 'uv.lok'", "did you mean 'uv.lock'?"),
        ("requirement.txt", WrongType, "the file of an environment", "did you mean 'requirements.txt'?"),
        ("train.py", WrongType, "the file of an environment", ""),
        ("'requirements.txt[gpu]'", WrongType, "'requirements.txt' has no extras or groups", ""),
        ("'uv.lock[g pu]'", WrongType, "extras and groups in brackets", ""),
        ("[uv.lock, pylock.toml]", WrongType, "two environments, 'uv.lock' and 'pylock.toml'", "take the other"),
        ("3", WrongType, "or a mapping or a list, not the number 3", ""),
        ("[[uv.lock]]", WrongType, "or a mapping, not a list", ""),
        ("'https://example.com/uv.lock'", BadPath, "is a URL", ""),
        ("'uv.lock[gpuu]'", UnknownName, "'pyproject.toml' has no extra 'gpuu'", "did you mean 'gpu'?"),
        ("'uv.lock[group:doc]'", UnknownName, "has no group 'doc'", "known here: dev"),
    ],
)  # fmt: skip
def test_a_wrong_env_is_told(env: str, kind: type[UserError], what: str, fix: str) -> None:
    (found,) = mistakes(f"env: {env}\nstages: {{a: {{cmd: x}}}}", {"pyproject.toml": PYPROJECT})
    assert type(found) is kind
    assert what in found.what
    assert fix in found.fix


def test_a_file_that_is_not_there_is_told_once_for_all_stages() -> None:
    graph = build(list(stages("env: uv.lock\nstages: {a: {cmd: x}, b: {cmd: y}}").values()))
    with pytest.raises(
        UserError, match=r"environment 'uv\.lock' is built from 'uv\.lock', which is not here"
    ):
        plan(graph, Facts({}, {}, {}, lambda _stage, _tried: None, lambda _: True))


def test_another_environment_is_a_reason_to_run() -> None:
    before, after = (
        stages(
            f'env: "uv.lock{parts}"\nstages: {{a: {{cmd: x, outs: [o]}}}}', **{"pyproject.toml": PYPROJECT}
        )["a"]
        for parts in ("", "[gpu]")
    )
    entries = {"uv.lock": Entry("d", 1)}  # type: ignore[arg-type]
    facts = Facts(entries, {}, {}, lambda _stage, _tried: None, lambda _: True)
    assert decide(before, facts).key != decide(after, facts).key
    old = Record(Key("k"), before.cmd, entries, {}, before.env, {"o": entries["uv.lock"]})
    (reason,) = differences(after, old, entries, {})
    assert phrase(reason) == "environment uv.lock → uv.lock[gpu]"


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("uv.lock", "uv"),
        ("../uv.lock", "uv"),
        ("pylock.toml", "pylock"),
        ("pylock.gpu.toml", "pylock"),
        ("pyproject.toml", "pyproject"),
        ("requirements.txt", "requirements"),
        ("requirements-dev.txt", "requirements"),
        ("dev-requirements.in", "requirements"),
        ("requirements/gpu.txt", "requirements"),
        ("conda-lock.yml", "conda-lock"),
        ("linux.conda-lock.yml", "conda-lock"),
        ("environment.yaml", "conda"),
        ("poetry.lock", None),
        ("notes.txt", None),
        ("", None),
    ],
)
def test_kinds_are_known_by_their_names(file: str, kind: str | None) -> None:
    assert kind_of(file) == kind


def test_what_is_pinned_is_told_apart_from_what_is_not() -> None:
    lines = [
        "A.b==1.0",
        "c>=1",
        "d==1.*",
        "e[x]===2 \\\n  --hash=sha256:00",
        "f @ https://e.com/f.whl",
        "-e ./own",
    ]
    assert pins("\n".join([*lines, "g ; python_version=='3'"])) == (
        {"a-b": True, "c": False, "d": False, "e": True, "f": True, "g": False},
        ["./own"],
    )
