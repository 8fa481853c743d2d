"""The verbs on keys: a person's own in their folder, and those that a project trusts in a committed file."""

import os
import stat
from collections.abc import Callable

from msgspec import Struct

from outdo.app.person import user
from outdo.app.project import find_root
from outdo.core.errors import BadKey, NoKey, NoProject
from outdo.core.hints import did_you_mean
from outdo.core.keys import TRUSTED, Kind, PublicKey, check_name, read_trusted, write_trusted
from outdo.store.atomic import write_atomic
from outdo.store.signing import Locked, Signer, new_signer, read_public, read_signer

Ask = Callable[[str], str]
"""Gives the passphrase of a key, by what it is called."""

_PRIVATE, _PUBLIC = ".pem", ".pub"
_LARGEST = 1 << 16


class Known(Struct, frozen=True):
    """A key as people ask for it."""

    name: str
    kind: Kind
    id: str
    own: bool
    """Its private half is in the person's folder."""
    trusted: bool
    """The project here trusts it, maybe by another name."""


def folder() -> str:
    """Where a person's own keys are: `OUTDO_KEYS`, or `outdo/keys` among their settings."""
    settings = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.environ.get("OUTDO_KEYS") or os.path.join(settings, "outdo", "keys")


def new_key(name: str, kind: Kind, passphrase: str) -> PublicKey:
    """Makes a key in the person's folder; raises `BadKey` where one has this name."""
    name = check_name(name or user())
    path = _path(name, _PRIVATE)
    if os.path.lexists(path):
        raise BadKey(f"there is a key '{name}' already", where=path, fix="give the new one another name")
    signer = new_signer(kind, name)
    os.makedirs(folder(), mode=0o700, exist_ok=True)
    _write_private(path, signer.pem(passphrase))
    write_atomic(_path(name, _PUBLIC), signer.public.pem.encode(), durable=True)
    return signer.public


def keys(start: str) -> list[Known]:
    """All keys that are known here by name: one's own, and those that the project trusts."""
    own, trusting = _own(), trusted(start)
    ids = {key.id for key in trusting.values()}
    held = {key.id for key in own.values()}
    found = [Known(name, key.kind, key.id, own=True, trusted=key.id in ids) for name, key in own.items()]
    found += [
        Known(name, key.kind, key.id, own=False, trusted=True)
        for name, key in trusting.items()
        if key.id not in held
    ]
    return sorted(found, key=lambda one: (one.name, one.id))


def find_public(start: str, word: str) -> PublicKey:
    """The public key that is meant: one of the person's own, one that the project trusts, or a PEM file; raises
    `NoKey` or `BadKey`."""
    if os.sep in word or os.path.isfile(word):
        return _read_public(word)
    known = {**trusted(start), **_own()}
    if word not in known:
        raise NoKey(f"there is no key '{word}'", fix=did_you_mean(word, known) or "outdo key list")
    return known[word]


def trust(start: str, word: str, name: str) -> PublicKey:
    """The project trusts this key from now on; raises `BadKey` where another key has the name, and `NoKey`."""
    found = find_public(start, word)
    name = check_name(name or found.name or os.path.splitext(os.path.basename(word))[0])
    known = trusted(start)
    if name in known and known[name].id != found.id:
        raise BadKey(f"another key is trusted as '{name}'", fix=f"--name, or: outdo key untrust {name}")
    key = PublicKey(found.kind, found.der, name)
    _write_trusted(start, {**known, name: key})
    return key


def untrust(start: str, name: str) -> PublicKey:
    """The project trusts this key no more; raises `NoKey`."""
    known = trusted(start)
    if name not in known:
        raise NoKey(f"no key is trusted as '{name}'", fix=did_you_mean(name, known) or "outdo key list")
    _write_trusted(start, {other: key for other, key in known.items() if other != name})
    return known[name]


def trusted(start: str) -> dict[str, PublicKey]:
    """The keys that the project trusts by name; none outside of a project. Raises `BadKey` for a file that is none."""
    try:
        path = os.path.join(find_root(start), TRUSTED)
    except NoProject:
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            return read_trusted(file.read())
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise BadKey(f"'{TRUSTED}' is no text", where=path, fix="take it back from Git") from None


# ------------------------------------------------------------------ signing


def signer(start: str, word: str, ask: Ask) -> Signer:
    """The private key that is meant, by name or file, unlocked; where nothing is said, the usual one. Raises `NoKey` or
    `BadKey`."""
    word = word or usual_key(start)
    if not word:
        own = _own()
        what = f"you have {len(own)} keys: say which" if own else "you have no key to sign with"
        raise NoKey(what, fix="--key NAME" if own else "outdo key new")
    is_file = os.sep in word or os.path.isfile(word)
    path = word if is_file else _path(check_name(word), _PRIVATE)
    if not os.path.isfile(path):
        fix = did_you_mean(word, _own()) or "outdo key list"
        raise NoKey(f"there is no key '{word}' to sign with", fix=fix)
    name = os.path.splitext(os.path.basename(path))[0]
    return _unlocked(path, name, ask)


def usual_key(start: str) -> str:
    """The key that signs where none is named: `OUTDO_KEY`, or the person's only one, or the only one of theirs that the
    project trusts. Empty where it is none of these."""
    if told := os.environ.get("OUTDO_KEY"):
        return told
    own = _own()
    ids = {key.id for key in trusted(start).values()}
    counting = [name for name, key in own.items() if key.id in ids]
    for names in (list(own), counting):
        if len(names) == 1:
            return names[0]
    return ""


def _unlocked(path: str, name: str, ask: Ask) -> Signer:
    if os.stat(path).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadKey("others may read this private key", where=path, fix=f"chmod 600 {path}")
    pem = _read(path)
    try:
        try:
            return read_signer(pem, "", name)
        except Locked:
            return read_signer(pem, ask(name), name)
    except Locked:
        raise BadKey(f"this is not the passphrase of '{name}'", where=path) from None
    except BadKey as error:
        raise BadKey(error.what, where=path, fix=error.fix) from None


# ------------------------------------------------------------------ files


def _path(name: str, ending: str) -> str:
    return os.path.join(folder(), f"{name}{ending}")


def _own() -> dict[str, PublicKey]:
    try:
        names = sorted(name for name in os.listdir(folder()) if name.endswith(_PUBLIC))
    except OSError:
        return {}
    stems = [name.removesuffix(_PUBLIC) for name in names]
    return {stem: _read_public(_path(stem, _PUBLIC), stem) for stem in stems}


def _read_public(path: str, name: str = "") -> PublicKey:
    try:
        return read_public(_read(path), name)
    except BadKey as error:
        raise BadKey(error.what, where=path, fix=error.fix) from None


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise NoKey(f"the key can't be read: {error.strerror}", where=path) from None


def _write_private(path: str, pem: bytes) -> None:
    """A new file that only its owner may read, from its first moment on."""
    temporary = f"{path}.{os.urandom(6).hex()}.tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        raise BadKey("there is such a key already", where=path, fix="give the new one another name") from None
    finally:
        os.unlink(temporary)


def _write_trusted(start: str, known: dict[str, PublicKey]) -> None:
    path = os.path.join(find_root(start), TRUSTED)
    write_atomic(path, write_trusted(known).encode(), durable=True)
