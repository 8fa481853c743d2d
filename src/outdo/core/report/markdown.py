"""A report as Markdown, for a comment on a pull request."""

from collections.abc import Iterator, Sequence

from outdo.core.report.told import MARKS, WORDS, Judged, Report, fallen, sentence, state
from outdo.core.sketch import visible
from outdo.core.verdict import Verdict

LIMIT = 60_000
"""Characters of a comment; forges take some 65,000."""
_LONGEST = 400
"""Characters of a cell."""
_PARTS = 10
_ROWS = 5

Pair = tuple[Judged, Verdict]


def markdown(report: Report) -> str:
    """The report as a comment: what did not pass in a short table, all else folded away."""
    verdicts = [verdict for _, verdict in report.verdicts()]
    mark = MARKS["passed" if report.good else "failed"]
    bad = [pair for pair in report.gravest_first() if state(pair[1]) != "passed"]
    good = [pair for pair in report.verdicts() if state(pair[1]) == "passed"]
    blocks = [f"### {mark} {safe(report.project or 'outdo check')}: {sentence(verdicts)}"]
    if bad:
        blocks.append(_table(bad))
    room = LIMIT - sum(map(len, blocks))
    for block in (*_detailed(bad), _folded(f"{len(good)} passed", _table(good)) if good else ""):
        room -= len(block) + 2
        if room < 0:
            blocks.append("… and more: the comment would be too long.")
            break
        if block:
            blocks.append(block)
    champions = {
        f"{safe(one.name)} against {safe(one.champion)}": None for one in report.judged if one.champion
    }
    return "\n\n".join([*blocks, *([", ".join(champions)] if champions else [])]) + "\n"


def safe(text: str) -> str:
    """A text of others on one line that neither breaks a table nor is read as Markdown, HTML or a mention."""
    escaped = "".join(f"\\{c}" if c in "\\`*_[]|~#" else c for c in visible(text))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;")


def _table(pairs: Sequence[Pair]) -> str:
    """A row for each verdict, as many as there is room for."""
    lines = ["| | of | what | why |", "| --- | --- | --- | --- |"]
    room = LIMIT // 2
    for done, (one, verdict) in enumerate(pairs):
        now = state(verdict)
        words = (f"{MARKS[now]} {WORDS[now]}", _short(one.name), _short(verdict.name), _short(verdict.reason))
        line = f"| {' | '.join(words)} |"
        room -= len(line)
        if room < 0:
            return "\n".join([*lines, f"| | | and {len(pairs) - done} more | |"])
        lines.append(line)
    return "\n".join(lines)


def _detailed(pairs: Sequence[Pair]) -> Iterator[str]:
    """What was found of each verdict that did not pass: slices, rows, numbers."""
    for one, verdict in pairs:
        if told := list(_details(verdict)):
            yield _folded(
                f"{_html(one.name)}: {_html(verdict.name)}", "\n".join(f"- {line}" for line in told)
            )


def _details(verdict: Verdict) -> Iterator[str]:
    bad = fallen(verdict)
    for part in bad[:_PARTS]:
        yield f"{MARKS[part.outcome]} {_short(part.subject)}: {_short(part.reason)}"
    if len(bad) > _PARTS:
        yield f"and {len(bad) - _PARTS} more"
    numbers = verdict.evidence
    if numbers.challenger is not None and numbers.champion is not None:
        against = safe(numbers.compared) or "the champion"
        yield f"{numbers.challenger:.4g} against {numbers.champion:.4g} of {against}"
    if numbers.low is not None and numbers.high is not None:
        sure = f", each end with {numbers.confidence * 100:g} %" if numbers.confidence else ""
        yield f"from {numbers.low:.4g} to {numbers.high:.4g}{sure}"
    yield from map(_short, numbers.examples[:_ROWS])


def _folded(summary: str, inside: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{inside}\n\n</details>"


def _html(text: str) -> str:
    """A text inside of a tag, where Markdown is not read but mentions are."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")


def _short(text: str) -> str:
    return safe(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")
