"""Whether a version may be promoted: what was proven of it, against the gates and the champion as they are now, and the
way that the file prescribes. Values alone, so that what is refused, asked, signed and carried out is one thing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from outdo.core.errors import BadTarget
from outdo.core.hints import did_you_mean
from outdo.core.sections import CHAMPION, Environment, Model
from outdo.core.verdict import Judgement, Verdict


class Standing(Struct, frozen=True):
    """What is known of a version."""

    model: str
    number: int
    digest: str
    gates: str
    """`digest.gates_key` of the file's; empty where the model has none."""
    aliases: Mapping[str, int]
    """Of its model: the number of the version that each means."""
    judgements: Sequence[Judgement]
    """Of its bytes, oldest first."""
    judge_it: str
    """The command that would judge it."""

    @property
    def name(self) -> str:
        return f"{self.model}/{self.number}"

    @property
    def champion(self) -> str:
        """Such as `delay/6`; empty where there is none."""
        number = self.aliases.get(CHAMPION)
        return "" if number is None else f"{self.model}/{number}"


class Hindrance(Struct, frozen=True):
    """One reason against."""

    what: str
    fix: str = ""
    verdict: Verdict | None = None
    """Of the gate that it is about."""
    asks: bool = False
    """A person's yes is enough: the file says to ask in this doubt."""


class Proof(Struct, frozen=True):
    """The judgement that a promotion stands on, and what is missing."""

    judgement: Judgement | None
    hindrances: tuple[Hindrance, ...] = ()


class Move(Struct, frozen=True):
    """An alias that comes to mean the version."""

    alias: str
    before: int | None
    """The number of the version that it means until then."""


def prove(one: Standing, model: Model | None) -> Proof:
    """What the newest judgement by the gates of the file, beside the present champion, says of a version. One of
    other gates, or beside another champion, says nothing."""
    if model is None:
        return Proof(None, (Hindrance(f"the file declares no model '{one.model}', and so no gates"),))
    if not one.gates:
        what = f"model '{one.model}' has no gates, so nothing was proven"
        return Proof(None, (Hindrance(what, "add 'gates:' to it"),))
    said = [each for each in one.judgements if each.kind == "model" and each.subject == one.model]
    if not said:
        return Proof(None, (Hindrance("its gates were not judged yet", one.judge_it),))
    of_gates = [each for each in said if each.rules == one.gates]
    if not of_gates:
        return Proof(None, (Hindrance("its gates have changed since they were judged", one.judge_it),))
    # the champion itself was judged beside the one before it, and is not to be held against itself
    valid = [each for each in of_gates if each.champion == one.champion or one.champion == one.name]
    if not valid:
        before = of_gates[-1].champion
        beside = f"beside {before}" if before else "when there was no champion"
        now = f"{one.champion} is the champion now" if one.champion else "there is no champion now"
        return Proof(None, (Hindrance(f"it was judged {beside}, and {now}", one.judge_it),))
    newest = valid[-1]
    if not newest.verdicts:
        return Proof(newest, (Hindrance("no gate was evaluated", one.judge_it),))
    return Proof(newest, tuple(_against(newest.verdicts, model)))


def _against(verdicts: Iterable[Verdict], model: Model) -> Iterable[Hindrance]:
    for each in verdicts:
        if each.level == "warn" or each.outcome == "passed":
            continue
        in_doubt = each.outcome == "inconclusive"
        if not (in_doubt and model.doubt == "go"):
            yield Hindrance(f"{each.name}: {each.reason}", "", each, in_doubt and model.doubt == "ask")


def moves(one: Standing, to: str, environments: Mapping[str, Environment]) -> tuple[Move, ...]:
    """The aliases that come to mean a version which enters `to`; none where they do already. What is in the last
    environment of its model is the champion. Raises `BadTarget`."""
    _check_target(one.model, to, environments)
    last = all(each.after != to for each in environments.values() if one.model in each.models)
    names = dict.fromkeys([to, *([CHAMPION] if last else [])])
    found = {name: one.aliases.get(name) for name in names}
    return tuple(Move(name, before) for name, before in found.items() if before != one.number)


def on_the_way(one: Standing, to: str, environments: Mapping[str, Environment]) -> tuple[Hindrance, ...]:
    """What the policy of an environment has against a version."""
    policy = environments.get(to)
    if policy is None:
        return ()
    found = []
    if policy.after is not None and one.aliases.get(policy.after) != one.number:
        what = f"{to} comes after {policy.after}, and {one.name} is not there"
        found.append(Hindrance(what, f"outdo promote {one.name} --to {policy.after}"))
    if policy.approvals is not None and policy.approvals.count:
        count = policy.approvals.count
        asked = "an approval" if count == 1 else f"{count} approvals"
        found.append(
            Hindrance(
                f"{to} asks for {asked}, which nobody can give yet", 'a maintainer may: --override "reason"'
            )
        )
    return tuple(found)


def _check_target(model: str, to: str, environments: Mapping[str, Environment]) -> None:
    if to == CHAMPION:
        return
    if to not in environments:
        example = f"environments: {{{to}: {{models: [{model}]}}}}"
        fix = (
            did_you_mean(to, [*environments, CHAMPION]) if environments else f"{example}, or --to {CHAMPION}"
        )
        raise BadTarget(f"the file declares no environment '{to}'", fix=fix)
    if model not in environments[to].models:
        names = ", ".join(environments[to].models)
        raise BadTarget(f"'{model}' is no model of {to}", fix=f"those are: {names}")


Way = Literal["open", "asks", "shut"]


def way(hindrances: Sequence[Hindrance]) -> Way:
    """Whether nothing is against it, nothing but what a person may say yes to, or more."""
    if not hindrances:
        return "open"
    return "asks" if all(each.asks for each in hindrances) else "shut"
