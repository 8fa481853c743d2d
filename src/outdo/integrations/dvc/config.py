"""`.dvc/config` and those around it: where DVC keeps its cache, which remotes there are, how it links."""

import os
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from outdo.core.errors import WrongType
from outdo.core.model import Place

Section = Mapping[str, str | tuple[str, ...]]
Config = Mapping[str, Section]
"""Options by section; a remote's section is `remote "name"`."""

_HEADER = re.compile(r"""\s*\[\s*(?:'([^']*)'|"([^"]*)"|([^'"\]][^\]]*?))\s*\]\s*(?:[#].*)?""")
_REMOTE = re.compile(r'\s*remote\s*"(.*)"\s*')
_SCHEME = re.compile(r"\w+://")
_PATHS = (
    "url",
    "gdrive_user_credentials_file",
    "gdrive_service_account_json_file_path",
    "credentialpath",
    "keyfile",
)


class Remote(Struct, frozen=True):
    """A place that data is pushed to."""

    name: str
    url: str
    options: Section = {}

    def __repr__(self) -> str:
        return f"Remote({self.name!r})"  # options hold secrets


class Settings(Struct, frozen=True):
    """What a repository's config files say together."""

    cache: str
    """The folder of the cache, absolute."""
    links: tuple[str, ...] = ("reflink", "copy")
    remotes: Mapping[str, Remote] = {}
    remote: str = ""
    """The default one."""
    autostage: bool = False
    no_scm: bool = False
    """Whether Git, where there is one, is nothing to DVC."""
    hydra: bool = False
    """Whether an experiment's params are composed by Hydra."""
    sections: Config = {}

    def __repr__(self) -> str:
        return f"Settings({self.cache!r})"  # sections hold secrets


def parse_config(name: str, text: str) -> dict[str, dict[str, str | tuple[str, ...]]]:
    """The options by section in a config file's text; raises `WrongType` with the line that is neither."""
    sections: dict[str, dict[str, str | tuple[str, ...]]] = {}
    here: dict[str, str | tuple[str, ...]] | None = None
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        header = _HEADER.fullmatch(line)
        if header:
            title = next(part for part in header.groups() if part is not None)
            here = sections.setdefault(title.strip().lower(), {})
            continue
        key, found, value = line.partition("=")
        if not found or here is None:
            what = "a config file holds [sections] and lines `key = value`"
            raise WrongType(what, where=Place(name, number), fix="dvc config --help")
        here[_unquote(key).lower()] = _value(value)
    return sections


def settings(levels: Sequence[tuple[str, Config]], dvc_folder: str) -> Settings:
    """What config files say together, given from the weakest to the strongest, each with the folder it is in:
    relative paths are from there."""
    merged: dict[str, dict[str, str | tuple[str, ...]]] = {}
    for folder, config in levels:
        for title, section in config.items():
            there = merged.setdefault(title, {})
            for key, value in section.items():
                is_path = (title == "cache" and key == "dir") or (_REMOTE.fullmatch(title) and key in _PATHS)
                there[key] = _resolved(folder, str(value)) if is_path and isinstance(value, str) else value
    remotes = {
        found[1]: Remote(found[1], str(section.get("url", "")), section)
        for title, section in merged.items()
        if (found := _REMOTE.fullmatch(title))
    }
    core, cache = merged.get("core", {}), merged.get("cache", {})
    return Settings(
        str(cache.get("dir", os.path.join(dvc_folder, "cache"))),
        _words(cache.get("type", ("reflink", "copy"))),
        remotes,
        str(core.get("remote", "")).lower(),
        _is_true(core.get("autostage", "false")),
        _is_true(core.get("no_scm", "false")),
        _is_true(merged.get("hydra", {}).get("enabled", "false")),
        merged,
    )


def read_settings(root: str, environ: Mapping[str, str]) -> Settings:
    """What all config files say for the repository at `root`: the machine's, the user's, the repository's, and
    `config.local`, each stronger than the one before."""
    home = environ.get("HOME") or os.path.expanduser("~")
    user = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    machine = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")[0]
    dvc_folder = os.path.join(root, ".dvc")
    places = (
        f"{environ.get('DVC_SYSTEM_CONFIG_DIR') or f'{machine}/dvc'}/config",
        f"{environ.get('DVC_GLOBAL_CONFIG_DIR') or f'{user}/dvc'}/config",
        f"{dvc_folder}/config",
        f"{dvc_folder}/config.local",
    )
    levels: list[tuple[str, Config]] = []
    for place in places:
        try:
            with open(place, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise WrongType(f"the config file can't be read: {error}", where=place) from None
        levels.append((os.path.dirname(place), parse_config(os.path.relpath(place, root), text)))
    return settings(levels, dvc_folder)


def _value(text: str) -> str | tuple[str, ...]:
    """One value, or those that commas part; a comment behind them is none of it."""
    parts: list[str] = []
    rest = text.strip()
    while True:
        found = re.match(r"""("[^"]*"|'[^']*'|[^,#"'][^,#]*|)\s*(,?)\s*""", rest)
        if found is None:
            return _unquote(text)
        parts.append(_unquote(found[1]))
        rest = rest[found.end() :]
        if not found[2]:
            break
        if not rest or rest[0] == "#":
            return tuple(parts)
    return parts[0] if len(parts) == 1 else tuple(parts)


def _unquote(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _words(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",")) if isinstance(value, str) else value


def _is_true(value: str | tuple[str, ...]) -> bool:
    return str(value).lower() in ("true", "yes", "on", "1", "y", "enable")


def _resolved(folder: str, path: str) -> str:
    if _SCHEME.match(path) or os.path.isabs(path):
        return path
    home = os.path.expanduser(path)
    return home if os.path.isabs(home) else os.path.normpath(os.path.join(folder, path))
