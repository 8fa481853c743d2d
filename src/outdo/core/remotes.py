"""Remotes as they are declared or named on the command line: checked, and without credentials."""

from collections.abc import Mapping

from outdo.core.document import Slip
from outdo.core.errors import BadRemote
from outdo.core.model import Remote

SCHEMES = ("s3", "gs", "az", "http", "https")


def read_remotes(section: Mapping[str, str | Remote], slips: list[Slip]) -> dict[str, Remote]:
    """The remotes of a file by name; what is wrong with one is added to `slips`."""
    found: dict[str, Remote] = {}
    for name, written in section.items():
        remote = Remote(written) if isinstance(written, str) else written
        wrong = mistake(remote)
        if wrong is not None:
            slips.append(Slip(BadRemote, f"remotes.{name}: {wrong.what}", ("remotes", name), wrong.fix))
        found[name] = remote
    return found


def mistake(remote: Remote) -> BadRemote | None:
    """What is wrong with a remote; None where nothing is."""
    scheme, _, rest = remote.url.partition("://")
    if not remote.url.strip() or (not rest and "://" in remote.url):
        return BadRemote(f"'{remote.url}' names no place", fix="write a folder, or s3://bucket/prefix")
    if "://" in remote.url and scheme not in SCHEMES:
        fix = "write a folder, s3://…, gs://…, az://…, or https://… to read only"
        return BadRemote(f"'{scheme}://' is not a kind of remote", fix=fix)
    if any("@" in address.partition("://")[2].partition("/")[0] for address in (remote.url, remote.endpoint)):
        fix = "take it out, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what the cloud's own tools read"
        return BadRemote("a user or password stands in the address, and the file is for everyone", fix=fix)
    if remote.endpoint and scheme != "s3":
        return BadRemote("`endpoint` is for s3://… only", fix="write the bucket as s3://bucket/prefix")
    if remote.endpoint and not remote.endpoint.startswith(("http://", "https://")):
        return BadRemote(f"the endpoint '{remote.endpoint}' is no address", fix="write https://host:port")
    return None
