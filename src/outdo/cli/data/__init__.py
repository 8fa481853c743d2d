"""`outdo data`: each of its commands in a file of its own."""

from outdo.cli.data.group import command

__all__ = ["command"]
