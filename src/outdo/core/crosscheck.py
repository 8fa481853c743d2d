"""What sections say of each other: that every name they use is declared, and leads somewhere that makes sense.

Works on sections as they are written, so that a mistake elsewhere in one hides nothing here.
"""

from collections.abc import Collection, Iterator, Mapping

from outdo.core.document import Slip, Steps, dotted
from outdo.core.errors import BadPath, Cycle, UnknownName, UnknownStage
from outdo.core.hints import did_you_mean
from outdo.core.model import Stage, Value
from outdo.core.paths import inside


def slips(sections: Mapping[str, Value], stages: Mapping[str, Stage | None]) -> Iterator[Slip]:
    """Each name in `sections` that leads nowhere; a stage is None where it could not be read."""
    models, environments = _entries(sections, "models"), _entries(sections, "environments")
    for name, model in models.items():
        yield from _of_model(name, model, stages)
    for name, environment in environments.items():
        yield from _of_environment(name, environment, models, environments)
    for name, monitor in _entries(sections, "monitors").items():
        yield from _of_monitor(name, monitor, models, environments)


Entries = Mapping[str, Mapping[str, Value]]


def _entries(sections: Mapping[str, Value], key: str) -> Entries:
    section = sections.get(key)
    if not isinstance(section, dict):
        return {}
    return {name: entry if isinstance(entry, dict) else {} for name, entry in section.items()}


def _text(entry: Mapping[str, Value], key: str) -> str | None:
    value = entry.get(key)
    return value if isinstance(value, str) else None


def _of_model(name: str, model: Mapping[str, Value], stages: Mapping[str, Stage | None]) -> Iterator[Slip]:
    evaluate = _text(model, "evaluate")
    if evaluate is None:
        return
    if evaluate not in stages:
        path: Steps = ("models", name, "evaluate")
        group = [each for each in stages if each.partition("@")[0] == evaluate]
        fix = f"say which: {', '.join(group[:5])}" if group else did_you_mean(evaluate, stages)
        yield Slip(UnknownStage, f"{dotted(path)}: no stage is named '{evaluate}'", path, fix)
        return
    stage, predictions = stages[evaluate], model.get("predictions")
    written = _text(predictions, "path") if isinstance(predictions, dict) else None
    if stage is None or written is None:
        return
    try:
        file = inside(written)
    except ValueError:
        return  # told where it is read
    if not any(file == out.path or file.startswith(f"{out.path}/") for out in stage.outs):
        path = ("models", name, "predictions", "path")
        fix = did_you_mean(file, [out.path for out in stage.outs])
        what = f"{dotted(path)}: stage '{evaluate}' does not write '{file}'"
        yield Slip(BadPath, what, path, fix if "?" in fix else f"add it to the outs of '{evaluate}'")


def _of_environment(
    name: str, environment: Mapping[str, Value], models: Collection[str], environments: Entries
) -> Iterator[Slip]:
    listed = environment.get("models")
    for index, model in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(model, str) and model not in models:
            yield _unknown("model", model, ("environments", name, "models", index), models)
    after = _text(environment, "after")
    if after is None:
        return
    path = ("environments", name, "after")
    if after not in environments:
        yield _unknown("environment", after, path, [other for other in environments if other != name])
    elif ring := _ring(name, environments):
        yield Slip(Cycle, f"environments wait for each other: {' → '.join(ring)}", path)


def _ring(start: str, environments: Entries) -> list[str]:
    """The way from an environment back to itself, or nothing."""
    way = [start]
    while (after := _text(environments[way[-1]], "after")) in environments and after is not None:
        if after == start:
            return [*way, start]
        if after in way:
            return []
        way.append(after)
    return []


def _of_monitor(
    name: str, monitor: Mapping[str, Value], models: Collection[str], environments: Entries
) -> Iterator[Slip]:
    if name not in models:
        yield _unknown("model", name, ("monitors", name), models, at_key=True)
    where = _text(monitor, "environment")
    if where is None:
        return
    path = ("monitors", name, "environment")
    if where not in environments:
        yield _unknown("environment", where, path, environments)
        return
    deployed = environments[where].get("models")
    if name in models and isinstance(deployed, list) and name not in deployed:
        what = f"the model '{name}' does not go to the environment '{where}'"
        yield Slip(UnknownName, what, path, f"add it to environments.{where}.models")


def _unknown(kind: str, name: str, path: Steps, known: Collection[str], *, at_key: bool = False) -> Slip:
    return Slip(UnknownName, f"no {kind} is named '{name}'", path, did_you_mean(name, known), at_key=at_key)
