"""Independent tools take what was signed and written here, and refuse what was changed since."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec import json

from benchmarks.peers import peer_python
from outdo.app import keys
from outdo.app.attest import Attested, attest
from outdo.app.exporting import bill_of_materials, model_signature
from outdo.core.errors import BadKey
from outdo.core.keys import KINDS, Kind
from tests.contracts.promoting import FILE, build, copy, judge

pytestmark = pytest.mark.slow

IN_TOTO = """
import base64, json, sys
from google.protobuf import json_format
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from sigstore.dsse import Statement as Strict
envelope = json.load(open(sys.argv[1]))
public = load_pem_public_key(open(sys.argv[2], "rb").read())
key = SSlibKey.from_crypto(public, keyid=envelope["signatures"][0]["keyid"])
Envelope.from_dict(envelope).verify([key], 1)
payload = base64.b64decode(envelope["payload"])
Statement.copy_from_pb(json_format.Parse(payload, statement_pb2.Statement())).validate()
Strict(payload)
said = json.loads(payload)["predicate"]
slsa = {name: said[name] for name in ("buildDefinition", "runDetails")}
read = json_format.ParseDict(slsa, provenance_pb2.Provenance())
print(read.run_details.builder.id, len(read.build_definition.resolved_dependencies))
"""
CYCLONEDX = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
print(JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read()))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = build(tmp_path_factory.mktemp("peers") / "made")
    judge(root)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTDO_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("OUTDO_KEY", raising=False)
    return copy(made, tmp_path / "project")


def asked(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [peer_python("signing"), "-c", script, *words], capture_output=True, text=True, env=env
    )


def signing(*words: str) -> int:
    command = [peer_python("signing"), "-m", "model_signing", "verify", "key", *words]
    return subprocess.run(command, capture_output=True).returncode


@pytest.mark.parametrize("kind", KINDS)
def test_securesystemslib_in_toto_and_sigstore_take_the_attestation(root: Path, kind: Kind) -> None:
    made = keys.new_key("ana", kind, "")
    done = attest(str(root), "delay", "ana", lambda _: "")
    assert isinstance(done, Attested)
    (root / "a.json").write_bytes(done.envelope)
    (root / "ana.pub").write_text(made.pem)
    said = asked(IN_TOTO, str(root / "a.json"), str(root / "ana.pub"))
    assert said.stdout.split()[:1] == ["https://outdo/run/v1"], said.stderr
    envelope = json.decode(done.envelope)
    envelope["payload"] = envelope["payload"].replace("A", "B", 1)
    (root / "a.json").write_bytes(json.encode(envelope))
    assert asked(IN_TOTO, str(root / "a.json"), str(root / "ana.pub")).returncode != 0


def test_model_signing_verifies_the_signature_and_refuses_a_changed_model(root: Path) -> None:
    made, other = keys.new_key("release", "p256", ""), keys.new_key("other", "p256", "")
    bundle = model_signature(str(root), "delay", "release", lambda _: "")
    assert isinstance(bundle, bytes)
    model = root / "away"
    shutil.copytree(root / "model", model)
    (model / "model.sig").write_bytes(bundle)
    for key in (made, other):
        (root / f"{key.name}.pub").write_text(key.pem)
    words = str(model), "--signature", str(model / "model.sig"), "--public_key"
    assert signing(*words, str(root / "release.pub")) == 0
    assert signing(*words, str(root / "other.pub")) != 0
    (model / "new").write_text("y")
    assert signing(*words, str(root / "release.pub")) != 0
    (model / "new").unlink()
    (model / "x").chmod(0o644)
    (model / "x").write_text("y\n")
    assert signing(*words, str(root / "release.pub")) != 0


def test_model_signing_verifies_a_model_that_is_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTDO_KEYS", str(tmp_path / "keys"))
    root = build(tmp_path / "one", FILE.replace("path: model/", "path: model/x"))
    judge(root)
    (root / "key.pub").write_text(keys.new_key("release", "p256", "").pem)
    bundle = model_signature(str(root), "delay", "release", lambda _: "")
    assert isinstance(bundle, bytes)
    (root / "x.sig").write_bytes(bundle)
    words = "--signature", str(root / "x.sig"), "--public_key", str(root / "key.pub")
    assert signing(str(root / "model/x"), *words) == 0
    assert signing(str(root / "model/in/weights"), *words) != 0


def test_a_key_that_model_signing_does_not_know_is_refused(root: Path) -> None:
    keys.new_key("ana", "ed25519", "")
    with pytest.raises(BadKey, match="is Ed25519"):
        model_signature(str(root), "delay", "ana", lambda _: "")


def test_the_bill_of_materials_is_one_of_cyclonedx(root: Path) -> None:
    content = bill_of_materials(str(root), "delay")
    (root / "bom.json").write_bytes(content)
    said = asked(CYCLONEDX, str(root / "bom.json"))
    assert said.stdout == "None\n", said.stdout + said.stderr
    bom = json.decode(content)
    card = bom["metadata"]["component"]["modelCard"]
    assert card["quantitativeAnalysis"]["performanceMetrics"][0] == {
        "type": "metric auc", "value": "0.8", "confidenceInterval": {"lowerBound": "0.75", "upperBound": "0.84"},
    }  # fmt: skip
    assert card["modelParameters"]["datasets"] == [{"ref": "data:raw.txt"}]
    assert any(one.get("purl", "").startswith("pkg:pypi/numpy@") for one in bom["components"])
