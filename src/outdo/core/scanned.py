"""What a model's files would do if anyone loaded them, to a verdict."""

from msgspec import Struct

from outdo.core.verdict import Evidence, Verdict

_SHOWN = 20


class Scanned(Struct, frozen=True):
    """The files of a model, as far as they can be judged without loading any."""

    files: int
    names: frozenset[str] = frozenset()
    """All that their pickles import."""
    refused: tuple[str, ...] = ()
    """What would be done and must not be, or can't be told, each with its file."""
    unknown: tuple[str, ...] = ()
    """Files of no known kind."""


def judged_scan(found: Scanned) -> Verdict:
    """The verdict on a scan. It never says that a model is safe, only that nothing beyond the list was found."""
    evidence = Evidence(
        rows=found.files,
        unexpected=len(found.refused),
        examples=found.refused[:_SHOWN] or found.unknown[:_SHOWN],
    )
    if found.refused:
        more = f", and {len(found.refused) - 1} more" if len(found.refused) > 1 else ""
        return Verdict("unsafe", "failed", f"{found.refused[0]}{more}", evidence)
    if found.unknown:
        more = f" and {len(found.unknown) - 1} more" if len(found.unknown) > 1 else ""
        return Verdict(
            "unsafe", "not_evaluated", f"what is in {found.unknown[0]}{more} is not known", evidence
        )
    if not found.files:
        return Verdict("unsafe", "not_evaluated", "there is no file")
    files = "1 file" if found.files == 1 else f"{found.files} files"
    imports = (
        f"the {len(found.names)} names they import are" if found.names else "nothing is imported that is not"
    )
    return Verdict("unsafe", "passed", f"{files} looked through: {imports} on the list", evidence)
