"""`outdo params`."""

from outdo.cli.holding import telling

command = telling("params")
