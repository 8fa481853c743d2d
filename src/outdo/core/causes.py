"""Why outputs may differ when they are made again: what is known of a stage, weighed by a few plain rules.

None of it is proof: each says `may`. What is most likely comes first.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from outdo.core.compare import ValueChange, value_changes
from outdo.core.model import Path, StageName, Value

Sort = Literal[
    "inputs", "undeclared", "environment", "unpinned", "seed", "time", "network", "order", "gpu", "threads",
    "machine", "always", "persist", "unknown",
]  # fmt: skip


class Cause(Struct, frozen=True):
    """One thing that may be behind a difference."""

    sort: Sort
    stage: StageName
    what: str
    """A sentence."""


class Traits(Struct, frozen=True):
    """What is known of a stage that got what it was given before, and made something else of it."""

    stage: StageName
    commands: tuple[str, ...] = ()
    texts: Mapping[Path, str] = {}
    """The code that it reads."""
    params: Mapping[str, Value] = {}
    env: Mapping[str, str] = {}
    pinned: bool = False
    """Whether it ran in an environment that a lock says."""
    always_changed: bool = False
    persist: bool = False
    warnings: tuple[str, ...] = ()
    """What was told of it when it ran."""
    changed: tuple[str, ...] = ()
    """In what its inputs differ all the same from those on record."""


Environment = Mapping[str, Value]
"""As `run.environment` reads it."""

_SEED = re.compile(r"random_state|seed|default_rng\(\s*\w|deterministic", re.IGNORECASE)
_RANDOM = re.compile(
    r"\brandom\b|shuffle|\bsample\(|torch|tensorflow|keras|\bjax\b|sklearn|xgboost|lightgbm|catboost|uuid4"
    r"|train_test_split|RandomForest|rnorm|runif",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"datetime\.(?:now|today|utcnow)|date\.today|\btime\.time\(|Timestamp\.(?:now|today)|utcnow\(|perf_counter"
    r"|\$\(date|`date|(?:^|[;&|]\s*)date\b|Sys\.time"
)
_NETWORK = re.compile(
    r"\brequests\.|\burllib|\bhttpx\b|\baiohttp\b|\bboto3\b|https?://|\bs3://|\bgs://|\bcurl\b|\bwget\b|hf_hub|from_pretrained\("
)
_ORDER = re.compile(
    r"(?<!sorted\()\bos\.listdir\(|(?<!sorted\()\bglob\.glob\(|\.iterdir\(\)|\bset\(|\bhash\(|os\.scandir\("
)
_GPU = re.compile(r"torch|tensorflow|keras|\bjax\b|cupy|cuda|device", re.IGNORECASE)
_THREADS = re.compile(r"n_jobs|torch|sklearn|xgboost|lightgbm|numpy|\bnp\.|OMP|joblib|multiprocessing")
_THREAD_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_MOST = 4


def causes(traits: Traits, before: Environment | None, after: Environment | None) -> list[Cause]:
    """What may have made the stage's outputs differ, the likeliest first."""
    text = "\n".join([*traits.commands, *traits.texts.values()])
    found = [
        *_declared(traits),
        *_environment(traits, text, before, after),
        *_code(traits, text),
        *_machine(traits, text, before, after),
    ]
    if not found:
        what = (
            "nothing known of it tells why; run it twice with --sandbox, and --audit tells what else it reads"
        )
        found.append(("unknown", what))
    return [Cause(sort, traits.stage, what) for sort, what in found]


Told = Iterator[tuple[Sort, str]]


def _declared(traits: Traits) -> Told:
    if traits.changed:
        yield "inputs", f"what it is given is not what it was: {'; '.join(traits.changed)}"
    for warning in traits.warnings:
        if "without declaring it" in warning:
            yield "undeclared", f"{warning}, so that may hold something else now"
    if traits.persist:
        yield (
            "persist",
            "its output is kept between runs (persist), so it may depend on what was there before",
        )
    if traits.always_changed:
        yield "always", "it says always_changed, so it may depend on more than it declares"


def _environment(traits: Traits, text: str, before: Environment | None, after: Environment | None) -> Told:
    changes = environment_changes(before, after)
    named = [change for change in changes if change.name.startswith(("python", "distribution "))]
    if named:
        likely = sorted(named, key=lambda change: not _imported(change.name, text))
        told = ", ".join(changed_words(change) for change in likely[:_MOST])
        more = f" and {len(likely) - _MOST} more" if len(likely) > _MOST else ""
        yield "environment", f"it may be what is installed: {told}{more}"
    elif before is None or "python" not in before:
        yield "environment", "what was installed then is not on record, so it may have been something else"
    if not traits.pinned and (named or before is None):
        yield "unpinned", "no lock says what is to be installed (env: uv.lock)"


