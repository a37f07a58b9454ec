"""Look at some resources again, afresh: by direct reads of ARM, since Resource Graph lags behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from finops.estate import lists, queries
from finops.estate.asking import Ask, Asker
from finops.estate.collecting import Collection, with_facts
from finops.estate.evidence import Series
from finops.estate.facts import everything, needed
from finops.estate.facts.assets import LISTED
from finops.estate.facts.dependents import LISTS, workspace_of
from finops.estate.facts.owner import unsigned
from finops.estate.ids import key, scopes, subscription_of, type_of
from finops.estate.metering import metrics
from finops.estate.model import Estate, Json, at
from finops.estate.pricing import Pricing, prices
from finops.estate.references import ids_in
from finops.estate.spending import Charges

if TYPE_CHECKING:
    from finops.cloud import Azure

# Pseudo resources that ARM does not know; what is above them it does.
NOT_IN_ARM = {"microsoft.containerregistry/registries/manifests"}
ENDPOINTS = (queries.ENDPOINT, queries.BATCH_ENDPOINT)
# What may be used by any deployment of the workspace.
SHARED = (queries.COMPUTE, queries.ENVIRONMENT_VERSION)


def look(
    azure: Azure,
    resource_ids: Iterable[str],
    now: datetime,
    charges: Charges | None = None,
    facts: Iterable[str] | None = None,
    first_seen: Mapping[str, datetime] | None = None,
    pricing: Pricing | None = None,
) -> Estate:
    """These resources as they are now, with what is below and above them and everything that their facts need.

    One that Azure says is gone is not in `resources`, and no gap names it. One that could not be read is in a gap.
    What else is in the estate (siblings, jobs, schedules) is there for the facts of these, not measured itself.

    facts: names of the facts that are wanted; None: every fact
    """
    ids = {key(one): one for one in resource_ids}
    wanted, series = needed(everything() if facts is None else facts)
    ask = Asker(azure)
    took = Collection(now)
    for one, found in ask.all([*_themselves(azure, ids), *_around(azure, ids, wanted, now)]):
        took.take(one, found)
    workspaces = {workspace_of(name) for name in ids if type_of(name) in SHARED}
    chosen = {name: body for name, body in took.bodies.items() if _is_of(name, ids)}
    asks = list(_more(azure, took.bodies, chosen, wanted, series, now))
    if pricing and queries.PRICES in wanted:
        asks += prices(azure, chosen.values(), pricing)
    if any(type_of(name) == queries.ENVIRONMENT_VERSION for name in ids) and queries.COMPONENTS in wanted:
        asks += lists.components(azure, took.bodies, ask.gaps)
    for one, found in ask.all(asks):
        took.take(one, found)
    took.settle(queries.DEPLOYMENTS, workspaces, ask.gaps)
    took.settle(queries.COMPONENTS, workspaces, ask.gaps)
    return with_facts(took.evidence(ask.gaps, pricing if queries.PRICES in wanted else None), charges, first_seen)


def as_arm_says(azure: Azure, estate: Estate, ids: Iterable[str]) -> Estate:
    """The estate with ARM's own bodies of `ids`, without those of them that ARM says are not there any more.

    Resource Graph spells and shortens some values in another way, and lags: what is compared with a later read of ARM
    has to come from there as well. One that could not be read keeps its body, and a gap says so.
    """
    resources = dict(estate.resources)
    spelled = {key(one): estate.resources[key(one)].id for one in ids if key(one) in estate.resources}
    ask = Asker(azure)
    wanted = {name: one for name, one in spelled.items() if type_of(name) not in NOT_IN_ARM}
    for one, body in ask.all(
        Ask(queries.RESOURCE, each, partial(azure.state_of, each, version_of(name))) for name, each in wanted.items()
    ):
        name = key(one.scope)
        if body is None:
            del resources[name]
        else:
            resources[name] = replace(resources[name], body=body)
    return replace(estate, resources=resources, gaps=(*estate.gaps, *ask.gaps))


def _themselves(azure: Azure, ids: Mapping[str, str]) -> Iterator[Ask]:
    """Each of them, and each scope above: workspace, endpoint, group, subscription."""
    above = {scope: scope for name in ids for scope in scopes(name)[1:]}
    for name, spelled in (above | dict(ids)).items():
        if type_of(name) not in NOT_IN_ARM:
            yield Ask(queries.RESOURCE, spelled, partial(azure.state_of, spelled, version_of(name)))


def version_of(resource_id: str) -> str:
    """The API version that reads a resource."""
    kind = type_of(resource_id)
    return queries.VERSIONS.get(kind, queries.ML_VERSION)


def _around(azure: Azure, ids: Mapping[str, str], wanted: frozenset[str], now: datetime) -> Iterator[Ask]:
    """Locks, deployments, jobs and schedules: what needs no more than the ids to be asked for."""
    yield from lists.locks(azure, lists.subscriptions_of(ids))
    for name, spelled in ids.items():
        if type_of(name) in ENDPOINTS:
            yield _deployments(azure, spelled)
    working = {workspace_of(name) for name in ids if type_of(name) in SHARED}
    yield from lists.jobs(azure, sorted(working), now, long=queries.JOBS_OF_90_DAYS in wanted)
    if queries.SCHEDULES not in wanted:
        return
    yield from lists.schedules(azure, sorted({workspace_of(name) for name in ids if type_of(name) in LISTS}))
    scaled = {name for name in ids if queries.AUTOSCALE in LISTS.get(type_of(name), ())}
    yield from lists.autoscale(azure, lists.subscriptions_of(scaled))
    for workspace in sorted(working):
        for kind in ("onlineEndpoints", "batchEndpoints"):
            call = partial(lists.listed, azure, f"{workspace}/{kind}", queries.ML_VERSION)
            yield Ask(queries.DEPLOYMENTS, workspace, call)


def _more(
    azure: Azure,
    bodies: Mapping[str, Json],
    chosen: Mapping[str, Json],
    wanted: frozenset[str],
    series: Iterable[Series],
    now: datetime,
) -> Iterator[Ask]:
    """What can be asked only once the bodies are known."""
    measured = {**chosen, **{name: bodies[name] for name in map(workspace_of, _computes(chosen)) if name in bodies}}
    types = {type_of(name) for name in chosen} | ({queries.WORKSPACE} if _computes(chosen) else set())
    yield from metrics(azure, measured, [one for one in series if one.resource_type in types], now)
    yield from lists.nodes(azure, chosen.values())
    if queries.USERS in wanted:
        yield from lists.accounts(azure, chosen.values())
    if queries.BATCH_JOBS in wanted:
        yield from lists.batch_jobs(azure, chosen.values(), now)
    for name, body in bodies.items():
        if type_of(name) in ENDPOINTS and name not in chosen and _shares(name, chosen):
            yield _deployments(azure, body["id"])
    targets = {
        target
        for name, body in chosen.items()
        if type_of(name) == queries.SCHEDULE
        for _, target in ids_in(at(body, "properties.action"))
        if type_of(target) in LISTED and target not in bodies
    }
    for target in sorted(targets):
        yield Ask(queries.RESOURCE, target, partial(azure.state_of, target, queries.ML_VERSION))
    nameless = {subscription_of(name) for name, body in chosen.items() if unsigned(name, body)}
    yield from lists.events(azure, nameless, now)


def _deployments(azure: Azure, endpoint_id: str) -> Ask:
    call = partial(lists.listed, azure, f"{endpoint_id}/deployments", queries.ML_VERSION)
    return Ask(queries.DEPLOYMENTS, endpoint_id, call)


def _is_of(name: str, ids: Mapping[str, str]) -> bool:
    """Whether a body is one of those looked at, or a deployment of one."""
    return name in ids or name.rpartition("/deployments/")[0] in ids


def _computes(chosen: Mapping[str, Json]) -> list[str]:
    return [name for name in chosen if type_of(name) == queries.COMPUTE]


def _shares(endpoint: str, chosen: Mapping[str, Json]) -> bool:
    """Whether the deployments of an endpoint may use something that is looked at."""
    workspace = workspace_of(endpoint)
    return any(type_of(name) in SHARED and workspace_of(name) == workspace for name in chosen)
