"""`finops config`: look at the settings, and check them."""

from __future__ import annotations

from pathlib import Path

import click

from finops.cli.output import note, output_option, show
from finops.errors import ConfigError

file_option = click.option(
    "--config", "file", type=click.Path(path_type=Path), help="Settings file.  [default: finops.yaml if it is there]"
)


@click.group()
def config() -> None:
    """The settings: what they are, where each comes from, what is wrong."""


@config.command("show")
@file_option
@output_option
def show_settings(file: Path | None, output: str) -> None:
    """Print the effective settings and where each comes from. Changes nothing; secrets are masked.

    \b
    finops config show
    finops config show --config /etc/finops.yaml -o yaml
    """
    from finops.config import load
    from finops.config.reading import gather
    from finops.config.view import rows

    load(file)
    columns = ["setting", "value", "origin"] if output == "table" else ["setting", "value", "origin", "meaning"]
    show(rows(gather(file)), output, columns, title="Settings")


@config.command()
@file_option
def check(file: Path | None) -> None:
    """Say what is wrong with the settings and how to mend it. Changes nothing; exits 1 when something is wrong."""
    from finops.config.reading import gather

    found = gather(file)
    for problem in found.problems:
        note(f"{problem.what}\n  {problem.fix}")
    if found.problems:
        count = len(found.problems)
        raise ConfigError(
            f"{count} {'setting is' if count == 1 else 'settings are'} wrong.", "Mend the above and check again."
        )
    given = len(found.origins)
    click.echo(f"The settings are right: {given} given{f' ({found.file})' if found.file else ''}, the rest by default.")
