"""The commands of `outdo data`: each is loaded when it is called."""

import click

from outdo.app.lazy import lazy

COMMANDS = {
    "add": "keep files and folders, and let a pointer stand for them in Git",
    "status": "what differs from the pointers, from the last commit, and what is not kept",
    "diff": "in what tracked data and outputs of two sides differ",
    "ls": "what is tracked, in folders and in other repositories too",
    "checkout": "put tracked data in place, as the pointers say",
    "push": "share tracked data: send what the remote lacks",
    "pull": "get tracked data that others have pushed, and put it in place",
    "fetch": "the same, into the store only",
    "get": "a file or folder of another repository, once",
    "import": "the same, tracked, with where it came from",
    "import-url": "track what is at an address: the web, a bucket, this machine",
    "update": "bring imports to what is at their sources now",
    "merge": "join pointers and .gitignores that two branches have changed",
    "move": "give tracked data another name",
    "remove": "track paths no more",
    "gc": "free space: remove what nothing needs from the store",
}

_MODULES = {"import": "import_data", "import-url": "import_url"}
"""Where a command is that Python could not import by its name."""

EXAMPLES = """
\b
Examples:
  outdo data add raw/             keep a folder; Git gets raw.outdo in its place
  git add raw.outdo .gitignore && git commit
  outdo data status --granular    which files in it differ
"""


class DataGroup(click.Group):
    """Knows the commands by name and one line each; loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = _MODULES.get(cmd_name, cmd_name)
        command: click.Command = lazy(f"outdo.cli.data.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=DataGroup, epilog=EXAMPLES, help="Data outside the pipeline: kept by content, with a pointer in Git."
)
def command() -> None:
    pass
