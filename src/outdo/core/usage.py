"""How many tokens a trace has used: what its steps say, where a step that sums up others counts in their place."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

NAMES = ("input_tokens", "output_tokens", "total_tokens")


class Step(Struct, frozen=True):
    """One step, and how many tokens it says that it has used; none where it says nothing."""

    id: str
    parent: str
    used: Mapping[str, int] = {}


def total(steps: Sequence[Step]) -> dict[str, int]:
    """The tokens of all steps; nothing where none says any. A step below one that has said it counts no more."""
    known = {step.id: step for step in steps}
    counted = [step.used for step in steps if step.used and not _is_summed(step, known)]
    return {name: sum(used.get(name, 0) for used in counted) for name in NAMES} if counted else {}


def _is_summed(step: Step, known: Mapping[str, Step]) -> bool:
    seen = {step.id}
    above = known.get(step.parent)
    while above is not None and above.id not in seen:
        if above.used:
            return True
        seen.add(above.id)
        above = known.get(above.parent)
    return False
