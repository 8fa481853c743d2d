"""The outputs that models are: which stage writes what a model of the file names."""

import re
from collections.abc import Iterator, Mapping
from posixpath import normpath

from outdo.core.digest import digest
from outdo.core.document import Slip
from outdo.core.errors import BadPath, UnknownName
from outdo.core.hints import did_you_mean
from outdo.core.model import Digest, ModelOutput, Path, Stage, StageName
from outdo.core.modelgates import ModelTests
from outdo.core.sections import Model

_NAME = re.compile(r"[^/:@]{1,256}")


def model_outputs(
    models: Mapping[str, Model], stages: Mapping[str, Stage | None], slips: list[Slip]
) -> dict[str, ModelOutput]:
    """The models by name, each with its stage; a model that can't be registered goes to `slips`."""
    found: dict[str, ModelOutput] = {}
    sound = not slips  # else it may be of a stage that can't be read
    known = [stage for stage in stages.values() if stage is not None]
    for name, model in models.items():
        if not _NAME.fullmatch(name) or name in (".", ".."):
            what = f"'{name}' can't be the name of a model: '/', ':' and '@' stand between a name and its versions"
            slips.append(Slip(UnknownName, what, ("models", name), at_key=True))
            continue
        path = model.path.rstrip("/")
        maker = next(_makers(path, known), None)
        if maker is not None:
            stage, output = maker
            rules, scorer = _rules(model), _scorer(model, known) if model.gates else StageName("")
            found[name] = ModelOutput(
                path, stage.name, output, model.desc, len(model.gates), rules, scorer, _tests(model)
            )
        elif sound:
            fix = did_you_mean(path, [out.path for stage in known for out in stage.outs])
            what = f"models.{name}.path: no stage writes '{path}'"
            fix = fix if "?" in fix else "name an output of a stage"
            slips.append(Slip(BadPath, what, ("models", name, "path"), fix))
    return found


def _rules(model: Model) -> Digest:
    """Stands for what a model's gates say, and for what they judge."""
    if not model.gates:
        return Digest("")
    return digest(
        "rules/1", model.gates, model.predictions, model.evaluate, model.load, model.metrics, model.doubt
    )


def _scorer(model: Model, stages: list[Stage]) -> StageName:
    """The stage that scores a model: the one that is named, or else that writes the predictions."""
    if model.evaluate is not None:
        return StageName(model.evaluate)
    path = model.predictions.path if model.predictions else ""
    return next((stage.name for stage, out in _makers(path, stages) if out == path), StageName(""))


def _tests(model: Model) -> tuple[Path, ...]:
    """The words of commands that test a model which may be files or folders of the project: `tests/model`."""
    commands = [gate.command.cmd for gate in model.gates if isinstance(gate, ModelTests)]
    words = [word for cmd in commands for word in (cmd.split() if isinstance(cmd, str) else cmd)]
    paths = [normpath(word.partition("::")[0]) for word in words if word[:1] not in ("-", "/")]
    return tuple(dict.fromkeys(path for path in paths if path != "." and not path.startswith("..")))


def _makers(path: Path, stages: list[Stage]) -> Iterator[tuple[Stage, Path]]:
    for stage in stages:
        for out in stage.outs:
            if path == out.path or path.startswith(f"{out.path}/"):
                yield stage, out.path
