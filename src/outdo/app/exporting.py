"""An attestation's facts in the forms of others: OpenSSF's model signing, and CycloneDX."""

from collections.abc import Mapping
from time import time

from msgspec import DecodeError, json

from outdo.app.attest import Withheld, statement
from outdo.app.keys import Ask, signer
from outdo.app.project import Project, open_project
from outdo.app.standing import candidate
from outdo.core.attestation import Statement
from outdo.core.errors import UserError
from outdo.core.model import Digest, Value
from outdo.integrations import cyclonedx, modelsigning


def model_signature(start: str, word: str, key: str, ask: Ask) -> bytes | Withheld:
    """The signature of the files of a version that passed its gates, for tools of model signing. Raises `NoKey`,
    `BadKey`, and what reading its bytes does."""
    project = open_project(start)
    one = candidate(project, word)
    if one.proof.hindrances:
        return Withheld(one.version.name, one.proof.judgement, one.proof.hindrances)
    return modelsigning.signature(statement(project, one, time()), signer(project.root, key, ask))


def bill_of_materials(start: str, word: str) -> bytes:
    """What a version consists of, whether it passed or not."""
    project = open_project(start)
    one = candidate(project, word)
    said = statement(project, one, time())
    return cyclonedx.bill(said, _packages(project, said), one.version.metrics, one.version.description)


def _packages(project: Project, said: Statement) -> dict[str, str]:
    """The packages that were installed where the model was made, with their versions."""
    found: dict[str, str] = {}
    for each in said.predicate.build_definition.resolved_dependencies:
        if each.name == "environment" and "blake3" in each.digest:
            try:
                told = json.decode(project.objects.get(Digest(each.digest["blake3"])), type=dict[str, Value])
            except (UserError, DecodeError):
                continue  # it was collected; its digest is told all the same
            python = told.get("python")
            if isinstance(python, Mapping):
                found |= python.get("distributions") or {}
    return found
