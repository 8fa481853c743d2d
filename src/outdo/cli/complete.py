"""Names that a shell can complete: `eval "$(_OUTDO_COMPLETE=bash_source outdo)"`, and the same for zsh and fish."""

import os

import click
from click.shell_completion import CompletionItem

from outdo.app.project import open_project
from outdo.core.errors import UserError


def targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Stages, groups and outputs that begin with what was typed; none where the file has a mistake."""
    try:
        graph = open_project(os.curdir).graph
    except (UserError, OSError):
        return []
    stages = {str(name): stage.desc for name, stage in graph.stages.items()}
    groups = {name.partition("@")[0]: f"every {name.partition('@')[0]}@…" for name in stages if "@" in name}
    outputs = {path: f"made by {maker}" for path, maker in graph.made_by.items()}
    names: dict[str, str] = {**outputs, **groups, **stages}
    return [
        CompletionItem(name, help=names[name] or None)
        for name in sorted(names)
        if name.startswith(incomplete)
    ]
