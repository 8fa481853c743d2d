"""What calls about the registry share: whom they name, what is said of it, and what may be said."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from outdo.core.access import Thing
from outdo.core.refusals import Invalid
from outdo.core.tracking import ModelVersion, RegisteredModel, Stage
from outdo.server.mlflow.shapes import Tag, check_key, check_length, filled, require, said_tags

TAG_LENGTH = 100_000
STAGES: tuple[Stage, ...] = ("None", "Staging", "Production", "Archived")


class OfModel(Struct, frozen=True):
    name: str | None = None

    @property
    def model(self) -> str:
        """The name; raises `Invalid` where there is none."""
        require("name", self.name)
        return self.name or ""

    def things(self) -> Sequence[Thing]:
        return (Thing("model", self.model),)


class OfVersion(OfModel, frozen=True):
    version: str | None = None

    @property
    def number(self) -> int:
        """The version; raises `Invalid`."""
        require("version", self.version)
        return read_number(self.version or "")

    def things(self) -> Sequence[Thing]:
        return (Thing("version", f"{self.model}/{self.number}"),)


class Search(Struct, frozen=True):
    filter: str = ""
    max_results: int | None = None
    order_by: list[str] = []
    page_token: str = ""


def said_version(one: ModelVersion) -> dict[str, Any]:
    return filled(
        name=one.name,
        version=str(one.version),
        creation_timestamp=one.created,
        last_updated_timestamp=one.updated,
        current_stage=one.stage,
        description=one.description,
        source=one.source,
        run_id=one.run,
        status="READY",
        tags=said_tags(one.tags),
        run_link=one.run_link,
        aliases=list(one.aliases),
    )


def said_model(one: RegisteredModel) -> dict[str, Any]:
    return filled(
        name=one.name,
        creation_timestamp=one.created,
        last_updated_timestamp=one.updated,
        description=one.description or None,
        latest_versions=[said_version(version) for version in one.latest],
        tags=said_tags(one.tags),
        aliases=[{"alias": alias, "version": str(version)} for alias, version in one.aliases.items()],
    )


def read_number(version: str) -> int:
    """The number of a version; raises `Invalid`."""
    if not (version.isascii() and version.isdigit()) or len(version) > 9:
        raise Invalid(f"Parameter 'version' must be an integer, got '{version}'.")
    return int(version)


def read_stage(name: str) -> Stage:
    """The stage that is named, in whatever case; raises `Invalid`."""
    for stage in STAGES:
        if stage.lower() == name.lower():
            return stage
    raise Invalid(f"Invalid Model Version stage: {name}. Value must be one of {', '.join(STAGES)}.")


def read_size(asked: int | None, usual: int, most: int) -> int:
    """How many are wanted at most; raises `Invalid`."""
    size = usual if asked is None else asked
    if size < 1:
        raise Invalid(f"Invalid value for max_results. It must be a positive integer, but got {size}")
    if size > most:
        raise Invalid(
            f"Invalid value for request parameter max_results. It must be at most {most}, but got value {size}"
        )
    return size


def read_registry_tags(tags: list[Tag]) -> dict[str, str]:
    """Tags by key; raises `Invalid`."""
    found: dict[str, str] = {}
    for tag in tags:
        require("key", tag.key)
        key = check_key(tag.key, "key")
        check_length("value", TAG_LENGTH, tag.value)
        found[key] = tag.value
    return found
