"""A Git repository of a test."""

import subprocess
from pathlib import Path


def git(folder: Path, *words: str) -> str:
    """What Git says; it has to end well."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout
