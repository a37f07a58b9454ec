"""`finops checkpoint rates`: how often Azure takes back the machines that jobs run on, for them to know beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from finops.cli.output import note, output_option, show
from finops.cli.session import Session, reads_azure

if TYPE_CHECKING:
    from finops.cloud import Azure


@click.command()
@click.option("--size", "sizes", multiple=True, help="A VM size; with --region.  [default: those of all clusters]")
@click.option("--region", "regions", multiple=True, help="A region, for each --size.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write them for FINOPS_EVICTION_RATE.")
@output_option
@reads_azure
def rates(session: Session, sizes: tuple[str, ...], regions: tuple[str, ...], out: Path | None, output: str) -> None:
    """List Azure's eviction rates of spot nodes, by size and region. Changes nothing in Azure.

    \b
    finops checkpoint rates
    finops checkpoint rates --size Standard_NC6s_v3 --region westeurope --out rates.json
    """
    import json

    from finops.errors import UsageError
    from finops.spot import evictions

    if bool(sizes) != bool(regions):
        raise UsageError("--size and --region belong together.", "Give both, or neither.")
    with session.azure() as azure:
        places = {(size, region) for size in sizes for region in regions} or _of_clusters(session, azure)
        found = evictions.rates(azure, places)
    rows = [
        {"size": one.size, "region": one.region, "percentAnHour": one.said, "hoursBetween": _rounded(one.hours)}
        for one in found
    ]
    show(rows, output, title="Eviction rates")
    if len(found) < len(places):
        note(f"Azure has no rate of {len(places) - len(found)} of {len(places)}.")
    if out:
        out.write_text(json.dumps(evictions.as_file(found, session.now), indent=1) + "\n", "utf-8")
        note(f"Written to {out}: name it in FINOPS_EVICTION_RATE of the job.")


def _of_clusters(session: Session, azure: Azure) -> set[tuple[str, str]]:
    from finops import estate
    from finops.estate.model import text
    from finops.spot import clusters

    found = set()
    for one in clusters(estate.read(azure, session.now)):
        region = text(one.body, "properties.computeLocation") or text(one.body, "location")
        found.add((text(one.body, "properties.properties.vmSize"), region.replace(" ", "").lower()))
    return {place for place in found if all(place)}


def _rounded(hours: float | None) -> float | None:
    return None if hours is None else round(hours, 1)
