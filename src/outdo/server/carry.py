"""Carrying out a call: whether its caller may, what it answers, and what the audit trail is told of it.

It is decided in the transaction of the call itself: what somebody may do with a thing depends on its project, and that
may be another one in the next moment.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from outdo.core.access import EVERY, PROJECT_TAG, Actor, Hidden, Role, Thing, at_least, decide
from outdo.core.refusals import Forbidden, Unknown
from outdo.core.trail import Entry, counted, detail
from outdo.server.endpoint import About, Endpoint, Json
from outdo.server.service import Seat
from outdo.store.tracking.projects import Projects, projects_of
from outdo.store.tracking.states import State, state_of

UNKNOWN: Mapping[str, str] = {
    "experiment": "No Experiment with id={} exists",
    "experiment name": "Could not find experiment with name '{}'",
    "run": "Run with id={} not found",
    "logged model": "Logged model with ID '{}' not found.",
    "model": "Registered Model with name={} not found",
    "artifact": "No such artifact: '{}'",
    "trace": "Trace with ID '{}' not found.",
    "webhook": "Webhook with ID {} not found.",
}
"""What is said of a thing that is not there, and of one that its caller must not know of."""
HOLDING = frozenset({"experiment", "experiment name", "run", "logged model"})
"""What other things belong to."""
LONGEST_AGENT = 200
MOST_NAMED = 20
"""Things that a row of the trail names."""


def ask(connection: Connection, endpoint: Endpoint, asked: Any, seat: Seat) -> Json:
    """What a call that changes nothing answers; raises `Refusal`."""
    admit(connection, seat.actor, endpoint.role, _things(endpoint, asked))
    return endpoint.answer(connection, asked, seat)


def change(connection: Connection, endpoint: Endpoint, asked: Any, seat: Seat) -> tuple[Json, Entry]:
    """What a call that changes something answers, and what the trail is told; raises `Refusal`."""
    named = _things(endpoint, asked)
    before = admit(connection, seat.actor, endpoint.role, named)
    things = named or ()
    if endpoint.counts is not None:  # what is logged makes nothing that has a project, and moves nothing
        answer = endpoint.answer(connection, asked, seat)
        return answer, entry(seat, endpoint.path, things, counted(endpoint.counts(asked)))
    was = {} if endpoint.makes else _states(connection, things)
    answer = endpoint.answer(connection, asked, seat)
    new = [one for one in made(answer) if one not in things]
    confirm(connection, seat.actor, endpoint.role, (*things, *new), before)
    now = _states(connection, new if endpoint.makes else (*things, *new))
    return answer, entry(seat, endpoint.path, (*things, *new), _differences(was, now))


def touch(
    connection: Connection,
    seat: Seat,
    role: Role,
    action: str,
    thing: Thing,
    work: Callable[[Connection], None],
) -> Entry:
    """Does something to one thing; returns what the trail is told. Raises `Refusal`."""
    admit(connection, seat.actor, role, (thing,))
    was = _states(connection, (thing,))
    work(connection)
    return entry(seat, action, (thing,), _differences(was, _states(connection, (thing,))))


def entry(seat: Seat, action: str, things: Sequence[Thing], told: str) -> Entry:
    """What the trail is told of a change that was made now."""
    caller = seat.caller
    about = [str(thing) for thing in things if not thing.reads]
    if len(about) > MOST_NAMED:
        about[MOST_NAMED:] = [f"and {len(about) - MOST_NAMED} more"]
    return Entry(
        seat.now(),
        caller.actor.name,
        caller.actor.via,
        caller.address,
        caller.agent[:LONGEST_AGENT],
        action,
        " ".join(about),
        told,
    )


# ------------------------------------------------------------------ who may


def admit(
    connection: Connection, actor: Actor, role: Role, things: Sequence[Thing] | None
) -> Mapping[Thing, Projects]:
    """The projects of the things that are there already, where the actor may do with them what needs this role; else
    raises `Forbidden`, or `Unknown` for what they must not know of. Things that are None are everything."""
    if actor.may(role, EVERY):
        return {}
    if things is None:
        raise Forbidden(f"this needs the role {role} in all projects")
    found: dict[Thing, Projects] = {}
    for thing in things:
        at = projects_of(connection, thing)
        if at is not None:
            found[thing] = at
        elif thing.kind in HOLDING:  # it would say which project is meant, however the handler reads its name
            raise Unknown(_unknown(thing))
    fresh = any(not at for at in found.values())  # what is nobody's yet becomes what the others are
    for thing, at in found.items():
        _check(actor, "viewer" if thing.reads and not fresh else role, thing, at)
    if actor.highest is None or not at_least(actor.highest, role):
        raise Forbidden(f"this needs the role {role}")
    return found


def confirm(
    connection: Connection,
    actor: Actor,
    role: Role,
    things: Sequence[Thing],
    before: Mapping[Thing, Projects],
) -> None:
    """Raises `Forbidden` where things are now in a project in which the actor may not do this, or have left one."""
    if actor.may(role, EVERY):
        return
    if not things:
        raise Forbidden(f"this needs the role {role} in all projects")
    for thing in things:
        now = projects_of(connection, thing)
        if now is None:
            continue
        was = before.get(thing) or now
        needed: Role = role if was == now or at_least(role, "maintainer") else "maintainer"
        for project in sorted(was | now):
            if not actor.may("viewer" if thing.reads else needed, project):
                where = f"in project '{project}'" if project else "in all projects, as it belongs to none"
                raise Forbidden(
                    f"this needs the role {needed} {where}; the tag `{PROJECT_TAG}`, or else the first "
                    "part of an experiment's name, says which project something belongs to"
                )


def _check(actor: Actor, role: Role, thing: Thing, projects: Projects) -> None:
    if thing.is_shared and any(actor.may(role, project) for project in projects):
        return
    for project in sorted(projects):
        why = decide(actor, role, project)
        if isinstance(why, Hidden):
            raise Unknown(_unknown(thing))
        if why is not None:
            raise Forbidden(str(why))


def _unknown(thing: Thing) -> str:
    if thing.kind == "version":
        model, _, number = thing.name.rpartition("/")
        return f"Model Version (name={model}, version={number}) not found"
    return UNKNOWN[thing.kind].format(thing.name)


def _things(endpoint: Endpoint, asked: Any) -> Sequence[Thing] | None:
    if isinstance(asked, About):
        return asked.things()
    return () if endpoint.narrows else None


# ------------------------------------------------------------------ what is told


def made(answer: Json) -> list[Thing]:
    """The thing that an answer tells of, as far as it is one."""
    match answer:
        case {"experiment_id": str(id_)}:
            return [Thing("experiment", id_)]
        case {"run": {"info": {"run_id": str(id_)}}}:
            return [Thing("run", id_)]
        case {"model": {"info": {"model_id": str(id_)}}}:
            return [Thing("logged model", id_)]
        case {"registered_model": {"name": str(name)}}:
            return [Thing("model", name)]
        case {"model_version": {"name": str(name), "version": str(version)}}:
            return [Thing("version", f"{name}/{version}")]
        case {"webhook": {"webhook_id": str(id_)}}:
            return [Thing("webhook", id_)]
    return []


def _states(connection: Connection, things: Sequence[Thing]) -> Mapping[Thing, State]:
    return {thing: state_of(connection, thing) for thing in things if not thing.reads}


def _differences(was: Mapping[Thing, State], now: Mapping[Thing, State]) -> str:
    """What differs, as JSON; where several things do, each is named."""
    changed = [thing for thing in {**was, **now} if was.get(thing, {}) != now.get(thing, {})]

    def told(states: Mapping[Thing, State]) -> State:
        return {
            f"{thing} {name}" if len(changed) > 1 else name: value
            for thing in changed
            for name, value in states.get(thing, {}).items()
        }

    return detail(told(was), told(now))
