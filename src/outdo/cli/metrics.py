"""`outdo metrics`."""

from outdo.cli.held import telling

command = telling("metrics")
