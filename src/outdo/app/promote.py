"""The verb `promote`: lets a version into an environment if it was proven to pass its gates, or over somebody's word.

What is signed is in the store before the one transaction in which aliases move, the attestation is noted, and the audit
trail tells of it; so there is all of it at any moment, or nothing.
"""

from time import time

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from outdo.app.attest import Attested, sign, statement
from outdo.app.models import Version
from outdo.app.overriding import Overrider
from outdo.app.project import Project
from outdo.app.standing import Candidate, aliases_of, candidate
from outdo.app.telling import tell
from outdo.core.attestation import TAG, Override, Promotion, stamp
from outdo.core.errors import Overtaken, UnknownVersion
from outdo.core.promote import Hindrance, Move, Way, moves, on_the_way, way
from outdo.core.refusals import Refusal
from outdo.core.sections import CHAMPION
from outdo.core.verdict import Judgement
from outdo.store.database import writing
from outdo.store.signing import Signer
from outdo.store.tracking import registry
from outdo.store.tracking.home import opened


class Plan(Struct, frozen=True):
    """A promotion that is asked for: what it would move, and what is against it."""

    one: Candidate
    to: str
    moves: tuple[Move, ...]
    hindrances: tuple[Hindrance, ...]

    @property
    def way(self) -> Way:
        """Whether it may be carried out."""
        return way(self.hindrances)

    @property
    def judgement(self) -> Judgement | None:
        """What it stands on."""
        return self.one.proof.judgement

    @property
    def version(self) -> Version:
        """Which is to be promoted."""
        return self.one.version


class Promoted(Struct, frozen=True):
    """A version that is in an environment now."""

    version: str
    to: str
    moves: tuple[Move, ...]
    judgement: Judgement | None
    override: Override | None
    attestation: Attested | None
    """None where there was no key to sign with."""


def plan(project: Project, word: str, to: str) -> Plan:
    """What promoting a version would do, as things stand; raises `UnknownVersion` and `BadTarget`."""
    one = candidate(project, word)
    moving = moves(one.standing, to, one.environments)
    against = (*on_the_way(one.standing, to, one.environments), *one.proof.hindrances)
    return Plan(one, to, moving, against)


def promote(
    project: Project, made: Plan, by: str, *, over: Overrider | None = None, signer: Signer | None = None
) -> Promoted:
    """Carries a plan out that is open, that somebody said yes to, or that `over` overrides; with a key it signs an
    attestation. Raises `Overtaken` where what the plan stands on has moved meanwhile."""
    now = time()
    override = None
    if over is not None:
        against = tuple(each.what for each in made.hindrances)
        override = Override(made.to, over.reason, over.name, stamp(now), against)
    attested = None
    if signer is not None:
        doubts = tuple(each.what for each in made.hindrances) if override is None else ()
        said = statement(project, made.one, now)
        promotion = Promotion(made.to, over.name if over else by, stamp(now), doubts)
        overrides = (override,) if override else ()
        said = replace(said, predicate=replace(said.predicate, promotions=(promotion,), overrides=overrides))
        attested = sign(project, made.one, signer, said)
    with opened(project.home) as engine, writing(engine) as connection:
        _move(connection, made, override, attested)
    return Promoted(made.version.name, made.to, made.moves, made.judgement, override, attested)


def _move(connection: Connection, made: Plan, override: Override | None, attested: Attested | None) -> None:
    one = made.one.standing
    _check(connection, made)
    try:
        for each in made.moves:
            registry.set_alias(connection, one.model, each.alias, one.number)
        if attested is not None:
            registry.set_version_tag(connection, one.model, one.number, TAG, attested.digest)
    except Refusal as error:
        raise UnknownVersion(error.message, fix="outdo models") from None
    before = {each.alias: _name(one.model, each.before) for each in made.moves}
    after: dict[str, str] = {each.alias: one.name for each in made.moves}
    if attested is not None:
        after["attestation"] = attested.digest
    if made.judgement is not None:
        after["judgement"] = made.judgement.key
    if override is not None:
        after |= {"override": override.reason, "by": override.by, "against": "; ".join(override.against)}
    tell(connection, "model-versions/promote", f"version:{one.name}", before, after)


def _check(connection: Connection, made: Plan) -> None:
    """What the plan stands on is as it was; raises `Overtaken`."""
    one = made.one.standing
    policy = made.one.environments.get(made.to)
    relied = [made.to, CHAMPION, *([policy.after] if policy and policy.after else [])]
    present = aliases_of(connection, one.model)
    for alias in relied:
        before, now = one.aliases.get(alias), present.get(alias)
        if before != now:
            told = f"is {_name(one.model, now)} now" if now else "means no version now"
            was = f"was {_name(one.model, before)}" if before else "meant none"
            what = f"{one.model}@{alias} {told}, and {was} when this began: nothing was changed"
            raise Overtaken(what, fix=f"look again: outdo models {one.model}")


def _name(model: str, number: int | None) -> str:
    return "" if number is None else f"{model}/{number}"
