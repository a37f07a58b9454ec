"""`finops simulate`: invent an estate, and serve one as Azure would."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from finops.cli.output import note
from finops.errors import FinopsError


@click.group()
def simulate() -> None:
    """A simulated Azure estate on 127.0.0.1."""


@simulate.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--seed", type=int, default=7, show_default=True, help="The same seed invents the same estate, byte for byte."
)
@click.option("--size", type=click.Choice(["small", "medium", "large"]), default="small", show_default=True)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]),
    help="When the estate is looked at, UTC.  [default: 2026-11-17T12:00:00Z]",
)
@click.option(
    "--blobs",
    type=click.IntRange(0, 1_000_000),
    default=0,
    show_default=True,
    help="Blobs of every habit, about so many, in one storage account: for a look at tiering.",
)
def new(folder: Path, seed: int, size: str, as_of: datetime | None, blobs: int) -> None:
    """Invent an estate with 90 days of charges and planted waste. Writes only the folder named.

    \b
    finops simulate new my-estate
    finops simulate new my-estate --seed 3 --size medium --as-of 2026-06-02
    finops simulate new my-estate --blobs 5000
    """
    from finops.simulator import new_estate

    try:
        new_estate(folder, seed, size, as_of.replace(tzinfo=UTC) if as_of else None, blobs)
    except OSError as fault:
        what = f"{fault.filename or folder} cannot be written: {fault.strerror}."
        raise FinopsError(what, "Make room or give write access there, or name another folder.") from fault
    note(f"{folder} holds a {size} estate. Serve it: finops simulate serve {folder}")


@simulate.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--clock",
    default="live",
    show_default=True,
    metavar="frozen|live|fast:N",
    help="How the simulated time goes: only when moved, like real time, or N times as fast.",
)
@click.option("--faults", type=click.Path(path_type=Path), help="JSON file of faults to inject.")
@click.option("--roles", type=click.Path(path_type=Path), help="JSON file of roles to enforce.")
@click.option("--limits", is_flag=True, help="Enforce Azure's rate limits.")
def serve(folder: Path | None, port: int, clock: str, faults: Path | None, roles: Path | None, limits: bool) -> None:
    """Serve an estate on 127.0.0.1 as Azure would, until Ctrl-C. Changes no file: what is written stays in memory.

    Without FOLDER a small estate is invented for the occasion.

    \b
    finops simulate serve
    finops simulate serve my-estate --clock fast:3600 --limits
    """
    import tempfile

    from finops.estate import check
    from finops.estate import faults as gaps_of
    from finops.simulator import new_estate
    from finops.simulator.serve import app_of, serve_until_stopped

    with tempfile.TemporaryDirectory(prefix="finops-estate-") as temporary:
        if folder is None:
            folder = Path(temporary)
            note("Inventing a small estate ...")
            new_estate(folder)
        recorded = check(folder)
        app = app_of(folder, clock, faults, roles, limits)
        # What the recording lacks is refused, so that half an estate never looks like a whole one.
        app.faults.add(gaps_of(recorded.gaps, folder))

        def ready(url: str) -> None:
            name, now = app.world.stamp.get("name", folder), app.world.clock.now()
            click.echo(f"Serving {name} on {url}; it is {now:%Y-%m-%d %H:%M} UTC there.")
            click.echo(f"  Use it:          finops estate show --azure {url}")
            click.echo(f"  Move its clock:  curl -d '{{\"advanceHours\": 24}}' {url}/simulator/clock")
            click.echo(f'  Break it:        curl -d \'[{{"fault": "503", "times": 3}}]\' {url}/simulator/faults')
            click.echo(f"  See who asked:   curl {url}/simulator/requests")
            click.echo("Ctrl-C stops it.")

        serve_until_stopped(app, port, ready)
