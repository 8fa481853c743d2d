"""Attestations: the same facts give the same bytes, and nothing that was changed since is taken."""

import os
import shutil
from pathlib import Path

import pytest
from msgspec import json
from msgspec.structs import replace

from outdo.app import keys
from outdo.app.attest import Attested, Withheld, attest, envelope_of, statement
from outdo.app.models import version
from outdo.app.project import open_project
from outdo.app.standing import candidate
from outdo.app.verify import signed, verify
from outdo.core.attestation import TAG, Statement, statement_bytes
from outdo.core.digest import digest_bytes
from outdo.core.errors import BadKey, Distrusted, NoKey, NotAttested
from outdo.core.verdict import Judgement, Verdict
from outdo.store.database import writing
from outdo.store.signing import new_signer, seal, unseal
from outdo.store.tracking import registry
from outdo.store.tracking.home import opened
from tests.contracts.promoting import build, copy, judge

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OUTDO_KEYS", str(folder / "keys"))
        patch.delenv("OUTDO_KEY", raising=False)
        root = build(folder / "made")
        judge(root)
        keys.new_key("ana", "ed25519", "")
        keys.trust(str(root), "ana", "")
        assert isinstance(sign(root), Attested)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTDO_KEYS", str(made.parent / "keys"))
    monkeypatch.delenv("OUTDO_KEY", raising=False)
    return copy(made, tmp_path / "project")


def sign(root: Path, word: str = "delay") -> Attested | Withheld:
    return attest(str(root), word, "ana", lambda _: "")


def envelope(root: Path) -> bytes:
    return envelope_of(open_project(str(root)), version(str(root), "delay"))


def said(root: Path) -> Statement:
    content, _ = unseal(envelope(root), keys.trusted(str(root)).values())
    return json.decode(content, type=Statement)


def damage(root: Path, digest: str) -> None:
    file = root / f".outdo/objects/{digest[:2]}/{digest[2:]}"
    os.chmod(file, 0o644)
    file.write_bytes(file.read_bytes() + b" ")


# ------------------------------------------------------------------ what is said


def test_the_subject_is_each_file_of_the_model(root: Path) -> None:
    subject = said(root).subject
    assert [each.name for each in subject] == ["in/weights", "x"]
    assert [set(each.digest) for each in subject] == [{"sha256"}] * 2


def test_all_that_it_was_made_of_is_named(root: Path) -> None:
    one = said(root).predicate
    assert [(step.path, step.made_of) for step in one.lineage] == [
        ("model", (1, 2)), ("train.sh", ()), ("clean.txt", (3,)), ("raw.txt", ()),
    ]  # fmt: skip
    build = one.build_definition
    names = list(dict.fromkeys(each.name for each in build.resolved_dependencies))
    assert names == ["code", "edits", "environment", "train.sh", "raw.txt"]
    assert build.external_parameters["stages"] == {
        "clean": {"params": {}},
        "train": {"params": {"rate": 0.2}},
    }
    assert one.run_details.metadata.invocation_id


def test_every_verdict_is_there_with_its_numbers(root: Path) -> None:
    judgement = said(root).predicate.judgement
    assert judgement is not None
    assert [(each.name, each.evidence.value, each.evidence.low) for each in judgement.verdicts] == [
        ("metric auc", 0.8, 0.75),
        ("size", 30.0, None),
    ]


def test_checks_of_the_data_that_it_was_made_of_are_there_too(root: Path) -> None:
    [digest] = said(root).predicate.lineage[2].digest.values()
    verdict = Verdict("rows", "passed", "1 is > 0")
    checked = Judgement("data", "clean.txt", digest, "c" * 64, (verdict,), 1.0)
    for each in (checked, replace(checked, subject="elsewhere", key="e" * 64)):
        open_project(str(root)).judgements.put(each)
    sign(root)
    assert said(root).predicate.checks == (checked,)


def test_the_same_facts_at_the_same_time_give_the_same_bytes(root: Path, tmp_path: Path) -> None:
    other = copy(root, tmp_path / "elsewhere")
    one, two = (
        statement_bytes(statement(project, candidate(project, "delay"), 1e9))
        for project in (open_project(str(root)), open_project(str(other)))
    )
    assert one == two


def test_what_did_not_pass_is_not_attested(root: Path) -> None:
    judge(root, outcome="failed")
    withheld = sign(root)
    assert isinstance(withheld, Withheld)
    assert [each.what for each in withheld.hindrances] == ["metric auc: 0.8 is >= 0.7"]


# ------------------------------------------------------------------ what is verified


def test_an_attestation_holds_with_all_that_it_names(root: Path) -> None:
    found = verify(str(root), "delay")
    assert (found.version, found.signers, found.absent) == ("delay/2", ("ana",), ())
    assert found.objects > 5
    assert signed(open_project(str(root)), version(str(root), "delay")).signers == ("ana",)


def test_a_version_that_nobody_has_signed_has_none(root: Path) -> None:
    with pytest.raises(NotAttested, match="delay/1 has no attestation"):
        verify(str(root), "delay/1")


