"""The files of a model are looked through, whatever they are called and however they are packed; none is loaded."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from outdo.core.scanned import Scanned, judged_scan
from outdo.run.unsafe import scan

EVIL = b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R."
GOOD = pickle.dumps({"a": [1, 2, 3]}, 4)


class Calls:
    def __reduce__(self) -> tuple[Any, ...]:
        return (time.sleep, (0,))


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def taped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tape:
        part = tarfile.TarInfo(name)
        part.size = len(content)
        tape.addfile(part, io.BytesIO(content))
    return packed.getvalue()


def array(value: Any) -> bytes:
    packed = io.BytesIO()
    np.save(packed, value, allow_pickle=True)
    return packed.getvalue()


def look(tmp_path: Path, content: bytes, name: str = "model.bin") -> Scanned:
    (tmp_path / name).write_bytes(content)
    return scan(str(tmp_path / name))


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, format=lzma.FORMAT_ALONE),
    "gzip in gzip": lambda content: gzip.compress(gzip.compress(content)),
    "zip": lambda content: zipped(**{"archive/data.pkl": content}),
    "zip in zip": lambda content: zipped(a=zipped(b=content)),
    "zip under another name": lambda content: zipped(**{"archive/config.txt": content}),
    "tar": lambda content: taped("data.pkl", content),
    "tar.gz": lambda content: gzip.compress(taped("x", content)),
}


@pytest.mark.parametrize("name", ["model.pkl", "weights.safetensors", "card.json", "no_suffix"])
@pytest.mark.parametrize("way", PACKED)
def test_a_pickle_is_found_however_it_is_packed_and_called(tmp_path: Path, way: str, name: str) -> None:
    assert look(tmp_path, PACKED[way](EVIL), name).refused
    assert not look(tmp_path, PACKED[way](GOOD), name).refused


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("an array of objects", array(np.array([Calls()], object))),
        ("an array in an archive", zipped(**{"a.npy": array(np.array([Calls()], object))})),
        ("an array with fields", array(np.array([(1, Calls())], [("n", "i4"), ("o", "O")]))),
        ("an array whose header breaks off", b"\x93NUMPY\x01\x00\xff\xff{'descr'"),
        ("a text pickle", b"cposix\nsystem\n(S'id'\ntR."),
        ("an archive behind a pickle", EVIL + zipped(a=b"x")),
        ("a pickle behind an archive's head", zipped(**{"data.pkl": EVIL})[:-4]),
        ("a broken gzip", gzip.compress(EVIL, mtime=0)[:-6]),
        ("a broken zlib", zlib.compress(EVIL)[:-4]),
        ("more behind zlib", zlib.compress(GOOD) + EVIL),
        ("a 7z archive", b"7z\xbc\xaf\x27\x1c" + EVIL),
        ("a pickle that breaks off", EVIL[:-1]),
        ("a Lambda layer", zipped(**{"config.json": b'{"class_name": "Lambda", "config": {}}'})),
        ("a Lambda layer of Keras 3", zipped(**{"config.json": b'{"class_name":"keras.layers>Lambda"}'})),
        ("a Lambda layer in HDF5", b"\x89HDF\r\n\x1a\n" + b'"class_name": "Lambda"'),
    ],
)
@pytest.mark.parametrize("suffix", [".pkl", ".h5"])
def test_what_is_hostile_or_damaged_is_refused(
    tmp_path: Path, name: str, content: bytes, suffix: str
) -> None:
    assert look(tmp_path, content, f"model{suffix}").refused


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    packed = bytearray(zipped(a=EVIL))
    for head, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(head) + flags] |= 1
    assert look(tmp_path, bytes(packed)).refused


def test_an_archive_that_lies_of_its_bytes_is_refused(tmp_path: Path) -> None:
    packed = bytearray(zipped(a=EVIL))
    packed[packed.index(b"PK\x01\x02") + 16] ^= 1
    assert look(tmp_path, bytes(packed)).refused


def test_a_link_out_of_the_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/a.json").symlink_to("/etc/hostname")
    assert scan(str(tmp_path / "m")).refused


@pytest.fixture(scope="module")
def models() -> list[Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rng = np.random.default_rng(0)
    rows, label = rng.normal(size=(200, 4)), rng.integers(0, 2, 200)
    words = np.array([["a"], ["b"]] * 100, object)
    return [
        RandomForestClassifier(3, random_state=0).fit(rows, label),
        HistGradientBoostingClassifier(max_iter=3).fit(rows, label),
        make_pipeline(StandardScaler()).fit(rows),
        OneHotEncoder().fit(words),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)])
def test_models_as_joblib_writes_them_pass(tmp_path: Path, models: list[Any], compress: Any) -> None:
    import joblib

    joblib.dump(models, tmp_path / "model.joblib", compress=compress)
    assert judged_scan(scan(str(tmp_path))).outcome == "passed"


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_models_as_pickle_writes_them_pass(tmp_path: Path, models: list[Any], protocol: int) -> None:
    assert look(tmp_path, pickle.dumps(models, protocol), "m.pkl").refused == ()


@pytest.mark.slow
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_other_libraries_models_pass(tmp_path: Path, library: str) -> None:
    import joblib

    module = pytest.importorskip(library)
    kind = {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier"}[library]
    rng = np.random.default_rng(0)
    model = getattr(module, kind)(n_estimators=2, n_jobs=1).fit(
        rng.normal(size=(100, 3)), rng.integers(0, 2, 100)
    )
    joblib.dump(model, tmp_path / "model.joblib")
    assert scan(str(tmp_path)).refused == ()


@pytest.mark.slow
def test_a_call_hidden_between_arrays_of_joblib_is_found(tmp_path: Path) -> None:
    import joblib

    hidden = {"a": np.arange(1000.0), "b": Calls(), "c": np.arange(1000.0)}
    joblib.dump(hidden, tmp_path / "model.joblib")
    assert "imports time.sleep" in scan(str(tmp_path)).refused[0]


def test_what_a_scan_comes_to(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(json.dumps({"features": ["a"]}))
    assert judged_scan(scan(str(tmp_path))).outcome == "passed"
    (tmp_path / "vocabulary").write_bytes(b"\x00\x01\x02")
    assert judged_scan(scan(str(tmp_path))).outcome == "not_evaluated"
    assert judged_scan(scan(str(tmp_path), ignore=["vocab*"])).outcome == "passed"
    (tmp_path / "code.py").write_text("1")
    assert "is code" in judged_scan(scan(str(tmp_path), ignore=["vocab*"])).reason
    (tmp_path / "model.pkl").write_bytes(EVIL)
    assert judged_scan(scan(str(tmp_path))).outcome == "failed"
    assert judged_scan(scan(str(tmp_path / "gone"))).outcome == "not_evaluated"


@pytest.mark.slow
def test_a_model_of_200_megabytes_takes_seconds(tmp_path: Path) -> None:
    import joblib

    joblib.dump([np.random.default_rng(0).random(12_500_000) for _ in range(2)], tmp_path / "model.joblib")
    began = time.perf_counter()
    assert scan(str(tmp_path)).refused == ()
    assert time.perf_counter() - began < 5
