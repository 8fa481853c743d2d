"""A reproduction in words: a table for a terminal, and Markdown for a pull request."""

from collections.abc import Sequence

from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.paint import Paint, plain
from outdo.core.causes import changed_words
from outdo.core.reproduction import Judged, Number, Reproduction, Verdict, share_words
from outdo.core.tablediff import details
from outdo.core.wording import duration

MARKS: dict[Verdict, tuple[str, str]] = {
    "identical": ("=", "green"),
    "within": ("≈", "cyan"),
    "differs": ("✕", "red"),
    "missing": ("–", "yellow"),
}
WORDS: dict[Verdict, str] = {
    "identical": "identical",
    "within": "within tolerance",
    "differs": "differs",
    "missing": "not made",
}
MOST = 12
"""How many numbers or environment changes are shown; `--json` has all."""


def text(found: Reproduction, paint: Paint) -> str:
    """The reproduction for a terminal, its verdict last."""
    parts = [_outputs(found.outputs, paint), _numbers(found.outputs, paint), _cells(found.outputs, paint)]
    if found.verdict != "identical":
        parts += [_causes(found, paint), _environment(found, paint)]
    return "\n\n".join([*(part for part in parts if part), _end(found, paint)])


def _outputs(outputs: Sequence[Judged], paint: Paint) -> str:
    columns = [
        Column("", tuple(Cell(MARKS[one.verdict][0], (MARKS[one.verdict][1],)) for one in outputs)),
        Column("", tuple(Cell(path_of(one)) for one in outputs)),
        Column("", tuple(Cell(WORDS[one.verdict]) for one in outputs)),
        Column("", tuple(Cell(one.how, ("dim",)) for one in outputs)),
    ]
    return "\n".join(aligned(columns, paint))


def path_of(one: Judged) -> str:
    """The path, of a folder with a slash."""
    entry = one.after or one.before
    return f"{one.path.rstrip('/')}/" if entry is not None and entry.kind == "tree" else one.path


def _numbers(outputs: Sequence[Judged], paint: Paint) -> str:
    found = sorted((number for one in outputs for number in one.numbers), key=lambda one: one.within)
    if not found:
        return ""
    shown = found[:MOST]
    columns = [
        Column("", tuple(Cell(*MARKS["within" if one.within else "differs"][:1]) for one in shown)),
        Column("metric", tuple(Cell(one.name) for one in shown)),
        Column("was", tuple(Cell(_value(one.before)) for one in shown), right=True),
        Column("is", tuple(Cell(_value(one.after)) for one in shown), right=True),
        Column("by", tuple(Cell(_by(one), ("cyan",)) for one in shown), right=True),
        Column("", tuple(Cell(share_words(one.relative), ("dim",)) for one in shown), right=True),
    ]
    return "\n".join([*aligned(columns, paint), *_more(len(found))])


def _value(value: float | None) -> str:
    return "none" if value is None else f"{value:.7g}"


def _by(one: Number) -> str:
    return "" if one.delta is None else f"{one.delta:+.3g}".replace("-", "−")


def _cells(outputs: Sequence[Judged], paint: Paint) -> str:
    rows = [(one.path, *row) for one in outputs if one.table for row in details(one.table, 5)]
    if not rows:
        return ""
    titles = ("table", "column", "differs in", "for example")
    columns = [Column(title, tuple(Cell(row[i]) for row in rows)) for i, title in enumerate(titles)]
    return "\n".join(aligned(columns, paint))


def _causes(found: Reproduction, paint: Paint) -> str:
    if not found.causes:
        return ""
    stages: dict[str, list[str]] = {}
    for cause in found.causes:
        stages.setdefault(cause.stage, []).append(cause.what)
    lines = [paint("why it may differ", "bold")]
    for stage, told in stages.items():
        lines.append(f"  {paint(plain(stage), 'bold')}, which began it:")
        lines += [f"    · {plain(what)}" for what in told]
    return "\n".join(lines)


def _environment(found: Reproduction, paint: Paint) -> str:
    if not found.environment:
        return ""
    lines = [f"  {plain(changed_words(one))}" for one in found.environment[:MOST]]
    return "\n".join(
        [paint("environment, as it was → as it is", "bold"), *lines, *_more(len(found.environment))]
    )


def _more(count: int) -> list[str]:
    return [f"  … and {count - MOST} more: --json"] if count > MOST else []


def _end(found: Reproduction, paint: Paint) -> str:
    mark, hue = {"identical": ("✓", "green"), "within": ("✓", "green")}.get(found.verdict, ("✕", "red"))
    head = f"{paint(mark, hue, 'bold')} {paint(plain(found.name), 'bold')} {verdict_words(found)}"
    return f"{head}: {_counts(found)} · {duration(found.seconds)}"


def verdict_words(found: Reproduction) -> str:
    """The verdict as the end of a sentence that begins with what was made again."""
    match found.verdict:
        case "identical":
            return "is reproduced to the byte"
        case "within":
            return f"is reproduced within {_tolerance(found)}"
        case "differs":
            return f"differs beyond {_tolerance(found)}"
        case "failed":
            return "could not be made again"


def _tolerance(found: Reproduction) -> str:
    told = [f"{name}={value:g}" for name, value in found.tolerance.metrics.items()]
    return ", ".join([f"{found.tolerance.every:g}", *told])


def _counts(found: Reproduction) -> str:
    verdicts = [one.verdict for one in found.outputs]
    return ", ".join(f"{verdicts.count(each)} {word}" for each, word in WORDS.items() if each in verdicts)


# ------------------------------------------------------------------ Markdown


def markdown(found: Reproduction) -> str:
    """The reproduction as a comment on a pull request."""
    mark = "✅" if found.ok else "❌"
    lines = [f"### {mark} {_escaped(found.name)} {verdict_words(found)}", "", f"{_counts(found)}.", ""]
    lines += ["| | output | verdict | |", "| --- | --- | --- | --- |"]
    for one in found.outputs:
        mark, _ = MARKS[one.verdict]
        lines.append(f"| {mark} | `{_code(path_of(one))}` | {WORDS[one.verdict]} | {_escaped(one.how)} |")
    numbers = [number for one in found.outputs for number in one.numbers]
    if numbers:
        lines += ["", "| metric | was | is | by | |", "| --- | ---: | ---: | ---: | ---: |"]
        lines += [
            f"| {_escaped(one.name)} | {_value(one.before)} | {_value(one.after)} | {_by(one)} | {share} |"
            for one in numbers
            for share in [share_words(one.relative)]
        ]
    if found.causes and found.verdict != "identical":
        lines += ["", "**Why it may differ**", ""]
        lines += [f"- `{_code(cause.stage)}`: {_escaped(cause.what)}" for cause in found.causes]
    if found.environment and found.verdict != "identical":
        told = ", ".join(changed_words(one) for one in found.environment[:MOST])
        lines += ["", f"**Environment, as it was → as it is:** {_escaped(told)}"]
    lines += [f"\n> {_escaped(notice)}" for notice in found.notices]
    lines += ["", f"Commit `{found.commit[:12]}`{' with what differed from it' if found.patched else ''}."]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """A text of others in a table of Markdown."""
    shown = plain(text)
    for mark in "\\`*_[]<>|#":
        shown = shown.replace(mark, f"\\{mark}")
    return shown


def _code(text: str) -> str:
    return plain(text).replace("`", "'").replace("|", "\\|")