@pytest.mark.parametrize("part", ["in/weights", ""])
def test_a_changed_byte_of_the_model_is_refused(root: Path, part: str) -> None:
    [tree] = said(root).predicate.model.digest.values()
    damage(root, digest_bytes((root / "model" / part).read_bytes()) if part else tree)
    with pytest.raises(Distrusted, match="the model is not as it was signed"):
        verify(str(root), "delay")


def test_a_changed_byte_of_what_it_was_made_of_is_refused(root: Path) -> None:
    damage(root, said(root).predicate.lineage[2].digest["blake3"])
    with pytest.raises(Distrusted, match=r"'clean.txt', which the model was made of, is damaged"):
        verify(str(root), "delay")


def test_what_is_kept_in_git_alone_is_looked_up_there_and_what_is_nowhere_is_told(root: Path) -> None:
    for step in said(root).predicate.lineage:
        if step.path in ("train.sh", "raw.txt"):
            digest = step.digest["blake3"]
            (root / f".outdo/objects/{digest[:2]}/{digest[2:]}").unlink(missing_ok=True)
    assert verify(str(root), "delay").absent == ("raw.txt",)


def test_a_changed_verdict_is_refused(root: Path, tmp_path: Path) -> None:
    content = envelope(root)
    payload = statement_bytes(said(root)).replace(b"0.8 is >= 0.7", b"0.9 is >= 0.7")
    changed = seal(payload, new_signer("ed25519", "eve"))
    kept = json.decode(content)
    forged = json.decode(changed)
    (tmp_path / "x.json").write_bytes(json.encode({**kept, "payload": forged["payload"]}))
    with pytest.raises(Distrusted, match="the signature is not that of 'ana' over these bytes"):
        verify(str(root), str(tmp_path / "x.json"))
    (tmp_path / "x.json").write_bytes(changed)
    with pytest.raises(Distrusted, match="which is not trusted"):
        verify(str(root), str(tmp_path / "x.json"))


def test_the_attestation_of_another_version_is_refused(root: Path) -> None:
    with opened(str(root / ".outdo")) as engine, writing(engine) as connection:
        registry.set_version_tag(connection, "delay", 1, TAG, version(str(root), "delay/2").tags[TAG])
    with pytest.raises(Distrusted, match="it is that of delay/2, and of other bytes than delay/1 has"):
        verify(str(root), "delay/1")


def test_a_version_that_got_into_an_environment_unsigned_is_told(root: Path) -> None:
    with opened(str(root / ".outdo")) as engine, writing(engine) as connection:
        registry.set_alias(connection, "delay", "production", 2)
    assert verify(str(root), "delay").unsigned == ("production",)


def test_another_key_and_no_key_verify_nothing(root: Path, tmp_path: Path) -> None:
    (tmp_path / "eve.pub").write_text(new_signer("ed25519", "eve").public.pem)
    with pytest.raises(Distrusted, match="which is not trusted"):
        verify(str(root), "delay", str(tmp_path / "eve.pub"))
    keys.untrust(str(root), "ana")
    with pytest.raises(NoKey, match="no key is trusted here"):
        verify(str(root), "delay")
    assert signed(open_project(str(root)), version(str(root), "delay")).signers == ()


def test_a_statement_of_another_kind_is_refused_though_it_was_signed(root: Path, tmp_path: Path) -> None:
    other = replace(said(root), predicate_type="https://slsa.dev/provenance/v1")
    ana = keys.signer(".", "ana", lambda _: "")
    for payload in (statement_bytes(other), b"{}", b"[1"):
        (tmp_path / "x.json").write_bytes(seal(payload, ana))
        with pytest.raises(Distrusted, match="it is signed, and"):
            verify(str(root), str(tmp_path / "x.json"))


# ------------------------------------------------------------------ without a project


def test_a_file_is_verified_with_a_key_and_a_copy_of_the_model(root: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    (away / "delay.json").write_bytes(envelope(root))
    (away / "ana.pub").write_text(keys.find_public(str(root), "ana").pem)
    shutil.copytree(root / "model", away / "model")
    words = str(away), str(away / "delay.json"), str(away / "ana.pub")
    assert verify(*words, str(away / "model")).objects == 0
    for name, content, why in (
        ("x", "y\n", "'x' in .* is not as it was signed"),
        ("new", "y\n", "'new' in .* is none of the model's files"),
    ):
        before = (away / "model" / name).read_text() if (away / "model" / name).exists() else None
        (away / "model" / name).chmod(0o644) if before else None
        (away / "model" / name).write_text(content)
        with pytest.raises(Distrusted, match=why):
            verify(*words, str(away / "model"))
        (away / "model" / name).write_text(before) if before else (away / "model" / name).unlink()
    (away / "model/in/weights").unlink()
    with pytest.raises(Distrusted, match="'in/weights' is missing"):
        verify(*words, str(away / "model"))


def test_a_private_key_is_nothing_to_verify_with(root: Path) -> None:
    with pytest.raises(BadKey, match="holds a private key"):
        verify(str(root), "delay", os.path.join(keys.folder(), "ana.pem"))
