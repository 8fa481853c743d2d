"""Who overrides a gate: a maintainer of the project where it has users, else whoever Git knows here."""

import os

from msgspec import Struct

from outdo.app.person import user
from outdo.app.project import Project
from outdo.core.access import Actor, Role
from outdo.core.errors import NotAllowed
from outdo.run.git import Refused, git
from outdo.store.tracking import accounts
from outdo.store.tracking.home import is_there, opened

NEEDED: Role = "maintainer"


class Overrider(Struct, frozen=True):
    """A person, and why they do it."""

    name: str
    reason: str
    known_by: str
    """How it is known who they are."""


def overrider(project: Project, reason: str) -> Overrider:
    """Who overrides; raises `NotAllowed` where the project has users and this is no maintainer of theirs."""
    known = _accounts(project)
    if known is None or not known.users:
        return Overrider(_by_git(project.root), reason, "git config, as the project has no users")
    name = user()
    found = next((one for one in known.users.values() if one.name.lower() == name.lower()), None)
    actor = Actor(name, "command line", found.grants if found else {})
    if not actor.may(NEEDED, project.pipeline.project):
        held = actor.role_in(project.pipeline.project)
        yours = f"'{name}' is {held}" if held else f"'{name}' has no role"
        raise NotAllowed(
            f"only a {NEEDED} of '{project.pipeline.project}' may override its gates, and {yours} there",
            fix=f"ask one: outdo user list; or outdo user grant {name} {NEEDED}",
        )
    return Overrider(actor.name, reason, f"{NEEDED} of {project.pipeline.project}")


def person(project: Project) -> str:
    """The name of who is at the command line: as a user where the project has some, else as Git knows them."""
    known = _accounts(project)
    return user() if known is not None and known.users else _by_git(project.root)


def _accounts(project: Project) -> accounts.Accounts | None:
    if not is_there(project.home):
        return None
    with opened(project.home) as engine, engine.connect() as connection:
        return accounts.read(connection)


def _by_git(root: str) -> str:
    told = []
    for word in ("user.name", "user.email"):
        try:
            told.append(
                git(root, ["config", "--get", word], accepted=(0, 1)).decode("utf-8", "replace").strip()
            )
        except Refused:
            told.append("")
    name = os.environ.get("GIT_AUTHOR_NAME") or told[0]
    email = os.environ.get("GIT_AUTHOR_EMAIL") or told[1]
    if name and email:
        return f"{name} <{email}>"
    return name or email or user()
