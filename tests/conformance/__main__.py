"""MLflow's own tests over HTTP, against stock MLflow and against Outdo, as a table.

    python -m tests.conformance --tests CHECKOUT --python PYTHON [--keep FOLDER] [--jobs N] [FILE…]

CHECKOUT is one of MLflow's repository; PYTHON an interpreter with `mlflow pytest>=8.3,<9 pytest-asyncio pytest-timeout
httpx polars databricks-sdk`. A test counts if it asks a server for something, and stock MLflow passes it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, json

HERE = Path(__file__).parent
FILES = (
    "tests/tracking/test_rest_tracking.py",
    "tests/tracking/test_model_registry.py",
    "tests/tracking/test_tracking.py",
    "tests/tracking/fluent/test_fluent.py",
    "tests/tracking/test_mlflow_artifacts.py",
    "tests/tracking/test_log_image.py",
    "tests/tracking/test_log_figure.py",
    "tests/store/tracking/sqlalchemy_store/test_sqlalchemy_store.py",
    "tests/store/model_registry/test_sqlalchemy_store.py",
    "tests/tracing/test_fluent.py",
    "tests/tracing/test_assessment.py",
)
NOT_OFFERED = (
    "gateway|secret|endpoint|scorer|eval|dataset_record|datasets_(exp|end|crud|find|mul|work)|"
    "test_dataset_(crud|search|schema|user|filter|upsert|delete|associations|tags|update|digest)|webhook|job|issue|label|graphql|optimiz|"
    r"budget|guardrail|workspace|review|online|legacy_file|promptlab|ajax|csv|chat|judge|provider|model_definition|\[file\b"
)
"""Names of tests of what is no part of tracking: not run."""
GROUPS: Mapping[str, str] = {
    "logged models": "logged_model",
    "tracing": r"tests/tracing/|trace|span|assessment|feedback|expectation",
    "artifacts": r"test_mlflow_artifacts|test_log_image|test_log_figure|::\w*artifact(?!_location|_uri)",
    "registry": "model_registry|registered_model|model_version",
    "tracking": "",
}
"""Groups of tests by what is in their names; the first that fits counts."""
BARS: Mapping[str, float] = {
    "tracking": 0.98,
    "registry": 0.98,
    "artifacts": 1.0,
    "logged models": 0.95,
    "tracing": 0.8,
}


class Result(Struct, frozen=True):
    test: str
    outcome: str
    asked: list[str]
    told: str


class Row(NamedTuple):
    name: str
    counted: int
    passed: int


def results(python: str, checkout: Path, wanted: Sequence[str], command: str) -> dict[str, Result]:
    """What came of each test of these names, or in these files; an empty command stands for stock MLflow."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "results.jsonl"
        only = Path(folder) / "only"
        only.write_text("\n".join(one for one in wanted if "::" in one))
        files = list(dict.fromkeys(one.partition("::")[0] for one in wanted))
        env = {
            **os.environ,
            "PYTHONPATH": str(HERE),
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        options = ["-p", "redirect", "-p", "no:cacheprovider", "-q", "--timeout", "60", "--no-header"]
        chosen = ["--leave", NOT_OFFERED, "--serve", command, "--results", str(said)]
        chosen += ["--only", str(only)] if only.read_text() else []
        run = [python, "-m", "pytest", *options, *chosen, *files]
        subprocess.run(run, cwd=checkout, env=env, stdout=subprocess.DEVNULL, check=False)
        found = [json.decode(line, type=Result) for line in said.read_bytes().splitlines()]
    return {one.test: one for one in found}


def at_once(jobs: int, python: str, checkout: Path, wanted: Sequence[str], command: str) -> dict[str, Result]:
    """The same, of so many tests at a time."""
    parts = [part for at in range(jobs) if (part := wanted[at::jobs])]
    with ThreadPoolExecutor(jobs) as pool:
        told = pool.map(lambda part: results(python, checkout, part, command), parts)
        return {name: one for part in told for name, one in part.items()}


def is_offered(test: str, files: Sequence[str]) -> bool:
    """Whether a test is of these files and of what is offered."""
    return test.startswith(tuple(files)) and not re.search(
        NOT_OFFERED, test.replace("workspace-disabled", "")
    )


def group(test: str) -> str:
    """The group that a test belongs to."""
    return next(name for name, pattern in GROUPS.items() if re.search(pattern, test))


def compared(stock: Mapping[str, Result], ours: Mapping[str, Result]) -> list[tuple[str, bool]]:
    """The tests that count, and whether we pass them."""
    return [
        (test, test in ours and ours[test].outcome == "passed")
        for test, one in stock.items()
        if one.outcome == "passed" and one.asked
    ]


def rows(found: Iterable[tuple[str, bool]], names: Iterable[str]) -> list[Row]:
    """How many of each name count, and pass."""
    kept = [(name, passed) for name, (_, passed) in zip(names, found, strict=True)]
    order = dict.fromkeys(name for name, _ in kept)
    return [
        Row(name, sum(one == name for one, _ in kept), sum(one == name and good for one, good in kept))
        for name in order
    ]


def table(title: str, lines: Sequence[Row], *, barred: bool = False) -> str:
    """The rows in Markdown."""
    head = [f"| {title} | stock passes | Outdo passes | share |", "| --- | --- | --- | --- |"]
    if barred:
        head = [f"| {title} | stock passes | Outdo passes | share | bar |", "| --- | --- | --- | --- | --- |"]
    told = []
    for row in lines:
        bar = f" {BARS[row.name]:.0%} |" if barred else ""
        told.append(f"| {row.name} | {row.counted} | {row.passed} | {row.passed / row.counted:.1%} |{bar}")
    return "\n".join([*head, *told])


def report(stock: Mapping[str, Result], ours: Mapping[str, Result]) -> str:
    """Both tables, and what we do not pass."""
    found = compared(stock, ours)
    by_group = rows(found, [group(test) for test, _ in found])
    by_file = rows(found, [f"`{test.partition('::')[0]}`" for test, _ in found])
    failed = [f"- `{test.removeprefix('tests/')}`" for test, passed in found if not passed]
    order = {name: at for at, name in enumerate(BARS)}
    by_group.sort(key=lambda row: order[row.name])
    parts = [table("group", by_group, barred=True), table("file", by_file)]
    return "\n\n".join([*parts, "Not passed:\n\n" + ("\n".join(failed) or "none")]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tests", type=Path, required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument(
        "--keep", type=Path, help="a folder that keeps the results, and those of stock for next time"
    )
    parser.add_argument("--jobs", type=int, default=1, help="how many tests run at a time")
    parser.add_argument("files", nargs="*", default=FILES)
    asked = parser.parse_args()
    outdo = f"{sys.executable} -m outdo.cli.main server --home {{home}} --port 0"
    found: list[dict[str, Result]] = []
    for name, command in (("stock", ""), ("outdo", outdo)):
        kept = asked.keep / f"{name}.json" if asked.keep else None
        if kept and name == "stock" and kept.exists():
            known = json.decode(kept.read_bytes(), type=dict[str, Result])
            found.append({test: one for test, one in known.items() if is_offered(test, asked.files)})
            continue
        # Of us what counts is asked, and no more.
        wanted = [test for test, _ in compared(found[0], {})] if found else asked.files
        found.append(at_once(asked.jobs, asked.python, asked.tests, wanted, command))
        if kept:
            kept.write_bytes(json.format(json.encode(found[-1])))
    sys.stdout.write(report(*found))


if __name__ == "__main__":
    main()
