"""The list of what a stock MLflow server can be asked, which our reference tells what we answer of."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.contracts.test_mlflow_same import python

pytestmark = pytest.mark.slow

KNOWN = Path(__file__).parents[2] / "docs" / "mlflow_routes.txt"
LISTED = """
from mlflow.server import app
from mlflow.server.handlers import get_endpoints
for path, _, methods in get_endpoints():
    for method in methods:
        print(method, path)
for rule in app.url_map.iter_rules():
    for method in rule.methods:
        print(method, rule.rule)
"""
LEFT_ASIDE = re.compile(r"(HEAD|OPTIONS) |GET /(build/.*|static-files/.*)?$|.*/2\.0mlflow/")
"""What frameworks add, pages, and one path that lacks a slash."""


def test_the_list_of_calls_is_that_of_a_stock_server() -> None:
    done = subprocess.run([python(), "-c", LISTED], capture_output=True, text=True, check=True)
    plain = {re.sub("<[^>]*>", "{}", line) for line in done.stdout.splitlines()}
    found = {line for line in plain if not LEFT_ASIDE.match(line)}
    pages = {line for line in found if " /ajax-api/" in line}
    twice = {line for line in pages if line.replace("/ajax-api/", "/api/") in found}
    assert sorted((found - twice) | {"POST /v1/traces"}) == sorted(KNOWN.read_text().splitlines())