def _imported(name: str, text: str) -> bool:
    word = name.removeprefix("distribution ").replace("-", "_")
    modules = {"scikit_learn": "sklearn", "pyyaml": "yaml", "pillow": "PIL", "opencv_python": "cv2"}
    return re.search(rf"\b{re.escape(modules.get(word, word))}\b", text) is not None


def _code(traits: Traits, text: str) -> Told:
    seeded = _SEED.search(text) or any(_SEED.search(name) for name in (*traits.params, *traits.env))
    drawn = _RANDOM.search(text)
    if drawn and not seeded:
        yield (
            "seed",
            f"it may draw random numbers ('{drawn[0]}'), and neither its code nor its params name a seed",
        )
    if found := _TIME.search(text):
        yield "time", f"its result may depend on when it runs ('{found[0].strip()}')"
    if found := _NETWORK.search(text):
        yield "network", f"what it gets over the network may have changed ('{found[0].strip()}')"
    if (found := _ORDER.search(text)) and "PYTHONHASHSEED" not in traits.env:
        what = "the order of files in a folder, or of texts in a set, may differ"
        yield "order", f"{what} ('{found[0].rstrip('(')}'): sort them, or set PYTHONHASHSEED"


def _machine(traits: Traits, text: str, before: Environment | None, after: Environment | None) -> Told:
    old, new = before or {}, after or {}
    if (old.get("gpus") or new.get("gpus")) and _GPU.search(text):
        changed = old.get("gpus") != new.get("gpus")
        card = " and it is another card" if changed and before is not None else ""
        yield "gpu", f"a GPU may add up numbers in another order each time{card}"
    cores = (_inner(old, "cpu", "usable"), _inner(new, "cpu", "usable"))
    limited = any(name in traits.env for name in _THREAD_LIMITS)
    if before is not None and cores[0] != cores[1] and not limited and _THREADS.search(text):
        what = f"with {cores[1]} cores instead of {cores[0]} numbers may be added up in another order"
        yield "threads", f"{what} (OMP_NUM_THREADS is not set)"
    names = {
        "cpu": "the processor",
        "system": "the system",
        "libc": "the C library",
        "machine": "the architecture",
    }
    told = [
        f"{names[change.name]} ({change.before} → {change.after})"
        for change in environment_changes(before, after)
        if change.name in names
    ]
    if told:
        yield "machine", f"it may be {', '.join(told)}"


# ------------------------------------------------------------------ environments beside each other


def environment_changes(before: Environment | None, after: Environment | None) -> tuple[ValueChange, ...]:
    """In what two environments differ; nothing where one is not known."""
    if before is None or after is None:
        return ()
    return value_changes(_flat(before), _flat(after))


def changed_words(change: ValueChange) -> str:
    """One difference in a few words: `numpy 2.1.0 → 2.2.0`."""
    name = change.name.removeprefix("distribution ")
    match change.kind:
        case "added":
            return f"{name} {change.after} is new"
        case "removed":
            return f"{name} {change.before} is gone"
        case "changed":
            return f"{name} {change.before} → {change.after}"


def _flat(environment: Environment) -> dict[str, Value]:
    found: dict[str, Value] = {}
    python = environment.get("python")
    if isinstance(python, Mapping):
        found["python"] = python.get("version")
        if python.get("implementation") != "CPython":
            found["python implementation"] = python.get("implementation")
        for part in ("distributions", "conda"):
            installed = python.get(part)
            if isinstance(installed, Mapping):
                found |= {f"distribution {name}": version for name, version in sorted(installed.items())}
    for name, path in (
        ("cpu", ("cpu", "model")),
        ("cores", ("cpu", "usable")),
        ("system", ("platform", "distribution")),
        ("libc", ("platform", "libc")),
        ("machine", ("platform", "machine")),
    ):
        value = _inner(environment, *path)
        if value is not None:
            found[name] = value
    cards: Any = environment.get("gpus")
    if isinstance(cards, Sequence) and cards:
        found["gpu"] = ", ".join(str(card.get("model", "")) for card in cards if isinstance(card, Mapping))
    return found


def _inner(environment: Environment, *path: str) -> Value:
    value: Value = environment
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
