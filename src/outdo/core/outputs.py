"""The outputs that models are: which stage writes what a model of the file names."""

import re
from collections.abc import Iterator, Mapping

from outdo.core.digest import digest
from outdo.core.document import Slip
from outdo.core.errors import BadPath, UnknownName
from outdo.core.hints import did_you_mean
from outdo.core.model import Digest, ModelOutput, Path, Stage
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
            found[name] = ModelOutput(path, stage.name, output, model.desc, len(model.gates), _rules(model))
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
    return digest("rules/1", model.gates, model.predictions, model.evaluate, model.doubt)


def _makers(path: Path, stages: list[Stage]) -> Iterator[tuple[Stage, Path]]:
    for stage in stages:
        for out in stage.outs:
            if path == out.path or path.startswith(f"{out.path}/"):
                yield stage, out.path
