"""What a stage's command finds on this machine: interpreter, distributions, lock file, platform, processor, GPU.

Names, versions and digests only; never the value of an environment variable.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

from msgspec import DecodeError, Struct, json

from outdo.core.digest import digest, digest_bytes
from outdo.core.model import Value

LOCKS = re.compile(
    r"uv\.lock|pylock(\..+)?\.toml|poetry\.lock|pdm\.lock|Pipfile\.lock|pixi\.lock|conda-lock\.yml"
    r"|environment\.ya?ml|requirements[\w.-]*\.txt|\.python-version"
)
KNOWN = os.path.join(".outdo", "cache", "interpreters.json")
SECONDS = 10.0
"""How long an interpreter or a driver may take to answer."""

_ASK = (
    "import json, os, platform, site, sys, sysconfig;"
    "print(json.dumps({'version': platform.python_version(),"
    "'implementation': platform.python_implementation(), 'prefix': sys.prefix,"
    "'executable': os.path.realpath(sys.executable),"
    "'folders': [f for f in sys.path if os.path.isdir(f)]}))"
)


def read_environment(root: str, env: Mapping[str, str]) -> dict[str, Value]:
    """What a command that is started in `root` with the variables `env` finds, as values of JSON.

    What can't be found out is left out."""
    found: dict[str, Value] = {
        "python": _python(root, env),
        "locks": _locks(root),
        "platform": _platform(),
        "cpu": _cpu(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": _gpus(env),
    }
    return {name: value for name, value in found.items() if value is not None}


# The interpreter and what is installed for it.


def _python(root: str, env: Mapping[str, str]) -> dict[str, Value] | None:
    path = program("python", root, env) or program("python3", root, env)
    told = interpreter(path, root, env) if path else None
    if path is None or told is None:
        return None
    extra = [os.path.join(root, folder) for folder in env.get("PYTHONPATH", "").split(os.pathsep) if folder]
    if told.executable != os.path.realpath(path):
        path = told.executable
    inside = os.path.relpath(path, root)
    return {
        "path": path if inside.startswith("..") else inside,
        "version": told.version,
        "implementation": told.implementation,
        "distributions": _distributions([*extra, *told.folders]),
        "conda": _conda(told.prefix),
    }


def program(name: str, root: str, env: Mapping[str, str]) -> str | None:
    """The program that a shell in `root` would start by this name."""
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.normpath(os.path.join(root, folder, name))
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


class Told(Struct, frozen=True):
    """What an interpreter says of itself."""

    version: str
    implementation: str
    prefix: str
    executable: str
    folders: list[str]


class _Known(Struct, frozen=True):
    mark: str
    told: Told


def interpreter(path: str, root: str, env: Mapping[str, str]) -> Told | None:
    """What an interpreter says of itself; asked once, then known by its files until they change."""
    mark = _mark(path, root, env)
    known = _known(root)
    if path in known and known[path].mark == mark:
        return known[path].told
    plain = {name: value for name, value in env.items() if not name.startswith("PYTHON")}
    answer = _answer([path, "-c", _ASK], plain, root)
    try:
        told = json.decode(answer or "", type=Told)
    except DecodeError:
        return None
    # A script that starts another interpreter may start a third one tomorrow without changing itself.
    if told.executable == os.path.realpath(path) or _is_shim(path):
        _know(root, {**known, path: _Known(mark, told)})
    return told


def _is_shim(path: str) -> bool:
    """Whether the program is one of pyenv, asdf or mise, which choose an interpreter by known files."""
    return os.path.basename(os.path.dirname(path)) == "shims"


def _mark(path: str, root: str, env: Mapping[str, str]) -> str:
    """Changes whenever the interpreter, or the virtual environment it belongs to, is made anew, and whenever a
    shim might choose another one."""
    folder = os.path.dirname(path)
    files = [path, os.path.realpath(path), os.path.join(folder, "..", "pyvenv.cfg")]
    chosen: list[str] = []
    if _is_shim(path):
        files.append(os.path.join(folder, "..", "version"))
        for above in (root, *_above(root), env.get("HOME", "")):
            files += [
                os.path.join(above, name) for name in (".python-version", ".tool-versions", "mise.toml")
            ]
        chosen = [
            f"{name}={env[name]}" for name in sorted(env) if name.startswith(("PYENV_", "ASDF_", "MISE_"))
        ]
    marks: list[object] = []
    for file in files:
        try:
            stat = os.lstat(file)
        except OSError:
            continue
        marks += [file, stat.st_mtime_ns, stat.st_ino, stat.st_size]
    return digest("interpreter/1", marks, chosen)


def _above(folder: str) -> Iterator[str]:
    while (above := os.path.dirname(folder)) != folder:
        yield above
        folder = above


def _known(root: str) -> dict[str, _Known]:
    try:
        with open(os.path.join(root, KNOWN), "rb") as file:
            return json.decode(file.read(), type=dict[str, _Known])
    except (OSError, DecodeError):
        return {}


def _know(root: str, known: Mapping[str, _Known]) -> None:
    """Remembers answers where the project has a place for them; it is only a cache."""
    path = os.path.join(root, KNOWN)
    fresh = f"{path}.{os.getpid()}"
    try:
        with open(fresh, "wb") as file:
            file.write(json.encode(known))
        os.replace(fresh, path)
    except OSError:
        pass


def editable(root: str, env: Mapping[str, str]) -> dict[str, str]:
    """The distributions that a command in `root` finds in folders of their code, which may be edited: by name, where.
    Each was installed by `pip install -e` or the like."""
    path = program("python", root, env) or program("python3", root, env)
    told = interpreter(path, root, env) if path else None
    found: dict[str, str] = {}
    for folder in told.folders if told else ():
        for entry in _names(folder):
            content = (
                _read(os.path.join(folder, entry, "direct_url.json"))
                if entry.endswith(".dist-info")
                else None
            )
            try:
                origin = json.decode(content or b"{}", type=_Origin)
            except DecodeError:
                continue
            if origin.dir_info.get("editable") and origin.url.startswith("file://"):
                found.setdefault(
                    entry.partition("-")[0], unquote(origin.url.removeprefix("file://")).rstrip("/")
                )
    return found


class _Origin(Struct, frozen=True):
    """Where a distribution was installed from, as installers write it down."""

    url: str = ""
    dir_info: dict[str, bool] = {}


def installed(prefix: str) -> dict[str, str]:
    """What is installed in an environment, versions by normalised name; conda's own packages too."""
    libraries = os.path.join(prefix, "lib")
    folders = [os.path.join(libraries, name, "site-packages") for name in _names(libraries)]
    return _distributions(folders) | _conda(prefix)


def _distributions(folders: Iterable[str]) -> dict[str, str]:
    """Versions by normalised name, from the names of the metadata folders alone; the first one found counts, as
    it does for `import`."""
    found: dict[str, str] = {}
    for folder in dict.fromkeys(folders):
        for entry in _names(folder):
            stem, suffix = os.path.splitext(entry)
            if suffix not in (".dist-info", ".egg-info"):
                continue
            name, _, rest = stem.partition("-")
            version = rest.partition("-")[0] if suffix == ".egg-info" else rest
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
    return dict(sorted(found.items()))


def _conda(prefix: str) -> dict[str, str]:
    """Versions of conda packages, with their builds."""
    names = (entry.removesuffix(".json") for entry in _names(os.path.join(prefix, "conda-meta")))
    parts = (name.rsplit("-", 2) for name in names)
    return {part[0]: f"{part[1]}-{part[2]}" for part in parts if len(part) == 3}


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries)
    except OSError:
        return []


