"""Kinds of values that several sections of `outdo.yaml` share."""

from typing import Annotated

from msgspec import Meta

Scalar = str | int | float | bool
Columns = Annotated[tuple[str, ...], Meta(min_length=1)]
Names = tuple[str, ...]
Confidence = Annotated[float, Meta(gt=0, lt=1)]
Count = Annotated[int, Meta(ge=0)]
