"""The group of commands: each is loaded when it is called."""

import os
import sys
from collections.abc import Sequence

import click
from msgspec import json

from outdo.app.lazy import lazy
from outdo.app.project import find_root
from outdo.cli.failure import as_data, show
from outdo.cli.paint import Paint, plain
from outdo.core.errors import UserError
from outdo.core.version import VERSION

COMMANDS = {
    "init": "write a first outdo.yaml that fits this folder",
    "run": "run what changed, restore what is known, keep the rest",
    "status": "what is fresh, what would run, and why",
    "check": "judge data by the checks of outdo.yaml",
    "why": "why a stage runs, as deep as it goes; or what an error code means",
    "graph": "the stages as a picture: terminal, Mermaid, DOT, SVG",
    "log": "former runs with their params and metrics",
    "show": "all about one run",
    "diff": "in what two of workspace, commits and runs differ",
    "compare": "params and metrics of several runs beside each other",
    "models": "registered models: versions, aliases, metrics, and what made them",
    "model": "one version of a model: all about it, and its aliases",
    "promote": "let a version into an environment, if it passed its gates",
    "attest": "sign what is known of a version that passed its gates",
    "verify": "whether an attestation holds, and all that it names is intact",
    "trace": "the whole way back from a model, an object or a path to what it was made of",
    "reproduce": "make a run, a commit or a model again, and tell what differs",
    "apply": "put code, params and outputs of a run back",
    "branch": "make a Git branch of a run",
    "metrics": "the metrics now, or in what they differ",
    "params": "the params now, or in what they differ",
    "plots": "plots of workspace, commits and runs as one page, SVG or PNG",
    "push": "share results: send what the remote lacks",
    "pull": "get results that others have pushed, and put them in place",
    "fetch": "the same, into the store only",
    "data": "files and folders outside the pipeline, kept by content",
    "import": "bring over a DVC repository, or all that was logged with MLflow",
    "export": "the way back: as DVC keeps it",
    "server": "serve runs, metrics and artifacts to MLflow clients",
    "user": "who may sign in to a server, and what they may do",
    "token": "what programs sign in to a server with",
    "audit": "who changed what on a server, and whether that record is whole",
    "key": "keys that sign attestations, and those that a project trusts",
    "gc": "free space: remove what nothing needs from the store",
    "schema": "the JSON Schema of outdo.yaml, for editors",
}

DVC_WORDS = {
    "repro": "Outdo's word for `dvc repro` is `outdo run`.",
    "dag": "Outdo's word for `dvc dag` is `outdo graph`.",
    "add": "Outdo's word for `dvc add` is `outdo data add`.",
    "checkout": "Outdo's word for `dvc checkout` is `outdo data checkout`; outputs of stages come with `outdo run`.",
    "import": "Outdo's word for `dvc import` is `outdo data import`.",
    "gc": "Outdo never empties DVC's cache: `dvc gc` does.",
    "exp": "Experiments of DVC's stay with `dvc exp`; `outdo run --set`, `outdo log` and `outdo apply` do it here.",
    "queue": "The queue of DVC's stays with `dvc queue`; `outdo run --set lr=0.1,0.01` tries several at once.",
    "commit": "Outdo writes `dvc.lock` by itself, with each run.",
    "get": "Outdo's word for `dvc get` is `outdo data get`.",
    "import-url": "Outdo's word for `dvc import-url` is `outdo data import-url`.",
    "update": "Outdo's word for `dvc update` is `outdo data update`.",
    "list": "Outdo's word for `dvc list` is `outdo data ls`.",
    "ls": "Outdo's word for `dvc ls` is `outdo data ls`.",
    "move": "Outdo's word for `dvc move` is `outdo data move`.",
    "remove": "Outdo's word for `dvc remove` is `outdo data remove`; a stage is taken out of the file.",
    "remote": "Remotes stand in the file: `remotes: {team: s3://bucket/x}`; DVC's own in `.dvc/config`.",
    "stage": "Stages stand in the file; `outdo init` writes a first one, and `outdo schema` is for editors.",
    "config": "Outdo's settings stand in its file; `dvc config` writes those of a DVC repository, which Outdo follows.",
    "freeze": "Write `frozen: true` at the stage.",
    "unfreeze": "Take `frozen: true` from the stage.",
    "doctor": "`outdo --version` says which Outdo this is.",
    "version": "`outdo --version` says which Outdo this is.",
}
"""What those who know DVC may type."""
_MODULES = {"data": "data.group", "export": "export_to", "import": "import_from"}
"""Where a command is that is not in a module of its name."""

EXAMPLES = """
\b
Examples:
  outdo init                      look at this folder and write a first outdo.yaml
  outdo run                       run what changed, and only that
  outdo run train --dry           what would be done for `train`, and why
  outdo why train                 the exact reasons, as deep as they go
  outdo log --sort metrics.auc    the best run first
"""


class Group(click.Group):
    """Knows the commands by name and one line each; loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = lazy(f"outdo.cli.{_MODULES.get(cmd_name, cmd_name)}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches  # only where there is a mistake to explain

            if name in DVC_WORDS:
                raise click.UsageError(f"there is no command `{name}`. {DVC_WORDS[name]}", ctx)
            near = get_close_matches(name, COMMANDS, n=2)
            hint = f" Did you mean {' or '.join(f'`{word}`' for word in near)}?" if near else ""
            raise click.UsageError(f"there is no command `{name}`.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Group,
    help="CI/CD for machine learning: runs only what changed, and says why.",
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, "--version", "-V", prog_name="outdo", message="%(prog)s %(version)s")
@click.option(
    "-C", "folder", type=click.Path(file_okay=False, exists=True), help="Work as if started in this folder."
)
def outdo(folder: str | None) -> None:
    if folder:
        os.chdir(folder)


def call(words: Sequence[str]) -> int:
    """Runs one command line and returns its exit code."""
    try:
        code = outdo.main(list(words), prog_name="outdo", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_:
        click.echo(help_.format_message())
        return 0
    except click.ClickException as error:
        paint = Paint(sys.stderr)
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "outdo"
        print(f"{paint('error', 'red', 'bold')}: {error.format_message()}", file=sys.stderr)
        print(f"  {paint('fix', 'cyan', 'bold')}: {path} --help", file=sys.stderr)
        return 2
    except click.Abort:
        return 130
    except UserError as error:
        if "--json" in words:
            click.echo(json.encode(as_data(error)))
        print(show(error, _root(), Paint(sys.stderr)), file=sys.stderr)
        return error.exit_code
    except OSError as error:
        # What the machine refuses and no verb foresaw: a person can act on it, and a traceback would not help.
        paint = Paint(sys.stderr)
        place = f": {plain(str(error.filename))}" if error.filename else ""
        print(f"{paint('error', 'red', 'bold')}: {error.strerror or error}{place}", file=sys.stderr)
        return 1
    return code if isinstance(code, int) else 0


def _root() -> str:
    try:
        return find_root(os.curdir)
    except UserError:
        return os.curdir
