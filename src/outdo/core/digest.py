"""Values to keys: the one place where digests of values are made, each tagged by its kind and version.

Bytes of files are hashed by `store`; what decides a stage's outputs is hashed here. A tag keeps two kinds from
ever colliding, and its number is raised when the meaning of a key changes.
"""

from collections.abc import Mapping, Sequence

from blake3 import blake3
from msgspec import Struct, msgpack

from outdo.core.model import Digest, Entry, Key, Path, RunId, Stage, StageName, Value

_encode = msgpack.Encoder(order="deterministic", enc_hook=repr).encode


def digest(tag: str, *parts: object) -> Digest:
    """Digest of `parts` under `tag`; the order of a mapping's keys never matters, the order of a list does."""
    return Digest(blake3(_encode((tag, parts))).hexdigest())


def digest_bytes(content: bytes) -> Digest:
    """Digest of the content of a file."""
    return Digest(blake3(content).hexdigest())


def stage_key(stage: Stage, deps: Mapping[Path, Entry], params: Mapping[str, Value]) -> Key:
    """The key of a stage with these contents and values: all that decides its outputs, and nothing else.

    What only says how it is run (resources, timeout, retries, desc, cache flags) is left out. So are sizes: they
    follow from the digests.
    """
    inputs = {path: (entry.kind, entry.digest) for path, entry in deps.items()}
    outs = sorted((out.path, out.persist) for out in stage.outs)
    return Key(digest("stage/1", stage.cmd, stage.wdir, inputs, params, stage.env, outs))


def check_key(path: Path, rules: Digest, data: Entry, beside: Mapping[Path, Entry]) -> Key:
    """The key of the checks of some data: all that their verdicts follow from. The path says how the data is read."""
    others = {other: (entry.kind, entry.digest) for other, entry in beside.items()}
    return Key(digest("check/1", path, rules, data.kind, data.digest, others))


def gates_key(gates: Sequence[Struct]) -> Digest:
    """Stands for the gates of a model, in their order: what was judged by others says nothing of these."""
    return digest("gates/1", gates)


def judged_key(rules: Digest, model: Entry, scored: Sequence[str], told: Mapping[str, float]) -> Key:
    """The key of a model's gates: `rules` stands for them and for how predictions are read, `scored` are those of the
    model and of the champion with its name, `told` are the metrics that stages told."""
    return Key(digest("judged/1", rules, model.kind, model.digest, scored, told))


def stage_run_id(run: RunId, stage: StageName) -> str:
    """The id of a stage run among logged runs, 32 hex characters: a client of MLflow calls it by this."""
    return digest("stage-run/1", run, stage)[:32]


def whole_run_id(run: RunId) -> str:
    """The id among logged runs of a run as a whole, which is the parent of those of its stages."""
    return digest("run/1", run)[:32]
