"""A pipeline's file on its way between Outdo and DVC: what moves with it, as text.

`stages`, `vars` and what is declared beside them are DVC's own words, so the file keeps its text. Only what the other
tool has no word for is added or taken out.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec import json

from outdo.core.model import Remote, Value

SHARED = ("stages", "vars", "params", "metrics", "plots", "artifacts", "datasets")
"""The sections that both know."""
OURS = ("project", "remotes")
"""Sections of ours that can be left out: a name, and what DVC keeps in its config."""
STAGE = (
    "cmd", "wdir", "deps", "params", "outs", "metrics", "plots", "vars", "frozen", "always_changed", "desc", "meta",
    "foreach", "do", "matrix",
)  # fmt: skip
"""What a stage may say to DVC."""

_KEY = re.compile(r"""(['"]?)([A-Za-z_]\w*)\1\s*:""")


def with_remotes(text: str, remotes: Mapping[str, Remote]) -> str:
    """The text of a `dvc.yaml` as that of an `outdo.yaml`, with these remotes in it."""
    if not remotes:
        return text or "stages: {}\n"
    lines = [f"  {json.encode(name).decode()}: {_written(remote)}\n" for name, remote in remotes.items()]
    if text and not text.endswith("\n"):
        text += "\n"
    return "".join([text or "stages: {}\n", "remotes:\n", *lines])


def without_ours(text: str) -> str:
    """The text of an `outdo.yaml` without the sections that a `dvc.yaml` does not have."""
    kept: list[str] = []
    ours = False
    for line in text.splitlines(keepends=True):
        key = _KEY.match(line)
        if key:
            ours = key[2] in OURS
        elif line.strip() and line[0] not in " \t-":
            ours = ours and line[0] != "#"
        if not ours:
            kept.append(line)
    return "".join(kept)


def strange(value: Value) -> Sequence[str]:
    """What a file says that DVC has no word for, as dotted names."""
    if not isinstance(value, Mapping):
        return ()
    found = [key for key in value if key not in (*SHARED, *OURS)]
    stages = value.get("stages")
    for name, stage in stages.items() if isinstance(stages, Mapping) else ():
        for part in (stage, stage.get("do") if isinstance(stage, Mapping) else None):
            if isinstance(part, Mapping):
                found += [f"stages.{name}.{key}" for key in part if key not in STAGE]
    return found


def _written(remote: Remote) -> str:
    said = {"url": remote.url, "endpoint": remote.endpoint, "region": remote.region}
    said = {key: value for key, value in said.items() if value}
    return json.encode(said if len(said) > 1 else remote.url).decode()
