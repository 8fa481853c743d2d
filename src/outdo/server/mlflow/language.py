"""MLflow's language of filters and orders, read into conditions.

    metrics.auc > 0.7 AND params.`max depth` = '3' AND tags.team IS NOT NULL AND start_time >= 1700000000000

Comparisons joined by AND. A key may stand in backticks or double quotes; one without an entity is an attribute.
"""

import re
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from msgspec import Struct

from outdo.core.refusals import Invalid
from outdo.core.tracking import Condition, Entity, Operator, Order
from outdo.server.mlflow.shapes import shown

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'[^']*')
      | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<name>(?:[\w\-/]+\s*\.\s*)?(?:`[^`]*`|"[^"]*")|[\w.\-/]+)
      | (?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
_KEY = re.compile(r"(?:[\w ]+\.\s*)?(?:`[^`]+`|\"[^\"]+\"|[\w.\-/]+)")
NUMERIC: frozenset[str] = frozenset({"=", "!=", ">", ">=", "<", "<="})
TEXTUAL: frozenset[str] = frozenset({"=", "!=", "LIKE", "ILIKE"})
LISTED: frozenset[str] = frozenset({"IN", "NOT IN"})
NULL: frozenset[str] = frozenset({"IS NULL", "IS NOT NULL"})
DATASETS = ("name", "digest", "context")
LONGEST = 100_000
"""Characters that a filter may have."""
LONGEST_PATTERN = 10_000
MOST_CONDITIONS = 100
MOST_KEYS = 50
"""Keys to sort by; a database joins no more than some 60 tables."""


class Attribute(Struct, frozen=True):
    """What an attribute may be compared with."""

    operators: frozenset[str]
    numeric: bool = False
    quoted: bool = False
    """Whether a number may stand in quotes."""


class Language(Struct, frozen=True):
    """What can be named in one kind of search."""

    attributes: Mapping[str, Attribute]
    others: Mapping[str, Entity]
    """Entities by every word for them."""
    aliases: Mapping[str, str] = {}
    null: bool = True
    """Whether tags and params may be asked whether they are there."""
    unsorted: frozenset[str] = frozenset()
    """Attributes that rows are not sorted by."""
    entities: Mapping[Entity, Attribute] = {}
    """What belongs to rows and is compared in ways of its own."""


TIME = Attribute(NUMERIC, numeric=True)


class Token(NamedTuple):
    kind: str
    text: str


def conditions(text: str, language: Language) -> list[Condition]:
    """All comparisons of a filter; raises `Invalid` with what can't be understood."""
    if len(text) > LONGEST:
        raise Invalid(f"The filter has {len(text)} characters; it may have {LONGEST}")
    tokens = _tokens(text)
    found: list[Condition] = []
    while tokens:
        if len(found) == MOST_CONDITIONS:
            raise Invalid(
                f"The filter has more than {MOST_CONDITIONS} comparisons, which is all that it may have"
            )
        if found:
            joint = tokens.popleft()
            if joint.kind != "name" or joint.text.upper() != "AND":
                raise Invalid(
                    f"Invalid clause(s) in filter string: '{joint.text}'; comparisons are joined by AND"
                )
        found.append(_comparison(tokens, language))
    return found


def _comparison(tokens: deque[Token], language: Language) -> Condition:
    entity, key = identifier(_next(tokens, "name", "a key"), language)
    operator = _operator(tokens)
    attribute = language.attributes[key] if entity == "attribute" else language.entities.get(entity)
    numeric = entity == "metric" or (attribute is not None and attribute.numeric)
    if attribute:
        allowed = attribute.operators
    else:
        allowed = NUMERIC if numeric else TEXTUAL | (NULL if language.null else frozenset())
    if operator not in allowed:
        raise Invalid(f"Invalid comparator '{operator}' for '{key}': expected one of {sorted(allowed)}")
    if operator in NULL:
        return Condition(entity, key, operator)
    if operator in LISTED:
        return Condition(entity, key, operator, _listed(tokens))
    value = tokens.popleft() if tokens else Token("end", "")
    if numeric:
        if attribute and attribute.quoted and value.kind == "text":
            value = _tokens(value.text[1:-1])[0] if value.text[1:-1].strip() else value
        if value.kind != "number":
            raise Invalid(f"Expected a number to compare '{key}' with, but found {value.text or 'nothing'}")
        return Condition(
            entity, key, operator, float(value.text) if entity == "metric" else _whole(value.text)
        )
    if attribute and attribute.quoted and value.kind == "number":
        return Condition(entity, key, operator, _measured(value.text))
    compared = _text(value, key)
    if attribute and attribute.quoted and operator in NUMERIC - TEXTUAL:
        return Condition(entity, key, operator, _measured(compared))
    if len(compared) > LONGEST_PATTERN and operator.endswith("LIKE"):
        raise Invalid(
            f"The pattern for '{key}' has {len(compared)} characters; it may have {LONGEST_PATTERN}"
        )
    return Condition(entity, key, operator, compared)


