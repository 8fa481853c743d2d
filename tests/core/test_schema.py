"""The JSON Schema and the reference: they accept what the reader accepts, and tell every key."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from outdo.cli.schema import command
from outdo.core.config import read_project
from outdo.core.document import parse
from outdo.core.errors import Mistakes
from outdo.core.model import Value
from outdo.core.schema import json_schema

ROOT = Path(__file__).parents[2]
SCHEMA = json_schema()

TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}


def is_of(value: Value, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def fits(value: Value, schema: dict[str, Any]) -> bool:
    """Whether a value meets a schema, of the part of draft-07 that is used."""
    return all(_meets(value, rule, wanted, schema) for rule, wanted in schema.items())


def _meets(value: Value, rule: str, wanted: Any, schema: dict[str, Any]) -> bool:
    match rule:
        case "$ref":
            return fits(value, SCHEMA["definitions"][wanted.removeprefix("#/definitions/")])
        case "type":
            return any(is_of(value, name) for name in ([wanted] if isinstance(wanted, str) else wanted))
        case "enum":
            return value in wanted
        case "anyOf":
            return any(fits(value, choice) for choice in wanted)
        case "allOf":
            return all(fits(value, part) for part in wanted)
        case "required":
            return not isinstance(value, dict) or set(wanted) <= set(value)
        case "properties":
            return not isinstance(value, dict) or all(
                fits(each, wanted[key]) for key, each in value.items() if key in wanted
            )
        case "additionalProperties":
            others = (
                [key for key in value if key not in schema.get("properties", {})]
                if isinstance(value, dict)
                else []
            )
            return not others if wanted is False else all(fits(value[key], wanted) for key in others)
        case "propertyNames":
            return not isinstance(value, dict) or all(fits(key, wanted) for key in value)
        case "items":
            return not isinstance(value, list) or all(fits(each, wanted) for each in value)
        case _:
            return _is_within(value, rule, wanted)


def _is_within(value: Value, rule: str, wanted: Any) -> bool:
    match rule:
        case "pattern":
            return not isinstance(value, str) or re.search(wanted, value) is not None
        case "minLength":
            return not isinstance(value, str) or len(value) >= wanted
        case "minItems":
            return not isinstance(value, list) or len(value) >= wanted
        case "maxItems":
            return not isinstance(value, list) or len(value) <= wanted
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" if not is_of(value, "number"):
            return True
        case "minimum":
            return bool(value >= wanted)
        case "maximum":
            return bool(value <= wanted)
        case "exclusiveMinimum":
            return bool(value > wanted)
        case "exclusiveMaximum":
            return bool(value < wanted)
    assert rule in {"$schema", "title", "description", "default", "definitions", "format"}, rule
    return True


def examples() -> Iterator[str]:
    """Every file among the tests of the sections and the examples."""
    spec = (ROOT / "tests/core/test_config_sections.py").read_text()
    yield re.search(r'WHOLE = """\n(.*?)"""', spec, re.DOTALL)[1]  # type: ignore[index]
    yield from (path.read_text() for path in (ROOT / "examples").rglob("outdo.yaml"))


@pytest.mark.parametrize("text", list(examples()))
def test_real_files_meet_the_schema(text: str) -> None:
    assert fits(parse("outdo.yaml", text, templates=True).value, SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "stages: {s: {foreach: '${x}', do: {cmd: x}}}",
        "stages: {s: {matrix: {a: [1]}, cmd: [x, y]}}",
        "stages: {s: {cmd: x, frozen: '${x}', retries: '${n}', deps: '${l}', timeout: 5, resources: }}",
        "stages: {s: {cmd: x, params: [a, {f.json: [k]}, {g.toml: }], outs: [o: {cache: false}, p: ]}}",
        "plots: [a, {b: {y: {c.csv: [d]}}}, e: ]\ntriggers: {push: , schedule: ['0 * * * *']}",
        "checks: {a: [{between: {b: [null, 1]}}, {matches: {c: x}}]}",
    ],
)
def test_what_is_read_meets_the_schema(text: str) -> None:
    assert fits(parse("outdo.yaml", text).value, SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "stage: {}",
        "stages: {s: {deps: [a]}}",
        "stages: {s: {cmd: x, dep: [a]}}",
        "stages: {s: {cmd: x, frozen: maybe}}",
        "stages: {s: {cmd: x, timeout: soon}}",
        "stages: {s: {foreach: [a]}}",
        "checks: {a: [{row: '> 1'}]}",
        "checks: {a: [{rows: 1}]}",
        "models: {m: {path: m, gates: [{beats: {champion: auc, confidence: 2}}]}}",
        "notify: {jira: {url: u, project: p, token: plain}}",
        "env: {a b: 1}",
    ],
)
def test_what_is_refused_does_not_meet_the_schema(text: str) -> None:
    with pytest.raises(Mistakes):
        read_project("outdo.yaml", text, lambda _: None)
    assert not fits(parse("outdo.yaml", text).value, SCHEMA)


def made(schema: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Value]:
    """Values that a schema allows, or nearly so: patterns are not looked at."""
    if "$ref" in schema:
        return made(SCHEMA["definitions"][schema["$ref"].removeprefix("#/definitions/")], depth)
    if "allOf" in schema:
        return made(schema["allOf"][0], depth)
    if "anyOf" in schema:
        return st.one_of([made(choice, depth) for choice in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "array":
        return st.lists(made(schema.get("items", {}), depth + 1), max_size=2 if depth < 6 else 0)
    if kind != "object":
        texts = st.sampled_from(
            ["x", "a/b", "5%", "10m", "4GB", ">= 1", "<= 20ms", "${secret.A}", "0 3 * * 1", "7"]
        )
        numbers = {"integer": st.integers(-1, 5), "number": st.floats(0, 2), "boolean": st.booleans()}
        return numbers.get(kind, texts)
    known = schema.get("properties", {})
    needed = schema.get("required", [])
    if known:
        return st.deferred(
            lambda: st.fixed_dictionaries(
                {key: made(known[key], depth + 1) for key in needed},
                optional={key: made(each, depth + 1) for key, each in known.items() if key not in needed},
            )
        )
    return st.dictionaries(
        st.sampled_from(["a", "b"]), made(schema.get("additionalProperties", {}), depth + 1), max_size=2
    )


SECTIONS = {key: schema for key, schema in SCHEMA["properties"].items() if key not in ("stages", "vars")}


@given(st.sampled_from(sorted(SECTIONS)).flatmap(lambda key: st.tuples(st.just(key), made(SECTIONS[key]))))
@settings(max_examples=150)
def test_reader_and_schema_agree(section: tuple[str, Value]) -> None:
    raw = dict([section])
    try:
        read_project("outdo.yaml", json.encode(raw).decode(), lambda _: None)
    except Mistakes:
        return
    assert fits(raw, SCHEMA)


def test_every_key_and_kind_is_described() -> None:
    undescribed = [name for name, schema in SCHEMA["definitions"].items() if not schema.get("description")]
    assert not undescribed
    assert all(schema.get("description") or "$ref" in str(schema) for schema in SCHEMA["properties"].values())


def test_the_command_prints_the_schema() -> None:
    ran = CliRunner().invoke(command)
    assert ran.exit_code == 0
    assert json.decode(ran.output) == SCHEMA


def test_the_reference_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("outdo_yaml", ROOT / "docs" / "outdo_yaml.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text() == script.page(), "run: python docs/outdo_yaml.py"
