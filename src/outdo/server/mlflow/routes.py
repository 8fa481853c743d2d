"""Every call of the protocol that is answered, with its full path."""

from collections.abc import Iterator

from outdo.server.endpoint import Endpoint
from outdo.server.mlflow import (
    artifacts,
    assessments,
    charts,
    experiments,
    models,
    old_traces,
    registered,
    runs,
    traces,
    versions,
    webhooks,
)
from outdo.server.mlflow.happenings import announced

PREFIXES = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow")
PROXY_PREFIXES = ("/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts")

ALL = (
    *experiments.ENDPOINTS,
    *runs.ENDPOINTS,
    *artifacts.ENDPOINTS,
    *models.ENDPOINTS,
    *map(announced, registered.ENDPOINTS),
    *map(announced, versions.ENDPOINTS),
    *old_traces.ENDPOINTS,
    *traces.SHARED,
    *charts.ENDPOINTS,
    *webhooks.ENDPOINTS,
)
THIRD_PREFIXES = ("/api/3.0/mlflow", "/ajax-api/3.0/mlflow")
THIRD = (*traces.ENDPOINTS, *assessments.ENDPOINTS, *charts.THIRD)
"""Calls of the protocol's third version, which is a second beside it."""


def endpoints() -> Iterator[tuple[str, Endpoint]]:
    """All paths with what answers there."""
    for prefix in PREFIXES:
        for endpoint in ALL:
            yield f"{prefix}/{endpoint.path}", endpoint
    for prefix in THIRD_PREFIXES:
        for endpoint in THIRD:
            yield f"{prefix}/{endpoint.path}", endpoint
    for prefix in PROXY_PREFIXES:
        for endpoint in artifacts.PROXY_ENDPOINTS:
            yield f"{prefix}/{endpoint.path}", endpoint
