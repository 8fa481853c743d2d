"""Which version of a model is meant."""

import pytest

from outdo.core.errors import UnknownVersion
from outdo.core.versions import Reference, alias_fault, number_meant, read_reference

ALIASES = {"champion": 3}
VERSIONS = [1, 3, 4]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("delay", Reference("delay")),
        ("delay/7", Reference("delay", 7)),
        ("delay@7", Reference("delay", 7)),
        ("delay@champion", Reference("delay", alias="champion")),
        ("models:/delay@champion", Reference("delay", alias="champion")),
        ("delay/latest", Reference("delay")),
        ("@", Reference("@")),
    ],
)
def test_a_word_means_a_model_and_a_version(word: str, meant: Reference) -> None:
    assert read_reference(word) == meant


@pytest.mark.parametrize(("word", "number"), [("delay", 4), ("delay/1", 1), ("delay@champion", 3)])
def test_the_latest_is_meant_where_none_is_named(word: str, number: int) -> None:
    assert number_meant(read_reference(word), ALIASES, VERSIONS) == number


@pytest.mark.parametrize(
    ("word", "told", "fix"),
    [
        ("delay/2", "'delay' has no version 2", "outdo models delay"),
        ("delay@champ", "has no version with the alias 'champ'", "did you mean 'delay@champion'?"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest(word: str, told: str, fix: str) -> None:
    with pytest.raises(UnknownVersion, match=told) as caught:
        number_meant(read_reference(word), ALIASES, VERSIONS)
    assert caught.value.fix == fix


@pytest.mark.parametrize("alias", ["", "latest", "LATEST", "7", "v7", "a b", "a/b", "ä!", "x" * 256])
def test_what_means_a_version_by_itself_is_no_alias(alias: str) -> None:
    assert alias_fault(alias)


@pytest.mark.parametrize("alias", ["champion", "prod-eu_1", "v7x"])
def test_words_are_aliases(alias: str) -> None:
    assert not alias_fault(alias)
