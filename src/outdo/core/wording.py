"""Actions and reasons in words: the same sentences on the terminal, in a notebook, on a page."""

from collections.abc import Mapping

from outdo.core.model import Action, Path, Reason, StageName, Verb
from outdo.core.values import short

VERBS: Mapping[Verb, str] = {
    "keep": "fresh",
    "restore": "will be restored",
    "run": "will run",
    "wait": "waits",
    "skip": "left out",
}

Lines = Mapping[Path, tuple[int, int]]
"""Lines added and removed in a dependency, where its former text is known."""


def phrase(
    reason: Reason, actions: Mapping[StageName, Action] | None = None, lines: Lines | None = None
) -> str:
    """A reason as a short clause, to stand after "will run:"."""
    subject = reason.subject
    match reason.kind:
        case "dependency_changed":
            plus, minus = (lines or {}).get(subject, (0, 0))
            return f"{subject} changed" + (f" (+{plus} −{minus})" if plus or minus else "")
        case "param_changed":
            return f"params {subject} {short(reason.before)} → {short(reason.after)}"
        case "param_added":
            return f"params {subject} is new ({short(reason.after)})"
        case "env" if subject == "OUTDO_ENVIRONMENT":
            return f"environment {reason.before or 'of the machine'} → {reason.after or 'of the machine'}"
        case "env":
            return f"variable {subject} {short(reason.before)} → {short(reason.after)}"
        case "upstream":
            action = (actions or {}).get(StageName(subject))
            return f"{subject} {'is restored' if action and action.verb == 'restore' else 'runs'}"
        case _:
            return _PHRASES[reason.kind].format(subject)


_PHRASES = {
    "never_ran": "never ran",
    "command": "its command changed",
    "dependency_added": "{} is a new dependency",
    "dependency_removed": "{} is no dependency any more",
    "param_removed": "params {} is no longer tracked",
    "output_missing": "{} is missing",
    "output_changed": "{} was changed",
    "output_added": "{} is a new output",
    "output_removed": "{} is no output any more",
    "upstream_failed": "{} did not end well",
    "check_failed": "{} did not pass its checks",
    "forced": "forced",
    "always_changed": "always runs",
    "no_inputs": "has no inputs and no outputs, so it always runs",
    "lost": "the store has lost {}",
    "frozen": "frozen",
    "barred": "{}",
}


def clauses(
    action: Action,
    actions: Mapping[StageName, Action] | None = None,
    lines: Lines | None = None,
    most: int = 3,
) -> str:
    """The reasons of an action in one line, the first `most` of them; of what is kept only why that was in doubt."""
    if action.verb == "keep" and action.reasons:
        frozen = action.reasons[0].kind == "frozen"
        return "frozen" if frozen else "the outputs in place are a known result of these inputs"
    told = [phrase(reason, actions, lines) for reason in action.reasons[:most]]
    more = len(action.reasons) - most
    return ", ".join([*told, f"{more} more"] if more > 0 else told)


def first_line(error: Exception) -> str:
    """What an error of another library says first; its kind where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def duration(seconds: float) -> str:
    """Seconds as a person says them: 0.4s, 12s, 3m 05s, 2h 07m."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m"


def size(count: int) -> str:
    """Bytes as a person says them, in powers of 1000."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 9.95 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
