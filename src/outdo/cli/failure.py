"""A mistake shown as a person can mend it: code, place, the line with a caret, cause, fix."""

import os

from outdo.cli.paint import Paint, plain
from outdo.core.errors import Mistakes, UserError
from outdo.core.model import Phrase, Place


def show(error: UserError, root: str, paint: Paint) -> str:
    """The whole message for one mistake or for many."""
    if isinstance(error, Mistakes):
        parts = [show(mistake, root, paint) for mistake in error.mistakes]
        return "\n\n".join([*parts, paint(f"{len(parts)} mistakes", "bold")] if len(parts) > 1 else parts)
    title = f"{paint(f'error[{error.code}]', 'red', 'bold')}: {paint(plain(error.what), 'bold')}"
    lines = [title, *_frame(error.where, root, paint)]
    if error.fix:
        lines.append(f"  {paint('fix', 'cyan', 'bold')}: {plain(error.fix)}")
    return "\n".join(lines)


def as_data(error: UserError) -> dict[str, object]:
    """The same for a program: one object per mistake."""
    mistakes = error.mistakes if isinstance(error, Mistakes) else (error,)
    told = [{"code": one.code, "what": one.what, "where": str(one.where), "fix": one.fix} for one in mistakes]
    return {"schema": "outdo.error/1", "status": "error", "exit": error.exit_code, "errors": told}


def _frame(where: Place | Phrase | str, root: str, paint: Paint) -> list[str]:
    if not str(where):
        return []
    if isinstance(where, Phrase):
        shift = len(plain(where.text[: where.at]))
        return [f"  {plain(where.text)}", f"  {' ' * shift}{paint('^' * where.length, 'red', 'bold')}"]
    arrow = f"  {paint('-->', 'blue', 'bold')} {plain(str(where))}"
    if isinstance(where, str) or not where.line:
        return [arrow]
    try:
        with open(os.path.join(root, where.file), encoding="utf-8", errors="replace") as file:
            text = next((line for number, line in enumerate(file, 1) if number == where.line), None)
    except OSError:
        text = None
    if text is None:
        return [arrow]
    text = plain(text.rstrip("\r\n").replace("\t", "    "))[:200]
    number = str(where.line)
    bar = paint("|", "blue")
    frame = [arrow, f"{paint(number, 'blue')} {bar} {text}"]
    if where.column:
        frame.append(f"{' ' * len(number)} {bar} {' ' * (where.column - 1)}{paint('^', 'red', 'bold')}")
    return frame
