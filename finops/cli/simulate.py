"""`finops simulate`: invent an estate, and serve one as Azure would."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from finops.cli.output import note


@click.group()
def simulate() -> None:
    """A simulated Azure estate on 127.0.0.1."""


@simulate.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed invents the same estate, byte for byte.")
@click.option("--size", type=click.Choice(["small", "medium", "large"]), default="small", show_default=True)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]),
    help="When the estate is looked at, UTC.  [default: 2026-11-17T12:00:00Z]",
)
def new(folder: Path, seed: int, size: str, as_of: datetime | None) -> None:
    """Invent an estate with 90 days of charges and planted waste. Writes only the folder named.

    \b
    finops simulate new my-estate
    finops simulate new my-estate --seed 3 --size medium --as-of 2026-06-02
    """
    from finops.simulator import new_estate

    new_estate(folder, seed, size, as_of.replace(tzinfo=UTC) if as_of else None)
    note(f"{folder} holds a {size} estate. Serve it: finops simulate serve {folder}")
