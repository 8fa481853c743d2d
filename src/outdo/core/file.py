"""The whole of `outdo.yaml` as one type: what is validated, offered by editors and told in the reference."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from outdo.core.model import Remote
from outdo.core.paths import FilePath
from outdo.core.rules import Asserted
from outdo.core.sections import Artifact, Environment, Model, Monitor, Notify, Plot, Triggers
from outdo.core.stages import Env, ForeachStage, MatrixStage, StageText


class File(Struct, frozen=True):
    """A pipeline, and what its models have to pass on their way to production.

    Every value may hold templates: `${name}` stands for a value of `params.yaml` or `vars`, `\\${name}` for the
    text itself."""

    project: Annotated[str, Meta(min_length=1)] = "project"
    """The project's name; the folder's, where nothing is said."""
    vars: tuple[str | Mapping[str, Any], ...] = ()
    """Values for templates: files, `file:key,key`, or mappings. Those of params.yaml are always there."""
    env: Env = {}
    """Environment variables of every stage, or the file of the environment that stages run in (`uv.lock`), or a list
    of both. What a stage says itself counts more."""
    stages: Mapping[str, StageText | MatrixStage | ForeachStage] = {}
    """The commands, by name."""
    params: tuple[FilePath, ...] = ()
    """Files of params beside those that stages read."""
    metrics: tuple[FilePath, ...] = ()
    """Files of metrics beside those that stages write."""
    plots: tuple[str | Mapping[str, Plot], ...] = ()
    """Files to draw: paths, or `{name: how}`."""
    artifacts: Mapping[str, Artifact] = {}
    """Files and folders that others can find, by name."""
    remotes: Mapping[str, str | Remote] = {}
    """Where results are shared, by name: a URL or folder, or a mapping with more. The first is used where none is
    named."""
    checks: Mapping[FilePath, tuple[Asserted, ...]] = {}
    """What data has to pass, by path: judged as soon as the path exists, before any stage that reads it."""
    models: Mapping[str, Model] = {}
    """The models, by name."""
    environments: Mapping[str, Environment] = {}
    """The places that models are deployed to, by name."""
    monitors: Mapping[str, Monitor] = {}
    """What is watched in production, by the model's name."""
    triggers: Triggers = Triggers()
    notify: Notify = Notify()
