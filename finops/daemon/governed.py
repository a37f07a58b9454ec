"""Which events wake the guard: what was written is of a type that it reads, in a subscription of ours, and new."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from finops.estate.ids import subscription_of
from finops.estate.queries import COMPUTES, RESOURCE_GROUP, TYPES

from .events import Event

# Event Grid gives up after 24 hours at most: https://learn.microsoft.com/azure/event-grid/delivery-and-retry
STALE = timedelta(hours=24)
WRITTEN = "Microsoft.Resources.ResourceWriteSuccess"
ACTED = "Microsoft.Resources.ResourceActionSuccess"
DELETED = "Microsoft.Resources.ResourceDeleteSuccess"
KINDS = (WRITTEN, ACTED, DELETED)

# What the guard's rules look at. Names of actions are compared in lower case: Azure spells them in several ways.
WRITES = tuple(f"{kind}/write" for kind in (*TYPES, COMPUTES, f"Microsoft.Resources/subscriptions/{RESOURCE_GROUP}"))
TAGS = ("Microsoft.Resources/tags/write", "Microsoft.Resources/tags/delete")
# Named one by one: listing the nodes of a cluster is an action, too, and the guard itself does it on every run.
ACTIONS = (f"{COMPUTES}/start/action", f"{COMPUTES}/restart/action", f"{COMPUTES}/resize/action")
OPERATIONS = (*WRITES, *TAGS, *ACTIONS)
_WATCHED = frozenset(name.lower() for name in OPERATIONS)
# Why an event wakes nobody.
REASONS = ("kind", "operation", "subscription", "tenant", "stale")


def left_out(event: Event, subscriptions: Collection[str], tenant: str | None, now: datetime) -> str:
    """Why an event wakes nobody, as one of REASONS; "" if it does.

    subscriptions: the GUIDs of ours, in lower case; none: whichever. tenant: of Entra; None: whichever
    """
    if event.kind not in KINDS:
        return "kind"
    if event.operation.lower() not in _WATCHED:
        return "operation"
    place = subscription_of(event.subject)
    if not place or (subscriptions and place not in subscriptions):
        return "subscription"
    if tenant and event.tenant and event.tenant.lower() != tenant.lower():
        return "tenant"
    return "stale" if now - event.at > STALE else ""
