"""Checks of data in a project that says nothing else."""

from pathlib import Path

from outdo.app.check import check
from outdo.core.verdict import Verdict


def judged(project: Path, data: str, *lines: str) -> list[Verdict]:
    """The verdicts on `data` by these checks, in the folder that the test is in."""
    listed = "".join(f"    - {line}\n" for line in lines)
    (project / "outdo.yaml").write_text(f"project: p\nchecks:\n  {data}:\n{listed}")
    [checked] = check()
    return list(checked.verdicts)
