"""The options that commands of `finops tier` share."""

from __future__ import annotations

from pathlib import Path

import click

account = click.option("--account", metavar="NAME", help="The storage account.  [default: the only one there is]")
inventory = click.option(
    "--inventory",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A folder or file of the account's blob inventory. Repeatable.  [default: read from the account]",
)
protect = click.option(
    "--protect", metavar="CONTAINER[/PREFIX]", multiple=True, help="Blobs that stay where they are. Repeatable."
)
output = click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How to print."
)
