"""A look at the data at one path, as a process of its own; what it finds is kept in the store."""

import sys

from outdo.app.inspected import judge
from outdo.app.project import Project, declared
from outdo.core.errors import UserError


def main(words: list[str]) -> int:
    """0 once the judgement is in the store; 1 where the file or the data is no longer what was to be judged."""
    root, file, home, path, digest, key = words
    try:
        project = Project(root, file, None if home == f"{root}/.outdo" else home)
        found = judge(project, path, declared(project).checks.get(path, ()))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    if (found.digest, found.key) != (digest, key):
        print(f"'{path}', or what is said of it, was changed meanwhile", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
