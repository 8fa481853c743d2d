"""The gates of a model that need its files, a process of its own or a command."""

import os
import re
from collections.abc import Sequence
from functools import cached_property

from outdo.app.gated import evaluates
from outdo.app.project import Project
from outdo.app.remade import made_again
from outdo.core.errors import UserError
from outdo.core.leaks import judged_leaks
from outdo.core.model import Stage
from outdo.core.modelgates import (
    Behaviour,
    Latency,
    Leakage,
    Measured,
    Memory,
    ModelTests,
    Reproducible,
    Robustness,
    Unsafe,
)
from outdo.core.scanned import Scanned, judged_scan
from outdo.core.sections import Model
from outdo.core.shaken import Changed, judged_behaviour, judged_robustness
from outdo.core.tablekind import table_kind
from outdo.core.tested import judged_command
from outdo.core.timed import Timed, judged_memory, judged_times
from outdo.core.verdict import Verdict
from outdo.run.building import Build, Environments
from outdo.run.changing import Picked, by_expressions, by_noise
from outdo.run.leaking import Tables, find_leaks
from outdo.run.loaded import NotMeasured, Source, ask, guessed, time_calls
from outdo.run.ownmetrics import OwnMetrics
from outdo.run.ports import Cancel
from outdo.run.rows import rows_in
from outdo.run.tested import Bench, run_tests
from outdo.run.unsafe import scan

_CALLS = 50
"""Of a model whose memory alone is asked for."""
_LOADERS = ("joblib", "xgboost", "lightgbm", "onnx")


def measured(project: Project, name: str, model: Model) -> dict[int, Sequence[Verdict]]:
    """What the gates of a model say that have to be measured, by their places in the list of gates."""
    measuring = _Measuring(project, name, model)
    return {
        place: measuring.verdicts(gate)
        for place, gate in enumerate(model.gates)
        if isinstance(gate, Measured)
    }


def own_metrics(project: Project, name: str, model: Model) -> OwnMetrics:
    """The metrics that the project computes for a model itself, to be left when they are not needed any more."""
    return OwnMetrics(_Measuring(project, name, model).bench if model.metrics else "", model.metrics)


