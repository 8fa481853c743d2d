"""Which version of a model a person means: `delay`, `delay/7`, `delay@7`, `delay@champion`, `models:/delay/7`."""

import re
from collections.abc import Mapping

from msgspec import Struct

from outdo.core.errors import UnknownVersion
from outdo.core.hints import nearest

_ALIAS = re.compile(r"[\w\-]{1,255}")
_NUMBERED = re.compile(r"v?\d+", re.IGNORECASE)


class Reference(Struct, frozen=True):
    """A model's name, with the number or the alias of a version; with neither the latest is meant."""

    model: str
    version: int | None = None
    alias: str = ""

    def __str__(self) -> str:
        if self.alias:
            return f"{self.model}@{self.alias}"
        return self.model if self.version is None else f"{self.model}/{self.version}"


def read_reference(word: str) -> Reference:
    """What is meant; whether it is there is not asked."""
    word = word.removeprefix("models:/")
    name, at, rest = word.rpartition("@")
    if not at:
        name, at, rest = word.rpartition("/")
    if not at or not name:
        return Reference(word)
    if re.fullmatch(r"\d{1,9}", rest):
        return Reference(name, int(rest))
    return Reference(name) if rest == "latest" else Reference(name, alias=rest)


def number_meant(asked: Reference, aliases: Mapping[str, int], versions: list[int]) -> int:
    """The number of the version that is meant, of a model with these; raises `UnknownVersion`."""
    if asked.alias:
        if asked.alias in aliases:
            return aliases[asked.alias]
        near = nearest(asked.alias, list(aliases))
        fix = f"did you mean '{asked.model}@{near}'?" if near else f"outdo models {asked.model}"
        raise UnknownVersion(f"'{asked.model}' has no version with the alias '{asked.alias}'", fix=fix)
    if not versions:
        raise UnknownVersion(f"'{asked.model}' has no version yet", fix="outdo run")
    number = max(versions) if asked.version is None else asked.version
    if number not in versions:
        raise UnknownVersion(f"'{asked.model}' has no version {number}", fix=f"outdo models {asked.model}")
    return number


def alias_fault(alias: str) -> str:
    """What is wrong with a new alias; empty where nothing is."""
    if not _ALIAS.fullmatch(alias):
        return f"'{alias}' can't be an alias: letters, digits, '_' and '-' may be in one"
    if alias.lower() == "latest" or _NUMBERED.fullmatch(alias):
        return f"'{alias}' can't be an alias: it means a version by itself"
    return ""
