"""Suites of Great Expectations that checks name: read from their files, and their verdicts told in its form."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from outdo.core.probes import Kinds, Probe
from outdo.core.rules import Asserted, Expectations
from outdo.core.verdict import Verdict
from outdo.core.version import VERSION
from outdo.integrations.gx.asking import asked
from outdo.integrations.gx.results import gx_result
from outdo.integrations.gx.suite import LARGEST, BadSuite, Suite, read_suite

Ask = Callable[[Asserted, Kinds], list[Probe | Verdict]]


def suites(root: str, asserted: Sequence[Asserted]) -> dict[str, Ask]:
    """What the suites that checks name ask of a table, by their paths; one that can't be read asks nothing, and says so
    in one verdict."""
    named = {each.check.path for each in asserted if isinstance(each.check, Expectations)}
    return {path: partial(_ask, _read(root, path), path) for path in named}


def _read(root: str, path: str) -> Suite | str:
    """The suite at a path, or why it is none."""
    try:
        with open(os.path.join(root, path), "rb") as file:
            return read_suite(file.read(LARGEST + 1))
    except OSError as error:
        return f"'{path}' can't be read: {(error.strerror or 'it is no file').lower()}"
    except BadSuite as error:
        return f"'{path}' is no suite that can be read: {error}"


def _ask(suite: Suite | str, path: str, asserted: Asserted, kinds: Kinds) -> list[Probe | Verdict]:
    if isinstance(suite, str):
        return [Verdict(f"expectations {path}", "not_evaluated", suite, level=asserted.level)]
    return asked(suite, asserted, path, kinds)


def told_as_gx(root: str, asserted: Sequence[Asserted], verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Validation results in the form of Great Expectations, one for each suite that the checks of some data name;
    `verdicts` are those on the data. One without verdicts of its own has only exceptions in it."""
    found: list[dict[str, Any]] = []
    for path in dict.fromkeys(each.check.path for each in asserted if isinstance(each.check, Expectations)):
        suite = _read(root, path)
        if isinstance(suite, str):
            suite = Suite(path, ())
        own = [one for one in verdicts if one.subject == path]
        if len(own) != len(suite.expectations):
            reason = verdicts[0].reason if verdicts else "there is no verdict"
            own = [Verdict(each.title, "not_evaluated", reason) for each in suite.expectations]
        found.append(gx_result(suite, own, VERSION))
    return found
