"""`.dvcignore`: which paths DVC does not see. Patterns are Git's; the last that matches decides."""

import os
import re

from msgspec import Struct

NAME = ".dvcignore"
_ALWAYS = (".hg/", ".git/", ".git", ".dvc/")


class Rule(Struct, frozen=True):
    """One pattern, for paths below the folder `base`."""

    base: str
    regex: str
    hides: bool
    folders_only: bool


class Ignore:
    """The rules of a repository, or of one folder in it."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._compiled = [(rule, re.compile(rule.regex, re.DOTALL)) for rule in reversed(rules)]

    def within(self, folder: str, text: str) -> "Ignore":
        """The rules with those of the `.dvcignore` in `folder` (of the repository; empty: its root) added."""
        more = rules(text, folder)
        return Ignore((*self._rules, *more)) if more else self

    def hides(self, path: str, *, is_folder: bool = False) -> bool:
        """Whether DVC does not see a path of the repository: it or a folder that it is in is ignored."""
        parts = path.split("/")
        for count in range(1, len(parts)):
            if self.hides_itself("/".join(parts[:count]), is_folder=True):
                return True
        return self.hides_itself(path, is_folder=is_folder)

    def hides_itself(self, path: str, *, is_folder: bool = False) -> bool:
        """The same for a path whose folders are known to be seen."""
        for rule, pattern in self._compiled:
            if rule.folders_only and not is_folder:
                continue
            if rule.base and not path.startswith(f"{rule.base}/"):
                continue
            below = path[len(rule.base) + 1 :] if rule.base else path
            if pattern.match(below) or (is_folder and pattern.match(f"{below}/")):
                return rule.hides
        return False


def rules(text: str, base: str = "") -> tuple[Rule, ...]:
    """The rules in the text of a `.dvcignore` that stands in the folder `base`."""
    found = (_rule(line.strip(), base) for line in text.splitlines())
    return tuple(rule for rule in found if rule is not None)


def _rule(line: str, base: str) -> Rule | None:
    if not line or line[0] == "#" or line in ("/", "!", "!/"):
        return None
    hides = line[0] != "!"
    pattern = line if hides else line[1:]
    folders_only = pattern.endswith("/")
    segments = pattern.rstrip("/").split("/") if folders_only else pattern.split("/")
    if not segments[0]:
        del segments[0]
    elif len(segments) == 1 and segments[0] != "**":
        segments.insert(0, "**")
    regex = _regex(segments, folders_only=folders_only)
    return None if regex is None else Rule(base, regex, hides, folders_only)


def _regex(segments: list[str], *, folders_only: bool) -> str | None:
    """The paths that a pattern means and all that is in them; None for a pattern that means nothing."""
    if not segments:
        return None
    merged = [part for n, part in enumerate(segments) if part != "**" or n == 0 or segments[n - 1] != "**"]
    if merged == ["**", "*", "**"] or (folders_only and merged in (["**", "*"], ["**"])):
        return None  # a slip of DVC's: `*/` hides nothing
    done: list[str] = []
    for number, part in enumerate(merged):
        last = number == len(merged) - 1
        if part == "**":
            if number == 0:
                done.append("." if last else "(?:.+/)?")
            else:
                done.append("/" if last else "(?:/.+)?/")
            continue
        if number and merged[number - 1] != "**":
            done.append("/")
        glob = "[^/]+" if part == "*" else _glob(part)
        if glob is None:
            return None
        done.append(glob)
        if last:
            done.append("/" if folders_only else "(?:/|$)")
    return "".join(done)


def _glob(part: str) -> str | None:
    """One step of a pattern as a regular expression; None where its brackets are not well-formed."""
    done: list[str] = []
    index = 0
    while index < len(part):
        char = part[index]
        index += 1
        if char == "\\":
            if index == len(part):
                return None
            done.append(re.escape(part[index]))
            index += 1
        elif char == "*":
            done.append("[^/]*")
        elif char == "?":
            done.append("[^/]")
        elif char == "[":
            end = part.find("]", index + 1 + (part[index : index + 1] in ("!", "^")))
            if end < 0:
                return None
            done.append(_bracket(part[index:end]))
            index = end + 1
        else:
            done.append(re.escape(char))
    return "".join(done)


def _bracket(inside: str) -> str:
    negated = inside[0] in "!^"
    escaped = inside[negated:].replace("\\", "\\\\").replace("[", "\\[")
    return f"[{'^' if negated else ''}{escaped}]"


DEFAULT = Ignore(rules("\n".join(_ALWAYS)))
"""What DVC never sees."""


def read_ignore(root: str, folder: str = "") -> Ignore:
    """The rules that hold in a folder of the repository at `root`: its own and those of all folders above."""
    ignore = DEFAULT
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    for count in range(len(parts) + 1):
        above = "/".join(parts[:count])
        if above and ignore.hides(above, is_folder=True):
            break
        try:
            with open(os.path.join(root, above, NAME), encoding="utf-8", errors="replace") as file:
                ignore = ignore.within(above, file.read())
        except OSError:
            continue
    return ignore
