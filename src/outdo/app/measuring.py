"""The gates of a model that need its files, a process of its own or a command."""

import os
import re
from collections.abc import Sequence
from functools import cached_property

from outdo.app.gated import evaluates
from outdo.app.project import Project
from outdo.core.errors import UserError
from outdo.core.model import Stage
from outdo.core.modelgates import Latency, Measured, ModelTests, Unsafe
from outdo.core.scanned import judged_scan
from outdo.core.sections import Model
from outdo.core.tested import judged_command
from outdo.core.verdict import Verdict
from outdo.run.building import Build, Environments
from outdo.run.ports import Cancel
from outdo.run.tested import Bench, run_tests
from outdo.run.unsafe import scan


def measured(project: Project, name: str, model: Model) -> dict[int, Sequence[Verdict]]:
    """What the gates of a model say that have to be measured, by their places in the list of gates."""
    measuring = _Measuring(project, name, model)
    return {
        place: [measuring.verdict(gate)]
        for place, gate in enumerate(model.gates)
        if isinstance(gate, Measured)
    }


class _Measuring:
    """One model measured: what several gates need is found once."""

    def __init__(self, project: Project, name: str, model: Model) -> None:
        self.project = project
        self.name = name
        self.model = model
        self.path = os.path.join(project.root, model.path.rstrip("/"))

    def verdict(self, gate: Measured) -> Verdict:
        """What a gate says; what could not be measured was not evaluated."""
        match gate:
            case Unsafe():
                return judged_scan(scan(self.path, allow=gate.allow, ignore=gate.ignore))
            case ModelTests():
                return self._tests(gate)
            case Latency():
                return Verdict("latency", "not_evaluated", "it is not measured yet")

    def _tests(self, gate: ModelTests) -> Verdict:
        asked = gate.command
        title = f"tests {asked.cmd if isinstance(asked.cmd, str) else ' '.join(asked.cmd)}"
        bench = self.bench
        if isinstance(bench, str):
            return Verdict(title, "not_evaluated", bench)
        return judged_command(title, run_tests(bench, asked, self._log("tests")))

    def _log(self, kind: str) -> str:
        return re.sub(r"[^\w.-]", "_", f"{self.name}-{kind}")

    @cached_property
    def bench(self) -> Bench | str:
        """Where commands run: the environment of the stage that scores the model, or else of the one that makes it; or
        why there is none."""
        project, cancel = self.project, Cancel()
        stage = evaluates(project, self.model) or self._maker()
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
