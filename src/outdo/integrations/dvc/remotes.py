"""The remotes of `.dvc/config`, and how they are reached: folders, S3, Google Cloud Storage, Azure, HTTP to read."""

import os
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.errors import BadRemote, NoRemote
from outdo.core.hints import did_you_mean
from outdo.core.model import Remote as Place
from outdo.integrations.dvc.config import Remote, Section, Settings
from outdo.store import azure
from outdo.store.bucket import THREADS, Access, connect
from outdo.store.depot import Depot, FolderDepot

_KINDS = {"s3": "s3", "gs": "gs", "gcs": "gs", "azure": "az", "http": "http", "https": "https"}
_S3 = {
    "access_key_id": "access_key_id",
    "secret_access_key": "secret_access_key",
    "session_token": "session_token",
    "region": "region",
}
_AZURE = {
    "account_name": "account_name",
    "account_key": "account_key",
    "sas_token": "sas_key",
    "tenant_id": "tenant_id",
    "client_id": "client_id",
    "client_secret": "client_secret",
}


class Reached(Struct, frozen=True):
    """A remote that can be asked."""

    name: str
    depot: Depot
    threads: int
    read_only: bool = False


def reach(settings: Settings, name: str, environ: Mapping[str, str], *, patient: bool = True) -> Reached:
    """The remote of this name, or at this address; none named is the default one.

    Raises `NoRemote` for one that is not declared, and `BadRemote` for one that only DVC itself can reach."""
    remote = _whole(find(settings, name), settings)
    if "://" not in remote.url:
        if not remote.url:
            raise BadRemote(f"DVC's remote '{remote.name}' has no url", fix="dvc remote modify NAME url URL")
        _refuse_versions(remote)
        return Reached(remote.name, FolderDepot(remote.url), FolderDepot.threads)
    place, access = _place(remote, environ)
    return Reached(remote.name, connect(place, patient=patient, access=access), THREADS, place.read_only)


def address(settings: Settings, name: str, environ: Mapping[str, str]) -> tuple[Place, Access]:
    """Where the remote of this name is, and with what it is asked; raises as `reach` does."""
    remote = _whole(find(settings, name), settings)
    return _place(remote, environ) if "://" in remote.url else (Place(remote.url), Access())


def _place(remote: Remote, environ: Mapping[str, str]) -> tuple[Place, Access]:
    _refuse_versions(remote)
    options = remote.options
    kind = remote.url.partition("://")[0]
    if kind not in _KINDS:
        fix = f"dvc push -r {remote.name} and dvc pull -r {remote.name} do; or mount it, and name the folder"
        raise BadRemote(
            f"DVC's remote '{remote.name}' is of the kind {kind}://, which only DVC reaches", fix=fix
        )
    place = Place(
        f"{_KINDS[kind]}://{remote.url.partition('://')[2]}".rstrip("/"),
        endpoint=_text(options, "endpointurl") if kind == "s3" else "",
        anonymous=_is_true(options, "allow_anonymous_login"),
    )
    return place, _access(remote, _KINDS[kind], environ)


def _refuse_versions(remote: Remote) -> None:
    options = remote.options
    for option in ("version_aware", "worktree"):
        if _is_true(options, option):
            what = f"DVC's remote '{remote.name}' keeps versions of plain files (`{option}`)"
            raise BadRemote(f"{what}, which only DVC reads", fix=f"dvc pull -r {remote.name}")


def find(settings: Settings, name: str) -> Remote:
    """The declared remote of this name, or one at this address; raises `NoRemote`."""
    if not name:
        name = settings.remote
        if not name:
            fix = "dvc remote add -d NAME URL, or say --remote FOLDER"
            raise NoRemote("DVC's config names no default remote", where=".dvc/config", fix=fix)
    known = settings.remotes.get(name.lower())
    if known is not None:
        return known
    if "/" in name or name.startswith("."):
        return Remote(name, name if "://" in name else os.path.abspath(os.path.expanduser(name)))
    fix = did_you_mean(name, list(settings.remotes))
    raise NoRemote(f"DVC's config has no remote '{name}'", where=".dvc/config", fix=fix)


def _whole(remote: Remote, settings: Settings) -> Remote:
    """A remote whose address may be a folder of another one: `remote://other/folder`."""
    seen = {remote.name}
    while remote.url.startswith("remote://"):
        name, _, below = remote.url.removeprefix("remote://").partition("/")
        above = settings.remotes.get(name.lower())
        if above is None or above.name in seen:
            raise BadRemote(
                f"DVC's remote '{remote.name}' is in '{name}', which is none", where=".dvc/config"
            )
        seen.add(above.name)
        url = f"{above.url.rstrip('/')}/{below}".rstrip("/")
        remote = replace(remote, url=url, options={**above.options, **remote.options, "url": url})
    return remote


def _access(remote: Remote, kind: str, environ: Mapping[str, str]) -> Access:
    options = remote.options
    client = {} if _text(options, "ssl_verify").lower() != "false" else {"allow_invalid_certificates": True}
    match kind:
        case "s3":
            return Access(_s3(remote, environ), client)
        case "gs":
            key = _text(options, "credentialpath")
            return Access({"application_credentials": key} if key else {}, client)
        case "az":
            return Access(_azure(options, environ), client)
    return Access({}, {**client, **_http(remote)})


def _s3(remote: Remote, environ: Mapping[str, str]) -> dict[str, str]:
    """Keys as the config has them; else as the profile, or the environment, or the profile `default` has them."""
    options = remote.options
    told = {ours: _text(options, theirs) for theirs, ours in _S3.items() if _text(options, theirs)}
    profile = _text(options, "profile")
    if "access_key_id" in told or _is_true(options, "allow_anonymous_login"):
        return told
    if not profile and "AWS_ACCESS_KEY_ID" in environ:
        return told
    home = environ.get("HOME") or os.path.expanduser("~")
    name = profile or environ.get("AWS_PROFILE") or "default"
    keys = _text(options, "credentialpath") or environ.get("AWS_SHARED_CREDENTIALS_FILE")
    more = _text(options, "configpath") or environ.get("AWS_CONFIG_FILE")
    found = {
        **_ini(more or f"{home}/.aws/config", name if name == "default" else f"profile {name}"),
        **_ini(keys or f"{home}/.aws/credentials", name),
    }
    names = {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
        "region": "region",
    }
    if profile and "aws_access_key_id" not in found:
        what = f"the profile '{profile}' of DVC's remote '{remote.name}' holds no keys"
        raise BadRemote(
            what, fix="put aws_access_key_id and aws_secret_access_key under it in ~/.aws/credentials"
        )
    return {ours: found[theirs] for theirs, ours in names.items() if theirs in found} | told


def _ini(path: str, section: str) -> dict[str, str]:
    """The keys of a section in a file of the cloud's own tools; none where there is no such file."""
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return {}
    return dict(parser[section]) if parser.has_section(section) else {}


def _azure(options: Section, environ: Mapping[str, str]) -> dict[str, str]:
    told = {ours: _text(options, theirs) for theirs, ours in _AZURE.items() if _text(options, theirs)}
    return azure.known(environ, _text(options, "connection_string")) | told


def _http(remote: Remote) -> dict[str, object]:
    """Headers that prove who asks."""
    from base64 import b64encode

    options = remote.options
    user, password = _text(options, "user"), _text(options, "password")
    match _text(options, "auth").lower():
        case "basic":
            token = b64encode(f"{user}:{password}".encode()).decode()
            return {"default_headers": {"Authorization": f"Basic {token}"}}
        case "custom":
            return {"default_headers": {_text(options, "custom_auth_header"): password}}
        case "digest":
            what = f"DVC's remote '{remote.name}' wants digest authentication, which only DVC does"
            raise BadRemote(what, fix=f"dvc pull -r {remote.name}")
    return {}


def _text(options: Section, key: str) -> str:
    value = options.get(key, "")
    return value if isinstance(value, str) else ",".join(value)


def _is_true(options: Section, key: str) -> bool:
    return _text(options, key).lower() in ("true", "yes", "on", "1", "y", "enable")
