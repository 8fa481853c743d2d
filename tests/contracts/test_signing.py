"""Keys and signed envelopes: what was signed is taken as it was signed, by whom it was signed, or not at all."""

import os
import stat
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from outdo.app import keys
from outdo.core.dsse import Envelope, signed_bytes
from outdo.core.errors import BadKey, Distrusted, NoKey
from outdo.core.keys import KINDS, Kind, read_trusted, write_trusted
from outdo.store.signing import Signer, new_signer, seal, unseal, verified

STATEMENT = b'{"_type":"https://in-toto.io/Statement/v1"}'
ANA, BEN = new_signer("ed25519", "ana"), new_signer("p256", "ben")
SEALED = seal(STATEMENT, ANA)


def unknown(name: str) -> str:
    raise AssertionError(f"nobody knows the passphrase of {name}")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTDO_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("OUTDO_KEY", raising=False)
    (tmp_path / "outdo.yaml").write_text("project: p\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ------------------------------------------------------------------ envelopes


def test_what_is_signed_is_encoded_as_dsse_says() -> None:
    encoded = signed_bytes("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@pytest.mark.parametrize("signer", [ANA, BEN])
def test_a_signed_statement_is_taken_from_its_signer(signer: Signer) -> None:
    assert unseal(seal(STATEMENT, signer), [ANA.public, BEN.public]) == (STATEMENT, (signer.public,))


def test_the_same_statement_and_key_give_the_same_envelope() -> None:
    assert seal(STATEMENT, ANA) == SEALED


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, flip: int) -> None:
    changed = bytes([*SEALED[:place], SEALED[place] ^ flip, *SEALED[place + 1 :]])
    with pytest.raises(Distrusted):
        unseal(changed, [ANA.public, BEN.public])


@given(st.binary(max_size=200))
def test_bytes_that_are_no_envelope_are_refused(content: bytes) -> None:
    with pytest.raises(Distrusted):
        unseal(content, [ANA.public])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda e: {**e, "payloadType": "text/plain"}, "no in-toto statement"),
        (lambda e: {**e, "payload": b64encode(STATEMENT + b" ").decode()}, "over these bytes"),
        (lambda e: {**e, "signatures": []}, "nobody has signed"),
        (
            lambda e: {**e, "signatures": [{**e["signatures"][0], "keyid": BEN.public.id}]},
            "not that of 'ben'",
        ),
        (lambda e: {**e, "signatures": [{**e["signatures"][0], "keyid": "0" * 64}]}, "which is not trusted"),
        (lambda e: {**e, "signatures": e["signatures"] * 2, "note": "x"}, "no signed envelope"),
    ],
)
def test_a_changed_envelope_is_refused_in_one_sentence(change, why: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Distrusted, match=why):
        unseal(json.encode(change(json.decode(SEALED))), [ANA.public, BEN.public])


def test_a_key_that_nobody_trusts_counts_for_nothing() -> None:
    with pytest.raises(Distrusted, match="which is not trusted"):
        unseal(SEALED, [BEN.public])


def test_openssl_verifies_what_was_signed(tmp_path: Path) -> None:
    envelope = json.decode(seal(STATEMENT, BEN), type=Envelope)
    (tmp_path / "key").write_text(BEN.public.pem)
    (tmp_path / "sig").write_bytes(b64decode(envelope.signatures[0].sig))
    (tmp_path / "signed").write_bytes(envelope.signed)
    words = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "sig", "signed"]
    assert subprocess.run(words, cwd=tmp_path, capture_output=True).stdout == b"Verified OK\n"


# ------------------------------------------------------------------ keys


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("passphrase", ["", "long enough"])
def test_a_new_key_signs_and_is_for_its_owner_alone(folder: Path, kind: Kind, passphrase: str) -> None:
    made = keys.new_key("ana", kind, passphrase)
    file = folder / "keys/ana.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (b"ENCRYPTED" in file.read_bytes()) == bool(passphrase)
    signer = keys.signer(".", "", lambda _: passphrase)
    assert signer.public == made
    assert verified(made, b"x", signer.sign(b"x"))
    assert not verified(made, b"y", signer.sign(b"x"))


