"""Addresses that stages read: which are, which are refused, and that no secret in one is ever told."""

import pytest

from outdo.core.config import read_project
from outdo.core.errors import Mistakes
from outdo.core.model import Stage
from outdo.core.urls import Barred, address


def stage(text: str) -> Stage:
    file = f"stages: {{s: {{cmd: x, {text}}}}}"
    return read_project("outdo.yaml", file, lambda _: None).pipeline.stages[0]


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/a b.csv",
        "s3://bucket/folder/",
        "gs://bucket/x",
        "az://box/x",
        "azure://box/x",
        "http://127.0.0.1:8000/x?v=1",
        "https://host.example/a/@b/x.csv",
        "http://[::1]:80/x",
        "remote://team/data/x",
    ],
)
def test_an_address_is_read_as_it_is_written(url: str) -> None:
    made = stage(f"deps: ['{url}']")
    assert (made.deps, made.barred) == ((url,), None)


@pytest.mark.parametrize(
    "url",
    ["s3://", "s3:///x", "https:///x", "http://host:port/x", "http://a b/c", "remote://team", "https://"],
)
def test_an_address_that_names_no_place_is_a_mistake_in_the_file(url: str) -> None:
    with pytest.raises(Mistakes, match=r"names no place|no address may have"):
        stage(f"deps: ['{url}']")


@pytest.mark.parametrize(
    "field", ["deps: ['ssh://host/x']", "outs: ['s3://bucket/x']", "metrics: ['gs://b/m.json']"]
)
def test_what_can_not_be_reached_bars_its_stage_alone(field: str) -> None:
    barred = stage(field).barred
    assert barred is not None
    assert barred.fix


@pytest.mark.parametrize("field", ["deps", "outs", "plots"])
@pytest.mark.parametrize(
    "url",
    ["https://me:hidden@host/x", "s3://hidden@b/x", "https://host/x?a=1&token=hidden", "ssh://me:hidden@h/x"],
)
def test_a_secret_in_an_address_is_told_to_nobody(field: str, url: str) -> None:
    made = stage(f"{field}: ['{url}']")
    assert made.barred is not None
    assert "hidden" not in repr(made)


def test_an_at_sign_in_a_path_is_no_secret() -> None:
    assert address("https://host/a@b") == "https://host/a@b"


def test_a_kind_that_nobody_asks_is_named() -> None:
    with pytest.raises(Barred, match=r"hdfs://"):
        address("hdfs://host/x")