def _measured(text: str) -> float:
    """A number that something is compared with; raises `Invalid`."""
    try:
        return float(text)
    except ValueError:
        raise Invalid(f"Expected a number, but found '{shown(text)}'") from None


def _text(token: Token, key: str) -> str:
    if token.kind == "text" or (token.kind == "name" and token.text[0] == '"'):
        return token.text[1:-1]
    raise Invalid(f"Expected a quoted string to compare '{key}' with, but found {token.text or 'nothing'}")


def _whole(text: str) -> float:
    return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else float(text)


def _listed(tokens: deque[Token]) -> tuple[str, ...]:
    _sign(tokens, "(")
    values = [_text(tokens.popleft() if tokens else Token("end", ""), "IN")]
    while tokens and tokens[0] == Token("sign", ","):
        tokens.popleft()
        if tokens and tokens[0] == Token("sign", ")"):  # as Python writes a tuple of one
            break
        values.append(_text(tokens.popleft() if tokens else Token("end", ""), "IN"))
    _sign(tokens, ")")
    return tuple(values)


def _sign(tokens: deque[Token], sign: str) -> None:
    found = tokens.popleft() if tokens else Token("end", "nothing")
    if found != Token("sign", sign):
        raise Invalid(f"Expected '{sign}' in the filter, but found {found.text}")


def _operator(tokens: deque[Token]) -> Operator:
    first = tokens.popleft() if tokens else Token("end", "nothing")
    word = first.text.upper()
    if first.kind == "sign" and word in NUMERIC:
        return word  # type: ignore[return-value]
    if word in ("LIKE", "ILIKE", "IN"):
        return word  # type: ignore[return-value]
    words = [word, *(token.text.upper() for token in islice(tokens, 2))]
    for phrase in (("IS", "NOT", "NULL"), ("IS", "NULL"), ("NOT", "IN")):
        if tuple(words[: len(phrase)]) == phrase:
            for _ in phrase[1:]:
                tokens.popleft()
            return " ".join(phrase)  # type: ignore[return-value]
    raise Invalid(f"Invalid clause(s) in filter string: '{first.text}' is not a comparator")


def _next(tokens: deque[Token], kind: str, what: str) -> str:
    token = tokens.popleft() if tokens else Token("end", "nothing")
    if token.kind != kind:
        raise Invalid(f"Invalid clause(s) in filter string: expected {what}, but found {token.text}")
    return token.text


def identifier(text: str, language: Language) -> tuple[Entity, str]:
    """What a name means; raises `Invalid` where it means nothing here."""
    head, dot, rest = text.partition(".")
    head = head.strip()
    if text[0] in '`"' or not dot:
        entity: Entity | None = "attribute"
        key = _bare(text)
    else:
        entity = language.others.get(head)
        key = _bare(rest.strip())
    if entity is None:
        raise Invalid(f"Invalid entity type '{head}'. Valid values are {sorted(set(language.others))}")
    if entity == "dataset" and key not in DATASETS:
        raise Invalid(f"Invalid dataset key '{key}' specified. Valid keys are '{list(DATASETS)}'")
    if entity == "attribute":
        key = language.aliases.get(key, key)
        if key not in language.attributes:
            raise Invalid(
                f"Invalid attribute key '{key}' specified. Valid keys are '{sorted(language.attributes)}'"
            )
    return entity, key


def _bare(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] in '`"' and text[-1] == text[0] else text


def _tokens(text: str) -> deque[Token]:
    found: deque[Token] = deque()
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise Invalid(
                f"Invalid clause(s) in filter string: it can't be read from '{text[at : at + 40].strip()}' on"
            )
        kind = match.lastgroup or ""
        word = match[kind]
        found.append(Token(kind, "!=" if word == "<>" else word))
        at = match.end()
    return found


def orders(texts: Sequence[str], language: Language, default: Sequence[Order]) -> list[Order]:
    """How rows are sorted, by default where the texts leave that open; raises `Invalid`."""
    if len(texts) > MOST_KEYS:
        raise Invalid(f"order_by has {len(texts)} keys; it may have {MOST_KEYS}")
    found: list[Order] = []
    for text in texts:
        name, _, direction = text.strip().rpartition(" ")
        if direction.lower() not in ("asc", "desc"):
            name, direction = text, ""
        name = name.strip()
        if not _KEY.fullmatch(name):
            raise Invalid(f"Invalid order_by clause '{shown(text)}'")
        entity, key = identifier(name, language)
        if entity == "attribute" and key in language.unsorted:
            sorting = sorted(set(language.attributes) - language.unsorted)
            raise Invalid(f"Invalid order by key '{key}' specified. Valid keys are {sorting}")
        if any((one.entity, one.key) == (entity, key) for one in found):
            raise Invalid(f"`order_by` contains duplicate fields: {list(texts)}")
        found.append(Order(entity, key, direction.lower() == "desc"))
    named = {(one.entity, one.key) for one in found}
    return [*found, *(one for one in default if (one.entity, one.key) not in named)]
