"""How Event Grid is told to post to the webhook: the commands for `az`, and what is wrong with the settings for it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from finops.config.strict import LOOPBACK

from .governed import KINDS, OPERATIONS
from .listening import parted
from .senders import HEADER

if TYPE_CHECKING:
    from finops.config.model import Settings

NAME = "finops-guard"
# Undelivered for longer than this, an event tells nothing that polling has not seen.
MINUTES = 60
# Event Grid takes 25 values in all filters of a subscription: https://learn.microsoft.com/azure/event-grid/event-filtering
MOST_VALUES = 25


def command(settings: Settings, subscription: str) -> str:
    """The `az` command that subscribes the webhook to one subscription. Secrets stand in it as $FINOPS_EVENTS_KEY."""
    events = settings.daemon.events
    lines = [
        "az eventgrid event-subscription create",
        f"--name {NAME}",
        f"--source-resource-id {shlex.quote(f'/subscriptions/{subscription}')}",
        "--endpoint-type webhook",
        f"--endpoint {shlex.quote(events.url or 'https://YOUR-ADDRESS/')}",
        "--event-delivery-schema eventgridschema",
        f"--included-event-types {' '.join(KINDS)}",
        f"--advanced-filter data.operationName StringIn {' '.join(OPERATIONS)}",
        "--max-events-per-batch 100",
        "--preferred-batch-size-in-kilobytes 512",
        f"--event-ttl {MINUTES}",
    ]
    if events.audience:
        lines += [
            f"--azure-active-directory-tenant-id {shlex.quote(events.tenant_id or '')}",
            f"--azure-active-directory-application-id-or-uri {shlex.quote(events.audience[0])}",
        ]
    elif events.secret:
        lines.append(f'--delivery-attribute-mapping {HEADER} static "$FINOPS_EVENTS_KEY" true')
    return " \\\n    ".join(lines)


def remarks(settings: Settings) -> Iterator[str]:
    """What stands in the way of events, as sentences; none where all is well."""
    events = settings.daemon.events
    if not events.listen:
        yield "daemon.events.listen is empty: the daemon listens for no events, and the guard only polls."
    elif parted(events.listen)[0] in LOOPBACK:
        yield f"daemon.events.listen is {events.listen}: only a proxy on this machine can pass events on."
    if settings.daemon.schedule.get("guard") == "off":
        yield "daemon.schedule says guard: off: no event begins what is off."
    if not events.url:
        yield "daemon.events.url is empty: set the https:// address under which Event Grid reaches the webhook."
    elif not events.url.startswith("https://"):
        yield f"daemon.events.url is {events.url}: Event Grid posts to https:// only."
    if not events.audience and not events.secret:
        yield "Neither daemon.events.audience nor daemon.events.secret is set: nobody from outside may post."
    if events.secret_before:
        yield "daemon.events.secret_before is still taken: remove it once the event subscriptions send the new one."
    if not settings.azure.subscriptions:
        yield "azure.subscriptions is empty: events of any subscription wake the guard, if their sender is known."
