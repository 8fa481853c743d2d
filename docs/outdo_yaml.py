"""Writes `docs/reference/outdo-yaml.md` from the types that validate the file: `python docs/outdo_yaml.py`.

`tests/core/test_schema.py` fails where the page is not what this would write.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from outdo.core.file import File
from outdo.core.rules import Asserted, Check, Gate
from outdo.core.schema import field_words, words
from outdo.core.stages import ForeachStage, MatrixStage, StageText
from outdo.core.written import Written

PAGE = Path(__file__).parent / "reference" / "outdo-yaml.md"

INTRODUCTION = """\
# outdo.yaml

Every key, generated from the types that validate the file. `outdo schema` prints the same as a JSON Schema for
editors. A `dvc.yaml` is read by the same rules: `stages`, `vars`, `params`, `metrics`, `plots` and `artifacts` are
DVC's words.

Unknown keys, doubled keys and wrong types are mistakes, all told at once, each with its line and the nearest valid
word. Only `true` and `false` are booleans (YAML 1.2). A file may be 4 MB large, hold 300,000 values and nest 64 levels
deep.

`checks`, `models`, `environments`, `monitors`, `triggers` and `notify` are validated so far, and not acted on yet.

## Templates

- `${train.lr}` stands for a value of `params.yaml` or `vars`, `${layers[0]}` for an item of a list, and
  `${models.${item}.lr}` for a name that depends on another.
- A text that is one template keeps the value's type. In a `cmd` a mapping is written as options:
  `--lr 0.1 --verbose --layers 3 4`.
- `\\${HOME}` is left to the shell.
- Templates may stand in every section, and need no quotes, also within `[…]` and `{…}`.
- `${secret.NAME}` is looked up only where it is used, and can stand only where a secret is expected.
- An entry of `vars` may use those before it. One name with two values is a mistake.
- `foreach` and `matrix` make several stages of one, `train@a` or `train@a-1`: `${item}` is the item, `${key}` the
  name behind the `@`.
"""
TEXTS = "values-written-as-text"


def link(title: str) -> str:
    anchor = "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")
    return f"[{title}](#{anchor})"


def takes(kind: Any) -> str:
    """What a value may be, in words."""
    origin, args = get_origin(kind), get_args(kind)
    if isinstance(kind, NewType):
        return "path"
    if origin is Annotated:
        return takes(args[0])
    if origin is Literal:
        return " or ".join(f"`{arg}`" for arg in args)
    if origin is tuple:
        return f"list of {takes(args[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key = "path" if isinstance(args[0], NewType) else "name"
        return f"`{{{key}: …}}` with {takes(args[1])}"
    if origin in (Union, UnionType):
        if all(tag(arg) for arg in args):
            return link("checks" if args == get_args(Check) else "gates")
        return " or ".join(dict.fromkeys(takes(arg) for arg in args if arg is not type(None)))
    if kind in (StageText, MatrixStage, ForeachStage):
        return {StageText: link("A stage"), MatrixStage: link("matrix"), ForeachStage: link("foreach")}[kind]
    if issubclass(kind, Written):
        return f"[{kind.__name__}](#{TEXTS})"
    if kind is Asserted:
        return link("checks")
    if issubclass(kind, Struct):
        return link(kind.__name__)
    return {
        str: "text",
        bool: "`true` or `false`",
        int: "whole number",
        float: "number",
        object: "anything",
    }.get(kind, "anything")


def tag(kind: Any) -> str | None:
    found = getattr(getattr(kind, "__struct_config__", None), "tag", None)
    return None if found is None else str(found)


def table(kind: type[Struct]) -> Iterator[str]:
    yield "| key | takes | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for field in fields(kind):
        meaning = field_words(kind, field.name) or meaning_of(field.type)
        yield f"| `{field.encode_name}` | {takes(field.type)} | {default(field)} | {meaning} |".replace(
            "  ", " "
        )


def meaning_of(kind: Any) -> str:
    """The docstring of the struct that a field takes."""
    for each in (kind, *get_args(kind)):
        if isinstance(each, type) and issubclass(each, Struct) and not issubclass(each, Written):
            return words(each)
    return ""


def default(field: FieldInfo) -> str:
    if field.required:
        return "needed"
    value = field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Written | int | float) or (isinstance(value, str) and value):
        return f"`{value}`"
    if isinstance(value, tuple) and value:
        return f"`[{', '.join(map(str, value))}]`"
    return ""


def reachable(kind: Any, seen: dict[type, None]) -> None:
    """Notes every class that a type leads to, in the order of the file."""
    for each in get_args(kind):
        reachable(each, seen)
    if isinstance(kind, type) and issubclass(kind, Struct) and kind not in seen:
        seen[kind] = None
        for field in fields(kind):
            reachable(field.type, seen)


def rules(title: str, kinds: list[type]) -> Iterator[str]:
    """The section of the checks, or of the gates."""
    yield from ("", f"## {title}", "", f"Each of the {title} is a mapping of one key, its kind.", "")
    yield from ("| kind | takes | meaning |", "| --- | --- | --- |")
    for kind in kinds:
        only = fields(kind)
        body = takes(only[0].type) if len(only) == 1 else link(str(tag(kind)))
        yield f"| `{tag(kind)}` | {body} | {words(kind)} |"
    for kind in kinds:
        if len(fields(kind)) > 1:
            yield from ("", f"### {tag(kind)}", "", *table(kind))


def page() -> str:
    """The whole page."""
    seen: dict[type, None] = {}
    reachable(File, seen)
    lines = [INTRODUCTION, "## The file", "", *table(File), ""]
    lines += ["## A stage", "", words(StageText), "", *table(StageText), ""]
    lines += ["### foreach", "", words(ForeachStage), "", *table(ForeachStage), ""]
    lines += ["### matrix", "", words(MatrixStage), "", "As a stage, with one key more:", ""]
    lines += [row for row in table(MatrixStage) if "`matrix`" in row or row.startswith(("| key", "| ---"))]
    apart = {File, StageText, ForeachStage, MatrixStage, Asserted}
    others = [kind for kind in seen if kind not in apart and not issubclass(kind, Written)]
    for kind in others:
        if tag(kind) is None:
            lines += ["", f"### {kind.__name__}", "", words(kind), "", *table(kind)]
    lines += rules("checks", [kind for kind in others if kind in get_args(Check)])
    lines += [
        "",
        "Beside its kind, a check may have:",
        "",
        *list(table(Asserted))[:2],
        *list(table(Asserted))[3:],
    ]
    lines += rules("gates", [kind for kind in others if kind in get_args(Gate)])
    lines += ["", "## Values written as text", "", "| value | meaning |", "| --- | --- |"]
    lines += [f"| {kind.__name__} | {words(kind)} |" for kind in seen if issubclass(kind, Written)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
