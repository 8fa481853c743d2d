"""The docs say what the code does: generated pages are up to date, and nothing a user can meet is left out."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from outdo.cli.group import COMMANDS
from outdo.core.errors import UserError

DOCS = Path(__file__).parents[2] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = generator()


@pytest.mark.parametrize("name", GENERATE.FILES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (DOCS / "reference" / name).read_text() == GENERATE.text(name), "run: python docs/generate.py"


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
