"""`outdo params`."""

from outdo.cli.held import telling

command = telling("params")
