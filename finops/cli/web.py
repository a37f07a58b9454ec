"""`finops web`: serve the approvals page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note
from finops.errors import ConfigError, TemporaryError

if TYPE_CHECKING:
    from finops.config.model import Settings, WebSettings

# Seconds that a simulator has to tell the time while pages wait for it.
ASKED = 5


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="Settings file.  [default: finops.yaml if it is there]")
@click.option("--demo", is_flag=True, help="Sign in as one of a list of invented people; on this machine only.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on, in place of web.port; 0: a free one.")
@click.option("--azure", "azure_url", metavar="URL", help="Take the time from this simulator; loopback only.")
def web(config: Path | None, demo: bool, port: int | None, azure_url: str | None) -> None:
    """Serve the approvals page, where people approve, deny and snooze what the janitor found. Until Ctrl-C.

    Reads and writes the state only. It has no identity in Azure, and changes nothing there; `finops janitor apply`
    does, after it has checked again.

    \b
    finops web --demo
    finops web --config /etc/finops.yaml
    """
    from finops.cli.session import from_vault
    from finops.config import load

    overrides: dict[str, Any] = {"azure.endpoint": azure_url} if azure_url else {}
    if demo:
        overrides |= {"web.auth": "demo", "web.host": "127.0.0.1"}
    if port is not None:
        overrides["web.port"] = port
    settings = load(config, overrides, from_vault)
    _refuse(settings.web)
    _serve(settings)


def _refuse(settings: WebSettings) -> None:
    """What could only be found out by people who cannot get in."""
    from finops.config.model import LOOPBACK

    if settings.auth == "none":
        raise ConfigError(
            "web.auth is none: nobody could sign in.",
            "Set it to easyauth or bearer, see docs/approvals.md; or look around with `finops web --demo`.",
        )
    if settings.host not in LOOPBACK and settings.public_url is None:
        raise ConfigError(
            f"web.host is {settings.host} and web.public_url is missing: no name would be answered to.",
            "Set web.public_url to the https:// address that people open.",
        )


def _serve(settings: Settings) -> None:
    import uvicorn

    from finops.approvals.links import base_url
    from finops.config.secrets import sealing
    from finops.daemon.listening import bound
    from finops.state import State
    from finops.web import app

    with State.open(settings.state.url, audit_key=sealing(settings.state.audit_key)) as state:
        site = app(state, settings, clock(settings.azure.endpoint))
        listener = bound(settings.web.host, settings.web.port, "Choose another with --port or web.port.")
        taken = settings.web.model_copy(update={"port": listener.getsockname()[1]})
        note(f"Approvals: {base_url(taken)}/   (Ctrl-C ends it)")
        server = uvicorn.Server(
            uvicorn.Config(
                site,
                log_level="warning",
                lifespan="off",
                ws="none",
                # Whose address it is, is what the connection says: a header may say anything.
                proxy_headers=False,
                server_header=False,
                access_log=False,
                limit_concurrency=200,
            )
        )
        try:
            server.run([listener])
        except KeyboardInterrupt:
            note("Ended.")


def clock(endpoint: str | None) -> Callable[[], datetime]:
    """The time to decide by: a simulator's own where there is one, as the janitor beside us goes by it too.

    Raises where nothing answers at `endpoint`. Where it does not tell the time, now or later, a note says so.
    """
    from finops.cli.session import told_time

    if not endpoint:
        return lambda: datetime.now(UTC)
    told_time(endpoint)
    silent = False

    def now() -> datetime:
        nonlocal silent
        try:
            told = told_time(endpoint, ASKED)
        except TemporaryError:
            told = None
        if told is None and not silent:
            note(f"{endpoint} does not tell the time: the clock of this machine counts until it does.")
        silent = told is None
        return told or datetime.now(UTC)

    return now
