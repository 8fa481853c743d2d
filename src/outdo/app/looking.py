"""A look at the data at one path, or at one model, as a process of its own; what it finds is kept in the store."""

import sys

from outdo.app import inspected
from outdo.app.lazy import lazy
from outdo.app.project import Project, declared
from outdo.core.errors import UserError
from outdo.core.verdict import Judgement


def main(words: list[str]) -> int:
    """0 once the judgement is in the store; 1 where the file or what was to be judged is no longer what it was."""
    root, file, home, kind, subject, digest, key, why = words
    try:
        project = Project(root, file, None if home == f"{root}/.outdo" else home)
        found = _model(project, subject, why) if kind == "model" else _data(project, subject)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    if (found.digest, found.key) != (digest, key):
        print(f"'{subject}', or what is said of it, was changed meanwhile", file=sys.stderr)
        return 1
    return 0


def _data(project: Project, path: str) -> Judgement:
    return inspected.judge(project, path, declared(project).checks.get(path, ()))


def _model(project: Project, name: str, why: str) -> Judgement:
    gated = lazy("outdo.app.gated")
    found: Judgement = gated.judge(project, gated.due(project, name, (lambda _: why) if why else None))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
