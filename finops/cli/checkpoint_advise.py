"""`finops checkpoint advise`: how often to save a job on spot nodes, what it loses and saves there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.cli.session import Session, reads_azure
from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.checkpoint.rehearsing.replay import Costs, Summary
    from finops.checkpoint.told import Told
    from finops.spot import Prices

# Seconds for a GB, where nothing was measured: two shared cores and a local disk, November 2026. No GPU was measured.
STALL, DURABLE = 0.11, 4.0
DAYS, SEEDS = 60.0, 3  # of invented evictions


@dataclass(frozen=True)
class Job:
    """What is known of it. hours: of work. between: mean hours that a node lasts; why: whence that is known."""

    size: str
    region: str
    hours: float
    costs: Costs
    measured: bool
    between: float
    why: str
    rate: str | None


@click.command()
@click.option("--size", help="VM size of the nodes, such as Standard_NC6s_v3.")
@click.option("--region", help="Where they are, such as westeurope.")
@click.option("--hours", default=24.0, show_default=True, help="Hours of training that the job needs.")
@click.option("--gb", type=float, help="Size of a checkpoint: weights and optimizer.  [default: 1, or as measured]")
@click.option("--boot", default=180.0, show_default=True, help="Seconds from a new node to the first step on it.")
@click.option(
    "--checkpoints",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the job's checkpoints so far: what saving cost, evictions, size and region.",
)
@click.option("--rate", help="Evictions in percent an hour, such as 5-10, instead of Azure's figure.")
@click.option("--currency", default="USD", show_default=True)
@output_option
@reads_azure
def advise(
    session: Session, size: str | None, region: str | None, hours: float, gb: float | None, boot: float,
    checkpoints: Path | None, rate: str | None, currency: str, output: str,
) -> None:  # fmt: skip
    """Say how often to save, what evictions cost and what spot nodes save. Changes nothing.

    At today's retail prices and Azure's eviction rates: 36 jobs are lived through on nodes that go at that rate.

    \b
    finops checkpoint advise --size Standard_NC6s_v3 --region westeurope --hours 24 --gb 2
    finops checkpoint advise --checkpoints outputs/checkpoints --hours 100
    finops checkpoint advise --size Standard_NC6s_v3 --region westeurope --rate 20+ -o json
    """
    from finops.checkpoint.rehearsing.patterns import steady
    from finops.checkpoint.rehearsing.weighing import ways, weighed
    from finops.jobs.guarding.reading import prices_of

    if hours <= 0 or boot < 0 or (gb is not None and gb <= 0):
        raise UsageError(f"--hours {hours:g}, --boot {boot:g}, --gb {gb or 0:g}.", "Give more than 0.")
    told = _told(checkpoints) if checkpoints else []
    size = size or next((one.size for one in reversed(told) if one.size), None)
    region = region or next((one.region for one in reversed(told) if one.region), None)
    if not size or not region:
        raise UsageError("The size of the nodes and their region are not known.", "Give --size and --region.")
    with session.azure() as azure:
        between, why, said = _lasting(azure, size, region, rate, told)
        prices = prices_of(azure, session.now, currency)(size, region)
    costs, measured = _costs(told, gb, boot)
    job = Job(size, region, hours, costs, measured, between, why, said)
    patterns = [steady(between, DAYS, seed) for seed in range(SEEDS)]
    found = weighed(hours * 3600, costs, patterns, ways(between))
    rows = [_dedicated(job, prices, currency), *(_row(job, name, one, prices) for name, one in found.items())]
    if output == "table":
        click.echo("\n".join(_head(job)))
        show(rows, output)
        click.echo("\n".join(_foot(job, prices)))
    else:
        show([{**row, "interval": round(_interval(job)), "hoursBetween": round(between, 1)} for row in rows], output)


def _told(folder: Path) -> list[Told]:
    """What the job's attempts told, first to last. A folder of several jobs is refused: they cost differently."""
    from finops.checkpoint.told import read_folder

    found, wrong = read_folder(folder)
    for path, why in wrong.items():
        note(f"{path} is left out: {why}")
    if len(found) > 1:
        raise UsageError(f"{folder} has the checkpoints of {len(found)} jobs.", "Name the folder of one.")
    return sorted((one for each in found.values() for one in each), key=lambda one: one.attempt)


