"""Commands that need no shell: started directly, they cost half, and a signal that ends one is told as such.

`make` does the same. What a shell would only split at spaces and look up on PATH is taken; at the least doubt it is
left to the shell.
"""

import re

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./ -]+")
_SHELLS_OWN = frozenset({
    "!", ".", ":", "[", "alias", "bg", "break", "builtin", "case", "cd", "command", "continue", "declare",
    "do", "done", "echo", "elif", "else", "esac", "eval", "exec", "exit", "export", "false", "fc", "fg", "fi",
    "for", "function", "getopts", "hash", "help", "history", "if", "in", "jobs", "kill", "let", "local",
    "logout", "printf", "pwd", "read", "readonly", "return", "select", "set", "shift", "source", "suspend",
    "test", "then", "time", "times", "trap", "true", "type", "typeset", "ulimit", "umask", "unalias", "unset",
    "until", "wait", "while",
})  # fmt: skip
"""Words that mean something to a shell, or to another one a person may have in mind."""


def direct(command: str) -> list[str] | None:
    """The words of a command that can be started without a shell; None where it can't."""
    if not _PLAIN.fullmatch(command):
        return None
    words = [word for word in command.split(" ") if word]
    if not words or words[0] in _SHELLS_OWN or "=" in words[0] or words[0].startswith("-"):
        return None
    return words
