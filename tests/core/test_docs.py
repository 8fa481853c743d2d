"""The docs say what the code does: generated pages are up to date, and nothing a user can meet is left out."""

import re
import subprocess
import sys
from pathlib import Path

from outdo.cli.group import COMMANDS
from outdo.core.errors import UserError

DOCS = Path(__file__).parents[2] / "docs"


def test_the_generated_pages_are_up_to_date() -> None:
    # in a process of its own: commands that were called here before remember by which words they were asked for help
    told = subprocess.run([sys.executable, DOCS / "generate.py", "--check"], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr


def test_every_error_has_a_code_of_its_own_and_an_explanation() -> None:
    kinds = UserError.__subclasses__()
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.__doc__ and len(kind.__doc__) > 30 for kind in kinds)


def test_the_readme_names_every_command() -> None:
    readme = (DOCS.parent / "README.md").read_text()
    assert [name for name in COMMANDS if f"outdo {name}" not in readme] == []


def test_every_link_in_the_docs_leads_somewhere() -> None:
    pages = [DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
