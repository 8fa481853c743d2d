"""What is asked of both servers, and how long it takes."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping

from msgspec import json

from benchmarks.measure import Broken
from benchmarks.mlflow_fill import RUN
from benchmarks.mlflow_sides import Side


def each(count: int, work: Callable[..., object], *words: object) -> list[float]:
    """How long it took each time; `work` gets the number of the time first."""
    took = []
    for at in range(count):
        began = time.perf_counter()
        work(at, *words)
        took.append(time.perf_counter() - began)
    return took


def log_metric(at: int, side: Side, run: str) -> None:
    """One point of a metric."""
    side.post("runs/log-metric", run_id=run, key="loss", value=0.5, timestamp=at + 1, step=at)


def log_batch(at: int, side: Side, run: str) -> None:
    """A thousand points of ten metrics."""
    points = [{"key": f"m{n % 10}", "value": 0.5, "timestamp": at * 1000 + n, "step": n} for n in range(1000)]
    side.post("runs/log-batch", run_id=run, metrics=points)


def create_run(_: int, side: Side) -> None:
    """One run."""
    side.run()


def search(_: int, side: Side, asked: Mapping[str, object]) -> None:
    """One page of runs; raises `Broken` where it is not full."""
    found = side.post("runs/search", **asked)["runs"]
    if len(found) != asked["max_results"]:
        raise Broken(f"{side.name} found {len(found)} runs")


def deep_page(side: Side, asked: Mapping[str, object], page: int) -> str:
    """The token of a page. MLflow's says how many rows to skip, and need not be fetched page by page."""
    rows = (page - 1) * 100
    if not rows:
        return ""
    if side.name == "mlflow":
        return urlsafe_b64encode(json.encode({"offset": rows})).decode()
    token: str = side.post("runs/search", **{**asked, "max_results": rows})["next_page_token"]
    return token


def history(_: int, side: Side, points: int) -> None:
    """All points of the long history, in the largest pages there are; raises `Broken` where some are missing."""
    found, token = 0, ""
    while not found or token:
        size = f"max_results=25000&page_token={token}"
        page = side.get(f"metrics/get-history?run_id={RUN}&metric_key=long&{size}")
        found += len(page["metrics"])
        token = page.get("next_page_token", "")
    if found != points:
        raise Broken(f"{side.name} told {found} of {points} points")


def upload(_: int, side: Side, path: str, content: bytes) -> None:
    """An artifact, whole."""
    status, _said = side.request("PUT", path, memoryview(content))
    if status != 200:
        raise Broken(f"{side.name} answered PUT {path} with {status}")


def download(_: int, side: Side, path: str, size: int) -> None:
    """An artifact, whole."""
    status, said = side.request("GET", path)
    if status != 200 or len(said) != size:
        raise Broken(f"{side.name} answered GET {path} with {status} and {len(said)} bytes")