class _Measuring:
    """One model measured: what several gates need is found once."""

    def __init__(self, project: Project, name: str, model: Model) -> None:
        self.project = project
        self.name = name
        self.model = model
        self._scans: dict[Unsafe, Scanned] = {}
        self._times: dict[tuple[int, int], Timed] = {}
        self.path = os.path.join(project.root, model.path.rstrip("/"))

    def verdicts(self, gate: Measured) -> Sequence[Verdict]:
        """What a gate says; what could not be measured was not evaluated."""
        match gate:
            case Unsafe():
                return [judged_scan(self._scan(gate))]
            case ModelTests():
                return [self._tests(gate)]
            case Reproducible():
                return [made_again(self.project, self.name, gate)]
            case Leakage():
                return self._leaks(gate)
        try:
            match gate:
                case Latency():
                    return judged_times(gate, self._timed(gate.batch, gate.calls))
                case Memory(bound):
                    return [judged_memory(bound, self._timed(1, _CALLS))]
                case Behaviour():
                    return [self._behaves(gate)]
                case Robustness():
                    return [self._withstands(gate)]
        except NotMeasured as reason:
            return [Verdict(str(gate.__struct_config__.tag), "not_evaluated", str(reason))]

    # ---------------------------------------------------------------- the model, loaded

    def _timed(self, batch: int, calls: int) -> Timed:
        """Calls of the model; raises `NotMeasured`."""
        known = next(
            (one for asked, one in self._times.items() if asked[0] == batch and asked[1] >= calls), None
        )
        if known is None:
            known = time_calls(self.ready, self.source, self._log("model"), batch=batch, calls=calls)
            self._times[batch, calls] = known
        return known

    def _behaves(self, gate: Behaviour) -> Verdict:
        """The verdict on a change; raises `NotMeasured`."""
        picked = by_expressions(self.sample, gate.change, gate.where, most=gate.rows)
        if not picked.take:
            return judged_behaviour(gate, Changed((), ()))
        return judged_behaviour(gate, self._asked(picked, "behaviour"))

    def _withstands(self, gate: Robustness) -> Verdict:
        """The verdict on noise; raises `NotMeasured`."""
        told = self.model.predictions
        if told is None:
            raise NotMeasured("the model has no 'predictions:' that say which column is the label")
        picked = by_noise(
            self.sample, gate.columns, self._no_features, told.label, size=gate.noise, most=gate.rows
        )
        assert picked.truth is not None
        return judged_robustness(gate, picked.truth, self._asked(picked, "robustness"), tuple(picked.columns))

    def _asked(self, picked: Picked, kind: str) -> Changed:
        before, after = ask(self.ready, self.source, self._log(kind), picked.take, [picked.columns])
        return Changed(before, after)

    @cached_property
    def source(self) -> Source:
        """The model, what loads it and rows for it; raises `NotMeasured`. Nothing is loaded that does not pass the
        scan, by what the gate `unsafe` allows where there is one."""
        told = self.model.load
        if not os.path.lexists(self.path):
            raise NotMeasured(f"'{self.model.path}' is not here")
        file, by = (os.path.join(self.path, told.file) if told.file else self.path, told.by)
        if not by or (os.path.isdir(file) and ":" not in by):
            file, guess = guessed(self.path, told.file)
            by = by or guess
        if by not in _LOADERS:
            script = os.path.join(self.project.root, by.rpartition(":")[0])
            if not os.path.isfile(script):
                raise NotMeasured(f"'{by}' is no way to load a model")
            by = f"{script}:{by.rpartition(':')[2]}"
        gates = (gate for gate in self.model.gates if isinstance(gate, Unsafe))
        scanned = judged_scan(self._scan(next(gates, Unsafe())))
        if scanned.outcome != "passed":
            raise NotMeasured(f"the model is not loaded: {scanned.reason}")
        return Source(file, by, self.sample, told.features, self._no_features)

    @property
    def _no_features(self) -> tuple[str, ...]:
        told = self.model.predictions
        if told is None:
            return ()
        return (told.label, told.score, *((told.key,) if isinstance(told.key, str) else told.key))

    @cached_property
    def sample(self) -> str:
        """The table with rows for the model; raises `NotMeasured`."""
        root, told = self.project.root, self.model.load.sample
        if told is not None:
            if not os.path.isfile(os.path.join(root, told)):
                raise NotMeasured(f"'{told}' is not here")
            return os.path.join(root, told)
        stage, predictions = evaluates(self.project, self.name), self.model.predictions
        paths = [os.path.join(root, dep) for dep in stage.deps] if stage else []
        tables = [path for path in paths if table_kind(path) and os.path.isfile(path)]
        wanted = rows_in(os.path.join(root, predictions.path)) if predictions else None
        if len(tables) > 1:
            tables = [path for path in tables if rows_in(path) == wanted is not None]
        if len(tables) != 1:
            raise NotMeasured("which rows to ask the model with is not known: say load: {sample: …}")
        return tables[0]

    @property
    def ready(self) -> Bench:
        """Where the model is loaded; raises `NotMeasured`."""
        if isinstance(self.bench, str):
            raise NotMeasured(self.bench)
        return self.bench

    # ---------------------------------------------------------------- files and commands

    def _scan(self, gate: Unsafe) -> Scanned:
        if gate not in self._scans:
            self._scans[gate] = scan(self.path, allow=gate.allow, ignore=gate.ignore)
        return self._scans[gate]

    def _tests(self, gate: ModelTests) -> Verdict:
        asked = gate.command
        title = f"tests {asked.cmd if isinstance(asked.cmd, str) else ' '.join(asked.cmd)}"
        bench = self.bench
        if isinstance(bench, str):
            return Verdict(title, "not_evaluated", bench)
        return judged_command(title, run_tests(bench, asked, self._log("tests")))

    def _leaks(self, gate: Leakage) -> list[Verdict]:
        root, told = self.project.root, self.model.predictions
        key = () if told is None else (told.key,) if isinstance(told.key, str) else told.key
        label = gate.label or (told.label if told else "")
        test = os.path.join(root, gate.test) if gate.test else ""
        files = Tables(os.path.join(root, gate.train), test, label, tuple(each for each in key if each))
        found = find_leaks(gate, files)
        if isinstance(found, str):
            return [Verdict("leakage", "not_evaluated", found)]
        return judged_leaks(gate, found)

    def _log(self, kind: str) -> str:
        return re.sub(r"[^\w.-]", "_", f"{self.name}-{kind}")

    @cached_property
    def bench(self) -> Bench | str:
        """Where commands run: the environment of the stage that scores the model, or else of the one that makes it; or
        why there is none."""
        project, cancel = self.project, Cancel()
        stage = evaluates(project, self.name) or self._maker()
        logs = os.path.join(project.home, "logs", "check")
        env = {"PYTHONUNBUFFERED": "1", **os.environ, "OUTDO_ROOT": project.root}
        if stage is not None and stage.packages is not None:
            os.makedirs(logs, exist_ok=True)
            environments = Environments(project.root, project.environments, os.environ)
            log = os.path.join(logs, f"{self._log('environment')}.log")
            try:
                built = environments.of(stage.packages, Build(log, cancel, _nothing, _nothing))
            except UserError as error:
                return error.what
            env.update(built.variables)
        return Bench(project.root, {**env, **(stage.env if stage else {})}, logs, cancel)

    def _maker(self) -> Stage | None:
        makers = self.project.graph.makers(self.model.path.rstrip("/"))
        return self.project.graph.stages[makers[0]] if makers else None


def _nothing(*_: object) -> None:
    pass
