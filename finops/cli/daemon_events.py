"""`finops daemon events`: whether the webhook is set right, and the commands that subscribe it. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from finops.cli.output import note
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, FinopsError

if TYPE_CHECKING:
    from finops.config.model import Settings

PLACE = "<SUBSCRIPTION-ID>"
TIMEOUT = 10


@click.command()
@click.option("--ask", is_flag=True, help="Also ask daemon.events.url whether it answers, and refuses strangers.")
@reads_azure
@click.pass_context
def events(context: click.Context, session: Session, ask: bool) -> None:
    """Check the webhook's settings and print the az command for each of azure.subscriptions. Changes nothing.

    Exits 20 when something stands in the way of events. Secrets are not printed: the command takes one from
    $FINOPS_EVENTS_KEY.

    \b
    finops daemon events
    finops daemon events --ask
    """
    from finops.daemon.senders import Senders
    from finops.daemon.subscribing import command, remarks

    settings = session.settings
    said = list(remarks(settings))
    if settings.daemon.events.listen:
        Senders(settings)  # says what is wrong where anybody could post
    if ask:
        said += asked(settings)
    for subscription in settings.azure.subscriptions or [PLACE]:
        click.echo(command(settings, subscription) + "\n")
    for sentence in said:
        note(f"! {sentence}")
    if not said:
        note("The webhook is set right.")
    else:
        context.exit(PARTIAL)


def asked(settings: Settings) -> list[str]:
    """What is wrong with how the webhook answers at its address, as sentences."""
    import requests

    url = settings.daemon.events.url
    if not url:
        raise FinopsError("daemon.events.url is empty.", "Set it to the https:// address of the webhook.")
    try:
        stranger = requests.post(
            url, b"[]", headers={"Content-Type": "application/json"}, timeout=TIMEOUT, allow_redirects=False
        ).status_code
    except requests.RequestException as fault:
        return [f"Nothing answers at {url} ({type(fault).__name__}): Event Grid could not reach it either."]
    if stranger in {401, 403}:
        return []
    if stranger == 400:
        return [f"{url} takes events from anybody: a proxy in front of it passes off strangers as this machine."]
    return [f"{url} answers a stranger with {stranger} and not with 401: something else answers there."]
