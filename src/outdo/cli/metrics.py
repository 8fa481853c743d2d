"""`outdo metrics`."""

from outdo.cli.holding import telling

command = telling("metrics")