def _locks(root: str) -> dict[str, str]:
    """Digests of the files that pin what is installed, by name."""
    found: dict[str, str] = {}
    for name in _names(root):
        if LOCKS.fullmatch(name):
            content = _read(os.path.join(root, name))
            if content is not None:
                found[name] = digest_bytes(content)
    return found


# The machine.


def _platform() -> dict[str, Value]:
    named = os.uname()
    release = _read("/etc/os-release") or b""
    pretty = re.search(rb'^PRETTY_NAME="?([^"\n]*)', release, re.MULTILINE)
    found: dict[str, Value] = {"system": named.sysname, "release": named.release, "machine": named.machine}
    if pretty:
        found["distribution"] = pretty[1].decode("utf-8", "replace")
    if "CS_GNU_LIBC_VERSION" in os.confstr_names:
        found["libc"] = os.confstr("CS_GNU_LIBC_VERSION")
    return found


def _cpu() -> dict[str, Value]:
    info = _read("/proc/cpuinfo") or b""
    model = re.search(rb"^model name\s*:\s*(.*)$", info, re.MULTILINE)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found: dict[str, Value] = {"count": os.cpu_count(), "usable": usable}
    if model:
        found["model"] = model[1].decode("utf-8", "replace").strip()
    return found


def _gpus(env: Mapping[str, str]) -> list[Value]:
    """NVIDIA's cards, by what their driver tells; none where there is no driver."""
    if not os.path.isdir("/proc/driver/nvidia") and not os.path.exists("/dev/dxg"):
        return []
    tool = program("nvidia-smi", "/", env)
    asked = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    answer = _answer([tool, *asked], env, "/") if tool else None
    if answer:
        rows = [[cell.strip() for cell in line.split(",")] for line in answer.splitlines()]
        return [dict(zip(("model", "memory", "driver"), row, strict=False)) for row in rows]
    cards = "/proc/driver/nvidia/gpus"
    told = (_read(os.path.join(cards, card, "information")) or b"" for card in _names(cards))
    models = (re.search(rb"^Model:\s*(.*)$", one, re.MULTILINE) for one in told)
    return [{"model": model[1].decode("utf-8", "replace").strip()} for model in models if model]


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _answer(command: list[str], env: Mapping[str, str], folder: str) -> str | None:
    """What a program prints, or None where it fails or takes too long."""
    import subprocess

    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
