"""Which locations of artifacts are in the server's store, in a bucket, in a folder; the rest is none."""

import pytest

from outdo.core.places import inside, path_in_bucket, path_in_folder


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("mlflow-artifacts:/0/r/artifacts", "0/r/artifacts"),
        ("mlflow-artifacts:/", ""),
        ("/0/r/artifacts", None),
        ("0/r/artifacts", None),
        ("s3://0/r/artifacts", None),
        ("file:///0/r/artifacts", None),
        ("MLFLOW-ARTIFACTS:/0", None),
    ],
)
def test_only_its_own_locations_are_in_the_servers_store(location: str, path: str | None) -> None:
    assert inside(location) == path


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("s3://models/a/b", "a/b"),
        ("s3://models", ""),
        ("abfss://box@account.dfs.core.windows.net/a", "a"),
        ("hdfs://node:8020/a", "a"),
        ("s3://key:secret@models/a", None),
        ("s3:///a", None),
        ("s3://models\n/a", None),
        ("http://169.254.169.254/a", None),
        ("mysql://user:password@host/name", None),
        ("mlflow-artifacts:/0", None),
    ],
)
def test_a_bucket_is_one_that_clients_open_with_what_is_theirs(location: str, path: str | None) -> None:
    assert path_in_bucket(location) == path


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/data/models", "data/models"),
        ("file:///data/models", "data/models"),
        ("file:/data", None),
        ("file://host/data", None),
        ("//host/data", None),
        ("/", None),
        ("models", None),
        ("~/models", None),
        ("C:\\models", None),
    ],
)
def test_a_folder_is_said_whole(location: str, path: str | None) -> None:
    assert path_in_folder(location) == path