def _lasting(azure: Any, size: str, region: str, rate: str | None, told: list[Told]) -> tuple[float, str, str | None]:
    """Mean hours that a node lasts, whence, and the rate as Azure writes it."""
    from finops.checkpoint.cadence import PRIOR_HOURS
    from finops.checkpoint.prior import hours_between
    from finops.checkpoint.told import reruns
    from finops.spot import evictions

    if rate:
        hours, why = hours_between(rate), f"{rate} % an hour, as --rate says"
        if hours is None:
            raise UsageError(f"--rate is {rate!r}.", "Give percent an hour, such as 5-10, 20+ or 7.5.")
    else:
        known = evictions.rates(azure, {(size, region)})
        rate = known[0].said if known else None
        hours = known[0].hours if known else None
        why = f"{rate} % an hour, as Azure says" if hours else f"supposed, as Azure has no rate of {size} in {region}"
    between = hours or PRIOR_HOURS
    if told:
        seen, lived = len(reruns(told)), sum((one.last - one.began).total_seconds() for one in told) / 3600
        between = (between + lived) / (1 + seen)  # as Cadence learns
        why += f"; and {seen} evictions in {lived:.1f} h of this job"
    return between, why, rate


def _costs(told: list[Told], gb: float | None, boot: float) -> tuple[Costs, bool]:
    """What a save costs, and whether that was measured."""
    from finops.checkpoint.rehearsing.replay import Costs

    saves, nbytes = sum(one.saves for one in told), sum(one.bytes for one in told)
    size = gb or (nbytes / saves / 1e9 if saves else 1.0)
    if saves and gb is None:
        return Costs(sum(one.stalled_seconds for one in told) / saves, max(DURABLE * size, 0.1), boot), True
    return Costs(STALL * size, DURABLE * size, boot), False


def _interval(job: Job) -> float:
    from finops.checkpoint.cadence import Cadence

    cadence = Cadence(prior_hours=job.between)
    cadence.saved(job.costs.stall, job.costs.durable)
    return cadence.interval


def _dedicated(job: Job, prices: Prices, currency: str) -> dict[str, Any]:
    return {
        "nodes": f"dedicated ({currency})",
        "evictions": 0.0,
        "lostMinutes": 0.0,
        "overheadPercent": 0.0,
        "hours": round(job.hours + job.costs.boot / 3600, 1),
        "cost": _cost(job, 0.0, prices.dedicated),
        "savingPercent": 0.0,
    }


def _row(job: Job, name: str, one: Summary, prices: Prices) -> dict[str, Any]:
    from finops.prices import UnknownPrice

    jobs = 12 * SEEDS
    known = not isinstance(prices.spot, UnknownPrice) and not isinstance(prices.dedicated, UnknownPrice)
    share = prices.share
    never = f", {one.unfinished:.0%} never done" if one.unfinished else ""
    return {
        "nodes": f"spot, {name}{never}",
        "evictions": round(one.evictions / jobs, 1),
        "lostMinutes": round(one.lost_mean, 2),
        "overheadPercent": round(one.overhead * 100, 1),
        "hours": round((job.hours + job.costs.boot / 3600) * (1 + one.overhead), 1),
        "cost": _cost(job, one.overhead, prices.spot),
        "savingPercent": round(one.saving(1 - float(share) / 100) * 100, 1) if known and share is not None else None,
    }


def _cost(job: Job, overhead: float, price: Any) -> Decimal | None:
    """Of one node, until the work is done."""
    from finops.prices import UnknownPrice

    if isinstance(price, UnknownPrice):
        return None
    hours = Decimal(str((job.hours + job.costs.boot / 3600) * (1 + overhead)))
    amount: Decimal = (hours * price.amount).quantize(Decimal("0.01"))
    return amount


def _head(job: Job) -> list[str]:
    whence = "as measured" if job.measured else "supposed; measure it with a run, then give --checkpoints"
    return [
        f"{job.size} in {job.region}: a node lasts {job.between:.1f} h in the mean ({job.why}).",
        f"{job.hours:g} h of training, {job.costs.boot:g} s to start; a save stops it for "
        f"{job.costs.stall * 1000:.0f} ms and is safe after {job.costs.durable:.1f} s ({whence}).",
        f"Save every {_interval(job):.0f} s: finops.checkpoint does so by itself.",
        "",
    ]


def _foot(job: Job, prices: Prices) -> list[str]:
    lines = [""]
    if prices.unknown:
        lines.append(f"What it costs is not known: {prices.unknown}.")
    if job.rate:
        lines.append(f"For the job to know from its first minute: FINOPS_EVICTION_RATE={job.rate}")
    lines.append("One node; waits for the next one cost nothing and are not in the hours.")
    return lines
