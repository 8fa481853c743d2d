"""Who may do what: roles in projects, what a token is limited to, and the decision, as values alone."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

Role = Literal["viewer", "developer", "maintainer", "admin"]
"""Each may do what those before it may."""
ROLES: tuple[Role, ...] = ("viewer", "developer", "maintainer", "admin")

EVERY = "*"
"""Stands for all projects."""
PROJECT_TAG = "outdo.project"
"""The tag that says which project an experiment or a registered model belongs to."""

Sight = frozenset[str] | None
"""The projects that somebody may look into; None: all."""

Kind = Literal[
    "experiment", "experiment name", "run", "logged model", "model", "version", "artifact", "trace", "webhook"
]

FREE_TRIES = 5
"""Failed attempts of one user from one address that are answered at once."""
FREE_TRIES_OF_ADDRESS = 25
LONGEST_PAUSE = 60.0


class Thing(Struct, frozen=True):
    """What a call is about; it belongs to a project."""

    kind: Kind
    name: str
    """Its id, name, or path; a version's is `model/number`."""
    reads: bool = False
    """The call only looks at it, so that a viewer's role is enough for it."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def is_shared(self) -> bool:
        """Whether a role in one of its projects is enough: the files of registered versions, which never change, are
        those of every model that has the same."""
        return self.kind == "artifact" and self.name.startswith("versions/")


class Limit(Struct, frozen=True):
    """The most that a token may do, whatever its user may."""

    role: Role = "admin"
    project: str = EVERY


class Actor(Struct, frozen=True):
    """Who calls, and what they may do in which project."""

    name: str
    """Empty where nobody signs in."""
    via: str
    """How they signed in: `open`, `password`, `token ID`."""
    grants: Mapping[str, Role]
    limit: Limit = Limit()

    def role_in(self, project: str) -> Role | None:
        """The role in a project; None where they have none."""
        if self.limit.project not in (EVERY, project):
            return None
        held = [self.grants[name] for name in (project, EVERY) if name in self.grants]
        return _lower(max(held, key=ROLES.index), self.limit.role) if held else None

    @property
    def is_here(self) -> bool:
        """Whether they are on the server's own machine: as are stages, and all callers of a server without users."""
        return self.via == "open" or self.via.startswith("stage ")

    def may(self, role: Role, project: str) -> bool:
        """Whether they have this role in a project, or a higher one."""
        held = self.role_in(project)
        return held is not None and at_least(held, role)

    @property
    def highest(self) -> Role | None:
        """The highest role that they have anywhere."""
        held = [role for project in self.projects if (role := self.role_in(project))]
        return max(held, key=ROLES.index) if held else None

    @property
    def sight(self) -> Sight:
        """The projects that they may look into."""
        if self.limit.project == EVERY and EVERY in self.grants:
            return None
        return frozenset(project for project in self.projects if self.role_in(project))

    @property
    def projects(self) -> Iterable[str]:
        """The projects in which they may have a role."""
        return (self.limit.project,) if self.limit.project != EVERY else self.grants


EVERYBODY = Actor("", "open", {EVERY: "admin"})
"""Who calls a server on loopback that has no user yet."""


class Hidden(Struct, frozen=True):
    """For who calls it is as if the thing were not there."""


class TooLow(Struct, frozen=True):
    """They may look at the thing, but not do this with it."""

    project: str
    needed: Role
    held: Role

    def __str__(self) -> str:
        where = f"in project '{self.project}'" if self.project != EVERY else "in all projects"
        return f"this needs the role {self.needed} {where}; yours is {self.held}"


def at_least(held: Role, needed: Role) -> bool:
    """Whether a role may do what another may."""
    return ROLES.index(held) >= ROLES.index(needed)


def decide(actor: Actor, needed: Role, project: str) -> Hidden | TooLow | None:
    """Why somebody may not do what needs a role in a project; None where they may."""
    held = actor.role_in(project)
    if held is None:
        return Hidden()
    return None if at_least(held, needed) else TooLow(project, needed, held)


def project_of(name: str) -> str:
    """The project of an experiment of this name, unless a tag says another: what stands before the first slash."""
    return name.lstrip("/").partition("/")[0]


def home_of(actor: Actor, name: str) -> str | None:
    """The project that a new thing has to be put in expressly; None where its name says it, or nothing can be said.

    Who works in one project alone need not name it."""
    if actor.may("developer", project_of(name)):
        return None
    own = [project for project in actor.projects if project != EVERY and actor.may("developer", project)]
    return own[0] if len(own) == 1 else None


def pause(failures: int, free: int = FREE_TRIES) -> float:
    """Seconds that have to pass after so many failed attempts before the next one is looked at."""
    return min(2.0 ** min(failures - free, 10), LONGEST_PAUSE) if failures >= free else 0.0


def _lower(one: Role, other: Role) -> Role:
    return min(one, other, key=ROLES.index)
