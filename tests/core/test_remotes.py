"""Remotes in the file: how they are written, and what is refused."""

import pytest

from outdo.core.config import read_project
from outdo.core.errors import BadRemote, Mistakes
from outdo.core.model import Remote


def remotes(text: str) -> dict[str, Remote]:
    return dict(read_project("outdo.yaml", f"remotes: {text}\n", lambda _: None).pipeline.remotes)


@pytest.mark.parametrize(
    "url", ["s3://b", "s3://b/a/c", "gs://b/p", "az://c", "https://h/p", "/mnt/x", "../x", "~/x"]
)
def test_an_address_is_enough(url: str) -> None:
    assert remotes(f"{{team: '{url}'}}") == {"team": Remote(url)}


def test_more_can_be_said_of_one() -> None:
    text = "{team: {url: 's3://b', endpoint: 'http://127.0.0.1:9000', region: x, anonymous: true, look_up: false}}"
    assert remotes(text) == {
        "team": Remote("s3://b", "http://127.0.0.1:9000", "x", anonymous=True, look_up=False)
    }


def test_the_first_stays_the_first() -> None:
    assert list(remotes("{z: /z, a: /a}")) == ["z", "a"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{t: ''}", "names no place"),
        ("{t: 's3://'}", "names no place"),
        ("{t: 'ftp://x'}", "'ftp://' is not a kind of remote"),
        ("{t: 'https://me:secret@h/p'}", "password stands in the address"),
        ("{t: {url: 's3://b', endpoint: 'https://k:s@h'}}", "password stands in the address"),
        ("{t: {url: 'gs://b', endpoint: 'https://h'}}", "for s3://… only"),
        ("{t: {url: 's3://b', endpoint: 'h:9000'}}", "is no address"),
    ],
)
def test_what_is_not_a_remote_is_told_with_its_place(text: str, what: str) -> None:
    with pytest.raises(Mistakes) as caught:
        remotes(text)
    [mistake] = caught.value.mistakes
    assert isinstance(mistake, BadRemote)
    assert what in mistake.what
    assert str(mistake.where).startswith("outdo.yaml:1:")
    assert mistake.fix
