"""`outdo user`: who may sign in to a server, and what they may do there."""

import sys
from collections.abc import Mapping

import click
from msgspec import json

from outdo.app import accounts
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.home import of_server, read_password, server
from outdo.cli.paint import Paint, plain, say
from outdo.core.access import EVERY, ROLES, Role
from outdo.core.errors import Usage

EXAMPLES = """
\b
Examples:
  outdo user add anna --admin                        asks for the password
  outdo user add ben --role developer --project flights
  outdo user grant ben viewer                        in all projects
  outdo user list

\b
viewer      looks at everything
developer   logs runs, models and artifacts
maintainer  moves aliases and stages, deletes experiments, models and artifacts
admin       everything
"""

in_file = click.option(
    "--password-file", default="", metavar="FILE", help="Read the password from its first line; - for stdin."
)
in_project = click.option("--project", default=EVERY, metavar="NAME", help="In this project; else in all.")


@click.group(epilog=EXAMPLES, help="Users of a server: with the first one, everybody has to sign in.")
def command() -> None:
    pass


@command.command("add", help="Add a user, and say what they may do.")
@click.argument("name")
@click.option("--admin", is_flag=True, help="They may do everything.")
@click.option("--role", type=click.Choice(ROLES), help="Their role; developer if not said.")
@in_project
@in_file
@click.option("--no-password", is_flag=True, help="They sign in by tokens alone, as programs do.")
@of_server
def add(
    name: str, admin: bool, role: Role | None, project: str, password_file: str, no_password: bool,
    home: str, database: str,
) -> int:  # fmt: skip
    if admin and (role or project != EVERY):
        raise Usage("--admin is a role in all projects", fix="leave --role and --project out")
    if no_password and password_file:
        raise Usage("--no-password and --password-file exclude each other", fix="leave one of them out")
    given: Role = "admin" if admin else role or "developer"
    password = "" if no_password else read_password(password_file)
    first = accounts.add_user(server(home, database), name, password, {project: given})
    say(f"added {plain(name)}, {_granted(given, project)}")
    if first:
        say("from now on everybody has to sign in to this server")
    if no_password:
        say(f"next: outdo token new {plain(name)}")
    return 0


@command.command("list", help="Users and what they may do.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@of_server
def list_(as_json: bool, home: str, database: str) -> int:
    found = accounts.everybody(server(home, database))
    users = list(found.users.values())
    if as_json:
        data = [
            {
                "name": user.name,
                "grants": user.grants,
                "password": bool(user.password),
                "tokens": [token.id for token in found.tokens.values() if token.user == user.name],
            }
            for user in users
        ]
        click.echo(json.encode({"schema": "outdo.users/1", "status": "done", "data": data}))
        return 0
    if not users:
        say(
            "no users: a server on this machine is open to everybody here · next: outdo user add NAME --admin"
        )
        return 0
    tokens = [sum(token.user == user.name for token in found.tokens.values()) for user in users]
    columns = [
        Column("user", tuple(Cell(user.name, ("bold",)) for user in users)),
        Column("may", tuple(Cell(_all_granted(user.grants)) for user in users)),
        Column("password", tuple(Cell("yes" if user.password else "–") for user in users)),
        Column("tokens", tuple(Cell(str(count) if count else "–") for count in tokens), right=True),
    ]
    click.echo("\n".join(aligned(columns, Paint(sys.stdout))))
    return 0


@command.command("remove", help="Remove a user and their tokens; what they did stays on record.")
@click.argument("name")
@of_server
def remove(name: str, home: str, database: str) -> int:
    left = accounts.remove_user(server(home, database), name)
    say(f"removed {plain(name)}")
    if not left:
        say("no user is left: on this machine the server is open to everybody again")
    return 0


@command.command("password", help="Give a user another password.")
@click.argument("name")
@in_file
@of_server
def password(name: str, password_file: str, home: str, database: str) -> int:
    accounts.set_password(server(home, database), name, read_password(password_file))
    say(f"{plain(name)} has a new password; the one before does not hold any more")
    return 0


@command.command("grant", help="Give a user a role, in one project or in all.")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@in_project
@of_server
def grant(name: str, role: Role, project: str, home: str, database: str) -> int:
    before = accounts.grant(server(home, database), name, project, role)
    was = f", was {before}" if before else ""
    say(f"{plain(name)} is {_granted(role, project)}{was}")
    return 0


@command.command("revoke", help="Take the role that a user has in one project, or the one in all.")
@click.argument("name")
@in_project
@of_server
def revoke(name: str, project: str, home: str, database: str) -> int:
    before = accounts.revoke(server(home, database), name, project)
    say(f"{plain(name)} is no longer {_granted(before, project)}")
    return 0


def _granted(role: Role, project: str) -> str:
    return f"{role} in all projects" if project == EVERY else f"{role} in '{plain(project)}'"


def _all_granted(grants: Mapping[str, Role]) -> str:
    told = [f"{role} in {'all' if project == EVERY else project}" for project, role in sorted(grants.items())]
    return ", ".join(told) or "nothing"
