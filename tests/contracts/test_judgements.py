"""The judgements of a store: found by key, and by what was judged; damaged ones are unknown."""

from pathlib import Path

from msgspec.structs import replace

from outdo.core.verdict import Evidence, Judgement, Verdict
from outdo.store.judgements import Judgements

FAILED = Verdict("metric auc", "failed", "0.6 is not > 0.7", Evidence(value=0.6, bound="> 0.7"))
FIRST = Judgement("model", "delay", "d" * 64, "a" * 64, (FAILED,), 1.0, champion="delay/6")
SECOND = replace(FIRST, key="0" * 64, verdicts=(replace(FAILED, outcome="passed"),), at=2.0)


def test_a_judgement_is_found_by_its_key(tmp_path: Path) -> None:
    Judgements(str(tmp_path)).put(FIRST)
    assert Judgements(str(tmp_path)).get(FIRST.digest, FIRST.key) == FIRST
    assert Judgements(str(tmp_path)).get(FIRST.digest, SECOND.key) is None


def test_everything_said_of_some_bytes_is_found_oldest_first(tmp_path: Path) -> None:
    known = Judgements(str(tmp_path))
    for each in (SECOND, FIRST, replace(FIRST, digest="e" * 64)):
        known.put(each)
    assert [each.outcome for each in known.of(FIRST.digest)] == ["failed", "passed"]
    assert known.of("f" * 64) == []


def test_a_damaged_or_misplaced_judgement_is_unknown(tmp_path: Path) -> None:
    known = Judgements(str(tmp_path))
    known.put(FIRST)
    [file] = (tmp_path / "judgements" / FIRST.digest).iterdir()
    file.rename(file.with_name(SECOND.key))
    assert known.of(FIRST.digest) == []
    file.write_bytes(b"{")
    assert known.get(FIRST.digest, FIRST.key) is None
