"""The janitor's part of the demo: two sweeps a day apart, a week of grace, and the page on which people approve."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.jobs.sweeping import Swept
    from finops.report.model import Savings
    from finops.simulator import Served

FOLDER = "janitor"  # below the demo's own: what is remembered, and what deleted things are made from again
JANITOR = "Janitor"  # as the report calls the source of these savings
# The walk lets a week go by after the grace: with the usual 14, all that waits would have ended undecided by then.
REQUEST_DAYS = 30
GRACE_DAYS = 8  # after which whoever approves on the demo's page may act at once


def settings_of(folder: Path, port: int) -> dict[str, Any]:
    """The sections of the settings that the janitor goes by."""
    from finops.config.model import JanitorSettings, StateSettings, WebSettings

    own = folder / FOLDER
    return {
        "state": StateSettings(url=str(own / "state.db")),
        "janitor": JanitorSettings(
            mode="act",
            approvers={"/": ["platform@contoso.example"]},
            request_days=REQUEST_DAYS,
            tombstones=own / "tombstones",
            kill_switch=own / "STOP",
        ),
        "web": WebSettings(auth="demo", port=port),
    }


def forget(settings: Settings) -> None:
    """Forget what an earlier demo remembered in this folder: the estate begins anew, too."""
    own = settings.janitor.tombstones.parent
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)


def sweeps(azure: Azure, settings: Settings, simulator: Served, step: Callable[[str], None]) -> list[Swept]:
    """Two sweeps, then the simulator's clock moves on past most graces."""
    swept = twice(azure, settings, simulator, step)
    pass_grace(simulator)
    return swept


def twice(azure: Azure, settings: Settings, simulator: Served, step: Callable[[str], None]) -> list[Swept]:
    """Two sweeps, the second on the day after the first."""
    from finops.jobs.sweeping import sweep
    from finops.state import State

    clock = simulator.world.clock
    with State.open(settings.state.url) as state:
        step("Sweeping for waste")
        first = sweep(azure, settings, state, clock.now())
        clock.advance(hours=24)
        step("Sweeping again a day later, and asking owners and approvers")
        last = sweep(azure, settings, state, clock.now())
    return [first, last]


def pass_grace(simulator: Served) -> None:
    simulator.world.clock.advance(hours=24 * GRACE_DAYS)


def record(swept: list[Swept], settings: Settings, saved: Savings | None) -> dict[str, Any]:
    """What the last sweep found and what of it waits, for scripts; amounts a month in BillingCurrency.

    saved: what the report counts of it: what other decisions save too is in those.
    """
    from finops.state import State

    found = swept[-1].looked.found
    with State.open(settings.state.url) as state:
        _, waiting, _ = state.findings.all(status=("pending",), limit=0)
    mine = [one.identified.amount.amount for one in (saved.sources if saved else ()) if one.name == JANITOR]
    return {
        "findings": len(found.findings),
        "saving": sum((one.saving for one in found.findings if one.saving), Decimal(0)),
        "waiting": waiting,
        "waitingSaving": sum(mine, Decimal(0)),
        "kept": len(found.kept),
        "keptBecauseUnknown": sum(one.unknown for one in found.kept),
        "mails": sum(len(one.mails) for one in swept),
    }


def line(waste: dict[str, Any], currency: str) -> str:
    return (
        f"{waste['waiting']} findings worth {waste['waitingSaving']:,.0f} {currency} a month wait for approval; "
        f"{waste['kept']} kept, {waste['keptBecauseUnknown']} of them because something is not known"
    )


@contextmanager
def approvals(settings: Settings, simulator: Served, listener: socket.socket) -> Iterator[str]:
    """The address of the approvals page while the block runs. People are invented: anybody may sign in as any."""
    import uvicorn

    from finops.approvals.links import base_url
    from finops.state import State
    from finops.web import app

    with State.open(settings.state.url) as state:
        site = app(state, settings, simulator.world.clock.now)
        server = uvicorn.Server(uvicorn.Config(site, log_level="warning", lifespan="off", ws="none"))
        running = threading.Thread(target=server.run, args=([listener],), name="approvals", daemon=True)
        running.start()
        try:
            yield f"{base_url(settings.web)}/"
        finally:
            server.should_exit = True
            running.join(10)