def test_another_passphrase_opens_nothing(folder: Path) -> None:
    keys.new_key("ana", "ed25519", "long enough")
    with pytest.raises(BadKey, match="not the passphrase of 'ana'"):
        keys.signer(".", "ana", lambda _: "other")


def test_a_private_key_that_others_may_read_is_refused(folder: Path) -> None:
    keys.new_key("ana", "ed25519", "")
    os.chmod(folder / "keys/ana.pem", 0o640)
    with pytest.raises(BadKey, match="others may read"):
        keys.signer(".", "ana", unknown)


def test_a_key_is_never_overwritten(folder: Path) -> None:
    made = keys.new_key("ana", "ed25519", "")
    with pytest.raises(BadKey, match="there is a key 'ana' already"):
        keys.new_key("ana", "ed25519", "")
    assert keys.signer(".", "ana", unknown).public == made


def test_keys_are_taken_from_files_of_openssl(folder: Path) -> None:
    for words in ("genpkey -algorithm ed25519 -out own.pem", "pkey -in own.pem -pubout -out own.pub"):
        subprocess.run(["openssl", *words.split()], check=True, capture_output=True)
    os.chmod("own.pem", 0o600)
    assert keys.signer(".", "./own.pem", unknown).public.id == keys.find_public(".", "./own.pub").id


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "no public key"), (b"\x00" * 99, "no public key"), (BEN.pem(""), "holds a private key")],
)
def test_a_file_that_is_no_public_key_is_refused(folder: Path, content: bytes, why: str) -> None:
    (folder / "x.pub").write_bytes(content)
    with pytest.raises(BadKey, match=why):
        keys.trust(".", "x.pub", "")


def test_a_name_that_leads_out_of_the_folder_is_none(folder: Path) -> None:
    with pytest.raises(BadKey, match="can't be the name"):
        keys.new_key("../ana", "ed25519", "")


def test_who_is_trusted_stands_in_the_project(folder: Path) -> None:
    made = keys.new_key("ana", "ed25519", "")
    assert keys.trust(".", "ana", "").id == made.id
    assert [(one.name, one.own, one.trusted) for one in keys.keys(".")] == [("ana", True, True)]
    assert read_trusted((folder / "outdo.keys").read_text())["ana"].id == made.id
    keys.untrust(".", "ana")
    assert keys.trusted(".") == {}
    with pytest.raises(NoKey, match="no key is trusted as 'ana'"):
        keys.untrust(".", "ana")


def test_of_several_keys_the_one_that_the_project_trusts_signs(folder: Path) -> None:
    for name in ("ana", "release"):
        keys.new_key(name, "ed25519", "")
    with pytest.raises(NoKey, match="you have 2 keys: say which"):
        keys.signer(".", "", unknown)
    keys.trust(".", "ana", "")
    assert keys.signer(".", "", unknown).public.name == "ana"
    assert keys.signer(".", "release", unknown).public.name == "release"


def test_a_name_never_comes_to_mean_another_key(folder: Path) -> None:
    keys.new_key("ana", "ed25519", "")
    keys.trust(".", "ana", "")
    (folder / "other.pub").write_text(BEN.public.pem)
    with pytest.raises(BadKey, match="another key is trusted as 'ana'"):
        keys.trust(".", "other.pub", "ana")


@given(st.text() | st.lists(st.sampled_from(["ana", "p256", "ed25519", "AAAA", "\n", " ", "#"])).map("".join))
def test_any_text_is_a_file_of_trusted_keys_or_refused(text: str) -> None:
    try:
        assert read_trusted(write_trusted(read_trusted(text))) == read_trusted(text)
    except BadKey:
        pass


def test_a_file_of_trusted_keys_says_which_line_is_none() -> None:
    text = write_trusted({"ana": ANA.public, "ben": BEN.public})
    assert read_trusted(text) == {"ana": ANA.public, "ben": BEN.public}
    with pytest.raises(BadKey) as caught:
        read_trusted(text + "ben p256 AAAA\n")
    assert str(caught.value.where) == "outdo.keys:4"
