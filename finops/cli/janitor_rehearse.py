"""`finops janitor rehearse`: what a rule would have done to estates of the past, and what of that was used later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.janitor_rows import show_rows
from finops.cli.output import note, output_option, show
from finops.cli.session import Session
from finops.errors import PARTIAL

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.janitor.rehearsal import Fate, Rehearsal
    from finops.jobs.sweeping.rehearsing import Past


@click.command()
@click.option("--estate", "estates", metavar="DIR", multiple=True, required=True, type=click.Path(path_type=Path),
              help="A recorded estate; several of the same one, in any order. Or a simulated one.")  # fmt: skip
@click.option("--rule", metavar="NAME", required=True, help="The rule.")
@click.option("--days", type=click.IntRange(1, 366), default=56, show_default=True,
              help="How far the clock of a simulated estate is moved.")  # fmt: skip
@click.option("--every", type=click.IntRange(1, 90), default=7, show_default=True, metavar="DAYS",
              help="How often a simulated estate is looked at.")  # fmt: skip
@click.option("--config", type=click.Path(path_type=Path), help="Settings file.  [default: finops.yaml if it is there]")
@output_option
@click.pass_context
def rehearse(
    context: click.Context, estates: tuple[Path, ...], rule: str, days: int, every: int, config: Path | None,
    output: str,
) -> None:  # fmt: skip
    """Show what a rule would have deleted, what of that was used later, and what it would have saved. Changes nothing.

    The result is remembered: where more was used later than janitor.max_regret_percent, the rule stays out of mode act.
    Exits 20 when something could not be read.

    \b
    finops janitor rehearse --rule endpoint-without-requests --estate september --estate october --estate november
    finops janitor rehearse --rule cluster-unused --estate simulated --days 90
    """
    from finops.cli.remembering import opened
    from finops.janitor.rehearsal import refusal
    from finops.jobs.sweeping.allowing import remember
    from finops.jobs.sweeping.rehearsing import current
    from finops.jobs.sweeping.rehearsing import rehearse as job

    session = Session(config)
    settings = session.settings
    now = session.now  # before the long work: the clock of a local endpoint may not answer
    done = job(_past(estates, settings, days, every), _of_recordings(settings, estates), rule, note)
    with opened(session, create=True) as state:
        kept = remember(state, done, now)
    rows = [_row(one, output) for one in done.fates]
    title = f"What {rule} would have done"
    if output == "table":
        show_rows(rows, ["resource", "shows"], title)
    else:
        show(rows, output)
    _sum(done)
    why = refusal(current(settings, rule), kept, settings.janitor.max_regret_percent)
    if why:
        note(why)
    if not done.complete:
        note("Not everything could be read: what could not be looked at is not in this.")
        context.exit(PARTIAL)


def _of_recordings(settings: Settings, estates: tuple[Path, ...]) -> Settings:
    """A recording brings its own charges; those of the last one hold the earlier ones too."""
    from finops.estate import stamp

    last = max(estates, key=lambda folder: stamp(folder).as_of)
    own = settings.charges.model_copy(update={"sources": [str(last / "charges")]})
    return settings.model_copy(update={"charges": own})


def _past(estates: tuple[Path, ...], settings: Settings, days: int, every: int) -> Iterator[Past]:
    """Each estate in order of time; the only one, where it was simulated, again and again while its clock moves."""
    from finops.estate import stamp

    if len(estates) == 1 and (estates[0] / "simulation").is_dir():
        yield from _months(estates[0], settings, days, every)
        return
    for folder in sorted(estates, key=lambda one: stamp(one).as_of):
        session = Session(estate=folder, _settings=settings)
        yield session.azure(), session.now


def _months(folder: Path, settings: Settings, days: int, every: int) -> Iterator[Past]:
    from finops.cloud import connect
    from finops.simulator import serving

    with serving(folder, clock="frozen") as server:
        local = settings.azure.model_copy(update={"endpoint": server.url, "subscriptions": []})
        for day in range(0, days + 1, every):
            if day:
                server.world.clock.advance(days=every)
            yield connect(local, tell=note), server.world.clock.now()


def _row(fate: Fate, output: str) -> dict[str, Any]:
    row = {
        "resource": fate.resource_id.rstrip("/").rpartition("/")[2],
        "found": _day(fate.found),
        "would act": _day(fate.acted or fate.due),
        "then": fate.end,
        "later": _day(fate.later),
        "shows": fate.shows,
        "saved": fate.saved,
    }
    if output != "table":
        return {**row, "id": fate.resource_id}
    saved = None if fate.saved is None else round(fate.saved, 2)
    order = ["saved", "found", "would act", "then", "later", "resource", "shows"]
    return {name: {**row, "saved": saved}[name] for name in order}


def _day(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%d}" if moment else None


def _sum(done: Rehearsal) -> None:
    money = done.currency or "(no currency known)"
    verb = "deleted" if done.action in ("delete", "deleteImage") else "acted on"
    note(
        f"{done.looks} looks from {done.start:%d %B %Y} to {done.end:%d %B %Y}: {len(done.acted)} would have been "
        f"{verb}, {len(done.used)} of them were used later ({done.regret_percent:.1f} % regret). "
        f"Saved {done.saved:,.2f} {money}; {done.regretted:,.2f} {money} was paid for what was used."
    )
