"""Calls about what people, judges and code say of traces."""

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Connection

from outdo.core.access import Thing
from outdo.core.refusals import Invalid
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.server.mlflow.shapes import check_length, require
from outdo.server.mlflow.trace_shapes import Said, body_of, read_assessment, said_assessment, with_body
from outdo.store.tracking import assessments, traces


class Create(Struct, frozen=True):
    trace_id: str = ""
    assessment: Said | None = None

    def things(self) -> Sequence[Thing]:
        return (Thing("trace", self.trace_id),)


class OfAssessment(Struct, frozen=True):
    trace_id: str = ""
    assessment_id: str = ""

    def things(self) -> Sequence[Thing]:
        return (Thing("trace", self.trace_id),)


class Update(OfAssessment, frozen=True):
    assessment: Said | None = None
    update_mask: str = ""


def create(connection: Connection, asked: Create, desk: Desk) -> Json:
    require("assessment", asked.assessment)
    assert asked.assessment is not None
    made = read_assessment(asked.assessment, asked.trace_id, desk.now())
    assessments.put(connection, traces.number_of(connection, asked.trace_id), made)
    return {"assessment": said_assessment(made)}


def get(connection: Connection, asked: OfAssessment, desk: Desk) -> Json:
    traces.number_of(connection, asked.trace_id)
    return {"assessment": said_assessment(assessments.find(connection, asked.trace_id, asked.assessment_id))}


def update(connection: Connection, asked: Update, desk: Desk) -> Json:
    require("assessment", asked.assessment)
    require("update_mask", asked.update_mask)
    number = traces.number_of(connection, asked.trace_id)
    before = assessments.find(connection, asked.trace_id, asked.assessment_id)
    body = _merged(body_of(before), before.kind, asked)
    name = before.name
    if "assessment_name" in _masked(asked.update_mask):
        assert asked.assessment is not None
        name = asked.assessment.assessment_name
        require("assessment_name", name)
        check_length("assessment_name", 250, name)
    changed = with_body(structs.replace(before, name=name, updated=desk.now()), body)
    assessments.change(connection, number, changed)
    return {"assessment": said_assessment(changed)}


def delete(connection: Connection, asked: OfAssessment, desk: Desk) -> Json:
    assessments.remove(connection, traces.number_of(connection, asked.trace_id), asked.assessment_id)
    return {}


def _masked(mask: str) -> list[str]:
    """The names of fields in a mask, which is one text in camel case."""
    return [re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name.strip()) for name in mask.split(",")]


def _merged(body: dict[str, Any], kind: str, asked: Update) -> dict[str, Any]:
    """What its author says now, of what the mask names; metadata are added to. Raises `Invalid`."""
    assert asked.assessment is not None
    for name in _masked(asked.update_mask):
        if name in ("feedback", "expectation"):
            if name != kind or getattr(asked.assessment, name) is None:
                raise Invalid(f"Cannot update {name} value on an assessment that is of another kind: {kind}.")
            body[name] = getattr(asked.assessment, name)
        elif name == "rationale":
            body[name] = asked.assessment.rationale
        elif name == "metadata":
            body[name] = {**body.get(name, {}), **asked.assessment.metadata}
    return body


_ONE = "traces/{trace_id}/assessments/{assessment_id}"
ENDPOINTS = (
    Endpoint("POST", "traces/{trace_id}/assessments", "developer", Create, create),
    Endpoint("GET", _ONE, "viewer", OfAssessment, get, writes=False),
    Endpoint("PATCH", _ONE, "developer", Update, update),
    Endpoint("DELETE", _ONE, "developer", OfAssessment, delete),
)
"""Of the protocol's third version."""
