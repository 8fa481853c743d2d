"""Why outputs may differ: the stages that began to differ, and what is known of each."""

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from outdo.app.project import Project
from outdo.app.reproduce.inputs import same_content
from outdo.app.reproduce.judge import Made
from outdo.app.reproduce.target import Target
from outdo.core.causes import Cause, Environment, Traits, causes
from outdo.core.events import StageFinished
from outdo.core.model import Path, Stage, StageName
from outdo.core.packages import kind_of
from outdo.core.plan import differences
from outdo.core.reproduction import Judged
from outdo.core.values import leaves
from outdo.core.wording import phrase

CODE = (".py", ".r", ".sh", ".ipynb", ".jl", ".js", ".sql", ".toml", ".yaml", ".yml", ".json")
CODE_LIMIT = 300_000
"""Bytes of a file of code that is looked into."""
MOST_CODE = 100
MOST_LISTED = 10_000
"""Files of folders that are listed to find code among them."""

Changed = Mapping[StageName, Sequence[str]]


def reasons(
    made: Made,
    outputs: Sequence[Judged],
    changed: Changed,
    before: Environment | None,
    after: Environment | None,
) -> tuple[Cause, ...]:
    """What may be behind the differences: of each stage that got what it got before and made something else of it."""
    differing = {one.stage for one in outputs if one.verdict in ("differs", "within")}
    found: list[Cause] = []
    for name in made.tree.graph.stages:
        if name in differing and _got_the_same(made, name):
            traits = _traits(made, made.tree.graph.stages[name], changed.get(name, ()))
            found += causes(traits, before, after)
    return tuple(found)


def changed_inputs(
    project: Project, tree: Project, target: Target, stages: Mapping[StageName, StageFinished]
) -> dict[StageName, list[str]]:
    """For each stage whose key is not the one on record, but for what stages above it made: what differs."""
    found: dict[StageName, list[str]] = {}
    for name, expected in target.stages.items():
        ended = stages.get(name)
        if ended is None or ended.record is None or expected.key in (None, ended.key) or expected.key is None:
            continue
        old = project.results.get(expected.key)
        if old is None:
            continue
        told = differences(tree.graph.stages[name], old, ended.record.deps, ended.record.params)
        own = [reason for reason in told if not tree.graph.makers(reason.subject)]
        if own:
            found[name] = [phrase(reason) for reason in own]
    return found


def _got_the_same(made: Made, name: StageName) -> bool:
    """Whether no stage above gave it something else."""
    ended = made.stages.get(name)
    if ended is None or ended.record is None:
        return False
    expected = made.target.stages[name].deps
    return all(
        same_content(made.tree, entry, expected[path])
        for path, entry in ended.record.deps.items()
        if path in expected and made.tree.graph.makers(path)
    )


def _traits(made: Made, stage: Stage, changed: Sequence[str]) -> Traits:
    ended = made.stages[stage.name]
    params = leaves(ended.record.params) if ended.record else {}
    kind = kind_of(stage.packages.file) if stage.packages else None
    return Traits(
        stage.name,
        stage.cmd,
        dict(_code(made, stage)),
        params,
        stage.env,
        kind in ("uv", "pylock", "conda-lock"),
        stage.always_changed,
        any(out.persist for out in stage.outs),
        made.target.stages[stage.name].log,
        tuple(changed),
    )


def _code(made: Made, stage: Stage) -> Iterator[tuple[Path, str]]:
    """The texts of code that a stage reads."""
    root = made.tree.root
    words = [word for command in stage.cmd for word in command.split()]
    named = [*stage.deps, *(os.path.normpath(os.path.join(stage.wdir, word)) for word in words)]
    paths: list[Path] = []
    for path in dict.fromkeys(named):
        if len(paths) > MOST_LISTED:
            break
        if os.path.isdir(os.path.join(root, path)):
            found = (
                os.path.relpath(os.path.join(folder, name), root)
                for folder, _, names in os.walk(os.path.join(root, path))
                for name in sorted(names)
            )
            paths += islice(found, MOST_LISTED)
        else:
            paths.append(path)
    code = [path for path in paths if path.lower().endswith(CODE)]
    for path in code[:MOST_CODE]:
        place = os.path.join(root, path)
        try:
            if os.path.getsize(place) <= CODE_LIMIT:
                with open(place, encoding="utf-8", errors="replace") as file:
                    yield path, file.read()
        except OSError:
            continue
