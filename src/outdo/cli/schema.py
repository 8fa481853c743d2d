"""`outdo schema`."""

import click
from msgspec import json

from outdo.core.schema import json_schema

EXAMPLES = """
\b
Examples:
  outdo schema > .outdo/schema.json    for an editor with the YAML language server:
                                       # yaml-language-server: $schema=.outdo/schema.json
                                       as the first line of outdo.yaml
"""


@click.command(epilog=EXAMPLES, help="The JSON Schema of outdo.yaml, for completion and checks in an editor.")
def command() -> None:
    click.echo(json.format(json.encode(json_schema()), indent=2))
