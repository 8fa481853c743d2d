"""The words for bubblewrap: what a stage in its sandbox sees of the machine.

It sees the system and the programs on its PATH, read-only; a home and a /tmp of its own; no network; and of the project
what the sandbox puts there. What is not in this list, such as other users' data, /run, /var and /mnt, is not there.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/sys",
    "/nix", "/gnu", "/snap", "/run/current-system", "/run/opengl-driver",
)  # fmt: skip
_KEPT_FROM_ROOT = (
    "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers", "/etc/krb5.keytab",
)  # fmt: skip
_KEPT_FROM_ROOT_FOLDERS = ("/etc/sudoers.d", "/etc/ssh", "/etc/ssl/private", "/etc/docker", "/etc/kubernetes")
_ALONE = (
    "--unshare-net",
    "--unshare-pid",
    "--unshare-ipc",
    "--die-with-parent",
    "--new-session",
    "--cap-drop",
    "ALL",
)
_DEVICES = ("nvidia", "dri", "kfd", "dxg", "accel")
_START = 'exec 9<"$1"; shift; exec "$@"'
_MANY = 5000
TMP = "/tmp"  # noqa: S108
"""Where a stage has its own folder for temporary files."""


class Bubblewrap(Struct, frozen=True):
    """A bwrap that works here, with what it needs to be told to."""

    words: tuple[str, ...]

    @staticmethod
    def find() -> "Bubblewrap | None":
        """The bwrap of this machine, tried once; None where there is none or the kernel refuses it."""
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            return None
        for user in ((), ("--unshare-user",)):  # the second for a root without power, as in a container
            words = (bwrap, *user, *_ALONE)
            trial = [
                *words,
                "--ro-bind",
                "/",
                "/",
                "--proc",
                "/proc",
                "--dev",
                "/dev",
                "--",
                "/bin/sh",
                "-c",
                ":",
            ]
            try:
                if subprocess.run(trial, check=False, capture_output=True, timeout=10).returncode == 0:
                    return Bubblewrap(words)
            except (OSError, subprocess.SubprocessError):
                continue
        return None

    def before(self, arguments: str) -> tuple[str, ...]:
        """The words that start a command with the arguments in the file `arguments`, as many as they may be."""
        return ("/bin/sh", "-c", _START, "sandbox", arguments, *self.words, "--args", "9", "--")


def machine(root: str, home: str, temporary: str, tools: Iterable[str]) -> Iterator[str]:
    """The arguments that lay out the machine around the project's folder `root`, which stays to be filled."""
    for folder in SYSTEM:
        if os.path.islink(folder):
            yield from ("--symlink", os.readlink(folder), folder)
        elif os.path.isdir(folder):
            yield from ("--ro-bind", folder, folder)
    for path in _KEPT_FROM_ROOT:
        if os.path.lexists(path):
            yield from ("--ro-bind", "/dev/null", path)
    for folder in _KEPT_FROM_ROOT_FOLDERS:
        if os.path.isdir(folder):
            yield from ("--tmpfs", folder)
    yield from ("--proc", "/proc", "--dev", "/dev")
    for device in _devices():
        yield from ("--dev-bind-try", device, device)
    yield from ("--bind", temporary, TMP, "--symlink", TMP, f"/var{TMP}")
    if os.path.isabs(home) and home != "/" and not under(home, [*SYSTEM, root]):
        yield from ("--tmpfs", home)
    for tool in tools:
        yield from ("--ro-bind-try", tool, tool)


def _devices() -> list[str]:
    try:
        with os.scandir("/dev") as entries:
            return sorted(entry.path for entry in entries if entry.name.startswith(_DEVICES))
    except OSError:
        return []


def tools(env: Mapping[str, str], root: str, prefixes: Iterable[str]) -> list[str]:
    """The folders outside the system and the project that a command on the PATH may need: its own, its library's,
    its interpreter's. `prefixes` are those of the Python that runs us."""
    found: dict[str, None] = dict.fromkeys(prefixes)
    for folder in env.get("PATH", "").split(os.pathsep):
        if not os.path.isabs(folder) or under(folder, SYSTEM) or not os.path.isdir(folder):
            continue
        found.update(dict.fromkeys(_around(os.path.normpath(folder))))
        found.update(dict.fromkeys(_linked(folder)))
    for name in ("PYTHONPATH", "LD_LIBRARY_PATH"):
        found.update(dict.fromkeys(filter(os.path.isabs, env.get(name, "").split(os.pathsep))))
    for prefix in list(found):
        found.update(dict.fromkeys(_interpreter(prefix)))
    home = env.get("HOME", "")
    wanted = [
        path
        for path in map(os.path.normpath, found)
        if path not in ("/", home) and not under(root, [path]) and not under(path, [*SYSTEM, root])
    ]
    return outermost(wanted)


def _around(folder: str) -> Iterator[str]:
    """A folder of programs with what lies beside it for them."""
    prefix, name = os.path.split(folder)
    whole = name == "shims" or any(
        os.path.exists(f"{prefix}/{sign}") for sign in ("pyvenv.cfg", "conda-meta")
    )
    yield prefix if whole else folder
    for beside in ("lib", "lib64", "libexec"):
        if name in ("bin", "sbin") and os.path.isdir(f"{prefix}/{beside}"):
            yield f"{prefix}/{beside}"


def _linked(folder: str) -> Iterator[str]:
    """Where the links in a folder of programs lead to."""
    try:
        with os.scandir(folder) as entries:
            links = [
                entry.path for _, entry in zip(range(_MANY), entries, strict=False) if entry.is_symlink()
            ]
    except OSError:
        return
    targets = {os.path.dirname(os.path.realpath(link)) for link in links} - {os.path.realpath(folder)}
    for target in sorted(targets):
        place, name = os.path.split(target)
        yield place if name in ("bin", "sbin") else os.path.join(place, name)


def _interpreter(prefix: str) -> Iterator[str]:
    """The prefix of the Python that a virtual environment was made from."""
    try:
        with open(f"{prefix}/pyvenv.cfg", encoding="utf-8") as lines:
            for line in lines:
                key, _, value = line.partition("=")
                if key.strip() == "home" and os.path.isabs(value.strip()):
                    yield os.path.dirname(os.path.realpath(value.strip()))
                    yield os.path.dirname(value.strip())
    except (OSError, UnicodeDecodeError):
        return


def under(path: str, folders: Iterable[str]) -> bool:
    """Whether `path` is one of the folders or inside one."""
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def outermost(paths: Iterable[str]) -> list[str]:
    """The paths that are in none of the others, in order."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda path: path.split("/")):
        if not kept or not under(path, kept[-1:]):
            kept.append(path)
    return kept


def arguments(words: Sequence[str]) -> bytes:
    """The content of a file of arguments: any path is safe in it."""
    return b"".join(os.fsencode(word) + b"\0" for word in words)
