"""CycloneDX 1.6: a version as a machine learning bill of materials, with its model card.

https://cyclonedx.org/docs/1.6/json/
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from msgspec import json

from outdo.core.attestation import BUILDER, Predicate, Resource, Statement
from outdo.core.verdict import Evidence, Verdict

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"

Bom = dict[str, Any]


def bill(
    said: Statement, packages: Mapping[str, str], metrics: Mapping[str, float], description: str = ""
) -> bytes:
    """The bill of materials of a model: files, data, packages of its environment by their versions, what was measured,
    and how its gates were judged. The same facts give the same bytes."""
    one = said.predicate
    name = f"{one.model.name}@{one.model.version}"
    data = {f"data:{each.name}": each for each in _data(one)}
    libraries = [_library(package, packages[package]) for package in sorted(packages)]
    model: Bom = {
        "type": "machine-learning-model",
        "bom-ref": f"model:{name}",
        "name": one.model.name,
        "version": str(one.model.version),
        **({"description": description} if description else {}),
        "components": [_file(each) for each in said.subject],
        "externalReferences": [
            {"type": "vcs", "url": each.uri}
            for each in one.build_definition.resolved_dependencies
            if each.uri
        ],
        "modelCard": _card(one, data, metrics),
    }
    if one.model.digest.get("blake3"):
        model["hashes"] = _hashes(said.subject[0])
    whole = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid5(NAMESPACE_URL, f"{BUILDER} {name} {one.model.digest} {one.attested_on}").urn,
        "version": 1,
        "metadata": {
            "timestamp": one.attested_on,
            "tools": {"components": [{"type": "application", "name": "outdo", **_tool(one)}]},
            "component": model,
        },
        "components": [*(_dataset(ref, each) for ref, each in data.items()), *libraries],
        "dependencies": [
            {"ref": model["bom-ref"], "dependsOn": [*data, *(each["bom-ref"] for each in libraries)]}
        ],
    }
    return json.format(json.encode(whole), indent=2) + b"\n"


def _card(one: Predicate, data: Mapping[str, Resource], metrics: Mapping[str, float]) -> Bom:
    verdicts = one.judgement.verdicts if one.judgement else ()
    measured = [{"type": name, "value": f"{value:.10g}"} for name, value in sorted(metrics.items())]
    measured += [found for verdict in verdicts for found in _measured(verdict)]
    told = [("outdo:gate:" + each.name, f"{each.outcome}: {each.reason}") for each in verdicts]
    for stage, asked in sorted(one.build_definition.external_parameters.get("stages", {}).items()):
        told += [
            (f"outdo:param:{stage}:{name}", str(value)) for name, value in sorted(asked["params"].items())
        ]
    return {
        "modelParameters": {"datasets": [{"ref": ref} for ref in data]},
        "quantitativeAnalysis": {"performanceMetrics": measured},
        "properties": [{"name": name, "value": value} for name, value in told],
    }


def _measured(verdict: Verdict) -> Iterator[Bom]:
    yield from _metric(verdict.name, verdict.evidence, "")
    for part in verdict.parts:
        if part.subject:
            yield from _metric(verdict.name, part.evidence, part.subject)


def _metric(name: str, evidence: Evidence, part: str) -> Iterator[Bom]:
    if evidence.value is None:
        return
    found: Bom = {"type": name, "value": f"{evidence.value:.10g}"}
    if part:
        found["slice"] = part
    if evidence.low is not None and evidence.high is not None:
        ends = {"lowerBound": f"{evidence.low:.10g}", "upperBound": f"{evidence.high:.10g}"}
        found["confidenceInterval"] = ends
    yield found


def _data(one: Predicate) -> Iterator[Resource]:
    """What was read that is no code: data that is tracked, or came from outside."""
    for each in one.build_definition.resolved_dependencies:
        if each.annotations.get("source") in ("tracked", "outside"):
            yield each


def _dataset(ref: str, one: Resource) -> Bom:
    told = {"type": "data", "bom-ref": ref, "name": one.name, "data": [{"type": "dataset", "name": one.name}]}
    if "blake3" in one.digest:
        return {**told, "hashes": _hashes(one)}
    return {**told, "properties": [{"name": "outdo:tree", "value": one.digest.get("outdoTree", "")}]}


def _file(one: Resource) -> Bom:
    return {"type": "file", "bom-ref": f"file:{one.name}", "name": one.name, "hashes": _hashes(one)}


def _hashes(one: Resource) -> list[Bom]:
    names = {"sha256": "SHA-256", "blake3": "BLAKE3"}
    return [
        {"alg": names[kind], "content": each} for kind, each in sorted(one.digest.items()) if kind in names
    ]


def _library(name: str, version: str) -> Bom:
    purl = f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(version, safe='')}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _tool(one: Predicate) -> Bom:
    version = one.run_details.builder.version.get("outdo", "")
    return {"version": version, "externalReferences": [{"type": "other", "url": BUILDER}]}
