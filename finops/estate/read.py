"""Read an estate from Azure with the fewest calls: what exists, what it does, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from finops.errors import AccessDenied, AzureError
from finops.estate import lists, queries
from finops.estate.asking import Ask, Asker
from finops.estate.collecting import Collection, with_facts
from finops.estate.evidence import Evidence, Series
from finops.estate.facts import needed
from finops.estate.facts.owner import unsigned
from finops.estate.ids import key, subscription_of, type_of
from finops.estate.metering import metrics
from finops.estate.model import Estate, Gap, Json, text
from finops.estate.pricing import Pricing, prices
from finops.estate.spending import Charges

if TYPE_CHECKING:
    from finops.cloud import Azure


def read(
    azure: Azure,
    now: datetime,
    charges: Charges | None = None,
    facts: Iterable[str] | None = None,
    first_seen: Mapping[str, datetime] | None = None,
    pricing: Pricing | None = None,
) -> Estate:
    """The estate that `azure` lets us see, with its facts; what it does not let us see is named in `gaps`.

    facts: which facts (and resource types) are wanted, by name, as in `gather`
    first_seen: when our own memory first saw each id (lower case), for `knownDays`
    pricing: the module finops.prices, for `pricePerHour`

    Raises SignInError when the login is missing or expires on the way, and the error itself when nothing at all
    could be read.
    """
    return with_facts(gather(azure, now, facts=facts, pricing=pricing), charges, first_seen)


def gather(
    azure: Azure,
    now: datetime,
    activity: bool = False,
    series: Iterable[Series] | None = None,
    facts: Iterable[str] | None = None,
    pricing: Pricing | None = None,
) -> Evidence:
    """Everything that the facts need; the activity log only where nothing else names a creator, or when asked for.

    series: the metrics to read, in place of those that the facts need
    facts: names of facts, and of resource types that are listed only when asked for (schedules, environments, their
        versions, ...). What these need is read; of every other fact that needs a list or a metric of its own, the
        reason says that it was not asked for. None: the facts that need no list of their own.
    """
    lists_needed, series_needed = needed(facts)
    subscriptions = {text(body, "subscriptionId").lower(): body for body in azure.subscriptions()}
    if not subscriptions:
        raise AccessDenied(
            "This login can read no subscription.", "Give it the Reader role on those that finops shall read."
        )
    ask = Asker(azure)
    took = Collection(now)
    bodies = took.bodies
    bodies |= {key(body["id"]): body for body in subscriptions.values()}
    bodies |= _what_exists(ask, sorted(subscriptions))
    unread = {key(missing.scope) for missing in ask.gaps if missing.what == queries.GRAPH}
    for what in (queries.GRAPH, queries.DEPLOYMENTS, queries.AUTOSCALE):
        took.whole(what, {f"/subscriptions/{one}" for one in subscriptions} - unread)

    workspaces = [name for name in bodies if type_of(name) == queries.WORKSPACE]
    wanted = series_needed if series is None else tuple(series)
    for one, found in ask.all(
        [
            *metrics(azure, bodies, wanted, now),
            *lists.locks(azure, subscriptions),
            *lists.computes(azure, workspaces),
            *lists.jobs(azure, workspaces, now, long=queries.JOBS_OF_90_DAYS in lists_needed),
            *(lists.schedules(azure, workspaces) if queries.SCHEDULES in lists_needed else ()),
            *(lists.environments(azure, workspaces) if queries.ENVIRONMENTS in lists_needed else ()),
            *(lists.batch_jobs(azure, bodies.values(), now) if queries.BATCH_JOBS in lists_needed else ()),
            *(lists.roles(azure, subscriptions) if queries.ROLES in lists_needed else ()),
        ]
    ):
        took.take(one, found)
    _further(ask, took, workspaces, lists_needed, pricing)
    for one, found in ask.all(lists.events(azure, subscriptions if activity else _unsigned(bodies), now)):
        took.take(one, found)
    return took.evidence(ask.gaps, pricing if queries.PRICES in lists_needed else None)


def _further(
    ask: Asker, took: Collection, workspaces: list[str], wanted: frozenset[str], pricing: Pricing | None
) -> None:
    """What can be asked only now that computes, environments and jobs are known."""
    azure = ask.azure
    bodies = took.bodies
    asks = list(lists.nodes(azure, bodies.values()))
    if queries.USERS in wanted:
        asks += lists.accounts(azure, bodies.values())
    if queries.PRICES in wanted and pricing:
        asks += prices(azure, bodies.values(), pricing)
    if queries.ENVIRONMENTS in wanted:
        asks += lists.versions(azure, bodies)
    if queries.COMPONENTS in wanted:
        asks += lists.components(azure, bodies, ask.gaps)
    for one, found in ask.all(asks):
        took.take(one, found)
    if queries.ENVIRONMENTS in wanted:
        took.settle(queries.ENVIRONMENTS, workspaces, ask.gaps)
    if queries.COMPONENTS in wanted:
        took.settle(queries.COMPONENTS, workspaces, ask.gaps)


def _what_exists(ask: Asker, wanted: list[str]) -> dict[str, Json]:
    """Resources and resource groups by id; subscriptions that gave none of them become gaps."""
    answers = [rows for _, rows in Asker(ask.azure).all(_graph(ask.azure, [wanted]))] if len(wanted) > 1 else []
    if len(answers) < len(_GRAPH):
        # One subscription that refuses must not hide the others: ask for each alone.
        answers = [rows for _, rows in ask.all(_graph(ask.azure, [[one] for one in wanted]))]
    if not answers:
        raise ask.faults[0]
    found = [_body(row) for rows in answers for row in rows]
    # Resource Graph leaves out, without a word, what the login may not see. A subscription is a row of its own
    # answer, so one of which there is no row at all was not looked at.
    seen = {subscription_of(body["id"]) for body in found} | {subscription_of(missing.scope) for missing in ask.gaps}
    for subscription in wanted:
        if subscription not in seen:
            reason = "Resource Graph shows nothing of it, not even its own row: the Reader role may be missing"
            ask.gaps.append(Gap(f"/subscriptions/{subscription}", queries.GRAPH, reason))
    return {key(body["id"]): body for body in found if type_of(body["id"]) != queries.SUBSCRIPTION}


def _graph(azure: Azure, parts: list[list[str]]) -> Iterator[Ask]:
    for part in parts:
        for query in _GRAPH:
            yield Ask(queries.GRAPH, f"/subscriptions/{part[0]}", partial(azure.graph, query, part))


_GRAPH = (queries.CONTAINERS, queries.RESOURCES)


def _body(row: Json) -> Json:
    """A row of Resource Graph as an ARM body: columns that a resource does not have come as null or ""."""
    if not isinstance(row.get("id"), str):
        raise AzureError("Resource Graph answered a row without an id.", "Run it again.", code="OddAnswer")
    return {name: value for name, value in row.items() if value is not None and value != ""}


def _unsigned(bodies: dict[str, Json]) -> set[str]:
    """Subscriptions with a Machine Learning resource of which the body does not say who or what made it."""
    return {subscription_of(name) for name, body in bodies.items() if unsigned(name, body)}
