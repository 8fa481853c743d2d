"""`outdo data gc`: the same as `outdo gc`."""

from outdo.cli.gc import command

__all__ = ["command"]
